// SPDX-License-Identifier: GPL-2.0
/*
 * vlapic: requests, priorities, end of interrupt, registers, IPIs, x2APIC.
 * The timer and the life of the whole have tests of their own.
 */
#include "tests/unit/check.h"
#include "kvm-core/vlapic.h"

static const struct vlapic_time no_time;

static struct vlapic fresh(void)
{
	struct vlapic a;
	struct vlapic_effect e = {};

	vlapic_init(&a, 3, false, false);
	vlapic_write(&a, VLAPIC_SVR, 0x1ff, &no_time, &e);
	return a;
}

static struct vlapic fresh_x2(void)
{
	struct vlapic_effect e = {};
	struct vlapic a = fresh();

	a.has_x2apic = true;
	assert_int_equal(vlapic_set_base(&a, a.base | VLAPIC_BASE_X2, 40, false, &e), 0);
	return a;
}

static struct vlapic_effect put(struct vlapic *a, u32 reg, u32 val)
{
	struct vlapic_effect e = {};

	vlapic_write(a, reg, val, &no_time, &e);
	return e;
}

static u32 get(struct vlapic *a, u32 reg)
{
	struct vlapic_effect e = {};

	return vlapic_read(a, reg, &no_time, &e);
}

static int wrmsr(struct vlapic *a, u32 msr, u64 val, struct vlapic_effect *e)
{
	*e = (struct vlapic_effect) {};
	return vlapic_wrmsr(a, msr, val, &no_time, e);
}

static int rdmsr(struct vlapic *a, u32 msr, u64 *val)
{
	struct vlapic_effect e = {};

	return vlapic_rdmsr(a, msr, val, &no_time, &e);
}

static u32 errors(struct vlapic *a)
{
	put(a, VLAPIC_ESR, 0);
	return get(a, VLAPIC_ESR);
}

/* ---- requests ---- */

static void test_what_the_task_priority_holds_back_is_known(void **state)
{
	struct vlapic a = fresh();

	assert_false(vlapic_held_by_tpr(&a));
	put(&a, VLAPIC_TPR, 0x40);
	assert_false(vlapic_held_by_tpr(&a));	/* nothing to hold back */
	vlapic_post(&a, 0x31, false);
	assert_true(vlapic_requested(&a));
	assert_true(vlapic_held_by_tpr(&a));
	assert_int_equal(vlapic_pending(&a), -1);
	put(&a, VLAPIC_TPR, 0x20);
	assert_false(vlapic_held_by_tpr(&a));
	assert_int_equal(vlapic_accept(&a), 0x31);
	assert_false(vlapic_requested(&a));
}

static void test_priorities_are_told_as_a_patched_guest_wants_them(void **state)
{
	struct vlapic a = fresh();

	assert_int_equal(vlapic_priorities(&a), 0);
	put(&a, VLAPIC_TPR, 0x23);
	vlapic_post(&a, 0x56, false);
	assert_int_equal(vlapic_accept(&a), 0x56);
	vlapic_post(&a, 0x31, false);
	assert_int_equal(vlapic_priorities(&a), 0x31005023);
}

static void test_a_single_request_is_told_from_several(void **state)
{
	struct vlapic a = fresh();

	assert_false(vlapic_requested_one(&a));
	vlapic_post(&a, 0x31, false);
	assert_true(vlapic_requested_one(&a));
	vlapic_post(&a, 0x30, false);		/* in the same word */
	assert_false(vlapic_requested_one(&a));
	assert_int_equal(vlapic_accept(&a), 0x31);
	assert_true(vlapic_requested_one(&a));
	vlapic_post(&a, 0xef, false);		/* in another */
	assert_false(vlapic_requested_one(&a));
	assert_int_equal(vlapic_accept(&a), 0xef);
	assert_true(vlapic_requested_one(&a));
}

/* A word of requests empties bit by bit, and fills again. */
static void test_requests_in_one_word_are_all_found(void **state)
{
	struct vlapic a = fresh();
	int round;

	for (round = 0; round < 2; round++) {
		vlapic_post(&a, 0x61, false);
		vlapic_post(&a, 0x75, false);
		assert_int_equal(vlapic_accept(&a), 0x75);
		assert_true(vlapic_requested(&a));
		put(&a, VLAPIC_EOI, 0);
		assert_int_equal(vlapic_accept(&a), 0x61);
		assert_false(vlapic_requested(&a));
		put(&a, VLAPIC_EOI, 0);
		assert_int_equal(vlapic_pending(&a), -1);
	}
}

static void test_a_software_disabled_apic_refuses_fixed_interrupts(void **state)
{
	struct vlapic a;

	vlapic_init(&a, 0, true, false);
	assert_int_equal(vlapic_post(&a, 0x40, false), VLAPIC_REFUSED);
	assert_int_equal(vlapic_pending(&a), -1);
}

static void test_a_vector_below_16_is_refused_and_reported(void **state)
{
	struct vlapic a = fresh();

	assert_int_equal(vlapic_post(&a, 15, false), VLAPIC_REFUSED);
	assert_int_equal(errors(&a), VLAPIC_ESR_RECV_ILLEGAL);
	assert_int_equal(errors(&a), 0);
}

static void test_every_vector_from_16_on_is_delivered(void **state)
{
	struct vlapic a = fresh();
	int v;

	for (v = 16; v < 256; v++) {
		assert_int_equal(vlapic_post(&a, v, false), VLAPIC_POSTED);
		assert_int_equal(vlapic_accept(&a), v);
		assert_int_equal(put(&a, VLAPIC_EOI, 0).vector, v);
	}
}

static void test_an_error_raises_its_lvt_unless_masked(void **state)
{
	struct vlapic a = fresh();

	vlapic_post(&a, 1, false);
	assert_int_equal(vlapic_pending(&a), -1);
	put(&a, VLAPIC_LVTERR, 0xfe);
	vlapic_post(&a, 1, false);
	assert_int_equal(vlapic_pending(&a), 0xfe);
}

static void test_a_second_request_for_a_vector_merges(void **state)
{
	struct vlapic a = fresh();

	assert_int_equal(vlapic_post(&a, 0x55, false), VLAPIC_POSTED);
	assert_int_equal(vlapic_post(&a, 0x55, false), VLAPIC_MERGED);
	assert_int_equal(vlapic_accept(&a), 0x55);
	assert_int_equal(vlapic_accept(&a), -1);
}

static void test_a_request_during_service_is_delivered_after_the_eoi(void **state)
{
	struct vlapic a = fresh();

	vlapic_post(&a, 0x55, false);
	assert_int_equal(vlapic_accept(&a), 0x55);
	assert_int_equal(vlapic_post(&a, 0x55, false), VLAPIC_POSTED);
	assert_int_equal(vlapic_pending(&a), -1);
	put(&a, VLAPIC_EOI, 0);
	assert_int_equal(vlapic_pending(&a), 0x55);
}

/* The class (vector / 16) of task and handler shuts out its own and lower. */
static void test_priority_classes_shut_out_their_own_and_lower(void **state)
{
	struct vlapic a = fresh();

	put(&a, VLAPIC_TPR, 0x50);
	vlapic_post(&a, 0x5f, false);
	assert_int_equal(vlapic_pending(&a), -1);
	vlapic_post(&a, 0x60, false);
	assert_int_equal(vlapic_accept(&a), 0x60);
	assert_int_equal(get(&a, VLAPIC_PPR), 0x60);
	vlapic_post(&a, 0x6f, false);
	assert_int_equal(vlapic_pending(&a), -1);
	vlapic_post(&a, 0x70, false);
	assert_int_equal(vlapic_accept(&a), 0x70);
	put(&a, VLAPIC_EOI, 0);
	assert_int_equal(vlapic_pending(&a), -1);
	put(&a, VLAPIC_EOI, 0);
	assert_int_equal(vlapic_accept(&a), 0x6f);
	put(&a, VLAPIC_EOI, 0);
	assert_true(put(&a, VLAPIC_TPR, 0).asks & VLAPIC_DO_EVENT);
	assert_int_equal(vlapic_accept(&a), 0x5f);
}

static void test_an_eoi_without_service_does_nothing(void **state)
{
	struct vlapic a = fresh();

	assert_int_equal(put(&a, VLAPIC_EOI, 0).asks, 0);
}

static void test_an_eoi_tells_vector_and_trigger(void **state)
{
	struct vlapic a = fresh();
	struct vlapic_effect e;

	vlapic_post(&a, 0x91, true);
	vlapic_accept(&a);
	e = put(&a, VLAPIC_EOI, 0);
	assert_true(e.asks & VLAPIC_DO_EOI);
	assert_int_equal(e.vector, 0x91);
	assert_true(e.level);
	vlapic_post(&a, 0x91, false);
	vlapic_accept(&a);
	assert_false(put(&a, VLAPIC_EOI, 0).level);
}

static void test_a_directed_eoi_is_not_broadcast_for_level(void **state)
{
	struct vlapic a;

	vlapic_init(&a, 0, true, true);
	put(&a, VLAPIC_SVR, 0x11ff);
	assert_true(get(&a, VLAPIC_VERSION) & BIT(24));
	vlapic_post(&a, 0x91, true);
	vlapic_accept(&a);
	assert_false(put(&a, VLAPIC_EOI, 0).asks & VLAPIC_DO_EOI);
}

static void test_a_directed_eoi_cannot_be_chosen_unless_offered(void **state)
{
	struct vlapic a = fresh();

	put(&a, VLAPIC_SVR, 0x11ff);
	assert_int_equal(get(&a, VLAPIC_SVR), 0x1ff);
	assert_int_equal(get(&a, VLAPIC_VERSION), 0x50014);
}

/* ---- registers ---- */

static void test_an_access_to_no_register_is_an_error(void **state)
{
	struct vlapic a = fresh();

	assert_int_equal(get(&a, 0x40), 0);
	assert_int_equal(errors(&a), VLAPIC_ESR_BAD_REGISTER);
	put(&a, 0xff0, 1);
	assert_int_equal(errors(&a), VLAPIC_ESR_BAD_REGISTER);
	put(&a, VLAPIC_SELF_IPI, 0x40);
	assert_int_equal(errors(&a), VLAPIC_ESR_BAD_REGISTER);
	assert_int_equal(vlapic_pending(&a), -1);
}

static void test_read_only_registers_keep_their_value(void **state)
{
	static const u32 regs[] = { VLAPIC_VERSION, VLAPIC_PPR, VLAPIC_ISR + 0x10,
				    VLAPIC_IRR, VLAPIC_TMR + 0x70, VLAPIC_TMCCT };
	struct vlapic a = fresh();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		u32 before = get(&a, regs[i]);

		put(&a, regs[i], ~before);
		assert_int_equal(get(&a, regs[i]), before);
	}
}

static void test_software_disable_masks_every_lvt_and_keeps_them_masked(void **state)
{
	struct vlapic a = fresh();
	u32 lvt;

	for (lvt = VLAPIC_LVTT; lvt <= VLAPIC_LVTERR; lvt += 0x10) {
		put(&a, lvt, 0x40);
		assert_int_equal(get(&a, lvt), 0x40);
	}
	assert_true(put(&a, VLAPIC_SVR, 0xff).asks & VLAPIC_DO_MAP);
	for (lvt = VLAPIC_LVTT; lvt <= VLAPIC_LVTERR; lvt += 0x10) {
		assert_int_equal(get(&a, lvt), 0x10040);
		put(&a, lvt, 0x41);
		assert_int_equal(get(&a, lvt), 0x10041);
	}
}

static void test_each_lvt_keeps_only_its_own_bits(void **state)
{
	struct vlapic a = fresh();

	put(&a, VLAPIC_LVT0, ~0U);
	assert_int_equal(get(&a, VLAPIC_LVT0), 0x1a7ff);
	put(&a, VLAPIC_LVTPC, ~0U);
	assert_int_equal(get(&a, VLAPIC_LVTPC), 0x107ff);
	put(&a, VLAPIC_LVTERR, ~0U);
	assert_int_equal(get(&a, VLAPIC_LVTERR), 0x100ff);
	put(&a, VLAPIC_LVTT, ~0U);
	assert_int_equal(get(&a, VLAPIC_LVTT), 0x300ff);
}

static void test_ids_and_models_ask_for_a_new_map(void **state)
{
	struct vlapic a = fresh();

	assert_true(put(&a, VLAPIC_ID, 0x12345678).asks & VLAPIC_DO_MAP);
	assert_int_equal(vlapic_apic_id(&a), 0x12);
	assert_true(put(&a, VLAPIC_LDR, 0x12345678).asks & VLAPIC_DO_MAP);
	assert_int_equal(get(&a, VLAPIC_LDR), 0x12000000);
	assert_true(put(&a, VLAPIC_DFR, 0).asks & VLAPIC_DO_MAP);
	assert_int_equal(get(&a, VLAPIC_DFR), 0x0fffffff);
}

static void test_the_pic_reaches_only_an_unmasked_extint_lint0(void **state)
{
	struct vlapic a = fresh();

	assert_false(vlapic_accepts_pic(&a));
	put(&a, VLAPIC_LVT0, 0x700);
	assert_true(vlapic_accepts_pic(&a));
	put(&a, VLAPIC_LVT0, 0x10700);
	assert_false(vlapic_accepts_pic(&a));
	put(&a, VLAPIC_LVT0, 0x400);
	assert_false(vlapic_accepts_pic(&a));
}

/* ---- IPIs ---- */

static void test_an_icr_write_is_decoded(void **state)
{
	struct vlapic a = fresh();
	struct vlapic_effect e;

	put(&a, VLAPIC_ICR2, 0x05ffffff);
	e = put(&a, VLAPIC_ICR, 0x000048fd);
	assert_int_equal(e.asks, VLAPIC_DO_IPI);
	assert_int_equal(e.ipi.dest, 5);
	assert_int_equal(e.ipi.vector, 0xfd);
	assert_int_equal(e.ipi.mode, VCHIP_FIXED);
	assert_true(e.ipi.logical);
	assert_false(e.ipi.level);
	assert_false(e.ipi.wide);
	assert_int_equal(e.ipi.shorthand, VCHIP_TO_DEST);
	e = put(&a, VLAPIC_ICR, 0x000c4500);
	assert_int_equal(e.ipi.mode, VCHIP_INIT);
	assert_int_equal(e.ipi.shorthand, VCHIP_TO_OTHERS);
	e = put(&a, VLAPIC_ICR, 0x00004610);
	assert_int_equal(e.ipi.mode, VCHIP_STARTUP);
	assert_int_equal(e.ipi.vector, 0x10);
}

static void test_anything_may_be_sent_to_self(void **state)
{
	static const u32 icr[] = { 0x44040, 0x44140, 0x44200, 0x44400, 0x44500 };
	struct vlapic a = fresh();
	struct vlapic_effect e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(icr); i++) {
		e = put(&a, VLAPIC_ICR, icr[i]);
		assert_true(e.asks & VLAPIC_DO_IPI);
		assert_int_equal(e.ipi.shorthand, VCHIP_TO_SELF);
		assert_int_equal(e.ipi.mode, icr[i] >> 8 & 7);
	}
}

static void test_what_no_icr_may_send_is_not_sent(void **state)
{
	struct vlapic a = fresh();

	assert_false(put(&a, VLAPIC_ICR, 0x8500).asks & VLAPIC_DO_IPI); /* INIT de-assert */
	assert_false(put(&a, VLAPIC_ICR, 0x4340).asks & VLAPIC_DO_IPI); /* remote read */
	assert_false(put(&a, VLAPIC_ICR, 0x4740).asks & VLAPIC_DO_IPI); /* ExtINT */
	assert_int_equal(errors(&a), 0);
	assert_false(put(&a, VLAPIC_ICR, 0x400f).asks & VLAPIC_DO_IPI);
	assert_int_equal(errors(&a), VLAPIC_ESR_SENT_ILLEGAL);
}

static void test_the_icr_never_reads_busy(void **state)
{
	struct vlapic a = fresh();

	put(&a, VLAPIC_ICR, 0xa5a5b0fd);	/* as written, but for busy */
	assert_int_equal(get(&a, VLAPIC_ICR), 0xa5a5a0fd);
}

/* ---- x2APIC ---- */

static void test_x2apic_msrs_fault_in_xapic_mode(void **state)
{
	struct vlapic a = fresh();
	struct vlapic_effect e;
	u64 val;

	assert_int_equal(rdmsr(&a, 0x802, &val), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x80b, 0, &e), -EINVAL);
}

/* Every MSR of the range against a table of what APM2 16.11 lists. */
static void test_each_x2apic_msr_is_readable_and_writable_as_listed(void **state)
{
	static const struct { u16 first, last; bool r, w; } rows[] = {
		{ 0x802, 0x803, true, false }, { 0x808, 0x808, true, true },
		{ 0x80a, 0x80a, true, false }, { 0x80b, 0x80b, false, true },
		{ 0x80d, 0x80d, true, false }, { 0x80f, 0x80f, true, true },
		{ 0x810, 0x827, true, false }, { 0x828, 0x828, true, true },
		{ 0x830, 0x830, true, true }, { 0x832, 0x838, true, true },
		{ 0x839, 0x839, true, false }, { 0x83e, 0x83e, true, true },
		{ 0x83f, 0x83f, false, true },
	};
	struct vlapic a = fresh_x2();
	struct vlapic_effect e;
	u32 msr;
	u64 val;

	for (msr = 0x800; msr <= 0x8ff; msr++) {
		bool r = false, w = false;
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			if (msr < rows[i].first || msr > rows[i].last)
				continue;
			r = rows[i].r;
			w = rows[i].w;
		}
		assert_int_equal(rdmsr(&a, msr, &val), r ? 0 : -EINVAL);
		assert_int_equal(wrmsr(&a, msr, 0, &e), w ? 0 : -EINVAL);
	}
}

static void test_reserved_bits_of_x2apic_msrs_fault(void **state)
{
	struct vlapic a = fresh_x2();
	struct vlapic_effect e;

	assert_int_equal(wrmsr(&a, 0x808, 0x100, &e), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x80b, 1, &e), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x828, 1, &e), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x83f, 0x100, &e), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x838, 1ULL << 32, &e), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x832, 1ULL << 32, &e), -EINVAL);
	assert_int_equal(wrmsr(&a, 0x830, 0x20000, &e), -EINVAL);
}

static void test_an_x2apic_icr_is_one_64_bit_register(void **state)
{
	struct vlapic a = fresh_x2();
	struct vlapic_effect e;
	u64 val;

	assert_int_equal(wrmsr(&a, 0x830, 0x12345678000040fdULL, &e), 0);
	assert_int_equal(e.ipi.dest, 0x12345678);
	assert_true(e.ipi.wide);
	assert_int_equal(rdmsr(&a, 0x830, &val), 0);
	assert_int_equal(val, 0x12345678000040fdULL);
}

static void test_a_self_ipi_is_pending_at_once(void **state)
{
	struct vlapic a = fresh_x2();
	struct vlapic_effect e;

	assert_int_equal(wrmsr(&a, 0x83f, 0x77, &e), 0);
	assert_int_equal(vlapic_pending(&a), 0x77);
}

static void test_the_x2apic_id_and_logical_id_follow_the_vcpu(void **state)
{
	struct vlapic_effect e = {};
	struct vlapic a;
	u64 val;

	vlapic_init(&a, 0x25, false, false);
	a.has_x2apic = true;
	vlapic_set_base(&a, a.base | VLAPIC_BASE_X2, 40, false, &e);
	rdmsr(&a, 0x802, &val);
	assert_int_equal(val, 0x25);
	rdmsr(&a, 0x80d, &val);
	assert_int_equal(val, 0x20020);
}

/* ---- property: the model against the definition, in plain sets ---- */

struct reference {
	bool irr[256], isr[256], level[256];
	u8 tpr;
};

static int top(const bool *set)
{
	int i;

	for (i = 255; i >= 0; i--)
		if (set[i])
			return i;
	return -1;
}

static int expected(const struct reference *r)
{
	int irr = top(r->irr), isr = top(r->isr);
	int class = isr >= 0 && isr / 16 > r->tpr / 16 ? isr / 16 : r->tpr / 16;

	return irr >= 0 && irr / 16 > class ? irr : -1;
}

static void test_random_steps_agree_with_plain_sets(void **state)
{
	struct reference r = {};
	struct vlapic a = fresh();
	struct vlapic_effect e;
	int step, v;

	srandom(4711);
	for (step = 0; step < 200000; step++) {
		v = 16 + random() % 240;
		switch (random() % 4) {
		case 0:
			r.level[v] = random() & 1;
			assert_int_equal(vlapic_post(&a, v, r.level[v]),
					 r.irr[v] ? VLAPIC_MERGED : VLAPIC_POSTED);
			r.irr[v] = true;
			break;
		case 1:
			assert_int_equal(vlapic_accept(&a), expected(&r));
			v = expected(&r);
			if (v < 0)
				break;
			r.irr[v] = false;
			r.isr[v] = true;
			break;
		case 2:
			e = put(&a, VLAPIC_EOI, 0);
			v = top(r.isr);
			assert_int_equal(!!(e.asks & VLAPIC_DO_EOI), v >= 0);
			if (v < 0)
				break;
			assert_int_equal(e.vector, v);
			assert_int_equal(e.level, r.level[v]);
			r.isr[v] = false;
			break;
		default:
			r.tpr = random() % 8 ? random() & 0x3f : random();
			put(&a, VLAPIC_TPR, r.tpr);
		}
		assert_int_equal(vlapic_pending(&a), expected(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_software_disabled_apic_refuses_fixed_interrupts),
		cmocka_unit_test(test_a_vector_below_16_is_refused_and_reported),
		cmocka_unit_test(test_every_vector_from_16_on_is_delivered),
		cmocka_unit_test(test_an_error_raises_its_lvt_unless_masked),
		cmocka_unit_test(test_a_second_request_for_a_vector_merges),
		cmocka_unit_test(test_a_request_during_service_is_delivered_after_the_eoi),
		cmocka_unit_test(test_priority_classes_shut_out_their_own_and_lower),
		cmocka_unit_test(test_an_eoi_without_service_does_nothing),
		cmocka_unit_test(test_an_eoi_tells_vector_and_trigger),
		cmocka_unit_test(test_a_directed_eoi_is_not_broadcast_for_level),
		cmocka_unit_test(test_a_directed_eoi_cannot_be_chosen_unless_offered),
		cmocka_unit_test(test_an_access_to_no_register_is_an_error),
		cmocka_unit_test(test_read_only_registers_keep_their_value),
		cmocka_unit_test(test_software_disable_masks_every_lvt_and_keeps_them_masked),
		cmocka_unit_test(test_each_lvt_keeps_only_its_own_bits),
		cmocka_unit_test(test_ids_and_models_ask_for_a_new_map),
		cmocka_unit_test(test_the_pic_reaches_only_an_unmasked_extint_lint0),
		cmocka_unit_test(test_an_icr_write_is_decoded),
		cmocka_unit_test(test_anything_may_be_sent_to_self),
		cmocka_unit_test(test_what_no_icr_may_send_is_not_sent),
		cmocka_unit_test(test_the_icr_never_reads_busy),
		cmocka_unit_test(test_x2apic_msrs_fault_in_xapic_mode),
		cmocka_unit_test(test_each_x2apic_msr_is_readable_and_writable_as_listed),
		cmocka_unit_test(test_reserved_bits_of_x2apic_msrs_fault),
		cmocka_unit_test(test_an_x2apic_icr_is_one_64_bit_register),
		cmocka_unit_test(test_a_self_ipi_is_pending_at_once),
		cmocka_unit_test(test_the_x2apic_id_and_logical_id_follow_the_vcpu),
		cmocka_unit_test(test_what_the_task_priority_holds_back_is_known),
		cmocka_unit_test(test_priorities_are_told_as_a_patched_guest_wants_them),
		cmocka_unit_test(test_a_single_request_is_told_from_several),
		cmocka_unit_test(test_requests_in_one_word_are_all_found),
		cmocka_unit_test(test_random_steps_agree_with_plain_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
