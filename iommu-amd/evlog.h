/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a unit's event log (48882 2.5): the ring that hardware fills and we
 * empty, and its restart after an overflow. One reader at a time (the caller's
 * lock); the registers come from the engine.
 */
#ifndef BACKPLANE_EVLOG_H
#define BACKPLANE_EVLOG_H

#include "iommu-amd/engine.h"

struct evlog {
	u64 (*slot)[2];		/* ENGINE_RING_ENTRIES of them */
	u32 head;		/* byte offset */
	/* engine_control() under the lock that the engine's caller takes */
	void (*control)(void *ctx, u64 clear, u64 set);
	/* one event, in the order of the log */
	void (*event)(void *ctx, const u64 raw[2]);
	void *ctx;
};

/*
 * Hand out what is in the log, at most @budget events, and what arrives
 * meanwhile. Returns how many; -EINVAL if the unit's pointers make no sense:
 * evlog_restart() then.
 */
int evlog_drain(struct evlog *log, const struct engine *e, u32 budget);

/* Has the unit lost events, and stopped logging? */
bool evlog_overflowed(const struct engine *e);

/* 2.5.1: stop logging, wait until it stopped, empty the log, start again. */
void evlog_restart(struct evlog *log, const struct engine *e);

#endif
