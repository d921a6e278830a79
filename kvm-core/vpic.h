/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vpic: the pair of 8259A interrupt controllers of a PC, with the chip set's
 * edge/level control registers (ELCR, ports 4D0h and 4D1h).
 *
 * Pure. Lines 0..7 enter the first chip, 8..15 the second, whose output is
 * line 2 of the first. The caller holds its lock around every call except
 * vpic_output; after a call it looks at vpic_output (the wire to LINT0) and
 * takes vpic_take_acked (lines whose interrupt ended, for whoever resamples).
 *
 * Known limit: 8080 mode (ICW4 bit 0 clear) and buffered mode are stored and
 * make no difference.
 */
#ifndef BACKPLANE_VPIC_H
#define BACKPLANE_VPIC_H

#include <linux/kvm.h>
#include "kvm-core/vchip.h"

#define VPIC_LINES	16

struct vpic {
	struct kvm_pic_state chip[2];
	u64 sources[VPIC_LINES];
	u32 acked;		/* lines ended since vpic_take_acked */
	bool output;
};

void vpic_reset(struct vpic *p);

/* Drive a line. < 0: masked; 0: coalesced with a request that still waited;
 * > 0: requested, or nothing to request (no rise).
 */
int vpic_set(struct vpic *p, unsigned int line, unsigned int source, bool level);

/* [any, racy] Is the output to the CPU high? */
static inline bool vpic_output(const struct vpic *p)
{
	return READ_ONCE(p->output);
}

/* The vector the next INTA would give, or -1 while the output is low. */
int vpic_peek(const struct vpic *p);
/* The INTA cycle: a vector, or -1 while the output is low. */
int vpic_intack(struct vpic *p);

/* One-byte access to ports 20h 21h A0h A1h 4D0h 4D1h. */
u8 vpic_read(struct vpic *p, u16 port);
/* The same where a read changes nothing, which needs no lock. False: it would. */
bool vpic_look(const struct vpic *p, u16 port, u8 *val);
void vpic_write(struct vpic *p, u16 port, u8 val);

static inline u32 vpic_take_acked(struct vpic *p)
{
	u32 acked = p->acked;

	p->acked = 0;
	return acked;
}

/* KVM_GET_IRQCHIP, KVM_SET_IRQCHIP; @n 0 first chip, 1 second. */
void vpic_get_state(const struct vpic *p, unsigned int n, struct kvm_pic_state *s);
void vpic_set_state(struct vpic *p, unsigned int n, const struct kvm_pic_state *s);

#endif
