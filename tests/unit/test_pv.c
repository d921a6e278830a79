// SPDX-License-Identifier: GPL-2.0
/* pv: paravirtual MSRs, skipped EOIs, IPI bitmaps, absent pages. */
#include "tests/unit/check.h"
#include "kvm-core/pv.h"

static void test_reserved_bits_are_refused(void **state)
{
	static const struct { u32 msr; u64 value; bool valid; } rows[] = {
		{ PV_MSR_STEAL_TIME, 0x1041, true },
		{ PV_MSR_STEAL_TIME, 0x1043, false },
		{ PV_MSR_EOI_EN, 0x1005, true },
		{ PV_MSR_EOI_EN, 0x1002, false },
		{ PV_MSR_POLL_CONTROL, 1, true },
		{ PV_MSR_POLL_CONTROL, 2, false },
		{ PV_MSR_ASYNC_PF_EN, 0x104b, true },
		{ PV_MSR_ASYNC_PF_EN, 0x104d, true },
		{ PV_MSR_ASYNC_PF_EN, 0x1059, false },
		{ PV_MSR_ASYNC_PF_INT, 0xf3, true },
		{ PV_MSR_ASYNC_PF_INT, 0x100, false },
		{ PV_MSR_ASYNC_PF_ACK, 1, true },
		{ 0x4b564d08, 0, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(pv_msr_valid(rows[i].msr, rows[i].value),
				 rows[i].valid);
}

static void test_only_new_waiting_is_stolen_time(void **state)
{
	u64 last = 1000;

	assert_int_equal(pv_steal_since(&last, 1500), 500);
	assert_int_equal(pv_steal_since(&last, 1500), 0);
	/* Another thread runs the vCPU: it has waited less in its life. */
	assert_int_equal(pv_steal_since(&last, 40), 0);
	assert_int_equal(pv_steal_since(&last, 45), 5);
}

/* ---- EOI ------------------------------------------------------------------- */

static struct vlapic in_service(u8 vector, bool level)
{
	static const struct vlapic_time no_time;
	struct vlapic_effect e = {};
	struct vlapic a;

	vlapic_init(&a, 0, true, false);
	vlapic_write(&a, VLAPIC_SVR, 0x1ff, &no_time, &e);
	assert_int_equal(vlapic_post(&a, vector, level), VLAPIC_POSTED);
	assert_int_equal(vlapic_accept(&a), vector);
	return a;
}

static void test_a_lone_edge_interrupt_may_skip_its_eoi(void **state)
{
	struct vlapic a = in_service(0x61, false);

	assert_int_equal(pv_eoi_vector(&a), 0x61);
}

static void test_nothing_in_service_has_no_eoi_to_skip(void **state)
{
	struct vlapic a;

	vlapic_init(&a, 0, true, false);
	assert_int_equal(pv_eoi_vector(&a), -1);
}

/* Its EOI must reach the IOAPIC at once. */
static void test_a_level_interrupt_may_not(void **state)
{
	struct vlapic a = in_service(0x61, true);

	assert_int_equal(pv_eoi_vector(&a), -1);
}

/* The EOI decides when the waiting one is delivered. */
static void test_nor_one_that_others_wait_for(void **state)
{
	struct vlapic a = in_service(0x61, false);

	vlapic_post(&a, 0x30, false);
	assert_int_equal(pv_eoi_vector(&a), -1);
}

/* The bit does not say which of two handlers cleared it. */
static void test_nor_nested_ones(void **state)
{
	struct vlapic a = in_service(0x61, false);

	vlapic_post(&a, 0x91, false);
	assert_int_equal(vlapic_accept(&a), 0x91);
	assert_int_equal(pv_eoi_vector(&a), -1);
	a = in_service(0x61, false);
	vlapic_post(&a, 0x71, false);
	assert_int_equal(vlapic_accept(&a), 0x71);
	assert_int_equal(pv_eoi_vector(&a), -1);
}

/* ---- IPIs ------------------------------------------------------------------- */

static void test_a_bitmap_names_each_cpu_once(void **state)
{
	struct pv_ipi p = { .low = BIT_ULL(0) | BIT_ULL(63), .high = BIT_ULL(2),
			    .bits = 64, .min = 10 };
	u32 id = 0;

	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, 10);
	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, 73);
	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, 76);
	assert_false(pv_ipi_next(&p, &id));
}

/* A 32-bit guest's halves are 32 bits; what is above them is not its own. */
static void test_a_32_bit_guest_has_narrow_halves(void **state)
{
	struct pv_ipi p = { .low = BIT_ULL(31) | BIT_ULL(40), .high = 1,
			    .bits = 32, .min = 0 };
	u32 id = 0;

	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, 31);
	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, 32);
	assert_false(pv_ipi_next(&p, &id));
}

static void test_a_bitmap_does_not_wrap_around_to_low_ids(void **state)
{
	struct pv_ipi p = { .low = BIT_ULL(0) | BIT_ULL(5), .bits = 64,
			    .min = 0xfffffffe };
	u32 id = 0;

	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, 0xfffffffe);
	assert_true(pv_ipi_next(&p, &id));
	assert_int_equal(id, U32_MAX);
}

static void test_a_command_must_be_a_plain_interrupt_or_nmi(void **state)
{
	static const struct { u64 icr; bool good; } rows[] = {
		{ 0x40f3, true }, { 0x00f3, true }, { 0x0400, true },
		{ 0x000f, true },		/* the receiver's error */
		{ 0x0500, false },		/* INIT */
		{ 0x0608, false },		/* SIPI */
		{ 0x0200, false },		/* SMI */
		{ 0x08f3, false },		/* logical */
		{ 0x400f3, false },		/* shorthand: self */
		{ 1ULL << 56 | 0xf3, false },	/* a destination of its own */
	};
	struct vchip_msg m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(pv_ipi_message(rows[i].icr, &m), rows[i].good);
	assert_true(pv_ipi_message(0x40f3, &m));
	assert_int_equal(m.vector, 0xf3);
	assert_int_equal(m.mode, VCHIP_FIXED);
	assert_false(m.level);
}

/* ---- absent pages -------------------------------------------------------------- */

#define EN	(PV_ENABLED | PV_APF_AS_INT)

static void test_a_guest_is_told_only_where_it_can_sleep(void **state)
{
	assert_true(pv_apf_may_tell(EN, 0xf3, 3, true));
	assert_false(pv_apf_may_tell(EN, 0xf3, 3, false));
	assert_false(pv_apf_may_tell(EN, 0xf3, 0, true));
	assert_true(pv_apf_may_tell(EN | PV_APF_SEND_ALWAYS, 0xf3, 0, true));
	assert_false(pv_apf_may_tell(EN, 0, 3, true));		/* no vector */
	assert_false(pv_apf_may_tell(PV_ENABLED, 0xf3, 3, true));
	assert_false(pv_apf_may_tell(PV_APF_AS_INT, 0xf3, 3, true));
}

static void test_one_page_is_told_at_a_time(void **state)
{
	struct pv_apf a = { 0 };
	u32 x = pv_apf_begin(&a, 5), y = pv_apf_begin(&a, 5);

	assert_true(x && y && x != y);
	assert_int_equal(pv_apf_tell(&a), 0);
	assert_true(pv_apf_came(&a, y));
	assert_int_equal(pv_apf_tell(&a), y);
	assert_true(pv_apf_came(&a, x));
	assert_int_equal(pv_apf_tell(&a), 0);	/* y is not acknowledged */
	pv_apf_ack(&a);
	assert_int_equal(pv_apf_tell(&a), x);
	pv_apf_ack(&a);
	assert_int_equal(pv_apf_tell(&a), 0);
}

static void test_there_is_an_end_to_absent_pages(void **state)
{
	struct pv_apf a = { 0 };
	u32 first = pv_apf_begin(&a, 0);
	unsigned int i;

	for (i = 1; i < PV_APF_SLOTS; i++)
		assert_int_not_equal(pv_apf_begin(&a, 0), 0);
	assert_int_equal(pv_apf_begin(&a, 0), 0);
	pv_apf_came(&a, first);
	assert_int_equal(pv_apf_tell(&a), first);
	assert_int_not_equal(pv_apf_begin(&a, 0), 0);
}

/* What a worker brings after the guest has switched the feature off is lost. */
static void test_a_forgotten_token_is_nobodys(void **state)
{
	struct pv_apf a = { 0 };
	u32 x = pv_apf_begin(&a, 1);

	pv_apf_reset(&a);
	assert_false(pv_apf_came(&a, x));
	assert_false(pv_apf_came(&a, 0));
	assert_int_not_equal(pv_apf_begin(&a, 1), x);
}

static void test_wake_all_comes_first_and_once(void **state)
{
	struct pv_apf a = { 0 };

	pv_apf_begin(&a, 1);
	pv_apf_wake_all(&a);
	assert_int_equal(pv_apf_tell(&a), PV_APF_WAKE_ALL);
	pv_apf_ack(&a);
	assert_int_equal(pv_apf_tell(&a), 0);
}

/* No token is 0 or the one that means all, however long the VM lives. */
static void test_tokens_are_never_special(void **state)
{
	struct pv_apf a = { .next = 0xfffff - 3 };
	unsigned int i;
	u32 t;

	for (i = 0; i < 8; i++) {
		t = pv_apf_begin(&a, 0xfff);
		assert_true(t && t != PV_APF_WAKE_ALL);
		pv_apf_reset(&a);
	}
	a.next = 0xfffff - 3;
	for (i = 0; i < 8; i++) {
		t = pv_apf_begin(&a, 0);
		assert_true(t && t != PV_APF_WAKE_ALL);
		pv_apf_reset(&a);
	}
}

static void test_each_msr_and_hypercall_has_its_feature(void **state)
{
	u32 msr;

	for (msr = PV_MSR_ASYNC_PF_EN; msr <= PV_MSR_ASYNC_PF_ACK; msr++)
		assert_in_range(pv_msr_feature(msr), 4, 14);
	assert_int_equal(pv_msr_feature(0x11), 0);
	assert_int_equal(pv_msr_feature(0x4b564d01), 3);
	assert_int_equal(pv_msr_feature(PV_MSR_STEAL_TIME), 5);
	assert_int_equal(pv_msr_feature(PV_MSR_ASYNC_PF_ACK),
			 pv_msr_feature(PV_MSR_ASYNC_PF_INT));
	assert_int_equal(pv_msr_feature(0x10), -1);	/* the TSC is no guest of KVM's */
	assert_int_equal(pv_hypercall_feature(PV_HC_KICK_CPU), 7);
	assert_int_equal(pv_hypercall_feature(PV_HC_SEND_IPI), 11);
	assert_int_equal(pv_hypercall_feature(PV_HC_SCHED_YIELD), 13);
	assert_int_equal(pv_hypercall_feature(9), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserved_bits_are_refused),
		cmocka_unit_test(test_only_new_waiting_is_stolen_time),
		cmocka_unit_test(test_a_lone_edge_interrupt_may_skip_its_eoi),
		cmocka_unit_test(test_nothing_in_service_has_no_eoi_to_skip),
		cmocka_unit_test(test_a_level_interrupt_may_not),
		cmocka_unit_test(test_nor_one_that_others_wait_for),
		cmocka_unit_test(test_nor_nested_ones),
		cmocka_unit_test(test_a_bitmap_names_each_cpu_once),
		cmocka_unit_test(test_a_32_bit_guest_has_narrow_halves),
		cmocka_unit_test(test_a_bitmap_does_not_wrap_around_to_low_ids),
		cmocka_unit_test(test_a_command_must_be_a_plain_interrupt_or_nmi),
		cmocka_unit_test(test_a_guest_is_told_only_where_it_can_sleep),
		cmocka_unit_test(test_one_page_is_told_at_a_time),
		cmocka_unit_test(test_there_is_an_end_to_absent_pages),
		cmocka_unit_test(test_a_forgotten_token_is_nobodys),
		cmocka_unit_test(test_wake_all_comes_first_and_once),
		cmocka_unit_test(test_tokens_are_never_special),
		cmocka_unit_test(test_each_msr_and_hypercall_has_its_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
