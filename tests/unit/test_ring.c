// SPDX-License-Identifier: GPL-2.0
/* Ring arithmetic: full, empty, wrapped, and hardware offsets that lie. */
#include "tests/unit/check.h"
#include "iommu-amd/ring.h"

#define SIZE 8

static u64 slots[SIZE][2];

static void test_a_full_ring_refuses(void **state)
{
	struct ring r;
	u64 cmd[2] = { 1, 2 };
	unsigned int i;

	(void)state;
	ring_init(&r, slots, SIZE);
	assert_int_equal(ring_room(&r), SIZE - 1);
	for (i = 0; i < SIZE - 1; i++)
		assert_int_equal(ring_push(&r, cmd), 0);
	assert_int_equal(ring_room(&r), 0);
	assert_int_equal(ring_push(&r, cmd), -ENOSPC);
	assert_int_equal(ring_tail_offset(&r), (SIZE - 1) * 16);
}

static void test_room_comes_back_when_done_and_the_tail_wraps(void **state)
{
	struct ring r;
	u64 cmd[2] = { 0, 0 };
	unsigned int i;

	(void)state;
	ring_init(&r, slots, SIZE);
	for (i = 0; i < 5 * SIZE; i++) {
		cmd[0] = i;
		cmd[1] = ~(u64)i;
		assert_int_equal(ring_tail_offset(&r), i % SIZE * 16);
		assert_int_equal(ring_push(&r, cmd), 0);
		assert_int_equal(slots[i % SIZE][0], i);
		assert_int_equal(slots[i % SIZE][1], ~(u64)i);
		ring_complete_to(&r, r.tail);
		assert_int_equal(ring_room(&r), SIZE - 1);
	}
}

static void test_reset_starts_at_slot_zero(void **state)
{
	struct ring r;
	u64 cmd[2] = { 0, 0 };

	(void)state;
	ring_init(&r, slots, SIZE);
	ring_push(&r, cmd);
	ring_reset(&r);
	assert_int_equal(ring_tail_offset(&r), 0);
	assert_int_equal(ring_room(&r), SIZE - 1);
}

static void test_sequence_numbers_wrap(void **state)
{
	(void)state;
	assert_false(ring_seq_reached(4, 5));
	assert_true(ring_seq_reached(5, 5));
	assert_true(ring_seq_reached(6, 5));
	assert_false(ring_seq_reached(U64_MAX, 0));
	assert_true(ring_seq_reached(0, U64_MAX));
	assert_true(ring_seq_reached(3, U64_MAX - 3));
}

static void test_offsets_outside_the_ring_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ring_pending(SIZE, 0, SIZE * 16), -EINVAL);
	assert_int_equal(ring_pending(SIZE, SIZE * 16, 0), -EINVAL);
	assert_int_equal(ring_pending(SIZE, 0, 8), -EINVAL);
	assert_int_equal(ring_pending(SIZE, 4, 0), -EINVAL);
	assert_int_equal(ring_pending(SIZE, 0, U64_MAX), -EINVAL);
}

static void test_pending_counts_across_the_wrap(void **state)
{
	(void)state;
	assert_int_equal(ring_pending(SIZE, 0, 0), 0);
	assert_int_equal(ring_pending(SIZE, 0, 48), 3);
	assert_int_equal(ring_pending(SIZE, 112, 16), 2);
	assert_int_equal(ring_pending(SIZE, 16, 0), 7);
	assert_int_equal(ring_next_offset(SIZE, 0), 16);
	assert_int_equal(ring_next_offset(SIZE, 112), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_ring_refuses),
		cmocka_unit_test(test_room_comes_back_when_done_and_the_tail_wraps),
		cmocka_unit_test(test_reset_starts_at_slot_zero),
		cmocka_unit_test(test_sequence_numbers_wrap),
		cmocka_unit_test(test_offsets_outside_the_ring_are_refused),
		cmocka_unit_test(test_pending_counts_across_the_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
