// SPDX-License-Identifier: GPL-2.0
/* vmsr: deny by default, and values that MTRRs and the PAT may hold. */
#include "tests/unit/check.h"
#include "kvm-core/vmsr.h"

static void test_msrs_nobody_named_are_unknown(void **state)
{
	static const u32 rows[] = {
		0x2, 0xf, 0x13, 0x35, 0x4a, 0x210, 0x480, 0xd90, 0x900,
		0xc0000085, 0xc0000104, 0xc0010116, 0xffffffff,
		0xc0010200,	/* come with a bit that is not offered */
		0xc0011020,	/* LS_CFG: found there, Linux trusts it with SSBD */
		0xc0010064,	/* a P-state's definition: no frequency is told */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(vmsr_classify(rows[i]), VMSR_UNKNOWN);
}

static void test_named_msrs_have_their_class(void **state)
{
	static const struct {
		u32 msr;
		enum vmsr_class class;
	} rows[] = {
		{ 0x10, VMSR_OWN }, { 0x1b, VMSR_OWN }, { 0x277, VMSR_OWN },
		{ 0xc0000080, VMSR_OWN }, { 0xc0000103, VMSR_OWN },
		{ 0x4b564d01, VMSR_OWN }, { 0x8b, VMSR_OWN },
		{ 0xc0011029, VMSR_OWN }, { 0x200, VMSR_MTRR },
		{ 0x2ff, VMSR_MTRR }, { 0xfe, VMSR_MTRR },
		{ 0x17a, VMSR_MCE }, { 0x47f, VMSR_MCE },
		{ 0x808, VMSR_X2APIC }, { 0x6e0, VMSR_X2APIC },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(vmsr_classify(rows[i].msr), rows[i].class);
}

/* Windows writes EX_CFG, as an erratum wants it, and does not survive a #GP. */
static void test_what_systems_write_without_asking_is_taken(void **state)
{
	static const u32 rows[] = { 0x79, 0x11e, 0xc001001f, 0xc0010020, 0xc0010115,
				    0xc0011022, 0xc0011023, 0xc001102a, 0xc001102c };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_true(vmsr_known(rows[i], true));
	assert_false(vmsr_known(0x79, false));
	assert_false(vmsr_known(0xc0010115, false));
}

static void test_set_values_are_read_and_stay(void **state)
{
	static const struct { u32 msr; u64 value; } rows[] = {
		{ 0x2c, 1 << 24 }, { 0xcd, 3 }, { 0x198, 4ULL << 40 | 1000 },
		{ 0x606, 0 }, { 0x1, 0 }, { 0xc0010112, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(vmsr_known(rows[i].msr, false));
		assert_int_equal(vmsr_set_value(rows[i].msr), rows[i].value);
		assert_false(vmsr_known(rows[i].msr, true));
	}
	assert_int_equal(vmsr_set_value(0x11e), 0xbe702111);
	assert_int_equal(vmsr_set_value(0xc001001b), 0x20000000);
}

static void test_addresses_are_canonical_or_refused(void **state)
{
	static const u32 refused[] = {
		0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102,
	};
	u64 odd = 1ULL << 47, value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		value = odd;
		assert_false(vmsr_address_valid(refused[i], &value, 48));
		assert_true(vmsr_address_valid(refused[i], &value, 57));
		assert_int_equal(value, odd);
		value = ~0ULL << 47;
		assert_true(vmsr_address_valid(refused[i], &value, 48));
	}
	for (i = 0x175; i <= 0x176; i++) {
		value = odd;
		assert_true(vmsr_address_valid(i, &value, 48));
		assert_int_equal(value, ~0ULL << 47);
	}
	value = odd;
	assert_true(vmsr_address_valid(0xc0000081, &value, 48));	/* no address */
	assert_int_equal(value, odd);
}

/* Can user space save and restore every MSR that it is told of? */
static void test_every_feature_msr_is_known(void **state)
{
	unsigned int i;
	u32 msr;

	for (i = 0; vmsr_feature(i, &msr); i++)
		assert_int_not_equal(vmsr_classify(msr), VMSR_UNKNOWN);
	assert_int_equal(i, 4);
}

static void test_every_listed_msr_is_known(void **state)
{
	unsigned int i;
	u32 msr;

	for (i = 0; vmsr_listed(i, &msr); i++)
		assert_int_not_equal(vmsr_classify(msr), VMSR_UNKNOWN);
	assert_true(i > 10);
}

static void test_each_mtrr_has_a_slot_of_its_own(void **state)
{
	bool used[VMSR_NR_MTRR] = { false };
	unsigned int n = 0;
	u32 msr;
	int i;

	for (msr = 0x200; msr <= 0x2ff; msr++) {
		i = vmsr_mtrr_index(msr);
		if (i < 0)
			continue;
		assert_in_range(i, 0, VMSR_NR_MTRR - 1);
		assert_false(used[i]);
		used[i] = true;
		n++;
	}
	assert_int_equal(n, VMSR_NR_MTRR);
}

static void test_reserved_types_and_bits_are_refused(void **state)
{
	assert_false(vmsr_pat_valid(0x0007040600070402ULL));
	assert_false(vmsr_pat_valid(0x0307040600070406ULL));
	assert_true(vmsr_pat_valid(0x0007040600070406ULL));
	assert_false(vmsr_mtrr_valid(0x2ff, 0x1000, 40));
	assert_false(vmsr_mtrr_valid(0x2ff, 7, 40));
	assert_true(vmsr_mtrr_valid(0x2ff, 0xc06, 40));
	assert_false(vmsr_mtrr_valid(0x250, 7, 40));
	assert_false(vmsr_mtrr_valid(0x200, 1ULL << 40, 40));
	assert_false(vmsr_mtrr_valid(0x201, 0x400, 40));
	assert_true(vmsr_mtrr_valid(0x201, 0xff00000800ULL, 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_msrs_nobody_named_are_unknown),
		cmocka_unit_test(test_named_msrs_have_their_class),
		cmocka_unit_test(test_what_systems_write_without_asking_is_taken),
		cmocka_unit_test(test_set_values_are_read_and_stay),
		cmocka_unit_test(test_addresses_are_canonical_or_refused),
		cmocka_unit_test(test_every_listed_msr_is_known),
		cmocka_unit_test(test_every_feature_msr_is_known),
		cmocka_unit_test(test_each_mtrr_has_a_slot_of_its_own),
		cmocka_unit_test(test_reserved_types_and_bits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
