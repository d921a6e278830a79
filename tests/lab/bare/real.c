// SPDX-License-Identifier: GPL-2.0
/*
 * bare: real mode, and with segments that reach 4 GiB ("big real"): each instruction
 * once with its operand in low memory, by the CPU, and once in pc-testdev's window,
 * by the emulator; registers, flags and the operand must be equal.
 */
#include "bare.h"

extern void real_call(void);
extern u8 real_stub[], real_stub_end[];

#define LOW	0xb000
#define WINDOW	0xff000000UL

/* @flags: which of them the manual defines, if not all */
struct code {
	const char *name;
	u8 n;
	u8 bytes[15];
	u32 flags;
};

/* The operand is at EDI; its segment DS or ES, both flat. */
static const struct code codes[] = {
	{ "mov", 4, { 0x67, 0x8b, 0x07, 0x90 }, 0 },
	{ "mov 32", 4, { 0x67, 0x66, 0x8b, 0x07 }, 0 },
	{ "mov store", 4, { 0x67, 0x66, 0x89, 0x07 }, 0 },
	{ "add", 3, { 0x67, 0x01, 0x07 }, 0 },
	{ "adc 32", 4, { 0x67, 0x66, 0x11, 0x07 }, 0 },
	{ "neg byte", 3, { 0x67, 0xf6, 0x1f }, 0 },
	{ "mul", 3, { 0x67, 0xf7, 0x27 }, 0x801 },
	{ "imul 3", 4, { 0x67, 0x6b, 0x07, 0x11 }, 0x801 },
	{ "shld", 5, { 0x67, 0x0f, 0xa4, 0x17, 0x05 }, 0x4c5 },
	{ "bts", 4, { 0x67, 0x0f, 0xab, 0x0f }, 1 },
	{ "xchg", 3, { 0x67, 0x87, 0x07 }, 0 },
	{ "cmpxchg", 4, { 0x67, 0x0f, 0xb1, 0x17 }, 0 },
	{ "movzx", 5, { 0x67, 0x66, 0x0f, 0xb6, 0x07 }, 0 },
	{ "push", 3, { 0x67, 0xff, 0x37 }, 0 },
	{ "push, pop 32", 5, { 0x67, 0x66, 0xff, 0x37, 0x90 }, 0 },
	{ "pop", 5, { 0x66, 0x52, 0x67, 0x8f, 0x07 }, 0 },
	{ "stosb", 2, { 0x67, 0xaa }, 0 },
	{ "rep stosw", 3, { 0x67, 0xf3, 0xab }, 0 },
	{ "rep stosd", 4, { 0x67, 0x66, 0xf3, 0xab }, 0 },
	{ "scasb", 3, { 0x67, 0xf2, 0xae }, 0 },
	{ "lods", 5, { 0x66, 0x89, 0xfe, 0x67, 0xac }, 0 },
	{ "rep movsd", 7, { 0x66, 0x89, 0xfe, 0x67, 0x66, 0xf3, 0xa5 }, 0 },
	{ "les", 3, { 0x67, 0xc4, 0x07 }, 0 },
	{ "lds", 3, { 0x67, 0xc5, 0x07 }, 0 },
	{ "lfs 32", 5, { 0x67, 0x66, 0x0f, 0xb4, 0x07 }, 0 },
	{ "mov es", 3, { 0x67, 0x8e, 0x07 }, 0 },
	{ "mov from ss", 3, { 0x67, 0x8c, 0x17 }, 0 },
	{ "sgdt", 4, { 0x67, 0x0f, 0x01, 0x07 }, 0 },
	{ "sidt 32", 5, { 0x67, 0x66, 0x0f, 0x01, 0x0f }, 0 },
	{ "smsw", 4, { 0x67, 0x0f, 0x01, 0x27 }, 0 },
	{ "not", 3, { 0x67, 0xf7, 0x17 }, 0 },
	{ "rol cl", 3, { 0x67, 0xd3, 0x07 }, 0 },
	{ "sete", 4, { 0x67, 0x0f, 0x94, 0x07 }, 0 },
	{ "test", 3, { 0x67, 0x85, 0x07 }, 0 },
	{ "cmp", 4, { 0x67, 0x66, 0x3b, 0x07 }, 0 },
	{ "xadd", 5, { 0x67, 0x66, 0x0f, 0xc1, 0x07 }, 0 },
	{ "lock inc", 4, { 0x67, 0xf0, 0xff, 0x07 }, 0 },
	{ "bsr", 5, { 0x67, 0x66, 0x0f, 0xbd, 0x07 }, 0x40 },
	{ "jmp", 12, { 0x67, 0xc7, 0x07, (REAL_CODE + 11) & 0xff, REAL_CODE >> 8, 0x67, 0xff, 0x27, 0xba,
		       0, 0, 0x90 }, 0 },
	{ "ljmp", 15, { 0x67, 0x66, 0xc7, 0x07, (REAL_CODE + 14) & 0xff, REAL_CODE >> 8, 0, 0,
			0x67, 0xff, 0x2f, 0xba, 0, 0, 0x90 }, 0 },
	{ "rep insb", 6, { 0xba, 0xe0, 0x00, 0x67, 0xf3, 0x6c }, 0 },
	{ "rep outsw", 9, { 0xba, 0xe0, 0x00, 0x66, 0x89, 0xfe, 0x67, 0xf3, 0x6f }, 0 },
};

static void run(const struct code *c, u32 at, u32 regs[10], u8 *image)
{
	u32 *r = (u32 *)REAL_REGS;
	u8 *code = (u8 *)REAL_CODE;
	unsigned int i;
	int back;

	for (i = 0; i < 32; i++)
		((volatile u8 *)(u64)at)[i] = 0x90 + i * 29;
	memcpy(code, c->bytes, c->n);
	back = REAL_BACK - (REAL_CODE + c->n + 3);
	code[c->n] = 0xe9;
	code[c->n + 1] = back;
	code[c->n + 2] = back >> 8;
	r[0] = 0x11223344;
	r[1] = 3;
	r[2] = 0x55667788;
	r[3] = 0x99aabbcc;
	r[4] = REAL_STACK - 64;
	r[5] = 0xddeeff00;
	r[6] = 0x1234;
	r[7] = at;
	r[8] = 0x2;
	real_call();
	memcpy(regs, r, 40);
	regs[7] -= at;			/* what moved is by how much */
	if (regs[6] - at < 64)
		regs[6] -= at;
	for (i = 0; i < 32; i++)
		image[i] = ((volatile u8 *)(u64)at)[i];
}

void test_real(void)
{
	u32 regs[2][10], flags;
	u8 image[2][32];
	unsigned int i;

	if (!has_testdev()) {
		note("no pc-testdev");
		return;
	}
	memcpy((void *)REAL_STUB, real_stub, real_stub_end - real_stub);
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		outl(0xe0, 0x5a5a5a5a);
		run(&codes[i], LOW, regs[0], image[0]);
		run(&codes[i], WINDOW, regs[1], image[1]);
		flags = codes[i].flags ? codes[i].flags : 0xcd5;
		regs[0][9] &= flags;
		regs[1][9] &= flags;
		ok(!memcmp(regs[0], regs[1], sizeof(regs[0])) && !memcmp(image[0], image[1], 32),
		   "big real: %s", codes[i].name);
	}
}
