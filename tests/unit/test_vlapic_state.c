// SPDX-License-Identifier: GPL-2.0
/* vlapic_state: base MSR and modes, reset and INIT, saving and restoring. */
#include "tests/unit/check.h"
#include "kvm-core/vlapic.h"

#define OFF	0x0ULL
#define XAPIC	0x800ULL
#define X2APIC	0xc00ULL
#define BROKEN	0x400ULL

static struct vlapic a;
static struct vlapic_time now = { .ns = 1000, .tsc = 1, .tsc_khz = 1000000 };

static int set_up(void **state)
{
	vlapic_init(&a, 5, false, false);
	a.has_x2apic = true;
	a.has_deadline = true;
	return 0;
}

static int base(u64 mode, bool host)
{
	struct vlapic_effect e = {};

	return vlapic_set_base(&a, VLAPIC_DEFAULT_BASE | mode, 40, host, &e);
}

static void put(u32 reg, u32 val)
{
	struct vlapic_effect e = {};

	vlapic_write(&a, reg, val, &now, &e);
}

static void test_reserved_bits_of_the_base_fault(void **state)
{
	struct vlapic_effect e = {};

	assert_int_equal(vlapic_set_base(&a, VLAPIC_DEFAULT_BASE | XAPIC | 1, 40, true, &e), -EINVAL);
	assert_int_equal(vlapic_set_base(&a, VLAPIC_DEFAULT_BASE | XAPIC | BIT(9), 40, true, &e), -EINVAL);
	assert_int_equal(vlapic_set_base(&a, BIT_ULL(40) | XAPIC, 40, true, &e), -EINVAL);
	assert_int_equal(e.asks, 0);
}

/* The transitions of APM2 16.9: from, to, may the guest, may the host. */
static void test_mode_changes_are_those_the_manual_allows(void **state)
{
	static const struct { u64 from, to; bool guest, host; } rows[] = {
		{ OFF, OFF, true, true }, { OFF, XAPIC, true, true },
		{ OFF, X2APIC, false, true }, { OFF, BROKEN, false, false },
		{ XAPIC, OFF, true, true }, { XAPIC, XAPIC, true, true },
		{ XAPIC, X2APIC, true, true }, { XAPIC, BROKEN, false, false },
		{ X2APIC, OFF, true, true }, { X2APIC, XAPIC, false, true },
		{ X2APIC, X2APIC, true, true }, { X2APIC, BROKEN, false, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(base(rows[i].from, true), 0);
		assert_int_equal(base(rows[i].to, false), rows[i].guest ? 0 : -EINVAL);
		assert_int_equal(base(rows[i].from, true), 0);
		assert_int_equal(base(rows[i].to, true), rows[i].host ? 0 : -EINVAL);
	}
}

static void test_x2apic_needs_its_cpuid_bit(void **state)
{
	a.has_x2apic = false;
	assert_int_equal(base(X2APIC, true), -EINVAL);
}

static void test_a_disabled_apic_delivers_nothing_and_passes_the_pic_on(void **state)
{
	put(VLAPIC_SVR, 0x1ff);
	vlapic_post(&a, 0x40, false);
	assert_int_equal(base(OFF, false), 0);
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(vlapic_post(&a, 0x41, false), VLAPIC_REFUSED);
	assert_true(vlapic_accepts_pic(&a));
	assert_int_equal(base(XAPIC, false), 0);
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(vlapic_apic_id(&a), 5);
}

static void test_power_on_state(void **state)
{
	assert_int_equal(a.base, 0xfee00800);
	assert_int_equal(a.regs[VLAPIC_SVR / VLAPIC_STEP], 0xff);
	assert_int_equal(a.regs[VLAPIC_DFR / VLAPIC_STEP], 0xffffffff);
	assert_int_equal(a.regs[VLAPIC_LVT0 / VLAPIC_STEP], 0x10000);
	assert_int_equal(a.regs[VLAPIC_VERSION / VLAPIC_STEP], 0x50014);
	vlapic_init(&a, 0, true, false);
	assert_int_equal(a.base, 0xfee00900);
	assert_true(vlapic_accepts_pic(&a));
}

static void test_init_keeps_base_and_id_and_a_reset_restores_them(void **state)
{
	put(VLAPIC_ID, 0x77000000);
	put(VLAPIC_SVR, 0x1ff);
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 10);
	vlapic_post(&a, 0x40, false);
	vlapic_reset(&a, true);
	assert_int_equal(vlapic_apic_id(&a), 0x77);
	assert_int_equal(vlapic_pending(&a), -1);
	assert_int_equal(vlapic_timer_due(&a, &now), U64_MAX);
	assert_int_equal(base(X2APIC, false), 0);
	vlapic_reset(&a, true);
	assert_true(vlapic_is_x2apic(&a));
	assert_int_equal(a.regs[VLAPIC_ID / VLAPIC_STEP], 5);
	vlapic_reset(&a, false);
	assert_int_equal(a.base, 0xfee00800);
	assert_int_equal(vlapic_apic_id(&a), 5);
}

/* ---- saving ---- */

static u32 word(const struct kvm_lapic_state *s, u32 reg)
{
	u32 val;

	memcpy(&val, s->regs + reg, sizeof(val));
	return val;
}

static int set(struct kvm_lapic_state *s, bool ids32)
{
	struct vlapic_effect e = {};

	return vlapic_set_state(&a, s, ids32, &now, &e);
}

static void test_a_saved_apic_restores_to_the_same(void **state)
{
	struct kvm_lapic_state s, again;

	put(VLAPIC_SVR, 0x1ff);
	put(VLAPIC_TPR, 0x20);
	put(VLAPIC_LDR, 0x04000000);
	put(VLAPIC_LVTT, 0x20030);
	put(VLAPIC_TDCR, 0xb);
	put(VLAPIC_TMICT, 1000000);
	vlapic_post(&a, 0x60, false);
	vlapic_accept(&a);
	vlapic_post(&a, 0x70, true);
	now.ns += 300000;
	vlapic_get_state(&a, &s, false, &now);
	assert_int_equal(word(&s, VLAPIC_TMCCT), 700000);
	vlapic_init(&a, 5, false, false);
	now.ns += 123456;
	assert_int_equal(set(&s, false), 0);
	vlapic_get_state(&a, &again, false, &now);
	assert_memory_equal(&s, &again, sizeof(s));
	assert_int_equal(vlapic_pending(&a), 0x70);
	assert_int_equal(vlapic_timer_due(&a, &now), now.ns + 700000);
}

static void test_the_id_of_an_x2apic_has_two_forms(void **state)
{
	struct kvm_lapic_state s;

	assert_int_equal(base(X2APIC, false), 0);
	vlapic_get_state(&a, &s, false, &now);
	assert_int_equal(word(&s, VLAPIC_ID), 5 << 24);
	assert_int_equal(set(&s, true), -EINVAL);
	assert_int_equal(set(&s, false), 0);
	vlapic_get_state(&a, &s, true, &now);
	assert_int_equal(word(&s, VLAPIC_ID), 5);
	assert_int_equal(set(&s, true), 0);
	assert_int_equal(a.regs[VLAPIC_LDR / VLAPIC_STEP], 1 << 5);
}

/* Eight bits cannot name it, so what they say is not looked at. */
static void test_the_short_id_cannot_change_an_x2apic(void **state)
{
	struct kvm_lapic_state s;
	u32 id = 77U << 24;

	assert_int_equal(base(X2APIC, false), 0);
	vlapic_get_state(&a, &s, false, &now);
	memcpy(s.regs + VLAPIC_ID, &id, sizeof(id));
	assert_int_equal(set(&s, false), 0);
	assert_int_equal(vlapic_apic_id(&a), 5);
	vlapic_get_state(&a, &s, false, &now);
	assert_int_equal(word(&s, VLAPIC_ID), 5 << 24);
	assert_int_equal(a.regs[VLAPIC_LDR / VLAPIC_STEP], 1 << 5);
}

static void test_a_version_cannot_be_restored(void **state)
{
	struct kvm_lapic_state s = {};

	assert_int_equal(set(&s, false), 0);
	assert_int_equal(a.regs[VLAPIC_VERSION / VLAPIC_STEP], 0x50014);
}

/* QEMU saves no current count: better one tick too many than none for ever. */
static void test_a_one_shot_without_its_count_fires_at_once(void **state)
{
	struct vlapic_effect e = {};
	struct kvm_lapic_state s;
	u32 zero = 0;

	put(VLAPIC_SVR, 0x1ff);
	put(VLAPIC_LVTT, 0x30);
	put(VLAPIC_TMICT, 1000);
	vlapic_get_state(&a, &s, false, &now);
	memcpy(s.regs + VLAPIC_TMCCT, &zero, sizeof(zero));
	assert_int_equal(set(&s, false), 0);
	assert_true(vlapic_timer_due(&a, &now) <= now.ns);
	vlapic_timer_settle(&a, &now, &e);
	assert_int_equal(vlapic_pending(&a), 0x30);
}

static void test_the_base_is_checked_without_an_apic_too(void **state)
{
	const u64 at = VLAPIC_DEFAULT_BASE, x2 = XAPIC | VLAPIC_BASE_X2;

	assert_true(vlapic_base_allowed(at | XAPIC, at, false, 40, false));
	assert_true(vlapic_base_allowed(at | XAPIC, at | x2, true, 40, false));
	assert_false(vlapic_base_allowed(at | XAPIC, at | x2, false, 40, true));
	assert_false(vlapic_base_allowed(at | XAPIC, at | VLAPIC_BASE_X2, true, 40, true));
	assert_false(vlapic_base_allowed(at | XAPIC, at | XAPIC | 1, true, 40, true));
	assert_false(vlapic_base_allowed(at | XAPIC, BIT_ULL(40) | XAPIC, true, 40, true));
	assert_false(vlapic_base_allowed(at | x2, at | XAPIC, true, 40, false));
	assert_false(vlapic_base_allowed(at, at | x2, true, 40, false));
	assert_true(vlapic_base_allowed(at, at | x2, true, 40, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_base_is_checked_without_an_apic_too),
		cmocka_unit_test_setup(test_reserved_bits_of_the_base_fault, set_up),
		cmocka_unit_test_setup(test_mode_changes_are_those_the_manual_allows, set_up),
		cmocka_unit_test_setup(test_x2apic_needs_its_cpuid_bit, set_up),
		cmocka_unit_test_setup(test_a_disabled_apic_delivers_nothing_and_passes_the_pic_on, set_up),
		cmocka_unit_test_setup(test_power_on_state, set_up),
		cmocka_unit_test_setup(test_init_keeps_base_and_id_and_a_reset_restores_them, set_up),
		cmocka_unit_test_setup(test_a_saved_apic_restores_to_the_same, set_up),
		cmocka_unit_test_setup(test_the_id_of_an_x2apic_has_two_forms, set_up),
		cmocka_unit_test_setup(test_the_short_id_cannot_change_an_x2apic, set_up),
		cmocka_unit_test_setup(test_a_version_cannot_be_restored, set_up),
		cmocka_unit_test_setup(test_a_one_shot_without_its_count_fires_at_once, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
