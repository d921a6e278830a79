// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs and control registers of a vCPU: vmsr's policy applied to state, and the
 * ioctls that list, read and write it.
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
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"
#include "kvm-core/vmsr.h"

#define MAX_IO_MSRS		256

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
	u64 allowed = XFEATURE_MASK_FP |
		      (vcpu_cpuid_bits(v, 0xd, CPUID_EAX) & vcpu_xcr0_possible());

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

u64 vcpu_efer_possible(void)
{
	u64 bits = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;

	if (boot_cpu_has(X86_FEATURE_FXSR_OPT))
		bits |= EFER_FFXSR;
	if (boot_cpu_has(X86_FEATURE_AUTOIBRS))
		bits |= EFER_AUTOIBRS;
	return bits;
}

/*
 * EFER: what the host's CPU has user space may set; a guest finds reserved what its
 * CPUID does not name. LMA is the CPU's own (APM2 3.1.7).
 */
static u64 efer_allowed(struct vcpu *v, bool host)
{
	u64 allowed = vcpu_efer_possible();

	if (host)
		return allowed;
	if (!vcpu_has_cpuid(v, 0x80000001, 0, CPUID_EDX, 20))
		allowed &= ~(u64)EFER_NX;
	if (!vcpu_has_cpuid(v, 0x80000001, 0, CPUID_EDX, 25))
		allowed &= ~(u64)EFER_FFXSR;
	if (!vcpu_has_cpuid(v, 0x80000021, 0, CPUID_EAX, 8))
		allowed &= ~(u64)EFER_AUTOIBRS;
	if (!vcpu_has_cpuid(v, 0x80000001, 0, CPUID_EDX, 29))
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
	if (!vcpu_has_cpuid(v, 0x80000001, 0, CPUID_ECX, 9))
		return -EINVAL;
	if (!boot_cpu_has(X86_FEATURE_OSVW) || rdmsrl_safe(msr, data))
		*data = 0;
	*data = msr == MSR_AMD64_OSVW_ID_LENGTH ? max(*data, OSVW_IDS) : *data & ~OSVW_OURS;
	return 0;
}

/* The register of a bank that the vCPU has, or NULL. */
static u64 *mce_slot(struct vcpu *v, u32 msr)
{
	u32 i = msr - MSR_IA32_MC0_CTL, n = (v->msr.mcg_cap & 0xff) * MCE_BANK_MSRS;

	return i < n ? &v->msr.mce_banks[env_index_nospec(i, n)] : NULL;
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

/* RDTSCP and RDPID read it. */
static bool has_tsc_aux(struct vcpu *v)
{
	return vcpu_has_rdtscp(v) || vcpu_has_cpuid(v, 7, 0, CPUID_ECX, 22);
}

static bool has_xsaves(struct vcpu *v)
{
	return vcpu_has_cpuid(v, 0xd, 1, CPUID_EAX, 3);
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
	return vcpu_cpuid_bits(v, 7, CPUID_EDX) & leaf7 ||
	       vcpu_cpuid_bits(v, 0x80000008, CPUID_EBX) & leaf8 ||
	       vcpu_cpuid_bits(v, 0x80000021, CPUID_EAX) & leaf21;
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
	    !vcpu_has_cpuid(v, 1, 0, CPUID_ECX, 0))
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
		return host || vcpu_has_cpuid(v, 7, 0, CPUID_EDX, 29) ? 0 : -EINVAL;
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
		fallthrough;
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
		return vcpu_has_cpuid(v, 0x80000001, 0, CPUID_ECX, 9) ? 0 : -EINVAL;
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
		fallthrough;
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
