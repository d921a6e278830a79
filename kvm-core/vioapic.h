/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vioapic: the IOAPIC a guest sees: Intel's 82093AA, version 11h, 24 pins.
 *
 * Pure. Lines come in with a source each and are OR-ed; messages go out
 * through struct vchip_out. The caller holds its lock around every call but
 * vioapic_has_vector.
 *
 * A level pin is sent while its line is high and its remote IRR clear. Remote
 * IRR is set only when somebody took the message; what nobody took is tried
 * again by vioapic_retry. An edge that comes while the pin is masked, or that is
 * sent to nobody, is dropped, as by the chip (82093AA 3.2.4).
 *
 * A level that each EOI finds high, VIOAPIC_STORM times in a row, waits for
 * vioapic_resume. The chip is slow enough to let a CPU do some instructions between two
 * such interrupts, and drivers live on it: 8139cp can leave its card's interrupt on,
 * with no way to end it but the code that the interrupts keep from running.
 *
 * Polarity is stored and ignored: lines are active high. ExtINT entries send
 * nothing; the PIC reaches the CPU through LINT0.
 */
#ifndef BACKPLANE_VIOAPIC_H
#define BACKPLANE_VIOAPIC_H

#include <linux/kvm.h>
#include "kvm-core/vchip.h"

#define VIOAPIC_PINS		KVM_IOAPIC_NUM_PINS
#define VIOAPIC_DEFAULT_BASE	0xfec00000ULL
#define VIOAPIC_SIZE		0x100
#define VIOAPIC_STORM		1000
#define VIOAPIC_PAUSE_NS	1000000

/* Redirection entry, 82093AA 3.2.4. */
#define VIOAPIC_VECTOR		GENMASK_ULL(7, 0)
#define VIOAPIC_MODE		GENMASK_ULL(10, 8)
#define VIOAPIC_LOGICAL		BIT_ULL(11)
#define VIOAPIC_STATUS		BIT_ULL(12)
#define VIOAPIC_POLARITY	BIT_ULL(13)
#define VIOAPIC_REMOTE_IRR	BIT_ULL(14)
#define VIOAPIC_LEVEL		BIT_ULL(15)
#define VIOAPIC_MASKED		BIT_ULL(16)
#define VIOAPIC_DEST		GENMASK_ULL(63, 56)

struct vioapic {
	u64 redir[VIOAPIC_PINS];
	u64 sources[VIOAPIC_PINS];
	u64 vectors[4];		/* in any entry: see vioapic_has_vector */
	u64 base;
	u32 line;		/* bit per pin: level of the OR-ed line */
	u32 paused;		/* bit per pin: sends nothing until vioapic_resume */
	u16 storm[VIOAPIC_PINS];	/* EOIs in a row that found the line high */
	u32 id;
	u8 select;
};

void vioapic_reset(struct vioapic *io);

/* Drive a pin. < 0: masked or nobody took it, 0: coalesced, > 0: reached. */
int vioapic_set(struct vioapic *io, const struct vchip_out *out,
		unsigned int pin, unsigned int source, bool level);

/* Registers at @offset 0 (select) and 10h (window); others read 0. */
u32 vioapic_read(const struct vioapic *io, u32 offset);
void vioapic_write(struct vioapic *io, const struct vchip_out *out,
		   u32 offset, u32 val);

/* [any, racy] Does any entry carry @vector? If not, its EOI is none of ours. */
static inline bool vioapic_has_vector(const struct vioapic *io, u8 vector)
{
	return READ_ONCE(io->vectors[vector / 64]) >> (vector % 64) & 1;
}

/*
 * An EOI for @vector was broadcast, in three steps: pins concerned (bit each);
 * the caller tells who listens (they may lower lines); then vioapic_eoi clears
 * remote IRR and sends again what is still high. True: a pin waits for
 * vioapic_resume, to be called in VIOAPIC_PAUSE_NS.
 */
u32 vioapic_eoi_pins(const struct vioapic *io, u8 vector);
bool vioapic_eoi(struct vioapic *io, const struct vchip_out *out, u8 vector);
void vioapic_resume(struct vioapic *io, const struct vchip_out *out);

/* Send what is high and was taken by nobody: some local APIC changed. */
void vioapic_retry(struct vioapic *io, const struct vchip_out *out);

/*
 * KVM_GET_IRQCHIP, KVM_SET_IRQCHIP. irr is the lines of level pins; of others, as it
 * is set, edges to be sent. A restored line stays high until a source drives it.
 */
void vioapic_get_state(const struct vioapic *io, struct kvm_ioapic_state *s);
void vioapic_set_state(struct vioapic *io, const struct vchip_out *out,
		       const struct kvm_ioapic_state *s);

#endif
