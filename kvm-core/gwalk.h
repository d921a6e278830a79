/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gwalk: the guest's own page tables, gva -> gpa (APM2 5.2-5.6).
 *
 * Pure: reads guest memory through a callback. Used by the emulator's memory
 * accesses, by KVM_TRANSLATE and by shadow paging (smmu.h).
 */
#ifndef BACKPLANE_GWALK_H
#define BACKPLANE_GWALK_H

#include "addr.h"

/* Page-fault error code bits (APM2 8.4.2). */
#define GWALK_P		BIT(0)
#define GWALK_W		BIT(1)
#define GWALK_U		BIT(2)
#define GWALK_RSVD	BIT(3)
#define GWALK_I		BIT(4)
#define GWALK_PK	BIT(5)

/* What decides how tables are walked (APM2 3.1.1, 3.1.3, 3.1.7). */
#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)
#define EFER_LMA_BIT	BIT_ULL(10)
#define EFER_NXE	BIT_ULL(11)

struct gwalk_mode {
	u64 cr0, cr3, cr4, efer, rflags;
	u32 pkru;
	u8 phys_bits;		/* guest MAXPHYADDR */
};

struct gwalk_mem {
	/* Read or compare-and-exchange @len (4 or 8) bytes of guest-physical
	 * memory; 0 or -EFAULT. cmpxchg may be NULL: A/D are then not set.
	 */
	int (*read)(void *ctx, gpa_t gpa, void *data, unsigned int len);
	int (*cmpxchg)(void *ctx, gpa_t gpa, u64 old, u64 new_value, unsigned int len);
	void *ctx;
	/* Each entry on the way as it is after the walk, by level; or NULL. */
	u64 *trace;
};

#define GWALK_LEVELS	5

struct gwalk_result {
	bool ok;
	gpa_t gpa;
	u32 error;		/* page-fault error code if !ok */
	u8 level;		/* of the leaf: 0 4K, 1 2M/4M, 2 1G */
	u64 pte;		/* the leaf entry as read */
};

/* @access: GWALK_W, GWALK_U, GWALK_I as the access would report them.
 * EFLAGS.AC and CR4.SMAP: a supervisor data access honours both;
 * @implicit = true (descriptor tables) ignores AC.
 */
struct gwalk_result gwalk_translate(const struct gwalk_mode *mode,
				    const struct gwalk_mem *mem, gva_t gva,
				    u32 access, bool implicit);

#endif
