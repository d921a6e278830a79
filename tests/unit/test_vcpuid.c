// SPDX-License-Identifier: GPL-2.0
/* vcpuid: what is not switched or emulated is not shown. */
#include "tests/unit/check.h"
#include "kvm-core/vcpuid.h"

static const struct vcpuid_host host = {
	.max_basic = 0x1f, .max_extended = 0x80000021, .max_features = 2,
	.kernel_lapic = true, .xcr0 = 7, .xsave_bytes = 832, .xsavec_bytes = 840,
};

static struct vcpuid_regs all_ones(void)
{
	return (struct vcpuid_regs){ ~0U, ~0U, ~0U, ~0U };
}

static void test_leaves_out_of_the_ranges_do_not_exist(void **state)
{
	static const u32 rows[] = { 0xf, 0x12, 0x14, 0x80000022, 0x40000002,
				    0x40000010, 0xffffffff };
	struct vcpuid_regs r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		r = all_ones();
		assert_false(vcpuid_filter(&host, rows[i], 0, &r));
	}
}

/* VMMs fill in leaves they find, and do not add those that they do not. */
static void test_a_leaf_with_nothing_to_offer_is_there_and_empty(void **state)
{
	static const u32 rows[] = { 3, 4, 5, 8, 9, 0xa, 0xb, 0xc, 0x80000009,
				    0x8000000a, 0x8000001c, 0x8000001e, 0x8000001f,
				    0x80000020 };
	struct vcpuid_regs r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		r = all_ones();
		assert_true(vcpuid_filter(&host, rows[i], 0, &r));
		assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
		assert_false(vcpuid_filter(&host, rows[i], 1, &r));
	}
}

static void test_leaves_with_an_index_are_marked(void **state)
{
	assert_true(vcpuid_is_indexed(4) && vcpuid_is_indexed(7) &&
		    vcpuid_is_indexed(0xb) && vcpuid_is_indexed(0xd) &&
		    vcpuid_is_indexed(0x8000001d));
	assert_false(vcpuid_is_indexed(1) || vcpuid_is_indexed(0x80000001));
}

static void test_a_leaf_the_host_lacks_is_not_made_up(void **state)
{
	struct vcpuid_host old = { .max_basic = 1, .max_extended = 0x80000004 };
	struct vcpuid_regs r = all_ones();

	assert_false(vcpuid_filter(&old, 7, 0, &r));
	assert_false(vcpuid_filter(&old, 0x80000008, 0, &r));
}

/* Are the features that would need a switch or an exit we lack hidden? */
static void test_unswitched_state_is_hidden(void **state)
{
	struct vcpuid_regs r = all_ones();

	assert_true(vcpuid_filter(&host, 1, 0, &r));
	assert_int_equal(r.ecx & (1U << 3), 0);		/* MONITOR */
	assert_int_equal(r.ecx & (1U << 17), 0);	/* PCID */
	assert_int_not_equal(r.ecx & (1U << 31), 0);	/* hypervisor */
	assert_int_not_equal(r.ecx & (1U << 21), 0);	/* x2APIC */
	r = all_ones();
	assert_true(vcpuid_filter(&host, 7, 0, &r));
	assert_int_equal(r.ecx & (1U << 3), 0);		/* PKU */
	assert_int_equal(r.edx & (1U << 26), 0);	/* SPEC_CTRL */
	assert_int_equal(r.ebx & (1U << 16), 0);	/* AVX-512 */
	assert_int_equal(r.ecx & (1U << 7), 0);		/* shadow stacks */
	assert_int_not_equal(r.ebx & (1U << 1), 0);	/* TSC_ADJUST */
	r = all_ones();
	assert_true(vcpuid_filter(&host, 0x80000008, 0, &r));
	assert_int_equal(r.ebx & (1U << 14 | 1U << 15 | 1U << 24), 0);	/* SPEC_CTRL's */
	r = all_ones();
	assert_true(vcpuid_filter(&host, 0x80000001, 0, &r));
	assert_int_equal(r.ecx & (1U << 2), 0);		/* SVM */
	r = all_ones();
	assert_true(vcpuid_filter(&host, 0xd, 0, &r));
	assert_int_equal(r.eax, 7);
	r = all_ones();
	assert_true(vcpuid_filter(&host, 0xd, 1, &r));
}

/* QEMU's EPYC models name these: without them it warns, or refuses (enforce). */
static void test_what_needs_no_switch_is_offered(void **state)
{
	static const struct {
		u32 leaf, subleaf;
		unsigned int reg, bit;
	} rows[] = {
		{ 7, 0, 2, 9 }, { 7, 0, 2, 10 }, { 7, 0, 3, 4 },	/* VAES VPCLMUL FSRM */
		{ 7, 1, 0, 4 },						/* AVX-VNNI */
		{ 0xd, 1, 0, 1 },					/* XSAVEC */
		{ 0x80000008, 0, 1, 0 }, { 0x80000008, 0, 1, 2 },	/* CLZERO XSAVEERPTR */
		{ 0x80000008, 0, 1, 9 },				/* WBNOINVD */
		{ 0x80000021, 0, 0, 0 }, { 0x80000021, 0, 0, 6 },
	};
	struct vcpuid_regs r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		r = all_ones();
		assert_true(vcpuid_filter(&host, rows[i].leaf, rows[i].subleaf, &r));
		assert_int_equal((&r.eax)[rows[i].reg] >> rows[i].bit & 1, 1);
	}
	r = all_ones();
	assert_true(vcpuid_filter(&host, 7, 0, &r));
	assert_int_equal(r.eax, 1);
	r = all_ones();
	assert_false(vcpuid_filter(&host, 7, 2, &r));
}

static void test_sizes_are_of_what_is_offered(void **state)
{
	struct vcpuid_regs r = all_ones();

	assert_true(vcpuid_filter(&host, 0xd, 0, &r));
	assert_int_equal(r.ebx, 832);
	assert_int_equal(r.ecx, 832);
	r = all_ones();
	assert_true(vcpuid_filter(&host, 0xd, 1, &r));
	assert_int_equal(r.ebx, 840);
	r.eax = ~0xaU;
	assert_true(vcpuid_filter(&host, 0xd, 1, &r));
	assert_int_equal(r.ebx, 0);
}

/* The APIC's timer is ours; what the kernel knows of the CPU has a leaf of its own. */
static void test_the_kernel_knows_more_than_an_older_cpu(void **state)
{
	struct vcpuid_host zen2 = { .max_basic = 0x10, .max_extended = 0x8000001d,
				    .leaf21_eax = 1U << 2 };
	struct vcpuid_host k10 = { .max_basic = 6, .max_extended = 0x8000001b,
				   .leaf21_eax = 1U << 2 };
	struct vcpuid_regs r = all_ones();

	assert_true(vcpuid_filter(&zen2, 0x80000000, 0, &r));
	assert_int_equal(r.eax, 0x80000021);
	r = all_ones();
	assert_true(vcpuid_filter(&zen2, 0x80000021, 0, &r));
	assert_int_equal(r.eax, 1U << 2);
	r = all_ones();
	assert_true(vcpuid_filter(&zen2, 0x8000001a + 4, 0, &r));
	r = all_ones();
	assert_true(vcpuid_filter(&k10, 0x80000000, 0, &r));
	assert_int_equal(r.eax, 0x8000001b);
	assert_false(vcpuid_filter(&k10, 0x80000021, 0, &r));
	r = (struct vcpuid_regs){ };
	assert_true(vcpuid_filter(&k10, 6, 0, &r));
	assert_int_equal(r.eax, 1U << 2);
}

/* Firmware puts devices below the last address: a slot must be able to be there. */
static void test_addresses_end_where_slots_do(void **state)
{
	struct vcpuid_host shadow = host;
	struct vcpuid_regs r = { .eax = 0x3930 };

	shadow.phys_bits = 44;
	assert_true(vcpuid_filter(&host, 0x80000008, 0, &r));
	assert_int_equal(r.eax, 0x3930);
	assert_true(vcpuid_filter(&shadow, 0x80000008, 0, &r));
	assert_int_equal(r.eax, 0x392c);
	r.eax = 0x3028;
	assert_true(vcpuid_filter(&shadow, 0x80000008, 0, &r));
	assert_int_equal(r.eax, 0x3028);
}

static void test_speculation_is_told_by_the_kernels_word(void **state)
{
	struct vcpuid_host with = host;
	struct vcpuid_regs r = all_ones();

	assert_true(vcpuid_filter(&host, 0x80000008, 0, &r));
	assert_int_equal(r.ebx & (1U << 12 | 1U << 14 | 1U << 25), 0);
	with.leaf8_ebx = 1U << 25;
	with.leaf7_edx = 1U << 31;
	with.leaf21_eax = 1U << 27;
	with.leaf21_ecx = 1U << 1;
	r = (struct vcpuid_regs){ };
	assert_true(vcpuid_filter(&with, 0x80000008, 0, &r));
	assert_int_equal(r.ebx, 1U << 25);
	r = (struct vcpuid_regs){ };
	assert_true(vcpuid_filter(&with, 7, 0, &r));
	assert_int_equal(r.edx, 1U << 31);
	r = (struct vcpuid_regs){ };
	assert_true(vcpuid_filter(&with, 0x80000021, 0, &r));
	assert_int_equal(r.eax, 1U << 27);
	assert_int_equal(r.ecx, 1U << 1);
}

static void test_avx512_comes_with_a_host_that_switches_it(void **state)
{
	struct vcpuid_host with = host;
	struct vcpuid_regs r = all_ones();
	unsigned int i;

	assert_true(vcpuid_filter(&host, 7, 1, &r));
	assert_int_equal(r.eax & (1U << 5), 0);
	with.xcr0 |= VCPUID_AVX512;
	r = all_ones();
	assert_true(vcpuid_filter(&with, 7, 0, &r));
	assert_int_not_equal(r.ebx & (1U << 16), 0);
	assert_int_not_equal(r.ecx & (1U << 11), 0);
	r = all_ones();
	assert_true(vcpuid_filter(&with, 0xd, 0, &r));
	assert_int_equal(r.eax, 0xe7);
	for (i = 5; i <= 7; i++) {
		r = all_ones();
		assert_true(vcpuid_filter(&with, 0xd, i, &r));
		assert_false(vcpuid_filter(&host, 0xd, i, &r));
	}
	with.xcr0 &= ~0x20U;
	r = all_ones();
	assert_true(vcpuid_filter(&with, 7, 0, &r));
	assert_int_equal(r.ebx & (1U << 16), 0);
}

static void test_keys_come_with_a_host_that_uses_them(void **state)
{
	struct vcpuid_host with = host;
	struct vcpuid_regs r = all_ones();

	with.pku = true;
	with.xcr0 |= 1U << 9;
	assert_true(vcpuid_filter(&with, 7, 0, &r));
	assert_int_not_equal(r.ecx & (1U << 3), 0);
	r = all_ones();
	assert_true(vcpuid_filter(&with, 0xd, 0, &r));
	assert_int_equal(r.eax, 7 | 1U << 9);
	r = all_ones();
	assert_true(vcpuid_filter(&with, 0xd, 9, &r));
	assert_false(vcpuid_filter(&host, 0xd, 9, &r));
	assert_false(vcpuid_filter(&with, 0xd, 5, &r));
}

static void test_the_signature_reads_kvm(void **state)
{
	struct vcpuid_regs r = { 0, 0, 0, 0 };
	char text[13] = { 0 };

	assert_true(vcpuid_filter(&host, VCPUID_KVM_LEAF, 0, &r));
	memcpy(text, &r.ebx, 4);
	memcpy(text + 4, &r.ecx, 4);
	memcpy(text + 8, &r.edx, 4);
	assert_string_equal(text, "KVMKVMKVM");
	assert_int_equal(r.eax, VCPUID_KVM_FEATURES);
}

static void test_the_table_can_be_walked(void **state)
{
	unsigned int i, subleaves;
	u32 leaf, last = 0;

	for (i = 0; vcpuid_leaf(i, &leaf, &subleaves); i++) {
		assert_true(!i || leaf > last);
		assert_true(subleaves >= 1);
		last = leaf;
	}
	assert_int_equal(i, 0xe + 2 + 0x22);
	assert_int_equal(last, 0x80000021);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_out_of_the_ranges_do_not_exist),
		cmocka_unit_test(test_a_leaf_with_nothing_to_offer_is_there_and_empty),
		cmocka_unit_test(test_leaves_with_an_index_are_marked),
		cmocka_unit_test(test_a_leaf_the_host_lacks_is_not_made_up),
		cmocka_unit_test(test_unswitched_state_is_hidden),
		cmocka_unit_test(test_what_needs_no_switch_is_offered),
		cmocka_unit_test(test_sizes_are_of_what_is_offered),
		cmocka_unit_test(test_the_kernel_knows_more_than_an_older_cpu),
		cmocka_unit_test(test_addresses_end_where_slots_do),
		cmocka_unit_test(test_speculation_is_told_by_the_kernels_word),
		cmocka_unit_test(test_avx512_comes_with_a_host_that_switches_it),
		cmocka_unit_test(test_keys_come_with_a_host_that_uses_them),
		cmocka_unit_test(test_the_signature_reads_kvm),
		cmocka_unit_test(test_the_table_can_be_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
