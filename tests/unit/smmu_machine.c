// SPDX-License-Identifier: GPL-2.0
/*
 * The machine of smmu's tests. Its CPUs know bit numbers from the manual (APM2
 * 5.3, 5.6), not smmu's names for them: a wrong mask there must not agree here.
 */
#include "tests/unit/smmu_machine.h"

/* ---- memory ------------------------------------------------------------------ */

u8 *m_frame(struct machine *m, gfn_t gfn)
{
	assert_true(gfn < M_FRAMES);
	return m->host + (size_t)m->gfn[gfn].frame * 4096;
}

u64 *m_word(struct machine *m, gpa_t gpa)
{
	return (u64 *)(m_frame(m, gpa >> 12) + (gpa & 0xff8));
}

static void *op_memory(void *ctx, const struct gpm_leaf *leaf)
{
	struct machine *m = ctx;

	assert_int_equal(leaf->hpa & 0xfff, 0);
	return m->host + (leaf->hpa - M_HPA);
}

static struct gpm_leaf op_lookup(void *ctx, gpa_t gpa)
{
	struct machine *m = ctx;
	gfn_t gfn = gpa >> 12;
	struct gpm_leaf l = { };

	if (gfn >= M_FRAMES || !m->gfn[gfn].perm)
		return l;
	l.present = true;
	l.perm = m->gfn[gfn].perm;
	l.level = m->gfn[gfn].level;
	l.hpa = M_HPA + (u64)m->gfn[gfn].frame * 4096 + (gpa & 0xfff);
	return l;
}

static void op_flush(void *ctx)
{
	struct machine *m = ctx;
	unsigned int i;

	for (i = 0; i < M_CPUS; i++)
		memset(m->cpu[i].tlb, 0, sizeof(m->cpu[i].tlb));
	m->flushes++;
}

static const struct smmu_ops ops = {
	.lookup = op_lookup, .memory = op_memory, .flush = op_flush,
};

void m_init(struct machine *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->host = calloc(M_HOST, 4096);
	smmu_init(&m->s, &ops, m, m->by_id, M_CAP);
	for (i = 0; i < M_FRAMES; i++) {
		m->gfn[i].frame = i ^ 512;	/* not where the guest has it */
		m->gfn[i].slot = true;
	}
}

static void page_free(struct smmu_page *p)
{
	free(p->table);
	free(p);
}

void m_destroy(struct machine *m)
{
	struct smmu_page *p;

	while ((p = smmu_take_back(&m->s)) != NULL)
		page_free(p);
	free(m->host);
}

/* Host addresses of tables are those of the test's own process. */
static void donate(struct machine *m, bool low)
{
	struct smmu_page *p = calloc(1, sizeof(*p));

	assert_true(smmu_wants_page(&m->s, low));

	p->table = aligned_alloc(4096, 4096);
	memset(p->table, 0, 4096);
	p->hpa = (hpa_t)(uintptr_t)p->table;
	p->low = low;
	p = smmu_donate(&m->s, p);
	if (p)
		page_free(p);
}

bool m_ready(struct machine *m)
{
	while (!smmu_ready(&m->s, m->no_memory)) {
		if (smmu_wants_page(&m->s, true))
			donate(m, true);
		else if (smmu_wants_page(&m->s, false))
			donate(m, false);
		else
			return false;
	}
	return true;
}

static void refill(struct machine *m)
{
	assert_true(m_ready(m));
}

static void map_frame(struct machine *m, gfn_t gfn, bool write)
{
	u32 perm = GPM_CPU_R | GPM_CPU_X;

	if (write || (m->gfn[gfn].perm & GPM_CPU_W) || (!m->gfn[gfn].rom && gfn % 3))
		perm |= GPM_CPU_W;
	m->gfn[gfn].perm = perm;
}

/* 0; 1: no memory there; 2: memory that cannot be written. */
static int host_fault(struct machine *m, gpa_t gpa, bool write)
{
	gfn_t gfn = gpa >> 12, first, i;

	if (gfn >= M_FRAMES || !m->gfn[gfn].slot)
		return 1;
	if (write && m->gfn[gfn].rom)
		return 2;
	if (!m->gfn[gfn].level) {
		map_frame(m, gfn, write);
		return 0;
	}
	first = gfn & ~511ULL;
	for (i = first; i < first + 512; i++)
		m->gfn[i].perm = GPM_CPU_RWX;
	return 0;
}

/* A big leaf changes as a whole, as gpm_reclaim() and gpm_write_protect() do it. */
static void take(struct machine *m, gfn_t first, gfn_t end, u32 perm)
{
	gfn_t i;

	if (m->gfn[first].level)
		first &= ~511ULL;
	if (m->gfn[end - 1].level)
		end = (end + 511) & ~511ULL;
	for (i = first; i < end; i++)
		m->gfn[i].perm &= ~perm;
	smmu_zap(&m->s, first, end);
	op_flush(m);
}

void m_reclaim(struct machine *m, gfn_t first, gfn_t end)
{
	take(m, first, end, ~0U);
}

void m_write_protect(struct machine *m, gfn_t first, gfn_t end)
{
	take(m, first, end, GPM_CPU_W);
}

/* ---- the CPU --------------------------------------------------------------------- */

void m_load(struct machine *m, struct m_cpu *c)
{
	struct smmu_page *root;

	if (c->root)
		smmu_put_root(c->root);
	c->root = NULL;
	refill(m);
	smmu_sync(&m->s);
	root = smmu_get_root(&m->s, &c->mode);
	assert_non_null(root);
	c->root = root;
	memset(c->tlb, 0, sizeof(c->tlb));
}

void m_invlpg(struct machine *m, struct m_cpu *c, gva_t gva)
{
	smmu_invlpg(&m->s, c->root, gva);
	memset(c->tlb, 0, sizeof(c->tlb));
}

static bool legacy(const struct m_cpu *c)
{
	return !(c->mode.efer & M_LMA);
}

/* What the CPU finds in the shadow tables: false, nothing that is present. */
static bool hw_walk(const struct m_cpu *c, gva_t gva, struct m_tlb *t)
{
	unsigned int level = legacy(c) ? 3 : 4;
	const u64 *table = (const u64 *)(uintptr_t)c->root->hpa;
	u64 e;

	*t = (struct m_tlb){ .page = gva >> 12, .user = true, .write = true, .fetch = true };
	while (level--) {
		e = table[gva >> (12 + 9 * level) & (legacy(c) && level == 2 ? 3 : 511)];
		if (!(e & 1))
			return false;
		if (legacy(c) && level == 2) {
			assert_int_equal(e & 0xfff00000000001e6ULL, 0);
		} else {
			t->write &= e >> 1 & 1;
			t->user &= e >> 2 & 1;
			t->fetch &= !(e >> 63);
		}
		if (!level || (e & 0x80 && level == 1)) {
			t->hpa = (e & 0xffffffffff000ULL) & ~((4096ULL << 9 * level) - 1);
			t->hpa += gva & ((4096ULL << 9 * level) - 1) & ~0xfffULL;
			t->valid = true;
			return true;
		}
		table = (const u64 *)(uintptr_t)(e & 0xffffffffff000ULL);
	}
	return false;
}

/* With WP on. Without paging the CPU's CR4 has no SMEP and no SMAP. */
static bool hw_permits(const struct m_cpu *c, const struct m_tlb *t, u32 access)
{
	bool paging = c->mode.cr0 & M_PG;

	if (access & GWALK_U)
		return t->user && (!(access & GWALK_W) || t->write) &&
		       (!(access & GWALK_I) || t->fetch);
	if (access & GWALK_I)
		return t->fetch && !(t->user && paging && (c->mode.cr4 & M_SMEP));
	if ((access & GWALK_W) && !t->write)
		return false;
	return !(t->user && paging && (c->mode.cr4 & M_SMAP) &&
		 !(c->mode.rflags & M_AC));
}

static bool hw_access(struct m_cpu *c, struct m_access *a)
{
	gva_t gva = legacy(c) ? (u32)a->gva : a->gva;
	struct m_tlb *slot = &c->tlb[(gva >> 12) % M_TLB], t;

	if (!slot->valid || slot->page != gva >> 12 || !hw_permits(c, slot, a->access)) {
		if (!hw_walk(c, gva, &t) || !hw_permits(c, &t, a->access))
			return false;
		*slot = t;
	}
	a->hpa = slot->hpa + (gva & 0xfff);
	return true;
}

static void provide_table(struct machine *m, struct smmu_fault *f)
{
	int r = host_fault(m, f->gpa, f->write);

	if (r && f->write)
		f->no_write[f->nr_no_write++] = f->gpa >> 12;
	else if (r)
		f->no_table[f->nr_no_table++] = f->gpa >> 12;
}

/* The hypervisor's part; true: the access has its result. */
static bool answer(struct machine *m, struct m_cpu *c, struct m_access *a,
		   struct smmu_fault *f)
{
	switch (smmu_fault(&m->s, c->root, &c->mode, f)) {
	case SMMU_MAPPED:
		return false;
	case SMMU_GUEST_FAULT:
		a->result = M_FAULT;
		a->error = f->error;
		return true;
	case SMMU_NEED_DATA:
		if (!host_fault(m, f->gpa, a->access & GWALK_W))
			return false;
		a->result = M_MMIO;
		a->gpa = f->gpa;
		return true;
	case SMMU_NEED_TABLE:
		provide_table(m, f);
		return false;
	case SMMU_NEED_PAGES:
		refill(m);
		return false;
	case SMMU_EMULATE:
	default:
		a->result = M_EMULATED;
		a->gpa = f->gpa;
		return true;
	}
}

void m_access(struct machine *m, struct m_cpu *c, struct m_access *a)
{
	struct smmu_fault f = { .gva = a->gva, .access = a->access };

	a->result = M_OK;
	for (a->exits = 0; !hw_access(c, a); a->exits++) {
		assert_true(a->exits < 40);
		if (answer(m, c, a, &f))
			return;
	}
}

bool m_store64(struct machine *m, struct m_cpu *c, gva_t gva, u64 value)
{
	struct m_access a = { .gva = gva, .access = GWALK_W };

	m_access(m, c, &a);
	if (a.result != M_OK)
		return false;
	memcpy(m->host + (a.hpa - M_HPA), &value, 8);
	return true;
}

/* ---- what must always hold ---------------------------------------------------------- */

static u32 count_chain(struct machine *m, u32 entry)
{
	struct smmu_link *l;
	u32 n = 0, prev = 0;

	for (; entry; entry = l->next, n++) {
		l = &m->by_id[entry / 512]->link[entry % 512];
		assert_int_equal(l->prev, prev);
		assert_true(n < 100000);
		prev = entry;
	}
	return n;
}

static void check_page(struct machine *m, struct smmu_page *p, u64 *leaves, u64 *pointers)
{
	unsigned int n = 0;
	u64 gpte;
	int i;

	for (i = 0; i < 512; i++) {
		assert_int_equal(smmu_present(p, i), p->table[i] & 1);
		if (!smmu_present(p, i))
			continue;
		n++;
		if (smmu_is_pointer(p, i))
			++*pointers;
		else
			++*leaves;
		/* In step: exact, but for A and D, which we set ourselves. */
		if (!smmu_is_table(p) || p->unsync)
			continue;
		assert_true(smmu_guest_entry(&m->s, p, i, &gpte));
		assert_int_equal((gpte ^ p->gpte[i]) & ~0x60ULL, 0);
	}
	assert_int_equal(n, p->nr);
}

/* No entry, and no TLB, lets a CPU write a table that is in step. */
static void check_writable(struct machine *m, struct smmu_page *p)
{
	gfn_t gfn, n;
	int i;

	for (i = smmu_next(p, 0); i >= 0; i = smmu_next(p, i + 1)) {
		if (smmu_is_pointer(p, i) || !(p->table[i] & 2))
			continue;
		gfn = p->link[i].to;
		for (n = 0; n < (smmu_level(p) ? 512 : 1); n++) {
			assert_false(smmu_in_step(&m->s, gfn + n));
			assert_true(m->gfn[gfn + n].perm & GPM_CPU_W);
		}
	}
}

static void check_tlbs(struct machine *m)
{
	unsigned int c, i;
	gfn_t gfn;
	struct m_tlb *t;

	for (c = 0; c < M_CPUS; c++) {
		for (i = 0; i < M_TLB; i++) {
			t = &m->cpu[c].tlb[i];
			if (!t->valid)
				continue;
			for (gfn = 0; gfn < M_FRAMES; gfn++)
				if (M_HPA + m->gfn[gfn].frame * 4096ULL == t->hpa)
					break;
			assert_true(gfn < M_FRAMES);
			assert_true(m->gfn[gfn].perm & GPM_CPU_R);
			if (t->write) {
				assert_true(m->gfn[gfn].perm & GPM_CPU_W);
				assert_false(smmu_in_step(&m->s, gfn));
			}
		}
	}
}

/* What a page remembers of its table's frame is what gpm has. */
static void check_frame(struct machine *m, struct smmu_page *p)
{
	if (!p->frame)
		return;
	assert_true(smmu_is_table(p));
	assert_ptr_equal(p->frame, smmu_frame(&m->s, p->gfn, p->frame_writes));
}

void m_check(struct machine *m)
{
	u64 leaves = 0, pointers = 0, chained = 0, parents = 0;
	struct smmu_list *n;
	struct smmu_page *p;
	u32 used = 0, i;

	for (n = m->s.age.next; n != &m->s.age; n = n->next, used++) {
		p = container_of(n, struct smmu_page, age);
		check_page(m, p, &leaves, &pointers);
		check_writable(m, p);
		check_frame(m, p);
		parents += count_chain(m, p->parents);
	}
	for (i = 0; i < SMMU_LEAF_HASH; i++) {
		assert_int_equal(count_chain(m, m->s.leaf[i]), m->s.chained[i]);
		assert_true(m->s.chained[i] <= SMMU_CHAIN_MAX);
		chained += m->s.chained[i];
	}
	assert_int_equal(chained, leaves);
	assert_int_equal(parents, pointers);
	assert_int_equal(leaves, m->s.nr_leaves);
	assert_int_equal(used, m->s.nr_used);
	assert_int_equal(m->s.pages, used + m->s.nr_free + m->s.nr_free_low +
			 m->s.nr_retired);
	assert_true(m->s.pages <= m->s.cap);
	check_tlbs(m);
}

/* ---- tables of the guest --------------------------------------------------------------- */

void m_map64(struct machine *m, gfn_t root, gfn_t *next, gva_t gva, u64 entry,
	     unsigned int level)
{
	unsigned int l = 3;
	gfn_t table = root;
	u64 *e;

	for (; l > level; l--) {
		e = m_word(m, table * 4096 + (gva >> (12 + 9 * l) & 511) * 8);
		if (!(*e & 1)) {
			memset(m_frame(m, *next), 0, 4096);
			*e = *next << 12 | 7;
			++*next;
		}
		table = *e >> 12 & 0xffffffffffULL;
	}
	*m_word(m, table * 4096 + (gva >> (12 + 9 * l) & 511) * 8) = entry;
}

struct gwalk_mode m_long_mode(gfn_t root)
{
	return (struct gwalk_mode){
		.cr0 = M_PG | M_PE | M_WP, .cr3 = root << 12, .cr4 = M_PAE,
		.efer = M_LMA | M_LME | M_NXE, .phys_bits = 40,
	};
}
