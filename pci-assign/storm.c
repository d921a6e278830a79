// SPDX-License-Identifier: GPL-2.0
/*
 * The fault-rate automaton behind quarantine. The fault handler of pci-assign
 * calls it once per decoded IOMMU event and acts on the verdict; it must not
 * know cards, IOMMUs or clocks. The bucket is kept in nanoseconds of leak, so
 * that the arithmetic is exact and needs no division per fault.
 */
#include "pci-assign/storm.h"

#define NS_PER_MS	1000000ULL

int storm_init(struct storm *s, unsigned int count, unsigned int window_ms)
{
	if (!count || count > STORM_MAX_COUNT ||
	    !window_ms || window_ms > STORM_MAX_WINDOW_MS)
		return -EINVAL;
	/* window >= 1 ms and count <= 10^6, so a measure is at least 1 ns. */
	s->measure_ns = window_ms * NS_PER_MS / count;
	s->limit_ns = s->measure_ns * (count - 1);
	storm_reset(s);
	return 0;
}

void storm_reset(struct storm *s)
{
	s->level_ns = 0;
	s->last_ns = 0;
	s->tripped = false;
}

enum storm_verdict storm_fault(struct storm *s, u64 now_ns)
{
	u64 leaked = now_ns > s->last_ns ? now_ns - s->last_ns : 0;

	if (s->tripped)
		return STORM_RAGING;
	if (now_ns > s->last_ns)
		s->last_ns = now_ns;
	s->level_ns = s->level_ns > leaked ? s->level_ns - leaked : 0;
	s->level_ns += s->measure_ns;
	if (s->level_ns <= s->limit_ns)
		return STORM_CALM;
	s->tripped = true;
	return STORM_TRIPPED;
}
