// SPDX-License-Identifier: GPL-2.0
/*
 * permmap: set and clear bits of the I/O and MSR permission maps (APM2 15.10,
 * 15.11). Pure. svm_linux.c calls it when it builds a VM's maps.
 */
#include "svm/permmap.h"

/* Three ranges of 8192 MSRs, two bits each: read in the even, write in the
 * odd bit (APM2 table 15-8).
 */
static const u32 msr_range_start[] = { 0x00000000, 0xc0000000, 0xc0010000 };

#define MSRS_PER_RANGE	0x2000U

void permmap_deny_all(u8 *map, size_t bytes)
{
	memset(map, 0xff, bytes);
}

static void set_bit_to(u8 *map, unsigned int bit, bool on)
{
	if (on)
		map[bit / 8] |= (u8)(1U << (bit % 8));
	else
		map[bit / 8] &= (u8)~(1U << (bit % 8));
}

void permmap_allow_ports(u8 *iopm, u16 first, unsigned int count, bool allow)
{
	unsigned int port;

	for (port = first; port < first + count && port <= 0xffff; port++)
		set_bit_to(iopm, port, !allow);
}

/* The CPU tests one bit per byte of the access, past FFFFh too: the map has
 * three bits beyond the last port, which stay set.
 */
bool permmap_port_exits(const u8 *iopm, u16 port, unsigned int size)
{
	unsigned int i;

	for (i = port; i < port + size; i++)
		if (iopm[i / 8] & (1U << (i % 8)))
			return true;
	return false;
}

bool permmap_allow_msr(u8 *msrpm, u32 msr, bool read, bool write)
{
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(msr_range_start); i++) {
		if (msr - msr_range_start[i] >= MSRS_PER_RANGE)
			continue;
		bit = (i * MSRS_PER_RANGE + (msr - msr_range_start[i])) * 2;
		set_bit_to(msrpm, bit, !read);
		set_bit_to(msrpm, bit + 1, !write);
		return true;
	}
	return false;
}
