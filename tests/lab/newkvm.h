/* SPDX-License-Identifier: GPL-2.0 */
/* What newer kernels than 6.1 offer by /dev/kvm, and 6.1's header has not. */
#ifndef BACKPLANE_TESTS_LAB_NEWKVM_H
#define BACKPLANE_TESTS_LAB_NEWKVM_H

#include <linux/kvm.h>

#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS 237
struct kvm_pre_fault_memory {
	__u64 gpa, size, flags, padding[5];
};
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

#endif
