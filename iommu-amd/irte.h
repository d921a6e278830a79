/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt remapping entries (48882 2.2.5): where one message of one card
 * goes. Two forms: 32 bits, changed by one store, or 128 bits (control
 * register GAEn), changed by one 16-byte compare-and-exchange.
 */
#ifndef BACKPLANE_AMDVI_IRTE_H
#define BACKPLANE_AMDVI_IRTE_H

#include "env.h"
#include "iommu-amd/amdvi_fmt.h"

/*
 * A card's table has this many entries. The message's data word carries the
 * index; the emulated machine reads its bits 10:8 as a delivery mode first,
 * so 255 is the last index that works everywhere.
 */
#define IRTE_TABLE_ORDER	8
#define IRTE_TABLE_ENTRIES	(1U << IRTE_TABLE_ORDER)

/*
 * The table of a card that may raise nothing: entries that are all off, as
 * many as a message can name, so that no index lies beyond it.
 */
#define IRTE_OFF_ORDER		11
#define IRTE_OFF_BYTES		(16U << IRTE_OFF_ORDER)

struct irte_want {
	u8 vector;	/* 16..255 */
	u8 delivery;	/* 0 fixed, 1 lowest priority */
	bool logical;	/* destination mode */
	u32 dest;	/* APIC id or logical mask */
};

/* 0, or -EINVAL (vector, delivery, destination beyond 8 bits): then @out = 0. */
int irte32_build(const struct irte_want *want, u32 *out);
/* @wide: 32-bit destinations are enabled (XTEn). */
int irte128_build(const struct irte_want *want, bool wide, u64 out[2]);

/* The message that makes a card use entry @index. */
#define IRTE_MSG_ADDRESS	0xfee00000U
u32 irte_msg_data(unsigned int index);

#endif
