// SPDX-License-Identifier: GPL-2.0
/*
 * vclock: scale factors of the paravirtual clock (the pvclock page that
 * MSR_KVM_SYSTEM_TIME_NEW points to). Pure; clock_linux.c fills the page.
 */
#include "kvm-core/vclock.h"

#define NSEC_PER_S	1000000000ULL

bool vclock_scale(u64 hz, u32 *mul, s8 *shift)
{
	u64 q = 0, r;
	int i;

	if (hz < 1000 || hz > 1000 * NSEC_PER_S)
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

u64 vclock_to_ns(u64 ticks, u32 mul, s8 shift)
{
	u64 t = shift >= 0 ? ticks << shift : ticks >> -shift;

	return (t >> 32) * mul + (((t & 0xffffffffU) * mul) >> 32);
}
