// SPDX-License-Identifier: GPL-2.0
/*
 * msrfilter: the lookup in a filter that user space has set. Pure. Called by
 * msrfilter_linux.c before a guest's RDMSR or WRMSR takes effect; who set the
 * filter, and what happens to an access that it denies, is not known here.
 */
#include "kvm-core/msrfilter.h"

#define X2APIC_FIRST	0x800U
#define X2APIC_LAST	0x8ffU

static bool bit_set(const u8 *bitmap, u32 n)
{
	return bitmap[n / 8] >> (n % 8) & 1;
}

bool msrfilter_allows(const struct msrfilter *f, u32 msr, u32 op)
{
	const struct msrfilter_range *r;

	if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST)
		return true;
	for (r = f->ranges; r < f->ranges + MSRFILTER_RANGES; r++)
		if (msr >= r->base && msr - r->base < r->count && (r->ops & op))
			return bit_set(r->bitmap, env_index_nospec(msr - r->base, r->count));
	return f->default_allow;
}
