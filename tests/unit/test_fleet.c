// SPDX-License-Identifier: GPL-2.0
/*
 * Several units: the order in which they are asked, and, on strict models that
 * share one memory, one domain read by units of one segment and of two.
 */
#include "tests/unit/check.h"
#include "iommu-amd/event.h"
#include "iommu-amd/fleet.h"
#include "tests/model/bench.h"

#define CARD	0x0028
#define DOMAIN	9
#define AT	0x5000ULL
#define UNITS	3

/* ---- order ------------------------------------------------------------------------ */

struct tape {
	char said[64];
	unsigned int n;
	u32 refuse_submit, refuse_finish;
};

static int tape_submit(void *ctx, unsigned int unit,
		       const struct amdvi_cmd *cmds, unsigned int n,
		       struct engine_ticket *ticket)
{
	struct tape *t = ctx;

	assert_int_equal(n, 1);
	t->n += (unsigned int)sprintf(t->said + t->n, "s%u ", unit);
	ticket->seq = unit;
	return t->refuse_submit >> unit & 1 ? -ETIMEDOUT : 0;
}

static int tape_finish(void *ctx, unsigned int unit, int err,
		       const struct engine_ticket *ticket)
{
	struct tape *t = ctx;

	assert_int_equal(ticket->seq, unit);
	t->n += (unsigned int)sprintf(t->said + t->n, "f%u ", unit);
	return err || (t->refuse_finish >> unit & 1) ? -ETIMEDOUT : 0;
}

static const struct fleet_ops tape_ops = { tape_submit, tape_finish };

static void test_all_units_are_asked_before_any_is_awaited(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_all();
	struct tape t = { .n = 0 };

	(void)state;
	assert_int_equal(fleet_run(&tape_ops, &t, 1 | 4 | 1U << 31, &cmd, 1), 0);
	assert_string_equal(t.said, "s0 s2 s31 f0 f2 f31 ");
}

static void test_no_unit_means_nothing_to_do(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_all();
	struct tape t = { .n = 0 };

	(void)state;
	assert_int_equal(fleet_run(&tape_ops, &t, 0, &cmd, 1), 0);
	assert_int_equal(t.n, 0);
}

static void test_those_that_fail_are_named_and_stop_nobody(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_all();
	struct tape t = { .refuse_submit = 1, .refuse_finish = 4 };

	(void)state;
	assert_int_equal(fleet_run(&tape_ops, &t, 0xf, &cmd, 1), 5);
	assert_string_equal(t.said, "s0 s1 s2 s3 f0 f1 f2 f3 ");
}

/* ---- on the model ----------------------------------------------------------------- */

/* Units 0 and 1 serve segment 0, unit 2 another one. */
static struct bench unit[UNITS];
static struct gpm tree;

static int model_submit(void *ctx, unsigned int u,
			const struct amdvi_cmd *cmds, unsigned int n,
			struct engine_ticket *ticket)
{
	return engine_submit(&unit[u].e, cmds, n, ticket);
}

static int model_finish(void *ctx, unsigned int u, int err,
			const struct engine_ticket *ticket)
{
	if (!err && engine_wait(&unit[u].e, ticket))
		return 0;
	return engine_settle(&unit[u].e, ticket);
}

static const struct fleet_ops model_ops = { model_submit, model_finish };

/* Unit n's card has the id CARD + n. */
static void attach(unsigned int u)
{
	struct dte_want want = bench_blocked(&unit[u], false);

	want.dma = DTE_DMA_TABLE;
	want.domain_id = DOMAIN;
	want.depth = 4;
	want.root = gpm_root_hpa(&tree);
	assert_int_equal(bench_write_dte(&unit[u], (u16)(CARD + u), &want), 0);
}

static bool reaches(unsigned int u)
{
	hpa_t hpa;

	return model_dma(unit[u].m, (u16)(CARD + u), AT, true, &hpa);
}

static int machine_up(void **state)
{
	bench_up(&unit[0]);
	bench_up_beside(&unit[1], &unit[0], true);
	bench_up_beside(&unit[2], &unit[0], false);
	assert_int_equal(gpm_init(&tree, &bench_gpm_ops, unit[0].m, 4), 0);
	assert_int_equal(gpm_map(&tree, AT, MODEL_RAM, 0, GPM_DMA_RW), 0);
	return 0;
}

static int machine_down(void **state)
{
	unsigned int u;

	for (u = UNITS; u--; ) {
		if (unit[u].m->complaint)
			fail_msg("unit %u complains: %s", u, unit[u].m->complaint);
		bench_down(&unit[u]);
	}
	return 0;
}

static struct amdvi_cmd unmap(void)
{
	int r = gpm_unmap(&tree, AT, AT + BP_PAGE_SIZE);

	assert_true(r >= 0);
	return cmd_invalidate_pages(DOMAIN, AT, AT + BP_PAGE_SIZE,
				    r & GPM_FLUSH_WALK);
}

static void test_a_page_is_gone_when_every_reader_has_forgotten_it(void **state)
{
	struct amdvi_cmd cmd;
	unsigned int u;

	for (u = 0; u < UNITS; u++) {
		attach(u);
		assert_true(reaches(u));
	}
	cmd = unmap();
	for (u = 0; u < UNITS; u++)
		assert_true(reaches(u));	/* stale, as hardware may */
	assert_int_equal(fleet_run(&model_ops, NULL, 3, &cmd, 1), 0);
	assert_false(reaches(0));
	assert_false(reaches(1));
	assert_true(reaches(2));		/* it was not told */
	assert_int_equal(fleet_run(&model_ops, NULL, 4, &cmd, 1), 0);
	assert_false(reaches(2));
}

static void test_a_dead_unit_is_named_and_the_others_forget(void **state)
{
	struct amdvi_cmd cmd;
	unsigned int u;

	for (u = 0; u < UNITS; u++) {
		attach(u);
		assert_true(reaches(u));
	}
	cmd = unmap();
	unit[1].m->dead = true;
	assert_int_equal(fleet_run(&model_ops, NULL, 7, &cmd, 1), 2);
	assert_true(unit[1].e.broken);
	assert_false(reaches(0));
	assert_false(reaches(2));
	/* Its card is what the caller blocks; the page stays pinned. */
	assert_true(reaches(1));
}

static void test_one_unit_restarts_beside_others_that_run(void **state)
{
	struct amdvi_cmd cmd;

	attach(0);
	attach(1);
	assert_true(reaches(0) && reaches(1));
	cmd = unmap();
	unit[0].m->hang = true;
	assert_int_equal(fleet_run(&model_ops, NULL, 3, &cmd, 1), 0);
	assert_int_equal(unit[0].e.restarts, 1);
	assert_int_equal(unit[1].e.restarts, 0);
	assert_false(reaches(0) || reaches(1));
}

/* The same number in another segment is another card. */
static void test_an_id_of_one_segment_opens_nothing_in_another(void **state)
{
	struct amdvi_fault f;
	hpa_t hpa;

	attach(0);
	assert_true(reaches(0));
	assert_false(model_dma(unit[2].m, CARD, AT, true, &hpa));
	assert_int_equal(bench_drain(&unit[0]), 0);
	assert_int_equal(bench_drain(&unit[2]), 1);
	assert_int_equal(event_decode(unit[2].event[0], 1, &f), 0);
	assert_int_equal(f.segment, 1);
	assert_int_equal(f.devid, CARD);
	assert_int_equal(f.addr, AT);
	/* In one segment both units read one table. */
	assert_true(model_dma(unit[1].m, CARD, AT, true, &hpa));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_units_are_asked_before_any_is_awaited),
		cmocka_unit_test(test_no_unit_means_nothing_to_do),
		cmocka_unit_test(test_those_that_fail_are_named_and_stop_nobody),
		cmocka_unit_test_setup_teardown(test_a_page_is_gone_when_every_reader_has_forgotten_it,
						machine_up, machine_down),
		cmocka_unit_test_setup_teardown(test_a_dead_unit_is_named_and_the_others_forget,
						machine_up, machine_down),
		cmocka_unit_test_setup_teardown(test_one_unit_restarts_beside_others_that_run,
						machine_up, machine_down),
		cmocka_unit_test_setup_teardown(test_an_id_of_one_segment_opens_nothing_in_another,
						machine_up, machine_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
