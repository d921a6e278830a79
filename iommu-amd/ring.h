/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two rings a unit shares with software (48882 2.4, 2.5): commands, which
 * we fill and it drains, and events, the other way round. Entries are 16
 * bytes, one slot stays free so that full and empty differ.
 *
 * The command ring never looks at the hardware's head pointer: room comes
 * back when a completion-wait store has arrived. The emulated 7.2 machine
 * shows a head that is not wrapped after the last slot, so comparing head and
 * tail would wait for ever there.
 */
#ifndef BACKPLANE_AMDVI_RING_H
#define BACKPLANE_AMDVI_RING_H

#include "env.h"

#define RING_ENTRY_SIZE 16

struct ring {
	u64 (*slot)[2];
	u32 size;	/* entries, a power of two */
	u32 tail;	/* next slot that software fills */
	u32 done;	/* slots before this one are known to be consumed */
};

void ring_init(struct ring *r, u64 (*slot)[2], u32 size);
/* Forget everything: the hardware's pointers were set to 0. */
void ring_reset(struct ring *r);

static inline u32 ring_room(const struct ring *r)
{
	return (r->done - r->tail - 1) & (r->size - 1);
}

/* The caller has seen room; it then writes ring_tail_offset() to the hardware. */
static inline void ring_put(struct ring *r, u64 q0, u64 q1)
{
	u64 *slot = r->slot[r->tail];

	WRITE_ONCE(slot[0], q0);
	WRITE_ONCE(slot[1], q1);
	r->tail = (r->tail + 1) & (r->size - 1);
}

/* 0 or -ENOSPC. */
int ring_push(struct ring *r, const u64 cmd[2]);

static inline u32 ring_tail_offset(const struct ring *r)
{
	return r->tail * RING_ENTRY_SIZE;
}

/* Everything before slot @tail, a tail this ring once had, has been executed. */
void ring_complete_to(struct ring *r, u32 tail);

/*
 * Has a completion-wait store of @want arrived in a word that reads @seen?
 * Sequence numbers wrap.
 */
static inline bool ring_seq_reached(u64 seen, u64 want)
{
	return (s64)(seen - want) >= 0;
}

/*
 * Entries between two byte offsets as the hardware reports them, in a ring of
 * @size entries. An offset that lies outside the ring or between entries is
 * -EINVAL: the hardware, or a bad emulation, must not send us astray.
 */
int ring_pending(u32 size, u64 head, u64 tail);
/* The byte offset after @offset. */
u32 ring_next_offset(u32 size, u32 offset);

#endif
