// SPDX-License-Identifier: GPL-2.0
/*
 * The opcode tables as data: entries contradict neither themselves nor the
 * decoder. What they say about lengths, test_insn_objdump checks.
 */
#include "tests/unit/check.h"
#include "kvm-core/insn.h"

static bool seen[INSN_NR_OPS];

static void check_entry(u32 e, bool group_member)
{
	u32 op = e & INSN_OP_MASK;

	if (e & INSN_PREFIX) {
		assert_int_equal(e, INSN_PREFIX);
		return;
	}
	assert_in_range(op, 0, INSN_NR_OPS - 1);
	seen[op] = true;
	assert_false(group_member && (e & (INSN_MODRM | INSN_GROUP | INSN_SPLIT)));
	if (e & (INSN_LOCKABLE | INSN_MEM | INSN_SPLIT))
		assert_true(group_member || (e & INSN_MODRM));
	/* an unknown opcode claims nothing */
	if (op == INSN_OP_NONE)
		assert_int_equal(e, 0);
}

static void check_group(u32 e)
{
	u32 group = e & INSN_OP_MASK, last = e & INSN_SPLIT ? group + 1 : group;
	unsigned int reg;

	assert_true(e & INSN_MODRM);
	for (; group <= last; group++)
		for (reg = 0; reg < 8; reg++) {
			assert_int_not_equal(insn_groups[group][reg], INSN_OP_NONE);
			check_entry(insn_groups[group][reg], true);
			/* one of the two says what immediate follows */
			assert_true(!(e & INSN_IMM_MASK) ||
				    !(insn_groups[group][reg] & INSN_IMM_MASK));
		}
}

static void check_map(const u32 *map)
{
	unsigned int n;

	for (n = 0; n < 256; n++)
		if (map[n] & INSN_GROUP)
			check_group(map[n]);
		else
			check_entry(map[n], false);
}

static void test_entries_do_not_contradict_themselves(void **state)
{
	(void)state;
	check_map(insn_map_one);
	check_map(insn_map_0f);
}

/* An op that no opcode names is dead code; the decoder adds MOVBE itself. */
static void test_every_op_has_an_opcode(void **state)
{
	unsigned int n;

	(void)state;
	memset(seen, 0, sizeof(seen));
	check_map(insn_map_one);
	check_map(insn_map_0f);
	seen[INSN_OP_MOVBE] = true;
	for (n = 0; n < INSN_NR_OPS; n++)
		if (!seen[n])
			fail_msg("no opcode has op %u", n);
}

static void test_prefixes_are_these_and_no_others(void **state)
{
	static const u8 prefixes[] = { 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
				       0x66, 0x67, 0xf0, 0xf2, 0xf3 };
	unsigned int n, found = 0;

	(void)state;
	for (n = 0; n < sizeof(prefixes); n++)
		assert_int_equal(insn_map_one[prefixes[n]], INSN_PREFIX);
	for (n = 0; n < 256; n++)
		found += !!(insn_map_one[n] & INSN_PREFIX);
	assert_int_equal(found, sizeof(prefixes));
	/* in the 0F map only the two escapes */
	for (n = 0; n < 256; n++)
		assert_int_equal(!!(insn_map_0f[n] & INSN_PREFIX),
				 n == 0x38 || n == 0x3a);
}

/* APM3 1.2.5: exactly these take LOCK. */
static void test_lockable_opcodes_are_those_of_the_manual(void **state)
{
	static const u8 one[] = {
		0x00, 0x01, 0x08, 0x09, 0x10, 0x11, 0x18, 0x19, 0x20, 0x21, 0x28,
		0x29, 0x30, 0x31, 0x86, 0x87,
	};
	static const u8 two[] = { 0x20, 0x22, 0xab, 0xb0, 0xb1, 0xb3, 0xbb, 0xc0, 0xc1 };
	unsigned int n, found = 0;

	(void)state;
	for (n = 0; n < sizeof(one); n++)
		assert_true(insn_map_one[one[n]] & INSN_LOCKABLE);
	for (n = 0; n < sizeof(two); n++)
		assert_true(insn_map_0f[two[n]] & INSN_LOCKABLE);
	for (n = 0; n < 256; n++)
		found += !!(insn_map_one[n] & INSN_LOCKABLE) +
			 !!(insn_map_0f[n] & INSN_LOCKABLE);
	assert_int_equal(found, sizeof(one) + sizeof(two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_do_not_contradict_themselves),
		cmocka_unit_test(test_every_op_has_an_opcode),
		cmocka_unit_test(test_prefixes_are_these_and_no_others),
		cmocka_unit_test(test_lockable_opcodes_are_those_of_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
