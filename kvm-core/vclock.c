// SPDX-License-Identifier: GPL-2.0
/*
 * vclock: scale factors of the paravirtual clock (the pvclock page that
 * MSR_KVM_SYSTEM_TIME_NEW points to). Pure; clock_linux.c fills the page.
 */
#include "kvm-core/vclock.h"

#define NSEC_PER_S	1000000000ULL
#define MAX_HZ		(1000 * NSEC_PER_S)

bool vclock_scale(u64 hz, u32 *mul, s8 *shift)
{
	u64 q = 0, r;
	int i;

	if (hz < 1000 || hz > MAX_HZ)
		return false;
	*shift = 0;
	while (hz > 2 * NSEC_PER_S) {
		hz >>= 1;
		(*shift)--;
	}
	while (hz <= NSEC_PER_S) {
		hz <<= 1;
		(*shift)++;
	}
	/* mul = 2^32 * 1e9 / hz, bit by bit: hz > 1e9, so it fits 32 bits. */
	r = NSEC_PER_S;
	for (i = 0; i < 32; i++) {
		r <<= 1;
		q <<= 1;
		if (r >= hz) {
			r -= hz;
			q |= 1;
		}
	}
	*mul = (u32)q;
	return true;
}

bool vclock_ratio(u32 guest_khz, u32 host_khz, u64 *ratio)
{
	if (!guest_khz || guest_khz > MAX_HZ / 1000 || !host_khz ||
	    guest_khz / host_khz >= 256)
		return false;
	*ratio = ((u64)guest_khz << 32) / host_khz;
	return *ratio;
}

/* As the CPU does: the product has all its bits before it is cut. */
u64 vclock_scale_ticks(u64 ticks, u64 ratio)
{
	u64 fraction = (u32)ratio;

	return ticks * (ratio >> 32) + (ticks >> 32) * fraction +
	       (((ticks & 0xffffffffU) * fraction) >> 32);
}

u64 vclock_to_ns(u64 ticks, u32 mul, s8 shift)
{
	u64 t = shift >= 0 ? ticks << shift : ticks >> -shift;

	return (t >> 32) * mul + (((t & 0xffffffffU) * mul) >> 32);
}
