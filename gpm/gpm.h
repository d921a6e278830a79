/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gpm: the guest-physical map, one table with two readers.
 *
 * One radix tree maps guest-physical to host-physical addresses. The CPU
 * reads it as the nested page table (APM2 15.25), the IOMMU reads the same
 * bytes as its v1 host table (48882 2.2.3). gpm_fmt.h says which bit belongs
 * to whom. gpm is the only software writer of entries.
 *
 * gpm is pure: it takes its memory from struct gpm_ops and never flushes a
 * TLB. Functions that take permission away say so in their result, and the
 * caller must flush both readers before it reuses or unpins a page. Table
 * pages that fell out of the tree are handed back through gpm_ops.retire,
 * which must not reuse the page before the next completed flush.
 *
 * Locks: the caller serialises writers (all that take a
 * struct gpm that is not const, but for gpm_try_*). gpm_lookup may run beside a writer if table pages are freed
 * only after all lookups have ended (RCU or the same lock).
 *
 * Levels: 0 = 4 KiB, 1 = 2 MiB, 2 = 1 GiB leaves. A tree of depth 4 covers
 * 48 bits. The IOMMU's "next level" of a pointer to a table of level L
 * leaves is L + 1.
 */
#ifndef BACKPLANE_GPM_H
#define BACKPLANE_GPM_H

#include "addr.h"

/* What a mapping permits. CPU and DMA permission are separate. */
#define GPM_CPU_R	BIT(0)	/* U/S = 1 and present */
#define GPM_CPU_W	BIT(1)
#define GPM_CPU_X	BIT(2)	/* NX = 0 */
#define GPM_DMA_R	BIT(3)	/* IR */
#define GPM_DMA_W	BIT(4)	/* IW */
#define GPM_UNCACHED	BIT(5)	/* PCD | PWT: passed-through BARs */
#define GPM_FORCE_COH	BIT(6)	/* FC: neutralise no-snoop DMA */
#define GPM_CPU_RWX	(GPM_CPU_R | GPM_CPU_W | GPM_CPU_X)
#define GPM_DMA_RW	(GPM_DMA_R | GPM_DMA_W)

#define GPM_MAX_LEVEL	2	/* biggest leaf: 1 GiB */

/* The interrupt window is never mapped for DMA (48882 2.1.4). */
#define GPM_MSI_START	0xfee00000ULL
#define GPM_MSI_END	0xfef00000ULL

struct gpm_ops {
	/* A zeroed, 4 KiB aligned table page, or NULL. Never sleeps if the
	 * caller holds a spinlock; the caller arranges that.
	 */
	u64 *(*alloc_table)(void *ctx);
	/* A page that no entry points to any more. A reader may still hold it
	 * in a TLB or page-walk cache: free only after a flush of both.
	 */
	void (*retire_table)(void *ctx, u64 *table);
	hpa_t (*table_hpa)(void *ctx, const u64 *table);
	u64 *(*table_at)(void *ctx, hpa_t hpa);
	/* The single 64-bit store that changes an entry; NULL means
	 * WRITE_ONCE. Tests put the memory with a history here.
	 */
	void (*store)(void *ctx, u64 *entry, u64 value);
	/* The same where hardware's accessed and dirty bits must survive: store
	 * @value if the entry still is @old, return what it was. NULL means
	 * cmpxchg.
	 */
	u64 (*swap)(void *ctx, u64 *entry, u64 old, u64 value);
};

struct gpm {
	const struct gpm_ops *ops;
	void *ctx;
	u64 *root;
	unsigned int depth;	/* 3..6 tables deep; 4 for NPT */
	u64 linear;		/* set by the owner after gpm_init, or 0: a table
				 * at host address a is at pointer a + linear,
				 * and table_at need not be called
				 */
	gpa_t limit;		/* the first address it cannot map */
	u64 tables;		/* table pages in the tree, root included */
};

/* What a lookup found. */
struct gpm_leaf {
	hpa_t hpa;		/* host address of the byte asked for */
	u32 perm;		/* GPM_* */
	u8 level;		/* of the leaf; absent: of what is absent, no table below */
	bool present;
	bool accessed, dirty;
};

/* Result of a change: what the caller must do next. Bits. A negative result
 * of gpm_unmap and gpm_protect asks for both flushes of the whole range.
 */
#define GPM_DONE		0
#define GPM_FLUSH		BIT(0)	/* a translation that a reader may hold
					 * changed (a leaf that only gained CPU
					 * permission needs none: the CPU walks
					 * again before it faults)
					 */
#define GPM_FLUSH_WALK		BIT(1)	/* a table page died: flush walk caches
					 * too (IOMMU: PDE = 1). Never alone.
					 */

/* 0, -EINVAL (depth), -ENOMEM. */
int gpm_init(struct gpm *g, const struct gpm_ops *ops, void *ctx,
	     unsigned int depth);
/* Returns every table page through retire_table. No reader may be attached. */
void gpm_destroy(struct gpm *g);
hpa_t gpm_root_hpa(const struct gpm *g);

struct gpm_leaf gpm_lookup(const struct gpm *g, gpa_t gpa);

/*
 * Map one leaf of @level at @gpa to @hpa with @perm. Replaces what is there:
 * a smaller or equal leaf by one store, a subtree by one store after which
 * the subtree is retired; a bigger leaf is split first, every neighbour
 * keeping its translation. >= 0: GPM_* bits. -EINVAL: unaligned, beyond the
 * depth or 52 bits, level too big, no CPU or DMA permission, CPU write or
 * execute without read, DMA permission in the interrupt window.
 * -ENOMEM: nothing changed that a reader can see, no flush is needed.
 */
int gpm_map(struct gpm *g, gpa_t gpa, hpa_t hpa, unsigned int level, u32 perm);

/*
 * The same for @count leaves of @level side by side, to host memory side by
 * side. 0, or the errors of gpm_map. Always: *done leaves are mapped (on -ENOMEM
 * go on from there), and *bits says what the caller must flush for them.
 */
int gpm_map_run(struct gpm *g, gpa_t gpa, hpa_t hpa, unsigned int level,
		u32 perm, u64 count, u64 *done, int *bits);

/*
 * Remove every translation in [start, end) (4 KiB aligned). Big leaves that
 * straddle an edge are split. >= 0: GPM_* bits. -ENOMEM (only from a split):
 * the part before the failure is unmapped, call again. -EINVAL: unaligned or
 * beyond the depth. A table that only lost its leaves stays linked; one that
 * lies in the range as a whole is retired.
 */
int gpm_unmap(struct gpm *g, gpa_t start, gpa_t end);

/*
 * The same for one leaf, where all that must change is its own entry (gpm_try.c):
 * map one where nothing is, unmap [start, start + size) that is one leaf. False:
 * nothing was done, gpm_map_run or gpm_unmap does it or says why not. An unmapped
 * leaf must be flushed (GPM_FLUSH), a mapped one need not.
 *
 * These take no lock of the caller's. They may run beside writers of other
 * addresses: of ranges that share no leaf with theirs and hold no table that leads
 * to it as a whole.
 */
bool gpm_try_map(struct gpm *g, gpa_t gpa, hpa_t hpa, unsigned int level, u32 perm);
bool gpm_try_unmap(struct gpm *g, gpa_t start, u64 size);

/*
 * perm = (perm & ~clear) | set for every present leaf in [start, end); big
 * leaves at the edges are split. Accessed and dirty bits survive (cmpxchg).
 * A leaf that loses CPU read loses CPU write and execute with it; a leaf left
 * without any permission is removed. Results as gpm_unmap; -EINVAL also if
 * @set would permit DMA in the interrupt window.
 */
int gpm_protect(struct gpm *g, gpa_t start, gpa_t end, u32 clear, u32 set);

/*
 * The same two for pages that are not pinned, where no table can be allocated
 * (an MMU notifier, a dirty log): every leaf that overlaps [start, end) is
 * removed (loses CPU write) as a whole, without a split; leaves with DMA
 * permission are left alone. -EINVAL or GPM_* bits, never FLUSH_WALK.
 */
int gpm_reclaim(struct gpm *g, gpa_t start, gpa_t end);
/* Where nothing is pinned, leaves with DMA permission go as well. */
int gpm_reclaim_all(struct gpm *g, gpa_t start, gpa_t end);
int gpm_write_protect(struct gpm *g, gpa_t start, gpa_t end);

/*
 * Harvest dirty bits: for every leaf in [start, end) with D set, clear it
 * atomically and call @fn with the leaf's range. Returns GPM_FLUSH if any.
 */
int gpm_harvest_dirty(struct gpm *g, gpa_t start, gpa_t end,
		      void (*fn)(void *arg, gpa_t start, u64 size), void *arg);

typedef int gpm_leaf_fn(void *arg, gpa_t gpa, const struct gpm_leaf *leaf);

/*
 * Call @fn for each present leaf that overlaps [start, end), in order. @fn
 * must not change the tree. A non-zero return stops the walk and is returned.
 */
int gpm_visit_leaves(const struct gpm *g, gpa_t start, gpa_t end,
		      gpm_leaf_fn *fn, void *arg);

#endif
