// SPDX-License-Identifier: GPL-2.0
/* bus: who answers an access, against a linear search over the same ranges. */
#include "tests/unit/check.h"
#include "kvm-core/bus.h"

struct dev {
	struct bus_dev bus;
	unsigned int id, reads, writes;
	bool shy;		/* says "not mine" */
};

static int dev_read(struct bus_dev *b, struct vcpu *v, gpa_t addr,
		    unsigned int len, void *data)
{
	struct dev *d = container_of(b, struct dev, bus);

	if (d->shy)
		return -EOPNOTSUPP;
	d->reads++;
	memset(data, (int)d->id, len);
	return 0;
}

static int dev_write(struct bus_dev *b, struct vcpu *v, gpa_t addr,
		     unsigned int len, const void *data)
{
	struct dev *d = container_of(b, struct dev, bus);

	if (d->shy)
		return -EOPNOTSUPP;
	d->writes++;
	return 0;
}

static const struct bus_dev_ops ops = { .read = dev_read, .write = dev_write };

static struct bus *add(struct bus *old, gpa_t start, u64 size, struct dev *d)
{
	unsigned int n = old ? old->count : 0;
	struct bus *bus = calloc(1, bus_bytes(n + 1));

	assert_non_null(bus);
	d->bus.ops = &ops;
	bus_copy_with(bus, old, (struct bus_range){ start, size, &d->bus });
	free(old);
	return bus;
}

static void test_an_access_over_the_edge_is_nobodys(void **state)
{
	struct dev d = { .id = 1 };
	struct bus *bus = add(NULL, 0x100, 0x10, &d);
	u64 data = 0;

	assert_int_equal(bus_read(bus, NULL, 0xff, 1, &data), -EOPNOTSUPP);
	assert_int_equal(bus_read(bus, NULL, 0x110, 1, &data), -EOPNOTSUPP);
	assert_int_equal(bus_read(bus, NULL, 0x10e, 4, &data), -EOPNOTSUPP);
	assert_int_equal(bus_read(bus, NULL, 0x10c, 4, &data), 0);
	assert_int_equal(data, 0x01010101);
	free(bus);
}

static void test_a_range_at_the_top_of_memory_does_not_wrap(void **state)
{
	struct dev d = { .id = 1 };
	struct bus *bus = add(NULL, ~0xfULL, 0x10, &d);
	u64 data;

	assert_int_equal(bus_read(bus, NULL, ~0x3ULL, 8, &data), -EOPNOTSUPP);
	assert_int_equal(bus_read(bus, NULL, ~0x7ULL, 8, &data), 0);
	assert_int_equal(bus_read(bus, NULL, 0, 1, &data), -EOPNOTSUPP);
	free(bus);
}

static void test_a_device_that_declines_passes_it_on(void **state)
{
	struct dev a = { .id = 1, .shy = true }, b = { .id = 2 };
	struct bus *bus = add(add(NULL, 0x60, 1, &a), 0x60, 1, &b);
	u8 data;

	assert_int_equal(bus_write(bus, NULL, 0x60, 1, &data), 0);
	assert_int_equal(b.writes, 1);
	a.shy = false;
	assert_int_equal(bus_write(bus, NULL, 0x60, 1, &data), 0);
	assert_int_equal(a.writes, 1);
	free(bus);
}

/* ioeventfd with "any length": exactly its address, whatever the size. */
static void test_a_sizeless_range_takes_any_length_at_its_address(void **state)
{
	struct dev d = { .id = 3 };
	struct bus *bus = add(NULL, 0xfe000050, 0, &d);
	u64 data = 0;

	assert_int_equal(bus_write(bus, NULL, 0xfe000050, 8, &data), 0);
	assert_int_equal(bus_write(bus, NULL, 0xfe000050, 1, &data), 0);
	assert_int_equal(bus_write(bus, NULL, 0xfe000051, 1, &data), -EOPNOTSUPP);
	free(bus);
}

static void test_removal_takes_every_range_of_the_device(void **state)
{
	struct dev a = { .id = 1 }, b = { .id = 2 };
	struct bus *bus = add(add(add(NULL, 0, 4, &a), 0x10, 4, &b), 0x20, 4, &a);
	struct bus *less = calloc(1, bus_bytes(3));
	u8 data;

	bus_copy_without(less, bus, &a.bus);
	assert_int_equal(less->count, 1);
	assert_int_equal(bus_read(less, NULL, 0, 1, &data), -EOPNOTSUPP);
	assert_int_equal(bus_read(less, NULL, 0x20, 1, &data), -EOPNOTSUPP);
	assert_int_equal(bus_read(less, NULL, 0x10, 1, &data), 0);
	free(less);
	free(bus);
}

/* Random non-overlapping ranges: does the search agree with a linear one? */
static void test_the_search_finds_what_a_linear_one_finds(void **state)
{
	struct dev d[64] = { 0 };
	struct bus *bus = NULL;
	struct bus_dev *only;
	unsigned int i, round;
	u8 data;

	srand(1);
	for (i = 0; i < 64; i++) {
		unsigned int at = (i * 37) % 64;

		d[at].id = at;
		bus = add(bus, at * 0x20, 1 + (unsigned int)rand() % 0x20, &d[at]);
	}
	for (round = 0; round < 20000; round++) {
		gpa_t addr = (gpa_t)rand() % 0x900;
		int expect = -EOPNOTSUPP;

		for (i = 0; i < bus->count; i++)
			if (addr >= bus->ranges[i].start &&
			    addr < bus->ranges[i].start + bus->ranges[i].size)
				expect = 0;
		assert_int_equal(bus_read(bus, NULL, addr, 1, &data), expect);
		if (!expect)
			assert_int_equal(data, addr / 0x20);
		assert_int_equal(bus_count(bus, addr, 1, &only), expect ? 0 : 1);
		assert_ptr_equal(only, expect ? NULL : &d[addr / 0x20].bus);
	}
	free(bus);
}

static void test_only_what_nothing_else_bounds_fills_a_bus(void **state)
{
	struct dev d = { .id = 1 }, e = { .id = 2, .bus.uncounted = true };
	struct bus *bus = NULL, *less;
	unsigned int i;

	for (i = 0; i < BUS_MAX_COUNTED; i++) {
		assert_true(bus_has_room(bus, &d.bus));
		bus = add(add(bus, i, 1, &d), i, 1, &e);
	}
	assert_false(bus_has_room(bus, &d.bus));
	assert_true(bus_has_room(bus, &e.bus));
	less = calloc(1, bus_bytes(bus->count));
	assert_non_null(less);
	bus_copy_without(less, bus, &e.bus);
	assert_int_equal(less->counted, BUS_MAX_COUNTED);
	bus_copy_without(less, bus, &d.bus);
	assert_int_equal(less->counted, 0);
	assert_int_equal(less->count, BUS_MAX_COUNTED);
	free(less);
	free(bus);
}

static void test_no_bus_takes_more_than_can_be_counted(void **state)
{
	struct bus full = { .count = BUS_MAX }, almost = { .count = BUS_MAX - 1 };
	struct dev d = { .id = 1 }, e = { .id = 2, .bus.uncounted = true };

	assert_true(bus_has_room(&almost, &d.bus));
	assert_true(bus_has_room(&almost, &e.bus));
	assert_false(bus_has_room(&full, &d.bus));
	assert_false(bus_has_room(&full, &e.bus));
}

static void test_all_that_may_answer_are_counted(void **unused)
{
	struct dev a = { .id = 1 }, b = { .id = 2 };
	struct bus *bus = add(NULL, 0x100, 0x10, &a);
	struct bus_dev *dev;

	bus = add(bus, 0x104, 4, &b);
	assert_int_equal(bus_count(bus, 0x100, 4, &dev), 1);
	assert_ptr_equal(dev, &a.bus);
	assert_int_equal(bus_count(bus, 0x104, 2, &dev), 2);
	assert_int_equal(bus_count(bus, 0x107, 2, &dev), 1);
	assert_ptr_equal(dev, &a.bus);
	assert_int_equal(bus_count(bus, 0x10f, 2, &dev), 0);
	assert_null(dev);
	assert_int_equal(bus_count(bus, 0xff, 1, &dev), 0);
	free(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_access_over_the_edge_is_nobodys),
		cmocka_unit_test(test_a_range_at_the_top_of_memory_does_not_wrap),
		cmocka_unit_test(test_a_device_that_declines_passes_it_on),
		cmocka_unit_test(test_a_sizeless_range_takes_any_length_at_its_address),
		cmocka_unit_test(test_removal_takes_every_range_of_the_device),
		cmocka_unit_test(test_only_what_nothing_else_bounds_fills_a_bus),
		cmocka_unit_test(test_no_bus_takes_more_than_can_be_counted),
		cmocka_unit_test(test_all_that_may_answer_are_counted),
		cmocka_unit_test(test_the_search_finds_what_a_linear_one_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
