// SPDX-License-Identifier: GPL-2.0
/*
 * smmu: from a page fault to shadow entries (APM2 5.2-5.6, 8.4.2). One walk of
 * the guest's tables, one look at gpm, then the way down our own tables, where
 * each entry that was made from something else is replaced.
 *
 * Rights gather on the way and stand in the leaf alone, because with CR0.WP = 0 a
 * leaf may permit what the levels above it forbid. The CPU always runs with WP,
 * NXE and PAE on, whatever the guest has.
 */
#include "kvm-core/smmu.h"

/* ---- roots ---------------------------------------------------------------------- */

static unsigned int format_of(const struct gwalk_mode *m)
{
	if (!(m->cr0 & CR0_PG))
		return SMMU_OFF;
	if (!(m->cr4 & CR4_PAE))
		return SMMU_32;
	return m->efer & EFER_LMA_BIT ? SMMU_LONG : SMMU_PAE;
}

static u32 mode_role(const struct gwalk_mode *m)
{
	unsigned int format = format_of(m);
	u32 role = FIELD_PREP(SMMU_ROLE_FORMAT, format) | SMMU_ROLE_ACCESS;

	if (format == SMMU_OFF)
		return role;
	if (format == SMMU_32)
		role |= m->cr4 & CR4_PSE ? SMMU_ROLE_PSE : 0;
	else
		role |= m->efer & EFER_NXE ? SMMU_ROLE_NXE : 0;
	if (m->cr0 & CR0_WP)
		return role | SMMU_ROLE_WP;
	return role | (m->cr4 & CR4_SMEP ? SMMU_ROLE_SMEP : 0);
}

static u32 root_role(const struct gwalk_mode *m, gfn_t *gfn)
{
	u32 role = mode_role(m) | FIELD_PREP(SMMU_ROLE_LEVEL, 2);

	*gfn = (u32)m->cr3 >> BP_PAGE_SHIFT;
	switch (format_of(m)) {
	case SMMU_OFF:
		*gfn = 0;
		return role | SMMU_ROLE_DIRECT;
	case SMMU_32:		/* four quarters of one directory */
		return role | SMMU_ROLE_DIRECT;
	case SMMU_PAE:
		return role | FIELD_PREP(SMMU_ROLE_OFFSET, m->cr3 >> 5 & 0x7f);
	default:
		*gfn = (m->cr3 & SMMU_ADDR) >> BP_PAGE_SHIFT;
		return mode_role(m) | FIELD_PREP(SMMU_ROLE_LEVEL,
						 m->cr4 & CR4_LA57 ? 4 : 3);
	}
}

struct smmu_page *smmu_get_root(struct smmu *s, const struct gwalk_mode *mode)
{
	struct smmu_page *p;
	gfn_t gfn;
	u32 role = root_role(mode, &gfn);

	p = smmu_page_get(s, gfn, role);
	if (!p)
		return NULL;
	p->roots++;
	if (unlikely(s->shared))
		smmu_sync_root(s, p);
	return p;
}

void smmu_put_root(struct smmu_page *root)
{
	root->roots--;
}

/* ---- the guest's tables ------------------------------------------------------------ */

struct way {
	struct smmu *s;
	const struct gwalk_mode *mode;
	struct smmu_fault *f;
	u64 trace[GWALK_LEVELS];
	struct smmu_page *page;	/* the shadow of the table that is read, or NULL */
	struct smmu_page *next;	/* of the next one, if it is there */
	unsigned int leaf;	/* level of the guest's leaf */
	unsigned int target;	/* of ours */
	u32 acc;		/* of our leaf */
	struct gpm_leaf host;
	bool missing;		/* f->gpa, f->write say which table */
};

static bool known(const gfn_t *list, unsigned int n, gfn_t gfn)
{
	while (n--)
		if (list[n] == gfn)
			return true;
	return false;
}

static void miss(struct way *w, gpa_t gpa, bool write)
{
	if (w->missing)
		return;
	w->missing = true;
	w->f->gpa = gpa;
	w->f->write = write;
}

/* The page below entry @idx of @p, if that was made from @gpte. */
static struct smmu_page *below(const struct way *w, const struct smmu_page *p, u64 gpte)
{
	unsigned int idx = smmu_index(p, w->f->gva);

	if (!smmu_present(p, idx) || p->gpte[idx] != gpte || !smmu_is_pointer(p, idx))
		return NULL;
	return w->s->by_id[p->link[idx].to];
}

/* What stands for the table in @gfn, where our own tables lead there already. */
static void follow(struct way *w, gfn_t gfn)
{
	struct smmu_page *p = w->next;

	w->next = NULL;
	w->page = p && p->gfn == gfn && smmu_is_table(p) ? p : NULL;
}

static char *way_frame(struct way *w, gfn_t gfn, bool write)
{
	return w->page ? smmu_page_frame(w->s, w->page, write) :
			 smmu_frame(w->s, gfn, write);
}

static int way_read(void *ctx, gpa_t gpa, void *data, unsigned int len)
{
	struct way *w = ctx;
	gfn_t gfn = gpa >> BP_PAGE_SHIFT;
	const char *frame;
	u64 gpte;

	follow(w, gfn);
	frame = way_frame(w, gfn, false);
	if (!frame) {
		if (!known(w->f->no_table, w->f->nr_no_table, gfn))
			miss(w, gpa, false);
		return -EFAULT;
	}
	frame += gpa & ~BP_PAGE_MASK;
	if (len == 8)
		gpte = *(u64 *)data = READ_ONCE(*(const u64 *)frame);
	else
		gpte = *(u32 *)data = READ_ONCE(*(const u32 *)frame);
	if (w->page)
		w->next = below(w, w->page, gpte);
	return 0;
}

static int way_cmpxchg(void *ctx, gpa_t gpa, u64 old, u64 new_value, unsigned int len)
{
	struct way *w = ctx;
	gfn_t gfn = gpa >> BP_PAGE_SHIFT;
	char *frame = way_frame(w, gfn, true);
	bool same;

	if (!frame) {
		if (!known(w->f->no_write, w->f->nr_no_write, gfn))
			miss(w, gpa, true);
		return -EFAULT;
	}
	frame += gpa & ~BP_PAGE_MASK;
	if (len == 8)
		same = cmpxchg((u64 *)frame, old, new_value) == old;
	else
		same = cmpxchg((u32 *)frame, (u32)old, (u32)new_value) == (u32)old;
	return same ? 0 : -EAGAIN;
}

static enum smmu_verdict walk(struct way *w, struct smmu_page *root)
{
	struct gwalk_mem mem = {
		.read = way_read, .cmpxchg = way_cmpxchg, .ctx = w,
		.trace = w->trace,
	};
	struct smmu_fault *f = w->f;
	struct gwalk_result r;

	f->write = f->access & GWALK_W;
	if (!(w->mode->cr0 & CR0_PG)) {
		f->gpa = f->gva;
		w->leaf = 2;
		return SMMU_MAPPED;
	}
	/* A 32-bit root is no guest table: its quarters are. */
	w->next = smmu_is_table(root) ? root : below(w, root, 0);
	r = gwalk_translate(w->mode, &mem, f->gva, f->access, f->implicit);
	if (w->missing)
		return SMMU_NEED_TABLE;
	if (!r.ok) {
		f->error = r.error;
		return SMMU_GUEST_FAULT;
	}
	f->gpa = r.gpa;
	w->leaf = r.level;
	if (w->page && smmu_level(w->page) != w->leaf)
		w->page = NULL;
	return SMMU_MAPPED;
}

/* ---- rights --------------------------------------------------------------------------- */

/* What a guest entry of @level leaves of @acc. PDPTEs have no rights. */
static u32 narrow(unsigned int format, unsigned int level, u64 gpte, u32 acc)
{
	if (format == SMMU_OFF || (format == SMMU_PAE && level == 2))
		return acc;
	if (!(gpte & SMMU_W))
		acc &= ~SMMU_ACC_W;
	if (!(gpte & SMMU_U))
		acc &= ~SMMU_ACC_U;
	if (format != SMMU_32 && (gpte & SMMU_NX))
		acc &= ~SMMU_ACC_X;
	return acc;
}

/* Not writable before D is set. (A table in ROM never has it.) */
static u32 narrow_leaf(const struct way *w, u64 gpte, u32 acc)
{
	if (!w->f->write && !(gpte & SMMU_D))
		acc &= ~SMMU_ACC_W;
	return acc;
}

static u32 guest_rights(const struct way *w, const struct smmu_page *root)
{
	unsigned int format = smmu_format(root), level = smmu_level(root);
	u32 acc = SMMU_ACC_ALL;

	if (format == SMMU_OFF)
		return acc;
	if (format == SMMU_32)
		level = 1;
	if (w->page) {
		acc = FIELD_GET(SMMU_ROLE_ACCESS, w->page->role);
		level = w->leaf;
	}
	for (; level > w->leaf; level--)
		acc = narrow(format, level, w->trace[level], acc);
	return narrow_leaf(w, w->trace[level],
			   narrow(format, level, w->trace[level], acc));
}

/*
 * CR0.WP = 0: a supervisor's write to a page that is not writable (APM2 5.6.1). It
 * becomes writable, and the supervisor's alone. SMAP and keys could not be told
 * of such a page then: those writes are done one by one.
 */
static enum smmu_verdict without_wp(struct way *w)
{
	if (!(w->acc & SMMU_ACC_U)) {
		w->acc |= SMMU_ACC_W;
		return SMMU_MAPPED;
	}
	if (w->mode->cr4 & (CR4_SMAP | CR4_PKE))
		return SMMU_EMULATE;
	w->acc = (w->acc & ~SMMU_ACC_U) | SMMU_ACC_W;
	if (w->mode->cr4 & CR4_SMEP)
		w->acc &= ~SMMU_ACC_X;
	return SMMU_MAPPED;
}

static bool host_permits(const struct way *w)
{
	u32 access = w->f->access, perm = w->host.perm;

	return w->host.present && (perm & GPM_CPU_R) &&
	       (!(access & GWALK_W) || (perm & GPM_CPU_W)) &&
	       (!(access & GWALK_I) || (perm & GPM_CPU_X));
}

/* A guest table in step is not writable; a write to it ends that. */
static void respect_tables(struct way *w)
{
	gfn_t gfn = w->f->gpa >> BP_PAGE_SHIFT;

	if (!(w->acc & SMMU_ACC_W) || !smmu_in_step(w->s, gfn))
		return;
	if (w->f->write)
		smmu_unsync_frame(w->s, gfn);
	else
		w->acc &= ~SMMU_ACC_W;
}

static enum smmu_verdict rights(struct way *w, const struct smmu_page *root)
{
	enum smmu_verdict verdict;

	w->acc = guest_rights(w, root);
	if (w->f->write && !(w->acc & SMMU_ACC_W)) {
		verdict = without_wp(w);
		if (verdict != SMMU_MAPPED)
			return verdict;
	}
	w->host = smmu_lookup(w->s, w->f->gpa);
	if (!host_permits(w))
		return SMMU_NEED_DATA;
	if (!(w->host.perm & GPM_CPU_W))
		w->acc &= ~SMMU_ACC_W;
	if (!(w->host.perm & GPM_CPU_X))
		w->acc &= ~SMMU_ACC_X;
	w->target = w->leaf && w->host.level &&
		    !smmu_has_tables(w->s, w->f->gpa >> BP_PAGE_SHIFT);
	if (!w->target)
		respect_tables(w);
	return SMMU_MAPPED;
}

/* ---- our tables ------------------------------------------------------------------------- */

static u64 leaf_entry(const struct way *w)
{
	gpa_t mask = (BP_PAGE_SIZE << (9 * w->target)) - 1;
	u64 entry = (w->host.hpa - (w->f->gpa & mask)) | SMMU_P | SMMU_A | SMMU_D;

	if (w->acc & SMMU_ACC_W)
		entry |= SMMU_W;
	if (w->acc & SMMU_ACC_U)
		entry |= SMMU_U;
	if (!(w->acc & SMMU_ACC_X))
		entry |= SMMU_NX;
	if (w->target)
		entry |= SMMU_PS;
	if (w->host.perm & GPM_UNCACHED)
		entry |= SMMU_PCD | SMMU_PWT;
	return entry;
}

static u32 child_role(const struct smmu_page *p, u32 acc)
{
	return (p->role & SMMU_ROLE_MODE) |
	       FIELD_PREP(SMMU_ROLE_LEVEL, smmu_level(p) - 1) |
	       FIELD_PREP(SMMU_ROLE_ACCESS, acc);
}

/* Below a big page of the guest, and without paging, frames lie in a row. */
static struct smmu_page *direct_child(struct way *w, const struct smmu_page *p, u32 acc)
{
	gfn_t gfn = w->f->gpa >> BP_PAGE_SHIFT;

	gfn &= ~((1ULL << (9 * smmu_level(p))) - 1);
	return smmu_page_get(w->s, gfn, child_role(p, acc) | SMMU_ROLE_DIRECT);
}

static struct smmu_page *child(struct way *w, const struct smmu_page *p,
			       unsigned int idx, u64 gpte, u32 acc)
{
	unsigned int format = smmu_format(p), level = smmu_level(p);
	u32 role = child_role(p, acc);

	if (format == SMMU_32 && level == 2)
		return smmu_page_get(w->s, p->gfn,
				     role | FIELD_PREP(SMMU_ROLE_QUADRANT, idx));
	if (!smmu_is_table(p) || level == w->leaf)
		return direct_child(w, p, acc);
	if (format == SMMU_32)
		return smmu_page_get(w->s, (u32)gpte >> BP_PAGE_SHIFT,
				     role | FIELD_PREP(SMMU_ROLE_QUADRANT, idx & 1));
	return smmu_page_get(w->s, (gpte & SMMU_ADDR) >> BP_PAGE_SHIFT, role);
}

/* The page below entry @idx, put there if another was. NULL: the pool is empty. */
static struct smmu_page *descend(struct way *w, struct smmu_page *p,
				 unsigned int idx, u64 gpte, u32 acc)
{
	struct smmu_page *c = child(w, p, idx, gpte, acc);

	if (!c)
		return NULL;
	if (smmu_present(p, idx)) {
		if (p->gpte[idx] == gpte && smmu_is_pointer(p, idx) &&
		    p->link[idx].to == c->id)
			return c;
		smmu_drop(w->s, p, idx);
	}
	smmu_recheck(w->s, c);
	smmu_set_pointer(w->s, p, idx, c, gpte);
	return c;
}

static enum smmu_verdict build(struct way *w, struct smmu_page *p)
{
	u32 acc = SMMU_ACC_ALL;
	unsigned int level, idx;
	u64 gpte;

	/* The way down to the guest's leaf stands. */
	if (w->page) {
		p = w->page;
		acc = FIELD_GET(SMMU_ROLE_ACCESS, p->role);
	}
	for (; p; p = descend(w, p, idx, gpte, acc)) {
		level = smmu_level(p);
		idx = smmu_index(p, w->f->gva);
		gpte = 0;
		if (smmu_is_table(p)) {
			gpte = w->trace[level];
			acc = narrow(smmu_format(p), level, gpte, acc);
			if (level == w->leaf)
				acc = narrow_leaf(w, gpte, acc);
		}
		if (level != w->target)
			continue;
		smmu_set_leaf(w->s, p, idx, leaf_entry(w), gpte,
			      (w->f->gpa >> BP_PAGE_SHIFT) &
			      ~((1ULL << (9 * level)) - 1));
		return SMMU_MAPPED;
	}
	return SMMU_NEED_PAGES;
}

enum smmu_verdict smmu_fault(struct smmu *s, struct smmu_page *root,
			     const struct gwalk_mode *mode, struct smmu_fault *f)
{
	struct way w = { .s = s, .mode = mode, .f = f };
	enum smmu_verdict verdict;

	if (s->nr_free < SMMU_FAULT_PAGES)
		return SMMU_NEED_PAGES;
	if (smmu_format(root) != SMMU_LONG)
		f->gva = (u32)f->gva;
	s->stat_faults++;
	verdict = walk(&w, root);
	if (verdict == SMMU_MAPPED)
		verdict = rights(&w, root);
	if (verdict == SMMU_MAPPED)
		verdict = build(&w, root);
	return verdict;
}
