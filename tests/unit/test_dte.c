// SPDX-License-Identifier: GPL-2.0
/*
 * Device table entries: what is refused, what the bits are, and that no fetch
 * at any moment of a change sees rights that neither the old nor the new
 * entry gives.
 */
#include "tests/unit/check.h"
#include "iommu-amd/dte.h"

static struct dte_want table_want(u16 domain, hpa_t root)
{
	return (struct dte_want){ .dma = DTE_DMA_TABLE, .irq = DTE_IRQ_TABLE,
		.domain_id = domain, .depth = 4, .root = root,
		.irt_order = 8, .irt = 0x1234000 };
}

static struct dte build(const struct dte_want *want)
{
	struct dte dte;

	assert_int_equal(dte_build(want, &dte), 0);
	return dte;
}

static void assert_refused(const struct dte_want *want)
{
	struct dte dte;

	memset(&dte, 0, sizeof(dte));
	assert_int_equal(dte_build(want, &dte), -EINVAL);
	assert_true(dte_q0_blocks(dte.q[0]));
	assert_true(dte.q[2] & DTE_IV);
	assert_int_equal(FIELD_GET(DTE_INT_CTL, dte.q[2]), DTE_INT_CTL_ABORT);
}

static void test_a_bad_wish_is_refused_and_blocks(void **state)
{
	struct dte_want want;

	(void)state;
	want = table_want(1, 0x1000);
	want.depth = 0;
	assert_refused(&want);
	want.depth = 7;
	assert_refused(&want);
	want = table_want(1, 0x1800);
	assert_refused(&want);
	want = table_want(1, 1ULL << 52);
	assert_refused(&want);
	want = table_want(1, 0x1000);
	want.irt = 0x40;
	assert_refused(&want);
	want.irt = 1ULL << 52;
	assert_refused(&want);
	want = table_want(1, 0x1000);
	want.irt_order = 12;
	assert_refused(&want);
	want.irt_order = 0;
	assert_refused(&want);
	want = table_want(1, 0x1000);
	want.dma = (enum dte_dma)9;
	assert_refused(&want);
	want = table_want(1, 0x1000);
	want.irq = (enum dte_irq)9;
	assert_refused(&want);
}

static void test_an_entry_is_never_invalid(void **state)
{
	struct dte_want want = { 0 };
	unsigned int dma, irq;

	(void)state;
	for (dma = DTE_DMA_BLOCK; dma <= DTE_DMA_TABLE; dma++) {
		for (irq = DTE_IRQ_BLOCK; irq <= DTE_IRQ_TABLE; irq++) {
			struct dte dte;

			want = table_want(3, 0x7000);
			want.dma = (enum dte_dma)dma;
			want.irq = (enum dte_irq)irq;
			dte = build(&want);
			assert_true(dte.q[0] & DTE_V);
			assert_true(dte.q[0] & DTE_TV);
			assert_int_equal(!!(dte.q[2] & DTE_IV),
					 irq != DTE_IRQ_PASS);
			assert_int_equal(dte.q[0] & ~DTE_Q0_USED, 0);
			assert_int_equal(dte.q[1] & ~DTE_Q1_USED, 0);
			assert_int_equal(dte.q[2] & ~DTE_Q2_USED, 0);
			assert_int_equal(dte.q[3], 0);
		}
	}
}

static void test_bits_lie_where_the_manual_says(void **state)
{
	struct dte_want want = table_want(0x1234, 0xabcde12345000ULL);
	struct dte dte = build(&want);

	(void)state;
	assert_int_equal(dte.q[0], 0x6000000000000000ULL |
			 0xabcde12345000ULL | 4 << 9 | 3);
	assert_int_equal(dte.q[1], 0x1234);
	assert_int_equal(dte.q[2], 0x2000000000000000ULL | 0x1234000 |
			 8 << 1 | 1);
}

static void test_suppression_sets_all_three_bits(void **state)
{
	struct dte_want want = { .suppress = true };
	struct dte dte = build(&want);

	(void)state;
	assert_true(dte.q[1] & DTE_SA);
	assert_true(dte.q[1] & DTE_SE);
	assert_true(dte.q[2] & DTE_IG);
}

/* IntCtl = 10b, not abort: only so does IG silence a blocked card. */
static void test_blocked_interrupts_meet_a_table_that_is_off(void **state)
{
	struct dte_want want = { .suppress = true, .irt = 0x5678000,
				 .irt_order = 11 };
	struct dte dte = build(&want);

	(void)state;
	assert_int_equal(dte.q[2], 0x2000000000000000ULL | 0x5678000 |
			 11 << 1 | 1 << 5 | 1);
	assert_true(dte_q0_blocks(dte.q[0]));
	want.irt_order = 12;
	assert_refused(&want);
}

static void test_v_zero_does_not_count_as_blocked(void **state)
{
	(void)state;
	assert_false(dte_q0_blocks(0));
	assert_false(dte_q0_blocks(DTE_V));
	assert_false(dte_q0_blocks(DTE_V | DTE_TV | DTE_IR));
	assert_false(dte_q0_blocks(DTE_V | DTE_TV | DTE_IW));
	assert_true(dte_q0_blocks(DTE_V | DTE_TV));
}

static void test_no_change_needs_no_step(void **state)
{
	struct dte_want want = table_want(1, 0x1000);
	struct dte dte = build(&want);
	struct dte_step plan[DTE_PLAN_MAX];

	(void)state;
	assert_int_equal(dte_plan(&dte, &dte, plan), 0);
}

/*
 * The hardware's view: between two completed flushes it may fetch each quad
 * at any moment. Try every pair of moments for quads 0 and 1 (DMA), and every
 * moment of quad 2 (interrupts).
 */
static void check_window(const struct dte *hist, unsigned int n,
			 const struct dte *old, const struct dte *new)
{
	unsigned int a, b;

	for (a = 0; a < n; a++) {
		for (b = 0; b < n; b++) {
			u64 q0 = hist[a].q[0], q1 = hist[b].q[1];
			bool is_old = q0 == old->q[0] && q1 == old->q[1];
			bool is_new = q0 == new->q[0] && q1 == new->q[1];

			assert_true(is_old || is_new || dte_q0_blocks(q0));
		}
		assert_true(hist[a].q[0] & DTE_V);
		assert_true(hist[a].q[2] == old->q[2] ||
			    hist[a].q[2] == new->q[2]);
	}
}

static void check_change(const struct dte *old, const struct dte *new)
{
	struct dte_step plan[DTE_PLAN_MAX];
	unsigned int n = dte_plan(old, new, plan), i, h = 0;
	struct dte hist[DTE_PLAN_MAX + 1], now = *old;

	assert_true(n > 0 && n <= DTE_PLAN_MAX);
	assert_int_equal(plan[n - 1].what, DTE_FLUSH);
	hist[h++] = now;
	for (i = 0; i < n; i++) {
		if (plan[i].what == DTE_FLUSH) {
			check_window(hist, h, old, new);
			h = 0;
		} else {
			assert_true(now.q[plan[i].quad] != plan[i].value);
			now.q[plan[i].quad] = plan[i].value;
		}
		hist[h++] = now;
	}
	assert_memory_equal(&now, new, sizeof(now));
}

static void test_every_moment_of_every_change_is_old_new_or_blocked(void **state)
{
	struct dte_want wants[3 * 3 * 2 * 3];
	unsigned int n = 0, dma, irq, sup, dom, i, j;

	(void)state;
	for (dma = 0; dma < 3; dma++)
		for (irq = 0; irq < 3; irq++)
			for (sup = 0; sup < 2; sup++)
				for (dom = 0; dom < 3; dom++) {
					struct dte_want w =
						table_want((u16)dom, 0x1000 + dom * 0x1000);

					w.dma = (enum dte_dma)dma;
					w.irq = (enum dte_irq)irq;
					w.suppress = sup;
					wants[n++] = w;
				}
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			struct dte old = build(&wants[i]);
			struct dte new = build(&wants[j]);

			if (memcmp(&old, &new, sizeof(old)))
				check_change(&old, &new);
		}
}

/* Quarantine must bite at once: the first store stops DMA. */
static void test_blocking_is_the_first_store(void **state)
{
	struct dte_want want = table_want(7, 0x9000);
	struct dte_want none = { .suppress = true };
	struct dte old = build(&want), new = build(&none);
	struct dte_step plan[DTE_PLAN_MAX];

	(void)state;
	dte_plan(&old, &new, plan);
	assert_int_equal(plan[0].what, DTE_STORE);
	assert_int_equal(plan[0].quad, 0);
	assert_true(dte_q0_blocks(plan[0].value));
	assert_int_equal(plan[1].quad, 2);
	assert_int_equal(FIELD_GET(DTE_INT_CTL, plan[1].value),
			 DTE_INT_CTL_ABORT);
}

/* Attaching a blocked card: the root comes last, after its domain id. */
static void test_attach_opens_the_door_last(void **state)
{
	struct dte_want want = table_want(7, 0x9000), none = { 0 };
	struct dte old = build(&none), new = build(&want);
	struct dte_step plan[DTE_PLAN_MAX];
	unsigned int n = dte_plan(&old, &new, plan);

	(void)state;
	assert_true(n >= 3);
	assert_int_equal(plan[n - 2].what, DTE_STORE);
	assert_int_equal(plan[n - 2].quad, 0);
	assert_int_equal(plan[n - 2].value, new.q[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bad_wish_is_refused_and_blocks),
		cmocka_unit_test(test_an_entry_is_never_invalid),
		cmocka_unit_test(test_bits_lie_where_the_manual_says),
		cmocka_unit_test(test_suppression_sets_all_three_bits),
		cmocka_unit_test(test_blocked_interrupts_meet_a_table_that_is_off),
		cmocka_unit_test(test_v_zero_does_not_count_as_blocked),
		cmocka_unit_test(test_no_change_needs_no_step),
		cmocka_unit_test(test_every_moment_of_every_change_is_old_new_or_blocked),
		cmocka_unit_test(test_blocking_is_the_first_store),
		cmocka_unit_test(test_attach_opens_the_door_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
