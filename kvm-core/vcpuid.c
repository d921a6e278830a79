// SPDX-License-Identifier: GPL-2.0
/*
 * vcpuid: the CPUID policy, as a table of masks (APM3 appendix E). Pure. Asked
 * by cpuid_linux.c for KVM_GET_SUPPORTED_CPUID; what a guest then really gets is
 * what user space sets.
 */
#include "kvm-core/vcpuid.h"

#define M(n) (1U << (n))

/* 1 ECX: SSE3 PCLMUL SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX
 * F16C RDRAND. MONITOR is not: MWAIT would take the host's CPU.
 */
#define LEAF1_ECX (M(0) | M(1) | M(9) | M(12) | M(13) | M(19) | M(20) | \
		   M(22) | M(23) | M(25) | M(26) | M(28) | M(29) | M(30))
#define ECX_X2APIC	M(21)
#define ECX_HYPERVISOR	M(31)

/* Bits 0-17 of 1 EDX that 8000_0001 EDX repeats, less 11 (SEP/SYSCALL). */
#define COMMON_EDX (M(0) | M(1) | M(2) | M(3) | M(4) | M(5) | M(6) | M(7) | \
		    M(8) | M(9) | M(12) | M(13) | M(14) | M(15) | M(16) | \
		    M(17) | M(23) | M(24))
/* + SEP CLFSH SSE SSE2 SS */
#define LEAF1_EDX (COMMON_EDX | M(11) | M(19) | M(25) | M(26) | M(27))

#define LEAF6_ARAT	M(2)

/* FSGSBASE BMI1 AVX2 FDP-only-by-exceptions SMEP BMI2 ERMS no-FCS-FDS RDSEED ADX
 * SMAP CLFLUSHOPT CLWB SHA
 */
#define LEAF7_EBX (M(0) | M(3) | M(5) | M(6) | M(7) | M(8) | M(9) | M(13) | \
		   M(18) | M(19) | M(20) | M(23) | M(24) | M(29))
#define EBX_TSC_ADJUST	M(1)
#define ECX_PKU		M(3)
/* UMIP PKU GFNI VAES VPCLMULQDQ LA57 RDPID CLDEMOTE MOVDIRI MOVDIR64B */
#define LEAF7_ECX (M(2) | ECX_PKU | M(8) | M(9) | M(10) | M(16) | M(22) | M(25) | \
		   M(27) | M(28))
/* FSRM SERIALIZE */
#define LEAF7_EDX (M(4) | M(14))
/* Subleaf 1: AVX-VNNI CMPCCXADD FZRM FSRS FSRC AVX-IFMA */
#define LEAF71_EAX (M(4) | M(7) | M(10) | M(11) | M(12) | M(23))

/* AVX-512: F DQ IFMA CD BW VL; VBMI VBMI2 VNNI BITALG VPOPCNTDQ; VP2INTERSECT FP16;
 * subleaf 1: BF16
 */
#define AVX512_EBX	(M(16) | M(17) | M(21) | M(28) | M(30) | M(31))
#define AVX512_ECX	(M(1) | M(6) | M(11) | M(12) | M(14))
#define AVX512_EDX	(M(8) | M(23))
#define AVX512_1_EAX	M(5)

/* LAHF CMPLEGACY CR8LEG ABM SSE4A MISALIGN PREFETCHW OSVW XOP FMA4 TBM TOPOEXT. SVM is
 * not: no nested guests.
 */
#define LEAF81_ECX (M(0) | M(1) | M(4) | M(5) | M(6) | M(7) | M(8) | M(9) | M(11) | \
		    M(16) | M(21) | M(22))
/* + SYSCALL NX MMXEXT FXSR_OPT 1GB RDTSCP LM 3DNOWEXT 3DNOW */
#define LEAF81_EDX (COMMON_EDX | M(11) | M(20) | M(22) | M(25) | M(26) | \
		    M(27) | M(29) | M(30) | M(31))
/* CLZERO, error pointers by XSAVE, WBNOINVD, no speculative store bypass */
#define LEAF88_EBX (M(0) | M(2) | M(9) | M(26))
/* No nested data breakpoints, LFENCE serializes, a null selector clears the base */
#define LEAF821_EAX (M(0) | M(2) | M(6))

/* XSAVEOPT XSAVEC XGETBV1 XSAVES, the last with an IA32_XSS that is always 0 */
#define LEAFD1_EAX	(M(0) | M(2) | VCPUID_COMPACTS)

/* Clock, no I/O delay, clock 2, async faults, PV EOI, unhalt, TLB flush, async faults
 * as exits (of nested guests; for want of those it says nothing, but a guest that was
 * told so elsewhere brings its setting along), send IPI, poll control, sched yield,
 * async faults by interrupt, stable clock.
 */
#define KVM_FEATURES (M(0) | M(1) | M(3) | M(4) | M(6) | M(7) | M(9) | M(10) | \
		      M(11) | M(12) | M(13) | M(14) | M(24))
#define KVM_FEATURE_STEAL	M(5)

struct row {
	u32 leaf;
	unsigned int subleaves;
	u32 eax, ebx, ecx, edx;		/* masks of the host's answer */
};

static const struct row table[] = {
	{ 0x00000000, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x00000001, 1, ~0U, 0x0000ff00, LEAF1_ECX, LEAF1_EDX },
	{ 0x00000002, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x00000007, 2, ~0U, LEAF7_EBX | AVX512_EBX, LEAF7_ECX | AVX512_ECX,
	  LEAF7_EDX | AVX512_EDX },
	{ 0x0000000d, 10, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000000, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000001, 1, ~0U, ~0U, LEAF81_ECX, LEAF81_EDX },
	{ 0x80000002, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000003, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000004, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000005, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000006, 1, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000007, 1, 0, 0, 0, M(8) },			/* invariant TSC */
	{ 0x80000008, 1, 0x0000ffff, LEAF88_EBX, ~0U, 0 },
	{ 0x80000019, 1, ~0U, ~0U, 0, 0 },			/* TLB, 1G pages */
	{ 0x8000001a, 1, 7, 0, 0, 0 },				/* how wide AVX is */
	{ 0x8000001d, 5, ~0U, ~0U, ~0U, ~0U },
	{ 0x80000021, 1, LEAF821_EAX, 0, 0, 0 },
};

#define MAX_BASIC	0x0000000dU
#define MAX_EXTENDED	0x80000021U

/* A leaf without a row offers nothing: zeros, for a VMM that fills it in. */
static const struct row empty = { .subleaves = 1 };

static const struct row *find_row(u32 leaf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].leaf == leaf)
			return &table[i];
	return &empty;
}

static bool in_ranges(u32 leaf)
{
	return leaf <= MAX_BASIC ||
	       (leaf >= VCPUID_KVM_LEAF && leaf <= VCPUID_KVM_FEATURES) ||
	       (leaf >= 0x80000000U && leaf <= MAX_EXTENDED);
}

bool vcpuid_leaf(unsigned int i, u32 *leaf, unsigned int *subleaves)
{
	*leaf = i;
	if (i > MAX_BASIC) {
		i -= MAX_BASIC + 1;
		*leaf = i < 2 ? VCPUID_KVM_LEAF + i : 0x80000000U + i - 2;
	}
	*subleaves = find_row(*leaf)->subleaves;
	return in_ranges(*leaf);
}

bool vcpuid_is_indexed(u32 leaf)
{
	return leaf == 4 || leaf == 7 || leaf == 0xb || find_row(leaf)->subleaves > 1;
}

/* "KVMKVMKVM": what guests look for before they use kvmclock. */
static void kvm_signature(struct vcpuid_regs *r)
{
	r->eax = VCPUID_KVM_FEATURES;
	r->ebx = 0x4b4d564b;
	r->ecx = 0x564b4d56;
	r->edx = 0x0000004d;
}

static bool leaf_xsave(const struct vcpuid_host *host, u32 subleaf,
		       struct vcpuid_regs *r)
{
	switch (subleaf) {
	case 0:
		r->eax &= host->xcr0;
		r->ebx = host->xsave_bytes;
		r->ecx = host->xsave_bytes;
		r->edx = 0;
		return true;
	case 1:
		r->eax &= LEAFD1_EAX;
		r->ebx = r->eax & VCPUID_COMPACTS ? host->xsavec_bytes : 0;
		r->ecx = 0;
		r->edx = 0;
		return true;
	default:
		return (host->xcr0 >> subleaf & 1) && r->eax;
	}
}

static bool leaf_features(const struct vcpuid_host *host, u32 subleaf,
			  struct vcpuid_regs *r)
{
	bool wide = (host->xcr0 & VCPUID_AVX512) == VCPUID_AVX512;

	if (subleaf) {
		r->eax &= LEAF71_EAX | (wide ? AVX512_1_EAX : 0);
		r->ebx = 0;
		r->ecx = 0;
		r->edx = 0;
		return host->max_features >= 1;
	}
	r->eax = min(r->eax, 1U);
	r->ebx |= EBX_TSC_ADJUST;	/* ours, whatever the CPU has */
	r->edx |= host->leaf7_edx;
	if (!host->pku)
		r->ecx &= ~ECX_PKU;
	if (!wide) {
		r->ebx &= ~AVX512_EBX;
		r->ecx &= ~AVX512_ECX;
		r->edx &= ~AVX512_EDX;
	}
	return true;
}

/* 8000_0021h tells what older CPUs have, too. User space that finds it takes those
 * before it for granted, so not on CPUs that lack most of them.
 */
static u32 highest_extended(const struct vcpuid_host *host)
{
	return host->max_extended >= 0x8000001dU ? MAX_EXTENDED :
						   min(host->max_extended, MAX_EXTENDED);
}

bool vcpuid_filter(const struct vcpuid_host *host, u32 leaf, u32 subleaf,
		   struct vcpuid_regs *r)
{
	const struct row *row = find_row(leaf);

	if (!in_ranges(leaf) || subleaf >= row->subleaves)
		return false;
	if (leaf < VCPUID_KVM_LEAF && leaf > host->max_basic)
		return false;
	if (leaf >= 0x80000000U && leaf > highest_extended(host))
		return false;
	if (leaf >= 0x80000000U && leaf > host->max_extended)
		memset(r, 0, sizeof(*r));

	r->eax &= row->eax;
	r->ebx &= row->ebx;
	r->ecx &= row->ecx;
	r->edx &= row->edx;

	switch (leaf) {
	case 0:
		r->eax = min(r->eax, MAX_BASIC);
		break;
	case 1:
		r->ecx |= ECX_HYPERVISOR;
		if (host->kernel_lapic)
			r->ecx |= ECX_X2APIC;
		break;
	case 6:
		r->eax = LEAF6_ARAT;		/* the APIC's timer is ours */
		break;
	case 7:
		return leaf_features(host, subleaf, r);
	case 0xd:
		return leaf_xsave(host, subleaf, r);
	case VCPUID_KVM_LEAF:
		kvm_signature(r);
		break;
	case VCPUID_KVM_FEATURES:
		r->eax = KVM_FEATURES;
		if (host->steal_time)
			r->eax |= KVM_FEATURE_STEAL;
		break;
	case 0x80000000:
		r->eax = highest_extended(host);
		break;
	case 0x80000008:
		r->ebx |= host->leaf8_ebx;
		if (host->phys_bits)
			r->eax = (r->eax & ~0xffU) | min(r->eax & 0xff, host->phys_bits);
		break;
	case 0x80000021:
		r->eax |= host->leaf21_eax;
		r->ecx |= host->leaf21_ecx;
		break;
	default:
		break;
	}
	return true;
}
