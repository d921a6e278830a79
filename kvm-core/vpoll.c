// SPDX-License-Identifier: GPL-2.0
/*
 * How long to poll for the end of a halt: vpoll.h has the contract. Knows neither
 * clocks nor threads.
 */
#include "kvm-core/vpoll.h"

static u32 longer(const struct vpoll_params *p, u32 ns)
{
	u64 next = (u64)ns * p->grow;

	if (!p->grow)
		return ns;
	if (next < p->grow_start)
		next = p->grow_start;
	return next < p->max ? next : p->max;
}

static u32 shorter(const struct vpoll_params *p, u32 ns)
{
	u32 next = p->shrink ? ns / p->shrink : 0;

	return next < p->grow_start ? 0 : next;
}

u32 vpoll_next(const struct vpoll_params *p, u32 ns, u64 halted)
{
	if (ns > p->max)
		ns = p->max;
	if (halted <= ns)
		return ns;	/* it was seen to end */
	if (halted < p->max)
		return longer(p, ns);
	return shorter(p, ns);
}
