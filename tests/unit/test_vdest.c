// SPDX-License-Identifier: GPL-2.0
/* vdest: the map must say what the definition says, and decode MSIs. */
#include "tests/unit/check.h"
#include "kvm-core/vdest.h"

#define N	12

static struct vlapic apic[N];
static union {
	struct vdest map;
	u8 room[sizeof(struct vdest) + VDEST_IDS * sizeof(u64)];
} storage;
#define map	storage.map
static const struct vlapic_time no_time;

static void put(struct vlapic *a, u32 reg, u32 val)
{
	struct vlapic_effect e = {};

	vlapic_write(a, reg, val, &no_time, &e);
}

static void set_mode(struct vlapic *a, u64 mode)
{
	struct vlapic_effect e = {};

	a->has_x2apic = true;
	assert_int_equal(vlapic_set_base(a, VLAPIC_DEFAULT_BASE | mode, 40, true, &e), 0);
}

static void rebuild(void)
{
	unsigned int i;

	vdest_init(&map, VDEST_IDS);
	for (i = 0; i < N; i++)
		vdest_add(&map, &apic[i]);
}

/* Twelve xAPICs with ids 0..11, logical ids one-hot in the flat model. */
static int set_up(void **state)
{
	unsigned int i;

	for (i = 0; i < N; i++) {
		vlapic_init(&apic[i], i, i == 0, false);
		apic[i].slot = i;
		put(&apic[i], VLAPIC_SVR, 0x1ff);
		put(&apic[i], VLAPIC_LDR, i < 8 ? 1U << (24 + i) : 0);
	}
	rebuild();
	return 0;
}

static void test_an_id_nobody_has_reaches_nobody(void **state)
{
	struct vchip_msg m = { .dest = 200 };

	assert_int_equal(vdest_find(&map, &m, -1), 0);
	m.dest = 0xdeadbeef;
	assert_int_equal(vdest_find(&map, &m, -1), 0);
	m.logical = true;
	assert_int_equal(vdest_find(&map, &m, -1), 0);
}

static void test_a_disabled_apic_is_never_reached(void **state)
{
	struct vchip_msg m = { .dest = 3 }, all = { .dest = 0xff };

	set_mode(&apic[3], 0);
	rebuild();
	assert_int_equal(vdest_find(&map, &m, -1), 0);
	assert_int_equal(vdest_find(&map, &all, -1), 0xfff & ~BIT(3));
}

static void test_shorthands_name_the_sender_and_the_others(void **state)
{
	struct vchip_msg m = { .dest = 9, .shorthand = VCHIP_TO_SELF };

	assert_int_equal(vdest_find(&map, &m, 2), BIT(2));
	m.shorthand = VCHIP_TO_ALL;
	assert_int_equal(vdest_find(&map, &m, 2), 0xfff);
	m.shorthand = VCHIP_TO_OTHERS;
	assert_int_equal(vdest_find(&map, &m, 2), 0xfff & ~BIT(2));
}

static void test_two_apics_with_one_id_are_both_reached(void **state)
{
	struct vchip_msg m = { .dest = 4 };

	put(&apic[5], VLAPIC_ID, 4 << 24);
	rebuild();
	assert_int_equal(vdest_find(&map, &m, -1), BIT(4) | BIT(5));
}

static void test_an_x2apic_logical_id_names_its_cluster(void **state)
{
	struct vchip_msg m = { .dest = 0x00000c00, .logical = true, .wide = true };
	unsigned int i;

	for (i = 0; i < N; i++)
		set_mode(&apic[i], VLAPIC_BASE_EN | VLAPIC_BASE_X2);
	rebuild();
	assert_int_equal(vdest_find(&map, &m, -1), BIT(10) | BIT(11));
	m.dest = 0x00010c00;
	assert_int_equal(vdest_find(&map, &m, -1), 0);
}

static void test_ff_is_no_broadcast_for_an_x2apic_in_a_wide_message(void **state)
{
	struct vchip_msg m = { .dest = 0xff, .wide = true };

	set_mode(&apic[1], VLAPIC_BASE_EN | VLAPIC_BASE_X2);
	rebuild();
	assert_int_equal(vdest_find(&map, &m, -1), 0xfff & ~BIT(1));
	m.wide = false;
	assert_int_equal(vdest_find(&map, &m, -1), 0xfff);
	m = (struct vchip_msg) { .dest = 0xffffffff, .wide = true };
	assert_int_equal(vdest_find(&map, &m, -1), 0xfff);
}

/* ---- lowest priority ---- */

static void test_lowest_priority_skips_who_does_not_accept(void **state)
{
	unsigned int i;

	for (i = 0; i < N; i++)
		put(&apic[i], VLAPIC_SVR, 0xff);
	assert_int_equal(vdest_lowest(&map, 0xfff, 0), -1);
	assert_int_equal(vdest_lowest(&map, 0, 0), -1);
}

static void test_lowest_priority_takes_the_least_busy_and_rotates(void **state)
{
	unsigned int i;

	for (i = 0; i < N; i++)
		put(&apic[i], VLAPIC_TPR, 0x40);
	put(&apic[6], VLAPIC_TPR, 0x20);
	put(&apic[7], VLAPIC_TPR, 0x20);
	assert_int_equal(vdest_lowest(&map, 0xfff, 0), 6);
	assert_int_equal(vdest_lowest(&map, 0xfff, 7), 7);
	assert_int_equal(vdest_lowest(&map, 0xfff, 8), 6);
	assert_int_equal(vdest_lowest(&map, 0x00f, 2), 2);
}

/* ---- property ---- */

static void randomise(struct vlapic *a)
{
	static const u64 modes[] = { 0, VLAPIC_BASE_EN, VLAPIC_BASE_EN,
				     VLAPIC_BASE_EN | VLAPIC_BASE_X2 };

	vlapic_init(a, random() % 250, false, false);
	set_mode(a, modes[random() % 4]);
	if (vlapic_is_x2apic(a))
		return;
	put(a, VLAPIC_ID, (random() % 40) << 24);
	put(a, VLAPIC_LDR, random());
	put(a, VLAPIC_DFR, random() & 1 ? 0xffffffff : 0);
}

static u32 random_dest(void)
{
	switch (random() % 4) {
	case 0:
		return random() % 256;
	case 1:
		return random() & 1 ? 0xff : 0xffffffff;
	case 2:
		return (random() % 17) << 16 | (random() & 0xffff);
	default:
		return random() % 40;
	}
}

static void test_the_map_agrees_with_the_definition(void **state)
{
	unsigned int i, round, tries, reached = 0;

	srandom(99);
	for (round = 0; round < 300; round++) {
		for (i = 0; i < N; i++) {
			randomise(&apic[i]);
			apic[i].slot = i;
		}
		rebuild();
		for (tries = 0; tries < 300; tries++) {
			struct vchip_msg m = {
				.dest = random_dest(),
				.logical = random() & 1,
				.wide = random() & 1,
			};
			u64 want = 0;

			if (!m.wide)
				m.dest &= 0xff;
			for (i = 0; i < N; i++)
				if (vdest_matches(&apic[i], &m))
					want |= BIT(i);
			assert_int_equal(vdest_find(&map, &m, -1), want);
			reached += want != 0;
		}
	}
	assert_true(reached > 10000);
}

/* ---- MSI ---- */

static void test_an_address_outside_the_window_is_no_interrupt(void **state)
{
	struct vchip_msg m;

	assert_false(vdest_decode_msi(0, 0x41, false, &m));
	assert_false(vdest_decode_msi(0xfec00000, 0x41, false, &m));
	assert_false(vdest_decode_msi(0xfef00000, 0x41, false, &m));
}

static void test_an_msi_is_decoded_field_by_field(void **state)
{
	struct vchip_msg m;

	assert_true(vdest_decode_msi(0xfee12004, 0x8441, false, &m));
	assert_int_equal(m.dest, 0x12);
	assert_true(m.logical);
	assert_int_equal(m.vector, 0x41);
	assert_int_equal(m.mode, VCHIP_NMI);
	assert_true(m.level);
	assert_true(vdest_decode_msi(0xfee01000, 0x41, false, &m));
	assert_false(m.logical);
	assert_false(m.level);
	assert_int_equal(m.mode, VCHIP_FIXED);
}

static void test_the_redirection_hint_asks_for_lowest_priority(void **state)
{
	struct vchip_msg m;

	assert_true(vdest_decode_msi(0xfee0100c, 0x41, false, &m));
	assert_int_equal(m.mode, VCHIP_LOWEST);
	assert_true(vdest_decode_msi(0xfee01008, 0x41, false, &m));
	assert_int_equal(m.mode, VCHIP_FIXED);
}

static void test_the_high_half_counts_only_with_32_bit_ids(void **state)
{
	struct vchip_msg m;

	assert_true(vdest_decode_msi(0x00000100fee05000ULL, 0x41, false, &m));
	assert_int_equal(m.dest, 5);
	assert_true(vdest_decode_msi(0x00000100fee05000ULL, 0x41, true, &m));
	assert_int_equal(m.dest, 0x105);
	assert_true(m.wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_an_id_nobody_has_reaches_nobody, set_up),
		cmocka_unit_test_setup(test_a_disabled_apic_is_never_reached, set_up),
		cmocka_unit_test_setup(test_shorthands_name_the_sender_and_the_others, set_up),
		cmocka_unit_test_setup(test_two_apics_with_one_id_are_both_reached, set_up),
		cmocka_unit_test_setup(test_an_x2apic_logical_id_names_its_cluster, set_up),
		cmocka_unit_test_setup(test_ff_is_no_broadcast_for_an_x2apic_in_a_wide_message, set_up),
		cmocka_unit_test_setup(test_lowest_priority_skips_who_does_not_accept, set_up),
		cmocka_unit_test_setup(test_lowest_priority_takes_the_least_busy_and_rotates, set_up),
		cmocka_unit_test_setup(test_the_map_agrees_with_the_definition, set_up),
		cmocka_unit_test(test_an_address_outside_the_window_is_no_interrupt),
		cmocka_unit_test(test_an_msi_is_decoded_field_by_field),
		cmocka_unit_test(test_the_redirection_hint_asks_for_lowest_priority),
		cmocka_unit_test(test_the_high_half_counts_only_with_32_bit_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
