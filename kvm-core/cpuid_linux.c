// SPDX-License-Identifier: GPL-2.0
/*
 * What CPUID guests may be given: vcpuid's policy applied to the host's CPU
 * (KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID). What a vCPU then has, and what
 * CPUID answers there, is msr_linux.c's.
 */
#include <linux/kvm.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/processor.h>
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"

/* Fill @e with leaves the guest may see; returns how many, at most @max + 1. */
static unsigned int collect_cpuid(struct kvm_cpuid_entry2 *e, unsigned int max)
{
	struct vcpuid_host host = {
		.max_basic = cpuid_eax(0),
		.max_extended = cpuid_eax(0x80000000),
		.kernel_lapic = true,
		.steal_time = sched_info_on(),
		.pku = vcpu_has_keys(),
	};
	unsigned int i, sub, subleaves, n = 0;
	struct vcpuid_regs r;
	u32 leaf;

	for (i = 0; vcpuid_leaf(i, &leaf, &subleaves); i++) {
		for (sub = 0; sub < subleaves; sub++) {
			cpuid_count(leaf, sub, &r.eax, &r.ebx, &r.ecx, &r.edx);
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
