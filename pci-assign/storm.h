/* SPDX-License-Identifier: GPL-2.0 */
/*
 * storm: when is a card faulting so often that it must be cut off?
 *
 * Pure. A leaky bucket: each fault pours in one measure, the bucket leaks
 * @count measures per @window, and overflows above @count - 1 measures. So
 * @count faults trip it if they come faster than @count per @window, and
 * faults at that rate or below, evenly spread, never do (but for a @count of
 * 1, which trips at once). A tripped bucket stays so until storm_reset().
 * Time is the caller's, in nanoseconds; a clock that steps back counts as
 * standing still. The caller serialises.
 */
#ifndef BACKPLANE_PCI_ASSIGN_STORM_H
#define BACKPLANE_PCI_ASSIGN_STORM_H

#include "env.h"

#define STORM_MAX_COUNT		1000000U
#define STORM_MAX_WINDOW_MS	3600000U

struct storm {
	u64 measure_ns;		/* what one fault pours in */
	u64 limit_ns;		/* overflow */
	u64 level_ns;
	u64 last_ns;
	bool tripped;
};

enum storm_verdict {
	STORM_CALM,		/* report the fault */
	STORM_TRIPPED,		/* just now: cut the card off */
	STORM_RAGING,		/* was cut off before; count only */
};

/* -EINVAL: @count or @window_ms is 0 or above its maximum. */
int storm_init(struct storm *s, unsigned int count, unsigned int window_ms);
enum storm_verdict storm_fault(struct storm *s, u64 now_ns);
void storm_reset(struct storm *s);

#endif
