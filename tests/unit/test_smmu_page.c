// SPDX-License-Identifier: GPL-2.0
/* smmu_page: the pool, its cap, and the chains. */
#include "tests/unit/smmu_machine.h"

#define ROOT	8
#define DATA	300

static struct machine m;

/* Tables for @n spots 2 MiB apart: each has a table of its own. */
static struct m_cpu *many_tables(unsigned int n)
{
	struct m_cpu *c = &m.cpu[0];
	gfn_t next = ROOT + 1;
	unsigned int i;

	m_init(&m);
	for (i = 0; i < n; i++)
		m_map64(&m, ROOT, &next, i * 0x200000UL, (DATA + i) << 12 | 3, 0);
	c->mode = m_long_mode(ROOT);
	m_load(&m, c);
	return c;
}

static void touch(struct m_cpu *c, unsigned int i, unsigned int *exits)
{
	struct m_access a = { .gva = i * 0x200000UL };

	m_access(&m, c, &a);
	assert_int_equal(a.result, M_OK);
	assert_int_equal(a.hpa, M_HPA + m.gfn[DATA + i].frame * 4096ULL);
	if (exits)
		*exits = a.exits;
}

static void test_pages_never_exceed_the_cap(void **state)
{
	struct m_cpu *c = many_tables(200);
	unsigned int i, round;

	for (round = 0; round < 3; round++)
		for (i = 0; i < 200; i++)
			touch(c, i, NULL);
	assert_int_equal(m.s.pages, M_CAP);
	assert_true(m.s.stat_recycled > 100);
	m_check(&m);
	m_destroy(&m);
}

static void test_the_oldest_go_first(void **state)
{
	struct m_cpu *c = many_tables(200);
	unsigned int i, first, last;

	for (i = 0; i < 200; i++)
		touch(c, i, NULL);
	memset(c->tlb, 0, sizeof(c->tlb));
	touch(c, 199, &last);
	assert_int_equal(last, 0);
	memset(c->tlb, 0, sizeof(c->tlb));
	touch(c, 0, &first);
	assert_true(first > 0);
	m_destroy(&m);
}

static void test_a_root_in_use_is_not_recycled(void **state)
{
	struct m_cpu *c = many_tables(200);
	struct smmu_page *root = c->root;
	unsigned int i;

	for (i = 0; i < 200; i++)
		touch(c, i, NULL);
	assert_ptr_equal(c->root, root);
	assert_int_equal(root->roots, 1);
	assert_ptr_equal(smmu_page_get(&m.s, root->gfn, root->role), root);
	m_destroy(&m);
}

/* A legacy root lies below 4 GiB; all that were allocated so may be in use. */
static void test_at_the_cap_a_low_page_comes_for_another(void **state)
{
	struct m_cpu *c = many_tables(200);
	unsigned int i;

	for (i = 0; i < 200; i++)
		touch(c, i, NULL);
	assert_int_equal(m.s.pages, M_CAP);
	for (i = 0; i < M_CPUS; i++) {
		m.cpu[i].mode = (struct gwalk_mode){
			.cr0 = M_PG | M_PE, .cr3 = (1000 + i) << 12, .phys_bits = 40,
		};
		m_load(&m, &m.cpu[i]);
		assert_true(m.cpu[i].root->low);
	}
	assert_int_equal(m.s.pages, M_CAP);
	m_check(&m);
	m_destroy(&m);
}

static void test_with_a_vcpu_on_each_page_none_is_wanted(void **state)
{
	struct gwalk_mode mode = m_long_mode(0);
	gfn_t gfn;

	m_init(&m);
	for (gfn = 0; gfn < M_CAP; gfn++) {
		mode.cr3 = gfn << 12;
		if (!m_ready(&m))
			break;
		assert_non_null(smmu_get_root(&m.s, &mode));
	}
	assert_true(gfn > M_CAP - 8);
	assert_false(smmu_ready(&m.s, false));
	assert_false(smmu_wants_page(&m.s, false));
	assert_false(smmu_wants_page(&m.s, true));
	m_destroy(&m);
}

static void test_without_memory_the_pages_at_hand_serve(void **state)
{
	struct m_cpu *c = many_tables(60);
	unsigned int i;
	u32 pages;

	for (i = 0; i < 20; i++)
		touch(c, i, NULL);
	m.no_memory = true;
	pages = m.s.pages;
	for (i = 0; i < 60; i++)
		touch(c, i, NULL);
	assert_int_equal(m.s.pages, pages);
	m_check(&m);
	m_destroy(&m);
}

/* A table in the CPU's walk must not become another one's under it. */
static void test_a_recycled_page_is_reused_only_after_a_flush(void **state)
{
	struct m_cpu *c = many_tables(200);
	unsigned int i, flushes;

	for (i = 0; m.s.pages < M_CAP || m.s.nr_free >= SMMU_FAULT_PAGES; i++)
		touch(c, i, NULL);
	flushes = m.flushes;
	touch(c, i, NULL);
	assert_int_equal(m.flushes, flushes + 1);
	assert_int_equal(m.s.nr_retired, 0);
	m_destroy(&m);
}

static void test_zapping_frames_takes_every_entry_that_maps_them(void **state)
{
	struct m_cpu *c = many_tables(50);
	unsigned int i, exits;
	u64 leaves;

	for (i = 0; i < 50; i++)
		touch(c, i, NULL);
	leaves = m.s.nr_leaves;
	m_reclaim(&m, DATA + 10, DATA + 12);
	assert_int_equal(m.s.nr_leaves, leaves - 2);
	touch(c, 10, &exits);
	assert_true(exits > 0);
	m_reclaim(&m, 0, M_FRAMES);	/* by the other way through the pages */
	assert_int_equal(m.s.nr_leaves, 0);
	touch(c, 10, NULL);
	m_check(&m);
	m_destroy(&m);
}

/* Big pages elsewhere, and the neighbours, stay. */
static void test_zapping_one_frame_takes_no_other(void **state)
{
	struct m_cpu *c = many_tables(20);
	struct m_access a = { .gva = 0x40000000 };
	gfn_t next = 1000;
	unsigned int i;
	u64 drops;

	for (i = 1024; i < 1536; i++)
		m.gfn[i].level = 1;
	m_map64(&m, ROOT, &next, a.gva, 1024 << 12 | 0x87, 1);
	m_load(&m, c);
	m_access(&m, c, &a);
	assert_int_equal(a.result, M_OK);
	for (i = 0; i < 20; i++)
		touch(c, i, NULL);
	drops = m.s.stat_drops;
	m_reclaim(&m, DATA + 7, DATA + 8);
	assert_int_equal(m.s.stat_drops, drops + 1);
	m_reclaim(&m, 1100, 1101);
	assert_int_equal(m.s.stat_drops, drops + 2);
	touch(c, 6, &i);
	assert_int_equal(i, 0);
	touch(c, 7, &i);
	assert_true(i > 0);
	m_check(&m);
	m_destroy(&m);
}

static void touch_page(struct m_cpu *c, unsigned int i, unsigned int *exits)
{
	struct m_access a = { .gva = i * 4096UL };

	m_access(&m, c, &a);
	assert_int_equal(a.result, M_OK);
	assert_int_equal(a.hpa, M_HPA + m.gfn[DATA].frame * 4096ULL);
	*exits = a.exits;
}

/* A guest that maps one frame everywhere decides no longer how far others look. */
static void test_a_chain_has_an_end_and_keeps_the_youngest(void **state)
{
	struct m_cpu *c = &m.cpu[0];
	gfn_t next = ROOT + 1;
	unsigned int i, exits, n = 2 * SMMU_CHAIN_MAX;

	m_init(&m);
	for (i = 0; i < n; i++)
		m_map64(&m, ROOT, &next, i * 4096UL, DATA << 12 | 3, 0);
	assert_true(next < DATA);
	c->mode = m_long_mode(ROOT);
	m_load(&m, c);
	for (i = 0; i < n; i++) {
		touch_page(c, i, &exits);
		assert_true(m.s.nr_leaves <= SMMU_CHAIN_MAX);
	}
	assert_true(m.s.nr_leaves >= SMMU_CHAIN_MAX / 2);
	memset(c->tlb, 0, sizeof(c->tlb));
	for (i = n - SMMU_CHAIN_MAX / 2; i < n; i++) {
		touch_page(c, i, &exits);
		assert_int_equal(exits, 0);
	}
	touch_page(c, 0, &exits);
	assert_true(exits > 0);
	m_check(&m);
	m_reclaim(&m, DATA, DATA + 1);
	assert_int_equal(m.s.nr_leaves, 0);
	touch_page(c, 1, &exits);
	m_check(&m);
	m_destroy(&m);
}

static void test_zapping_all_leaves_the_roots_alone(void **state)
{
	struct m_cpu *c = many_tables(50);
	unsigned int i;

	for (i = 0; i < 50; i++)
		touch(c, i, NULL);
	smmu_zap_all(&m.s);
	assert_int_equal(m.s.nr_used, 1);
	assert_int_equal(m.s.nr_leaves, 0);
	assert_int_equal(c->root->nr, 0);
	m_check(&m);
	touch(c, 3, NULL);
	m_destroy(&m);
}

static void test_next_finds_each_entry_once(void **state)
{
	static struct smmu_page p;
	int idx, n = 0;

	assert_int_equal(smmu_next(&p, 0), -1);
	p.used[0] = 1 | 1ULL << 63;
	p.used[7] = 1ULL << 63;
	for (idx = smmu_next(&p, 0); idx >= 0; idx = smmu_next(&p, idx + 1), n++)
		assert_int_equal(idx, n == 0 ? 0 : n == 1 ? 63 : 511);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_never_exceed_the_cap),
		cmocka_unit_test(test_the_oldest_go_first),
		cmocka_unit_test(test_a_root_in_use_is_not_recycled),
		cmocka_unit_test(test_at_the_cap_a_low_page_comes_for_another),
		cmocka_unit_test(test_with_a_vcpu_on_each_page_none_is_wanted),
		cmocka_unit_test(test_without_memory_the_pages_at_hand_serve),
		cmocka_unit_test(test_a_recycled_page_is_reused_only_after_a_flush),
		cmocka_unit_test(test_zapping_frames_takes_every_entry_that_maps_them),
		cmocka_unit_test(test_zapping_one_frame_takes_no_other),
		cmocka_unit_test(test_a_chain_has_an_end_and_keeps_the_youngest),
		cmocka_unit_test(test_zapping_all_leaves_the_roots_alone),
		cmocka_unit_test(test_next_finds_each_entry_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
