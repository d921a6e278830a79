// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID, MSRs and control registers of a vCPU: the policy tables (vcpuid,
 * vmsr) applied to state, and the ioctls that list, read and write it.
 *
 * Called by svm's exit handlers with @host false (a guest instruction, all
 * checks) and by the ioctls with @host true.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <uapi/linux/kvm_para.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "kvm-core/mce.h"
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"
#include "kvm-core/vmsr.h"

#define MAX_IO_MSRS		256

/* ---- CPUID ------------------------------------------------------------------------ */

static struct kvm_cpuid_entry2 *find_in(struct kvm_cpuid_entry2 *e, unsigned int n,
					u32 leaf, u32 sub)
{
	for (; n; n--, e++)
		if (e->function == leaf &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     e->index == sub))
			return e;
	return NULL;
}

static const struct kvm_cpuid_entry2 *find_cpuid(struct vcpu *v, u32 leaf, u32 sub)
{
	return find_in(v->cpuid, v->nr_cpuid, leaf, sub);
}

/* A register of a leaf's first subleaf, as user space gave it; 0 without. */
static u32 cpuid_bits(struct vcpu *v, u32 leaf, unsigned int reg)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, leaf, 0);

	return e ? (&e->eax)[reg] : 0;
}

bool vcpu_has_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, unsigned int reg,
		    unsigned int bit)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, leaf, subleaf);

	return e && ((&e->eax)[reg] >> bit & 1);
}

u32 vcpu_signature(struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, 1, 0);

	return e ? e->eax : 0x600;
}

bool vcpu_is_intel(struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, 0, 0);

	return e && e->ebx == 0x756e6547 && e->edx == 0x49656e69 && e->ecx == 0x6c65746e;
}

enum { REG_EAX, REG_EBX, REG_ECX, REG_EDX };

#define XSAVE_COMPACTS	(BIT(1) | BIT(3))	/* D.1 EAX: XSAVEC, XSAVES */

/* Bits that mirror control registers. Inlined: variables in memory cost a guard. */
static __always_inline void mirror_leaf1(struct vcpu *v, u32 *ecx, u32 *edx)
{
	*ecx &= ~BIT(27);
	if (v->cr4 & X86_CR4_OSXSAVE)
		*ecx |= BIT(27);
	*edx &= ~BIT(9);
	if (vcpu_irq_get_apic_base(v) & MSR_IA32_APICBASE_ENABLE)
		*edx |= BIT(9);
	if (unlikely(!vm_has_quirk(v->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))) {
		*ecx &= ~BIT(3);
		if (v->msr.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT)
			*ecx |= BIT(3);
	}
}

static u32 mirror_leaf7(const struct vcpu *v, u32 ecx)
{
	return v->cr4 & X86_CR4_PKE ? ecx | BIT(4) : ecx & ~(u32)BIT(4);
}

/* Of the XSAVE area, the size for what is enabled. */
static u32 mirror_leafd(const struct vcpu *v, const struct kvm_cpuid_entry2 *e)
{
	if (e->index == 0)
		return cpuid_xsave_size(v->xcr0, false);
	if (e->index == 1 && (e->eax & XSAVE_COMPACTS))
		return cpuid_xsave_size(v->xcr0, true);
	return e->ebx;
}

bool vcpu_offers_mwait(struct vcpu *v)
{
	if (!vm_has_quirk(v->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
		return v->msr.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT;
	return vcpu_has_cpuid(v, 1, 0, REG_ECX, 3);
}
EXPORT_SYMBOL_GPL(vcpu_offers_mwait);

/* An entry as the guest finds it now. */
static struct kvm_cpuid_entry2 entry_now(struct vcpu *v, const struct kvm_cpuid_entry2 *e)
{
	struct kvm_cpuid_entry2 now = *e;

	if (e->function == 1)
		mirror_leaf1(v, &now.ecx, &now.edx);
	else if (e->function == 7 && e->index == 0)
		now.ecx = mirror_leaf7(v, now.ecx);
	else if (e->function == 0xd)
		now.ebx = mirror_leafd(v, e);
	return now;
}

static noinline __cold void cpuid_traced(u32 leaf, u32 sub, u64 *regs)
{
	trace_kvm_cpuid(leaf, sub, regs, true);
}

/* The leaf whose EAX tells the highest of its kind */
static u32 cpuid_class(u32 leaf)
{
	if (leaf >> 28 == 4)
		return leaf & 0xffffff00;
	return leaf >= 0xc0000000 ? 0xc0000000 : leaf & 0x80000000;
}

/* Intel's CPUs answer for a leaf above the highest with the last basic one (SDM 2A,
 * CPUID), AMD's with zeros.
 */
static const struct kvm_cpuid_entry2 *cpuid_beyond(struct vcpu *v, u32 leaf, u32 sub)
{
	const struct kvm_cpuid_entry2 *basic = find_cpuid(v, 0, 0),
				      *kind = find_cpuid(v, cpuid_class(leaf), 0);

	if (!vcpu_is_intel(v) || (kind && leaf <= kind->eax))
		return NULL;
	return find_cpuid(v, basic->eax, sub);
}

/* Of a level of the topology that there is not, the number and the CPU's id. */
static struct kvm_cpuid_entry2 no_level(struct vcpu *v, u32 leaf, u32 sub)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, leaf, 1);

	return (struct kvm_cpuid_entry2){
		.ecx = e ? sub & 0xff : 0, .edx = e ? e->edx : 0,
	};
}

static noinline __cold void cpuid_absent(struct vcpu *v, u32 leaf, u32 sub)
{
	const struct kvm_cpuid_entry2 *e = cpuid_beyond(v, leaf, sub);
	struct kvm_cpuid_entry2 now = { };

	if (e)
		now = entry_now(v, e);
	else if (leaf == 0xb || leaf == 0x1f)
		now = no_level(v, leaf, sub);
	v->regs[EMUL_RAX] = now.eax;
	v->regs[EMUL_RBX] = now.ebx;
	v->regs[EMUL_RCX] = now.ecx;
	v->regs[EMUL_RDX] = now.edx;
	trace_kvm_cpuid(leaf, sub, v->regs, false);
}

void vcpu_cpuid(struct vcpu *v)
{
	u32 leaf = (u32)v->regs[EMUL_RAX], sub = (u32)v->regs[EMUL_RCX];
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, leaf, sub);
	u32 ecx, edx;

	if (unlikely(!e)) {
		cpuid_absent(v, leaf, sub);
		return;
	}
	ecx = e->ecx;
	edx = e->edx;
	v->regs[EMUL_RBX] = e->ebx;
	if (leaf == 1)
		mirror_leaf1(v, &ecx, &edx);
	else if (leaf == 7 && sub == 0)
		ecx = mirror_leaf7(v, ecx);
	else if (leaf == 0xd)
		v->regs[EMUL_RBX] = mirror_leafd(v, e);
	v->regs[EMUL_RAX] = e->eax;
	v->regs[EMUL_RCX] = ecx;
	v->regs[EMUL_RDX] = edx;
	if (trace_kvm_cpuid_enabled())
		cpuid_traced(leaf, sub, v->regs);
}
EXPORT_SYMBOL_GPL(vcpu_cpuid);

/* Bits of CR4 that come with a feature (APM2 3.1.3). */
static u64 cr4_by_cpuid(struct vcpu *v)
{
	static const struct {
		u64 bit;
		u32 leaf;
		u8 reg, feature;
	} by_cpuid[] = {
		{ X86_CR4_OSXSAVE, 1, REG_ECX, 26 },
		{ X86_CR4_FSGSBASE, 7, REG_EBX, 0 },
		{ X86_CR4_SMEP, 7, REG_EBX, 7 },
		{ X86_CR4_SMAP, 7, REG_EBX, 20 },
		{ X86_CR4_UMIP, 7, REG_ECX, 2 },
		{ X86_CR4_PKE, 7, REG_ECX, 3 },
		{ X86_CR4_LA57, 7, REG_ECX, 16 },
	};
	u64 allowed = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(by_cpuid); i++)
		if (vcpu_has_cpuid(v, by_cpuid[i].leaf, 0, by_cpuid[i].reg,
				   by_cpuid[i].feature))
			allowed |= by_cpuid[i].bit;
	return allowed & vcpu_cr4_possible();
}

/* KVM's feature leaf, which VMMs move up to make room for others', or NULL. */
static struct kvm_cpuid_entry2 *pv_leaf(struct kvm_cpuid_entry2 *entries, unsigned int n)
{
	const struct kvm_cpuid_entry2 *e;
	u32 base;

	for (base = VCPUID_KVM_LEAF; base < VCPUID_KVM_LEAF + 0x10000; base += 0x100) {
		e = find_in(entries, n, base, 0);
		if (e && e->ebx == 0x4b4d564b && e->ecx == 0x564b4d56 && e->edx == 0x4d)
			return find_in(entries, n, base | 1, 0);
	}
	return NULL;
}

static u32 pv_features(struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = pv_leaf(v->cpuid, v->nr_cpuid);

	return e ? e->eax : 0;
}

/* A kick cannot end a HLT that makes no exit, so no guest is told of kicks. */
static void hide_unhalt(const struct vm *vm, struct kvm_cpuid_entry2 *entries,
			unsigned int n)
{
	struct kvm_cpuid_entry2 *e = pv_leaf(entries, n);

	if (e && (READ_ONCE(vm->no_exits) & KVM_X86_DISABLE_EXITS_HLT))
		e->eax &= ~BIT(KVM_FEATURE_PV_UNHALT);
}

/* What a guest has seen stays: features do not come or go under it. */
static bool cpuid_same(struct vcpu *v, const struct kvm_cpuid_entry2 *e, unsigned int n)
{
	struct kvm_cpuid_entry2 was, is;
	unsigned int i;

	if (n != v->nr_cpuid)
		return false;
	for (i = 0; i < n; i++) {
		was = entry_now(v, &v->cpuid[i]);
		is = entry_now(v, &e[i]);
		if (memcmp(&was, &is, offsetof(struct kvm_cpuid_entry2, padding)))
			return false;
	}
	return true;
}

/* Addresses are canonical by 48 bits or by 57; nothing said is 48. */
static bool linear_bits_valid(struct kvm_cpuid_entry2 *entries, unsigned int n)
{
	const struct kvm_cpuid_entry2 *e = find_in(entries, n, 0x80000008, 0);
	u8 bits = e ? e->eax >> 8 : 0;

	return bits == 0 || bits == 48 || bits == 57;
}

/* @entries are the vCPU's from here on. */
static int cpuid_take(struct vcpu *v, struct kvm_cpuid_entry2 *entries, unsigned int n)
{
	const struct kvm_cpuid_entry2 *e;
	int err;

	hide_unhalt(v->vm, entries, n);
	if (v->stat_exits) {	/* it has run */
		err = cpuid_same(v, entries, n) ? 0 : -EINVAL;
		kvfree(entries);
		return err;
	}
	if (!linear_bits_valid(entries, n)) {
		kvfree(entries);
		return -EINVAL;
	}
	kvfree(v->cpuid);
	v->cpuid = entries;
	v->nr_cpuid = n;
	e = find_cpuid(v, 0x80000008, 0);
	v->phys_bits = e ? e->eax & 0xff : 36;
	v->cr4_by_cpuid = cr4_by_cpuid(v);
	v->pv.features = pv_features(v);
	vcpu_ops->update_cpuid(v);
	return 0;
}

int vcpu_set_cpuid2(struct vcpu *v, struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent > CPUID_MAX_ENTRIES)
		return -E2BIG;
	entries = vmemdup_user(arg->entries, head.nent * sizeof(*entries));
	return IS_ERR(entries) ? PTR_ERR(entries) : cpuid_take(v, entries, head.nent);
}

/* The older form has no subleaves. */
int vcpu_set_cpuid(struct vcpu *v, struct kvm_cpuid __user *arg)
{
	struct kvm_cpuid_entry2 *entries;
	struct kvm_cpuid_entry *old;
	struct kvm_cpuid head;
	unsigned int i;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent > CPUID_MAX_ENTRIES)
		return -E2BIG;
	old = vmemdup_user(arg->entries, head.nent * sizeof(*old));
	if (IS_ERR(old))
		return PTR_ERR(old);
	entries = kvcalloc(head.nent, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	for (i = 0; entries && i < head.nent; i++)
		entries[i] = (struct kvm_cpuid_entry2){
			.function = old[i].function, .eax = old[i].eax,
			.ebx = old[i].ebx, .ecx = old[i].ecx, .edx = old[i].edx,
		};
	kvfree(old);
	return entries ? cpuid_take(v, entries, head.nent) : -ENOMEM;
}

int vcpu_get_cpuid2(struct vcpu *v, struct kvm_cpuid2 __user *arg)
{
	struct kvm_cpuid_entry2 now;
	struct kvm_cpuid2 head;
	unsigned int i;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nent < v->nr_cpuid)
		return -E2BIG;
	if (put_user(v->nr_cpuid, &arg->nent))
		return -EFAULT;
	for (i = 0; i < v->nr_cpuid; i++) {
		now = entry_now(v, &v->cpuid[i]);
		if (copy_to_user(&arg->entries[i], &now, sizeof(now)))
			return -EFAULT;
	}
	return 0;
}

/* ---- control registers (APM2 3.1) ---------------------------------------------------- */

#define CR0_DEFINED (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | \
		     X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
		     X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

#define CR4_ALWAYS (X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | \
		    X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | \
		    X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static bool in_long_segment(struct vcpu *v)
{
	return vcpu_ops->segment(v, EMUL_CS)->attrib & BIT(9);
}

static int set_cr0(struct vcpu *v, u64 value)
{
	u64 old = v->cr0;

	if (value >> 32)
		return -EINVAL;
	value = (value & CR0_DEFINED) | X86_CR0_ET;
	if ((value & X86_CR0_NW) && !(value & X86_CR0_CD))
		return -EINVAL;
	if ((value & X86_CR0_PG) && !(value & X86_CR0_PE))
		return -EINVAL;
	/* Long mode is entered and left by way of 32-bit code (APM2 14.6). */
	if (((old ^ value) & X86_CR0_PG) && (v->efer & EFER_LME) && in_long_segment(v))
		return -EINVAL;
	if (!(old & X86_CR0_PG) && (value & X86_CR0_PG) && (v->efer & EFER_LME)) {
		if (!(v->cr4 & X86_CR4_PAE))
			return -EINVAL;
		v->efer |= EFER_LMA;
	}
	if ((old & X86_CR0_PG) && !(value & X86_CR0_PG))
		v->efer &= ~EFER_LMA;
	v->cr0 = value;
	return 0;
}

u64 vcpu_cr4_allowed(const struct vcpu *v)
{
	return v->cpuid ? CR4_ALWAYS | v->cr4_by_cpuid : vcpu_cr4_possible();
}

static int set_cr4(struct vcpu *v, u64 value)
{
	if (value & ~(CR4_ALWAYS | v->cr4_by_cpuid))
		return -EINVAL;
	if ((v->efer & EFER_LMA) &&
	    (!(value & X86_CR4_PAE) || ((value ^ v->cr4) & X86_CR4_LA57)))
		return -EINVAL;
	v->cr4 = value;
	return 0;
}

int vcpu_set_cr(struct vcpu *v, unsigned int n, u64 value)
{
	int err = 0;

	switch (n) {
	case 0:
		err = set_cr0(v, value);
		break;
	case 2:
		v->cr2 = value;
		return 0;
	case 3:
		if ((v->efer & EFER_LMA) && value >> v->phys_bits)
			return -EINVAL;
		v->cr3 = value;
		break;
	case 4:
		err = set_cr4(v, value);
		break;
	case 8:
		if (value & ~0xfULL)
			return -EINVAL;
		vcpu_irq_set_cr8(v, value);
		set_bit(VCPU_REQ_EVENT, &v->requests);
		return 0;
	default:
		return -EINVAL;
	}
	if (err)
		return err;
	vcpu_ops->update_mode(v);
	vcpu_flush_guest_tlb(v);
	return 0;
}

/* AVX-512's three come together, and with AVX (SDM 1, 13.3). */
#define AVX512_WHOLE	(XFEATURE_MASK_AVX512 | XFEATURE_MASK_YMM)

int vcpu_set_xcr0(struct vcpu *v, u64 xcr0)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, 0xd, 0);
	u64 allowed = XFEATURE_MASK_FP;

	if (e)
		allowed |= e->eax & vcpu_xcr0_possible();
	if (!(xcr0 & XFEATURE_MASK_FP) || (xcr0 & ~allowed))
		return -EINVAL;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return -EINVAL;
	if ((xcr0 & XFEATURE_MASK_AVX512) &&
	    (xcr0 & AVX512_WHOLE) != AVX512_WHOLE)
		return -EINVAL;
	v->xcr0 = xcr0;
	return 0;
}
EXPORT_SYMBOL_GPL(vcpu_set_xcr0);

/*
 * EFER: what the host's CPU has user space may set; a guest finds reserved what its
 * CPUID does not name. LMA is the CPU's own (APM2 3.1.7).
 */
static u64 efer_allowed(struct vcpu *v, bool host)
{
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;

	if (boot_cpu_has(X86_FEATURE_FXSR_OPT))
		allowed |= EFER_FFXSR;
	if (boot_cpu_has(X86_FEATURE_AUTOIBRS))
		allowed |= EFER_AUTOIBRS;
	if (host)
		return allowed;
	if (!vcpu_has_cpuid(v, 0x80000001, 0, REG_EDX, 20))
		allowed &= ~(u64)EFER_NX;
	if (!vcpu_has_cpuid(v, 0x80000001, 0, REG_EDX, 25))
		allowed &= ~(u64)EFER_FFXSR;
	if (!vcpu_has_cpuid(v, 0x80000021, 0, REG_EAX, 8))
		allowed &= ~(u64)EFER_AUTOIBRS;
	if (!vcpu_has_cpuid(v, 0x80000001, 0, REG_EDX, 29))
		allowed &= ~(u64)(EFER_LME | EFER_LMA);
	return allowed;
}

int vcpu_set_efer(struct vcpu *v, u64 efer, bool host)
{
	if (efer & ~efer_allowed(v, host))
		return -EINVAL;
	if (!host && (v->cr0 & X86_CR0_PG) && ((efer ^ v->efer) & EFER_LME))
		return -EINVAL;
	v->efer = (efer & ~(u64)EFER_LMA) | (v->efer & EFER_LMA);
	vcpu_ops->update_mode(v);
	vcpu_flush_guest_tlb(v);
	return 0;
}

/* PLATFORM_INFO: CPUID may be made to fault for user code (MISC_FEATURES_ENABLES) */
#define PLATFORM_CPUID_FAULT	BIT_ULL(31)

/* ---- MSRs ------------------------------------------------------------------------------ */

/* HWCR: what firmware sets is taken and means nothing, but one (APM2 9.3.2.2). */
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_MC_STATUS_WR_EN	BIT_ULL(18)
#define HWCR_TSC_FREQ_SEL	BIT_ULL(24)

static int set_hwcr(struct vcpu *v, u64 data)
{
	data &= ~HWCR_IGNORED;
	if (data & ~(HWCR_MC_STATUS_WR_EN | HWCR_TSC_FREQ_SEL))
		return -EINVAL;
	v->msr.hwcr = data;
	return 0;
}

/* MISC_ENABLE: of no PMU, neither BTS nor PEBS; that it is there is not for a guest to
 * say.
 */
#define MISC_ENABLE_READ_ONLY	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)
#define MISC_ENABLE_EMON	MSR_IA32_MISC_ENABLE_EMON

/* DE_CFG: LFENCE serializes, which systems switch on where they find it off. */
#define DE_CFG_LFENCE		BIT_ULL(1)

static u64 de_cfg_possible(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE : 0;
}

/* Workarounds that a system is to look for by its own tables begin at OSVW_IDS. Two
 * before it are for idle states and I/O, which are ours.
 */
#define OSVW_IDS		3ULL
#define OSVW_OURS		(BIT_ULL(1) | BIT_ULL(2))

static int get_osvw(struct vcpu *v, u32 msr, u64 *data)
{
	if (!vcpu_has_cpuid(v, 0x80000001, 0, REG_ECX, 9))
		return -EINVAL;
	if (!boot_cpu_has(X86_FEATURE_OSVW) || rdmsrl_safe(msr, data))
		*data = 0;
	*data = msr == MSR_AMD64_OSVW_ID_LENGTH ? max(*data, OSVW_IDS) : *data & ~OSVW_OURS;
	return 0;
}

/* The register of a bank that the vCPU has, or NULL. */
static u64 *mce_slot(struct vcpu *v, u32 msr)
{
	u32 i = msr - MSR_IA32_MC0_CTL;

	return i < (v->msr.mcg_cap & 0xff) * MCE_BANK_MSRS ? &v->msr.mce_banks[i] : NULL;
}

static int get_mce(struct vcpu *v, u32 msr, u64 *data, bool host)
{
	u64 *slot;

	switch (msr) {
	case MSR_IA32_MCG_CAP:
		*data = v->msr.mcg_cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = v->msr.mcg_status;
		return 0;
	case MSR_IA32_MCG_CTL:
		*data = v->msr.mcg_ctl;
		return host || (v->msr.mcg_cap & BIT(8)) ? 0 : -EINVAL;
	default:
		slot = mce_slot(v, msr);
		*data = slot ? *slot : 0;
		return slot ? 0 : -EINVAL;
	}
}

static int set_mce(struct vcpu *v, u32 msr, u64 data, bool host)
{
	u64 *slot;

	switch (msr) {
	case MSR_IA32_MCG_CAP:
		return -EINVAL;
	case MSR_IA32_MCG_STATUS:
		v->msr.mcg_status = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		if ((data && data != ~0ULL) ||
		    (!(v->msr.mcg_cap & MCE_CTL_PRESENT) && (data || !host)))
			return -EINVAL;
		v->msr.mcg_ctl = data;
		return 0;
	default:
		slot = mce_slot(v, msr);
		if (!slot || !mce_write_valid(msr - MSR_IA32_MC0_CTL, data, host ||
					      (v->msr.hwcr & HWCR_MC_STATUS_WR_EN)))
			return -EINVAL;
		*slot = data;
		return 0;
	}
}

/* The MTRRs' store in struct vcpu, by the policy's numbering. */
static u64 *mtrr_slot(struct vcpu *v, u32 msr)
{
	int i = vmsr_mtrr_index(msr);

	if (i < 0)
		return NULL;
	if (i == 0)
		return &v->msr.mtrr_def_type;
	if (i < 12)
		return &v->msr.mtrr_fixed[i - 1];
	return &v->msr.mtrr_var[i - 12];
}

bool vcpu_has_rdtscp(struct vcpu *v)
{
	return vcpu_has_cpuid(v, 0x80000001, 0, REG_EDX, 27);
}
EXPORT_SYMBOL_GPL(vcpu_has_rdtscp);

/* RDTSCP and RDPID read it. */
static bool has_tsc_aux(struct vcpu *v)
{
	return vcpu_has_rdtscp(v) || vcpu_has_cpuid(v, 7, 0, REG_ECX, 22);
}

static bool has_xsaves(struct vcpu *v)
{
	return vcpu_has_cpuid(v, 0xd, 1, REG_EAX, 3);
}

/* Against speculation: by any of the bits that bring it (APM3 appendix E, SDM 2A). */
static bool has_spec_msr(struct vcpu *v, u32 msr)
{
	u32 leaf7 = 0, leaf8 = 0, leaf21 = 0;

	switch (msr) {
	case MSR_IA32_SPEC_CTRL:
		leaf7 = BIT(26) | BIT(27) | BIT(31);
		leaf8 = BIT(14) | BIT(15) | BIT(24);
		break;
	case MSR_IA32_PRED_CMD:
		leaf7 = BIT(26);
		leaf8 = BIT(12);
		leaf21 = BIT(27);
		break;
	case MSR_AMD64_VIRT_SPEC_CTRL:
		leaf8 = BIT(25);
		break;
	}
	return cpuid_bits(v, 7, REG_EDX) & leaf7 ||
	       cpuid_bits(v, 0x80000008, REG_EBX) & leaf8 ||
	       cpuid_bits(v, 0x80000021, REG_EAX) & leaf21;
}

/* MWAIT's bit is CPUID's, too, unless user space keeps the two apart. */
static int set_misc_enable(struct vcpu *v, u64 data, bool host)
{
	u64 changed = v->msr.misc_enable ^ data;

	if (!host && (changed & MISC_ENABLE_READ_ONLY))
		return -EINVAL;
	if (!host)
		data ^= changed & MISC_ENABLE_EMON;
	if ((changed & MSR_IA32_MISC_ENABLE_MWAIT) &&
	    !vm_has_quirk(v->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) &&
	    !vcpu_has_cpuid(v, 1, 0, REG_ECX, 0))
		return -EINVAL;
	v->msr.misc_enable = data;
	return 0;
}

static int get_own(struct vcpu *v, u32 msr, u64 *data, bool host)
{
	switch (msr) {
	case MSR_IA32_TSC:
		*data = vcpu_read_tsc(v);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*data = v->msr.tsc_adjust;
		return 0;
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = v->vm->wall_clock;
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*data = v->msr.kvm_clock;
		return 0;
	case MSR_IA32_APICBASE:
		*data = vcpu_irq_get_apic_base(v);
		return 0;
	case MSR_IA32_UCODE_REV:
		*data = v->msr.ucode_rev;
		return 0;
	case MSR_SMI_COUNT:
		*data = v->msr.smi_count;
		return 0;
	case MSR_IA32_SMBASE:
		*data = v->msr.smbase;
		return host ? 0 : -EINVAL;
	case MSR_IA32_MISC_ENABLE:
		*data = v->msr.misc_enable;
		return 0;
	case MSR_PLATFORM_INFO:
		*data = v->msr.platform_info;
		return host || !READ_ONCE(v->vm->hide_platform_info) ? 0 : -EINVAL;
	case MSR_MISC_FEATURES_ENABLES:
		*data = v->msr.misc_features;
		return 0;
	case MSR_IA32_POWER_CTL:
		*data = v->msr.power_ctl;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		*data = v->msr.arch_caps;
		return host || vcpu_has_cpuid(v, 7, 0, REG_EDX, 29) ? 0 : -EINVAL;
	case MSR_IA32_PERF_CAPABILITIES:
		*data = 0;	/* CPUID does not show it */
		return host ? 0 : -EINVAL;
	case MSR_K7_HWCR:
		*data = v->msr.hwcr;
		return 0;
	case MSR_AMD64_DE_CFG:
		*data = v->lfence_serializes ? DE_CFG_LFENCE : 0;
		return 0;
	case MSR_AMD64_OSVW_ID_LENGTH:
	case MSR_AMD64_OSVW_STATUS:
		return get_osvw(v, msr, data);
	case MSR_IA32_CR_PAT:
		*data = v->msr.pat;
		return 0;
	case MSR_EFER:
		*data = v->efer;
		return 0;
	case MSR_TSC_AUX:
		*data = v->msr.tsc_aux;
		return host || has_tsc_aux(v) ? 0 : -EINVAL;
	case MSR_IA32_XSS:
		*data = 0;	/* no state that only XSAVES knows */
		return host || has_xsaves(v) ? 0 : -EINVAL;
	case MSR_IA32_SPEC_CTRL:
	case MSR_IA32_PRED_CMD:
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (!host && !has_spec_msr(v, msr))
			return -EINVAL;
		return vcpu_ops->get_msr(v, msr, data) ? -EINVAL : 0;
	default:
		return vcpu_ops->get_msr(v, msr, data) ? -EINVAL : 0;
	}
}

static int set_own(struct vcpu *v, u32 msr, u64 data, bool host)
{
	switch (msr) {
	case MSR_IA32_TSC:
		if (host) {
			vcpu_write_tsc(v, data);
		} else {
			/* The guest's own change, which TSC_ADJUST tells of. */
			data -= vcpu_read_tsc(v);
			v->tsc_offset += data;
			v->msr.tsc_adjust += data;
			vcpu_tsc_changed(v);
		}
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!host) {
			v->tsc_offset += data - v->msr.tsc_adjust;
			vcpu_tsc_changed(v);
		}
		v->msr.tsc_adjust = data;
		return 0;
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return vcpu_clock_set_msr(v, msr, data);
	case MSR_IA32_APICBASE:
		return host ? vcpu_irq_restore_apic_base(v, data) :
			      vcpu_irq_set_apic_base(v, data);
	case MSR_IA32_UCODE_REV:
		/* A guest writes 0 before it asks CPUID for the revision. */
		if (host)
			v->msr.ucode_rev = data;
		return 0;
	case MSR_SMI_COUNT:
		if (!host)
			return -EINVAL;
		v->msr.smi_count = data;
		return 0;
	case MSR_IA32_SMBASE:
		if (!host)
			return -EINVAL;
		v->msr.smbase = data;
		return 0;
	case MSR_IA32_MISC_ENABLE:
		return set_misc_enable(v, data, host);
	case MSR_PLATFORM_INFO:
		if (!host || (!(data & PLATFORM_CPUID_FAULT) && v->msr.misc_features))
			return -EINVAL;
		v->msr.platform_info = data;
		return 0;
	case MSR_MISC_FEATURES_ENABLES:
		if ((data & ~1ULL) ||
		    (data && !(v->msr.platform_info & PLATFORM_CPUID_FAULT)))
			return -EINVAL;
		v->msr.misc_features = data;
		return 0;
	case MSR_IA32_POWER_CTL:
		v->msr.power_ctl = data;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!host)
			return -EINVAL;
		v->msr.arch_caps = data;
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		return host && !data ? 0 : -EINVAL;
	case MSR_K7_HWCR:
		return set_hwcr(v, data);
	case MSR_AMD64_DE_CFG:
		if (data & ~de_cfg_possible())
			return -EINVAL;
		v->lfence_serializes = data;
		return 0;
	case MSR_AMD64_OSVW_ID_LENGTH:
	case MSR_AMD64_OSVW_STATUS:
		return vcpu_has_cpuid(v, 0x80000001, 0, REG_ECX, 9) ? 0 : -EINVAL;
	case MSR_IA32_CR_PAT:
		if (!vmsr_pat_valid(data))
			return -EINVAL;
		v->msr.pat = data;
		vcpu_ops->update_mode(v);
		return 0;
	case MSR_EFER:
		return vcpu_set_efer(v, data, host);
	case MSR_TSC_AUX:
		if (!host && !has_tsc_aux(v))
			return -EINVAL;
		return vcpu_ops->set_msr(v, msr, data) ? -EINVAL : 0;
	case MSR_IA32_XSS:
		return !data && (host || has_xsaves(v)) ? 0 : -EINVAL;
	case MSR_IA32_SPEC_CTRL:
	case MSR_IA32_PRED_CMD:
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (!host && !has_spec_msr(v, msr))
			return -EINVAL;
		return vcpu_ops->set_msr(v, msr, data) ? -EINVAL : 0;
	default:
		if (!vmsr_address_valid(msr, &data, v->cr4 & X86_CR4_LA57 ? 57 : 48))
			return -EINVAL;
		return vcpu_ops->set_msr(v, msr, data) ? -EINVAL : 0;
	}
}

int vcpu_get_msr(struct vcpu *v, u32 msr, u64 *data, bool host)
{
	u64 *slot;

	if (unlikely(v->pv.enforce) && !vcpu_pv_msr_offered(v, msr))
		return -EINVAL;
	switch (vmsr_classify(msr)) {
	case VMSR_OWN:
		return get_own(v, msr, data, host);
	case VMSR_SET:
	case VMSR_FIXED:
		*data = vmsr_set_value(msr);
		return 0;
	case VMSR_MTRR:
		slot = mtrr_slot(v, msr);
		*data = slot ? *slot : vmsr_mtrr_cap();
		return 0;
	case VMSR_MCE:
		return get_mce(v, msr, data, host);
	case VMSR_X2APIC:
		return vcpu_irq_msr(v, msr, data, false);
	case VMSR_PV:
		return vcpu_pv_get_msr(v, msr, data);
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_GPL(vcpu_get_msr);

int vcpu_set_msr(struct vcpu *v, u32 msr, u64 data, bool host)
{
	u64 *slot;

	if (unlikely(v->pv.enforce) && !vcpu_pv_msr_offered(v, msr))
		return -EINVAL;
	switch (vmsr_classify(msr)) {
	case VMSR_OWN:
		return set_own(v, msr, data, host);
	case VMSR_SET:
	case VMSR_SINK:
		return 0;
	case VMSR_MTRR:
		slot = mtrr_slot(v, msr);
		if (!slot || !vmsr_mtrr_valid(msr, data, v->phys_bits))
			return -EINVAL;
		*slot = data;
		return 0;
	case VMSR_MCE:
		return set_mce(v, msr, data, host);
	case VMSR_X2APIC:
		return vcpu_irq_msr(v, msr, &data, true);
	case VMSR_PV:
		return vcpu_pv_set_msr(v, msr, data);
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_GPL(vcpu_set_msr);

/*
 * KVM_GET_MSRS, KVM_SET_MSRS: call @one for each entry; how many it accepted,
 * the first refusal ends.
 */
static int msr_io(struct vcpu *v, struct kvm_msrs __user *arg, bool back,
		  int (*one)(struct vcpu *v, struct kvm_msr_entry *e))
{
	struct kvm_msr_entry *entries;
	struct kvm_msrs head;
	unsigned int i;
	int r;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_IO_MSRS)
		return -E2BIG;
	entries = vmemdup_user(arg->entries, head.nmsrs * sizeof(*entries));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < head.nmsrs; i++)
		if (one(v, &entries[i]))
			break;
	r = i;
	if (back && copy_to_user(arg->entries, entries, i * sizeof(*entries)))
		r = -EFAULT;
	kvfree(entries);
	return r;
}

static int get_entry(struct vcpu *v, struct kvm_msr_entry *e)
{
	return vcpu_get_msr(v, e->index, &e->data, true);
}

static int set_entry(struct vcpu *v, struct kvm_msr_entry *e)
{
	return vcpu_set_msr(v, e->index, e->data, true);
}

int vcpu_msr_io(struct vcpu *v, struct kvm_msrs __user *arg, bool set)
{
	return msr_io(v, arg, !set, set ? set_entry : get_entry);
}

/* PERF_CAPABILITIES is 0: CPUID does not show it, but user space asks on every CPU. */
static int get_feature(struct vcpu *v, struct kvm_msr_entry *e)
{
	unsigned int i;
	u32 msr;

	for (i = 0; vmsr_feature(i, &msr); i++) {
		if (msr != e->index)
			continue;
		e->data = 0;
		if (msr == MSR_IA32_UCODE_REV)
			e->data = boot_cpu_data.microcode;
		else if (msr == MSR_IA32_ARCH_CAPABILITIES)
			e->data = cpuid_arch_caps();
		else if (msr == MSR_AMD64_DE_CFG)
			e->data = de_cfg_possible();
		return 0;
	}
	return -EINVAL;
}

int msr_feature_io(struct kvm_msrs __user *arg)
{
	return msr_io(NULL, arg, true, get_feature);
}

static int put_list(struct kvm_msr_list __user *arg,
		    bool (*listed)(unsigned int i, u32 *msr))
{
	unsigned int i, n = 0;
	u32 room, msr;

	if (get_user(room, &arg->nmsrs))
		return -EFAULT;
	while (listed(n, &msr))
		n++;
	if (put_user(n, &arg->nmsrs))
		return -EFAULT;
	if (n > room)
		return -E2BIG;
	for (i = 0; i < n; i++) {
		listed(i, &msr);
		if (put_user(msr, &arg->indices[i]))
			return -EFAULT;
	}
	return 0;
}

int msr_index_list(struct kvm_msr_list __user *arg)
{
	return put_list(arg, vmsr_listed);
}

int msr_feature_list(struct kvm_msr_list __user *arg)
{
	return put_list(arg, vmsr_feature);
}
