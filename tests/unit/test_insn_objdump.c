// SPDX-License-Identifier: GPL-2.0
/*
 * The length decoder against objdump: every opcode of every map, with every
 * ModRM shape, under the prefixes that change lengths, in 16-, 32- and 64-bit
 * code. Each candidate sits in a slot of its own, padded with NOPs; objdump's
 * number of bytes at the start of a slot must be ours. What objdump calls
 * (bad), or shows as a lone prefix, is not compared, but counted: too few
 * comparisons fail. Without objdump (binutils) the test fails and says so.
 *
 * Where the two disagree for a reason, the reason is in known_difference().
 */
#include <unistd.h>

#include "tests/unit/check.h"
#include "kvm-core/insn.h"

#define SLOT		24
#define NAME_LEN	32

struct candidate {
	u8 bytes[15];
};

static struct candidate *list;
static unsigned int listed, room;

static void add(const u8 *head, unsigned int n, unsigned int salt)
{
	struct candidate *c;
	unsigned int k;

	if (listed == room) {
		room = room ? 2 * room : 65536;
		list = realloc(list, room * sizeof(*list));
		assert_non_null(list);
	}
	c = &list[listed++];
	memcpy(c->bytes, head, n);
	for (k = n; k < sizeof(c->bytes); k++)
		c->bytes[k] = 0x11 + 0x13 * k + salt;
}

/* rm values that have a SIB, no base, or nothing special */
static const u8 rms[] = { 0, 4, 5, 6 };

/* All mods; @regs values of reg; each mod meets each rm. */
static void add_modrms(const u8 *head, unsigned int n, unsigned int regs)
{
	static const u8 sibs[] = { 0x25, 0x64, 0xad };
	u8 bytes[8];
	unsigned int mod, reg;

	memcpy(bytes, head, n);
	for (mod = 0; mod < 4; mod++)
		for (reg = 0; reg < regs; reg++) {
			bytes[n] = mod << 6 | reg << 3 | rms[(reg + mod) % 4];
			bytes[n + 1] = sibs[(mod + reg + head[n - 1]) % 3];
			add(bytes, n + 2, reg);
		}
}

static void add_map(const u8 *head, unsigned int n, unsigned int regs)
{
	u8 bytes[8];
	unsigned int op;

	memcpy(bytes, head, n);
	for (op = 0; op < 256; op++) {
		bytes[n] = op;
		add_modrms(bytes, n + 1, regs);
	}
}

static void add_legacy(u8 prefix)
{
	static const u8 escapes[][2] = { { 0x0f }, { 0x0f, 0x38 }, { 0x0f, 0x3a } };
	u8 head[4] = { prefix };
	unsigned int n = prefix ? 1 : 0, k, len;
	unsigned int regs = prefix && prefix != 0x66 ? 2 : 8;

	add_map(head, n, regs);
	for (k = 0; k < ARRAY_SIZE(escapes); k++) {
		len = k ? 2 : 1;
		memcpy(head + n, escapes[k], len);
		add_map(head, n + len, k ? 2 : regs);
	}
}

/* C5 and C4 with each pp and both lengths; the inverted bits all set. */
static void add_vex(void)
{
	static const u8 low[] = { 0, 5, 2, 7 };
	unsigned int k, map;

	for (k = 0; k < ARRAY_SIZE(low); k++) {
		add_map((u8[]){ 0xc5, 0xf8 | low[k] }, 2, 2);
		for (map = 1; map <= 3; map++)
			add_map((u8[]){ 0xc4, 0xe0 | map, 0x78 | low[k] }, 3, 2);
	}
}

static void add_evex(void)
{
	unsigned int map;

	for (map = 1; map <= 3; map++)
		add_map((u8[]){ 0x62, 0xf0 | map, 0x7d, 0x48 }, 4, 2);
}

static void fill(unsigned int bits)
{
	static const u8 prefixes[] = { 0, 0x66, 0x67, 0xf2, 0xf3 };
	unsigned int k;

	listed = 0;
	for (k = 0; k < ARRAY_SIZE(prefixes); k++)
		add_legacy(prefixes[k]);
	if (bits == 64)
		add_legacy(0x48);
	add_vex();
	add_evex();
}

static void write_slots(const char *path)
{
	u8 slot[SLOT];
	unsigned int k;
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	for (k = 0; k < listed; k++) {
		memset(slot, 0x90, SLOT);
		memcpy(slot, list[k].bytes, sizeof(list[k].bytes));
		assert_int_equal(fwrite(slot, SLOT, 1, f), 1);
	}
	assert_int_equal(fclose(f), 0);
}

/* "  address:<tab>b0 b1 .. <tab>mnemonic": false for other lines */
static bool parse(char *line, unsigned long *at, unsigned int *len, char *name)
{
	char *bytes, *text, *end;

	*at = strtoul(line, &end, 16);
	if (end == line || *end != ':')
		return false;
	bytes = strchr(end, '\t');
	text = bytes ? strchr(bytes + 1, '\t') : NULL;
	if (!text)
		return false;
	*text++ = 0;
	*len = 0;
	for (bytes = strtok(bytes, " \t"); bytes; bytes = strtok(NULL, " \t"))
		++*len;
	snprintf(name, NAME_LEN, "%s", text);
	name[strcspn(name, "\n")] = 0;
	return true;
}

static bool is_prefix(const char *word, size_t n)
{
	static const char *const words[] = {
		"data16", "data32", "addr16", "addr32", "rep", "repz", "repnz",
		"lock", "es", "cs", "ss", "ds", "fs", "gs",
	};
	unsigned int k;

	if (n >= 3 && !strncmp(word, "rex", 3))
		return true;
	for (k = 0; k < ARRAY_SIZE(words); k++)
		if (n == strlen(words[k]) && !strncmp(word, words[k], n))
			return true;
	return false;
}

/* (bad), or prefixes that belong to nothing, which objdump shows alone */
static bool not_an_instruction(const char *name)
{
	size_t n;

	if (strstr(name, "(bad)"))
		return true;
	for (; *name; name += n + strspn(name + n, " ")) {
		n = strcspn(name, " ");
		if (!is_prefix(name, n))
			return false;
	}
	return true;
}

/*
 * 9B is an instruction; objdump joins it to an x87 instruction that follows.
 * 0F 24 and 0F 26 moved test registers on the 486, 0F A6 and 0F A7 are VIA's:
 * no AMD64 CPU has them. VEX after 66, F2, F3 or REX is undefined.
 */
static bool known_difference(const u8 *bytes, enum insn_result r)
{
	while (bytes[0] && strchr("\x66\x67\xf2\xf3\x48", bytes[0]))
		bytes++;
	switch (r) {
	case INSN_OKAY:
		return bytes[0] == 0x9b;
	case INSN_UNDEFINED:
		return bytes[0] == 0xc4 || bytes[0] == 0xc5;
	default:
		return bytes[0] == 0x0f && ((bytes[1] & 0xfd) == 0x24 ||
					    (bytes[1] & 0xfe) == 0xa6);
	}
}

static unsigned int compare(FILE *f, unsigned int bits, unsigned int *different)
{
	char line[256], name[NAME_LEN];
	unsigned int len, ours, compared = 0, k;
	enum insn_result r;
	unsigned long at;
	struct insn i;

	*different = 0;
	while (fgets(line, sizeof(line), f)) {
		if (!parse(line, &at, &len, name) || at % SLOT || not_an_instruction(name))
			continue;
		assert_true(at / SLOT < listed);
		r = insn_decode(&i, list[at / SLOT].bytes, 15, bits);
		ours = r == INSN_OKAY ? i.length : 0;
		compared++;
		if (ours == len || known_difference(list[at / SLOT].bytes, r))
			continue;
		if ((*different)++ > 40)
			continue;
		print_message("# %u-bit: %u bytes, objdump %u %s:", bits, ours,
			      len, name);
		for (k = 0; k < 12; k++)
			print_message(" %02x", list[at / SLOT].bytes[k]);
		print_message("\n");
	}
	return compared;
}

static void check(unsigned int bits, const char *machine)
{
	char path[] = "/tmp/backplane-insn-XXXXXX", command[256];
	unsigned int compared, different;
	int fd = mkstemp(path);
	FILE *f;

	assert_true(fd >= 0);
	close(fd);
	fill(bits);
	write_slots(path);
	snprintf(command, sizeof(command),
		 "objdump -D -z -w --insn-width=16 -b binary -m %s %s", machine, path);
	f = popen(command, "r");
	assert_non_null(f);
	compared = compare(f, bits, &different);
	if (pclose(f) != 0)
		fail_msg("objdump (package binutils) is missing or failed");
	unlink(path);
	print_message("# %u-bit: %u candidates, %u compared, %u differ\n", bits,
		      listed, compared, different);
	assert_true(compared > listed / 3);
	assert_int_equal(different, 0);
}

static void test_lengths_in_64_bit_code_are_those_of_objdump(void **state)
{
	(void)state;
	check(64, "i386:x86-64");
}

static void test_lengths_in_32_bit_code_are_those_of_objdump(void **state)
{
	(void)state;
	check(32, "i386");
}

static void test_lengths_in_16_bit_code_are_those_of_objdump(void **state)
{
	(void)state;
	check(16, "i8086");
}

static int release(void **state)
{
	(void)state;
	free(list);
	list = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_in_64_bit_code_are_those_of_objdump),
		cmocka_unit_test(test_lengths_in_32_bit_code_are_those_of_objdump),
		cmocka_unit_test(test_lengths_in_16_bit_code_are_those_of_objdump),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
