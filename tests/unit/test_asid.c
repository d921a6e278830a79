// SPDX-License-Identifier: GPL-2.0
/* asid: no two users of one CPU share a tag within a generation. */
#include "tests/unit/check.h"
#include "svm/asid.h"

static void test_the_host_asid_is_never_handed_out(void **state)
{
	struct asid_pool pool = { 0 };
	struct asid_user user;
	int i;

	asid_pool_init(&pool, 16);
	for (i = 0; i < 1000; i++) {
		memset(&user, 0, sizeof(user));
		asid_use(&pool, &user, 0);
		assert_in_range(user.asid, 1, 15);
	}
}

static void test_a_user_keeps_its_asid_while_it_may(void **state)
{
	struct asid_pool pool = { 0 };
	struct asid_user a = { 0 }, b = { 0 };
	u32 first;

	asid_pool_init(&pool, 16);
	asid_use(&pool, &a, 0);
	first = a.asid;
	assert_false(asid_use(&pool, &b, 0));
	assert_int_not_equal(a.asid, b.asid);
	assert_false(asid_use(&pool, &a, 0));
	assert_int_equal(a.asid, first);
	asid_drop(&a);
	assert_false(asid_use(&pool, &a, 0));
	assert_int_not_equal(a.asid, first);
}

/* The module may be loaded again, or after another hypervisor. */
static void test_the_first_use_of_a_cpu_flushes(void **state)
{
	struct asid_pool pool = { 0 };
	struct asid_user a = { 0 }, b = { 0 };
	u32 count;

	for (count = 1; count < 20; count++) {
		asid_pool_init(&pool, count);
		memset(&a, 0, sizeof(a));
		assert_true(asid_use(&pool, &a, 0));
		assert_int_equal(a.asid, 1);
		assert_false(asid_use(&pool, &a, 0));
	}
	assert_false(asid_use(&pool, &b, 0));
}

/* Off line and on line again: an idle vCPU may sleep through both. */
static void test_a_cpu_that_comes_back_knows_nobody(void **state)
{
	struct asid_pool pool = { 0 };
	struct asid_user before = { 0 }, after = { 0 };

	asid_pool_init(&pool, 16);
	asid_use(&pool, &before, 1);
	asid_pool_init(&pool, 16);
	assert_true(asid_use(&pool, &after, 1));
	assert_false(asid_holds(&pool, &before, 1));
	asid_use(&pool, &before, 1);
	assert_int_not_equal(before.asid, after.asid);
}

/* A flush that the CPU was not brought to do is asked for once more. */
static void test_a_flush_that_was_not_done_comes_again(void **state)
{
	struct asid_user a = { 0 }, b = { 0 };
	struct asid_pool pool = { 0 };

	asid_pool_init(&pool, 16);
	assert_true(asid_use(&pool, &a, 0));
	asid_pool_init(&pool, 16);
	assert_false(asid_holds(&pool, &a, 0));
	assert_true(asid_use(&pool, &b, 0));
	assert_false(asid_use(&pool, &a, 0));
	assert_int_not_equal(a.asid, b.asid);
}

static void test_another_cpu_means_another_asid(void **state)
{
	struct asid_pool pool[2] = { { 0 } };
	struct asid_user a = { 0 }, b = { 0 };

	asid_pool_init(&pool[0], 16);
	asid_pool_init(&pool[1], 16);
	asid_use(&pool[0], &a, 0);
	asid_use(&pool[1], &b, 1);
	/* Same generation number and tag, but of CPU 0. */
	assert_int_equal(a.asid, b.asid);
	asid_use(&pool[1], &a, 1);
	assert_int_not_equal(a.asid, b.asid);
}

/* When tags run out, is everything flushed before one is used again? */
static void test_reuse_comes_with_a_flush(void **state)
{
	enum { USERS = 40, COUNT = 16 };
	struct asid_user users[USERS];
	bool used[COUNT] = { false };
	struct asid_pool pool = { 0 };
	int round, i;

	memset(users, 0, sizeof(users));
	asid_pool_init(&pool, COUNT);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < USERS; i++) {
			u64 was = users[i].generation;
			u32 tag = users[i].asid;

			if (asid_use(&pool, &users[i], 0))
				memset(used, 0, sizeof(used));
			else if (was == users[i].generation && tag == users[i].asid)
				continue;
			assert_false(used[users[i].asid]);
			used[users[i].asid] = true;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_host_asid_is_never_handed_out),
		cmocka_unit_test(test_a_user_keeps_its_asid_while_it_may),
		cmocka_unit_test(test_the_first_use_of_a_cpu_flushes),
		cmocka_unit_test(test_a_cpu_that_comes_back_knows_nobody),
		cmocka_unit_test(test_a_flush_that_was_not_done_comes_again),
		cmocka_unit_test(test_another_cpu_means_another_asid),
		cmocka_unit_test(test_reuse_comes_with_a_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
