// SPDX-License-Identifier: GPL-2.0
/*
 * gpm: what is mapped and unmapped by the shortest way is what the long one would
 * have made of it, and all that the short way must not do it declines untouched.
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
#define DMA	(GPM_DMA_RW | GPM_FORCE_COH)

static struct mem_history h[2];
static struct gpm g[2];

static int set_up(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		mem_history_init(&h[i]);
		assert_int_equal(gpm_init(&g[i], &mem_history_ops, &h[i], 4), 0);
		mem_history_attach(&h[i], g[i].root);
	}
	return 0;
}

static int tear_down(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		mem_history_attach(&h[i], NULL);
		gpm_destroy(&g[i]);
		mem_history_fini(&h[i]);
	}
	return 0;
}

static void assert_alike(gpa_t gpa)
{
	struct gpm_leaf x = gpm_lookup(&g[0], gpa), y = gpm_lookup(&g[1], gpa);

	assert_int_equal(x.present, y.present);
	assert_int_equal(x.level, y.level);
	if (!x.present)
		return;
	assert_int_equal(x.hpa, y.hpa);
	assert_int_equal(x.perm, y.perm);
}

static void test_the_first_leaf_of_a_table_is_declined(void **state)
{
	(void)state;
	assert_false(gpm_try_map(&g[0], G1, 0, 0, DMA));
	assert_false(gpm_lookup(&g[0], G1).present);
	assert_int_equal(g[0].tables, 1);
	assert_false(gpm_try_unmap(&g[0], G1, K4));
}

static void test_its_neighbour_is_mapped_and_unmapped(void **state)
{
	(void)state;
	assert_int_equal(gpm_map(&g[0], G1, 0, 0, DMA), 0);
	assert_true(gpm_try_map(&g[0], G1 + K4, 7 * K4, 0, DMA));
	assert_int_equal(gpm_lookup(&g[0], G1 + K4).hpa, 7 * K4);
	assert_int_equal(gpm_lookup(&g[0], G1 + K4).perm, DMA);
	assert_true(gpm_try_unmap(&g[0], G1 + K4, K4));
	assert_false(gpm_lookup(&g[0], G1 + K4).present);
	assert_true(gpm_lookup(&g[0], G1).present);
	assert_false(gpm_try_unmap(&g[0], G1 + K4, K4));
}

static void test_what_is_there_is_not_replaced(void **state)
{
	(void)state;
	gpm_map(&g[0], 0, 0, 0, DMA);
	gpm_map(&g[0], M2, M2, 1, DMA);
	assert_false(gpm_try_map(&g[0], 0, K4, 0, DMA));
	assert_false(gpm_try_map(&g[0], 0, M2, 1, DMA));	/* a table */
	assert_false(gpm_try_map(&g[0], M2, G1, 0, DMA));	/* a big leaf */
	assert_false(gpm_try_unmap(&g[0], 0, M2));
	assert_false(gpm_try_unmap(&g[0], M2, K4));
	assert_int_equal(gpm_lookup(&g[0], 0).hpa, 0);
	assert_int_equal(gpm_lookup(&g[0], M2).hpa, M2);
}

static void test_bad_requests_are_left_to_the_long_way(void **state)
{
	static const struct { u64 gpa, hpa; unsigned int level; u32 perm; } bad[] = {
		{ K4 + 8, 0, 0, DMA }, { K4, 8, 0, DMA }, { K4, 0, 1, DMA },
		{ M2, K4, 1, DMA }, { 1ULL << 48, 0, 0, DMA },
		{ K4, 1ULL << 52, 0, DMA }, { K4, 0, 3, DMA }, { K4, 0, 0, 0 },
		{ K4, 0, 0, GPM_CPU_R }, { K4, 0, 0, GPM_FORCE_COH },
		{ GPM_MSI_START, 0, 0, DMA }, { GPM_MSI_END - K4, 0, 0, DMA },
	};
	unsigned int i;

	(void)state;
	gpm_map(&g[0], 0, 0, 0, DMA);
	gpm_map(&g[0], GPM_MSI_START - K4, 0, 0, DMA);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gpm_try_map(&g[0], bad[i].gpa, bad[i].hpa,
					 bad[i].level, bad[i].perm));
	assert_false(gpm_try_unmap(&g[0], 8, K4));
	assert_false(gpm_try_unmap(&g[0], 0, 2 * K4));
	assert_false(gpm_try_unmap(&g[0], 0, 0));
	assert_false(gpm_try_unmap(&g[0], 1ULL << 48, K4));
	assert_false(gpm_try_unmap(&g[0], 0, 1ULL << 48));
	assert_true(gpm_lookup(&g[0], 0).present);
}

/* Both ways side by side; the short one is tried on one of them. */
static void test_random_steps_end_alike(void **state)
{
	static const u64 span[] = { K4, M2, G1 };
	unsigned int n, short_maps = 0, short_unmaps = 0;

	(void)state;
	srand(11);
	for (n = 0; n < 20000; n++) {
		unsigned int level = rand() % 8 ? 0 : 1;
		/* Big leaves apart: the history keeps every table that falls out. */
		gpa_t gpa = (gpa_t)(rand() % 3 + (level ? 3 : 0)) * M2 +
			    (level ? 0 : (gpa_t)(rand() % 12) * K4);
		hpa_t hpa = G1 + (hpa_t)(rand() % 64) * M2;

		if (rand() % 2) {
			if (gpm_try_map(&g[0], gpa, hpa, level, DMA))
				short_maps++;
			else
				assert_true(gpm_map(&g[0], gpa, hpa, level, DMA) >= 0);
			assert_true(gpm_map(&g[1], gpa, hpa, level, DMA) >= 0);
		} else {
			if (gpm_try_unmap(&g[0], gpa, span[level]))
				short_unmaps++;
			else
				assert_true(gpm_unmap(&g[0], gpa, gpa + span[level]) >= 0);
			assert_true(gpm_unmap(&g[1], gpa, gpa + span[level]) >= 0);
		}
		assert_alike(gpa);
		assert_alike(gpa ^ K4);
		assert_alike(gpa ^ M2);
		assert_int_equal(g[0].tables, g[1].tables);
	}
	assert_true(short_maps > 1000 && short_unmaps > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_leaf_of_a_table_is_declined),
		TEST(test_its_neighbour_is_mapped_and_unmapped),
		TEST(test_what_is_there_is_not_replaced),
		TEST(test_bad_requests_are_left_to_the_long_way),
		TEST(test_random_steps_end_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
