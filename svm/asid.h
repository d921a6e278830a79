/* SPDX-License-Identifier: GPL-2.0 */
/*
 * asid: address space identifiers of one host CPU (APM2 15.16).
 *
 * Identifiers are handed out in order; when they run out, a new generation
 * begins: everything cached is flushed once and all start anew. ASID 0 is the
 * host's.
 */
#ifndef BACKPLANE_ASID_H
#define BACKPLANE_ASID_H

#include "env.h"

/* Per host CPU. Only touched on that CPU with preemption off. */
struct asid_pool {
	u64 generation;		/* from 1 on, so a fresh user never matches */
	u32 next, max;		/* usable: 1..max */
};

/* Per vCPU. */
struct asid_user {
	u64 generation;
	int cpu;		/* that the generation belongs to */
	u32 asid;
};

/* @pool is zeroed before the first time. What the CPU may have cached for whoever
 * used it before (another hypervisor, this module before it was loaded again) is
 * flushed with the first use. A CPU that was off line does it again, and one that did not
 * do the flush that asid_use() asked for: no user from before has an ASID then.
 */
void asid_pool_init(struct asid_pool *pool, u32 count);
/* Make @user's ASID valid on @cpu. True: the CPU must flush all ASIDs before
 * it runs the guest (a new generation began).
 */
bool asid_use(struct asid_pool *pool, struct asid_user *user, int cpu);
/* Nothing to do: @user's ASID is good on @cpu. */
static inline bool asid_holds(const struct asid_pool *pool,
			      const struct asid_user *user, int cpu)
{
	return user->generation == pool->generation && user->cpu == cpu;
}
/* Next asid_use() gives a fresh ASID: the cheap way to flush one guest on a
 * CPU without flush-by-ASID.
 */
void asid_drop(struct asid_user *user);

#endif
