// SPDX-License-Identifier: GPL-2.0
/*
 * asid: who may use which TLB tag (APM2 15.16). Pure; svm_linux.c calls it
 * before each entry. Knows nothing of vCPUs but their struct asid_user.
 */
#include "svm/asid.h"

void asid_pool_init(struct asid_pool *pool, u32 count)
{
	pool->generation++;
	pool->max = count ? count - 1 : 0;
	/* None left: the first user begins a generation, with its flush. */
	pool->next = pool->max + 1;
}

bool asid_use(struct asid_pool *pool, struct asid_user *user, int cpu)
{
	bool flush = false;

	if (asid_holds(pool, user, cpu))
		return false;

	if (pool->next > pool->max) {
		pool->generation++;
		pool->next = 1;
		flush = true;
	}
	user->asid = pool->next++;
	user->generation = pool->generation;
	user->cpu = cpu;
	return flush;
}

void asid_drop(struct asid_user *user)
{
	user->generation = 0;
}
