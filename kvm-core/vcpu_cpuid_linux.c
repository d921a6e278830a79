// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's CPUID: what user space gave it, what of that mirrors the vCPU's state, what
 * the instruction answers, and what features follow for the rest of kvm-core. What
 * there is to give is cpuid_linux.c's.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/kvm_para.h>
#include <asm/processor.h>
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"

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

u32 vcpu_cpuid_bits(struct vcpu *v, u32 leaf, enum cpuid_regs_idx reg)
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

bool vcpu_has_rdtscp(struct vcpu *v)
{
	return vcpu_has_cpuid(v, 0x80000001, 0, CPUID_EDX, 27);
}
EXPORT_SYMBOL_GPL(vcpu_has_rdtscp);

bool vcpu_is_intel(struct vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = find_cpuid(v, 0, 0);

	return e && e->ebx == 0x756e6547 && e->edx == 0x49656e69 && e->ecx == 0x6c65746e;
}

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
	if (e->index == 1 && (e->eax & VCPUID_COMPACTS))
		return cpuid_xsave_size(v->xcr0, true);
	return e->ebx;
}

bool vcpu_offers_mwait(struct vcpu *v)
{
	if (!vm_has_quirk(v->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
		return v->msr.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT;
	return vcpu_has_cpuid(v, 1, 0, CPUID_ECX, 3);
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
		{ X86_CR4_OSXSAVE, 1, CPUID_ECX, 26 },
		{ X86_CR4_FSGSBASE, 7, CPUID_EBX, 0 },
		{ X86_CR4_SMEP, 7, CPUID_EBX, 7 },
		{ X86_CR4_SMAP, 7, CPUID_EBX, 20 },
		{ X86_CR4_UMIP, 7, CPUID_ECX, 2 },
		{ X86_CR4_PKE, 7, CPUID_ECX, 3 },
		{ X86_CR4_LA57, 7, CPUID_ECX, 16 },
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
