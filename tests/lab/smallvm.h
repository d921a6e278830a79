/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM without a VMM, for programs that try what guests need: 8 MiB of RAM, one
 * or more vCPUs, guest code from assembly in the same file (smallvm_code.h's
 * place is BLOB: its labels are absolute guest addresses through AT()).
 */
#ifndef BACKPLANE_TESTS_LAB_SMALLVM_H
#define BACKPLANE_TESTS_LAB_SMALLVM_H

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "newkvm.h"
#include "tap.h"

#define VM_RAM		(8UL << 20)
#define VM_CODE		0x1000		/* the blob */
#define VM_STACK	0x8000
#define VM_IDT		0x9000
#define VM_TABLES	0x10000		/* page tables */

struct smallvm {
	int vm, vcpu;
	struct kvm_run *run;
	uint8_t *ram;
};

static int kvm;

static inline void smallvm_on_alarm(int sig)
{
	(void)sig;
}

/* Opens /dev/kvm; an alarm ends a KVM_RUN from here on, and not the program. */
static inline bool smallvm_begin(void)
{
	struct sigaction sa = { .sa_handler = smallvm_on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	return ok(kvm >= 0, "/dev/kvm opens");
}

/* RAM with @blob, and a vCPU, for a VM that is there. */
static inline bool smallvm_fill(struct smallvm *g, const void *blob, size_t len)
{
	struct kvm_userspace_memory_region m = { .memory_size = VM_RAM };
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	g->ram = mmap(NULL, VM_RAM, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.userspace_addr = (uintptr_t)g->ram;
	if (g->ram == MAP_FAILED || ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m))
		return false;
	memcpy(g->ram + VM_CODE, blob, len);
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	g->run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	return g->vcpu >= 0 && g->run != MAP_FAILED;
}

static inline bool smallvm_open(struct smallvm *g, const void *blob, size_t len, bool chip)
{
	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	return g->vm >= 0 && (!chip || !ioctl(g->vm, KVM_CREATE_IRQCHIP, 0)) &&
	       smallvm_fill(g, blob, len);
}

static inline void smallvm_close(struct smallvm *g)
{
	munmap(g->run, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(g->vcpu);
	close(g->vm);
	munmap(g->ram, VM_RAM);
}

/* The exit reason, or -errno. A pending alarm ends it. */
static inline int smallvm_run(struct smallvm *g)
{
	int r = ioctl(g->vcpu, KVM_RUN, 0);

	return r < 0 ? -errno : (int)g->run->exit_reason;
}

/* Runs to the next OUT to @port; its 32-bit value, or -1 with a line that says
 * what came instead.
 */
static inline int64_t smallvm_out(struct smallvm *g, int port)
{
	int r = smallvm_run(g);
	uint32_t v = 0;

	if (r == KVM_EXIT_IO && g->run->io.direction == KVM_EXIT_IO_OUT &&
	    g->run->io.port == port) {
		memcpy(&v, (char *)g->run + g->run->io.data_offset, g->run->io.size);
		return v;
	}
	printf("# wanted OUT to %#x, got exit %d", port, r);
	if (r == KVM_EXIT_IO)
		printf(" port %#x value %#x", g->run->io.port,
		       *(uint32_t *)((char *)g->run + g->run->io.data_offset));
	if (r == KVM_EXIT_INTERNAL_ERROR)
		printf(" suberror %u", g->run->internal.suberror);
	puts("");
	return -1;
}

static inline int smallvm_set_msr(struct smallvm *g, uint32_t index, uint64_t data)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e; } m = {
		.head.nmsrs = 1, .e = { .index = index, .data = data } };

	return ioctl(g->vcpu, KVM_SET_MSRS, &m);
}

/* -1: it cannot be read. */
static inline int64_t smallvm_get_msr(struct smallvm *g, uint32_t index)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e; } m = {
		.head.nmsrs = 1, .e = { .index = index } };

	return ioctl(g->vcpu, KVM_GET_MSRS, &m) == 1 ? (int64_t)m.e.data : -1;
}

static inline void smallvm_cpuid(struct smallvm *g, uint32_t *kvm_features)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[128];
	} c = { .head.nent = 128 };
	unsigned int i;

	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &c))
		return;
	for (i = 0; i < c.head.nent; i++)
		if (c.e[i].function == 0x40000001)
			*kvm_features = c.e[i].eax;
	ioctl(g->vcpu, KVM_SET_CPUID2, &c);
}

static inline struct kvm_segment smallvm_seg(uint16_t selector, uint8_t type, bool l, bool db)
{
	return (struct kvm_segment){
		.selector = selector, .type = type, .present = 1, .s = 1, .l = l,
		.db = db, .g = 1, .limit = 0xffffffff,
	};
}

/* Long mode at @entry, identity-mapped by 2M pages, interrupts off. */
static inline void smallvm_long(struct smallvm *g, uint64_t entry)
{
	struct kvm_regs regs = { .rip = entry, .rflags = 2, .rsp = VM_STACK };
	uint64_t *pml4 = (void *)(g->ram + VM_TABLES), *pdpt = pml4 + 512,
		 *pd = pdpt + 512;
	struct kvm_sregs s;
	int i;

	pml4[0] = (VM_TABLES + 0x1000) | 3;
	pdpt[0] = (VM_TABLES + 0x2000) | 3;
	for (i = 0; i < 4; i++)
		pd[i] = (uint64_t)i << 21 | 0x83;
	ioctl(g->vcpu, KVM_GET_SREGS, &s);
	s.cr3 = VM_TABLES;
	s.cr4 = 1 << 5;
	s.cr0 = 0x80000011;
	s.efer = 0x500;
	s.cs = smallvm_seg(8, 11, true, false);
	s.ds = s.es = s.fs = s.gs = s.ss = smallvm_seg(16, 3, false, true);
	s.idt.base = VM_IDT;
	s.idt.limit = 0xfff;
	/* what IRETQ and a gate reload */
	((uint64_t *)(g->ram + 0xa000))[1] = 0x00af9b000000ffffULL;
	((uint64_t *)(g->ram + 0xa000))[2] = 0x00cf93000000ffffULL;
	s.gdt.base = 0xa000;
	s.gdt.limit = 0x17;
	ioctl(g->vcpu, KVM_SET_SREGS, &s);
	ioctl(g->vcpu, KVM_SET_REGS, &regs);
}

/* A 64-bit interrupt gate. */
static inline void smallvm_gate(struct smallvm *g, unsigned int vector, uint64_t handler)
{
	uint64_t *gate = (void *)(g->ram + VM_IDT + vector * 16);

	gate[0] = (handler & 0xffff) | 8 << 16 | 0x8eULL << 40 |
		  (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

#endif
