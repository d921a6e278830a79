// SPDX-License-Identifier: GPL-2.0
/*
 * The event log on the model: events arrive whole and in order, an overflow is
 * recovered by the documented sequence, pointers that lie are survived, and a
 * card that was silenced adds nothing.
 */
#include "tests/unit/check.h"
#include "iommu-amd/event.h"
#include "tests/model/bench.h"

#define CARD	0x0028

static void down(struct bench *b)
{
	if (b->m->complaint)
		fail_msg("the unit complains: %s", b->m->complaint);
	bench_down(b);
}

static void fault(struct bench *b, u64 addr, bool write)
{
	hpa_t hpa;

	assert_false(model_dma(b->m, CARD, addr, write, &hpa));
}

static void test_each_fault_is_handed_out_with_what_it_says(void **state)
{
	struct amdvi_fault f;
	struct bench b;
	unsigned int i;

	(void)state;
	bench_up(&b);
	fault(&b, 0x1234, true);
	fault(&b, 0x5678000, false);
	model_interrupt(b.m, CARD, 0xfee00000, 7, NULL);
	assert_int_equal(b.m->interrupts, 1);
	assert_int_equal(bench_drain(&b), 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(event_decode(b.event[i], 0, &f), 0);
		assert_int_equal(f.code, AMDVI_EV_IO_PAGE_FAULT);
		assert_int_equal(f.devid, CARD);
		assert_int_equal(f.write, i == 0);
		assert_int_equal(f.interrupt, i == 2);
	}
	assert_int_equal(b.event[0][1], 0x1234);
	assert_int_equal(b.event[1][1], 0x5678000);
	assert_int_equal(bench_drain(&b), 0);
	down(&b);
}

static void test_the_log_wraps(void **state)
{
	struct bench b;
	unsigned int i;

	(void)state;
	bench_up(&b);
	for (i = 0; i < 3 * ENGINE_RING_ENTRIES; i++) {
		fault(&b, (u64)i << 12, false);
		assert_int_equal(bench_drain(&b), 1);
		assert_int_equal(b.event[0][1], (u64)i << 12);
	}
	assert_false(evlog_overflowed(&b.e));
	down(&b);
}

static void test_the_interrupt_comes_again_after_it_was_cleared(void **state)
{
	struct bench b;

	(void)state;
	bench_up(&b);
	fault(&b, 0, false);
	fault(&b, 0, false);
	assert_int_equal(b.m->interrupts, 1);
	model_write(b.m, AMDVI_REG_STATUS, AMDVI_STATUS_EVT_INT);
	fault(&b, 0, false);
	assert_int_equal(b.m->interrupts, 2);
	down(&b);
}

static void test_an_overflow_is_recovered(void **state)
{
	struct bench b;
	unsigned int i;

	(void)state;
	bench_up(&b);
	for (i = 0; i < 2 * ENGINE_RING_ENTRIES; i++)
		fault(&b, 0x1000, true);
	assert_true(evlog_overflowed(&b.e));
	assert_int_equal(bench_drain(&b), ENGINE_RING_ENTRIES - 1);
	fault(&b, 0x2000, true);
	assert_int_equal(bench_drain(&b), 0);
	evlog_restart(&b.log, &b.e);
	assert_false(evlog_overflowed(&b.e));
	fault(&b, 0x3000, true);
	assert_int_equal(bench_drain(&b), 1);
	assert_int_equal(b.event[0][1], 0x3000);
	/* The restart did not disturb the other ring. */
	assert_int_equal(engine_run(&b.e, (struct amdvi_cmd[]){
			 cmd_invalidate_dte(CARD) }, 1), 0);
	assert_int_equal(b.e.restarts, 0);
	down(&b);
}

static void test_a_run_takes_no_more_than_its_budget(void **state)
{
	struct bench b;
	unsigned int i;

	(void)state;
	bench_up(&b);
	for (i = 0; i < 20; i++)
		fault(&b, (u64)i << 12, false);
	assert_int_equal(evlog_drain(&b.log, &b.e, 8), 8);
	assert_int_equal(b.events, 8);
	assert_int_equal(bench_drain(&b), 12);
	assert_int_equal(b.event[0][1], 8 << 12);
	down(&b);
}

static void test_pointers_that_make_no_sense(void **state)
{
	struct bench b;

	(void)state;
	bench_up(&b);
	b.m->evt_tail = ENGINE_RING_BYTES;
	assert_int_equal(bench_drain(&b), -EINVAL);
	b.m->evt_tail = 0x40000;
	assert_int_equal(bench_drain(&b), -EINVAL);
	evlog_restart(&b.log, &b.e);
	fault(&b, 0x1000, true);
	assert_int_equal(bench_drain(&b), 1);
	down(&b);
}

/* The tail ran ahead of the data: the slot is skipped after a bounded wait. */
static void test_an_entry_that_never_arrives(void **state)
{
	struct bench b;

	(void)state;
	bench_up(&b);
	b.pauses = 0;
	b.m->evt_tail = 16;
	assert_int_equal(bench_drain(&b), 1);
	assert_int_equal(b.events, 0);
	assert_true(b.pauses <= 100);
	fault(&b, 0x1000, true);
	assert_int_equal(bench_drain(&b), 1);
	assert_int_equal(b.events, 1);
	down(&b);
}

static void storm(struct bench *b)
{
	struct model_irq irq;
	unsigned int i;
	hpa_t hpa;

	for (i = 0; i < 3000; i++) {
		model_dma(b->m, CARD, (u64)i * 0x1357000, i & 1, &hpa);
		/* Fixed and arbitrated, every index; NMI, INIT, ExtINT. */
		model_interrupt(b->m, CARD, 0xfee00000, i & 0x1ff, &irq);
		model_interrupt(b->m, CARD, 0xfee01000, 4 << 8, &irq);
		model_interrupt(b->m, CARD, 0xfee01000, 5 << 8, &irq);
		model_interrupt(b->m, CARD, 0xfee01000, 7 << 8, &irq);
	}
}

static void test_a_quarantined_card_is_silent(void **state)
{
	struct dte_want want;
	struct bench b;

	(void)state;
	bench_up(&b);
	want = bench_blocked(&b, true);
	assert_int_equal(bench_write_dte(&b, CARD, &want), 0);
	storm(&b);
	assert_int_equal(bench_drain(&b), 0);
	assert_false(evlog_overflowed(&b.e));
	/* Why it is not IntCtl = abort: that is never silent. */
	want.irt = 0;
	assert_int_equal(bench_write_dte(&b, CARD, &want), 0);
	storm(&b);
	assert_true(evlog_overflowed(&b.e));
	down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_is_handed_out_with_what_it_says),
		cmocka_unit_test(test_the_log_wraps),
		cmocka_unit_test(test_the_interrupt_comes_again_after_it_was_cleared),
		cmocka_unit_test(test_an_overflow_is_recovered),
		cmocka_unit_test(test_a_run_takes_no_more_than_its_budget),
		cmocka_unit_test(test_pointers_that_make_no_sense),
		cmocka_unit_test(test_an_entry_that_never_arrives),
		cmocka_unit_test(test_a_quarantined_card_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
