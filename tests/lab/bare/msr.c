// SPDX-License-Identifier: GPL-2.0
/*
 * bare: MSRs (APM2 appendix A): which keep what is written, what each refuses.
 */
#include "bare.h"

#define GP	13
#define MISC_ENABLE	0x1a0
#define READ_ONLY	0x1880	/* of it: counters, BTS and PEBS that are not there */
#define ODD	0xaaaaaaaaaaaaaaaaULL	/* not canonical */

static const struct {
	u32 msr;
	u64 value;
	const char *name;
} kept[] = {
	{ 0x174, 0x1234, "SYSENTER_CS" },
	{ 0x175, 0x400000, "SYSENTER_ESP" },
	{ 0x176, 0x400000, "SYSENTER_EIP" },
	{ MISC_ENABLE, 0x400c50009, "MISC_ENABLE" },
	{ 0x277, 0x0007040600070406, "PAT" },
	{ 0x277, 0x0606060606060606, "PAT, all WB" },
	{ 0xc0000081, 0x0023001000000000, "STAR" },
	{ 0xc0000082, 0xffffffff80001234, "LSTAR" },
	{ 0xc0000083, 0x00007fff12345678, "CSTAR" },
	{ 0xc0000084, 0xffffffff, "SFMASK" },
	{ 0xc0000100, 0xffff800012345678, "FS base" },
	{ 0xc0000101, 0x123456789abc, "GS base" },
	{ 0xc0000102, 0xffffc90000000000, "KernelGSbase" },
	{ 0xc0000103, 0x12345678, "TSC_AUX" },
	{ 0x200, 0xc0000006, "MTRR base 0" },
	{ 0x201, 0xffc0000800, "MTRR mask 0" },
	{ 0x250, 0x0606060606060606, "MTRR fixed" },
	{ 0x2ff, 0xc06, "MTRR default" },
};

static void values(void)
{
	unsigned int i;
	u64 was, is, value;

	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		was = rdmsr(kept[i].msr);
		value = kept[i].value;
		if (kept[i].msr == MISC_ENABLE)
			value |= was & READ_ONLY;
		if (try_wrmsr(kept[i].msr, value) != NOTHING) {
			ok(false, "%s keeps its value (#GP)", kept[i].name);
			continue;
		}
		is = rdmsr(kept[i].msr);
		wrmsr(kept[i].msr, was);
		ok(is == value, "%s keeps its value (%#lx)", kept[i].name, is);
	}
}

static void refused(void)
{
	static const struct {
		u32 msr;
		u64 value;
		const char *name;
	} bad[] = {
		{ 0xc0000082, ODD, "LSTAR, no canonical address" },
		{ 0xc0000083, ODD, "CSTAR" },
		{ 0xc0000100, ODD, "FS base" },
		{ 0xc0000101, ODD, "GS base" },
		{ 0xc0000102, ODD, "KernelGSbase" },
		{ 0x277, 0x0206060606060606, "PAT, type 2" },
		{ 0xfe, 0, "MTRRcap, read-only" },
		{ 0x2ff, 0x1006, "MTRR default, reserved" },
		{ 0x200, 0x2, "MTRR base, type 2" },
		{ 0x201, BIT(50) | 0x800, "MTRR mask, beyond memory" },
		{ 0x250, 0x0206060606060606, "MTRR fixed, type 2" },
		{ 0xc0000080, 0xd01 | BIT(17), "EFER, reserved" },
		{ 0xc0000080, 0x801, "EFER.LME off in long mode" },
		{ 0x179, 0, "MCG_CAP, read-only" },
		{ 0x400, 5, "MC0_CTL, neither 0 nor ones" },
		{ 0x401, ~0ULL, "MC0_STATUS" },
		{ 0x40000000, 0, "an unknown one" },
		{ 0x49, 1, "PRED_CMD without CPUID's bit" },
		{ 0x10b, 1, "FLUSH_CMD" },
		{ 0x48, ~0ULL, "SPEC_CTRL" },
		{ 0xc0010015, BIT(40), "HWCR, reserved" },
		{ 0x3a, 1, "FEATURE_CONTROL, another vendor's" },
		{ 0x480, 1, "VMX_BASIC" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(try_wrmsr(bad[i].msr, bad[i].value) == GP, "#GP: %s", bad[i].name);
}

static void machine_checks(void)
{
	unsigned int banks = rdmsr(0x179) & 0xff, i, j, n = 0, refuse = 0, beyond = 0;

	for (i = 0; i < banks && i < 32; i++) {
		for (j = 0; j < 4; j++)
			n += try_wrmsr(0x400 + i * 4 + j, 0) == NOTHING && rdmsr(0x400 + i * 4 + j) == 0;
		n += try_wrmsr(0x400 + i * 4, ~0ULL) == NOTHING && rdmsr(0x400 + i * 4) == ~0ULL;
		n += try_wrmsr(0x402 + i * 4, ODD) == NOTHING && rdmsr(0x402 + i * 4) == ODD;
		n += try_wrmsr(0x403 + i * 4, ~0ULL) == NOTHING;
		refuse += try_wrmsr(0x400 + i * 4, ODD) == GP;
		refuse += try_wrmsr(0x401 + i * 4, 1) == GP;
	}
	ok(n == 7 * banks && refuse == 2 * banks, "%u machine check banks (%u, %u)", banks, n, refuse);
	for (i = banks; i < 32; i++)
		beyond += try_rdmsr(0x400 + i * 4) == GP && try_wrmsr(0x401 + i * 4, 0) == GP;
	ok(beyond == 32 - banks, "none beyond (%u)", beyond);
}

static void time_stamp(void)
{
	u64 before, after, adjust;

	if (has_cpuid(7, 1, 1))
		ok(!rdmsr(0x3b), "TSC_ADJUST is 0 at first (%#lx)", rdmsr(0x3b));
	wrmsr(0x10, 0);
	ok(rdtsc() < 1ULL << 36, "the TSC set to 0");
	wrmsr(0x10, 100000000000ULL);
	after = rdtsc();
	ok(after >= 100000000000ULL && after < 200000000000ULL, "and to 10^11");
	if (!has_cpuid(7, 1, 1)) {
		note("no TSC_ADJUST");
		return;
	}
	before = rdtsc();
	wrmsr(0x3b, rdmsr(0x3b) - 50000000000ULL);
	after = rdtsc();
	ok(after < before, "TSC_ADJUST takes from it");
	wrmsr(0x3b, 0);
	before = rdtsc();
	wrmsr(0x3b, 100000000000ULL);
	after = rdtsc();
	ok(rdmsr(0x3b) == 100000000000ULL && after - before >= 100000000000ULL, "TSC_ADJUST moves it");
	wrmsr(0x3b, 0);
	before = rdtsc();
	wrmsr(0x10, before + 50000000000ULL);
	adjust = rdmsr(0x3b);
	ok(adjust >= 49000000000ULL && adjust <= 50000000000ULL, "setting it shows in TSC_ADJUST (%lu)", adjust);
	wrmsr(0x3b, 0);
}

static void reads(void)
{
	static const u32 zero[] = { 0xc0010004, 0xc0010000, 0x8b, 0xc001001f, 0xc0010010, 0xc0010058 };
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(zero); i++)
		n += try_rdmsr(zero[i]) == NOTHING;
	ok(n == ARRAY_SIZE(zero), "what systems read without asking can be read (%u)", n);
	ok(try_rdmsr(0x40000000) == GP, "an unknown one cannot");
	ok(try_rdmsr(0x49) == GP, "nor PRED_CMD");
}

void test_msr(void)
{
	values();
	refused();
	machine_checks();
	reads();
	time_stamp();
}
