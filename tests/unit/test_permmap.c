// SPDX-License-Identifier: GPL-2.0
/* permmap: which bit of which byte, by the layout of APM2 15.10 and 15.11. */
#include "tests/unit/check.h"
#include "svm/permmap.h"

static void test_a_new_map_lets_nothing_through(void **state)
{
	static u8 iopm[IOPM_BYTES];
	unsigned int port;

	permmap_deny_all(iopm, sizeof(iopm));
	for (port = 0; port < 0x10000; port++)
		assert_true(permmap_port_exits(iopm, (u16)port, 1));
}

static void test_an_access_that_touches_one_denied_port_exits(void **state)
{
	static u8 iopm[IOPM_BYTES];

	permmap_deny_all(iopm, sizeof(iopm));
	permmap_allow_ports(iopm, 0x3f8, 8, true);
	assert_false(permmap_port_exits(iopm, 0x3f8, 4));
	assert_false(permmap_port_exits(iopm, 0x3ff, 1));
	assert_true(permmap_port_exits(iopm, 0x3ff, 2));
	assert_true(permmap_port_exits(iopm, 0x3f7, 2));
	permmap_allow_ports(iopm, 0x3fa, 1, false);
	assert_true(permmap_port_exits(iopm, 0x3f8, 4));
	assert_false(permmap_port_exits(iopm, 0x3f8, 2));
}

/* Does a wide access at the last port look at the bits past the map's end? */
static void test_the_last_port_never_opens_its_neighbours(void **state)
{
	static u8 iopm[IOPM_BYTES];

	permmap_deny_all(iopm, sizeof(iopm));
	permmap_allow_ports(iopm, 0xfff0, 0x100, true);
	assert_false(permmap_port_exits(iopm, 0xffff, 1));
	assert_true(permmap_port_exits(iopm, 0xffff, 2));
}

static void test_msr_bits_are_where_the_manual_puts_them(void **state)
{
	static const struct {
		u32 msr;
		unsigned int byte, shift;
	} rows[] = {
		{ 0x00000000, 0x0000, 0 },
		{ 0x00000174, 0x005d, 0 },
		{ 0x00001fff, 0x07ff, 6 },
		{ 0xc0000080, 0x0820, 0 },
		{ 0xc0000102, 0x0840, 4 },
		{ 0xc0010117, 0x1045, 6 },
	};
	static u8 map[MSRPM_BYTES];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		permmap_deny_all(map, sizeof(map));
		assert_true(permmap_allow_msr(map, rows[i].msr, true, false));
		assert_int_equal(map[rows[i].byte],
				 (u8)~(1U << rows[i].shift));
		assert_true(permmap_allow_msr(map, rows[i].msr, false, true));
		assert_int_equal(map[rows[i].byte],
				 (u8)~(2U << rows[i].shift));
	}
}

static void test_msrs_outside_the_ranges_cannot_be_opened(void **state)
{
	static u8 map[MSRPM_BYTES], before[MSRPM_BYTES];

	permmap_deny_all(map, sizeof(map));
	permmap_deny_all(before, sizeof(before));
	assert_false(permmap_allow_msr(map, 0x2000, true, true));
	assert_false(permmap_allow_msr(map, 0x4b564d00, true, true));
	assert_false(permmap_allow_msr(map, 0xc0012000, true, true));
	assert_false(permmap_allow_msr(map, 0xffffffff, true, true));
	assert_memory_equal(map, before, sizeof(map));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_map_lets_nothing_through),
		cmocka_unit_test(test_an_access_that_touches_one_denied_port_exits),
		cmocka_unit_test(test_the_last_port_never_opens_its_neighbours),
		cmocka_unit_test(test_msr_bits_are_where_the_manual_puts_them),
		cmocka_unit_test(test_msrs_outside_the_ranges_cannot_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
