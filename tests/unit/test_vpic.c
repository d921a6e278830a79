// SPDX-License-Identifier: GPL-2.0
/* vpic: priorities, all initialisation words, rotation, masks, poll, cascade. */
#include "tests/unit/check.h"
#include "kvm-core/vpic.h"

static struct vpic p;

static void init_pair(u8 icw4)
{
	static const u16 ports[2] = { 0x20, 0xa0 };
	static const u8 base[2] = { 0x30, 0x38 }, icw3[2] = { 4, 2 };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		vpic_write(&p, ports[i], 0x11);
		vpic_write(&p, ports[i] + 1, base[i]);
		vpic_write(&p, ports[i] + 1, icw3[i]);
		vpic_write(&p, ports[i] + 1, icw4);
	}
}

static int set_up(void **state)
{
	vpic_reset(&p);
	init_pair(1);
	return 0;
}

static int set(unsigned int line, bool level)
{
	return vpic_set(&p, line, 0, level);
}

static void pulse(unsigned int line)
{
	set(line, true);
	set(line, false);
}

static void eoi(unsigned int chip)
{
	vpic_write(&p, chip ? 0xa0 : 0x20, 0x20);
}

static void test_a_line_that_does_not_exist_is_refused(void **state)
{
	assert_true(vpic_set(&p, 16, 0, true) < 0);
	assert_true(vpic_set(&p, 2, 0, true) < 0);	/* the cascade's own */
	assert_true(vpic_set(&p, 1, VCHIP_SOURCES, true) < 0);
	assert_false(vpic_output(&p));
}

static void test_without_a_request_there_is_no_vector(void **state)
{
	assert_int_equal(vpic_peek(&p), -1);
	assert_int_equal(vpic_intack(&p), -1);
	assert_int_equal(p.chip[0].isr, 0);
}

static void test_a_masked_line_waits_in_irr(void **state)
{
	vpic_write(&p, 0x21, 0x02);
	assert_true(set(1, true) < 0);
	assert_false(vpic_output(&p));
	assert_int_equal(vpic_read(&p, 0x20), 0x02);
	assert_int_equal(vpic_read(&p, 0x21), 0x02);
	vpic_write(&p, 0x21, 0);
	assert_true(vpic_output(&p));
	assert_int_equal(vpic_intack(&p), 0x31);
}

static void test_the_return_value_tells_a_new_request_from_an_old(void **state)
{
	assert_true(set(4, true) > 0);
	set(4, false);
	assert_int_equal(set(4, true), 0);
}

static void test_an_edge_is_remembered_after_the_line_fell(void **state)
{
	pulse(0);
	assert_int_equal(vpic_peek(&p), 0x30);
	assert_int_equal(vpic_intack(&p), 0x30);
	assert_false(vpic_output(&p));
	eoi(0);
	assert_false(vpic_output(&p));
}

static void test_a_level_asks_again_after_its_eoi_and_stops_when_it_falls(void **state)
{
	vpic_write(&p, 0x4d1, 0x02);			/* line 9 */
	assert_int_equal(vpic_read(&p, 0x4d1), 0x02);
	set(9, true);
	assert_int_equal(vpic_intack(&p), 0x39);
	eoi(1);
	eoi(0);
	assert_int_equal(vpic_intack(&p), 0x39);
	set(9, false);
	eoi(1);
	eoi(0);
	assert_false(vpic_output(&p));
}

static void test_elcr_keeps_only_the_lines_that_can_be_level(void **state)
{
	vpic_write(&p, 0x4d0, 0xff);
	vpic_write(&p, 0x4d1, 0xff);
	assert_int_equal(vpic_read(&p, 0x4d0), 0xf8);
	assert_int_equal(vpic_read(&p, 0x4d1), 0xde);
}

static void test_lower_priorities_wait_for_the_eoi(void **state)
{
	pulse(3);
	assert_int_equal(vpic_intack(&p), 0x33);
	pulse(5);
	assert_false(vpic_output(&p));
	pulse(1);
	assert_int_equal(vpic_intack(&p), 0x31);
	eoi(0);
	assert_false(vpic_output(&p));
	eoi(0);
	assert_int_equal(vpic_intack(&p), 0x35);
}

static void test_the_cascade_gives_the_second_chips_vector(void **state)
{
	pulse(12);
	assert_int_equal(vpic_peek(&p), 0x3c);
	assert_int_equal(vpic_intack(&p), 0x3c);
	assert_int_equal(p.chip[0].isr, 0x04);
	assert_int_equal(p.chip[1].isr, 0x10);
}

/* Both requests of the second chip arrive, though its output never falls. */
static void test_two_requests_of_the_second_chip_both_arrive(void **state)
{
	pulse(12);
	pulse(14);
	assert_int_equal(vpic_intack(&p), 0x3c);
	eoi(1);
	eoi(0);
	assert_int_equal(vpic_intack(&p), 0x3e);
	eoi(1);
	eoi(0);
	assert_false(vpic_output(&p));
}

static void test_a_second_chip_masked_too_late_gives_a_spurious_vector(void **state)
{
	pulse(12);
	p.chip[1].imr = 0xff;		/* between the output and the INTA */
	assert_int_equal(vpic_intack(&p), 0x3f);
	assert_int_equal(p.chip[1].isr, 0);
}

static void test_special_fully_nested_mode_lets_the_cascade_nest(void **state)
{
	pulse(14);
	assert_int_equal(vpic_intack(&p), 0x3e);
	pulse(8);
	assert_false(vpic_output(&p));
	vpic_reset(&p);
	init_pair(0x11);
	pulse(14);
	assert_int_equal(vpic_intack(&p), 0x3e);
	pulse(8);
	assert_int_equal(vpic_intack(&p), 0x38);
}

/* ---- ends ---- */

static void test_a_specific_eoi_ends_its_line_only(void **state)
{
	pulse(3);
	vpic_intack(&p);
	pulse(1);
	vpic_intack(&p);
	vpic_write(&p, 0x20, 0x63);
	assert_int_equal(p.chip[0].isr, 0x02);
	assert_int_equal(vpic_take_acked(&p), BIT(3));
	assert_int_equal(vpic_take_acked(&p), 0);
}

static void test_an_eoi_with_nothing_in_service_ends_nothing(void **state)
{
	eoi(0);
	eoi(1);
	vpic_write(&p, 0x20, 0x65);
	assert_int_equal(vpic_take_acked(&p), 0);
}

static void test_ends_are_reported_by_line_of_the_pair_without_the_cascade(void **state)
{
	pulse(13);
	vpic_intack(&p);
	eoi(1);
	eoi(0);
	assert_int_equal(vpic_take_acked(&p), BIT(13));
}

static void test_automatic_eoi_ends_at_the_acknowledge(void **state)
{
	init_pair(3);
	pulse(4);
	assert_int_equal(vpic_intack(&p), 0x34);
	assert_int_equal(p.chip[0].isr, 0);
	assert_int_equal(vpic_take_acked(&p), BIT(4));
}

/* ---- rotation ---- */

static void test_rotate_on_eoi_makes_the_line_lowest(void **state)
{
	pulse(0);
	vpic_intack(&p);
	vpic_write(&p, 0x20, 0xa0);
	pulse(0);
	pulse(1);
	assert_int_equal(vpic_intack(&p), 0x31);
}

static void test_set_priority_names_the_lowest(void **state)
{
	vpic_write(&p, 0x20, 0xc4);
	pulse(4);
	pulse(5);
	assert_int_equal(vpic_intack(&p), 0x35);
}

static void test_rotate_on_specific_eoi(void **state)
{
	pulse(6);
	vpic_intack(&p);
	vpic_write(&p, 0x20, 0xe6);
	assert_int_equal(p.chip[0].isr, 0);
	assert_int_equal(p.chip[0].priority_add, 7);
}

static void test_rotate_in_automatic_eoi_mode_is_set_and_cleared(void **state)
{
	init_pair(3);
	vpic_write(&p, 0x20, 0x80);
	pulse(0);
	vpic_intack(&p);
	assert_int_equal(p.chip[0].priority_add, 1);
	vpic_write(&p, 0x20, 0x00);
	pulse(4);
	vpic_intack(&p);
	assert_int_equal(p.chip[0].priority_add, 1);
}

/* ---- OCW3 ---- */

static void test_irr_or_isr_is_read_as_chosen(void **state)
{
	pulse(3);
	vpic_intack(&p);
	pulse(5);
	assert_int_equal(vpic_read(&p, 0x20), 0x20);
	vpic_write(&p, 0x20, 0x0b);
	assert_int_equal(vpic_read(&p, 0x20), 0x08);
	vpic_write(&p, 0x20, 0x0a);
	assert_int_equal(vpic_read(&p, 0x20), 0x20);
}

static void test_special_mask_mode_opens_lower_priorities(void **state)
{
	pulse(1);
	vpic_intack(&p);
	pulse(6);
	vpic_write(&p, 0x21, 0x02);
	assert_false(vpic_output(&p));
	vpic_write(&p, 0x20, 0x68);
	assert_int_equal(vpic_intack(&p), 0x36);
	eoi(0);
	assert_int_equal(p.chip[0].isr, 0x02);
	vpic_write(&p, 0x20, 0x48);
	eoi(0);
	assert_int_equal(p.chip[0].isr, 0);
}

static void test_poll_reads_and_takes_the_highest_line(void **state)
{
	vpic_write(&p, 0x20, 0x0c);
	assert_int_equal(vpic_read(&p, 0x20), 0);
	pulse(3);
	vpic_write(&p, 0x20, 0x0c);
	assert_int_equal(vpic_read(&p, 0x20), 0x83);
	assert_int_equal(p.chip[0].isr, 0x08);
	assert_int_equal(vpic_read(&p, 0x20), 0);
}

/* ---- initialisation ---- */

static void test_icw1_clears_all_but_the_lines_and_ends_what_ran(void **state)
{
	vpic_write(&p, 0x4d0, 0x20);
	set(5, true);
	pulse(3);
	vpic_intack(&p);
	vpic_write(&p, 0x21, 0x40);
	vpic_write(&p, 0x20, 0x11);
	assert_int_equal(vpic_take_acked(&p), BIT(3));
	assert_int_equal(p.chip[0].isr, 0);
	assert_int_equal(p.chip[0].imr, 0);
	assert_int_equal(p.chip[0].irr, 0x20);
}

static void test_without_icw4_initialisation_ends_after_icw3(void **state)
{
	vpic_write(&p, 0x20, 0x10);
	vpic_write(&p, 0x21, 0x47);
	vpic_write(&p, 0x21, 0x04);
	vpic_write(&p, 0x21, 0xaa);
	assert_int_equal(vpic_read(&p, 0x21), 0xaa);
	assert_int_equal(p.chip[0].irq_base, 0x40);
	assert_int_equal(p.chip[0].auto_eoi, 0);
}

static void test_saved_state_restores_and_is_tamed(void **state)
{
	struct kvm_pic_state s, again;

	pulse(12);
	vpic_get_state(&p, 1, &s);
	vpic_reset(&p);
	init_pair(1);
	vpic_set_state(&p, 1, &s);
	vpic_get_state(&p, 1, &again);
	assert_memory_equal(&s, &again, sizeof(s));
	assert_int_equal(vpic_intack(&p), 0x3c);
	memset(&s, 0xff, sizeof(s));
	vpic_set_state(&p, 0, &s);
	vpic_get_state(&p, 0, &again);
	assert_int_equal(again.elcr, 0xff);	/* it and its mask are user space's own */
	assert_int_equal(again.elcr_mask, 0xff);
	assert_true(again.priority_add < 8);
	assert_true(again.init_state < 4);
}

/*
 * Property: the chip against its definition, one chip, edge lines, fixed
 * priorities, non-specific EOI. Nothing requested and unmasked is ever lost.
 */
static void test_random_steps_agree_with_plain_sets(void **state)
{
	u8 irr = 0, isr = 0, imr = 0;
	unsigned int step, line;
	int want;

	srandom(3);
	for (step = 0; step < 100000; step++) {
		line = random() % 8;
		switch (random() % 4) {
		case 0:
			if (line == 2)
				break;
			pulse(line);
			irr |= 1U << line;
			break;
		case 1:
			imr = random();
			vpic_write(&p, 0x21, imr);
			break;
		case 2:
			eoi(0);
			isr &= isr - 1;
			break;
		default:
			want = irr & ~imr ? __builtin_ctz(irr & ~imr) : 8;
			if (isr && __builtin_ctz(isr) <= want)
				want = 8;
			assert_int_equal(vpic_intack(&p), want == 8 ? -1 : 0x30 + want);
			if (want == 8)
				break;
			irr &= ~(1U << want);
			isr |= 1U << want;
		}
		assert_int_equal(p.chip[0].irr, irr);
		assert_int_equal(p.chip[0].isr, isr);
	}
}

/* Looking agrees with reading wherever a read changes nothing. */
static void test_a_look_is_a_read_that_changes_nothing(void **state)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	unsigned int i, n;
	struct vpic was;
	u8 val;

	for (n = 0; n < 1000; n++) {
		vpic_set(&p, random() % 16, 0, random() & 1);
		vpic_write(&p, n & 1 ? 0x20 : 0xa0, 0x08 | (random() & 7));
		for (i = 0; i < ARRAY_SIZE(ports); i++) {
			was = p;
			if (!vpic_look(&p, ports[i], &val)) {
				assert_true(p.chip[ports[i] >> 7 & 1].poll);
				continue;
			}
			assert_int_equal(vpic_read(&p, ports[i]), val);
			assert_memory_equal(&p, &was, sizeof(p));
		}
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_line_that_does_not_exist_is_refused),
		TEST(test_without_a_request_there_is_no_vector),
		TEST(test_a_masked_line_waits_in_irr),
		TEST(test_the_return_value_tells_a_new_request_from_an_old),
		TEST(test_an_edge_is_remembered_after_the_line_fell),
		TEST(test_a_level_asks_again_after_its_eoi_and_stops_when_it_falls),
		TEST(test_elcr_keeps_only_the_lines_that_can_be_level),
		TEST(test_lower_priorities_wait_for_the_eoi),
		TEST(test_the_cascade_gives_the_second_chips_vector),
		TEST(test_two_requests_of_the_second_chip_both_arrive),
		TEST(test_a_second_chip_masked_too_late_gives_a_spurious_vector),
		TEST(test_special_fully_nested_mode_lets_the_cascade_nest),
		TEST(test_a_specific_eoi_ends_its_line_only),
		TEST(test_an_eoi_with_nothing_in_service_ends_nothing),
		TEST(test_ends_are_reported_by_line_of_the_pair_without_the_cascade),
		TEST(test_automatic_eoi_ends_at_the_acknowledge),
		TEST(test_rotate_on_eoi_makes_the_line_lowest),
		TEST(test_set_priority_names_the_lowest),
		TEST(test_rotate_on_specific_eoi),
		TEST(test_rotate_in_automatic_eoi_mode_is_set_and_cleared),
		TEST(test_irr_or_isr_is_read_as_chosen),
		TEST(test_special_mask_mode_opens_lower_priorities),
		TEST(test_poll_reads_and_takes_the_highest_line),
		TEST(test_icw1_clears_all_but_the_lines_and_ends_what_ran),
		TEST(test_without_icw4_initialisation_ends_after_icw3),
		TEST(test_saved_state_restores_and_is_tamed),
		TEST(test_random_steps_agree_with_plain_sets),
		TEST(test_a_look_is_a_read_that_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
