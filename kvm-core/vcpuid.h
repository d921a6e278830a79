/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vcpuid: which CPUID bits a guest may see (APM3 appendix E).
 *
 * Deny by default: a leaf or bit that is not listed is not offered. Bits whose
 * state svm and kvm-core switch or emulate are the only ones listed.
 */
#ifndef BACKPLANE_VCPUID_H
#define BACKPLANE_VCPUID_H

#include "env.h"

struct vcpuid_regs {
	u32 eax, ebx, ecx, edx;
};

#define VCPUID_KVM_LEAF		0x40000000U
#define VCPUID_KVM_FEATURES	0x40000001U
/* XSAVE features for guests: x87, SSE, AVX, the three of AVX-512, and PKRU */
#define VCPUID_AVX512		0xe0U
#define VCPUID_XCR0		(0x207U | VCPUID_AVX512)
/* Leaf D.1, EAX: XSAVEC and XSAVES, for whose form EBX has a size */
#define VCPUID_COMPACTS		0xaU

struct vcpuid_host {
	u32 max_basic, max_extended;
	u32 max_features;	/* the last subleaf of leaf 7 */
	/* What the kernel knows besides, and what its other ways allow */
	u32 leaf7_edx, leaf8_ebx, leaf21_eax, leaf21_ecx;
	u32 xsave_bytes, xsavec_bytes;	/* of all features offered */
	bool steal_time;	/* the host knows how long a thread waited */
	bool kernel_lapic;	/* x2APIC and TSC deadline can be offered */
	u32 xcr0;		/* of VCPUID_XCR0, what can be switched */
	u32 phys_bits;		/* of guest-physical addresses; 0: as many as the CPU's */
	bool pku;		/* the host uses protection keys: PKRU can be switched */
};

/* Leaves that can be asked for, in order; 0 <= i. False: past the last.
 * @subleaves: how many subleaves of it to ask for (1 = not indexed).
 */
bool vcpuid_leaf(unsigned int i, u32 *leaf, unsigned int *subleaves);

/* Does ECX choose a subleaf of @leaf, even if only the first is offered? */
bool vcpuid_is_indexed(u32 leaf);

/* What a guest may see of @leaf, @subleaf: @r holds the host's answer and
 * becomes ours. False: the leaf does not exist for guests.
 */
bool vcpuid_filter(const struct vcpuid_host *host, u32 leaf, u32 subleaf,
		   struct vcpuid_regs *r);

#endif
