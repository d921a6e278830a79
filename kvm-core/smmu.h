/* SPDX-License-Identifier: GPL-2.0 */
/*
 * smmu: shadow paging. The CPU walks tables of ours, which say at once what the
 * guest's tables and gpm say one after the other: gva -> hpa.
 *
 * A shadow page is what one guest table becomes under one role (smmu_role). Each
 * of its present entries remembers the guest entry it was made from. That makes
 * it a cache of the guest's tables with a TLB's licence (APM2 5.5.2): what the
 * guest changed and did not flush may be seen late, what it flushed may not.
 *
 *  - A page fault walks the guest's tables (gwalk) and brings the entries on its
 *    way up to date.
 *  - A guest table is in step or out of step. In step: the guest cannot write it
 *    (no shadow entry that maps it is writable), so the shadow page is exact. Its
 *    next write faults, and it is out of step from then on: writable, and its
 *    entries are compared with memory whenever the guest flushes. One that was
 *    found unchanged some times is brought in step again. No write to a table is
 *    ever emulated.
 *  - INVLPG compares the entries on the way to one address.
 *  - What user space writes is unseen. A table that nothing leads to is compared
 *    when something does again (a disk's DMA was there, perhaps). Where user space
 *    is the guest's kernel, too, and so writes its tables (smmu_share), none is
 *    ever in step: each flush compares all that the CPU's root leads to.
 *
 * Every entry is on one chain: leaves by guest frame, so that what gpm loses can
 * be zapped; pointers by the page they point to, so that a page can be recycled.
 * Pages come from a pool with a cap; the oldest go first.
 *
 * Pure. Locks: all under one lock of the caller's (mmu_lock), except
 * smmu_note_write. Nothing sleeps: what is missing is named in the verdict, and
 * the caller provides it without the lock and calls again.
 */
#ifndef BACKPLANE_SMMU_H
#define BACKPLANE_SMMU_H

#include "gpm/gpm.h"
#include "kvm-core/gwalk.h"
#include "kvm-core/smmu_list.h"

#define SMMU_ENTRIES		512
#define SMMU_PAGES_MIN		64	/* the smallest cap */
#define SMMU_PAGES_MAX		(1U << 20)
#define SMMU_FAULT_PAGES	6	/* what one fault, or one root, may take */
/* Leaves are chained by 32-bit frame numbers. */
#define SMMU_GPA_BITS		44
#define SMMU_GPA_LIMIT		(1ULL << SMMU_GPA_BITS)

/* Entry bits (APM2 5.3, 5.4) */
#define SMMU_P		BIT_ULL(0)
#define SMMU_W		BIT_ULL(1)
#define SMMU_U		BIT_ULL(2)
#define SMMU_PWT	BIT_ULL(3)
#define SMMU_PCD	BIT_ULL(4)
#define SMMU_A		BIT_ULL(5)
#define SMMU_D		BIT_ULL(6)
#define SMMU_PS		BIT_ULL(7)
#define SMMU_NX		BIT_ULL(63)
#define SMMU_ADDR	GENMASK_ULL(51, 12)

/* Guest tables as they are laid out; with CR0.PG = 0 there are none. */
enum smmu_format { SMMU_OFF, SMMU_32, SMMU_PAE, SMMU_LONG };

/* Rights that the way down leaves. */
#define SMMU_ACC_W	BIT(0)
#define SMMU_ACC_U	BIT(1)
#define SMMU_ACC_X	BIT(2)
#define SMMU_ACC_ALL	(SMMU_ACC_W | SMMU_ACC_U | SMMU_ACC_X)

/*
 * What besides the guest frame decides the entries of a shadow page. One word:
 * two pages are the same if frame and role are.
 */
#define SMMU_ROLE_LEVEL		GENMASK(2, 0)	/* of its entries: 0 4K, 1 2M, 2 1G */
#define SMMU_ROLE_FORMAT	GENMASK(4, 3)
#define SMMU_ROLE_DIRECT	BIT(5)		/* no table: guest frames in a row */
#define SMMU_ROLE_QUADRANT	GENMASK(7, 6)	/* of a 32-bit table of 1024 entries */
#define SMMU_ROLE_ACCESS	GENMASK(10, 8)	/* SMMU_ACC_* of the way here */
#define SMMU_ROLE_NXE		BIT(11)
#define SMMU_ROLE_WP		BIT(12)
#define SMMU_ROLE_SMEP		BIT(13)
#define SMMU_ROLE_PSE		BIT(14)
#define SMMU_ROLE_OFFSET	GENMASK(21, 15)	/* CR3 bits 11:5 of a PAE root */
#define SMMU_ROLE_MODE \
	(SMMU_ROLE_FORMAT | SMMU_ROLE_NXE | SMMU_ROLE_WP | SMMU_ROLE_SMEP | \
	 SMMU_ROLE_PSE)

/* Chains are of entry numbers, page id * 512 + index; 0 ends one. @to: where the
 * entry is chained: a leaf's guest frame, a pointer's page id.
 */
struct smmu_link {
	u32 next, prev, to;
};

struct smmu_page {
	u64 gpte[SMMU_ENTRIES];	/* what each present entry was made from */
	struct smmu_link link[SMMU_ENTRIES];
	u64 used[SMMU_ENTRIES / 64];	/* present entries */
	u64 *table;		/* what the CPU walks */
	hpa_t hpa;
	void *frame;		/* of the guest table, or NULL: smmu_page_frame */
	gfn_t gfn;
	u32 role;
	u32 id;
	u32 parents;		/* chain of the entries that point here */
	u16 nr;			/* present entries */
	u16 roots;		/* vCPUs whose CR3 it is */
	u8 quiet;		/* comparisons in a row that found no change */
	bool unsync;		/* out of step */
	bool frame_writes;	/* frame is good to write, too */
	bool low;		/* table below 4 GiB: a legacy root */
	u64 seen;		/* the epoch in which it was compared last */
	struct smmu_page *hash_next;
	struct smmu_list age;	/* in use, oldest first; or in a pool */
	struct smmu_list step;	/* out of step */
};

struct smmu_ops {
	struct gpm_leaf (*lookup)(void *ctx, gpa_t gpa);
	/* The page that @leaf maps as memory of ours, or NULL: not RAM. Good as
	 * long as the lock is held.
	 */
	void *(*memory)(void *ctx, const struct gpm_leaf *leaf);
	/* No CPU uses a translation from before any more when it returns. */
	void (*flush)(void *ctx);
};

#define SMMU_PAGE_HASH	1024
#define SMMU_LEAF_HASH	8192
#define SMMU_CHAIN_MAX	4096	/* leaves on one: the guest chooses their frames */
#define SMMU_FILTER	4096
#define SMMU_WROTE	8

struct smmu {
	const struct smmu_ops *ops;
	void *ctx;
	struct smmu_page **by_id;	/* [cap + 1], the caller's; ids from 1 */
	u32 cap, pages;			/* allowed, allocated */
	struct smmu_page *hash[SMMU_PAGE_HASH];	/* by frame */
	u32 leaf[SMMU_LEAF_HASH];	/* chains of leaves by frame, */
	u16 chained[SMMU_LEAF_HASH];	/* and how many are on each */
	u32 filter[SMMU_FILTER];	/* guest tables by frame's hash: all may share one */
	u32 region[SMMU_FILTER];	/* and by 2 MiB */
	struct smmu_list age, unsync;
	struct smmu_list free, free_low, retired;
	u32 nr_free, nr_free_low, nr_used, nr_retired;
	u64 nr_leaves;
	u64 wrote[SMMU_WROTE];		/* frames + 1 that the host wrote */
	bool wrote_more;
	bool shared;			/* smmu_share */
	u64 epoch;			/* counts flushes, where they matter */
	u64 stat_faults, stat_leaves, stat_unsyncs, stat_syncs, stat_compares,
	    stat_drops, stat_recycled, stat_steps;
};

/* ---- life ----------------------------------------------------------------- */
/* @by_id: zeroed, room for @cap + 1. SMMU_PAGES_MIN <= cap <= SMMU_PAGES_MAX. */
void smmu_init(struct smmu *s, const struct smmu_ops *ops, void *ctx,
	       struct smmu_page **by_id, u32 cap);
/* Should another page be allocated? Then give it by smmu_donate: zeroed, with
 * table, hpa and low set. The caller frees it after smmu_take_back, and what
 * smmu_donate returns at once: at the cap a low page comes in exchange for another.
 */
bool smmu_wants_page(const struct smmu *s, bool low);
struct smmu_page *smmu_donate(struct smmu *s, struct smmu_page *p);
/* Enough at hand for a fault (and a root)? Else recycle, which may flush. False:
 * allocate more, as smmu_wants_page says; if it wants none, vCPUs stand on all of
 * them. @fresh: as if nothing could be allocated.
 */
bool smmu_ready(struct smmu *s, bool fresh);
/* Any page, at the end of the VM; NULL: there is none. */
struct smmu_page *smmu_take_back(struct smmu *s);
/* Forget everything but the roots themselves, and flush. */
void smmu_zap_all(struct smmu *s);

/* ---- for a vCPU -------------------------------------------------------------- */
/* The root for @mode, with one more in roots. smmu_ready() before. */
struct smmu_page *smmu_get_root(struct smmu *s, const struct gwalk_mode *mode);
void smmu_put_root(struct smmu_page *root);

enum smmu_verdict {
	SMMU_MAPPED,		/* run the guest again */
	SMMU_GUEST_FAULT,	/* the guest's own: inject error */
	SMMU_NEED_DATA,		/* gpm lacks gpa (for this access) */
	SMMU_NEED_TABLE,	/* gpm lacks a guest table at gpa (write: for A, D) */
	SMMU_NEED_PAGES,	/* smmu_ready() first */
	SMMU_EMULATE,		/* right, but not to be left in a table: one time */
};

struct smmu_fault {
	gva_t gva;
	u32 access;		/* GWALK_W, _U, _I */
	bool implicit;		/* as gwalk_translate */
	/* The caller found that these frames of NEED_TABLE have no memory, or
	 * none to write. Zero at first.
	 */
	unsigned int nr_no_table, nr_no_write;
	gfn_t no_table[GWALK_LEVELS], no_write[GWALK_LEVELS];
	/* out */
	gpa_t gpa;
	u32 error;
	bool write;
};

/* A page fault of a vCPU that runs on @root in @mode. MAPPED, GUEST_FAULT and
 * EMULATE have set the guest's A and D bits as the access does.
 */
enum smmu_verdict smmu_fault(struct smmu *s, struct smmu_page *root,
			     const struct gwalk_mode *mode, struct smmu_fault *f);
/* INVLPG. The vCPU's own TLB is the caller's. */
void smmu_invlpg(struct smmu *s, struct smmu_page *root, gva_t gva);
/* The guest flushed (MOV CR3, ...): on return all that differs from memory is out
 * of the tables (of those below a root once smmu_get_root() returned it, after
 * smmu_share). The vCPU's own TLB is the caller's.
 */
void smmu_sync(struct smmu *s);
/* Any table may have been written unseen: compare all at the next flush. */
void smmu_doubt(struct smmu *s);
/* From now on user space may write tables at any time. */
void smmu_share(struct smmu *s);

/* ---- for the memory code ---------------------------------------------------------- */
/* gpm lost something in [first, end), and nothing beside it: zap what was made from
 * that. The caller flushes.
 */
void smmu_zap(struct smmu *s, gfn_t first, gfn_t end);
/* The host wrote guest memory by itself. Any context, no lock. */
void smmu_note_write(struct smmu *s, gfn_t gfn);

/* ---- between smmu's files --------------------------------------------- */
static inline unsigned int smmu_level(const struct smmu_page *p)
{
	return FIELD_GET(SMMU_ROLE_LEVEL, p->role);
}

static inline unsigned int smmu_format(const struct smmu_page *p)
{
	return FIELD_GET(SMMU_ROLE_FORMAT, p->role);
}

/* A legacy root: four entries of the PAE form, without rights (APM2 5.2.3). */
static inline bool smmu_is_pdpt(const struct smmu_page *p)
{
	return smmu_level(p) == 2 && smmu_format(p) != SMMU_LONG;
}

static inline bool smmu_is_table(const struct smmu_page *p)
{
	return !(p->role & SMMU_ROLE_DIRECT);
}

static inline bool smmu_present(const struct smmu_page *p, unsigned int idx)
{
	return p->used[idx / 64] >> (idx % 64) & 1;
}

static inline bool smmu_is_pointer(const struct smmu_page *p, unsigned int idx)
{
	return smmu_level(p) && !(p->table[idx] & SMMU_PS);
}

static inline unsigned int smmu_index(const struct smmu_page *p, gva_t gva)
{
	unsigned int n = smmu_is_pdpt(p) ? 4 : SMMU_ENTRIES;

	return gva >> (BP_PAGE_SHIFT + 9 * smmu_level(p)) & (n - 1);
}

/* Present entries of @p, in order: -1 when there is none from @idx on. */
int smmu_next(const struct smmu_page *p, int idx);
/* Find, or take from the pool, the page for a frame and role. */
struct smmu_page *smmu_page_get(struct smmu *s, gfn_t gfn, u32 role);
struct smmu_page *smmu_page_find(struct smmu *s, gfn_t gfn, struct smmu_page *after);
/* Drop all its entries. */
void smmu_page_empty(struct smmu *s, struct smmu_page *p);
/* Take it out of the tree; its table may be reused after a flush. */
void smmu_page_retire(struct smmu *s, struct smmu_page *p);
void smmu_set_leaf(struct smmu *s, struct smmu_page *p, unsigned int idx,
		   u64 entry, u64 gpte, gfn_t gfn);
void smmu_set_pointer(struct smmu *s, struct smmu_page *p, unsigned int idx,
		      struct smmu_page *child, u64 gpte);
void smmu_drop(struct smmu *s, struct smmu_page *p, unsigned int idx);
/* Make every leaf that maps @gfn read-only (a big one is dropped). How many entries
 * were looked at.
 */
u32 smmu_protect(struct smmu *s, gfn_t gfn);
void smmu_unsync(struct smmu *s, struct smmu_page *p);
/* The guest entry behind entry @idx of @p; false: its frame is not at hand. */
bool smmu_guest_entry(struct smmu *s, struct smmu_page *p,
		      unsigned int idx, u64 *gpte);
/* What gpm has at @gpa. */
static inline struct gpm_leaf smmu_lookup(struct smmu *s, gpa_t gpa)
{
	return (s->ops->lookup)(s->ctx, gpa);
}

/* A guest frame as memory, or NULL: not in gpm (@write: not to write). */
void *smmu_frame(struct smmu *s, gfn_t gfn, bool write);
/* The frame of guest table @p, as smmu_frame() gives it: kept until gpm loses it. */
static inline void *smmu_page_frame(struct smmu *s, struct smmu_page *p, bool write)
{
	if (unlikely(!p->frame || (write && !p->frame_writes))) {
		p->frame = smmu_frame(s, p->gfn, write);
		p->frame_writes = write;
	}
	return p->frame;
}

/* Is a guest table there that is in step? */
bool smmu_in_step(struct smmu *s, gfn_t gfn);
/* All of that frame are out of step from now on. */
void smmu_unsync_frame(struct smmu *s, gfn_t gfn);
/* @p is about to be linked: what it says, and those below it, must hold. */
void smmu_recheck(struct smmu *s, struct smmu_page *p);
/* A flush for a root, after smmu_share. */
void smmu_sync_root(struct smmu *s, struct smmu_page *root);
/* Perhaps a guest table in the 2 MiB around @gfn? */
bool smmu_has_tables(const struct smmu *s, gfn_t gfn);

#endif
