/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sysenter: SYSENTER and SYSEXIT in long mode, for a guest whose CPUID names the
 * other vendor (Intel's SDM 2B). An AMD CPU has neither there (APM3), so that
 * programs for 32 bits on a guest that came from such a CPU, or was told that it
 * runs on one, end in #UD.
 *
 * Pure. The caller has found the instruction and the guest in long mode.
 */
#ifndef BACKPLANE_SYSENTER_H
#define BACKPLANE_SYSENTER_H

#include <linux/kvm.h>
#include "addr.h"

struct sysenter_cpu {
	u64 rcx, rdx;		/* in: SYSEXIT's new rsp and rip */
	u64 rip, rsp, rflags;	/* out */
	u64 cs, esp, eip;	/* in: the three MSRs */
	bool la57;
	struct kvm_segment code, stack;	/* out; in: stack.dpl is the CPL */
};

/* False: #GP(0), and @c is unchanged. */
bool sysenter_enter(struct sysenter_cpu *c);
/* @wide: with REX.W, to 64-bit code. */
bool sysenter_exit(struct sysenter_cpu *c, bool wide);

#endif
