// SPDX-License-Identifier: GPL-2.0
/* smm: the state-save area at its documented offsets, and nothing half-restored. */
#include "tests/unit/check.h"
#include "kvm-core/smm.h"

static struct kvm_segment segment(u16 selector, u64 base)
{
	return (struct kvm_segment) {
		.selector = selector, .base = base, .limit = 0xfffff, .type = 11,
		.s = 1, .dpl = 3, .present = 1, .db = 1, .g = 1, .avl = 1,
	};
}

/* A CPU in long mode with something else in every field. */
static struct smm_cpu full(void)
{
	struct smm_cpu c = { 0 };
	unsigned int i;

	for (i = 0; i < 16; i++)
		c.regs[i] = 0x1000000000000000ULL * i + i;
	c.rip = 0xffffffff81000000ULL;
	c.rflags = 0x246;
	c.dr6 = 0xffff0ff0;
	c.dr7 = 0x455;
	c.s.cr0 = 0x80050033;
	c.s.cr3 = 0x12345000;
	c.s.cr4 = 0x6a0;
	c.s.efer = 0xd01;
	c.cr4_has = 0x3506ff;
	c.efer_has = 0x204d01;
	c.s.es = segment(0x10, 1);
	c.s.cs = segment(0x33, 2);
	c.s.cs.l = 1;
	c.s.cs.db = 0;
	c.s.ss = segment(0x2b, 3);
	c.s.ds = segment(0x18, 4);
	c.s.fs = segment(0x20, 0x7f0000000000ULL);
	c.s.gs = segment(0x28, 0xffff888000000000ULL);
	c.s.ldt.unusable = 1;
	c.s.tr = segment(0x40, 0xfffffe0000003000ULL);
	c.s.tr.s = 0;
	c.s.gdt = (struct kvm_dtable){ .base = 0xfffffe0000001000ULL, .limit = 0x7f };
	c.s.idt = (struct kvm_dtable){ .base = 0xfffffe0000000000ULL, .limit = 0xfff };
	c.smbase = 0x7ff00000;
	c.int_shadow = true;
	return c;
}

static u64 at(const u8 *area, unsigned int offset, unsigned int bytes)
{
	u64 v = 0;

	memcpy(&v, area + offset - SMM_AREA_OFFSET, bytes);
	return v;
}

/* APM2 table 10-1, offsets from SMBASE. */
static void test_fields_are_where_the_manual_has_them(void **state)
{
	struct smm_cpu c = full();
	u8 area[SMM_AREA_BYTES];

	smm_save(area, &c);
	assert_int_equal(at(area, 0xfe10, 2), 0x33);
	assert_int_equal(at(area, 0xfe12, 2), 0xb0fb);
	assert_int_equal(at(area, 0xfe14, 4), 0xfffff);
	assert_int_equal(at(area, 0xfe58, 8), c.s.gs.base);
	assert_int_equal(at(area, 0xfe64, 2), 0x7f);
	assert_int_equal(at(area, 0xfe88, 8), c.s.idt.base);
	assert_int_equal(at(area, 0xfe90, 2), 0x40);
	assert_int_equal(at(area, 0xfec9, 1), 0);
	assert_int_equal(at(area, 0xfed0, 8), c.s.efer);
	assert_int_equal(at(area, 0xfefc, 4), 0x20064);
	assert_int_equal(at(area, 0xff00, 4), c.smbase);
	assert_int_equal(at(area, 0xff48, 8), c.s.cr4);
	assert_int_equal(at(area, 0xff50, 8), c.s.cr3);
	assert_int_equal(at(area, 0xff58, 8), c.s.cr0);
	assert_int_equal(at(area, 0xff70, 8), c.rflags);
	assert_int_equal(at(area, 0xff78, 8), c.rip);
	assert_int_equal(at(area, 0xff80, 8), c.regs[15]);
	assert_int_equal(at(area, 0xffb8, 8), c.regs[8]);
	assert_int_equal(at(area, 0xffc0, 8), c.regs[7]);	/* RDI */
	assert_int_equal(at(area, 0xffd8, 8), c.regs[4]);	/* RSP */
	assert_int_equal(at(area, 0xffe0, 8), c.regs[3]);	/* RBX */
	assert_int_equal(at(area, 0xfff8, 8), c.regs[0]);
}

static void test_what_was_saved_comes_back(void **state)
{
	struct smm_cpu c = full(), d = { .cr4_has = ~0ULL, .efer_has = ~0ULL };
	u8 area[SMM_AREA_BYTES], again[SMM_AREA_BYTES];

	c.s.efer |= 1 << 21;		/* automatic IBRS */
	smm_save(area, &c);
	assert_true(smm_restore(area, &d));
	assert_memory_equal(d.regs, c.regs, sizeof(c.regs));
	assert_int_equal(d.rip, c.rip);
	assert_int_equal(d.s.efer, c.s.efer);
	assert_int_equal(d.s.cs.l, 1);
	assert_int_equal(d.s.ldt.unusable, 1);
	assert_true(d.int_shadow);
	smm_save(again, &d);
	assert_memory_equal(area, again, sizeof(area));
}

static void test_a_handler_may_move_smbase_and_end_the_halt(void **state)
{
	struct smm_cpu c = full();
	u8 area[SMM_AREA_BYTES];

	c.halted = true;
	smm_save(area, &c);
	area[0xfec9 - SMM_AREA_OFFSET] = 0;
	area[0xff02 - SMM_AREA_OFFSET] = 0x0a;
	assert_true(smm_restore(area, &c));
	assert_false(c.halted);
	assert_int_equal(c.smbase, 0x7f0a0000);
}

/* Each of these would not enter a guest, or enter another mode than it says. */
static void test_impossible_states_change_nothing(void **state)
{
	static const struct { unsigned int at; u64 value; } rows[] = {
		{ 0xff58, 0x180050033ULL },	/* CR0 bit 32 */
		{ 0xff58, 0x80050032 },		/* paging without protection */
		{ 0xff58, 0xa0050033 },		/* NW without CD */
		{ 0xff48, 0x680 },		/* long mode without PAE */
		{ 0xfed0, 0xc01 },		/* LMA without LME */
		{ 0xfed0, 0x901 },		/* LME and paging without LMA */
		{ 0xfed0, 0x1d01 },		/* SVME */
		{ 0xff48, 0x8006a0 },		/* CR4: a bit that this CPU lacks */
		{ 0xff70, 0x20246 },		/* virtual-8086 in long mode */
		{ 0xff58, 0x50033 },		/* LMA without paging */
	};
	struct smm_cpu c = full(), d;
	u8 area[SMM_AREA_BYTES];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		smm_save(area, &c);
		memcpy(area + rows[i].at - SMM_AREA_OFFSET, &rows[i].value, 8);
		memset(&d, 0xa5, sizeof(d));
		d.cr4_has = c.cr4_has;
		d.efer_has = c.efer_has;
		assert_false(smm_restore(area, &d));
		assert_int_equal(d.rip, 0xa5a5a5a5a5a5a5a5ULL);
	}
	smm_save(area, &c);
	area[0xfe13 - SMM_AREA_OFFSET] |= 0x40;		/* CS.L and CS.D */
	assert_false(smm_restore(area, &d));
}

/* Real mode states, paging on and off, must all pass. */
static void test_legacy_states_come_back(void **state)
{
	static const struct { u64 cr0, cr4, efer; } rows[] = {
		{ 0x60000010, 0, 0 }, { 0x11, 0, 0 }, { 0x80000011, 0, 0 },
		{ 0x80000011, 0x20, 0x800 }, { 0x11, 0x20, 0x100 },
	};
	struct smm_cpu c = full(), d = full();
	u8 area[SMM_AREA_BYTES];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		c.s.cr0 = rows[i].cr0;
		c.s.cr4 = rows[i].cr4;
		c.s.efer = rows[i].efer;
		smm_save(area, &c);
		assert_true(smm_restore(area, &d));
		assert_int_equal(d.s.cr0, rows[i].cr0);
	}
}

static void test_entry_is_flat_real_mode_with_nmis_off(void **state)
{
	struct smm_cpu c = full();

	c.smbase = 0x3f000;
	smm_enter(&c);
	assert_int_equal(c.rip, 0x8000);
	assert_int_equal(c.s.cs.base, 0x3f000);
	assert_int_equal(c.s.cs.selector, 0x3f00);
	assert_int_equal(c.s.ds.limit, 0xffffffff);
	assert_int_equal(c.s.cr0, 0x50032);	/* PE, EM, TS, PG go; the rest stays */
	assert_int_equal(c.s.cr4 | c.s.efer, 0);
	assert_int_equal(c.rflags, 2);
	assert_int_equal(c.dr7, 0x400);
	assert_true(c.nmi_masked);
	assert_false(c.int_shadow);
	assert_int_equal(c.regs[3], full().regs[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_are_where_the_manual_has_them),
		cmocka_unit_test(test_what_was_saved_comes_back),
		cmocka_unit_test(test_a_handler_may_move_smbase_and_end_the_halt),
		cmocka_unit_test(test_impossible_states_change_nothing),
		cmocka_unit_test(test_legacy_states_come_back),
		cmocka_unit_test(test_entry_is_flat_real_mode_with_nmis_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
