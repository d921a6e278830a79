// SPDX-License-Identifier: GPL-2.0
/*
 * abilist: what this /dev/kvm offers, a fact a line, so that two of them can be
 * compared: capabilities, CPUID for guests, the MSRs that a fresh vCPU has and
 * whether they can be written back, and those that are listed for saving.
 */
#include <stdio.h>
#include "smallvm.h"

static const struct { uint32_t first, last; } ranges[] = {
	{ 0, 0x1fff }, { 0x40000000, 0x400001ff }, { 0x4b564d00, 0x4b564dff },
	{ 0xc0000000, 0xc00003ff }, { 0xc0010000, 0xc00103ff },
	{ 0xc0011000, 0xc00110ff },
};

static void capabilities(int fd)
{
	int cap, r;

	for (cap = 0; cap < 260; cap++) {
		r = ioctl(fd, KVM_CHECK_EXTENSION, cap);
		if (r)
			printf("cap %d %#x\n", cap, r);
	}
}

static void cpuid(void)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} c = { .head.nent = 256 };
	unsigned int i;

	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &c))
		return;
	for (i = 0; i < c.head.nent; i++)
		printf("cpuid %08x.%u flags %x: %08x %08x %08x %08x\n", c.e[i].function,
		       c.e[i].index, c.e[i].flags, c.e[i].eax, c.e[i].ebx, c.e[i].ecx,
		       c.e[i].edx);
}

static void msr(struct smallvm *g, uint32_t index)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e; } m = {
		.head.nmsrs = 1, .e = { .index = index } };

	if (ioctl(g->vcpu, KVM_GET_MSRS, &m) != 1)
		return;
	if (index == 0x10 || index == 0x831)	/* time, and what never reads twice */
		m.e.data = 0;
	printf("msr %08x %#llx%s\n", index, (unsigned long long)m.e.data,
	       smallvm_set_msr(g, index, m.e.data) == 1 ? "" : " (not written)");
}

static void listed(int request, const char *what)
{
	struct { struct kvm_msr_list head; uint32_t index[512]; } l = { .head.nmsrs = 512 };
	unsigned int i;

	if (ioctl(kvm, request, &l))
		return;
	for (i = 0; i < l.head.nmsrs; i++)
		printf("%s %08x\n", what, l.head.indices[i]);
}

int main(void)
{
	static const uint8_t code[] = { 0xf4 };
	uint32_t features = 0, i;
	struct smallvm g;
	unsigned int r;

	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0 || !smallvm_open(&g, code, sizeof(code), true))
		return 1;
	smallvm_cpuid(&g, &features);
	capabilities(kvm);
	capabilities(g.vm);
	cpuid();
	for (r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++)
		for (i = ranges[r].first; i <= ranges[r].last; i++)
			msr(&g, i);
	listed(KVM_GET_MSR_INDEX_LIST, "save");
	listed(KVM_GET_MSR_FEATURE_INDEX_LIST, "feature");
	smallvm_close(&g);
	return 0;
}
