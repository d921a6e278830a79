// SPDX-License-Identifier: GPL-2.0
/*
 * smmu flushes: what a guest's own TLB flush does to its shadow pages (APM2
 * 5.5.2). Entries are compared with the guest's memory and dropped where they
 * differ; tables that do not change are brought in step again.
 *
 * Called for MOV CR3 and its like, and for INVLPG (smmu_linux.c). A dropped entry
 * comes back by a fault.
 */
#include "kvm-core/smmu.h"

/* After so many comparisons without a change a fault will be the cheaper way. */
#define QUIET		2
#define PROTECTED	(QUIET + 1)	/* and in this flush it lost all rights to write */

/* Entries that one flush looks at for that, about: other tables wait for the next. */
#define PROTECT_LOOKS	(4 * SMMU_CHAIN_MAX)

/* ---- the guest's memory ---------------------------------------------------------------- */

void *smmu_frame(struct smmu *s, gfn_t gfn, bool write)
{
	struct gpm_leaf l = smmu_lookup(s, gfn << BP_PAGE_SHIFT);
	u32 want = GPM_CPU_R | (write ? GPM_CPU_W : 0);

	if (!l.present || (l.perm & want) != want || (l.perm & GPM_UNCACHED))
		return NULL;
	return (s->ops->memory)(s->ctx, &l);
}

/* ---- comparing ------------------------------------------------------------------------- */

/* Where in its frame the guest entry of @idx is, and how many bytes. */
static unsigned int entry_offset(const struct smmu_page *p, unsigned int idx,
				 unsigned int *size)
{
	unsigned int quadrant = FIELD_GET(SMMU_ROLE_QUADRANT, p->role);

	*size = 8;
	if (smmu_is_pdpt(p))
		return FIELD_GET(SMMU_ROLE_OFFSET, p->role) * 32 + idx * 8;
	if (smmu_format(p) != SMMU_32)
		return idx * 8;
	*size = 4;
	/* An entry of a directory covers 4 MiB, two of ours. */
	if (smmu_level(p))
		return (quadrant * 256 + idx / 2) * 4;
	return (quadrant * 512 + idx) * 4;
}

static u64 entry_in(const struct smmu_page *p, const void *frame, unsigned int idx)
{
	unsigned int size, at = entry_offset(p, idx, &size);

	if (size == 4)
		return READ_ONCE(*(const u32 *)((const char *)frame + at));
	return READ_ONCE(*(const u64 *)((const char *)frame + at));
}

bool smmu_guest_entry(struct smmu *s, struct smmu_page *p,
		      unsigned int idx, u64 *gpte)
{
	const void *frame;

	*gpte = 0;
	if (!smmu_is_table(p))
		return true;
	frame = smmu_page_frame(s, p, false);
	if (!frame)
		return false;
	*gpte = entry_in(p, frame, idx);
	return true;
}

/* True if any entry was dropped. */
static bool compare(struct smmu *s, struct smmu_page *p)
{
	const void *frame = smmu_page_frame(s, p, false);
	u32 had = p->nr;
	int idx;

	s->stat_compares++;
	if (!frame)
		smmu_page_empty(s, p);
	for (idx = smmu_next(p, 0); idx >= 0; idx = smmu_next(p, idx + 1))
		if (entry_in(p, frame, idx) != p->gpte[idx])
			smmu_drop(s, p, idx);
	return p->nr != had;
}

/* ---- tables that are written unseen -------------------------------------------- */

/* No table, no table below: frames in a row. */
static bool all_direct(const struct smmu_page *p)
{
	return !smmu_is_table(p) && !(smmu_is_pdpt(p) && smmu_format(p) == SMMU_32);
}

/* Each once in an epoch, so that no guest makes more of it than it has pages. */
static void compare_below(struct smmu *s, struct smmu_page *p)
{
	int idx;

	if (p->seen == s->epoch || all_direct(p))
		return;
	p->seen = s->epoch;
	if (smmu_is_table(p))
		compare(s, p);
	if (!smmu_level(p))
		return;
	for (idx = smmu_next(p, 0); idx >= 0; idx = smmu_next(p, idx + 1))
		if (smmu_is_pointer(p, idx))
			compare_below(s, s->by_id[p->link[idx].to]);
}

void smmu_recheck(struct smmu *s, struct smmu_page *p)
{
	if (!s->shared) {
		if (p->parents || p->roots || !p->nr)
			return;
		s->epoch++;
	}
	compare_below(s, p);
}

void smmu_sync_root(struct smmu *s, struct smmu_page *root)
{
	s->epoch++;
	compare_below(s, root);
}

void smmu_doubt(struct smmu *s)
{
	struct smmu_list *n;
	struct smmu_page *p;

	for (n = s->age.next; n != &s->age; n = n->next) {
		p = container_of(n, struct smmu_page, age);
		if (smmu_is_table(p))
			smmu_unsync(s, p);
	}
}

void smmu_share(struct smmu *s)
{
	if (s->shared)
		return;
	WRITE_ONCE(s->shared, true);
	smmu_doubt(s);
}

/* ---- MOV CR3 ---------------------------------------------------------------- */

static void take_notes(struct smmu *s)
{
	unsigned int i;
	u64 gfn;

	for (i = 0; i < SMMU_WROTE; i++) {
		if (likely(!READ_ONCE(s->wrote[i])))
			continue;
		gfn = xchg(&s->wrote[i], 0) - 1;
		smmu_unsync_frame(s, gfn);
	}
	if (unlikely(READ_ONCE(s->wrote_more))) {
		WRITE_ONCE(s->wrote_more, false);
		smmu_doubt(s);
	}
}

static struct smmu_page *page_of_step(struct smmu_list *n)
{
	return container_of(n, struct smmu_page, step);
}

/* Nobody can write them when it returns: what is compared then stays true. */
static void protect_quiet(struct smmu *s)
{
	struct smmu_list *n;
	struct smmu_page *p;
	bool any = false;
	u32 looks = 0;

	for (n = s->unsync.next; n != &s->unsync && looks < PROTECT_LOOKS; n = n->next) {
		p = page_of_step(n);
		if (p->quiet < QUIET)
			continue;
		looks += smmu_protect(s, p->gfn) + 1;
		p->quiet = PROTECTED;
		any = true;
	}
	if (any)
		(s->ops->flush)(s->ctx);
}

static void step_in(struct smmu *s, struct smmu_page *p)
{
	s->stat_steps++;
	p->unsync = false;
	smmu_list_remove(&p->step);
}

static void compare_page(struct smmu *s, struct smmu_page *p)
{
	bool protected = p->quiet == PROTECTED;

	if (compare(s, p))
		p->quiet = 0;
	else if (p->quiet < QUIET)
		p->quiet++;
	if (!p->nr && !p->roots)
		smmu_page_retire(s, p);	/* it serves something else now */
	else if (protected)
		step_in(s, p);
}

void smmu_sync(struct smmu *s)
{
	struct smmu_list *n, *next;

	s->stat_syncs++;
	if (unlikely(s->shared))
		return;
	take_notes(s);
	protect_quiet(s);
	for (n = s->unsync.next; n != &s->unsync; n = next) {
		next = n->next;
		compare_page(s, page_of_step(n));
	}
}

/* ---- INVLPG ------------------------------------------------------------------- */

static void drop_stale(struct smmu *s, struct smmu_page *p, unsigned int idx)
{
	u64 gpte;

	if (smmu_present(p, idx) &&
	    (!smmu_guest_entry(s, p, idx, &gpte) || gpte != p->gpte[idx]))
		smmu_drop(s, p, idx);
}

void smmu_invlpg(struct smmu *s, struct smmu_page *root, gva_t gva)
{
	struct smmu_page *p = root;
	unsigned int idx;

	s->epoch++;	/* what is linked later is compared again */
	if (smmu_format(root) != SMMU_LONG)
		gva = (u32)gva;
	for (;;) {
		idx = smmu_index(p, gva);
		drop_stale(s, p, idx);
		/* A 4 MiB page is two entries of ours, and goes as a whole. */
		if (smmu_format(p) == SMMU_32 && smmu_level(p) == 1)
			drop_stale(s, p, idx ^ 1);
		if (!smmu_present(p, idx) || !smmu_is_pointer(p, idx))
			return;
		p = s->by_id[p->link[idx].to];
	}
}
