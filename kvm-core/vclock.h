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

/* What the guest computes, for tests and for the host's own reading. */
u64 vclock_to_ns(u64 ticks, u32 mul, s8 shift);

#endif
