// SPDX-License-Identifier: GPL-2.0
/*
 * A module with one fault of each kind that the debug kernel looks for, chosen
 * by kind=; "none" has none. tests/lab/debug/70-reports.sh loads it to see that
 * a report of each kind fails a flow. Nothing else may load it.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static char *kind = "none";
module_param(kind, charp, 0444);

static volatile unsigned int thirty_five = 35;
static volatile unsigned int sink;

static void past_the_end(void)
{
	volatile char *p = kmalloc(24, GFP_KERNEL);

	if (p)
		sink = p[thirty_five - 8];
	kfree((void *)p);
}

static void after_free(void)
{
	volatile char *p = kmalloc(200, GFP_KERNEL);

	kfree((void *)p);
	if (p)
		sink = p[thirty_five];
}

static void shift_too_far(void)
{
	sink = 1 << thirty_five;
}

static DEFINE_MUTEX(left);
static DEFINE_MUTEX(right);

static void lock_both_ways(void)
{
	mutex_lock(&left);
	mutex_lock(&right);
	mutex_unlock(&right);
	mutex_unlock(&left);
	mutex_lock(&right);
	mutex_lock(&left);
	mutex_unlock(&left);
	mutex_unlock(&right);
}

static void sleep_in_atomic(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

/* Several, because a register or a stale stack word may still name one. */
static void lose_memory(void)
{
	int i;

	for (i = 0; i < 10; i++)
		sink = !kmalloc(1000, GFP_KERNEL);
}

static const struct {
	const char *kind;
	void (*commit)(void);
} faults[] = {
	{ "atomic", sleep_in_atomic },
	{ "lockdep", lock_both_ways },
	{ "ubsan", shift_too_far },
	{ "kasan", past_the_end },
	{ "free", after_free },
	{ "leak", lose_memory },
};

static int __init seed_init(void)
{
	int i;

	if (!strcmp(kind, "none"))
		return 0;
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(kind, faults[i].kind)) {
			faults[i].commit();
			return 0;
		}
	return -EINVAL;
}

static void __exit seed_exit(void)
{
}

module_init(seed_init);
module_exit(seed_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faults on purpose, for the tests of the debug kernel");
