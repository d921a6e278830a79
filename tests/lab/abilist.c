// SPDX-License-Identifier: GPL-2.0
/*
 * abilist: what this /dev/kvm offers, a fact a line, so that two of them can be
 * compared: capabilities, CPUID for guests, the MSRs that a fresh vCPU has and
 * whether they can be written back, by user space and by a guest, and those that are
 * listed for saving.
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

/* ---- a guest's own look ---------------------------------------------------------------- */

#define FOUND	0x100000	/* by MSR: the value, and what went without a #GP */
#define AT(label)	((uint64_t)(VM_CODE + ((label) - list_blob)))

struct found {
	uint64_t value;
	uint64_t read, written;
	uint64_t unused;
};

extern const char list_blob[], list_end[], list_code[], list_gp[];

/* From ecx to r8, results from rdi on; r15 tells the handler's word */
asm(".section .rodata\n"
    "list_blob:\n"
    "list_gp:\n"
    "	pop %rbx\n"
    "	xor %r15d, %r15d\n"
    "	addq $2, (%rsp)\n"
    "	iretq\n"
    "list_code:\n"
    "	mov $1, %r15d\n"
    "	xor %eax, %eax\n"
    "	xor %edx, %edx\n"
    "	rdmsr\n"
    "	mov %eax, (%rdi)\n"
    "	mov %edx, 4(%rdi)\n"
    "	mov %r15, 8(%rdi)\n"
    "	mov $1, %r15d\n"
    "	wrmsr\n"
    "	mov %r15, 16(%rdi)\n"
    "	add $32, %rdi\n"
    "	inc %ecx\n"
    "	cmp %r8d, %ecx\n"
    "	jbe list_code\n"
    "	out %al, $0x80\n"
    "list_end:\n"
    ".text\n");

static void guest_msrs(uint32_t first, uint32_t last)
{
	uint32_t features, i;
	struct kvm_regs r;
	struct found *f;
	struct smallvm g;

	if (!smallvm_open(&g, list_blob, list_end - list_blob, true))
		return;
	smallvm_cpuid(&g, &features);
	smallvm_long(&g, AT(list_code));
	smallvm_gate(&g, 13, AT(list_gp));
	ioctl(g.vcpu, KVM_GET_REGS, &r);
	r.rcx = first;
	r.r8 = last;
	r.rdi = FOUND;
	ioctl(g.vcpu, KVM_SET_REGS, &r);
	smallvm_out(&g, 0x80);
	f = (void *)(g.ram + FOUND);
	for (i = first; i <= last; i++, f++)
		if (f->read || f->written)
			printf("guest %08x %s %s %#llx\n", i, f->read ? "read" : "-",
			       f->written ? "written" : "-", (unsigned long long)f->value);
	smallvm_close(&g);
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
	for (r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++)
		guest_msrs(ranges[r].first, ranges[r].last);
	listed(KVM_GET_MSR_INDEX_LIST, "save");
	listed(KVM_GET_MSR_FEATURE_INDEX_LIST, "feature");
	smallvm_close(&g);
	return 0;
}
