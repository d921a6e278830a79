// SPDX-License-Identifier: GPL-2.0
/* Descriptors: segment loads, far transfers, system segments and tables. */
#include "tests/unit/emul_guest.h"

#define GDT		0x1000u
#define LDT		0x2000u
#define OPERAND		0x100u		/* (rbx) */

/* Flat descriptors; the low bit of the type is "accessed" */
#define CODE64_0	0x00af9a000000ffffULL
#define CODE32_0	0x00cf9a000000ffffULL
#define DATA_0		0x00cf92001234ffffULL
#define DATA_3		0x00cff2000000ffffULL
#define READ_ONLY_0	0x00cf90000000ffffULL
#define ABSENT_0	0x00cf12000000ffffULL
#define CONFORMING_0	0x00af9e000000ffffULL
#define TSS_64		0x0000890030000067ULL
#define TSS_BUSY	0x00008b0030000067ULL
#define LDT_64		0x000082004000ffffULL
#define GATE		0x0000ec0000080000ULL

enum { NONE = 0, CODE = 8, DATA_SEL = 0x10, USER = 0x18, RO = 0x20, ABSENT = 0x28,
       CODE32 = 0x30, CONF = 0x38, TSS = 0x40, BUSY = 0x50, LDTS = 0x60, GATES = 0x70 };

static struct guest g;
static struct emul_segment tables[4];
static u64 mmx[8];

static void get_table(struct emul_ctxt *c, enum emul_table t, struct emul_segment *s)
{
	(void)c;
	*s = tables[t];
}

static void set_table(struct emul_ctxt *c, enum emul_table t, const struct emul_segment *s)
{
	(void)c;
	tables[t] = *s;
}

static u64 get_mmx(struct emul_ctxt *c, unsigned int n)
{
	(void)c;
	assert_in_range(n, 0, 7);
	return mmx[n];
}

static void set_mmx(struct emul_ctxt *c, unsigned int n, u64 v)
{
	(void)c;
	assert_in_range(n, 0, 7);
	mmx[n] = v;
}

static void reset(unsigned int bits)
{
	static const struct { u16 at; u64 d; } rows[] = {
		{ CODE, CODE64_0 }, { DATA_SEL, DATA_0 }, { USER, DATA_3 },
		{ RO, READ_ONLY_0 }, { ABSENT, ABSENT_0 }, { CODE32, CODE32_0 },
		{ CONF, CONFORMING_0 }, { TSS, TSS_64 }, { TSS + 8, 0xffff8000 },
		{ BUSY, TSS_BUSY }, { LDTS, LDT_64 }, { GATES, GATE },
	};
	static struct emul_ops ops;
	unsigned int i;

	guest_reset(&g, bits);
	ops = guest_ops;
	ops.get_table = get_table;
	ops.set_table = set_table;
	ops.get_mmx = get_mmx;
	ops.set_mmx = set_mmx;
	g.c.ops = &ops;
	memset(tables, 0, sizeof(tables));
	tables[EMUL_GDTR] = (struct emul_segment) { .base = GDT, .limit = 0x7f };
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		guest_poke(&g, GDT + rows[i].at, rows[i].d, 8);
	g.c.regs[EMUL_RBX] = OPERAND;
}

/* mov seg, (rbx) */
static enum emul_verdict load(unsigned int seg, u16 selector)
{
	guest_poke(&g, OPERAND, selector, 2);
	return RUN(&g, 0x8e, 0x03 | seg << 3);
}

static void assert_refused(unsigned int seg, u16 selector, u8 vector, u32 error)
{
	assert_int_equal(load(seg, selector), EMUL_FAULT);
	assert_int_equal(g.c.fault.vector, vector);
	assert_true(g.c.fault.has_error);
	assert_int_equal(g.c.fault.error, error);
}

static void test_a_data_segment_is_loaded_and_marked_accessed(void **state)
{
	(void)state;
	reset(64);
	assert_int_equal(load(EMUL_DS, DATA_SEL), EMUL_OKAY);
	assert_int_equal(g.c.seg[EMUL_DS].selector, DATA_SEL);
	assert_int_equal(g.c.seg[EMUL_DS].base, 0x1234);
	assert_int_equal(g.c.seg[EMUL_DS].limit, 0xffffffff);
	assert_int_equal(g.c.seg[EMUL_DS].attrib, DATA);
	assert_int_equal(g.c.seg_dirty, BIT(EMUL_DS));
	assert_int_equal(guest_peek(&g, GDT + DATA_SEL, 8), DATA_0 | BIT_ULL(40));
	assert_false(g.c.int_shadow);
	assert_int_equal(load(EMUL_SS, DATA_SEL), EMUL_OKAY);
	assert_true(g.c.int_shadow);
}

static void test_a_selector_of_the_ldt_is_found_there(void **state)
{
	(void)state;
	reset(32);
	assert_refused(EMUL_DS, 12, 13, 12);
	tables[EMUL_LDTR] = (struct emul_segment) {
		.base = LDT, .limit = 0xf, .attrib = 0x82,
	};
	guest_poke(&g, LDT + 8, DATA_0, 8);
	assert_int_equal(load(EMUL_ES, 12), EMUL_OKAY);
	assert_int_equal(g.c.seg[EMUL_ES].base, 0x1234);
	assert_refused(EMUL_ES, 20, 13, 20);
}

static void test_what_does_not_fit_is_refused_by_its_selector(void **state)
{
	(void)state;
	reset(64);
	assert_refused(EMUL_DS, 0x81, 13, 0x80);	/* beyond the limit */
	assert_refused(EMUL_DS, TSS, 13, TSS);
	assert_refused(EMUL_DS, ABSENT, 11, ABSENT);
	assert_refused(EMUL_DS, DATA_SEL | 3, 13, DATA_SEL);
	assert_refused(EMUL_SS, RO, 13, RO);
	assert_refused(EMUL_SS, CODE, 13, CODE);
	assert_refused(EMUL_SS, USER, 13, USER);
	assert_refused(EMUL_SS, DATA_SEL | 1, 13, DATA_SEL);
	guest_poke(&g, GDT + DATA_SEL, ABSENT_0, 8);
	assert_refused(EMUL_SS, DATA_SEL, 12, DATA_SEL);
	g.c.cpl = 3;
	assert_refused(EMUL_DS, RO, 13, RO);
	assert_int_equal(load(EMUL_DS, USER | 3), EMUL_OKAY);
	assert_int_equal(load(EMUL_DS, CONF | 3), EMUL_OKAY);
}

static void test_a_null_selector_is_no_segment_and_ss_may_be_null_in_64_bit_code(void **state)
{
	(void)state;
	reset(64);
	assert_int_equal(load(EMUL_FS, 3), EMUL_OKAY);
	assert_int_equal(g.c.seg[EMUL_FS].selector, 3);
	assert_int_equal(g.c.seg[EMUL_FS].attrib & 0x80, 0);
	assert_int_equal(load(EMUL_SS, 0), EMUL_OKAY);
	assert_int_equal(g.c.seg[EMUL_SS].selector, 0);
	assert_refused(EMUL_SS, 3, 13, 0);
	g.c.cpl = 3;
	assert_refused(EMUL_SS, 3, 13, 0);
	reset(32);
	assert_refused(EMUL_SS, 0, 13, 0);
}

static void test_a_pop_that_is_refused_leaves_the_stack(void **state)
{
	(void)state;
	reset(64);
	guest_poke(&g, 0x8000, DATA_SEL, 8);
	assert_done(&g, 0x0f, 0xa1);			/* pop fs */
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8008);
	guest_poke(&g, 0x8008, ABSENT, 8);
	assert_int_equal(RUN(&g, 0x0f, 0xa1), EMUL_FAULT);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8008);
}

static void test_lss_loads_both_parts_and_no_offset_of_64_bits(void **state)
{
	(void)state;
	reset(64);
	guest_poke(&g, OPERAND, 0x12345678, 4);
	guest_poke(&g, OPERAND + 4, DATA_SEL, 2);
	g.c.regs[EMUL_RAX] = ~0ULL;
	assert_done(&g, 0x48, 0x0f, 0xb2, 0x03);
	assert_int_equal(g.c.regs[EMUL_RAX], 0x12345678);
	assert_int_equal(g.c.seg[EMUL_SS].base, 0x1234);
	guest_poke(&g, OPERAND + 4, ABSENT, 2);
	assert_int_equal(RUN(&g, 0x0f, 0xb4, 0x03), EMUL_FAULT);
}

static enum emul_verdict jump(u16 selector, u32 offset)
{
	guest_poke(&g, OPERAND, offset, 4);
	guest_poke(&g, OPERAND + 4, selector, 2);
	return RUN(&g, 0xff, 0x2b);
}

static void test_a_far_jump_takes_the_code_segment(void **state)
{
	(void)state;
	reset(64);
	assert_int_equal(jump(CODE, 0x4000), EMUL_OKAY);
	assert_int_equal(g.c.rip, 0x4000);
	assert_int_equal(g.c.seg[EMUL_CS].attrib, CS64);
	assert_int_equal(jump(CODE32, 0x5000), EMUL_OKAY);
	assert_int_equal(g.c.rip, 0x5000);
	assert_int_equal(g.c.seg[EMUL_CS].attrib, CS32);
	assert_int_equal(g.c.seg_dirty, BIT(EMUL_CS));
}

static void test_rex_w_gives_a_far_jump_an_offset_of_64_bits(void **state)
{
	(void)state;
	reset(64);
	guest_poke(&g, OPERAND, 0x123456789000, 8);
	guest_poke(&g, OPERAND + 8, CODE, 2);
	assert_done(&g, 0x48, 0xff, 0x2b);
	assert_int_equal(g.c.rip, 0x123456789000);
	assert_int_equal(g.c.seg[EMUL_CS].attrib, CS64);
	guest_poke(&g, OPERAND, 1ULL << 47, 8);
	assert_int_equal(RUN(&g, 0x48, 0xff, 0x2b), EMUL_FAULT);
	assert_int_equal(g.c.fault.vector, 13);
}

static void test_a_far_jump_to_what_is_no_code_of_this_level_is_refused(void **state)
{
	static const struct { u16 selector; u8 vector; u16 error; } rows[] = {
		{ 0, 13, 0 }, { DATA_SEL, 13, DATA_SEL }, { CODE | 3, 13, CODE },
		{ 0x88, 13, 0x88 },
	};
	unsigned int i;

	(void)state;
	reset(64);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(jump(rows[i].selector, 0), EMUL_FAULT);
		assert_int_equal(g.c.fault.vector, rows[i].vector);
		assert_int_equal(g.c.fault.error, rows[i].error);
	}
	guest_poke(&g, GDT + CODE, CODE64_0 & ~BIT_ULL(47), 8);
	assert_int_equal(jump(CODE, 0), EMUL_FAULT);
	assert_int_equal(g.c.fault.vector, 11);
	guest_poke(&g, GDT + CODE, CODE64_0 | BIT_ULL(54), 8);	/* L and D */
	assert_int_equal(jump(CODE, 0), EMUL_FAULT);
	guest_poke(&g, GDT + CODE32, 0x00409a000000ffffULL, 8);	/* 64 KB */
	assert_int_equal(jump(CODE32, 0x10000), EMUL_FAULT);
	assert_int_equal(g.c.fault.error, 0);
	assert_int_equal(jump(GATES, 0), EMUL_UNHANDLED);
	g.c.cpl = 3;
	assert_int_equal(jump(CODE, 0), EMUL_FAULT);
	assert_int_equal(jump(CONF, 0), EMUL_OKAY);
	assert_int_equal(g.c.seg[EMUL_CS].selector, CONF | 3);
}

/* An offset in the instruction is no displacement: its top bit is no sign. */
static void test_far_offsets_have_no_sign(void **state)
{
	(void)state;
	reset(32);
	assert_done(&g, 0xea, 0x10, 0x00, 0x00, 0xc0, CODE32, 0);
	assert_int_equal(g.c.rip, 0xc0000010);
	reset(32);
	assert_done(&g, 0x66, 0xea, 0x10, 0x90, CODE32, 0);
	assert_int_equal(g.c.rip, 0x9010);
	reset(32);
	assert_done(&g, 0x9a, 0x10, 0x00, 0x00, 0x80, CODE32, 0);
	assert_int_equal(g.c.rip, 0x80000010);
	reset(32);
	g.c.efer = 0x500;		/* LMA */
	assert_done(&g, 0xea, 0x10, 0x00, 0x00, 0xc0, CODE, 0);	/* into 64-bit code */
	assert_int_equal(g.c.rip, 0xc0000010);
}

static void test_a_far_call_returns_at_its_level(void **state)
{
	(void)state;
	reset(64);
	guest_poke(&g, OPERAND, 0x4000, 4);
	guest_poke(&g, OPERAND + 4, CODE, 2);
	assert_done(&g, 0xff, 0x1b);
	assert_int_equal(guest_peek(&g, 0x7ff8, 4), GUEST_CODE + 2);
	assert_int_equal(guest_peek(&g, 0x7ffc, 4), CODE);
	assert_done(&g, 0xcb);
	assert_int_equal(g.c.rip, GUEST_CODE + 2);
	assert_int_equal(g.c.regs[EMUL_RSP], 0x8000);
	guest_poke(&g, 0x8004, CODE | 3, 4);
	assert_int_equal(RUN(&g, 0xcb), EMUL_UNHANDLED);	/* an outer level */
	g.c.cpl = 3;
	guest_poke(&g, 0x8004, CODE, 4);
	assert_int_equal(RUN(&g, 0xcb), EMUL_FAULT);
	assert_int_equal(g.c.fault.error, CODE);
}

static enum emul_verdict group6(unsigned int op, u16 selector)
{
	guest_poke(&g, OPERAND, selector, 2);
	return RUN(&g, 0x0f, 0x00, 0x03 | op << 3);
}

static void test_ltr_takes_a_free_tss_and_marks_it_busy(void **state)
{
	(void)state;
	reset(64);
	assert_int_equal(group6(3, TSS), EMUL_OKAY);
	assert_int_equal(tables[EMUL_TR].selector, TSS);
	assert_int_equal(tables[EMUL_TR].base, 0xffff800000003000ULL);
	assert_int_equal(tables[EMUL_TR].limit, 0x67);
	assert_int_equal(tables[EMUL_TR].attrib, 0x8b);
	assert_int_equal(guest_peek(&g, GDT + TSS + 5, 1), 0x8b);
	assert_int_equal(group6(3, TSS), EMUL_FAULT);		/* now it is */
	assert_int_equal(g.c.fault.error, TSS);
	assert_int_equal(group6(3, 0), EMUL_FAULT);
	assert_int_equal(g.c.fault.error, 0);
	assert_int_equal(group6(3, BUSY), EMUL_FAULT);
	assert_int_equal(group6(3, TSS | 4), EMUL_FAULT);
	assert_int_equal(group6(3, 0x78), EMUL_FAULT);		/* its half is beyond */
	assert_done(&g, 0x0f, 0x00, 0xc8);			/* str eax */
	assert_int_equal(g.c.regs[EMUL_RAX], TSS);
}

static void test_lldt_takes_an_ldt_or_none(void **state)
{
	(void)state;
	reset(64);
	assert_int_equal(group6(2, LDTS), EMUL_OKAY);
	assert_int_equal(tables[EMUL_LDTR].base, 0x4000);
	assert_int_equal(tables[EMUL_LDTR].attrib & 0x80, 0x80);
	assert_int_equal(group6(0, 0), EMUL_OKAY);		/* sldt (rbx) */
	assert_int_equal(guest_peek(&g, OPERAND, 2), LDTS);
	assert_int_equal(group6(2, 3), EMUL_OKAY);
	assert_int_equal(tables[EMUL_LDTR].attrib & 0x80, 0);
	assert_int_equal(group6(2, TSS), EMUL_FAULT);
	assert_int_equal(g.c.fault.error, TSS);
	g.c.cpl = 1;
	assert_int_equal(group6(2, LDTS), EMUL_FAULT);
	assert_int_equal(g.c.fault.error, 0);
	reset(32);
	g.c.cr0 &= ~1ULL;
	assert_fault(&g, 6, false, 0x0f, 0x00, 0x13);
}

static void test_tables_are_stored_and_loaded(void **state)
{
	(void)state;
	reset(64);
	assert_done(&g, 0x0f, 0x01, 0x03);			/* sgdt */
	assert_int_equal(guest_peek(&g, OPERAND, 2), 0x7f);
	assert_int_equal(guest_peek(&g, OPERAND + 2, 8), GDT);
	guest_poke(&g, OPERAND, 0xfff, 2);
	guest_poke(&g, OPERAND + 2, 0xffff800000001000ULL, 8);
	assert_done(&g, 0x0f, 0x01, 0x1b);			/* lidt */
	assert_int_equal(tables[EMUL_IDTR].limit, 0xfff);
	assert_int_equal(tables[EMUL_IDTR].base, 0xffff800000001000ULL);
	guest_poke(&g, OPERAND + 2, 0x0000800000000000ULL, 8);
	assert_fault(&g, 13, true, 0x0f, 0x01, 0x13);
	g.c.cpl = 3;
	assert_fault(&g, 13, true, 0x0f, 0x01, 0x13);
	g.c.cr4 |= BIT(11);					/* UMIP */
	assert_fault(&g, 13, true, 0x0f, 0x01, 0x03);
	assert_fault(&g, 13, true, 0x0f, 0x00, 0xc8);
	reset(32);
	guest_poke(&g, OPERAND, 0x11, 2);
	guest_poke(&g, OPERAND + 2, 0x12345678, 4);
	assert_done(&g, 0x66, 0x0f, 0x01, 0x13);
	assert_int_equal(tables[EMUL_GDTR].base, 0x345678);
}

static void test_descriptors_are_read_as_the_cpu_does(void **state)
{
	(void)state;
	reset(64);
	tables[EMUL_GDTR].base = 0x40000;		/* nothing is there */
	assert_int_equal(load(EMUL_DS, DATA_SEL), EMUL_FAULT);
	assert_int_equal(g.c.fault.vector, 14);
	assert_int_equal(g.c.fault.cr2, 0x40000 + DATA_SEL);
	assert_int_equal(g.c.cpl, 0);
}

static void test_mmx_registers_move(void **state)
{
	(void)state;
	reset(64);
	mmx[1] = 0x1122334455667788ULL;
	assert_done(&g, 0x0f, 0x7f, 0x0b);		/* movq [rbx], mm1 */
	assert_int_equal(guest_peek(&g, OPERAND, 8), mmx[1]);
	assert_done(&g, 0x45, 0x0f, 0x6f, 0x23);	/* REX means nothing: r11 = 0 */
	assert_done(&g, 0x0f, 0x6f, 0x13);		/* movq mm2, [rbx] */
	assert_int_equal(mmx[2], mmx[1]);
	assert_done(&g, 0x0f, 0x7e, 0xc8);		/* movd eax, mm1 */
	assert_int_equal(g.c.regs[EMUL_RAX], 0x55667788);
	assert_done(&g, 0x48, 0x0f, 0x6e, 0xdb);	/* movq mm3, rbx */
	assert_int_equal(mmx[3], OPERAND);
	assert_done(&g, 0x0f, 0x6f, 0xe1);		/* movq mm4, mm1 */
	assert_int_equal(mmx[4], mmx[1]);
	g.c.cr0 |= BIT(3);
	assert_fault(&g, 7, false, 0x0f, 0x6f, 0x13);
	g.c.cr0 |= BIT(2);
	assert_fault(&g, 6, false, 0x0f, 0x6f, 0x13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_data_segment_is_loaded_and_marked_accessed),
		cmocka_unit_test(test_a_selector_of_the_ldt_is_found_there),
		cmocka_unit_test(test_what_does_not_fit_is_refused_by_its_selector),
		cmocka_unit_test(test_a_null_selector_is_no_segment_and_ss_may_be_null_in_64_bit_code),
		cmocka_unit_test(test_a_pop_that_is_refused_leaves_the_stack),
		cmocka_unit_test(test_lss_loads_both_parts_and_no_offset_of_64_bits),
		cmocka_unit_test(test_a_far_jump_takes_the_code_segment),
		cmocka_unit_test(test_rex_w_gives_a_far_jump_an_offset_of_64_bits),
		cmocka_unit_test(test_a_far_jump_to_what_is_no_code_of_this_level_is_refused),
		cmocka_unit_test(test_far_offsets_have_no_sign),
		cmocka_unit_test(test_a_far_call_returns_at_its_level),
		cmocka_unit_test(test_ltr_takes_a_free_tss_and_marks_it_busy),
		cmocka_unit_test(test_lldt_takes_an_ldt_or_none),
		cmocka_unit_test(test_tables_are_stored_and_loaded),
		cmocka_unit_test(test_descriptors_are_read_as_the_cpu_does),
		cmocka_unit_test(test_mmx_registers_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
