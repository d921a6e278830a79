/* SPDX-License-Identifier: GPL-2.0 */
/*
 * msrfilter: which MSRs user space lets a guest reach
 * (KVM_X86_SET_MSR_FILTER). Pure: a table that does not change once made.
 */
#ifndef BACKPLANE_MSRFILTER_H
#define BACKPLANE_MSRFILTER_H

#include "env.h"

#define MSRFILTER_RANGES	16
#define MSRFILTER_READ		BIT(0)
#define MSRFILTER_WRITE		BIT(1)

struct msrfilter_range {
	u32 base, count;		/* count 0: not a range */
	u32 ops;			/* MSRFILTER_*; other ops pass it by */
	const u8 *bitmap;		/* a set bit allows; count bits long */
};

struct msrfilter {
	bool default_allow;
	struct msrfilter_range ranges[MSRFILTER_RANGES];
};

/* The first range that knows @msr and @op (one of MSRFILTER_*) decides, else
 * the default. The x2APIC's registers cannot be filtered.
 */
bool msrfilter_allows(const struct msrfilter *f, u32 msr, u32 op);

#endif
