// SPDX-License-Identifier: GPL-2.0
/*
 * gpm under a memory with a history. Each change runs while two independent
 * walkers look at the tree after every store (mem_history.h); DESIGN's rules
 * are the questions, at every page size.
 */
#include "tests/unit/check.h"
#include "tests/unit/mem_history.h"

#define K4	0x1000ULL
#define M2	0x200000ULL
#define G1	0x40000000ULL
#define RAM	(GPM_CPU_RWX | GPM_DMA_RW)
#define MAX_PROBES	1200

static const u64 span[] = { K4, M2, G1 };

/* One tree, its memory, and what the walkers saw at the probes. */
struct look {
	struct mem_history_walk cpu, iommu;
};

struct bench {
	struct mem_history h;
	struct gpm g;
	gpa_t probe[MAX_PROBES];
	unsigned int probes, looks, room;
	struct look before[MAX_PROBES];
	struct look *seen;	/* [look][probe] */
};

static struct look look_at(struct bench *b, gpa_t gpa)
{
	hpa_t root = gpm_root_hpa(&b->g);

	return (struct look) {
		.cpu = mem_history_cpu(&b->h, root, b->g.depth, gpa),
		.iommu = mem_history_iommu(&b->h, root, b->g.depth, gpa),
	};
}

static void on_store(void *arg)
{
	struct bench *b = arg;
	unsigned int i;

	if (b->looks == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->seen = realloc(b->seen, (size_t)b->room * b->probes *
				  sizeof(*b->seen));
		assert_non_null(b->seen);
	}
	for (i = 0; i < b->probes; i++)
		b->seen[b->looks * b->probes + i] = look_at(b, b->probe[i]);
	b->looks++;
}

static struct bench *bench_new(unsigned int depth)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	mem_history_init(&b->h);
	assert_int_equal(gpm_init(&b->g, &mem_history_ops, &b->h, depth), 0);
	mem_history_attach(&b->h, b->g.root);
	return b;
}

static int count_level(void *arg, gpa_t gpa, const struct gpm_leaf *leaf)
{
	(void)gpa;
	((u64 *)arg)[leaf->level]++;
	return 0;
}

static u64 leaves(const struct bench *b, unsigned int level)
{
	u64 n[GPM_MAX_LEVEL + 1] = { 0 };

	gpm_visit_leaves(&b->g, 0, b->g.limit, count_level, n);
	return n[level];
}

static void bench_free(struct bench *b)
{
	b->h.on_store = NULL;
	mem_history_attach(&b->h, NULL);
	if (b->g.root)
		assert_int_equal(b->g.tables, b->h.given - b->h.retired);
	gpm_destroy(&b->g);
	assert_int_equal(b->g.tables, 0);
	mem_history_fini(&b->h);
	free(b->seen);
	free(b);
}

/* Start to watch @n addresses. */
static void watch(struct bench *b)
{
	unsigned int i;

	free(b->seen);
	b->seen = NULL;
	b->room = b->looks = 0;
	for (i = 0; i < b->probes; i++)
		b->before[i] = look_at(b, b->probe[i]);
	b->h.arg = b;
	b->h.on_store = on_store;
}

static void probe(struct bench *b, gpa_t gpa)
{
	assert_true(b->probes < MAX_PROBES);
	b->probe[b->probes++] = gpa;
}

/* Each page of the 2 MiB around @gpa, one in each 2 MiB of its GiB, and the
 * neighbours' edges.
 */
static void probe_around(struct bench *b, gpa_t gpa)
{
	gpa_t big = gpa & ~(M2 - 1), huge = gpa & ~(G1 - 1);
	unsigned int i;

	for (i = 0; i < 512; i++) {
		probe(b, big + i * K4 + (i & 0xff8));
		probe(b, huge + i * M2 + (i * 8));
	}
	probe(b, huge + G1 - 8);
	probe(b, huge + G1);
	if (huge)
		probe(b, huge - 8);
}

static bool same_walk(const struct mem_history_walk *a,
		      const struct mem_history_walk *b)
{
	if (a->ok != b->ok || a->bad || b->bad)
		return false;
	return !a->ok ||
	       (a->hpa == b->hpa && a->r == b->r && a->w == b->w &&
		a->x == b->x && a->uncached == b->uncached &&
		a->coherent == b->coherent);
}

static bool same_look(const struct look *a, const struct look *b)
{
	return same_walk(&a->cpu, &b->cpu) && same_walk(&a->iommu, &b->iommu);
}

/* Rule 2: at each look each probe had its old or its new translation. */
static void assert_old_or_new(struct bench *b)
{
	unsigned int l, i;

	for (i = 0; i < b->probes; i++) {
		struct look now = look_at(b, b->probe[i]);

		for (l = 0; l < b->looks; l++) {
			struct look *s = &b->seen[l * b->probes + i];

			assert_true(same_look(s, &b->before[i]) ||
				    same_look(s, &now));
		}
	}
}

static void assert_all_as_before(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->probes; i++) {
		struct look now = look_at(b, b->probe[i]);

		assert_true(same_look(&now, &b->before[i]));
	}
}

/* Both walkers and gpm_lookup must give @gpa this page and permission. */
static void assert_translates(struct bench *b, gpa_t gpa, hpa_t hpa, u32 perm)
{
	struct look l = look_at(b, gpa);
	struct gpm_leaf leaf = gpm_lookup(&b->g, gpa);

	assert_true(leaf.present);
	assert_int_equal(leaf.hpa, hpa);
	assert_int_equal(leaf.perm, perm);
	assert_false(l.cpu.bad || l.iommu.bad);
	assert_int_equal(l.cpu.ok, !!(perm & GPM_CPU_R));
	if (l.cpu.ok) {
		assert_int_equal(l.cpu.hpa, hpa);
		assert_int_equal(l.cpu.w, !!(perm & GPM_CPU_W));
		assert_int_equal(l.cpu.x, !!(perm & GPM_CPU_X));
		assert_int_equal(l.cpu.uncached, !!(perm & GPM_UNCACHED));
		assert_int_equal(l.cpu.level, leaf.level);
	}
	assert_int_equal(l.iommu.ok, !!(perm & GPM_DMA_RW));
	if (l.iommu.ok) {
		assert_int_equal(l.iommu.hpa, hpa);
		assert_int_equal(l.iommu.r, !!(perm & GPM_DMA_R));
		assert_int_equal(l.iommu.w, !!(perm & GPM_DMA_W));
		assert_int_equal(l.iommu.coherent, !!(perm & GPM_FORCE_COH));
		assert_int_equal(l.iommu.level, leaf.level);
	}
}

static void assert_absent(struct bench *b, gpa_t gpa)
{
	struct look l = look_at(b, gpa);

	assert_false(gpm_lookup(&b->g, gpa).present);
	assert_false(l.cpu.ok || l.cpu.bad || l.iommu.ok || l.iommu.bad);
}

/* ---- what is refused --------------------------------------------------- */

static void test_init_refuses_a_depth_no_walker_has(void **state)
{
	static const unsigned int bad[] = { 0, 1, 2, 7, 64 };
	struct mem_history h;
	struct gpm g;
	unsigned int i;

	mem_history_init(&h);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(gpm_init(&g, &mem_history_ops, &h, bad[i]),
				 -EINVAL);
	h.fail_at = 1;
	assert_int_equal(gpm_init(&g, &mem_history_ops, &h, 4), -ENOMEM);
	mem_history_fini(&h);
}

static void test_map_refuses_what_it_cannot_say_exactly(void **state)
{
	static const struct {
		gpa_t gpa;
		hpa_t hpa;
		unsigned int level;
		u32 perm;
	} bad[] = {
		{ 0x1001, 0, 0, RAM },			/* gpa unaligned */
		{ 0, 0x1800, 0, RAM },			/* hpa unaligned */
		{ K4, M2, 1, RAM },
		{ M2, K4, 1, RAM },
		{ M2, G1, 2, RAM },
		{ G1, M2, 2, RAM },
		{ 0, 0, 3, RAM },			/* no such leaf */
		{ 0, 0, ~0U, RAM },
		{ 1ULL << 48, 0, 0, RAM },		/* beyond the depth */
		{ ~0ULL << 12, 0, 0, RAM },
		{ 0, 1ULL << 52, 0, RAM },		/* not an address */
		{ 0, 1ULL << 63, 0, RAM },
		{ 0, 0, 0, 0 },				/* no permission */
		{ 0, 0, 0, GPM_UNCACHED },
		{ 0, 0, 0, GPM_FORCE_COH },
		{ 0, 0, 0, GPM_CPU_W },			/* not encodable */
		{ 0, 0, 0, GPM_CPU_X },
		{ 0, 0, 0, GPM_CPU_W | GPM_DMA_RW },
	};
	struct bench *b = bench_new(4);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(gpm_map(&b->g, bad[i].gpa, bad[i].hpa,
					 bad[i].level, bad[i].perm), -EINVAL);
	assert_int_equal(b->g.tables, 1);
	assert_int_equal(b->h.stores, 0);
	bench_free(b);
}

static void test_ranges_must_be_aligned_ordered_and_inside(void **state)
{
	static const gpa_t bad[][2] = {
		{ 1, K4 }, { 0, K4 + 1 }, { M2, K4 }, { 0, (1ULL << 48) + K4 },
		{ 1ULL << 48, (1ULL << 48) + K4 }, { ~0ULL << 12, 0 },
	};
	struct bench *b = bench_new(4);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(gpm_unmap(&b->g, bad[i][0], bad[i][1]), -EINVAL);
		assert_int_equal(gpm_protect(&b->g, bad[i][0], bad[i][1],
					     GPM_CPU_W, 0), -EINVAL);
		assert_int_equal(gpm_harvest_dirty(&b->g, bad[i][0], bad[i][1],
						   NULL, NULL), -EINVAL);
		assert_int_equal(gpm_visit_leaves(&b->g, bad[i][0], bad[i][1],
						   NULL, NULL), -EINVAL);
	}
	assert_int_equal(gpm_unmap(&b->g, K4, K4), GPM_DONE);
	assert_int_equal(gpm_unmap(&b->g, 0, 1ULL << 48), GPM_DONE);
	assert_absent(b, 1ULL << 48);
	assert_absent(b, 0);
	bench_free(b);
}

/* Rule 6: is DMA permission in the interrupt window refused, at each size, in
 * each direction, and by protect as well as by map?
 */
static void test_no_dma_in_the_interrupt_window(void **state)
{
	static const u32 dma[] = { GPM_DMA_R, GPM_DMA_W, GPM_DMA_RW };
	struct bench *b = bench_new(4);
	unsigned int i;
	gpa_t gpa;

	for (i = 0; i < ARRAY_SIZE(dma); i++) {
		for (gpa = GPM_MSI_START; gpa < GPM_MSI_END; gpa += K4)
			assert_int_equal(gpm_map(&b->g, gpa, gpa, 0,
						 GPM_CPU_RWX | dma[i]), -EINVAL);
		gpa = GPM_MSI_START & ~(M2 - 1);
		assert_int_equal(gpm_map(&b->g, gpa, 0, 1, dma[i]), -EINVAL);
		gpa = GPM_MSI_START & ~(G1 - 1);
		assert_int_equal(gpm_map(&b->g, gpa, 0, 2, dma[i]), -EINVAL);
	}
	/* The CPU may have it: passing a hole there is the caller's business. */
	assert_int_equal(gpm_map(&b->g, GPM_MSI_START & ~(G1 - 1), 0, 2,
				 GPM_CPU_RWX), GPM_DONE);
	assert_int_equal(gpm_protect(&b->g, GPM_MSI_START, GPM_MSI_START + K4,
				     0, GPM_DMA_R), -EINVAL);
	assert_int_equal(gpm_protect(&b->g, GPM_MSI_END - K4, GPM_MSI_END + K4,
				     0, GPM_DMA_W), -EINVAL);
	assert_int_equal(gpm_protect(&b->g, 0, 1ULL << 40, 0, GPM_DMA_RW),
			 -EINVAL);
	/* Right beside it both work. */
	assert_true(gpm_protect(&b->g, GPM_MSI_START - K4, GPM_MSI_START,
				0, GPM_DMA_RW) >= 0);
	assert_true(gpm_protect(&b->g, GPM_MSI_END, GPM_MSI_END + K4,
				0, GPM_DMA_RW) >= 0);
	for (gpa = GPM_MSI_START; gpa < GPM_MSI_END; gpa += K4)
		assert_false(look_at(b, gpa).iommu.ok);
	assert_true(look_at(b, GPM_MSI_START - 1).iommu.ok);
	assert_true(look_at(b, GPM_MSI_END).iommu.ok);
	bench_free(b);
}

/* ---- what is mapped ---------------------------------------------------- */

/* Every permission that can be said, at every page size: do gpm_lookup and
 * both walkers read back what was asked for?
 */
static void test_each_permission_reads_back_at_each_size(void **state)
{
	unsigned int level, perm;

	for (level = 0; level <= GPM_MAX_LEVEL; level++) {
		for (perm = 1; perm < BIT(7); perm++) {
			struct bench *b = bench_new(4);
			gpa_t gpa = 5 * G1 + (level < 2 ? 7 * M2 : 0);
			hpa_t hpa = 9 * G1;
			int rc = gpm_map(&b->g, gpa, hpa, level, perm);
			bool sayable = (perm & (GPM_CPU_R | GPM_DMA_RW)) &&
				(!(perm & (GPM_CPU_W | GPM_CPU_X)) ||
				 (perm & GPM_CPU_R));

			assert_int_equal(rc, sayable ? GPM_DONE : -EINVAL);
			if (sayable) {
				assert_translates(b, gpa, hpa, perm);
				assert_translates(b, gpa + span[level] - 8,
						  hpa + span[level] - 8, perm);
				assert_absent(b, gpa - 8);
				assert_absent(b, gpa + span[level]);
				assert_int_equal(leaves(b, level), 1);
			}
			bench_free(b);
		}
	}
}

/* Rule 3: is the table's depth the walker's depth, from 3 to 6? */
static void test_each_depth_maps_its_whole_reach(void **state)
{
	unsigned int depth, level;

	for (depth = 3; depth <= 6; depth++) {
		struct bench *b = bench_new(depth);
		unsigned int bits = depth < 5 ? 12 + 9 * depth : 52;
		gpa_t top = 1ULL << bits;

		for (level = 0; level <= GPM_MAX_LEVEL; level++) {
			gpa_t gpa = top - (level + 1) * G1;

			assert_int_equal(gpm_map(&b->g, gpa, 3 * G1, level, RAM),
					 GPM_DONE);
			assert_translates(b, gpa + 16, 3 * G1 + 16, RAM);
		}
		assert_int_equal(gpm_map(&b->g, top, 0, 0, RAM), -EINVAL);
		if (depth == 5)		/* 57 bits, of which 52 are addresses */
			assert_int_equal(gpm_map(&b->g, 1ULL << 56, 0, 0, RAM),
					 -EINVAL);
		assert_true(gpm_unmap(&b->g, 0, top) > 0);
		assert_absent(b, top - K4);
		bench_free(b);
	}
}

/* A leaf of the level that a lookup tells, whatever it found, replaces no table. */
static void test_a_lookup_tells_what_may_be_mapped_without_a_loss(void **state)
{
	struct bench *b = bench_new(4);

	assert_int_equal(gpm_lookup(&b->g, 0).level, 3);
	gpm_map(&b->g, M2, M2, 0, RAM);
	gpm_map(&b->g, 4 * M2, 4 * M2, 1, RAM);
	assert_int_equal(gpm_lookup(&b->g, G1).level, 2);
	assert_int_equal(gpm_lookup(&b->g, 0).level, 1);
	assert_int_equal(gpm_lookup(&b->g, M2).level, 0);
	assert_int_equal(gpm_lookup(&b->g, M2 + K4).level, 0);
	assert_int_equal(gpm_lookup(&b->g, 4 * M2 + K4).level, 1);
	assert_int_equal(gpm_map(&b->g, G1, G1, 2, RAM), GPM_DONE);
	assert_int_equal(gpm_map(&b->g, 0, 0, 1, RAM), GPM_DONE);
	assert_int_equal(gpm_map(&b->g, M2 + K4, M2 + K4, 0, RAM), GPM_DONE);
	assert_int_equal(b->g.tables, 4);
	bench_free(b);
}

static void test_absent_entries_are_zero(void **state)
{
	struct bench *b = bench_new(4);
	unsigned int i, p;

	gpm_map(&b->g, 0, 0, 0, RAM);
	gpm_map(&b->g, K4, K4, 0, RAM);
	assert_int_equal(gpm_unmap(&b->g, 0, 2 * K4), GPM_FLUSH);
	for (p = 0; p < b->h.given; p++)
		for (i = 0; i < 512; i++)
			assert_true(!b->h.page[p].words[i] ||
				    (b->h.page[p].words[i] & 1));
	bench_free(b);
}

/* ---- rule 2: old or new ------------------------------------------------- */

/*
 * A leaf of each size is replaced by a leaf of each size: another page, the
 * same page with more and with less permission. Splits and collapses are
 * among them.
 */
static void replace(unsigned int from, unsigned int to, hpa_t hpa, u32 perm)
{
	struct bench *b = bench_new(4);
	gpa_t big = 6 * G1, at = big + 5 * M2 + 9 * K4, gpa = at & ~(span[to] - 1);
	hpa_t old = 0x4000000000ULL;
	int rc;

	assert_int_equal(gpm_map(&b->g, big, old, 2, RAM), GPM_DONE);
	if (from < 2) {	/* break it down to a leaf of the wanted size */
		gpa_t leaf = at & ~(span[from] - 1);

		assert_true(gpm_protect(&b->g, leaf, leaf + span[from],
					GPM_DMA_W, 0) > 0);
		assert_true(gpm_protect(&b->g, leaf, leaf + span[from],
					0, GPM_DMA_W) > 0);
	}
	probe_around(b, gpa);
	watch(b);
	rc = gpm_map(&b->g, gpa, hpa == 0 ? old + (gpa - big) : hpa, to, perm);
	assert_true(rc >= 0);
	assert_old_or_new(b);
	assert_translates(b, gpa + span[to] - 1,
			  (hpa == 0 ? old + (gpa - big) : hpa) + span[to] - 1,
			  perm);
	if (hpa != 0 || (RAM & ~perm) || from != to)
		assert_true(rc & GPM_FLUSH);
	if (from < to)
		assert_true(rc & GPM_FLUSH_WALK);
	bench_free(b);
}

static void test_a_leaf_is_replaced_by_a_leaf_of_any_size(void **state)
{
	static const u32 perms[] = { RAM, GPM_CPU_R, GPM_DMA_RW, GPM_CPU_RWX,
				     RAM | GPM_FORCE_COH, GPM_CPU_R | GPM_UNCACHED };
	unsigned int from, to, i;

	for (from = 0; from <= 2; from++) {
		for (to = 0; to <= 2; to++) {
			for (i = 0; i < ARRAY_SIZE(perms); i++) {
				replace(from, to, 0, perms[i]);
				replace(from, to, 8 * G1, perms[i]);
			}
		}
	}
}

/* Ranges whose edges lie in 4K, 2M and 1G leaves, unmapped and protected. */
static const gpa_t edges[][2] = {
	{ 0, K4 }, { K4, 2 * K4 }, { 511 * K4, M2 }, { 511 * K4, M2 + K4 },
	{ 0, M2 }, { M2, 3 * M2 }, { K4, 3 * M2 - K4 }, { 0, G1 },
	{ M2, G1 }, { G1 - K4, G1 + K4 }, { G1 - M2, G1 + M2 },
	{ 0, 2 * G1 }, { 3 * K4, 3 * G1 - 3 * K4 },
};

/* GiB 0 in 4K and 2M leaves, GiB 1 in 2M leaves, GiB 2 as one leaf. */
static struct bench *mixed_tree(void)
{
	struct bench *b = bench_new(4);
	hpa_t to = 0x100000000000ULL;
	unsigned int i;

	for (i = 0; i < 512; i++) {
		assert_int_equal(gpm_map(&b->g, i * K4, to + i * K4, 0, RAM), 0);
		if (i)
			assert_int_equal(gpm_map(&b->g, i * M2, to + i * M2, 1,
						 RAM), 0);
		assert_int_equal(gpm_map(&b->g, G1 + i * M2, to + G1 + i * M2,
					 1, RAM), 0);
	}
	assert_int_equal(gpm_map(&b->g, 2 * G1, to + 2 * G1, 2, RAM), 0);
	return b;
}

static void probe_mixed(struct bench *b, const gpa_t *edge)
{
	gpa_t gpa;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		for (gpa = edge[i] < 4 * K4 ? 0 : edge[i] - 4 * K4;
		     gpa < edge[i] + 4 * K4; gpa += K4)
			probe(b, gpa);
		probe(b, edge[i] ^ M2);
		probe(b, edge[i] ^ G1);
	}
	for (i = 0; i < 16; i++)
		probe(b, i * (3 * G1 / 16) + i * K4);
}

static void test_unmap_takes_the_range_and_nothing_else(void **state)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct bench *b = mixed_tree();

		probe_mixed(b, edges[i]);
		watch(b);
		assert_true(gpm_unmap(&b->g, edges[i][0], edges[i][1]) &
			    GPM_FLUSH);
		assert_old_or_new(b);
		for (j = 0; j < b->probes; j++) {
			gpa_t p = b->probe[j];
			struct look now = look_at(b, p);

			if (p >= edges[i][0] && p < edges[i][1])
				assert_absent(b, p);
			else
				assert_true(same_look(&now, &b->before[j]));
		}
		bench_free(b);
	}
}

static void test_protect_changes_the_range_and_nothing_else(void **state)
{
	static const struct {
		u32 clear, set;
	} how[] = {
		{ GPM_CPU_W, 0 }, { GPM_DMA_RW, 0 }, { GPM_CPU_RWX, 0 },
		{ GPM_CPU_R, 0 }, { RAM, 0 }, { 0, GPM_FORCE_COH },
		{ RAM, GPM_DMA_R },
	};
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (k = 0; k < ARRAY_SIZE(how); k++) {
			struct bench *b = mixed_tree();
			u32 want = (RAM & ~how[k].clear) | how[k].set;

			if (!(want & GPM_CPU_R))
				want &= ~GPM_CPU_RWX;
			probe_mixed(b, edges[i]);
			watch(b);
			assert_true(gpm_protect(&b->g, edges[i][0], edges[i][1],
						how[k].clear, how[k].set) &
				    GPM_FLUSH);
			assert_old_or_new(b);
			for (j = 0; j < b->probes; j++) {
				gpa_t p = b->probe[j];
				struct look now = look_at(b, p);

				if (p < edges[i][0] || p >= edges[i][1])
					assert_true(same_look(&now,
							      &b->before[j]));
				else if (want)
					assert_translates(b, p,
						0x100000000000ULL + p, want);
				else
					assert_absent(b, p);
			}
			bench_free(b);
		}
	}
}

/* Neither may allocate, split, or touch what a card may reach. */
static void test_reclaim_spares_pinned_leaves_and_needs_no_memory(void **state)
{
	unsigned int i, j, protect;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (protect = 0; protect < 2; protect++) {
			struct bench *b = mixed_tree();
			u64 tables = b->g.tables;

			/* Of all the leaves these stay pinned, the others not. */
			gpm_protect(&b->g, 4 * K4, G1, GPM_DMA_RW, 0);
			gpm_protect(&b->g, G1 + M2, 3 * G1, GPM_DMA_RW, 0);
			gpm_protect(&b->g, M2, 2 * M2, 0, GPM_DMA_R);
			probe_mixed(b, edges[i]);
			watch(b);
			b->h.fail_at = b->h.asked + 1;
			assert_true((protect ? gpm_write_protect : gpm_reclaim)
				    (&b->g, edges[i][0], edges[i][1]) >= 0);
			assert_int_equal(b->g.tables, tables);
			assert_old_or_new(b);
			for (j = 0; j < b->probes; j++) {
				gpa_t p = b->probe[j];
				struct look now = look_at(b, p);

				if (b->before[j].iommu.ok ||
				    p >= 3 * G1) {
					assert_true(same_look(&now, &b->before[j]));
				} else if (p >= edges[i][0] && p < edges[i][1]) {
					assert_false(protect ? now.cpu.w : now.cpu.ok);
					assert_int_equal(now.cpu.ok, protect);
				}
			}
			bench_free(b);
		}
	}
}

static void test_reclaim_takes_a_big_leaf_as_a_whole(void **state)
{
	struct bench *b = bench_new(4);

	gpm_map(&b->g, G1, G1, 2, GPM_CPU_RWX);
	gpm_map(&b->g, 0, 0, 1, GPM_CPU_RWX);
	assert_int_equal(gpm_reclaim(&b->g, G1 - K4, G1 + K4), GPM_FLUSH);
	assert_absent(b, 2 * G1 - K4);
	assert_int_equal(gpm_write_protect(&b->g, M2 - K4, M2 + K4), GPM_FLUSH);
	assert_translates(b, 0, 0, GPM_CPU_R | GPM_CPU_X);
	assert_int_equal(gpm_write_protect(&b->g, 0, M2), GPM_DONE);
	assert_int_equal(gpm_reclaim(&b->g, K4, K4), GPM_DONE);
	assert_int_equal(gpm_reclaim(&b->g, 1, K4), -EINVAL);
	assert_int_equal(gpm_write_protect(&b->g, 0, 1ULL << 49), -EINVAL);
	bench_free(b);
}

/* A card's registers are not pinned, and cards may reach them. */
static void test_reclaim_of_all_takes_what_cards_may_reach(void **state)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct bench *b = mixed_tree();
		u64 tables = b->g.tables;
		bool any = false;

		probe_mixed(b, edges[i]);
		watch(b);
		b->h.fail_at = b->h.asked + 1;
		assert_true(gpm_reclaim_all(&b->g, edges[i][0], edges[i][1]) >= 0);
		assert_int_equal(b->g.tables, tables);
		assert_old_or_new(b);
		for (j = 0; j < b->probes; j++) {
			gpa_t p = b->probe[j];
			struct look now = look_at(b, p);

			if (p < edges[i][0] || p >= edges[i][1])
				continue;
			assert_false(now.cpu.ok || now.iommu.ok);
			any |= b->before[j].iommu.ok;
		}
		assert_true(any);
		bench_free(b);
	}
}

/* ---- flushes ----------------------------------------------------------- */

/* Rule 4: does each loss ask for a flush, and a pure CPU gain for none? */
static void test_each_loss_asks_for_a_flush(void **state)
{
	static const struct {
		u32 from, to;
		bool other_page;
		int want;
	} row[] = {
		{ RAM, GPM_CPU_R | GPM_DMA_RW, false, GPM_FLUSH },
		{ RAM, GPM_CPU_RWX | GPM_DMA_R, false, GPM_FLUSH },
		{ RAM, GPM_CPU_RWX, false, GPM_FLUSH },
		{ RAM, GPM_DMA_RW, false, GPM_FLUSH },
		{ RAM, GPM_CPU_R | GPM_CPU_W | GPM_DMA_RW, false, GPM_FLUSH },
		{ RAM, RAM, true, GPM_FLUSH },
		{ GPM_CPU_R, GPM_CPU_R, true, GPM_FLUSH },
		{ GPM_CPU_R, GPM_CPU_R | GPM_UNCACHED, false, GPM_FLUSH },
		{ GPM_CPU_R | GPM_UNCACHED, GPM_CPU_R, false, GPM_FLUSH },
		/* an IOMMU may cache a refusal: its gains are flushed too */
		{ GPM_CPU_RWX, RAM, false, GPM_FLUSH },
		{ RAM, RAM | GPM_FORCE_COH, false, GPM_FLUSH },
		{ GPM_CPU_R, GPM_CPU_RWX, false, GPM_DONE },
		{ GPM_CPU_R | GPM_DMA_RW, RAM, false, GPM_DONE },
		{ GPM_DMA_RW, RAM, false, GPM_DONE },
		{ RAM, RAM, false, GPM_DONE },
	};
	unsigned int i, level;

	for (level = 0; level <= GPM_MAX_LEVEL; level++) {
		for (i = 0; i < ARRAY_SIZE(row); i++) {
			struct bench *b = bench_new(4);

			assert_int_equal(gpm_map(&b->g, G1, G1, level,
						 row[i].from), GPM_DONE);
			assert_int_equal(gpm_map(&b->g, G1,
						 row[i].other_page ? 2 * G1 : G1,
						 level, row[i].to), row[i].want);
			bench_free(b);
		}
	}
}

static void test_a_dying_table_asks_for_a_walk_flush(void **state)
{
	struct bench *b = bench_new(4);

	assert_int_equal(gpm_map(&b->g, 0, 0, 0, RAM), GPM_DONE);
	assert_int_equal(gpm_unmap(&b->g, 0, K4), GPM_FLUSH);
	/* Empty now, but a walker may hold the pointer to it. */
	assert_int_equal(gpm_map(&b->g, 0, 0, 1, RAM),
			 GPM_FLUSH | GPM_FLUSH_WALK);
	assert_int_equal(b->h.retired, 1);
	assert_int_equal(gpm_unmap(&b->g, 0, G1), GPM_FLUSH | GPM_FLUSH_WALK);
	assert_int_equal(b->h.retired, 2);
	assert_int_equal(gpm_unmap(&b->g, 0, G1), GPM_DONE);
	bench_free(b);
}

/* ---- accessed and dirty ------------------------------------------------- */

static u64 *entry_of(struct bench *b, gpa_t gpa, unsigned int level)
{
	u64 *table = b->g.root;
	unsigned int at;

	for (at = b->g.depth - 1; at > level; at--)
		table = mem_history_ops.table_at(&b->h,
			table[gpa >> (12 + 9 * at) & 511] & 0xffffffffff000ULL);
	return &table[gpa >> (12 + 9 * level) & 511];
}

/* Hardware sets A and D between our look and our store: are they lost? */
static void test_bits_set_by_hardware_meanwhile_survive(void **state)
{
	unsigned int level;

	for (level = 0; level <= GPM_MAX_LEVEL; level++) {
		struct bench *b = bench_new(4);

		gpm_map(&b->g, G1, G1, level, RAM);
		b->h.race = BIT(5) | BIT(6);
		b->h.races = 1;
		assert_int_equal(gpm_protect(&b->g, G1, G1 + span[level],
					     GPM_CPU_W, 0), GPM_FLUSH);
		assert_true(gpm_lookup(&b->g, G1).dirty);
		assert_true(gpm_lookup(&b->g, G1).accessed);
		assert_int_equal(gpm_lookup(&b->g, G1).perm, RAM & ~GPM_CPU_W);
		/* Write permission comes back by map, as after a fault. */
		assert_int_equal(gpm_map(&b->g, G1, G1, level, RAM), GPM_DONE);
		assert_true(gpm_lookup(&b->g, G1).dirty);
		bench_free(b);
	}
}

static void test_a_split_keeps_bits_that_arrive_during_it(void **state)
{
	unsigned int level;

	for (level = 1; level <= GPM_MAX_LEVEL; level++) {
		struct bench *b = bench_new(4);
		gpa_t last = G1 + span[level] - K4;

		gpm_map(&b->g, G1, G1, level, RAM);
		probe_around(b, G1);
		watch(b);
		b->h.race = BIT(5) | BIT(6);
		b->h.races = 2;
		assert_int_equal(gpm_unmap(&b->g, G1, G1 + K4), GPM_FLUSH);
		assert_old_or_new(b);
		assert_absent(b, G1);
		assert_true(gpm_lookup(&b->g, G1 + K4).dirty);
		assert_true(gpm_lookup(&b->g, last).dirty);
		assert_int_equal(leaves(b, level), 0);
		bench_free(b);
	}
}

struct dirty_log {
	unsigned int n;
	gpa_t start[8];
	u64 size[8];
};

static void note_dirty(void *arg, gpa_t start, u64 size)
{
	struct dirty_log *log = arg;

	assert_true(log->n < 8);
	log->start[log->n] = start;
	log->size[log->n++] = size;
}

static void test_harvest_reports_each_dirty_leaf_once(void **state)
{
	struct bench *b = mixed_tree();
	struct dirty_log log = { 0 };
	static const gpa_t at[] = { 3 * K4, 5 * M2, G1 + 2 * M2, 2 * G1 };
	static const u64 size[] = { K4, M2, M2, G1 };
	static const unsigned int level[] = { 0, 1, 1, 2 };
	unsigned int i;

	assert_int_equal(gpm_harvest_dirty(&b->g, 0, 3 * G1, note_dirty, &log),
			 GPM_DONE);
	for (i = 0; i < 4; i++)
		*entry_of(b, at[i], level[i]) |= BIT(5) | BIT(6);
	mem_history_attach(&b->h, b->g.root);
	assert_int_equal(gpm_harvest_dirty(&b->g, 0, 2 * G1 + K4, note_dirty,
					   &log), GPM_FLUSH);
	assert_int_equal(log.n, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(log.start[i], at[i]);
		assert_int_equal(log.size[i], size[i]);
		assert_false(gpm_lookup(&b->g, at[i]).dirty);
		assert_true(gpm_lookup(&b->g, at[i]).accessed);
	}
	assert_int_equal(gpm_harvest_dirty(&b->g, 0, 3 * G1, note_dirty, &log),
			 GPM_DONE);
	bench_free(b);
}

/* ---- for_each ---------------------------------------------------------- */

static int count_leaf(void *arg, gpa_t gpa, const struct gpm_leaf *leaf)
{
	struct dirty_log *log = arg;

	assert_true(leaf->present);
	assert_int_equal(leaf->hpa, 0x100000000000ULL + gpa);
	if (log->n == 7)
		return -EINTR;
	log->start[log->n] = gpa;
	log->size[log->n++] = span[leaf->level];
	return 0;
}

static void test_for_each_visits_in_order_and_stops_when_told(void **state)
{
	struct bench *b = mixed_tree();
	struct dirty_log log = { 0 };
	unsigned int stores = b->h.stores;

	assert_int_equal(gpm_visit_leaves(&b->g, M2 - 2 * K4, 3 * M2 + K4,
					   count_leaf, &log), 0);
	assert_int_equal(log.n, 5);
	assert_int_equal(log.start[0], M2 - 2 * K4);
	assert_int_equal(log.start[1], M2 - K4);
	assert_int_equal(log.start[2], M2);
	assert_int_equal(log.start[4], 3 * M2);	/* overlaps: as a whole */
	assert_int_equal(log.size[4], M2);
	log.n = 0;
	assert_int_equal(gpm_visit_leaves(&b->g, 0, 3 * G1, count_leaf, &log),
			 -EINTR);
	assert_int_equal(log.n, 7);
	assert_int_equal(b->h.stores, stores);
	bench_free(b);
}

/* ---- allocation failures ------------------------------------------------ */

/* Fail the N-th allocation of a map, for each N until it succeeds: is the tree
 * as before each time, and does nothing leak?
 */
static void test_map_without_memory_changes_nothing(void **state)
{
	static const struct {
		bool leaf;	/* a 1 GiB leaf is there, to be split */
		unsigned int level, need;
	} row[] = {
		{ false, 0, 3 }, { false, 1, 2 }, { false, 2, 1 },
		{ true, 0, 2 }, { true, 1, 1 },
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		for (n = 1;; n++) {
			struct bench *b = bench_new(4);
			int rc;

			if (row[i].leaf)
				gpm_map(&b->g, G1, 4 * G1, 2, RAM);
			probe_around(b, G1);
			watch(b);
			b->h.fail_at = b->h.asked + n;
			rc = gpm_map(&b->g, G1, 8 * G1, row[i].level, RAM);
			if (rc >= 0) {
				assert_int_equal(n, row[i].need + 1);
				bench_free(b);
				break;
			}
			assert_int_equal(rc, -ENOMEM);
			assert_all_as_before(b);
			assert_old_or_new(b);
			b->h.fail_at = 0;
			assert_true(gpm_map(&b->g, G1, 8 * G1, row[i].level,
					    RAM) >= 0);
			assert_translates(b, G1, 8 * G1, RAM);
			bench_free(b);
		}
	}
}

/* An unmap or protect that ran out of memory: called again, does it end as if
 * nothing had happened?
 */
static void test_ranges_without_memory_can_be_called_again(void **state)
{
	gpa_t start = 2 * G1 + K4, end = 3 * G1 - K4;
	unsigned int n, unmap;

	for (unmap = 0; unmap < 2; unmap++) {
		for (n = 1; n <= 4; n++) {
			struct bench *b = mixed_tree();
			int rc;

			probe_mixed(b, (gpa_t[]) { start, end });
			watch(b);
			b->h.fail_at = b->h.asked + n;
			rc = unmap ? gpm_unmap(&b->g, start, end) :
			     gpm_protect(&b->g, start, end, GPM_CPU_W, 0);
			/* 1 GiB -> 2 MiB -> 4 KiB at one end, 4 KiB at the other */
			assert_true(n == 4 ? rc > 0 : rc == -ENOMEM);
			b->h.fail_at = 0;
			rc = unmap ? gpm_unmap(&b->g, start, end) :
			     gpm_protect(&b->g, start, end, GPM_CPU_W, 0);
			assert_true(rc >= 0);
			assert_old_or_new(b);
			assert_translates(b, 2 * G1, 0x100000000000ULL + 2 * G1,
					  RAM);
			assert_translates(b, end, 0x100000000000ULL + end, RAM);
			if (unmap)
				assert_absent(b, start);
			else
				assert_translates(b, end - K4,
						  0x100000000000ULL + end - K4,
						  RAM & ~GPM_CPU_W);
			bench_free(b);
		}
	}
}

/* ---- against a model ---------------------------------------------------- */

#define MODEL_PAGES	2048	/* 8 MiB across a GiB boundary */

static u64 rnd_state;

static u32 rnd(u32 n)
{
	rnd_state = rnd_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(rnd_state >> 33) % n;
}

struct model_page {
	hpa_t hpa;
	u32 perm;		/* 0: absent */
};

static void check_model(struct bench *b, gpa_t base,
			const struct model_page *m)
{
	unsigned int i;
	u64 present = 0;

	for (i = 0; i < MODEL_PAGES; i++) {
		if (m[i].perm)
			assert_translates(b, base + i * K4, m[i].hpa, m[i].perm);
		else
			assert_absent(b, base + i * K4);
		present += !!m[i].perm;
	}
	assert_int_equal(present, leaves(b, 0) + 512 * leaves(b, 1));
}

static void model_map(struct bench *b, gpa_t base, struct model_page *m)
{
	static const u32 perms[] = { RAM, GPM_CPU_R, GPM_CPU_RWX, GPM_DMA_R };
	unsigned int level = rnd(4) == 0, n = level ? 512 : 1, i;
	unsigned int at = rnd(MODEL_PAGES / n) * n;
	hpa_t hpa = (hpa_t)(1 + rnd(1000)) * M2 + (level ? 0 : rnd(512) * K4);
	u32 perm = perms[rnd(4)];

	assert_true(gpm_map(&b->g, base + at * K4, hpa, level, perm) >= 0);
	for (i = 0; i < n; i++)
		m[at + i] = (struct model_page) { hpa + i * K4, perm };
}

static void model_range(struct bench *b, gpa_t base, struct model_page *m)
{
	static const u32 clears[] = { GPM_CPU_W, GPM_DMA_RW, GPM_CPU_RWX };
	unsigned int from = rnd(MODEL_PAGES), to = from + rnd(600), i;
	u32 clear = clears[rnd(3)];
	bool unmap = rnd(3) == 0;

	if (to > MODEL_PAGES)
		to = MODEL_PAGES;
	if (unmap)
		assert_true(gpm_unmap(&b->g, base + from * K4,
				      base + to * K4) >= 0);
	else
		assert_true(gpm_protect(&b->g, base + from * K4,
					base + to * K4, clear, 0) >= 0);
	for (i = from; i < to; i++)
		m[i].perm &= unmap ? 0 : ~clear;
}

static void test_random_changes_agree_with_a_plain_model(void **state)
{
	unsigned int seed, step;
	gpa_t base = 7 * G1 - 2 * M2;

	for (seed = 1; seed <= 12; seed++) {
		struct bench *b = bench_new(4);
		struct model_page *m = calloc(MODEL_PAGES, sizeof(*m));

		rnd_state = seed;
		for (step = 0; step < 60; step++) {
			if (rnd(2))
				model_map(b, base, m);
			else
				model_range(b, base, m);
			check_model(b, base, m);
		}
		free(m);
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_refuses_a_depth_no_walker_has),
		cmocka_unit_test(test_map_refuses_what_it_cannot_say_exactly),
		cmocka_unit_test(test_ranges_must_be_aligned_ordered_and_inside),
		cmocka_unit_test(test_no_dma_in_the_interrupt_window),
		cmocka_unit_test(test_each_permission_reads_back_at_each_size),
		cmocka_unit_test(test_each_depth_maps_its_whole_reach),
		cmocka_unit_test(test_absent_entries_are_zero),
		cmocka_unit_test(test_a_lookup_tells_what_may_be_mapped_without_a_loss),
		cmocka_unit_test(test_a_leaf_is_replaced_by_a_leaf_of_any_size),
		cmocka_unit_test(test_unmap_takes_the_range_and_nothing_else),
		cmocka_unit_test(test_protect_changes_the_range_and_nothing_else),
		cmocka_unit_test(test_reclaim_spares_pinned_leaves_and_needs_no_memory),
		cmocka_unit_test(test_reclaim_takes_a_big_leaf_as_a_whole),
		cmocka_unit_test(test_reclaim_of_all_takes_what_cards_may_reach),
		cmocka_unit_test(test_each_loss_asks_for_a_flush),
		cmocka_unit_test(test_a_dying_table_asks_for_a_walk_flush),
		cmocka_unit_test(test_bits_set_by_hardware_meanwhile_survive),
		cmocka_unit_test(test_a_split_keeps_bits_that_arrive_during_it),
		cmocka_unit_test(test_harvest_reports_each_dirty_leaf_once),
		cmocka_unit_test(test_for_each_visits_in_order_and_stops_when_told),
		cmocka_unit_test(test_map_without_memory_changes_nothing),
		cmocka_unit_test(test_ranges_without_memory_can_be_called_again),
		cmocka_unit_test(test_random_changes_agree_with_a_plain_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
