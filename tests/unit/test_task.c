// SPDX-License-Identifier: GPL-2.0
/* task: the hardware task switch on a small flat memory. */
#include "tests/unit/check.h"
#include "kvm-core/excp.h"
#include "kvm-core/task.h"

#define GDT	0x1000
#define OLD	0x2000
#define NEW	0x3000
#define LDT	0x4000
#define OLD_AT	0x54e		/* the instruction that switches */

#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_OLD		0x18
#define SEL_NEW		0x20
#define SEL_UCODE	0x28
#define SEL_UDATA	0x30
#define SEL_LDT		0x38

static u8 ram[0x10000];
static u32 absent;		/* reads and writes there fault */
static u32 last_cr3;

static int mem(u32 cr3, gva_t la, void *data, unsigned int len, bool write)
{
	assert_true(la + len <= sizeof(ram));
	last_cr3 = cr3;
	if (absent && la <= absent && absent < la + len)
		return -EFAULT;
	if (write)
		memcpy(ram + la, data, len);
	else
		memcpy(data, ram + la, len);
	return 0;
}

static int mem_read(void *ctx, u32 cr3, gva_t la, void *data, unsigned int len)
{
	return mem(cr3, la, data, len, false);
}

static int mem_write(void *ctx, u32 cr3, gva_t la, const void *data, unsigned int len)
{
	return mem(cr3, la, (void *)data, len, true);
}

static const struct task_ops ops = { .read = mem_read, .write = mem_write };

static void describe(u16 selector, u32 base, u32 limit, u8 access, u8 flags)
{
	u64 d = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 |
		(u64)access << 40 | (u64)(limit >> 16 & 0xf) << 48 |
		(u64)flags << 52 | (u64)(base >> 24) << 56;

	memcpy(ram + GDT + (selector & ~7), &d, 8);
}

static u32 word(u32 at, unsigned int bytes)
{
	u32 v = 0;

	memcpy(&v, ram + at, bytes);
	return v;
}

static void store(u32 at, u32 v, unsigned int bytes)
{
	memcpy(ram + at, &v, bytes);
}

static u8 access_of(u16 selector)
{
	return ram[GDT + (selector & ~7) + 5];
}

static void new_tss32(void)
{
	static const u16 segs[] = { SEL_DATA, SEL_CODE, SEL_DATA, SEL_DATA, 0, SEL_DATA };
	unsigned int i;

	store(NEW + 0x1c, 0x77000, 4);
	store(NEW + 0x20, 0x1234, 4);
	store(NEW + 0x24, 0x202, 4);
	for (i = 0; i < 8; i++)
		store(NEW + 0x28 + i * 4, 0x11110000 + i, 4);
	store(NEW + 0x38, 0x8000, 4);		/* ESP */
	for (i = 0; i < 6; i++)
		store(NEW + 0x48 + i * 4, segs[i], 4);
}

/* A 32-bit kernel with two tasks; it runs the old one. */
static struct task_cpu machine(void)
{
	struct task_cpu c = { .rip = 0x555, .rflags = 0x246 };
	unsigned int i;

	memset(ram, 0, sizeof(ram));
	absent = 0;
	describe(SEL_CODE, 0, 0xfffff, 0x9b, 0xc);
	describe(SEL_DATA, 0, 0xfffff, 0x92, 0xc);
	describe(SEL_OLD, OLD, 0x67, 0x8b, 0);
	describe(SEL_NEW, NEW, 0x67, 0x89, 0);
	describe(SEL_UCODE, 0, 0xfffff, 0xfb, 0xc);
	describe(SEL_UDATA, 0, 0xfffff, 0xf3, 0xc);
	describe(SEL_LDT, LDT, 0xf, 0x82, 0);
	new_tss32();
	for (i = 0; i < 8; i++)
		c.regs[i] = 0x22220000 + i;
	c.s.cr0 = 0x80000011;
	c.s.cr3 = 0x66000;
	c.s.gdt.base = GDT;
	c.s.gdt.limit = 0x3f;
	c.s.ldt.unusable = 1;
	c.s.cs.selector = SEL_CODE;
	c.s.ss.selector = SEL_DATA;
	c.s.ds.selector = SEL_DATA;
	c.s.tr.selector = SEL_OLD;
	c.s.tr.base = OLD;
	c.s.tr.limit = 0x67;
	c.s.tr.type = 11;
	c.s.tr.present = 1;
	return c;
}

static enum task_verdict go(struct task_cpu *c, enum task_reason reason, u16 selector,
			    struct task_fault *f)
{
	struct task_request rq = { .reason = reason, .selector = selector, .at = OLD_AT };

	*f = (struct task_fault) { 0 };
	return task_switch(c, &ops, &rq, f);
}

static void test_a_jump_leaves_the_old_task_free(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(word(OLD + 0x20, 4), 0x555);
	assert_int_equal(word(OLD + 0x24, 4), 0x246);
	assert_int_equal(word(OLD + 0x34, 4), 0x22220003);	/* EBX */
	assert_int_equal(word(OLD + 0x4c, 4), SEL_CODE);
	assert_int_equal(access_of(SEL_OLD), 0x89);
	assert_int_equal(access_of(SEL_NEW), 0x8b);
	assert_int_equal(word(NEW, 2), 0);
	assert_int_equal(c.rip, 0x1234);
	assert_int_equal(c.rflags, 0x202);
	assert_int_equal(c.regs[3], 0x11110003);
	assert_int_equal(c.s.cr3, 0x77000);
	assert_int_equal(c.s.tr.selector, SEL_NEW);
	assert_int_equal(c.s.tr.type, 11);
	assert_int_equal(c.s.cs.limit, 0xffffffff);
	assert_int_equal(c.s.fs.unusable, 1);
	assert_int_not_equal(c.s.cr0 & 8, 0);
	/* A loaded descriptor is marked accessed. */
	assert_int_equal(access_of(SEL_DATA), 0x93);
	assert_int_equal(last_cr3, 0x77000);
}

static void test_a_call_nests_and_iret_returns(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	store(OLD + 0x1c, 0x66000, 4);		/* the CPU never saves CR3 */
	assert_int_equal(go(&c, TASK_CALL, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(word(NEW, 2), SEL_OLD);
	assert_int_equal(c.rflags, 0x4202);
	assert_int_equal(access_of(SEL_OLD), 0x8b);
	assert_int_equal(access_of(SEL_NEW), 0x8b);

	c.rip = 0x1300;
	assert_int_equal(go(&c, TASK_IRET, SEL_OLD, &f), TASK_DONE);
	assert_int_equal(c.rip, 0x555);
	assert_int_equal(c.regs[3], 0x22220003);
	assert_int_equal(c.s.cr3, 0x66000);
	assert_int_equal(access_of(SEL_NEW), 0x89);
	assert_int_equal(access_of(SEL_OLD), 0x8b);
	assert_int_equal(word(NEW + 0x20, 4), 0x1300);
	assert_int_equal(word(NEW + 0x24, 4) & 0x4000, 0);	/* NT is gone */
}

static void test_an_error_code_goes_onto_the_new_stack(void **state)
{
	struct task_request rq = { .reason = TASK_EVENT, .selector = SEL_NEW,
				   .has_error = true, .error = 0xabcd };
	struct task_cpu c = machine();
	struct task_fault f;

	assert_int_equal(task_switch(&c, &ops, &rq, &f), TASK_DONE);
	assert_int_equal(c.regs[4], 0x7ffc);
	assert_int_equal(word(0x7ffc, 4), 0xabcd);
}

static void test_a_16_bit_task_has_its_own_layout(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	memset(ram + NEW, 0, 0x68);
	describe(SEL_NEW, NEW, 0x2b, 0x81, 0);
	store(NEW + 0x0e, 0x9876, 2);
	store(NEW + 0x10, 0x0202, 2);
	store(NEW + 0x12, 0x4321, 2);
	store(NEW + 0x22, SEL_DATA, 2);
	store(NEW + 0x24, SEL_CODE, 2);
	store(NEW + 0x26, SEL_DATA, 2);
	store(NEW + 0x28, SEL_DATA, 2);
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(c.rip, 0x9876);
	assert_int_equal(c.regs[0], 0xffff4321);
	assert_int_equal(c.s.cr3, 0x66000);	/* it has none */
	assert_int_equal(c.s.tr.type, 3);
}

static void test_local_breakpoints_are_the_old_tasks(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	c.dr7 = 0xffff07ff;
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(c.dr7, 0xffff06aa);
	assert_false(c.debug_trap);
}

static void test_the_T_flag_asks_for_a_debug_trap(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	store(NEW + 0x64, 1, 2);
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_true(c.debug_trap);
	c.rip = 0x1300;
	store(OLD + 0x64, 0xfffe0000, 4);	/* the base of its port map */
	assert_int_equal(go(&c, TASK_JUMP, SEL_OLD, &f), TASK_DONE);
	assert_false(c.debug_trap);
}

static void test_flags_are_those_that_exist(void **state)
{
	struct task_request rq = { .reason = TASK_EVENT, .selector = SEL_NEW, .resume = true };
	struct task_cpu c = machine();
	struct task_fault f;

	store(NEW + 0x24, 0xffc08228, 4);	/* reserved ones, and IF */
	assert_int_equal(task_switch(&c, &ops, &rq, &f), TASK_DONE);
	assert_int_equal(c.rflags, 0x4202);
	assert_int_equal(word(OLD + 0x24, 4), 0x10246);	/* a fault's RF */
	c = machine();
	c.rflags |= 0x10000;
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(word(OLD + 0x24, 4), 0x246);
}

static void test_a_virtual_8086_task_has_no_descriptors(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	store(NEW + 0x24, 0x20202, 4);
	store(NEW + 0x4c, 0x1234, 4);
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(c.s.cs.base, 0x12340);
	assert_int_equal(c.s.cs.dpl, 3);
	assert_int_equal(c.cpl, 3);
}

static void test_the_new_tasks_ldt_serves_its_segments(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	memcpy(ram + LDT + 8, ram + GDT + SEL_DATA, 8);
	store(NEW + 0x60, SEL_LDT, 2);
	store(NEW + 0x54, 0x0c, 2);		/* DS: LDT entry 1 */
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_DONE);
	assert_int_equal(c.s.ldt.base, LDT);
	assert_int_equal(c.s.ds.selector, 0x0c);
	assert_int_equal(ram[LDT + 8 + 5], 0x93);
}

/* Before anything is saved: the old task's fault, and it is untouched. */
static void test_bad_tasks_fault_in_the_old_one(void **state)
{
	static const struct {
		enum task_reason reason;
		u16 selector;
		u8 access;
		u16 limit;
		u8 cpl, vector;
	} rows[] = {
		{ TASK_JUMP, SEL_NEW, 0x8b, 0x67, 0, EXCP_GP },	/* busy */
		{ TASK_IRET, SEL_NEW, 0x89, 0x67, 0, EXCP_TS },	/* not busy */
		{ TASK_JUMP, SEL_NEW, 0x09, 0x67, 0, EXCP_NP },
		{ TASK_JUMP, SEL_NEW, 0x89, 0x66, 0, EXCP_TS },	/* short */
		{ TASK_JUMP, SEL_NEW, 0x89, 0x67, 3, EXCP_GP },	/* privilege */
		{ TASK_JUMP, SEL_NEW | 3, 0x89, 0x67, 0, EXCP_GP },
		{ TASK_JUMP, SEL_NEW, 0x92, 0x67, 0, EXCP_GP },	/* data */
		{ TASK_JUMP, SEL_NEW | 4, 0x89, 0x67, 0, EXCP_GP }, /* LDT */
		{ TASK_JUMP, 0x1f0, 0x89, 0x67, 0, EXCP_GP },	/* beyond */
		{ TASK_JUMP, 0, 0x89, 0x67, 0, EXCP_GP },
	};
	struct task_cpu c;
	struct task_fault f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		c = machine();
		c.cpl = rows[i].cpl;
		describe(SEL_NEW, NEW, rows[i].limit, rows[i].access, 0);
		assert_int_equal(go(&c, rows[i].reason, rows[i].selector, &f), TASK_FAULT);
		assert_int_equal(f.vector, rows[i].vector);
		assert_int_equal(f.error, rows[i].selector & ~3);
		assert_int_equal(c.rip, OLD_AT);
		assert_int_equal(word(OLD + 0x20, 4), 0);
	}
}

/* Afterwards: the new task's, which has its registers already. */
static void test_bad_segments_fault_in_the_new_one(void **state)
{
	static const struct {
		u8 at;
		u16 selector;
		u8 vector;
	} rows[] = {
		{ 0x4c, 0, EXCP_TS },			/* no code */
		{ 0x4c, SEL_DATA, EXCP_TS },		/* data as code */
		{ 0x4c, SEL_UCODE, EXCP_TS },		/* RPL 0, DPL 3 */
		{ 0x50, 0, EXCP_TS },			/* no stack */
		{ 0x50, SEL_CODE, EXCP_TS },
		{ 0x50, SEL_UDATA | 3, EXCP_TS },
		{ 0x54, 0x1f0, EXCP_TS },		/* in no table */
		{ 0x48, SEL_OLD, EXCP_TS },		/* a system descriptor */
		{ 0x60, SEL_DATA, EXCP_TS },		/* not an LDT */
	};
	struct task_cpu c;
	struct task_fault f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		c = machine();
		store(NEW + rows[i].at, rows[i].selector, 4);
		assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_FAULT);
		assert_int_equal(f.vector, rows[i].vector);
		assert_int_equal(f.error, rows[i].selector & ~3);
		assert_int_equal(c.rip, 0x1234);
		assert_int_equal(c.s.tr.selector, SEL_NEW);
	}
	c = machine();
	describe(SEL_DATA, 0, 0xfffff, 0x12, 0xc);	/* absent stack */
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_FAULT);
	assert_int_equal(f.vector, EXCP_SS);
}

static void test_absent_memory_is_the_callers_page_fault(void **state)
{
	struct task_cpu c = machine();
	struct task_fault f;

	absent = NEW + 0x30;
	assert_int_equal(go(&c, TASK_JUMP, SEL_NEW, &f), TASK_PAGE_FAULT);
	assert_int_equal(c.rip, OLD_AT);
	assert_int_equal(c.s.tr.selector, SEL_OLD);
	assert_int_equal(word(OLD + 0x20, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_jump_leaves_the_old_task_free),
		cmocka_unit_test(test_a_call_nests_and_iret_returns),
		cmocka_unit_test(test_an_error_code_goes_onto_the_new_stack),
		cmocka_unit_test(test_a_16_bit_task_has_its_own_layout),
		cmocka_unit_test(test_local_breakpoints_are_the_old_tasks),
		cmocka_unit_test(test_the_T_flag_asks_for_a_debug_trap),
		cmocka_unit_test(test_flags_are_those_that_exist),
		cmocka_unit_test(test_a_virtual_8086_task_has_no_descriptors),
		cmocka_unit_test(test_the_new_tasks_ldt_serves_its_segments),
		cmocka_unit_test(test_bad_tasks_fault_in_the_old_one),
		cmocka_unit_test(test_bad_segments_fault_in_the_new_one),
		cmocka_unit_test(test_absent_memory_is_the_callers_page_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
