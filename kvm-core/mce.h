/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mce: a machine check that user space reports to a vCPU (KVM_X86_SET_MCE), logged
 * into a bank as the CPU would (APM2 9.3). Pure.
 */
#ifndef BACKPLANE_MCE_H
#define BACKPLANE_MCE_H

#include "env.h"

/* MCi_STATUS (APM2 9.3.2.2) and MCG_STATUS. */
#define MCE_VALID	BIT_ULL(63)
#define MCE_OVERFLOW	BIT_ULL(62)
#define MCE_UNCORRECTED	BIT_ULL(61)
#define MCE_CORRUPT	BIT_ULL(57)	/* the context is */
#define MCE_SIGNALED	BIT_ULL(56)	/* and ACTION: of a recoverable one */
#define MCE_ACTION	BIT_ULL(55)
#define MCE_IN_PROGRESS	BIT_ULL(2)	/* MCG_STATUS */
#define MCE_CTL_PRESENT	BIT_ULL(8)	/* MCG_CAP */

struct mce_state {
	u64 cap, ctl;		/* MCG_CAP, MCG_CTL */
	u64 *status;		/* MCG_STATUS */
	u64 *bank;		/* CTL, STATUS, ADDR, MISC */
	bool enabled;		/* CR4.MCE */
};

struct mce_record {
	u64 status, addr, misc, mcg_status;
};

enum mce_verdict {
	MCE_LOGGED,		/* or masked: the guest goes on */
	MCE_RAISE,		/* logged, and #MC */
	MCE_SHUTDOWN,		/* it cannot be told */
};

/*
 * An uncorrected error raises #MC unless it is masked or asks for no action; with
 * one in progress, or CR4.MCE clear, the CPU shuts down and logs nothing. A
 * corrected one never takes the place of an uncorrected one.
 */
enum mce_verdict mce_log(struct mce_state *s, const struct mce_record *r);

#define MCE_BANKS	32	/* at most; MCG_CAP says how many there are */
#define MCE_BANK_MSRS	4	/* CTL, STATUS, ADDR, MISC */

/*
 * May @value be written to register @index of the banks (4 for each)? @all_status:
 * any status, for user space and where HWCR.McStatusWrEn is set; a guest else only
 * clears it (APM2 9.3.2.2).
 */
bool mce_write_valid(unsigned int index, u64 value, bool all_status);

#endif
