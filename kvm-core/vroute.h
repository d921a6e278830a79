/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vroute: where a VM's gsis lead: pins of the PIC and the IOAPIC, or an MSI.
 *
 * Pure. A table is built at once from what KVM_SET_GSI_ROUTING brought (or
 * from the PC's default), checked, and then only read; the caller publishes
 * it. A gsi leads to at most one pin of each chip, or to one message.
 */
#ifndef BACKPLANE_VROUTE_H
#define BACKPLANE_VROUTE_H

#include <linux/kvm.h>
#include "addr.h"

#define VROUTE_MAX	4096	/* routes, and gsis */

enum vroute_kind { VROUTE_PIC, VROUTE_IOAPIC, VROUTE_MSI };

struct vroute {
	u8 kind;		/* enum vroute_kind */
	u8 pin;			/* PIC 0..15, IOAPIC 0..23 */
	u32 data;
	u64 addr;
};

struct vroute_table {
	u64 eoi_vectors[4];	/* see vroute_build */
	u16 first[VROUTE_MAX + 1];	/* of gsi g: first[g] .. first[g + 1] - 1 */
	struct vroute route[];
};

size_t vroute_bytes(u32 nr);

/*
 * Fill @t (zeroed, room for @nr) or return -EINVAL: unknown type or flags, no
 * such gsi, chip or pin, two routes that exclude each other, or a chip's pin
 * although @chips is false. Vectors of level-triggered messages of gsis below
 * @split_pins go to eoi_vectors: the IOAPIC in user space waits for their EOI.
 */
int vroute_build(struct vroute_table *t, const struct kvm_irq_routing_entry *e,
		 u32 nr, bool chips, u32 split_pins);

/*
 * The upper half of a message's address: with ids of 32 bits (@ids32) it has the
 * destination's bits 31:8, and nothing below them.
 */
static inline bool vroute_address_valid(u32 address_hi, bool ids32)
{
	return !ids32 || !(address_hi & 0xff);
}

/* The PC: gsi 0..15 to PIC and IOAPIC, 16..23 to the IOAPIC. */
#define VROUTE_PC_ENTRIES	40
void vroute_pc_entries(struct kvm_irq_routing_entry *e);

/* Routes of @gsi: *n of them. */
static inline const struct vroute *vroute_find(const struct vroute_table *t,
					       u32 gsi, unsigned int *n)
{
	if (gsi >= VROUTE_MAX) {
		*n = 0;
		return NULL;
	}
	*n = t->first[gsi + 1] - t->first[gsi];
	return &t->route[t->first[gsi]];
}

/* Does @gsi lead to one of @pins (bit each) of @kind? */
bool vroute_hits(const struct vroute_table *t, u32 gsi, u8 kind, u32 pins);

#endif
