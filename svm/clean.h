/* SPDX-License-Identifier: GPL-2.0 */
/*
 * clean: which clean bit speaks for a VMCB field (APM2 15.15.3), and how to
 * change a field so that its bit says so.
 *
 * The CPU may keep what it read from a VMCB, and use it at the next VMRUN for
 * each group whose bit is set. After an exit all groups are clean: what the CPU
 * keeps is what it has just stored. From then on every change goes through
 * vmcb_put(), or clears the bit beside it. Where the CPU was, or the page, is
 * svm_linux.c's to know: vmcb_forget() when either is another.
 */
#ifndef BACKPLANE_CLEAN_H
#define BACKPLANE_CLEAN_H

#include "svm/vmcb.h"

#define CLEAN_ALL	GENMASK(10, 0)

/* Does a field at @at lie between two fields, these included? */
#define VMCB_BETWEEN(at, first, last)					\
	((at) - offsetof(struct vmcb, first) <				\
	 offsetof(struct vmcb, last) + sizeof(((struct vmcb *)0)->last) -	\
	 offsetof(struct vmcb, first))

/* 0: always read from memory. Folds to a constant for a constant offset. */
static inline u32 clean_group(size_t at)
{
	if (VMCB_BETWEEN(at, c.intercept, c.intercept) ||
	    VMCB_BETWEEN(at, c.pause_threshold, c.pause_count) ||
	    VMCB_BETWEEN(at, c.tsc_offset, c.tsc_offset))
		return CLEAN_INTERCEPTS;
	if (VMCB_BETWEEN(at, c.iopm_base, c.msrpm_base))
		return CLEAN_PERMMAP;
	if (VMCB_BETWEEN(at, c.asid, c.asid))
		return CLEAN_ASID;
	if (VMCB_BETWEEN(at, c.int_ctl, c.int_ctl))
		return CLEAN_INTR;
	if (VMCB_BETWEEN(at, c.np_enable, c.np_enable) ||
	    VMCB_BETWEEN(at, c.n_cr3, c.n_cr3) ||
	    VMCB_BETWEEN(at, s.g_pat, s.g_pat))
		return CLEAN_NPT;
	if (VMCB_BETWEEN(at, s.efer, s.efer) || VMCB_BETWEEN(at, s.cr4, s.cr0))
		return CLEAN_CR;
	if (VMCB_BETWEEN(at, s.dr7, s.dr6))
		return CLEAN_DR;
	if (VMCB_BETWEEN(at, s.gdtr, s.gdtr) || VMCB_BETWEEN(at, s.idtr, s.idtr))
		return CLEAN_DT;
	if (VMCB_BETWEEN(at, s.es, s.ds) || VMCB_BETWEEN(at, s.cpl, s.cpl))
		return CLEAN_SEG;
	if (VMCB_BETWEEN(at, s.cr2, s.cr2))
		return CLEAN_CR2;
	if (VMCB_BETWEEN(at, s.dbgctl, s.excp_to))
		return CLEAN_LBR;
	return 0;
}

/* Store @value; if it is another than before, the CPU must read it. */
#define vmcb_put(to, field, value) do {					\
	__typeof__((to)->field) __value = (value);			\
	if ((to)->field != __value) {					\
		(to)->field = __value;					\
		(to)->c.clean &=					\
			~(u64)clean_group(offsetof(struct vmcb, field));\
	}								\
} while (0)

/* After an exit: the CPU knows all that it stored. */
static inline void vmcb_known(struct vmcb *vmcb)
{
	vmcb->c.clean = CLEAN_ALL;
}

/* Another CPU, another VMCB in this page, or no clean bits: read everything. */
static inline void vmcb_forget(struct vmcb *vmcb)
{
	vmcb->c.clean = 0;
}

#endif
