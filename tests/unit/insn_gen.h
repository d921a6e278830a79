/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random instructions with random operands, for whoever compares two ways of
 * executing one: test_emul_native (this machine's CPU and the emulator) and
 * tests/lab/emulcpu (a guest's CPU and the hypervisor's emulator). A template is
 * an opcode with what its operands need; make_case() fills in registers, flags
 * and a buffer of GEN_BUFFER bytes whose address the user sets first.
 *
 * Flags that the manuals leave undefined are masked, case by case, by
 * undefined_flags(). What the vendors do differently (66h on near branches) is
 * not generated.
 */
#ifndef BACKPLANE_TESTS_UNIT_INSN_GEN_H
#define BACKPLANE_TESTS_UNIT_INSN_GEN_H

#include "kvm-core/emul.h"
#include "kvm-core/emul_alu.h"

#define GEN_BUFFER	4096u

struct machine {
	u64 regs[16], flags;
};

/* The code they are for: 64 or 32. */
static unsigned int gen_bits = 64;
/* Where the stack is for what does not use it; 0: in the buffer. */
static u64 gen_stack;
/* The buffer as the instruction sees it, and where its bytes are to be written. */
static u64 gen_at;
static u8 *gen_bytes;

/* ---- templates ------------------------------------------------------------------ */

enum {
	BYTE = BIT(0),		/* no 66, no REX.W */
	IMM8 = BIT(1),
	IMMZ = BIT(2),
	NO_MODRM = BIT(3),
	MEMORY = BIT(4),	/* memory form only */
	LOCKS = BIT(5),		/* sometimes with LOCK, in memory */
	BITS = BIT(6),		/* the register is a bit number */
	STRING = BIT(7),	/* rsi, rdi, rcx and DF made to fit */
	NO16 = BIT(8),
	IMMV = BIT(9),
	REGISTER = BIT(10),	/* register form only */
	SHIFT = BIT(11), DOUBLE = BIT(12), COUNT_CL = BIT(13),
	FRAME = BIT(14),	/* rbp points into the buffer */
};

#define ANY	0xff
#define ALL	EMUL_STATUS
#define NOTHING_BUT(f) (ALL & ~(f))

struct template {
	const char *name;
	u8 opcode[4];
	u8 length, reg;		/* ModRM.reg, or ANY */
	u16 kind;
	u64 undefined;
};

#define ALU(name, base, af, lk) \
	{ name, { base }, 1, ANY, BYTE | (lk), af }, \
	{ name, { base + 1 }, 1, ANY, lk, af }, \
	{ name, { base + 2 }, 1, ANY, BYTE, af }, \
	{ name, { base + 3 }, 1, ANY, 0, af }, \
	{ name, { base + 4 }, 1, ANY, BYTE | IMM8 | NO_MODRM, af }, \
	{ name, { base + 5 }, 1, ANY, IMMZ | NO_MODRM, af }, \
	{ name, { 0x80 }, 1, base >> 3, BYTE | IMM8 | (lk), af }, \
	{ name, { 0x81 }, 1, base >> 3, IMMZ | (lk), af }, \
	{ name, { 0x83 }, 1, base >> 3, IMM8 | (lk), af }

#define SHIFTS(name, reg) \
	{ name, { 0xc0 }, 1, reg, BYTE | IMM8 | SHIFT, 0 }, \
	{ name, { 0xc1 }, 1, reg, IMM8 | SHIFT, 0 }, \
	{ name, { 0xd0 }, 1, reg, BYTE | SHIFT, 0 }, \
	{ name, { 0xd1 }, 1, reg, SHIFT, 0 }, \
	{ name, { 0xd2 }, 1, reg, BYTE | SHIFT | COUNT_CL, 0 }, \
	{ name, { 0xd3 }, 1, reg, SHIFT | COUNT_CL, 0 }

#define STRINGS(name, op, u) \
	{ name, { op }, 1, ANY, STRING | NO_MODRM | BYTE, u }, \
	{ name, { op + 1 }, 1, ANY, STRING | NO_MODRM, u }, \
	{ name, { 0xf3, op }, 2, ANY, STRING | NO_MODRM | BYTE, u }, \
	{ name, { 0xf2, op }, 2, ANY, STRING | NO_MODRM | BYTE, u }

#define BIT_TESTS(name, op, sub) \
	{ name, { 0x0f, op }, 2, ANY, BITS | (sub != 4 ? LOCKS : 0), \
	  NOTHING_BUT(EMUL_CF | EMUL_ZF) }, \
	{ name, { 0x0f, 0xba }, 2, sub, IMM8 | (sub != 4 ? LOCKS : 0), \
	  NOTHING_BUT(EMUL_CF | EMUL_ZF) }

static const struct template templates[] = {
	ALU("add", 0x00, 0, LOCKS), ALU("or", 0x08, EMUL_AF, LOCKS),
	ALU("adc", 0x10, 0, LOCKS), ALU("sbb", 0x18, 0, LOCKS),
	ALU("and", 0x20, EMUL_AF, LOCKS), ALU("sub", 0x28, 0, LOCKS),
	ALU("xor", 0x30, EMUL_AF, LOCKS), ALU("cmp", 0x38, 0, 0),
	{ "test", { 0x84 }, 1, ANY, BYTE, EMUL_AF },
	{ "test", { 0x85 }, 1, ANY, 0, EMUL_AF },
	{ "test", { 0xa8 }, 1, ANY, BYTE | IMM8 | NO_MODRM, EMUL_AF },
	{ "test", { 0xa9 }, 1, ANY, IMMZ | NO_MODRM, EMUL_AF },
	{ "test", { 0xf6 }, 1, 0, BYTE | IMM8, EMUL_AF },
	{ "test", { 0xf7 }, 1, 0, IMMZ, EMUL_AF },
	{ "not", { 0xf6 }, 1, 2, BYTE | LOCKS, 0 },
	{ "not", { 0xf7 }, 1, 2, LOCKS, 0 },
	{ "neg", { 0xf6 }, 1, 3, BYTE | LOCKS, 0 },
	{ "neg", { 0xf7 }, 1, 3, LOCKS, 0 },
	{ "mul", { 0xf6 }, 1, 4, BYTE, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "mul", { 0xf7 }, 1, 4, 0, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0xf6 }, 1, 5, BYTE, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0xf7 }, 1, 5, 0, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0x0f, 0xaf }, 2, ANY, 0, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0x69 }, 1, ANY, IMMZ, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "imul", { 0x6b }, 1, ANY, IMM8, NOTHING_BUT(EMUL_CF | EMUL_OF) },
	{ "div", { 0xf6 }, 1, 6, BYTE, ALL }, { "div", { 0xf7 }, 1, 6, 0, ALL },
	{ "idiv", { 0xf6 }, 1, 7, BYTE, ALL }, { "idiv", { 0xf7 }, 1, 7, 0, ALL },
	{ "inc", { 0xfe }, 1, 0, BYTE | LOCKS, 0 },
	{ "inc", { 0xff }, 1, 0, LOCKS, 0 },
	{ "dec", { 0xfe }, 1, 1, BYTE | LOCKS, 0 },
	{ "dec", { 0xff }, 1, 1, LOCKS, 0 },
	SHIFTS("rol", 0), SHIFTS("ror", 1), SHIFTS("rcl", 2), SHIFTS("rcr", 3),
	SHIFTS("shl", 4), SHIFTS("shr", 5), SHIFTS("sal", 6), SHIFTS("sar", 7),
	{ "shld", { 0x0f, 0xa4 }, 2, ANY, IMM8 | DOUBLE, EMUL_AF },
	{ "shld", { 0x0f, 0xa5 }, 2, ANY, DOUBLE | COUNT_CL, EMUL_AF },
	{ "shrd", { 0x0f, 0xac }, 2, ANY, IMM8 | DOUBLE, EMUL_AF },
	{ "shrd", { 0x0f, 0xad }, 2, ANY, DOUBLE | COUNT_CL, EMUL_AF },
	BIT_TESTS("bt", 0xa3, 4), BIT_TESTS("bts", 0xab, 5),
	BIT_TESTS("btr", 0xb3, 6), BIT_TESTS("btc", 0xbb, 7),
	{ "bsf", { 0x0f, 0xbc }, 2, ANY, 0, NOTHING_BUT(EMUL_ZF) },
	{ "bsr", { 0x0f, 0xbd }, 2, ANY, 0, NOTHING_BUT(EMUL_ZF) },
	{ "mov", { 0x88 }, 1, ANY, BYTE, 0 }, { "mov", { 0x89 }, 1, ANY, 0, 0 },
	{ "mov", { 0x8a }, 1, ANY, BYTE, 0 }, { "mov", { 0x8b }, 1, ANY, 0, 0 },
	{ "mov", { 0xc6 }, 1, 0, BYTE | IMM8, 0 }, { "mov", { 0xc7 }, 1, 0, IMMZ, 0 },
	{ "mov", { 0xb3 }, 1, ANY, BYTE | IMM8 | NO_MODRM, 0 },
	{ "mov", { 0xb7 }, 1, ANY, BYTE | IMM8 | NO_MODRM, 0 },
	{ "mov", { 0xbb }, 1, ANY, IMMV | NO_MODRM, 0 },
	{ "movzx", { 0x0f, 0xb6 }, 2, ANY, 0, 0 },
	{ "movzx", { 0x0f, 0xb7 }, 2, ANY, 0, 0 },
	{ "movsx", { 0x0f, 0xbe }, 2, ANY, 0, 0 },
	{ "movsx", { 0x0f, 0xbf }, 2, ANY, 0, 0 },
	{ "movsxd", { 0x63 }, 1, ANY, NO16, 0 },
	{ "movnti", { 0x0f, 0xc3 }, 2, ANY, MEMORY | NO16, 0 },
	{ "xchg", { 0x86 }, 1, ANY, BYTE | LOCKS, 0 },
	{ "xchg", { 0x87 }, 1, ANY, LOCKS, 0 },
	{ "xchg", { 0x93 }, 1, ANY, NO_MODRM, 0 },
	{ "nop", { 0x90 }, 1, ANY, NO_MODRM, 0 },
	{ "nop", { 0x0f, 0x1f }, 2, 0, 0, 0 },
	{ "lea", { 0x8d }, 1, ANY, MEMORY, 0 },
	{ "xadd", { 0x0f, 0xc0 }, 2, ANY, BYTE | LOCKS, 0 },
	{ "xadd", { 0x0f, 0xc1 }, 2, ANY, LOCKS, 0 },
	{ "cmpxchg", { 0x0f, 0xb0 }, 2, ANY, BYTE | LOCKS, 0 },
	{ "cmpxchg", { 0x0f, 0xb1 }, 2, ANY, LOCKS, 0 },
	{ "setcc", { 0x0f, 0x94 }, 2, 0, BYTE, 0 },
	{ "setcc", { 0x0f, 0x9f }, 2, 0, BYTE, 0 },
	{ "cmovcc", { 0x0f, 0x4c }, 2, ANY, 0, 0 },
	{ "cmovcc", { 0x0f, 0x46 }, 2, ANY, 0, 0 },
	{ "bswap", { 0x0f, 0xcb }, 2, ANY, NO_MODRM | NO16, 0 },
	{ "cbw", { 0x98 }, 1, ANY, NO_MODRM, 0 },
	{ "cwd", { 0x99 }, 1, ANY, NO_MODRM, 0 },
	{ "cmc", { 0xf5 }, 1, ANY, NO_MODRM, 0 },
	{ "clc", { 0xf8 }, 1, ANY, NO_MODRM, 0 },
	{ "stc", { 0xf9 }, 1, ANY, NO_MODRM, 0 },
	{ "cld", { 0xfc }, 1, ANY, NO_MODRM, 0 },
	{ "std", { 0xfd }, 1, ANY, NO_MODRM, 0 },
	{ "sahf", { 0x9e }, 1, ANY, NO_MODRM | BYTE, 0 },
	{ "lahf", { 0x9f }, 1, ANY, NO_MODRM | BYTE, 0 },
	{ "push", { 0x53 }, 1, ANY, NO_MODRM, 0 },
	{ "push", { 0x54 }, 1, ANY, NO_MODRM, 0 },
	{ "push", { 0x68 }, 1, ANY, NO_MODRM | IMMZ, 0 },
	{ "push", { 0x6a }, 1, ANY, NO_MODRM | IMM8, 0 },
	{ "push", { 0xff }, 1, 6, 0, 0 },
	{ "pop", { 0x5b }, 1, ANY, NO_MODRM, 0 },
	{ "pop", { 0x5c }, 1, ANY, NO_MODRM, 0 },
	{ "pop", { 0x8f }, 1, 0, 0, 0 },
	{ "pushf", { 0x9c }, 1, ANY, NO_MODRM, 0 },
	{ "enter", { 0xc8, 0x20, 0x00, 0x00 }, 4, ANY, NO_MODRM | FRAME, 0 },
	{ "enter", { 0xc8, 0x08, 0x01, 0x03 }, 4, ANY, NO_MODRM | FRAME, 0 },
	{ "leave", { 0xc9 }, 1, ANY, NO_MODRM | FRAME, 0 },
	STRINGS("movs", 0xa4, 0), STRINGS("cmps", 0xa6, 0), STRINGS("stos", 0xaa, 0),
	STRINGS("lods", 0xac, 0), STRINGS("scas", 0xae, 0),
};

/* Only where this CPU has them. */
static const struct template popcnt =
	{ "popcnt", { 0xf3, 0x0f, 0xb8 }, 3, ANY, 0, 0 };
static const struct template movbe_load =
	{ "movbe", { 0x0f, 0x38, 0xf0 }, 3, ANY, MEMORY, 0 };
static const struct template movbe_store =
	{ "movbe", { 0x0f, 0x38, 0xf1 }, 3, ANY, MEMORY, 0 };
static const struct template tzcnt =
	{ "tzcnt", { 0xf3, 0x0f, 0xbc }, 3, ANY, 0, NOTHING_BUT(EMUL_ZF | EMUL_CF) };
static const struct template lzcnt =
	{ "lzcnt", { 0xf3, 0x0f, 0xbd }, 3, ANY, 0, NOTHING_BUT(EMUL_ZF | EMUL_CF) };
static const struct template cmpxchg16b =
	{ "cmpxchg8b", { 0x0f, 0xc7 }, 2, 1, MEMORY | LOCKS | NO16, 0 };

/* ---- cases ----------------------------------------------------------------------- */

static u64 seed = 0x0ddba11c0ffee5ed;

static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned int below(unsigned int n)
{
	return next_random() % n;
}

/* Random, small, or at an edge of some width. */
static u64 random_value(void)
{
	static const u64 edges[] = {
		0, 1, ~0ULL, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
	};

	switch (below(4)) {
	case 0:
		return edges[below(ARRAY_SIZE(edges))];
	case 1:
		return below(256);
	default:
		return next_random();
	}
}

struct test_case {
	const struct template *t;
	struct machine m;
	u8 bytes[15];
	unsigned int n, size, imm;
	bool memory, addr32;
};

static void put(struct test_case *k, const void *bytes, unsigned int n)
{
	memcpy(k->bytes + k->n, bytes, n);
	k->n += n;
}

static unsigned int gen_registers(void)
{
	return gen_bits == 64 ? 16 : 8;
}

/* A base register, sometimes an index, pointing at the buffer's middle. */
static void add_memory(struct test_case *k, unsigned int reg, u8 *rex, u8 *modrm,
		       u8 *sib, s8 *disp)
{
	unsigned int base, index, scale = below(4);
	bool aligned_pair = k->t->reg == 1 && (k->t->kind & MEMORY);

	do
		base = below(gen_registers());
	while (base == reg || (aligned_pair && base < 4));
	do
		index = below(gen_registers());
	while (index == reg || index == base || index == EMUL_RSP ||
	       (aligned_pair && index < 4));
	*disp = (s8)below(256);
	k->m.regs[base] = gen_at + GEN_BUFFER / 2 - (s64)*disp;
	*modrm = 0x40 | (reg & 7) << 3;
	*rex |= (base & 8) >> 3;
	*sib = 0;
	if ((base & 7) == EMUL_RSP || below(2)) {
		*modrm |= 4;
		*sib = scale << 6 | 4 << 3 | (base & 7);
		if (below(2)) {
			*sib = scale << 6 | (index & 7) << 3 | (base & 7);
			*rex |= (index & 8) >> 2;
			k->m.regs[index] = below(8);
			k->m.regs[base] -= k->m.regs[index] << scale;
		}
	} else {
		*modrm |= base & 7;
	}
	/* only CMPXCHG16B must be aligned */
	if (!aligned_pair)
		k->m.regs[base] += below(32);
	/* 67h ignores the upper halves */
	if (gen_bits == 64 && k->addr32 && base != EMUL_RSP)
		k->m.regs[base] ^= next_random() << 32;
}

static void add_modrm(struct test_case *k, u8 rex)
{
	const struct template *t = k->t;
	unsigned int reg = t->reg == ANY ? below(gen_registers()) : t->reg;
	u8 modrm, sib = 0;
	s8 disp = 0;

	if (t->reg == ANY)
		rex |= (reg & 8) >> 1;
	if (t->kind & BITS)
		k->m.regs[reg] = (u64)(s64)(s32)(below(8000) - 4000) &
				 (gen_bits == 64 ? ~0ULL : ~0U);
	k->memory = (t->kind & MEMORY) || (!(t->kind & REGISTER) && below(2));
	if (k->memory) {
		add_memory(k, t->reg == ANY ? reg : 16, &rex, &modrm, &sib, &disp);
		modrm = (modrm & ~0x38) | (reg & 7) << 3;
		if ((t->kind & LOCKS) && below(2))
			put(k, "\xf0", 1);
	} else {
		modrm = 0xc0 | (reg & 7) << 3 | below(8);
		rex |= gen_bits == 64 && below(2);
	}
	/* F3 in a template's opcode goes before REX */
	if (t->opcode[0] == 0xf3)
		put(k, "\xf3", 1);
	if (rex)
		put(k, (u8[]){ 0x40 | rex }, 1);
	put(k, t->opcode + (t->opcode[0] == 0xf3), t->length - (t->opcode[0] == 0xf3));
	put(k, &modrm, 1);
	if (k->memory && (modrm & 7) == 4)
		put(k, &sib, 1);
	if (k->memory)
		put(k, &disp, 1);
}

static void add_plain(struct test_case *k, u8 rex)
{
	const struct template *t = k->t;
	unsigned int skip = t->length > 1 && t->opcode[0] >= 0xf2;

	put(k, t->opcode, skip);
	if (rex)
		put(k, (u8[]){ 0x40 | rex }, 1);
	put(k, t->opcode + skip, t->length - skip);
}

static void add_immediate(struct test_case *k)
{
	u64 value = random_value();

	k->imm = value & 0xff;
	if (k->t->kind & IMM8)
		put(k, &value, 1);
	else if (k->t->kind & IMMZ)
		put(k, &value, k->size == 2 ? 2 : 4);
	else if (k->t->kind & IMMV)
		put(k, &value, k->size);
}

static inline bool uses_stack(const struct template *t)
{
	static const char * const names[] = { "push", "pop", "pushf", "enter", "leave" };
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(names); n++)
		if (!strcmp(t->name, names[n]))
			return true;
	return false;
}

static void set_registers(struct test_case *k)
{
	unsigned int n;

	for (n = 0; n < 16; n++)
		k->m.regs[n] = gen_bits == 64 ? random_value() : (u32)random_value();
	k->m.regs[EMUL_RSP] = gen_stack && !uses_stack(k->t) ? gen_stack :
			      gen_at + GEN_BUFFER / 2 + 8 * below(16);
	if (k->t->kind & FRAME)
		k->m.regs[EMUL_RBP] = gen_at + GEN_BUFFER / 2 + 512 + 8 * below(16);
	k->m.flags = 0x202 | (next_random() & EMUL_STATUS);
	if (k->t->kind & STRING) {
		k->m.regs[EMUL_RSI] = gen_at + 1000 + below(64);
		k->m.regs[EMUL_RDI] = gen_at + 2000 + below(64);
		k->m.regs[EMUL_RCX] = below(6);
		k->m.flags |= below(2) ? EMUL_DF : 0;
	}
}

static void make_case(struct test_case *k, const struct template *t)
{
	bool may16 = !(t->kind & (BYTE | NO16)) && !(t->kind & FRAME);
	bool mayW = gen_bits == 64 && !(t->kind & (BYTE | FRAME));
	unsigned int pick = below(3), n;
	u8 rex = 0;

	*k = (struct test_case) { .t = t, .size = t->kind & BYTE ? 1 : 4 };
	set_registers(k);
	for (n = 0; n < GEN_BUFFER; n += 8)
		memcpy(gen_bytes + n, (u64[]){ random_value() }, 8);
	if (gen_bits == 64 && (t->kind & STRING || !(t->kind & NO_MODRM)) && below(4) == 0) {
		k->addr32 = true;
		put(k, "\x67", 1);
	}
	if (pick == 0 && may16) {
		k->size = 2;
		put(k, "\x66", 1);
	} else if (pick == 1 && mayW) {
		k->size = 8;
		rex = 8;
	}
	if (t->kind & NO_MODRM)
		add_plain(k, rex);
	else
		add_modrm(k, rex);
	add_immediate(k);
}

static u64 undefined_flags(const struct test_case *k, const struct machine *in)
{
	unsigned int count;
	u64 mask = k->t->undefined;

	if (!(k->t->kind & (SHIFT | DOUBLE)))
		return mask;
	count = k->t->kind & COUNT_CL ? in->regs[EMUL_RCX] & 0xff :
		k->t->kind & IMM8 ? k->imm : 1;
	count &= k->size == 8 ? 63 : 31;
	if (count != 1)
		mask |= EMUL_OF;
	if (count && (k->t->kind & DOUBLE || k->t->reg >= 4))
		mask |= EMUL_AF;
	if (count > 8 * k->size && k->t->reg >= 4)
		mask |= EMUL_CF;
	return count ? mask : mask & ~(EMUL_AF | EMUL_OF);
}

/* Results that the manuals leave open: a 16-bit double shift by more than 16. */
static bool undefined_result(const struct test_case *k, const struct machine *in)
{
	unsigned int count = k->t->kind & COUNT_CL ? in->regs[EMUL_RCX] : k->imm;

	return (k->t->kind & DOUBLE) && k->size == 2 && (count & 31) > 16;
}

#endif
