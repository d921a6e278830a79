// SPDX-License-Identifier: GPL-2.0
/* msi/vmsi.c: the MSI capability loses and doubles nothing (PCI 3.0 6.8.1). */
#include "tests/unit/check.h"
#include "msi/vmsi.h"

static struct vmsi_regs regs(unsigned int log2, bool enable, u32 mask)
{
	return (struct vmsi_regs) {
		.control = (u16)(log2 << 4 | (enable ? VMSI_CTRL_ENABLE : 0)),
		.addr = 0xfee01000, .data = 0x40, .mask = mask,
	};
}

static void test_a_disabled_capability_drops_interrupts(void **state)
{
	struct vmsi_regs r = regs(0, false, 0);
	struct msg m;
	struct vmsi v;

	(void)state;
	vmsi_init(&v, 3, true);
	assert_int_equal(vmsi_fire(&v, 0, &m), MSG_DROPPED);
	assert_int_equal(vmsi_set(&v, &r), VMSI_NOTHING);
	assert_int_equal(vmsi_count(&v), 0);
	assert_int_equal(vmsi_fire(&v, 0, &m), MSG_DROPPED);
}

/* Can a guest grant itself more vectors than it was offered? */
static void test_more_vectors_than_offered_are_not_granted(void **state)
{
	struct vmsi_regs r = regs(5, true, 0);
	struct msg m;
	struct vmsi v;

	(void)state;
	vmsi_init(&v, 2, true);
	assert_int_equal(vmsi_set(&v, &r), VMSI_START);
	assert_int_equal(vmsi_count(&v), 4);
	assert_int_equal(vmsi_fire(&v, 4, &m), MSG_DROPPED);
	assert_int_equal(vmsi_fire(&v, 31, &m), MSG_DROPPED);
	assert_int_equal(vmsi_fire(&v, 32, &m), MSG_DROPPED);
	vmsi_init(&v, 77, true);
	r = regs(7, true, 0);
	vmsi_set(&v, &r);
	assert_int_equal(vmsi_count(&v), 32);
	assert_int_equal(vmsi_fire(&v, 31, &m), MSG_DELIVER);
}

static void test_a_mask_is_ignored_without_the_mask_register(void **state)
{
	struct vmsi_regs r = regs(0, true, 1);
	struct msg m;
	struct vmsi v;

	(void)state;
	vmsi_init(&v, 0, false);
	vmsi_set(&v, &r);
	assert_int_equal(vmsi_fire(&v, 0, &m), MSG_DELIVER);
}

static void test_the_vector_number_replaces_low_data_bits(void **state)
{
	struct vmsi_regs r = regs(2, true, 0);
	struct msg m;
	struct vmsi v;
	u32 i;

	(void)state;
	vmsi_init(&v, 5, true);
	r.data = 0x47;
	vmsi_set(&v, &r);
	for (i = 0; i < 4; i++) {
		assert_int_equal(vmsi_fire(&v, i, &m), MSG_DELIVER);
		assert_int_equal(m.data, 0x44 | i);
		assert_int_equal(m.addr, 0xfee01000);
	}
}

static void test_a_masked_interrupt_waits_and_comes_once(void **state)
{
	struct vmsi_regs r = regs(1, true, 2);
	struct msg m;
	struct vmsi v;

	(void)state;
	vmsi_init(&v, 1, true);
	vmsi_set(&v, &r);
	assert_int_equal(vmsi_fire(&v, 1, &m), MSG_PENDED);
	assert_int_equal(vmsi_fire(&v, 1, &m), MSG_PENDED);
	assert_int_equal(v.pending, 2);
	assert_false(vmsi_take(&v, &m));
	r.mask = 0;
	assert_int_equal(vmsi_set(&v, &r), VMSI_KICK);
	assert_true(vmsi_take(&v, &m));
	assert_int_equal(m.data, 0x41);
	assert_false(vmsi_take(&v, &m));
}

static void test_disabling_forgets_what_is_pending(void **state)
{
	struct vmsi_regs r = regs(0, true, 1);
	struct msg m;
	struct vmsi v;

	(void)state;
	vmsi_init(&v, 0, true);
	vmsi_set(&v, &r);
	vmsi_fire(&v, 0, &m);
	r = regs(0, false, 1);
	assert_int_equal(vmsi_set(&v, &r), VMSI_STOP);
	assert_int_equal(v.pending, 0);
	r = regs(0, true, 0);
	assert_int_equal(vmsi_set(&v, &r), VMSI_START);
	assert_false(vmsi_take(&v, &m));
}

static void test_another_vector_count_restarts_the_host_side(void **state)
{
	struct vmsi_regs r = regs(0, true, 0);
	struct vmsi v;

	(void)state;
	vmsi_init(&v, 5, true);
	vmsi_set(&v, &r);
	r = regs(3, true, 0);
	assert_int_equal(vmsi_set(&v, &r), VMSI_STOP | VMSI_START);
	assert_int_equal(vmsi_set(&v, &r), VMSI_NOTHING);
}

/* 10^6 random steps against counters: is one interrupt lost or doubled? */
static void test_a_million_random_steps_lose_nothing(void **state)
{
	bool owed[32] = { false };
	struct vmsi_regs r = regs(5, true, 0);
	struct msg m;
	struct vmsi v;
	unsigned int i, step;
	u32 seed = 12345;

	(void)state;
	vmsi_init(&v, 5, true);
	r.data = 0x40;
	vmsi_set(&v, &r);
	for (step = 0; step < 1000000; step++) {
		seed = seed * 1664525 + 1013904223;
		i = seed >> 27;
		if (seed & 0x1000) {
			enum msg_verdict got = vmsi_fire(&v, i, &m);
			bool masked = r.mask & (1U << i);

			assert_int_equal(got, masked ? MSG_PENDED : MSG_DELIVER);
			if (masked)
				owed[i] = true;
			else
				assert_int_equal(m.data, 0x40 | i);
			continue;
		}
		r.mask ^= 1U << i;
		if (!(seed & 0xe000))
			r.mask = 0;
		if (vmsi_set(&v, &r) & VMSI_KICK)
			while (vmsi_take(&v, &m)) {
				assert_true(owed[m.data & 31]);
				assert_false(r.mask & (1U << (m.data & 31)));
				owed[m.data & 31] = false;
			}
		for (i = 0; i < 32; i++)
			assert_true(!owed[i] || (r.mask & (1U << i)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_disabled_capability_drops_interrupts),
		cmocka_unit_test(test_more_vectors_than_offered_are_not_granted),
		cmocka_unit_test(test_a_mask_is_ignored_without_the_mask_register),
		cmocka_unit_test(test_the_vector_number_replaces_low_data_bits),
		cmocka_unit_test(test_a_masked_interrupt_waits_and_comes_once),
		cmocka_unit_test(test_disabling_forgets_what_is_pending),
		cmocka_unit_test(test_another_vector_count_restarts_the_host_side),
		cmocka_unit_test(test_a_million_random_steps_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
