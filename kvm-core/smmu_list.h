/* SPDX-License-Identifier: GPL-2.0 */
/*
 * smmu lists: rings with a head. Shadow pages stand in one by age, or in a pool, and
 * in one of those that are out of step. Under smmu's lock.
 */
#ifndef BACKPLANE_SMMU_LIST_H
#define BACKPLANE_SMMU_LIST_H

#include "env.h"

struct smmu_list {
	struct smmu_list *next, *prev;
};

static inline void smmu_list_init(struct smmu_list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool smmu_list_empty(const struct smmu_list *l)
{
	return l->next == l;
}

static inline void smmu_list_append(struct smmu_list *l, struct smmu_list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

/* A node that is in no list stays so. */
static inline void smmu_list_remove(struct smmu_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	smmu_list_init(node);
}

#endif
