/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmsr: the MSR policy (APM2 appendix A).
 *
 * Deny by default: an MSR that is in no class raises #GP in the guest.
 */
#ifndef BACKPLANE_VMSR_H
#define BACKPLANE_VMSR_H

#include "env.h"

enum vmsr_class {
	VMSR_UNKNOWN,		/* #GP */
	VMSR_OWN,		/* has a handler of its own */
	VMSR_SET,		/* reads a set value, writes are dropped: models'
				 * chicken bits, performance counters
				 */
	VMSR_FIXED,		/* the same, but a write is #GP */
	VMSR_SINK,		/* writes are dropped, a read is #GP */
	VMSR_MTRR,		/* stored, no effect under nested paging */
	VMSR_MCE,		/* machine-check banks: stored */
	VMSR_X2APIC,
	VMSR_PV,		/* paravirtual guests: pv_linux.c */
};

enum vmsr_class vmsr_classify(u32 msr);
/* What an MSR of VMSR_SET or VMSR_FIXED reads. */
u64 vmsr_set_value(u32 msr);
/* Is there such an MSR to read, or to write? */
bool vmsr_known(u32 msr, bool write);

/* The MSRs user space should save and restore, in order; false past the end. */
bool vmsr_listed(unsigned int i, u32 *msr);

/* MSRs that tell of the CPU, asked for without a vCPU (the same for all guests),
 * in order; false past the end.
 */
bool vmsr_feature(unsigned int i, u32 *msr);
/* The microcode revision guests see, unless user space sets another: one that
 * carries no known need for a workaround.
 */
#define VMSR_UCODE_REV	0x01000065

/* May MSR @msr hold *@value with addresses of @bits? Where WRMSR of a non-canonical
 * address is not #GP, *@value becomes canonical (APM3 WRMSR, SYSENTER).
 */
bool vmsr_address_valid(u32 msr, u64 *value, unsigned int bits);

/* Is @value what a PAT or an MTRR-type byte array may hold? (APM2 7.8.1) */
bool vmsr_pat_valid(u64 value);
/* Index into a 27-word store of MTRR def type, 11 fixed... -1: not an MTRR. */
int vmsr_mtrr_index(u32 msr);
#define VMSR_NR_MTRR	28	/* def type, 11 fixed, 8 pairs */
u64 vmsr_mtrr_cap(void);
bool vmsr_mtrr_valid(u32 msr, u64 value, unsigned int phys_bits);

#endif
