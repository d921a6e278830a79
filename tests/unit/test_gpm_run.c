// SPDX-License-Identifier: GPL-2.0
/*
 * gpm: runs of leaves mapped in one go are what one by one would have made, and
 * tables that lie at their host addresses plus a constant are found without
 * asking.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gpm/gpm.h"
#include "gpm/gpm_fmt.h"
#include "mem_history.h"

#define K4	0x1000ULL
#define M2	(512 * K4)
#define G1	(512 * M2)
#define RW	(GPM_CPU_RWX | GPM_DMA_RW)

struct tree {
	struct mem_history h;
	struct gpm g;
};

static struct tree *tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	mem_history_init(&t->h);
	assert_int_equal(gpm_init(&t->g, &mem_history_ops, &t->h, 4), 0);
	mem_history_attach(&t->h, t->g.root);
	return t;
}

static void tree_free(struct tree *t)
{
	mem_history_attach(&t->h, NULL);
	gpm_destroy(&t->g);
	mem_history_fini(&t->h);
	free(t);
}

static void assert_alike(struct tree *a, struct tree *b, gpa_t start, u64 pages)
{
	u64 i;

	for (i = 0; i < pages; i++) {
		struct gpm_leaf x = gpm_lookup(&a->g, start + i * K4);
		struct gpm_leaf y = gpm_lookup(&b->g, start + i * K4);

		assert_int_equal(x.present, y.present);
		if (!x.present)
			continue;
		assert_int_equal(x.hpa, y.hpa);
		assert_int_equal(x.perm, y.perm);
		assert_int_equal(x.level, y.level);
	}
}

static void test_a_run_is_what_one_by_one_would_be(void **unused)
{
	struct tree *a = tree_new(), *b = tree_new();
	unsigned int round;
	u64 done, i;
	int bits;

	srand(7);
	for (round = 0; round < 60; round++) {
		unsigned int level = (unsigned int)rand() % 2;
		u64 span = level ? M2 : K4, n = 1 + (unsigned int)rand() % (level ? 4 : 1300);
		gpa_t gpa = (unsigned int)rand() % 8 * M2 + (level ? 0 : (unsigned int)rand() % 512 * K4);
		hpa_t hpa = G1 + (unsigned int)rand() % 64 * M2;
		u32 perm = rand() % 2 ? RW : GPM_DMA_R;
		int one = 0;

		assert_int_equal(gpm_map_run(&a->g, gpa, hpa, level, perm, n, &done, &bits), 0);
		assert_int_equal(done, n);
		for (i = 0; i < n; i++) {
			int r = gpm_map(&b->g, gpa + i * span, hpa + i * span, level, perm);

			assert_true(r >= 0);
			one |= r;
		}
		assert_int_equal(bits, one);
		assert_alike(a, b, 0, 16 * 512);
	}
	tree_free(a);
	tree_free(b);
}

static void test_a_run_that_does_not_fit_maps_nothing(void **unused)
{
	struct tree *t = tree_new();
	u64 done, top = 1ULL << 48;
	int bits;

	assert_int_equal(gpm_map_run(&t->g, top - K4, 0, 0, RW, 2, &done, &bits), -EINVAL);
	assert_int_equal(done, 0);
	assert_int_equal(gpm_map_run(&t->g, 0, (1ULL << 52) - K4, 0, RW, 2, &done, &bits), -EINVAL);
	assert_int_equal(gpm_map_run(&t->g, 0, 0, 2, RW, ~0ULL, &done, &bits), -EINVAL);
	assert_int_equal(gpm_map_run(&t->g, GPM_MSI_START - K4, 0, 0, RW, 2, &done, &bits), -EINVAL);
	assert_int_equal(gpm_map_run(&t->g, GPM_MSI_START - K4, 0, 0, RW, 1, &done, &bits), 0);
	assert_int_equal(gpm_map_run(&t->g, 0, 0, 0, RW, 0, &done, &bits), 0);
	assert_int_equal(done, 0);
	assert_true(gpm_lookup(&t->g, GPM_MSI_START - K4).present);
	assert_false(gpm_lookup(&t->g, GPM_MSI_START).present);
	tree_free(t);
}

static void test_a_run_without_memory_goes_on_where_it_ended(void **unused)
{
	struct tree *a = tree_new(), *b = tree_new();
	gpa_t at = M2 - 4 * K4;
	u64 done, more;
	int bits;

	a->h.fail_at = a->h.asked + 4;	/* two tables on the way, then the second leaf table */
	assert_int_equal(gpm_map_run(&a->g, at, G1, 0, RW, 1024, &done, &bits), -ENOMEM);
	assert_int_equal(done, 4);
	assert_int_equal(gpm_map_run(&a->g, at + done * K4, G1 + done * K4, 0, RW,
				     1024 - done, &more, &bits), 0);
	assert_int_equal(more, 1020);
	assert_int_equal(gpm_map_run(&b->g, at, G1, 0, RW, 1024, &done, &bits), 0);
	assert_alike(a, b, 0, 4 * 512);
	tree_free(a);
	tree_free(b);
}

/* ---- tables at a constant distance --------------------------------------------- */

#define AWAY	0x123456789000ULL

static u64 *linear_alloc(void *ctx)
{
	u64 *table = aligned_alloc(4096, 4096);

	assert_non_null(table);
	memset(table, 0, 4096);
	++*(unsigned int *)ctx;
	return table;
}

static void linear_retire(void *ctx, u64 *table)
{
	--*(unsigned int *)ctx;
	free(table);
}

static hpa_t linear_hpa(void *ctx, const u64 *table)
{
	(void)ctx;
	return (hpa_t)(uintptr_t)table - AWAY;
}

static u64 *linear_at(void *ctx, hpa_t hpa)
{
	(void)ctx;
	(void)hpa;
	fail_msg("table_at is called although tables are linear");
	return NULL;
}

static const struct gpm_ops linear_ops = {
	.alloc_table = linear_alloc, .retire_table = linear_retire,
	.table_hpa = linear_hpa, .table_at = linear_at,
};

static void test_linear_tables_are_found_without_asking(void **unused)
{
	unsigned int tables = 0;
	struct gpm g;
	u64 done;
	int bits;

	assert_int_equal(gpm_init(&g, &linear_ops, &tables, 4), 0);
	g.linear = AWAY;
	assert_int_equal(gpm_map_run(&g, 0x7000, G1, 0, RW, 700, &done, &bits), 0);
	assert_int_equal(gpm_lookup(&g, 0x7000 + 699 * K4).hpa, G1 + 699 * K4);
	assert_true(gpm_map(&g, 0, M2, 1, RW) & GPM_FLUSH_WALK);
	assert_true(gpm_unmap(&g, 0, G1) >= 0);
	gpm_destroy(&g);
	assert_int_equal(tables, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_run_is_what_one_by_one_would_be),
		cmocka_unit_test(test_a_run_that_does_not_fit_maps_nothing),
		cmocka_unit_test(test_a_run_without_memory_goes_on_where_it_ended),
		cmocka_unit_test(test_linear_tables_are_found_without_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
