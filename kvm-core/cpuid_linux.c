// SPDX-License-Identifier: GPL-2.0
/*
 * What CPUID guests may be given: vcpuid's policy applied to the host's CPU
 * (KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID). What a vCPU then has, and what
 * CPUID answers there, is vcpu_cpuid_linux.c's.
 */
#include <linux/kvm.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>
#include "kvm-core/smmu.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"

static u64 host_xcr0;

/* Not in a guest's run, where XCR0 may be its own. */
void cpuid_init(void)
{
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
}

/* The kernel switches all that it uses itself, PKRU apart, which is svm's. */
u64 vcpu_xcr0_possible(void)
{
	u64 possible = host_xcr0 & VCPUID_XCR0;

	return vcpu_has_keys() ? possible : possible & ~(u64)XFEATURE_MASK_PKRU;
}

/* Leaf D.n tells where each part is, and by bit 1 of ECX that it begins at a multiple
 * of 64 where XSAVEC stores it.
 */
u32 cpuid_xsave_size(u64 xcr0, bool compact)
{
	u32 size = sizeof(struct fxregs_state) + sizeof(struct xstate_header);
	u32 bytes, at, flags, none;
	unsigned int n;

	for (n = XFEATURE_YMM; n <= XFEATURE_PKRU; n++) {
		if (!(xcr0 & BIT_ULL(n)))
			continue;
		cpuid_count(0xd, n, &bytes, &at, &flags, &none);
		if (compact)
			at = flags & BIT(1) ? ALIGN(size, 64) : size;
		size = max(size, at + bytes);
	}
	return size;
}

/*
 * Against speculation, by the kernel's word rather than the CPU's, which may know a
 * bit by its microcode, or by another vendor's number. SPEC_CTRL where the CPU keeps
 * the guest's apart; VIRT_SPEC_CTRL where the kernel has a way to do what it asks.
 */
static void cpuid_speculation(struct vcpuid_host *host)
{
	static const struct { u16 feature; u8 bit; } leaf8[] = {
		{ X86_FEATURE_IBRS, 14 }, { X86_FEATURE_STIBP, 15 },
		{ X86_FEATURE_AMD_STIBP_ALWAYS_ON, 17 }, { X86_FEATURE_AMD_SSBD, 24 },
	}, leaf21[] = {
		{ X86_FEATURE_VERW_CLEAR, 5 }, { X86_FEATURE_AUTOIBRS, 8 },
		{ X86_FEATURE_SBPB, 27 }, { X86_FEATURE_IBPB_BRTYPE, 28 },
		{ X86_FEATURE_SRSO_NO, 29 }, { X86_FEATURE_LFENCE_RDTSC, 2 },
	};
	bool control = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL);
	unsigned int i;

	host->leaf7_edx |= BIT(29);	/* ARCH_CAPABILITIES */
	host->leaf21_eax |= BIT(9);	/* no SMM_CTL */
	for (i = 0; control && i < ARRAY_SIZE(leaf8); i++)
		if (boot_cpu_has(leaf8[i].feature))
			host->leaf8_ebx |= BIT(leaf8[i].bit);
	for (i = 0; i < ARRAY_SIZE(leaf21); i++)
		if (boot_cpu_has(leaf21[i].feature))
			host->leaf21_eax |= BIT(leaf21[i].bit);
	if (!boot_cpu_has_bug(X86_BUG_NULL_SEG))
		host->leaf21_eax |= BIT(6);
	if (boot_cpu_has(X86_FEATURE_TSA_SQ_NO))
		host->leaf21_ecx |= BIT(1);
	if (boot_cpu_has(X86_FEATURE_TSA_L1_NO))
		host->leaf21_ecx |= BIT(2);
	if (boot_cpu_has(X86_FEATURE_IBPB))
		host->leaf8_ebx |= BIT(12);
	if (boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) || boot_cpu_has(X86_FEATURE_VIRT_SSBD))
		host->leaf8_ebx |= BIT(25);
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		host->leaf8_ebx |= BIT(26);
	/* The same by the other vendor's bits: SPEC_CTRL, STIBP, SSBD */
	if (control && boot_cpu_has(X86_FEATURE_IBPB) && boot_cpu_has(X86_FEATURE_IBRS))
		host->leaf7_edx |= BIT(26);
	if (control && boot_cpu_has(X86_FEATURE_STIBP))
		host->leaf7_edx |= BIT(27);
	if (control && boot_cpu_has(X86_FEATURE_AMD_SSBD))
		host->leaf7_edx |= BIT(31);
}

/*
 * What the other vendor's CPUs say in a register of their faults. Guests ask for it
 * whatever they run on; the kernel knows which faults this CPU has. Two bits speak of
 * hypervisors: none needs to flush L1 for a guest, none to fear a page of changing size.
 */
u64 cpuid_arch_caps(void)
{
	static const struct { u16 bug; u64 absent; } bugs[] = {
		{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
		{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
		{ X86_BUG_MDS, ARCH_CAP_MDS_NO }, { X86_BUG_GDS, ARCH_CAP_GDS_NO },
		{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO }, { X86_BUG_ITS, ARCH_CAP_ITS_NO },
	};
	u64 caps = ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_PSCHANGE_MC_NO;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!boot_cpu_has_bug(bugs[i].bug))
			caps |= bugs[i].absent;
	return caps;
}

static struct vcpuid_host cpuid_host(void)
{
	u64 xcr0 = vcpu_xcr0_possible();
	struct vcpuid_host host = {
		.xcr0 = xcr0,
		.xsave_bytes = cpuid_xsave_size(xcr0, false),
		.xsavec_bytes = cpuid_xsave_size(xcr0, true),
		.max_basic = cpuid_eax(0),
		.max_extended = cpuid_eax(0x80000000),
		.kernel_lapic = true,
		.steal_time = sched_info_on(),
		.pku = vcpu_has_keys(),
		.phys_bits = vcpu_ops->shadow ? SMMU_GPA_BITS : 0,
	};

	if (host.max_basic >= 7)
		host.max_features = cpuid_eax(7);
	cpuid_speculation(&host);
	return host;
}

/*
 * What the kernel has switched off, by its command line or because the CPU does it
 * wrong, is not for guests either. It forgets LA57 where it uses four levels, which
 * is no reason.
 */
static void cpuid_known(u32 leaf, u32 sub, struct vcpuid_regs *r)
{
	const __u32 *known = boot_cpu_data.x86_capability;

	switch (leaf) {
	case 1:
		r->ecx &= known[CPUID_1_ECX];
		r->edx &= known[CPUID_1_EDX];
		break;
	case 7:
		if (sub) {
			r->eax &= known[CPUID_7_1_EAX];
			break;
		}
		r->ebx &= known[CPUID_7_0_EBX];
		r->ecx &= known[CPUID_7_ECX] | BIT(16);
		r->edx &= known[CPUID_7_EDX];
		break;
	case 0xd:
		if (sub == 1)
			r->eax &= known[CPUID_D_1_EAX];
		break;
	case 0x80000001:
		r->ecx &= known[CPUID_8000_0001_ECX];
		r->edx &= known[CPUID_8000_0001_EDX];
		break;
	case 0x80000008:
		r->ebx &= known[CPUID_8000_0008_EBX];
		break;
	}
}

/* Fill @e with leaves the guest may see; returns how many, at most @max + 1. */
static unsigned int collect_cpuid(struct kvm_cpuid_entry2 *e, unsigned int max)
{
	struct vcpuid_host host = cpuid_host();
	unsigned int i, sub, subleaves, n = 0;
	struct vcpuid_regs r;
	u32 leaf;

	for (i = 0; vcpuid_leaf(i, &leaf, &subleaves); i++) {
		for (sub = 0; sub < subleaves; sub++) {
			cpuid_count(leaf, sub, &r.eax, &r.ebx, &r.ecx, &r.edx);
			cpuid_known(leaf, sub, &r);
			if (!vcpuid_filter(&host, leaf, sub, &r))
				continue;
			if (n == max)
				return max + 1;
			e[n++] = (struct kvm_cpuid_entry2){
				.function = leaf, .index = sub,
				.flags = vcpuid_is_indexed(leaf) ?
					KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
				.eax = r.eax, .ebx = r.ebx,
				.ecx = r.ecx, .edx = r.edx,
			};
		}
	}
	return n;
}

/* Nothing is emulated that the CPU lacks: the leaves that would say so, empty. */
static unsigned int collect_emulated(struct kvm_cpuid_entry2 *e, unsigned int max)
{
	static const u32 leaves[] = { 0, 1, 7 };
	unsigned int i;

	if (max < ARRAY_SIZE(leaves))
		return max + 1;
	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		e[i] = (struct kvm_cpuid_entry2){
			.function = leaves[i], .eax = leaves[i] ? 0 : 7,
			.flags = vcpuid_is_indexed(leaves[i]) ?
				KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		};
	return i;
}

/* The newer of the two ioctls keeps the words for later: whoever leaves something in
 * them does not know it.
 */
static bool padding_clear(const struct kvm_cpuid_entry2 __user *e, u32 n)
{
	u32 padding[3];

	for (; n; n--, e++)
		if (copy_from_user(padding, e->padding, sizeof(padding)) ||
		    padding[0] | padding[1] | padding[2])
			return false;
	return true;
}

int cpuid_get_supported(struct kvm_cpuid2 __user *arg, bool emulated)
{
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid2 head;
	unsigned int n = 0;
	int err = 0;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (!head.nent)
		return -E2BIG;
	head.nent = min_t(u32, head.nent, CPUID_MAX_ENTRIES);
	if (emulated && !padding_clear(arg->entries, head.nent))
		return -EINVAL;
	entries = kvcalloc(head.nent, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	n = emulated ? collect_emulated(entries, head.nent) :
		       collect_cpuid(entries, head.nent);
	if (n > head.nent)
		err = -E2BIG;
	else if (put_user(n, &arg->nent) ||
		 copy_to_user(arg->entries, entries, n * sizeof(*entries)))
		err = -EFAULT;
	kvfree(entries);
	return err;
}
