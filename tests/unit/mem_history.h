/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mem_history: the memory under a gpm tree in the tests, with a history.
 *
 * It gives gpm its table pages, at host addresses that are not pointers, and
 * takes every store of an entry. Around each store it checks what a reader of
 * the tree relies on: nothing that is reachable from the root changed except
 * by the stores it was shown, one entry at a time; a page is retired only when
 * nothing reachable points to it. After each store it calls @on_store, which
 * may walk the tree as hardware would.
 *
 * Two walkers read the raw words, written from the manuals and sharing nothing
 * with gpm: mem_history_cpu (APM2 5.3, 15.25) and mem_history_iommu (48882
 * 2.2.3, strict: whatever the manual reserves is a fault).
 */
#ifndef BACKPLANE_TESTS_MEM_HISTORY_H
#define BACKPLANE_TESTS_MEM_HISTORY_H

#include "gpm/gpm.h"

#define MEM_HISTORY_PAGES	1024
#define MEM_HISTORY_BASE	0x7fff00000000ULL	/* host address of page 0 */

struct mem_history_page {
	u64 *words;		/* NULL: never given out */
	u64 *seen;		/* as readers last could see it, if reachable */
	bool reachable, retired;
};

struct mem_history {
	struct mem_history_page page[MEM_HISTORY_PAGES];
	unsigned int given, retired;
	unsigned int fail_at;	/* the N-th allocation fails, from 1; 0 none */
	unsigned int asked;
	unsigned int stores;
	u64 race;		/* bits hardware sets just before a swap */
	unsigned int races;	/* how often it still does */
	const u64 *root;	/* what the reader walks from, or NULL */
	void (*on_store)(void *arg);
	void *arg;
};

extern const struct gpm_ops mem_history_ops;

void mem_history_init(struct mem_history *h);
/* The reader lets go of the tree (or, with @root, gets it). */
void mem_history_attach(struct mem_history *h, const u64 *root);
/* Checks that every page given was retired, then frees all. */
void mem_history_fini(struct mem_history *h);

/* What a reader that walks now would get. */
struct mem_history_walk {
	bool ok;		/* some access is permitted */
	bool bad;		/* a reserved bit or level: never happens */
	hpa_t hpa;
	bool r, w, x;		/* x: CPU only */
	bool uncached, coherent;
	unsigned int level;
};

struct mem_history_walk mem_history_cpu(struct mem_history *h, hpa_t root,
					unsigned int depth, gpa_t gpa);
struct mem_history_walk mem_history_iommu(struct mem_history *h, hpa_t root,
					  unsigned int mode, gpa_t gpa);

#endif
