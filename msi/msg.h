/* SPDX-License-Identifier: GPL-2.0 */
/*
 * msg: one message-signalled interrupt, as address and data.
 *
 * A card interrupts by writing 32 bits of data to an address in the window
 * FEE0_0000h-FEEF_FFFFh (APM2 16.11). Pure: called with no locks, keeps no
 * state. The guest's message is data to us: it is checked to be an interrupt
 * and handed to the VM; it never reaches the host's interrupt hardware.
 */
#ifndef BACKPLANE_MSI_MSG_H
#define BACKPLANE_MSI_MSG_H

#include "env.h"

struct msg {
	u64 addr;
	u32 data;
};

/* The same message taken apart. */
struct msg_fields {
	u32 dest;		/* APIC id, or logical mask; bits 31:8 come from
				 * address 63:40 (the KVM x2APIC convention)
				 */
	u8 vector;
	u8 delivery;		/* MSG_FIXED .. */
	bool logical;		/* DM */
	bool redirect;		/* RH: lowest priority among @dest */
	bool level;		/* trigger mode */
	bool asserted;
};

#define MSG_FIXED	0
#define MSG_LOWEST	1
#define MSG_SMI		2
#define MSG_NMI		4
#define MSG_INIT	5
#define MSG_EXTINT	7

/* What a vector model says of an interrupt or a message. */
enum msg_verdict {
	MSG_DROPPED,		/* disabled or no such vector: not ours to keep */
	MSG_PENDED,		/* masked: the pending bit is set, nothing lost */
	MSG_DELIVER,		/* *msg holds what to send to the guest, now */
};

/* Is @m a write into the interrupt window? Anything else is ordinary DMA and
 * must never be delivered as an interrupt.
 */
bool msg_is_interrupt(const struct msg *m);

/* Take apart / put together. encode(decode(m)) == m for messages that
 * msg_is_interrupt() accepts and whose reserved bits are 0.
 */
struct msg_fields msg_decode(const struct msg *m);
struct msg msg_encode(const struct msg_fields *f);

/* Vector 0-15 with fixed or lowest-priority delivery is illegal (APM2 16.5). */
bool msg_has_legal_vector(const struct msg *m);

#endif
