/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmsi: the MSI capability that a guest sees (PCI 3.0 6.8.1).
 *
 * Pure. The guest's registers live in the config-space model (vcfg); after a
 * guest write the caller hands the new register values to vmsi_set() and acts
 * on the verdict. A host interrupt is put to vmsi_fire(). One rule for the
 * caller: every call on one struct vmsi is made under one lock, and a message
 * that fire or take returned is sent before that lock is let go; then no
 * interrupt arrives after the guest's mask write has completed.
 *
 * A vector that fires while masked sets its pending bit; when it is unmasked
 * vmsi_take() hands it out exactly once. Disabling forgets what is pending,
 * as the function then signals by INTx or not at all.
 */
#ifndef BACKPLANE_MSI_VMSI_H
#define BACKPLANE_MSI_VMSI_H

#include "msi/msg.h"

#define VMSI_MAX_VECTORS	32

/* Message Control, as in config space. */
#define VMSI_CTRL_ENABLE	0x0001U
#define VMSI_CTRL_CAPABLE	0x000eU	/* log2 of vectors offered */
#define VMSI_CTRL_ALLOCATED	0x0070U	/* log2 of vectors granted */
#define VMSI_CTRL_64BIT		0x0080U
#define VMSI_CTRL_MASKABLE	0x0100U

struct vmsi {
	struct msg msg;
	u32 mask;
	u32 pending;
	u8 max_log2;		/* offered to the guest */
	u8 log2;		/* granted by the guest, never above max_log2 */
	bool enabled;
	bool maskable;
};

/* The guest's registers. */
struct vmsi_regs {
	u16 control;
	u64 addr;
	u16 data;
	u32 mask;		/* ignored unless the capability is maskable */
};

/* Verdict bits of vmsi_set(). */
#define VMSI_NOTHING	0U
#define VMSI_START	1U	/* arm vmsi_count() host vectors */
#define VMSI_STOP	2U	/* take the host vectors away */
#define VMSI_KICK	4U	/* something may be deliverable: vmsi_take() */

/* @max_log2: vectors offered to the guest, at most 5 (32). */
void vmsi_init(struct vmsi *v, unsigned int max_log2, bool maskable);

/* STOP | START together: the number of vectors changed while enabled. */
u32 vmsi_set(struct vmsi *v, const struct vmsi_regs *r);

/* Vectors granted while enabled, else 0. */
unsigned int vmsi_count(const struct vmsi *v);

/* Host vector @index fired. */
enum msg_verdict vmsi_fire(struct vmsi *v, unsigned int index, struct msg *msg);

/* The next vector that is pending and unmasked: clears the bit, fills *msg.
 * False: none.
 */
bool vmsi_take(struct vmsi *v, struct msg *msg);

#endif
