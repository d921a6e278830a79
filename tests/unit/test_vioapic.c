// SPDX-License-Identifier: GPL-2.0
/* vioapic: edges, levels, remote IRR, masks, registers; what is unmasked is not lost. */
#include "tests/unit/check.h"
#include "kvm-core/vioapic.h"

#define LEVEL	0x8000U
#define MASKED	0x10000U

/* The receiver: counts messages per vector, or refuses them. */
static struct {
	struct vchip_msg last;
	unsigned int sent[256];
	int answer;
} bus;

static int receive(void *ctx, const struct vchip_msg *m)
{
	if (bus.answer < 0)
		return bus.answer;
	bus.last = *m;
	bus.sent[m->vector]++;
	return bus.answer;
}

static const struct vchip_out out = { .send = receive };
static struct vioapic io;

static int set_up(void **state)
{
	vioapic_reset(&io);
	memset(&bus, 0, sizeof(bus));
	bus.answer = 1;
	return 0;
}

static void entry(unsigned int pin, u32 low, u32 high)
{
	vioapic_write(&io, &out, 0, 0x11 + 2 * pin);
	vioapic_write(&io, &out, 0x10, high);
	vioapic_write(&io, &out, 0, 0x10 + 2 * pin);
	vioapic_write(&io, &out, 0x10, low);
}

static u32 low(unsigned int pin)
{
	vioapic_write(&io, &out, 0, 0x10 + 2 * pin);
	return vioapic_read(&io, 0x10);
}

static bool remote_irr(unsigned int pin)
{
	return low(pin) & VIOAPIC_REMOTE_IRR;
}

static int set(unsigned int pin, bool level)
{
	return vioapic_set(&io, &out, pin, 0, level);
}

static void test_a_pin_or_source_that_does_not_exist_is_refused(void **state)
{
	assert_true(vioapic_set(&io, &out, 24, 0, true) < 0);
	assert_true(vioapic_set(&io, &out, 40, 0, true) < 0);
	assert_true(vioapic_set(&io, &out, 0, VCHIP_SOURCES, true) < 0);
}

static void test_after_reset_every_pin_is_masked(void **state)
{
	unsigned int pin;

	for (pin = 0; pin < VIOAPIC_PINS; pin++) {
		assert_int_equal(low(pin), MASKED);
		assert_true(set(pin, true) < 0);
	}
	assert_int_equal(bus.last.vector, 0);
}

static void test_a_message_carries_the_entry(void **state)
{
	entry(4, 0x940 | LEVEL, 0x0f000000);
	set(4, true);
	assert_int_equal(bus.last.vector, 0x40);
	assert_int_equal(bus.last.mode, VCHIP_LOWEST);
	assert_int_equal(bus.last.dest, 0xf);
	assert_true(bus.last.logical);
	assert_true(bus.last.level);
	assert_false(bus.last.wide);
}

static void test_an_extint_entry_sends_nothing(void **state)
{
	entry(0, 0x700, 0);
	assert_true(set(0, true) < 0);
}

static void test_an_edge_is_sent_once_per_rise(void **state)
{
	entry(4, 0x40, 0);
	assert_int_equal(set(4, true), 1);
	assert_int_equal(set(4, true), 0);
	set(4, false);
	assert_int_equal(bus.sent[0x40], 1);
	set(4, true);
	assert_int_equal(bus.sent[0x40], 2);
	assert_false(remote_irr(4));
}

static void test_an_edge_while_masked_is_ignored(void **state)
{
	entry(4, 0x40 | MASKED, 0);
	assert_true(set(4, true) < 0);
	entry(4, 0x40, 0);
	set(4, false);
	assert_int_equal(bus.sent[0x40], 0);
	set(4, true);
	assert_int_equal(bus.sent[0x40], 1);
}

static void test_a_level_is_sent_once_until_its_eoi(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	assert_int_equal(set(9, true), 1);
	assert_true(remote_irr(9));
	assert_int_equal(set(9, true), 0);
	assert_int_equal(bus.sent[0x50], 1);
	vioapic_eoi(&io, &out, 0x50);
	assert_int_equal(bus.sent[0x50], 2);
	set(9, false);
	vioapic_eoi(&io, &out, 0x50);
	assert_int_equal(bus.sent[0x50], 2);
	assert_false(remote_irr(9));
}

/* The level stays high: so many EOIs, each but a pause's sends it again. */
static unsigned int eois(unsigned int n)
{
	unsigned int waits = 0;

	while (n--)
		waits += vioapic_eoi(&io, &out, 0x50);
	return waits;
}

static void test_a_level_that_no_handler_lowers_pauses(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	set(9, true);
	assert_int_equal(eois(VIOAPIC_STORM - 1), 0);
	assert_int_equal(bus.sent[0x50], VIOAPIC_STORM);
	assert_true(vioapic_eoi(&io, &out, 0x50));
	assert_int_equal(bus.sent[0x50], VIOAPIC_STORM);
	assert_false(remote_irr(9));
	/* Nothing but its end, or what happens to the line until then, ends it. */
	assert_int_equal(set(9, true), 0);
	vioapic_retry(&io, &out);
	entry(9, 0x50 | LEVEL, 0);
	assert_int_equal(bus.sent[0x50], VIOAPIC_STORM);
	vioapic_resume(&io, &out);
	assert_int_equal(bus.sent[0x50], VIOAPIC_STORM + 1);
	assert_true(remote_irr(9));
	/* And all of it again. */
	assert_int_equal(eois(VIOAPIC_STORM - 1), 0);
	assert_true(vioapic_eoi(&io, &out, 0x50));
	set(9, false);
	vioapic_resume(&io, &out);
	assert_int_equal(bus.sent[0x50], 2 * VIOAPIC_STORM);
}

static void test_a_level_that_is_lowered_now_and_then_does_not(void **state)
{
	unsigned int i;

	entry(9, 0x50 | LEVEL, 0);
	for (i = 0; i < 3; i++) {
		set(9, true);
		assert_int_equal(eois(VIOAPIC_STORM - 1), 0);
		set(9, false);
		assert_int_equal(eois(1), 0);
	}
	assert_int_equal(bus.sent[0x50], 3 * VIOAPIC_STORM);
}

static void test_an_eoi_of_another_vector_changes_nothing(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	set(9, true);
	vioapic_eoi(&io, &out, 0x51);
	assert_true(remote_irr(9));
	assert_int_equal(vioapic_eoi_pins(&io, 0x51), 0);
	assert_int_equal(vioapic_eoi_pins(&io, 0x50), BIT(9));
	assert_true(vioapic_has_vector(&io, 0x50));
	assert_false(vioapic_has_vector(&io, 0x51));
}

static void test_a_level_masked_at_its_eoi_is_sent_at_the_unmasking(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	set(9, true);
	entry(9, 0x50 | LEVEL | MASKED, 0);
	assert_true(remote_irr(9));
	vioapic_eoi(&io, &out, 0x50);
	assert_false(remote_irr(9));
	assert_int_equal(bus.sent[0x50], 1);
	entry(9, 0x50 | LEVEL, 0);
	assert_int_equal(bus.sent[0x50], 2);
}

/* Remote IRR would stay for ever if it were set for a message nobody took. */
static void test_a_level_nobody_took_is_tried_again(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	bus.answer = -1;
	assert_true(set(9, true) < 0);
	assert_false(remote_irr(9));
	bus.answer = 1;
	vioapic_retry(&io, &out);
	assert_int_equal(bus.sent[0x50], 1);
	assert_true(remote_irr(9));
	vioapic_retry(&io, &out);
	assert_int_equal(bus.sent[0x50], 1);
}

static void test_a_level_that_merged_still_waits_for_its_eoi(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	bus.answer = 0;
	assert_int_equal(set(9, true), 0);
	assert_true(remote_irr(9));
}

static void test_sources_are_ored(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	vioapic_set(&io, &out, 9, 0, true);
	vioapic_set(&io, &out, 9, 5, true);
	vioapic_set(&io, &out, 9, 0, false);
	vioapic_eoi(&io, &out, 0x50);
	assert_int_equal(bus.sent[0x50], 2);
	vioapic_set(&io, &out, 9, 5, false);
	vioapic_eoi(&io, &out, 0x50);
	assert_int_equal(bus.sent[0x50], 2);
}

/* How an operating system frees a stuck pin of a version 11h chip. */
static void test_making_a_pin_edge_triggered_clears_remote_irr(void **state)
{
	entry(9, 0x50 | LEVEL, 0);
	set(9, true);
	entry(9, 0x50 | MASKED, 0);
	assert_false(remote_irr(9));
	entry(9, 0x50 | LEVEL, 0);
	assert_int_equal(bus.sent[0x50], 2);
}

static void test_status_and_remote_irr_cannot_be_written(void **state)
{
	entry(3, 0xffffffff, 0xffffffff);
	assert_int_equal(low(3), 0x1afff);
	vioapic_write(&io, &out, 0, 0x11 + 6);
	assert_int_equal(vioapic_read(&io, 0x10), 0xff000000);
}

static void test_registers_that_do_not_exist_read_zero(void **state)
{
	static const u8 index[] = { 3, 15, 0x40, 0xff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(index); i++) {
		vioapic_write(&io, &out, 0, index[i]);
		vioapic_write(&io, &out, 0x10, 0xffffffff);
		assert_int_equal(vioapic_read(&io, 0x10), 0);
	}
	assert_int_equal(vioapic_read(&io, 0x40), 0);
}

static void test_id_and_version(void **state)
{
	vioapic_write(&io, &out, 0, 1);
	assert_int_equal(vioapic_read(&io, 0x10), 0x170011);
	vioapic_write(&io, &out, 0, 0);
	vioapic_write(&io, &out, 0x10, 0xffffffff);
	assert_int_equal(vioapic_read(&io, 0x10), 0x0f000000);
	assert_int_equal(vioapic_read(&io, 0), 0);
}

static void test_saved_state_has_the_id_as_a_number(void **state)
{
	struct kvm_ioapic_state s;

	vioapic_write(&io, &out, 0, 0);
	vioapic_write(&io, &out, 0x10, 0x05000000);
	vioapic_get_state(&io, &s);
	assert_int_equal(s.id, 5);
	s.id = 9;
	vioapic_set_state(&io, &out, &s);
	assert_int_equal(vioapic_read(&io, 0x10), 0x09000000);
	s.id = 0xfffffff3;
	vioapic_set_state(&io, &out, &s);
	assert_int_equal(vioapic_read(&io, 0x10), 0x03000000);
}

static void test_saved_state_restores_the_lines_of_levels(void **state)
{
	struct kvm_ioapic_state s;

	entry(4, 0x40, 0);
	entry(9, 0x50 | LEVEL, 0);
	set(4, true);
	set(9, true);
	vioapic_get_state(&io, &s);
	assert_int_equal(s.irr, BIT(9));
	vioapic_reset(&io);
	vioapic_set_state(&io, &out, &s);
	assert_true(remote_irr(9));
	vioapic_eoi(&io, &out, 0x50);
	assert_int_equal(bus.sent[0x50], 2);
	assert_int_equal(bus.sent[0x40], 1);
}

static void test_an_edge_in_a_restored_state_is_sent(void **state)
{
	struct kvm_ioapic_state s;

	entry(4, 0x40, 0);
	entry(5, 0x41 | MASKED, 0);
	vioapic_get_state(&io, &s);
	s.irr = BIT(4) | BIT(5);
	vioapic_set_state(&io, &out, &s);
	assert_int_equal(bus.sent[0x40], 1);
	assert_int_equal(bus.sent[0x41], 0);
}

static void test_an_asserted_level_without_remote_irr_is_sent_on_restore(void **state)
{
	struct kvm_ioapic_state s;

	entry(9, 0x50 | LEVEL, 0);
	vioapic_get_state(&io, &s);
	s.irr = BIT(9);
	vioapic_set_state(&io, &out, &s);
	assert_int_equal(bus.sent[0x50], 1);
}

/* A device that holds its line over a reset of the machine is still heard. */
static void test_a_line_held_over_a_reset_is_seen_after_it(void **state)
{
	struct kvm_ioapic_state s;
	struct vioapic clean;

	entry(9, 0x50 | LEVEL, 0);
	set(9, true);
	vioapic_reset(&clean);
	vioapic_get_state(&clean, &s);
	vioapic_set_state(&io, &out, &s);
	entry(9, 0x50 | LEVEL, 0);
	assert_int_equal(bus.sent[0x50], 2);
}

/*
 * Property. A guest of 24 pins that masks, unmasks and ends at random; devices
 * that raise and lower at random. A level pin that is high, unmasked and not in
 * service has been sent; every edge of an unmasked pin has been sent, and no other.
 * "Sent" counts vectors 40h + pin.
 */
static void check_level(unsigned int pin, bool high, bool masked, bool in_service)
{
	if (high && !masked)
		assert_true(in_service);
	assert_int_equal(in_service, remote_irr(pin));
}

static void test_no_level_is_lost_in_random_steps(void **state)
{
	bool high[24] = {}, masked[24] = {}, in_service[24] = {};
	unsigned int pin, step, before;

	for (pin = 0; pin < 24; pin++)
		entry(pin, (0x40 + pin) | LEVEL, 0);
	srandom(7);
	for (step = 0; step < 100000; step++) {
		pin = random() % 24;
		before = bus.sent[0x40 + pin];
		switch (random() % 3) {
		case 0:
			high[pin] = !high[pin];
			set(pin, high[pin]);
			break;
		case 1:
			masked[pin] = !masked[pin];
			entry(pin, (0x40 + pin) | LEVEL | (masked[pin] ? MASKED : 0), 0);
			break;
		default:
			if (!in_service[pin])
				break;
			in_service[pin] = false;
			vioapic_eoi(&io, &out, 0x40 + pin);
		}
		assert_in_range(bus.sent[0x40 + pin] - before, 0, 1);
		if (bus.sent[0x40 + pin] != before) {
			assert_false(in_service[pin]);
			in_service[pin] = true;
		}
		check_level(pin, high[pin], masked[pin], in_service[pin]);
	}
}

static void test_an_unmasked_edge_is_sent_once_in_random_steps(void **state)
{
	bool high[24] = {}, masked[24] = {};
	unsigned int want[24] = {}, pin, step;

	for (pin = 0; pin < 24; pin++)
		entry(pin, 0x40 + pin, 0);
	srandom(8);
	for (step = 0; step < 100000; step++) {
		pin = random() % 24;
		if (random() & 1) {
			high[pin] = !high[pin];
			set(pin, high[pin]);
			want[pin] += high[pin] && !masked[pin];
		} else {
			masked[pin] = !masked[pin];
			entry(pin, (0x40 + pin) | (masked[pin] ? MASKED : 0), 0);
		}
		assert_int_equal(bus.sent[0x40 + pin], want[pin]);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_pin_or_source_that_does_not_exist_is_refused),
		TEST(test_after_reset_every_pin_is_masked),
		TEST(test_a_message_carries_the_entry),
		TEST(test_an_extint_entry_sends_nothing),
		TEST(test_an_edge_is_sent_once_per_rise),
		TEST(test_an_edge_while_masked_is_ignored),
		TEST(test_a_level_is_sent_once_until_its_eoi),
		TEST(test_a_level_that_no_handler_lowers_pauses),
		TEST(test_a_level_that_is_lowered_now_and_then_does_not),
		TEST(test_an_eoi_of_another_vector_changes_nothing),
		TEST(test_a_level_masked_at_its_eoi_is_sent_at_the_unmasking),
		TEST(test_a_level_nobody_took_is_tried_again),
		TEST(test_a_level_that_merged_still_waits_for_its_eoi),
		TEST(test_sources_are_ored),
		TEST(test_making_a_pin_edge_triggered_clears_remote_irr),
		TEST(test_status_and_remote_irr_cannot_be_written),
		TEST(test_registers_that_do_not_exist_read_zero),
		TEST(test_id_and_version),
		TEST(test_saved_state_has_the_id_as_a_number),
		TEST(test_saved_state_restores_the_lines_of_levels),
		TEST(test_an_edge_in_a_restored_state_is_sent),
		TEST(test_an_asserted_level_without_remote_irr_is_sent_on_restore),
		TEST(test_a_line_held_over_a_reset_is_seen_after_it),
		TEST(test_no_level_is_lost_in_random_steps),
		TEST(test_an_unmasked_edge_is_sent_once_in_random_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
