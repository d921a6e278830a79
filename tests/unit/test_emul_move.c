// SPDX-License-Identifier: GPL-2.0
/*
 * The short way of plain loads and stores must do what the emulator does:
 * random encodings run both ways, over the same registers and memory.
 */
#include "tests/unit/emul_guest.h"
#include "kvm-core/emul_move.h"

static struct guest g;
static u32 seed = 1;

static u32 random_u32(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8 | seed << 24;
}

static const u8 prefixes[] = { 0x66, 0x67, 0x64, 0x2e, 0xf2, 0xf3 };
static const u8 opcodes[] = { 0x88, 0x89, 0x8a, 0x8b, 0xa0, 0xa1, 0xa2, 0xa3,
			      0xc6, 0xc7, 0x63 };
static const u8 opcodes_0f[] = { 0xb6, 0xb7, 0xbe, 0xbf };

#define PICK(table) table[random_u32() % ARRAY_SIZE(table)]

/* A move, mostly with addresses that lie in the guest's 64 KB. */
static void random_move(u8 *bytes, unsigned int bits)
{
	unsigned int n = 0, i;

	for (i = 0; i < 15; i++)
		bytes[i] = random_u32() % 4 ? 0 : (u8)random_u32();
	while (random_u32() % 3 == 0 && n < 3)
		bytes[n++] = PICK(prefixes);
	if (bits == 64 && random_u32() % 2)
		bytes[n++] = 0x40 | (random_u32() & 15);
	if (random_u32() % 3 == 0) {
		bytes[n++] = 0x0f;
		bytes[n++] = PICK(opcodes_0f);
	} else {
		bytes[n++] = PICK(opcodes);
	}
	bytes[n++] = (u8)random_u32();
	bytes[n] = (u8)random_u32();
}

static void random_guest(unsigned int bits)
{
	unsigned int i;

	guest_reset(&g, bits);
	for (i = 0; i < EMUL_NR_REGS; i++)
		g.c.regs[i] = random_u32() & 0x1fff;
	for (i = 0; i < GUEST_RAM; i++)
		g.ram[i] = (u8)(i * 7 + (i >> 8));
}

/* True if the emulator could do it (its operand lay in memory). */
static bool run_both_ways(unsigned int bits)
{
	u8 bytes[15], want[8], was[8];
	struct emul_move m;
	struct insn i;
	u64 regs[EMUL_NR_REGS], at, value = 0;

	random_guest(bits);
	random_move(bytes, bits);
	if (insn_decode(&i, bytes, 15, bits) != INSN_OKAY || !emul_move_find(&i, &m))
		return false;
	memcpy(regs, g.c.regs, sizeof(regs));
	at = emul_move_offset(&i, regs, g.c.rip + i.length);
	if (at + m.size > GUEST_RAM)
		return false;
	memcpy(was, g.ram + at, m.size);
	if (guest_run(&g, bytes, 15) != EMUL_OKAY)
		return false;
	assert_int_equal(g.accesses, 1);
	if (m.load) {
		memcpy(&value, was, m.size);
		emul_move_loaded(&m, regs, value);
	} else {
		value = emul_move_stored(&m, regs);
		memcpy(want, &value, m.size);
		assert_memory_equal(g.ram + at, want, m.size);
	}
	assert_memory_equal(regs, g.c.regs, sizeof(regs));
	return true;
}

static void test_both_ways_give_the_same(void **state)
{
	static const u8 modes[] = { 16, 32, 64 };
	unsigned int mode, n, done;

	(void)state;
	for (mode = 0; mode < 3; mode++) {
		for (n = 0, done = 0; n < 30000; n++)
			done += run_both_ways(modes[mode]);
		assert_true(done > 1500);
	}
}

static bool found(unsigned int bits, const u8 *bytes)
{
	struct emul_move m;
	struct insn i;

	assert_int_equal(insn_decode(&i, bytes, 15, bits), INSN_OKAY);
	return emul_move_find(&i, &m);
}

static void test_nothing_else_is_a_move(void **state)
{
	static const u8 reg_form[15] = { 0x89, 0xc0 };
	static const u8 locked[15] = { 0xf0, 0x89, 0x00 };
	static const u8 add[15] = { 0x01, 0x00 };
	static const u8 arpl[15] = { 0x63, 0x00 };
	static const u8 movs[15] = { 0xa4 };

	(void)state;
	assert_false(found(64, reg_form));
	assert_false(found(64, locked));
	assert_false(found(64, add));
	assert_false(found(32, arpl));
	assert_true(found(64, arpl));		/* there it is MOVSXD */
	assert_false(found(64, movs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways_give_the_same),
		cmocka_unit_test(test_nothing_else_is_a_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
