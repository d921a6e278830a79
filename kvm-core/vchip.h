/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vchip: what the interrupt controller models share.
 *
 * An interrupt message is what travels between them, whoever made it: an
 * IOAPIC pin, a card's MSI write, another vCPU's ICR. A line into the PIC or
 * the IOAPIC is the OR of its sources, one bit each.
 */
#ifndef BACKPLANE_VCHIP_H
#define BACKPLANE_VCHIP_H

#include "addr.h"

/* Delivery modes: ICR, LVT, redirection entry and MSI data alike (APM2 16.5). */
enum vchip_mode {
	VCHIP_FIXED, VCHIP_LOWEST, VCHIP_SMI, VCHIP_REMOTE_READ,
	VCHIP_NMI, VCHIP_INIT, VCHIP_STARTUP, VCHIP_EXTINT,
};

/* Destination shorthands of an ICR. */
enum vchip_shorthand {
	VCHIP_TO_DEST, VCHIP_TO_SELF, VCHIP_TO_ALL, VCHIP_TO_OTHERS,
};

struct vchip_msg {
	u32 dest;
	u8 vector;
	u8 mode;		/* enum vchip_mode */
	u8 shorthand;		/* enum vchip_shorthand */
	bool logical;
	bool level;		/* trigger mode: true = level */
	bool wide;		/* dest has 32 bits: an ICR of an x2APIC, or an
				 * MSI of a VM with 32-bit ids
				 */
};

/*
 * How a model sends a message on. < 0: nobody took it, 0: it merged with one
 * that was already pending, > 0: the number of vCPUs reached. May be called
 * under the caller's lock and from hard-irq context.
 */
struct vchip_out {
	int (*send)(void *ctx, const struct vchip_msg *msg);
	void *ctx;
};

#define VCHIP_SOURCES	64	/* bits of a line's source word */

/* Change one source of a line; true if the OR of all of them is high now. */
static inline bool vchip_line(u64 *sources, unsigned int source, bool level)
{
	if (level)
		*sources |= BIT_ULL(source);
	else
		*sources &= ~BIT_ULL(source);
	return *sources != 0;
}

#endif
