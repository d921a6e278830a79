/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vclock: the arithmetic of the paravirtual clock page.
 */
#ifndef BACKPLANE_VCLOCK_H
#define BACKPLANE_VCLOCK_H

#include "env.h"

/*
 * A guest turns TSC ticks into nanoseconds by
 *   ((ticks << shift) * mul) >> 32   (shift < 0: >> -shift).
 * Find mul and shift for a TSC of @hz (1 kHz to 1 THz). False: out of range.
 */
bool vclock_scale(u64 hz, u32 *mul, s8 *shift);

/*
 * TSC ratio, 8.32 bits (APM2 15.30.5): a guest's ticks are the host's times it. False:
 * none has that rate (@guest_khz 0, over 1 THz, or 256 times the host's or more).
 */
#define VCLOCK_RATIO_ONE	(1ULL << 32)
bool vclock_ratio(u32 guest_khz, u32 host_khz, u64 *ratio);
u64 vclock_scale_ticks(u64 ticks, u64 ratio);

/* What the guest computes, for tests and for the host's own reading. */
u64 vclock_to_ns(u64 ticks, u32 mul, s8 shift);

#endif
