// SPDX-License-Identifier: GPL-2.0
/*
 * bare: hardware task switches (APM2 12.2, 12.3) in 32-bit protected mode, without
 * paging and with it: by CALL, JMP, a task gate, INT n, exceptions and IRET, to
 * 32-bit, 16-bit, conforming and virtual-8086 tasks; what must fault, and in which
 * task. tasks.S is what runs there.
 */
#include "bare.h"

struct tss32 {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
	u16 trap, iomap;
};

struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags;
	u16 ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};

struct pointer {
	u16 limit;
	u64 base;
} __attribute__((packed));

extern void task_run(void);
extern u8 task_stubs[], task_prog[], task_prog_jump[], task_prog_16[], task_prog_16_end[];
extern u8 body_call[], body_jump[], body_gate[], body_int[], body_ud[], body_pf[], body_iret[], body_iret_at[],
	  body_16[], body_self[], body_none[], body_cx8[], body_cx8_fault[];
extern u64 task_body, task_cr3, task_cr0, task_mark_at;
extern u32 task_skip, task_has_error;
extern struct pointer task_gdtr, task_idtr;
extern struct tss32 task_main;
extern struct {
	u32 vector, error, eip, tr, cr2, dr6, ebx;
} task_got;
extern struct {
	u32 count, tr, flags, msw, cs, error, mark;
} task_seen;

#define CODE		0x08
#define DATA		0x10
#define CONFORMING	0x18
#define USER_DATA	0x20
#define ODD		0x40
#define TYPE(n)		((u64)(n) << 40)
#define PRESENT		0x80
#define NT		BIT(14)
#define MARK_VA		0x3f800000
#define DEVICE		0xff000000	/* pc-testdev's memory */

static u64 table[16], gates[256];
static struct tss32 next;
static struct tss16 next16;
static u32 *directory, *other;
static u32 marks[2];
static bool paging;
static const char *mode;

static u64 system_descriptor(u64 base, u32 limit, u8 type)
{
	return limit | (base & 0xffffff) << 16 | TYPE(type) | (base >> 24 & 0xff) << 56;
}

static void interrupt_gate(unsigned int v)
{
	u64 to = (u64)task_stubs + v * 16;

	gates[v] = (to & 0xffff) | CODE << 16 | TYPE(0x8e) | (to >> 16) << 48;
}

static void task_gate(unsigned int v)
{
	gates[v] = (u64)TASK_NEW << 16 | TYPE(0x85);
}

static void set_tables(void)
{
	unsigned int v;

	memset(table, 0, sizeof(table));
	memset(gates, 0, sizeof(gates));
	table[CODE / 8] = 0x00cf9b000000ffff;
	table[DATA / 8] = 0x00cf93000000ffff;
	table[CONFORMING / 8] = 0x00cf9f000000ffff;
	table[USER_DATA / 8] = 0x00cff3000000ffff;
	table[TASK_MAIN / 8] = system_descriptor((u64)&task_main, sizeof(task_main) - 1, 0x89);
	table[TASK_NEW / 8] = system_descriptor((u64)&next, sizeof(next) - 1, 0x89);
	table[TASK_GATE / 8] = (u64)TASK_NEW << 16 | TYPE(0x85);
	table[TASK_NEW16 / 8] = system_descriptor((u64)&next16, sizeof(next16) - 1, 0x81);
	for (v = 0; v < 32; v++)
		interrupt_gate(v);
	task_gate(0x40);
	task_gdtr = (struct pointer){ sizeof(table) - 1, (u64)table };
	task_idtr = (struct pointer){ sizeof(gates) - 1, (u64)gates };
}

/* 4 MiB pages; what is at MARK_VA tells which of the two directories it is. */
static void set_directories(void)
{
	static u32 *page[2];
	unsigned int d, i;

	for (d = 0; d < 2 && !page[d]; d++) {
		page[d] = page_alloc();
		for (i = 0; i < 1023; i++)
			page[d][i] = i << 22 | 0x87;
	}
	directory = page[0];
	other = page[1];
	marks[0] = 0x11111111;
	marks[1] = 0x22222222;
	for (d = 0; d < 2; d++) {
		u32 *t = page_alloc();

		memset(t, 0, 4096);
		t[0] = (u32)(u64)page_alloc() | 7;
		*(u32 *)(u64)(t[0] & ~0xfffU) = marks[d];
		page[d][MARK_VA >> 22] = (u32)(u64)t | 7;
	}
}

static void prepare(const u8 *body)
{
	static u8 stack[2048] __attribute__((aligned(16)));

	set_tables();
	memset(&task_main, 0, sizeof(task_main));
	memset(&next, 0, sizeof(next));
	memset(&task_got, 0, sizeof(task_got));
	memset(&task_seen, 0, sizeof(task_seen));
	task_got.vector = NOTHING;
	task_main.cr3 = (u32)(u64)directory;
	next.cr3 = (u32)(u64)other;
	next.eip = (u32)(u64)task_prog;
	next.eflags = 2;
	next.esp = next.esp0 = (u32)(u64)(stack + sizeof(stack));
	next.cs = CODE;
	next.es = next.ss = next.ds = next.ss0 = DATA;
	next.iomap = sizeof(next);
	task_main.iomap = sizeof(next);
	task_body = (u64)body;
	task_cr3 = (u64)directory;
	task_cr0 = paging ? BIT(31) : 0;
	task_mark_at = paging ? MARK_VA : (u64)&marks[1];
	task_skip = 0;
	task_has_error = 0;
}

static bool busy(u16 selector)
{
	return table[selector / 8] >> 41 & 1;
}

/* The second task ran @n times and came back to the first. */
static bool came_back(u32 n)
{
	return task_got.vector == NOTHING && task_seen.count == n && task_seen.tr == TASK_NEW &&
	       task_seen.mark == marks[1] && (task_seen.msw & 8) && task_got.tr == TASK_MAIN &&
	       task_got.ebx == 0x5a5a1234 && busy(TASK_MAIN) && !busy(TASK_NEW);
}

static void result(bool good, const char *what)
{
	ok(good, "task, %s: %s", mode, what);
	if (good)
		return;
	note("vector %u, error %#x, eip %#x, tr %#x, cr2 %#x, dr6 %#x; %u times, tr %#x, flags %#x, msw %#x, cs %#x, error %#x, mark %#x",
	     task_got.vector, task_got.error, task_got.eip, task_got.tr, task_got.cr2, task_got.dr6,
	     task_seen.count, task_seen.tr, task_seen.flags, task_seen.msw, task_seen.cs,
	     task_seen.error, task_seen.mark);
}

/* ---- switches ---------------------------------------------------------------------- */

static void by_instruction(void)
{
	prepare(body_call);
	task_run();
	result(came_back(1) && (task_seen.flags & NT) && next.link == TASK_MAIN, "CALL of a TSS, IRET");
	result(task_main.eip == (u32)(u64)body_call + 7 && !(next.eflags & NT) &&
	       next.eip != (u32)(u64)task_prog, "what was saved of both");
	prepare(body_gate);
	task_run();
	result(came_back(1) && (task_seen.flags & NT), "CALL of a task gate");
	prepare(body_jump);
	next.eip = (u32)(u64)task_prog_jump;
	task_run();
	result(came_back(1) && !(task_seen.flags & NT) && !next.link, "JMP there and back");
	prepare(body_iret);
	task_main.link = TASK_NEW;
	table[TASK_NEW / 8] |= BIT(41);
	next.eip = (u32)(u64)task_prog_jump;
	task_run();
	/* The first goes on behind its IRET, which is a RET. */
	result(came_back(1) && !(task_main.eflags & NT), "IRET by a link");
}

static void by_event(void)
{
	prepare(body_int);
	task_run();
	result(came_back(1) && task_main.eip == (u32)(u64)body_int + 2, "INT n");
	prepare(body_ud);
	task_gate(6);
	task_skip = 2;
	task_run();
	result(came_back(1) && task_main.eip == (u32)(u64)body_ud + 2, "#UD");
	if (!paging)
		return;
	prepare(body_pf);
	task_gate(14);
	task_skip = 5;
	task_has_error = 1;
	task_run();
	result(came_back(1) && task_seen.error == 0, "#PF with its error code");
}

static void kinds(void)
{
	prepare(body_call);
	next.cs = CONFORMING | 3;
	next.es = next.ss = next.ds = USER_DATA | 3;
	task_run();
	result(came_back(1) && task_seen.cs == (CONFORMING | 3), "a conforming segment at CPL 3");
	prepare(body_call);
	((u8 *)REAL_CODE)[0] = 0x0f;
	((u8 *)REAL_CODE)[1] = 0x0b;
	next.eflags = 0x20002;
	next.cs = REAL_CODE >> 4;
	next.eip = 0;
	next.ss = 0x700;
	next.esp = 0xff0;
	task_run();
	result(task_got.vector == 6 && task_got.eip == 0 && task_got.tr == TASK_NEW, "a task in virtual-8086 mode");
}

/* From a 32-bit task to one of 16 bits and back: each has its own form. */
static void mixed(void)
{
	prepare(body_16);
	memcpy((void *)REAL_CODE, task_prog_16, task_prog_16_end - task_prog_16);
	next16 = (struct tss16){ .ip = REAL_CODE, .flags = 2, .cs = CODE, .es = DATA, .ss = DATA, .ds = DATA };
	task_run();
	result(task_got.vector == NOTHING && task_seen.count == 1 && task_got.tr == TASK_MAIN &&
	       task_got.ebx == 0x5a5a1234 && next16.link == TASK_MAIN, "a 16-bit TSS");
}

/* ---- faults ---------------------------------------------------------------------------- */

/* The first task's are at the instruction that would have switched. Not so on all
 * hosts: a point of its own.
 */
static void at_instruction(const char *what)
{
	u64 at = task_body == (u64)body_iret ? (u64)body_iret_at : task_body;

	ok(task_got.eip == (u32)at, "task, %s: %s, at the instruction", mode, what);
}

/* In the task @tr */
static void faults(u32 vector, u32 error, u32 tr, const char *what)
{
	task_run();
	result(task_got.vector == vector && task_got.error == error && task_got.tr == tr &&
	       !task_seen.count && (tr != TASK_MAIN || !busy(TASK_NEW)), what);
	if (tr == TASK_MAIN)
		at_instruction(what);
}

static void bad_tasks(void)
{
	prepare(body_self);
	faults(13, TASK_MAIN, TASK_MAIN, "a busy TSS: #GP");
	prepare(body_call);
	table[TASK_NEW / 8] &= ~TYPE(PRESENT);
	faults(11, TASK_NEW, TASK_MAIN, "a TSS that is not present: #NP");
	prepare(body_call);
	table[TASK_NEW / 8]--;
	faults(10, TASK_NEW, TASK_MAIN, "a TSS that is too short: #TS");
	prepare(body_gate);
	table[TASK_GATE / 8] &= ~TYPE(PRESENT);
	faults(11, TASK_GATE, TASK_MAIN, "a task gate that is not present: #NP");
	prepare(body_gate);
	table[TASK_GATE / 8] = (u64)DATA << 16 | TYPE(0x85);
	faults(13, DATA, TASK_MAIN, "a task gate to no TSS: #GP");
	prepare(body_iret);
	task_main.link = TASK_NEW;
	faults(10, TASK_NEW, TASK_MAIN, "IRET to a TSS that is not busy: #TS");
	if (!paging)
		return;
	prepare(body_call);
	table[TASK_NEW / 8] = system_descriptor(TASK_HOLE, sizeof(next) - 1, 0x89);
	task_run();
	result(task_got.vector == 14 && task_got.cr2 - TASK_HOLE < sizeof(next) && task_got.tr == TASK_MAIN &&
	       !busy(TASK_NEW), "a TSS that is not mapped: #PF in the old task");
	at_instruction("a TSS that is not mapped: #PF");
}

static void bad_segments(void)
{
	prepare(body_call);
	table[ODD / 8] = table[DATA / 8] & ~TYPE(PRESENT);
	next.ds = ODD;
	faults(11, ODD, TASK_NEW, "DS that is not present: #NP in the new task");
	prepare(body_call);
	next.ds = TASK_MAIN;
	faults(10, TASK_MAIN, TASK_NEW, "DS that is a TSS: #TS in the new task");
	prepare(body_call);
	next.gs = 0xf8;
	faults(10, 0xf8, TASK_NEW, "GS beyond the table: #TS in the new task");
}

/* ---- debug registers ---------------------------------------------------------------------- */

static void debug(void)
{
	u64 dr7;

	prepare(body_call);
	SET_REG("dr0", 0x12345678);
	SET_REG("dr7", 0x403);
	task_run();
	dr7 = GET_REG("dr7");
	SET_REG("dr7", 0x400);
	result(came_back(1) && dr7 == 0x402, "DR7 loses its local breakpoints");
	SET_REG("dr6", 0xffff0ff0);
	prepare(body_call);
	next.trap = 1;
	task_run();
	result(task_got.vector == 1 && (task_got.dr6 & 0x8000) && task_got.tr == TASK_NEW &&
	       task_got.eip == next.eip, "the T flag: #DB, DR6.BT, in the new task");
	SET_REG("dr6", 0xffff0ff0);
}

/* ---- an instruction of 32-bit code ------------------------------------------------------------ */

static void compare_exchange(u64 at, const char *what)
{
	prepare(body_cx8);
	task_mark_at = at;
	task_run();
	result(task_got.vector == NOTHING && task_seen.count == 1 && task_seen.tr == 1 &&
	       task_seen.flags == 3 && task_seen.msw == 4 && task_seen.cs == 3 && task_seen.error == 4, what);
}

static void instructions(void)
{
	static u64 word;

	compare_exchange((u64)&word, "CMPXCHG8B");
	if (has_testdev())
		compare_exchange(DEVICE, "CMPXCHG8B of a device's");
	if (!paging)
		return;
	prepare(body_cx8_fault);
	task_run();
	result(task_got.vector == 14 && task_got.cr2 == TASK_HOLE && (task_got.error & 1) == 0 &&
	       task_got.eip == (u32)(u64)body_cx8_fault + 15, "CMPXCHG8B whose second half is not mapped: #PF");
}

static void all(void)
{
	prepare(body_none);
	task_run();
	result(task_got.vector == NOTHING && task_got.tr == TASK_MAIN, "32-bit protected mode");
	by_instruction();
	by_event();
	kinds();
	bad_tasks();
	bad_segments();
	debug();
	instructions();
}

static void in_each_mode(void (*fn)(void))
{
	set_directories();
	paging = false;
	mode = "no paging";
	fn();
	paging = true;
	mode = "paging";
	fn();
}

void test_task(void) { in_each_mode(all); }
void test_task_more(void) { in_each_mode(mixed); }
