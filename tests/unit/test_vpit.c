// SPDX-License-Identifier: GPL-2.0
/* vpit: counting, latching, read-back, outputs, port 61h, channel 0's ticks. */
#include "tests/unit/check.h"
#include "kvm-core/vpit.h"

#define NS	1000000000ULL

static struct vpit p;
static u64 now;

static int set_up(void **state)
{
	now = 5 * NS;
	vpit_reset(&p, now);
	return 0;
}

/* Move to the moment @counts clock ticks after the load at @from. */
static void at(u64 from, u64 counts)
{
	now = from + (counts * NS + VPIT_HZ - 1) / VPIT_HZ;
}

static bool out(u16 port, u8 val)
{
	return vpit_write(&p, port, val, now);
}

/* A read that needs no time gives the same at any. */
static u8 in(u16 port)
{
	struct vpit copy = p;
	u8 val = vpit_read(&p, port, now), early;

	if (vpit_try_read(&copy, port, &early)) {
		assert_int_equal(early, val);
		assert_memory_equal(&copy, &p, sizeof(p));
	}
	return val;
}

static void program(unsigned int channel, unsigned int mode, u16 count)
{
	out(0x43, channel << 6 | 0x30 | mode << 1);
	out(0x40 + channel, count);
	out(0x40 + channel, count >> 8);
}

static u16 latched(unsigned int channel)
{
	u8 low;

	out(0x43, channel << 6);
	low = in(0x40 + channel);
	return low | in(0x40 + channel) << 8;
}

static void test_an_unprogrammed_channel_never_interrupts(void **state)
{
	assert_int_equal(vpit_irq_next(&p, now), U64_MAX);
	assert_int_equal(in(0x43), 0);
}

static void test_a_word_counts_only_when_both_bytes_came(void **state)
{
	out(0x43, 0x34);
	assert_false(out(0x40, 0xe8));
	assert_int_equal(vpit_irq_next(&p, now), U64_MAX);
	assert_true(out(0x40, 0x03));
	assert_int_equal(p.s.channels[0].count, 1000);
}

static void test_single_byte_modes_load_their_byte(void **state)
{
	out(0x43, 0x14);
	assert_true(out(0x40, 0x12));
	assert_int_equal(p.s.channels[0].count, 0x12);
	assert_int_equal(in(0x40), 0x12);
	out(0x43, 0x24);
	assert_true(out(0x40, 0x12));
	assert_int_equal(p.s.channels[0].count, 0x1200);
	assert_int_equal(in(0x40), 0x12);
}

static void test_a_count_of_zero_is_65536(void **state)
{
	program(0, 2, 0);
	assert_int_equal(p.s.channels[0].count, 65536);
	assert_int_equal(vpit_irq_period(&p), 65536 * NS / VPIT_HZ);
}

static void test_only_channel_0_asks_to_be_armed(void **state)
{
	assert_false(out(0x43, 0xb4));
	assert_false(out(0x42, 1));
	assert_false(out(0x42, 1));
	assert_true(out(0x43, 0x34));
}

/* ---- counting ---- */

static void test_each_mode_counts_as_it_should(void **state)
{
	static const struct { u8 mode; u32 after; u16 want; } rows[] = {
		{ 0, 0, 1000 }, { 0, 400, 600 }, { 0, 1000, 0 }, { 0, 1001, 0xffff },
		{ 2, 0, 1000 }, { 2, 999, 1 }, { 2, 1000, 1000 }, { 2, 3400, 600 },
		{ 3, 0, 1000 }, { 3, 100, 800 }, { 3, 500, 1000 }, { 3, 600, 800 },
		{ 4, 1, 999 }, { 4, 1001, 0xffff },
	};
	unsigned int i;
	u64 start;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start = now;
		program(0, rows[i].mode, 1000);
		at(start, rows[i].after);
		assert_int_equal(latched(0), rows[i].want);
	}
}

static void test_each_mode_drives_its_output(void **state)
{
	static const struct { u8 mode; u32 after; bool want; } rows[] = {
		{ 0, 999, false }, { 0, 1000, true }, { 0, 5000, true },
		{ 2, 0, true }, { 2, 998, true }, { 2, 999, false }, { 2, 1000, true },
		{ 3, 499, true }, { 3, 500, false }, { 3, 999, false }, { 3, 1000, true },
		{ 4, 999, true }, { 4, 1000, false }, { 4, 1001, true },
	};
	unsigned int i;
	u64 start;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		start = now;
		program(2, rows[i].mode, 1000);
		at(start, rows[i].after);
		assert_int_equal(vpit_out(&p, 2, now), rows[i].want);
	}
}

static void test_a_latched_count_stands_still_and_is_read_once(void **state)
{
	u64 start = now;
	u8 low;

	program(0, 2, 1000);
	at(start, 100);
	out(0x43, 0x00);
	at(start, 200);
	out(0x43, 0x00);		/* a second latch is ignored */
	low = in(0x40);
	assert_int_equal(low | in(0x40) << 8, 900);
	low = in(0x40);
	assert_int_equal(low | in(0x40) << 8, 800);
}

static void test_read_back_gives_status_then_count(void **state)
{
	u64 start = now;

	program(0, 2, 1000);
	at(start, 100);
	out(0x43, 0xc2);
	assert_int_equal(in(0x40), 0xb4);	/* output high, word, mode 2 */
	assert_int_equal(in(0x40), 900 & 0xff);
	assert_int_equal(in(0x40), 900 >> 8);
}

static void test_read_back_takes_only_the_channels_named(void **state)
{
	u64 start = now;

	program(0, 2, 1000);
	program(2, 2, 2000);
	at(start, 100);
	out(0x43, 0xd8);			/* count latch of channel 2 only */
	at(start, 200);
	assert_int_equal(in(0x42), 1900 & 0xff);
	assert_int_equal(in(0x42), 1900 >> 8);
	assert_int_equal(in(0x40), 800 & 0xff);
}

static void test_modes_6_and_7_are_2_and_3(void **state)
{
	out(0x43, 0x3c);
	assert_int_equal(p.s.channels[0].mode, 2);
	out(0x43, 0x3e);
	assert_int_equal(p.s.channels[0].mode, 3);
}

/* ---- port 61h ---- */

static void test_a_rising_gate_starts_the_count_anew(void **state)
{
	u64 start = now;

	program(2, 1, 1000);
	at(start, 5000);
	assert_int_equal(vpit_read_61(&p, now) & 0x21, 0x20);
	vpit_write_61(&p, 1, now);
	assert_int_equal(vpit_read_61(&p, now) & 0x21, 0x01);
	start = now;
	at(start, 1000);
	assert_int_equal(vpit_read_61(&p, now) & 0x21, 0x21);
}

static void test_the_speaker_bit_is_kept_and_the_refresh_bit_toggles(void **state)
{
	u8 first = vpit_read_61(&p, 0) & 0x10;

	vpit_write_61(&p, 2, now);
	assert_int_equal(vpit_read_61(&p, now) & 3, 2);
	assert_true(p.s.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	vpit_write_61(&p, 0, now);
	assert_int_equal(vpit_read_61(&p, now) & 3, 0);
	assert_int_not_equal(vpit_read_61(&p, 15085) & 0x10, first);
	assert_int_equal(vpit_read_61(&p, 2 * 15085) & 0x10, first);
}

/* ---- ticks ---- */

static void test_one_shot_modes_tick_once(void **state)
{
	u64 start = now, first;

	program(0, 0, 1000);
	first = vpit_irq_next(&p, now);
	at(start, 1000);
	assert_int_equal(first, now);
	assert_int_equal(vpit_irq_next(&p, first), U64_MAX);
	assert_int_equal(vpit_irq_period(&p), 0);
	assert_int_equal(vpit_irq_ticks(&p, start, first), 1);
}

/* Channel 0's gate is tied high: it never rises, so they never start. */
static void test_gated_modes_never_tick_on_channel_0(void **state)
{
	program(0, 1, 1000);
	assert_int_equal(vpit_irq_next(&p, now), U64_MAX);
	program(0, 5, 1000);
	assert_int_equal(vpit_irq_next(&p, now), U64_MAX);
}

static void test_hpet_legacy_mode_stops_the_ticks(void **state)
{
	program(0, 2, 1000);
	p.s.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	assert_int_equal(vpit_irq_next(&p, now), U64_MAX);
}

/* 1,000,000 ticks of 100 Hz: each one counted once, none early, no drift. */
static void test_ticks_do_not_drift(void **state)
{
	u64 start = now, last = now, next, i, sum = 0;

	program(0, 2, 11932);
	for (i = 1; i <= 1000000; i++) {
		next = vpit_irq_next(&p, last);
		assert_true(next > last);
		sum += vpit_irq_ticks(&p, last, next);
		last = next;
	}
	assert_int_equal(sum, 1000000);
	at(start, 1000000ULL * 11932);
	assert_int_equal(last, now);
}

static void test_late_ticks_are_all_counted(void **state)
{
	u64 start = now;

	program(0, 3, 1000);
	at(start, 5500);
	assert_int_equal(vpit_irq_ticks(&p, start, now), 5);
}

static void test_what_is_owed_depends_on_what_became_of_the_tick(void **state)
{
	assert_int_equal(vpit_owed(1, -1), 0);	/* masked: the guest wants none */
	assert_int_equal(vpit_owed(1, 1), 0);
	assert_int_equal(vpit_owed(1, 0), 1);
	assert_int_equal(vpit_owed(3, 1), 2);
	assert_int_equal(vpit_owed(3, 0), 3);
}

/* ---- state ---- */

static void test_odd_state_is_tamed(void **state)
{
	struct kvm_pit_state2 s;
	unsigned int n;

	memset(&s, 0xff, sizeof(s));
	s.channels[1].count_load_time = INT64_MIN;
	vpit_set_state(&p, &s, now);
	for (n = 0; n < 3; n++) {
		assert_in_range(p.s.channels[n].count, 0, 65536);
		assert_in_range(p.s.channels[n].mode, 0, 5);
		assert_int_equal(vpit_read(&p, 0x40 + n, now) & ~0xff, 0);
		vpit_out(&p, n, now);
	}
	assert_int_equal(p.s.flags, KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	vpit_irq_next(&p, now);
}

static void test_saved_state_counts_on(void **state)
{
	struct kvm_pit_state2 s;
	u64 start = now;

	program(0, 2, 1000);
	s = p.s;
	vpit_reset(&p, now + NS);
	vpit_set_state(&p, &s, now);
	at(start, 100);
	assert_int_equal(latched(0), 900);
}

/* Firecracker gives the state back as it was saved, on a host that may be younger. */
static void test_a_count_loaded_in_the_future_begins_now(void **state)
{
	struct kvm_pit_state2 s;

	program(0, 2, 1000);
	s = p.s;
	s.channels[0].count_load_time = now + 86400 * NS;
	vpit_reset(&p, now);
	vpit_set_state(&p, &s, now);
	assert_in_range(vpit_irq_next(&p, now), now + 1, now + NS / 1000);
	at(now, 100);
	assert_int_equal(latched(0), 900);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

/* What QEMU reads back at start: does it divide by it safely, and does the
 * timer stay silent when it writes the same back?
 */
static void test_a_stopped_timer_is_saved_and_restored_stopped(void **state)
{
	struct kvm_pit_state2 s;
	struct vpit p;
	unsigned int n;

	vpit_reset(&p, 0);
	vpit_get_state(&p, &s);
	for (n = 0; n < 3; n++)
		assert_int_equal(s.channels[n].count, 65536);
	vpit_set_state(&p, &s, now);
	assert_true(vpit_irq_next(&p, 1000) == U64_MAX);
}

/* A guest that is saved between the mode and the count finds its mode again. */
static void test_a_mode_without_a_count_is_saved_and_restored(void **state)
{
	struct kvm_pit_state2 s;
	struct vpit p, q;

	vpit_reset(&p, 0);
	vpit_write(&p, 0x43, 0x34, 500);	/* channel 0, word, mode 2 */
	vpit_get_state(&p, &s);
	assert_int_equal(s.channels[0].mode, 2);
	vpit_reset(&q, 0);
	vpit_set_state(&q, &s, now);
	assert_true(vpit_irq_next(&q, 1000) == U64_MAX);
	vpit_write(&q, 0x40, 100, 2000);
	vpit_write(&q, 0x40, 0, 2000);
	assert_true(vpit_irq_next(&q, 2000) != U64_MAX);
	assert_true(vpit_irq_period(&q) != 0);	/* mode 2 repeats */

	/* With a count it goes on counting. */
	vpit_get_state(&q, &s);
	vpit_set_state(&p, &s, now);
	assert_true(vpit_irq_next(&p, 2000) == vpit_irq_next(&q, 2000));
}

/* A VMM that starts a timer for its guest changes what it cares for alone. */
static void test_a_count_given_to_a_stopped_timer_starts_it(void **state)
{
	struct kvm_pit_state2 s;
	struct vpit p;

	vpit_reset(&p, 0);
	vpit_get_state(&p, &s);
	s.channels[0].mode = 2;
	s.channels[0].count = 11932;
	vpit_set_state(&p, &s, now);
	assert_true(vpit_irq_next(&p, 1000) != U64_MAX);
}

static void test_read_back_says_that_a_count_is_missing(void **state)
{
	struct vpit p;

	vpit_reset(&p, 0);
	vpit_write(&p, 0x43, 0x34, 500);
	vpit_write(&p, 0x43, 0xe2, 500);	/* status of channel 0 */
	assert_true(vpit_read(&p, 0x40, 600) & 0x40);
	vpit_write(&p, 0x40, 100, 700);
	vpit_write(&p, 0x40, 0, 700);
	vpit_write(&p, 0x43, 0xe2, 800);
	assert_false(vpit_read(&p, 0x40, 900) & 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_mode_without_a_count_is_saved_and_restored),
		TEST(test_read_back_says_that_a_count_is_missing),
		TEST(test_a_count_loaded_in_the_future_begins_now),
		TEST(test_an_unprogrammed_channel_never_interrupts),
		TEST(test_a_word_counts_only_when_both_bytes_came),
		TEST(test_single_byte_modes_load_their_byte),
		TEST(test_a_count_of_zero_is_65536),
		TEST(test_only_channel_0_asks_to_be_armed),
		TEST(test_each_mode_counts_as_it_should),
		TEST(test_each_mode_drives_its_output),
		TEST(test_a_latched_count_stands_still_and_is_read_once),
		TEST(test_read_back_gives_status_then_count),
		TEST(test_read_back_takes_only_the_channels_named),
		TEST(test_modes_6_and_7_are_2_and_3),
		TEST(test_a_rising_gate_starts_the_count_anew),
		TEST(test_the_speaker_bit_is_kept_and_the_refresh_bit_toggles),
		TEST(test_one_shot_modes_tick_once),
		TEST(test_gated_modes_never_tick_on_channel_0),
		TEST(test_hpet_legacy_mode_stops_the_ticks),
		TEST(test_ticks_do_not_drift),
		TEST(test_late_ticks_are_all_counted),
		TEST(test_what_is_owed_depends_on_what_became_of_the_tick),
		TEST(test_odd_state_is_tamed),
		TEST(test_saved_state_counts_on),
		cmocka_unit_test(test_a_stopped_timer_is_saved_and_restored_stopped),
		cmocka_unit_test(test_a_count_given_to_a_stopped_timer_starts_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
