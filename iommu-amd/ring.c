// SPDX-License-Identifier: GPL-2.0
/*
 * Ring arithmetic (48882 2.4, 2.5) for unit_linux.c and fault_linux.c. It
 * knows slots and offsets, neither registers nor what the entries mean.
 */
#include "iommu-amd/ring.h"

void ring_init(struct ring *r, u64 (*slot)[2], u32 size)
{
	r->slot = slot;
	r->size = size;
	ring_reset(r);
}

void ring_reset(struct ring *r)
{
	r->tail = 0;
	r->done = 0;
}

int ring_push(struct ring *r, const u64 cmd[2])
{
	if (!ring_room(r))
		return -ENOSPC;
	ring_put(r, cmd[0], cmd[1]);
	return 0;
}

void ring_complete_to(struct ring *r, u32 tail)
{
	r->done = tail;
}

int ring_pending(u32 size, u64 head, u64 tail)
{
	u64 bytes = (u64)size * RING_ENTRY_SIZE;

	if (head >= bytes || tail >= bytes ||
	    (head | tail) & (RING_ENTRY_SIZE - 1))
		return -EINVAL;
	return (int)(((tail - head) & (bytes - 1)) / RING_ENTRY_SIZE);
}

u32 ring_next_offset(u32 size, u32 offset)
{
	return (offset + RING_ENTRY_SIZE) & (size * RING_ENTRY_SIZE - 1);
}
