// SPDX-License-Identifier: GPL-2.0
/* The dirty ring: sizes, the way of an entry, groups, and what user space may do. */
#include "tests/unit/check.h"
#include <linux/kvm.h>
#include "kvm-core/dring.h"

#define SIZE	256U

static struct kvm_dirty_gfn entry[SIZE];

static struct dring ring_of(u32 size)
{
	struct dring r;

	memset(entry, 0, sizeof(entry));
	dring_init(&r, entry, size);
	return r;
}

/* As user space does: what is dirty, oldest first, is marked. */
static u32 mark(u32 from, u32 n)
{
	u32 i;

	for (i = 0; i < n && entry[(from + i) % SIZE].flags == KVM_DIRTY_GFN_F_DIRTY; i++)
		entry[(from + i) % SIZE].flags = KVM_DIRTY_GFN_F_RESET;
	return i;
}

static void test_sizes_are_checked(void **state)
{
	u32 n = 0;

	assert_int_equal(dring_entries(0, &n), -EINVAL);
	assert_int_equal(dring_entries(4096 + 16, &n), -EINVAL);
	assert_int_equal(dring_entries(2048, &n), -EINVAL);
	assert_int_equal(dring_entries(4096, &n), 0);
	assert_int_equal(n, 256);
	assert_int_equal(dring_entries(1UL << 20, &n), 0);
	assert_int_equal(n, DRING_MAX_ENTRIES);
	assert_int_equal(dring_entries(1UL << 21, &n), -E2BIG);
	assert_int_equal(dring_entries(1ULL << 60, &n), -E2BIG);
}

static void test_an_entry_goes_round(void **state)
{
	struct dring r = ring_of(SIZE);
	struct dring_run run;

	assert_false(dring_take(&r, &run));
	assert_true(dring_push(&r, 0x10003, 70));
	assert_int_equal(entry[0].flags, KVM_DIRTY_GFN_F_DIRTY);
	assert_int_equal(entry[0].slot, 0x10003);
	assert_int_equal(entry[0].offset, 70);
	/* not before user space has seen it */
	assert_false(dring_take(&r, &run));
	assert_int_equal(mark(0, SIZE), 1);
	assert_true(dring_take(&r, &run));
	assert_int_equal(run.slot, 0x10003);
	assert_int_equal(run.first, 64);
	assert_int_equal(run.mask, 1ULL << 6);
	assert_int_equal(run.entries, 1);
	assert_int_equal(entry[0].flags, 0);
	assert_false(dring_take(&r, &run));
}

static void test_a_run_is_one_group_of_one_slot(void **state)
{
	struct dring r = ring_of(SIZE);
	struct dring_run run;

	dring_push(&r, 1, 63);
	dring_push(&r, 1, 0);
	dring_push(&r, 1, 5);
	dring_push(&r, 1, 64);	/* the next group */
	dring_push(&r, 2, 64);	/* the next slot */
	dring_push(&r, 2, 65);
	assert_int_equal(mark(0, SIZE), 6);
	assert_true(dring_take(&r, &run));
	assert_int_equal(run.mask, 1ULL << 63 | 1 << 5 | 1);
	assert_int_equal(run.entries, 3);
	assert_true(dring_take(&r, &run));
	assert_int_equal(run.first, 64);
	assert_int_equal(run.slot, 1);
	assert_int_equal(run.entries, 1);
	assert_true(dring_take(&r, &run));
	assert_int_equal(run.slot, 2);
	assert_int_equal(run.mask, 3);
	assert_false(dring_take(&r, &run));
}

static void test_it_is_full_before_it_has_no_room(void **state)
{
	struct dring r = ring_of(SIZE);
	u32 i;

	for (i = 0; i < SIZE - DRING_RESERVED; i++) {
		assert_false(dring_full(&r));
		assert_true(dring_push(&r, 0, i));
	}
	assert_true(dring_full(&r));
	for (; i < SIZE; i++)
		assert_true(dring_push(&r, 0, i));
	assert_false(dring_push(&r, 0, 9999));
	assert_int_equal(entry[0].offset, 0);
}

static void test_what_user_space_has_not_marked_stops_the_taking(void **state)
{
	struct dring r = ring_of(SIZE);
	struct dring_run run;

	dring_push(&r, 0, 1);
	dring_push(&r, 0, 2);
	entry[1].flags = KVM_DIRTY_GFN_F_RESET;	/* out of order */
	assert_false(dring_take(&r, &run));
	entry[0].flags = KVM_DIRTY_GFN_F_RESET | KVM_DIRTY_GFN_F_DIRTY;
	assert_true(dring_take(&r, &run));
	assert_int_equal(run.mask, 6);
}

/* However it is scribbled over, no more is taken than was pushed. */
static void test_a_scribbled_ring_ends(void **state)
{
	struct dring r = ring_of(SIZE);
	struct dring_run run;
	u32 taken = 0;

	dring_push(&r, 0, 1);
	dring_push(&r, 0, 2);
	memset(entry, 0xff, sizeof(entry));
	while (dring_take(&r, &run))
		taken += run.entries;
	assert_int_equal(taken, 2);
	assert_true(dring_push(&r, 0, 3));
}

static void test_counts_wrap(void **state)
{
	struct dring r = ring_of(SIZE);
	struct dring_run run;
	u32 i;

	r.pushed = r.taken = U32_MAX - 2;
	for (i = 0; i < 8; i++)
		assert_true(dring_push(&r, 0, i));
	assert_int_equal(mark(r.taken % SIZE, SIZE), 8);
	assert_true(dring_take(&r, &run));
	assert_int_equal(run.mask, 0xff);
	assert_false(dring_full(&r));
	/* and once round */
	for (i = 0; i < SIZE; i++)
		assert_true(dring_push(&r, 0, i));
	assert_false(dring_push(&r, 0, i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_checked),
		cmocka_unit_test(test_an_entry_goes_round),
		cmocka_unit_test(test_a_run_is_one_group_of_one_slot),
		cmocka_unit_test(test_it_is_full_before_it_has_no_room),
		cmocka_unit_test(test_what_user_space_has_not_marked_stops_the_taking),
		cmocka_unit_test(test_a_scribbled_ring_ends),
		cmocka_unit_test(test_counts_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
