// SPDX-License-Identifier: GPL-2.0
/* vlapic_timer: one-shot, periodic, TSC deadline, and a divider changed midway. */
#include "tests/unit/check.h"
#include "kvm-core/vlapic.h"

#define PERIODIC	0x20000
#define DEADLINE	0x40000
#define MASKED		0x10000

static struct vlapic a;
static struct vlapic_time now;

static struct vlapic_effect put(u32 reg, u32 val)
{
	struct vlapic_effect e = {};

	vlapic_write(&a, reg, val, &now, &e);
	return e;
}

static u32 count(void)
{
	struct vlapic_effect e = {};

	return vlapic_read(&a, VLAPIC_TMCCT, &now, &e);
}

static void settle(void)
{
	struct vlapic_effect e = {};

	vlapic_timer_settle(&a, &now, &e);
}

static u64 due(void)
{
	return vlapic_timer_due(&a, &now);
}

static int set_up(void **state)
{
	now = (struct vlapic_time) { .ns = 1000000, .tsc = 5000, .tsc_khz = 2000000 };
	vlapic_init(&a, 0, true, false);
	a.has_deadline = true;
	put(VLAPIC_SVR, 0x1ff);
	put(VLAPIC_TDCR, 0xb);		/* by 1: 1 count is 1 ns */
	return 0;
}

static void test_a_stopped_timer_is_never_due(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	assert_int_equal(due(), U64_MAX);
	put(VLAPIC_TMICT, 100);
	put(VLAPIC_TMICT, 0);
	assert_int_equal(due(), U64_MAX);
	now.ns += 1000;
	settle();
	assert_int_equal(vlapic_pending(&a), -1);
}

static void test_one_shot_fires_once_and_not_early(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 100);
	assert_int_equal(due(), now.ns + 100);
	now.ns += 99;
	settle();
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(count(), 1);
	now.ns++;
	settle();
	assert_int_equal(vlapic_accept(&a), 0x30);
	assert_int_equal(count(), 0);
	assert_int_equal(due(), U64_MAX);
	now.ns += 1000;
	settle();
	assert_int_equal(vlapic_pending(&a), -1);
}

/* All eight dividers, as APM2 16.4.1 lists them. */
static void test_the_divider_scales_the_period(void **state)
{
	static const struct { u8 code, by; } rows[] = {
		{ 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 },
		{ 10, 128 }, { 11, 1 },
	};
	unsigned int i;

	put(VLAPIC_LVTT, 0x30);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		put(VLAPIC_TDCR, rows[i].code);
		put(VLAPIC_TMICT, 1000);
		assert_int_equal(due(), now.ns + 1000 * rows[i].by);
	}
}

static void test_a_new_divider_keeps_the_count(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 1000);
	now.ns += 600;
	put(VLAPIC_TDCR, 0);
	assert_int_equal(count(), 400);
	assert_int_equal(due(), now.ns + 800);
}

static void test_periodic_keeps_its_phase_when_served_late(void **state)
{
	u64 start = now.ns;

	put(VLAPIC_LVTT, 0x30 | PERIODIC);
	put(VLAPIC_TMICT, 1000000);
	now.ns = start + 3500000;
	settle();
	assert_int_equal(vlapic_accept(&a), 0x30);
	put(VLAPIC_EOI, 0);
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(due(), start + 4000000);
	assert_int_equal(count(), 500000);
}

/* Whatever period: always a while ahead, and a slower tick is in time. */
static void test_a_periodic_timer_leaves_time_to_run(void **state)
{
	u32 counts[] = { 1, 7, 100, 65536, 199999, 200000, 1000000 };
	unsigned int i, step;

	put(VLAPIC_LVTT, 0x30 | PERIODIC);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		put(VLAPIC_TMICT, counts[i]);
		for (step = 0; step < 1000; step++) {
			u64 before = now.ns;

			now.ns = due();
			if (counts[i] >= 200000)
				assert_int_equal(now.ns - before, counts[i]);
			else
				assert_in_range(now.ns - before, 200000 - counts[i], 200000);
			settle();
			assert_int_equal(vlapic_accept(&a), 0x30);
			put(VLAPIC_EOI, 0);
		}
	}
}

/* A guest that asks for one soon has it soon. */
static void test_a_short_one_shot_is_not_held_back(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 1);
	assert_int_equal(due(), now.ns + 1);
}

static void test_a_masked_timer_counts_but_does_not_fire(void **state)
{
	put(VLAPIC_LVTT, 0x30 | PERIODIC | MASKED);
	put(VLAPIC_TMICT, 1000000);
	assert_int_equal(due(), U64_MAX);
	now.ns += 1300000;
	assert_int_equal(count(), 700000);
	put(VLAPIC_LVTT, 0x30 | PERIODIC);
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(due(), now.ns + 700000);
}

static void test_unmasking_does_not_deliver_an_expired_one_shot(void **state)
{
	put(VLAPIC_LVTT, 0x30 | MASKED);
	put(VLAPIC_TMICT, 100);
	now.ns += 200;
	put(VLAPIC_LVTT, 0x30);
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(due(), U64_MAX);
}

static void test_expiry_before_masking_is_delivered(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 100);
	now.ns += 100;
	put(VLAPIC_LVTT, 0x30 | MASKED);
	assert_int_equal(vlapic_pending(&a), 0x30);
}

/* ---- TSC deadline ---- */

static u64 deadline(void)
{
	struct vlapic_effect e = {};
	u64 val;

	assert_int_equal(vlapic_rdmsr(&a, VLAPIC_MSR_DEADLINE, &val, &now, &e), 0);
	return val;
}

static void set_deadline(u64 val)
{
	struct vlapic_effect e = {};

	assert_int_equal(vlapic_wrmsr(&a, VLAPIC_MSR_DEADLINE, val, &now, &e), 0);
}

static void test_a_deadline_outside_its_mode_is_ignored(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	set_deadline(now.tsc + 1);
	assert_int_equal(deadline(), 0);
	assert_int_equal(due(), U64_MAX);
}

static void test_the_deadline_mode_needs_its_cpuid_bit(void **state)
{
	a.has_deadline = false;
	put(VLAPIC_LVTT, 0x30 | DEADLINE);
	assert_int_equal(a.regs[VLAPIC_LVTT / VLAPIC_STEP], 0x30);
}

static void test_a_deadline_fires_when_the_tsc_reaches_it(void **state)
{
	put(VLAPIC_LVTT, 0x30 | DEADLINE);
	set_deadline(now.tsc + 2001);
	assert_int_equal(due(), now.ns + 1001);		/* 2 GHz, rounded up */
	now.tsc += 2000;
	settle();
	assert_int_equal(vlapic_pending(&a), -1);
	now.tsc++;
	settle();
	assert_int_equal(vlapic_pending(&a), 0x30);
	assert_int_equal(deadline(), 0);
}

static void test_a_deadline_in_the_past_fires_at_once(void **state)
{
	put(VLAPIC_LVTT, 0x30 | DEADLINE);
	set_deadline(now.tsc);
	assert_int_equal(vlapic_pending(&a), 0x30);
}

static void test_a_deadline_far_away_does_not_wrap(void **state)
{
	put(VLAPIC_LVTT, 0x30 | DEADLINE);
	set_deadline(U64_MAX);
	assert_true(due() > now.ns + (1ULL << 62));
}

static void test_the_initial_count_is_ignored_in_deadline_mode(void **state)
{
	put(VLAPIC_LVTT, 0x30 | DEADLINE);
	put(VLAPIC_TMICT, 100);
	assert_int_equal(due(), U64_MAX);
	assert_int_equal(a.regs[VLAPIC_TMICT / VLAPIC_STEP], 0);
}

static void test_changing_to_or_from_deadline_disarms(void **state)
{
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 100);
	put(VLAPIC_LVTT, 0x30 | DEADLINE);
	assert_int_equal(due(), U64_MAX);
	set_deadline(now.tsc + 100);
	put(VLAPIC_LVTT, 0x30);
	assert_int_equal(due(), U64_MAX);
	assert_int_equal(deadline(), 0);
}

/* 40 ns: a bus of 25 MHz. */
static void test_a_slower_bus_counts_its_own_cycles(void **state)
{
	a.bus_ns = 40;
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 1000);
	assert_int_equal(due(), now.ns + 40000);
	now.ns += 4000;
	assert_int_equal(count(), 900);
	put(VLAPIC_TDCR, 0x3);		/* by 16: the rest takes as long for each */
	assert_int_equal(count(), 900);
	assert_int_equal(due(), now.ns + 900 * 16 * 40);
	now.ns += 900 * 16 * 40 - 1;
	settle();
	assert_int_equal(vlapic_pending(&a), -1);
	now.ns++;
	settle();
	assert_int_equal(vlapic_pending(&a), 0x30);
}

static void test_the_longest_count_of_the_slowest_bus_does_not_wrap(void **state)
{
	a.bus_ns = VLAPIC_BUS_NS_MAX;
	now.ns = 1ULL << 33;
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TDCR, 0xa);		/* by 128 */
	put(VLAPIC_TMICT, U32_MAX);
	assert_int_equal(due(), U64_MAX);
	assert_int_equal(count(), U32_MAX);
	now.ns += 1ULL << 40;
	settle();
	assert_int_equal(vlapic_pending(&a), -1);
	assert_in_range(count(), U32_MAX - 257, U32_MAX - 255);
}

/* A guest brought to a host that has just come up. */
static void test_a_count_may_have_begun_before_the_clock_did(void **state)
{
	static struct kvm_lapic_state s;
	struct vlapic_effect e = {};

	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 3000000000U);
	now.ns += 2000000000;
	vlapic_get_state(&a, &s, false, &now);
	now.ns = 1000;
	assert_int_equal(vlapic_set_state(&a, &s, false, &now, &e), 0);
	assert_int_equal(count(), 1000000000);
	assert_int_equal(due(), now.ns + 1000000000);
	now.ns += 1000000000;
	settle();
	assert_int_equal(vlapic_accept(&a), 0x30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_stopped_timer_is_never_due, set_up),
		cmocka_unit_test_setup(test_one_shot_fires_once_and_not_early, set_up),
		cmocka_unit_test_setup(test_the_divider_scales_the_period, set_up),
		cmocka_unit_test_setup(test_a_new_divider_keeps_the_count, set_up),
		cmocka_unit_test_setup(test_periodic_keeps_its_phase_when_served_late, set_up),
		cmocka_unit_test_setup(test_a_periodic_timer_leaves_time_to_run, set_up),
		cmocka_unit_test_setup(test_a_short_one_shot_is_not_held_back, set_up),
		cmocka_unit_test_setup(test_a_masked_timer_counts_but_does_not_fire, set_up),
		cmocka_unit_test_setup(test_unmasking_does_not_deliver_an_expired_one_shot, set_up),
		cmocka_unit_test_setup(test_expiry_before_masking_is_delivered, set_up),
		cmocka_unit_test_setup(test_a_deadline_outside_its_mode_is_ignored, set_up),
		cmocka_unit_test_setup(test_the_deadline_mode_needs_its_cpuid_bit, set_up),
		cmocka_unit_test_setup(test_a_deadline_fires_when_the_tsc_reaches_it, set_up),
		cmocka_unit_test_setup(test_a_deadline_in_the_past_fires_at_once, set_up),
		cmocka_unit_test_setup(test_a_deadline_far_away_does_not_wrap, set_up),
		cmocka_unit_test_setup(test_the_initial_count_is_ignored_in_deadline_mode, set_up),
		cmocka_unit_test_setup(test_changing_to_or_from_deadline_disarms, set_up),
		cmocka_unit_test_setup(test_a_slower_bus_counts_its_own_cycles, set_up),
		cmocka_unit_test_setup(test_the_longest_count_of_the_slowest_bus_does_not_wrap, set_up),
		cmocka_unit_test_setup(test_a_count_may_have_begun_before_the_clock_did, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
