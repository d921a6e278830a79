// SPDX-License-Identifier: GPL-2.0
/*
 * vmsr: which MSRs a guest has (APM2 appendix A). Pure. msr_linux.c acts on
 * the class; the values live in struct vcpu.
 */
#include "kvm-core/vmsr.h"

struct range {
	u32 first, last;
	enum vmsr_class class;
};

/* In order; in two, so that each search is a step shorter. */
static const struct range low[] = {
	{ 0x00000010, 0x00000010, VMSR_OWN },	/* TSC */
	{ 0x00000011, 0x00000012, VMSR_OWN },	/* kvmclock, old numbers */
	{ 0x0000001b, 0x0000001b, VMSR_OWN },	/* APIC base */
	{ 0x00000034, 0x00000034, VMSR_OWN },	/* SMI count */
	{ 0x0000003b, 0x0000003b, VMSR_OWN },	/* TSC adjust */
	{ 0x00000048, 0x00000049, VMSR_OWN },	/* speculation: control, barrier */
	{ 0x0000008b, 0x0000008b, VMSR_OWN },	/* microcode revision */
	{ 0x0000009e, 0x0000009e, VMSR_OWN },	/* SMBASE */
	{ 0x000000ce, 0x000000ce, VMSR_OWN },	/* platform information */
	{ 0x000000fe, 0x000000fe, VMSR_MTRR },	/* MTRRcap */
	{ 0x0000010a, 0x0000010a, VMSR_OWN },	/* capabilities */
	{ 0x00000140, 0x00000140, VMSR_OWN },	/* CPUID faulting */
	{ 0x00000174, 0x00000176, VMSR_OWN },	/* SYSENTER */
	{ 0x00000179, 0x0000017b, VMSR_MCE },	/* MCG cap, status, control */
	{ 0x000001a0, 0x000001a0, VMSR_OWN },	/* misc enable */
	{ 0x000001fc, 0x000001fc, VMSR_OWN },	/* power control */
	{ 0x00000200, 0x0000020f, VMSR_MTRR },	/* variable */
	{ 0x00000250, 0x00000250, VMSR_MTRR },
	{ 0x00000258, 0x00000259, VMSR_MTRR },
	{ 0x00000268, 0x0000026f, VMSR_MTRR },
	{ 0x00000277, 0x00000277, VMSR_OWN },	/* PAT */
	{ 0x000002ff, 0x000002ff, VMSR_MTRR },	/* default type */
	{ 0x00000345, 0x00000345, VMSR_OWN },	/* performance capabilities */
	{ 0x00000400, 0x0000047f, VMSR_MCE },	/* 32 banks of 4 */
	{ 0x000006e0, 0x000006e0, VMSR_X2APIC },/* TSC deadline */
	{ 0x00000800, 0x000008ff, VMSR_X2APIC },
	{ 0x00000da0, 0x00000da0, VMSR_OWN },	/* XSS */
};

static const struct range high[] = {
	{ 0x4b564d00, 0x4b564d01, VMSR_OWN },	/* kvmclock */
	{ 0x4b564d02, 0x4b564d07, VMSR_PV },	/* async faults .. their ack */
	{ 0xc0000080, 0xc0000084, VMSR_OWN },	/* EFER STAR LSTAR CSTAR MASK */
	{ 0xc0000100, 0xc0000103, VMSR_OWN },	/* FS GS KernelGS TSC_AUX */
	{ 0xc0010015, 0xc0010015, VMSR_OWN },	/* HWCR */
	{ 0xc001011f, 0xc001011f, VMSR_OWN },	/* speculation, virtual */
	{ 0xc0010140, 0xc0010141, VMSR_OWN },	/* OS-visible workarounds */
	{ 0xc0011029, 0xc0011029, VMSR_OWN },	/* DE_CFG */
};

/*
 * Those that mean nothing, looked for last. Systems read and write many of these without
 * asking what CPU they run on, and die of a #GP. Which ones raise none, and for which of
 * the two, is Linux's KVM's choice: guests are used to it.
 */
static const struct range idle[] = {
	{ 0x00000000, 0x00000001, VMSR_FIXED },	/* a Pentium's machine check */
	{ 0x00000017, 0x00000017, VMSR_FIXED },	/* platform id */
	{ 0x0000002a, 0x0000002a, VMSR_FIXED },	/* power-on configuration */
	{ 0x0000002c, 0x0000002c, VMSR_FIXED },	/* bus frequency of a Pentium 4 */
	{ 0x00000079, 0x00000079, VMSR_SINK },	/* microcode update trigger */
	{ 0x000000c1, 0x000000c2, VMSR_SET },	/* performance counters */
	{ 0x000000cd, 0x000000cd, VMSR_FIXED },	/* bus frequency */
	{ 0x0000011e, 0x0000011e, VMSR_SET },	/* L2 cache control */
	{ 0x00000186, 0x00000187, VMSR_SET },	/* event selects */
	{ 0x00000198, 0x00000199, VMSR_FIXED },	/* P-state: status, control */
	{ 0x000001d9, 0x000001d9, VMSR_SET },	/* DebugCtl */
	{ 0x000001db, 0x000001de, VMSR_FIXED },	/* last branch */
	{ 0x00000606, 0x00000606, VMSR_FIXED },	/* unit of power, */
	{ 0x00000611, 0x00000611, VMSR_FIXED },	/* energy of the package, */
	{ 0x00000619, 0x00000619, VMSR_FIXED },	/* of DRAM, */
	{ 0x00000639, 0x00000639, VMSR_FIXED },	/* of the cores, */
	{ 0x00000641, 0x00000641, VMSR_FIXED },	/* of the rest */
	{ 0xc0010000, 0xc0010007, VMSR_SET },	/* performance counters */
	{ 0xc0010010, 0xc0010010, VMSR_FIXED },	/* SYSCFG */
	{ 0xc001001b, 0xc001001b, VMSR_SET },	/* CLK_CTL */
	{ 0xc001001f, 0xc001001f, VMSR_SET },	/* NB_CFG */
	{ 0xc0010020, 0xc0010020, VMSR_SINK },	/* patch loader */
	{ 0xc0010055, 0xc0010055, VMSR_FIXED },	/* interrupt pending message */
	{ 0xc0010058, 0xc0010058, VMSR_SET },	/* MMIO configuration base */
	{ 0xc0010112, 0xc0010113, VMSR_FIXED },	/* SMM's memory */
	{ 0xc0010114, 0xc0010114, VMSR_SET },	/* VM_CR */
	{ 0xc0010115, 0xc0010115, VMSR_SINK },	/* IGNNE */
	{ 0xc0010117, 0xc0010117, VMSR_SET },	/* where VMRUN would keep the host */
	{ 0xc0011021, 0xc0011021, VMSR_FIXED },	/* IC_CFG */
	{ 0xc0011022, 0xc0011023, VMSR_SET },	/* DC_CFG, TW_CFG */
	{ 0xc001102a, 0xc001102a, VMSR_SET },	/* BU_CFG2 */
	{ 0xc001102c, 0xc001102c, VMSR_SET },	/* EX_CFG */
};

static enum vmsr_class find(const struct range *r, unsigned int n, u32 msr)
{
	unsigned int lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (msr > r[mid].last)
			lo = mid + 1;
		else if (msr < r[mid].first)
			hi = mid;
		else
			return r[mid].class;
	}
	return VMSR_UNKNOWN;
}

enum vmsr_class vmsr_classify(u32 msr)
{
	enum vmsr_class class = msr >= high[0].first ? find(high, ARRAY_SIZE(high), msr) :
						       find(low, ARRAY_SIZE(low), msr);

	return class != VMSR_UNKNOWN ? class : find(idle, ARRAY_SIZE(idle), msr);
}

u64 vmsr_set_value(u32 msr)
{
	switch (msr) {
	case 0x2c:		/* 100 MHz, a number every model has */
		return 1U << 24;
	case 0xcd:		/* 100 MHz or more, by model */
		return 3;
	case 0x11e:		/* 256 KiB, switched on */
		return 0xbe702111;
	case 0x198:		/* a multiple of 4 */
		return 4ULL << 40 | 1000;
	case 0xc001001b:	/* as the K7's errata want it: nothing to mend */
		return 0x20000000;
	default:
		return 0;
	}
}

bool vmsr_known(u32 msr, bool write)
{
	switch (vmsr_classify(msr)) {
	case VMSR_UNKNOWN:
		return false;
	case VMSR_FIXED:
		return !write;
	case VMSR_SINK:
		return write;
	default:
		return true;
	}
}

static const u32 listed[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
	0xc0000102, 0xc0000103, 0x10, 0x277, 0x1a0, 0x3b, 0x6e0, 0x9e, 0x34,
	0x12, 0x11, 0x4b564d00, 0x4b564d01, 0x8b,
	0x4b564d02, 0x4b564d03, 0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07,
	0x17a, 0x17b, 0xce, 0x140, 0x1fc, 0xc0010015, 0x10a, 0x345, 0xc001011f,
	0x48,
};

bool vmsr_listed(unsigned int i, u32 *msr)
{
	if (i >= ARRAY_SIZE(listed))
		return false;
	*msr = listed[i];
	return true;
}

/* The microcode's revision, two capability registers, DE_CFG */
static const u32 features[] = { 0x8b, 0x10a, 0x345, 0xc0011029 };

bool vmsr_feature(unsigned int i, u32 *msr)
{
	if (i >= ARRAY_SIZE(features))
		return false;
	*msr = features[i];
	return true;
}

bool vmsr_address_valid(u32 msr, u64 *value, unsigned int bits)
{
	u64 canonical = (u64)((s64)(*value << (64 - bits)) >> (64 - bits));

	switch (msr) {
	case 0x175:		/* SYSENTER_ESP, EIP */
	case 0x176:
		*value = canonical;
		return true;
	case 0xc0000082:	/* LSTAR, CSTAR */
	case 0xc0000083:
	case 0xc0000100:	/* FS, GS, KernelGS base */
	case 0xc0000101:
	case 0xc0000102:
		return *value == canonical;
	default:
		return true;
	}
}

/* Types 0 UC, 1 WC, 4 WT, 5 WP, 6 WB; 7 UC- in the PAT only. */
static bool type_valid(u8 type, bool pat)
{
	return type == 0 || type == 1 || (type >= 4 && type <= (pat ? 7 : 6));
}

static bool bytes_valid(u64 value, bool pat)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!type_valid((u8)(value >> (8 * i)), pat))
			return false;
	return true;
}

bool vmsr_pat_valid(u64 value)
{
	return bytes_valid(value, true);
}

int vmsr_mtrr_index(u32 msr)
{
	switch (msr) {
	case 0x2ff:
		return 0;
	case 0x250:
		return 1;
	case 0x258:
	case 0x259:
		return 2 + (int)(msr - 0x258);
	default:
		break;
	}
	if (msr >= 0x268 && msr <= 0x26f)
		return 4 + (int)env_index_nospec(msr - 0x268, 8);
	if (msr >= 0x200 && msr <= 0x20f)
		return 12 + (int)env_index_nospec(msr - 0x200, 16);
	return -1;
}

/* 8 variable ranges, fixed ranges, write-combining (APM2 7.7.1). */
u64 vmsr_mtrr_cap(void)
{
	return 8 | BIT_ULL(8) | BIT_ULL(10);
}

bool vmsr_mtrr_valid(u32 msr, u64 value, unsigned int phys_bits)
{
	u64 reserved = ~0ULL << phys_bits;

	if (msr == 0x2ff)
		return !(value & ~0xcffULL) && type_valid((u8)value, false);
	if (msr >= 0x250 && msr <= 0x26f)
		return bytes_valid(value, false);
	if (msr & 1)
		return !(value & (reserved | 0x7ff));
	return !(value & (reserved | 0xf00)) && type_valid((u8)value, false);
}
