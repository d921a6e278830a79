// SPDX-License-Identifier: GPL-2.0
/*
 * smmabi: system management mode without a VMM: a guest in long mode, a handler
 * of a few 16-bit instructions in address space 1, KVM_SMI. TAP on stdout.
 * Not yet run on Linux's own KVM, which needs a CPU that intercepts RSM.
 */
#include <signal.h>
#include <stddef.h>
#include "smallvm.h"

#define SMBASE	0x30000
#define MOVED	0x50000
#define MARK	0x2000

extern const uint8_t blob[], blob_end[], g_main[], g_halt[], g_rsm[], g_rsm_ud[],
	smi[], smi_end[], smi_bad[], smi_bad_end[];
#define AT(label)	(VM_CODE + (uint64_t)((label) - blob))

asm(".pushsection .rodata\n"
"blob:\n"
"g_main: mov $0x1122334455667788, %rbx\n mov $0x99aabbccddeeff00, %r15\n"
"1: mov $0x10, %eax\n out %eax, $0x10\n"
" mov %ebx, %eax\n out %eax, $0x11\n"
" mov %r15, %rax\n shr $32, %rax\n out %eax, $0x12\n jmp 1b\n"
"g_halt: out %eax, $0x13\n cli\n hlt\n out %eax, $0x14\n jmp g_halt\n"
"g_rsm: rsm\n"
"g_rsm_ud: mov $6, %eax\n out %eax, $0x15\n hlt\n"
"blob_end:\n"
".code16\n"
"smi: movl $0xfeedface, %eax\n addr32 movl %eax, 0x2000\n"
" movl $0, %ebx\n movl $0x50000, %eax\n addr32 movl %eax, 0x3ff00\n"
" movb $0x5a, %al\n out %al, $0x30\n rsm\n"
"smi_end:\n"
"smi_bad: movl $1, %eax\n addr32 movl %eax, 0x5ff5c\n"	/* CR0 bit 32 */
" movb $0x5b, %al\n out %al, $0x31\n rsm\n"
"smi_bad_end:\n"
".code64\n.popsection\n");

struct smmvm {
	struct smallvm g;
	uint8_t *smram;
};

static bool smm_open(struct smmvm *s, const uint8_t *entry)
{
	struct kvm_userspace_memory_region m = { .slot = 1 << 16,
						 .memory_size = VM_RAM };
	uint32_t features;

	if (!ok(smallvm_open(&s->g, blob, blob_end - blob, true), "a VM"))
		return false;
	s->smram = mmap(NULL, VM_RAM, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.userspace_addr = (uintptr_t)s->smram;
	if (!ok(!ioctl(s->g.vm, KVM_SET_USER_MEMORY_REGION, &m),
		"address space 1 gets RAM of its own"))
		return false;
	memcpy(s->smram + SMBASE + 0x8000, smi, smi_end - smi);
	memcpy(s->smram + MOVED + 0x8000, smi_bad, smi_bad_end - smi_bad);
	smallvm_cpuid(&s->g, &features);
	smallvm_long(&s->g, AT(entry));
	return true;
}

static void smm_close(struct smmvm *s)
{
	smallvm_close(&s->g);
	munmap(s->smram, VM_RAM);
}

static uint64_t saved(struct smmvm *s, unsigned int at, unsigned int bytes)
{
	uint64_t v = 0;

	memcpy(&v, s->smram + SMBASE + at, bytes);
	return v;
}

static void in_and_out(void)
{
	struct kvm_vcpu_events e;
	struct kvm_sregs sregs;
	struct smmvm s;

	if (!smm_open(&s, g_main))
		return;
	ok(smallvm_out(&s.g, 0x10) == 0x10, "the guest runs");
	ok(!(s.g.run->flags & KVM_RUN_X86_SMM), "not in SMM");
	ok(!ioctl(s.g.vcpu, KVM_SMI), "KVM_SMI");
	ok(smallvm_out(&s.g, 0x30) == 0x5a, "the handler runs");
	ok(s.g.run->flags & KVM_RUN_X86_SMM, "in SMM, kvm_run says");
	ioctl(s.g.vcpu, KVM_GET_VCPU_EVENTS, &e);
	ok((e.flags & KVM_VCPUEVENT_VALID_SMM) && e.smi.smm && !e.smi.pending,
	   "and the events");
	ioctl(s.g.vcpu, KVM_GET_SREGS, &sregs);
	ok(!(sregs.cr0 & 0x80000001) && !sregs.efer && sregs.cs.base == SMBASE &&
	   sregs.ds.limit == 0xffffffff, "in flat real mode at SMBASE");
	ok(saved(&s, 0xfefc, 4) == 0x20064, "the state is saved in AMD64's form (%llx)",
	   (unsigned long long)saved(&s, 0xfefc, 4));
	ok(saved(&s, 0xffe0, 8) == 0x1122334455667788 &&
	   saved(&s, 0xff80, 8) == 0x99aabbccddeeff00 && saved(&s, 0xfed0, 8) == 0x500,
	   "with RBX, R15 and EFER in their places");
	ok(*(uint32_t *)(s.smram + MARK) == 0xfeedface &&
	   !*(uint32_t *)(s.g.ram + MARK), "it wrote into address space 1 only");
	ok(smallvm_out(&s.g, 0x11) == 0x55667788, "RSM goes back");
	ok(smallvm_out(&s.g, 0x12) == 0x99aabbcc, "to all 64 bits");
	ok(!(s.g.run->flags & KVM_RUN_X86_SMM), "and out of SMM");
	ioctl(s.g.vcpu, KVM_SMI);
	ok(smallvm_out(&s.g, 0x31) == 0x5b, "the next SMI comes to the moved SMBASE");
	ok(smallvm_run(&s.g) == KVM_EXIT_SHUTDOWN, "RSM into an impossible state shuts down");
	smm_close(&s);
}

static void from_halt(void)
{
	struct smmvm s;

	if (!smm_open(&s, g_halt))
		return;
	smallvm_out(&s.g, 0x13);
	alarm(2);
	ok(smallvm_run(&s.g) == -EINTR, "a CPU halts with interrupts off");
	ioctl(s.g.vcpu, KVM_SMI);
	alarm(20);
	ok(smallvm_out(&s.g, 0x30) == 0x5a, "an SMI wakes it");
	alarm(0);
	smm_close(&s);
}

static void outside(void)
{
	struct smmvm s;

	if (!smm_open(&s, g_rsm))
		return;
	smallvm_gate(&s.g, 6, AT(g_rsm_ud));
	ok(smallvm_out(&s.g, 0x15) == 6, "RSM outside of SMM is an undefined opcode");
	smm_close(&s);
}

int main(void)
{
	struct kvm_userspace_memory_region m = { .slot = 2 << 16, .memory_size = 4096 };
	int vm;

	if (!smallvm_begin())
		goto end;
	ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM) == 1, "SMM is offered");
	ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE) == 2,
	   "and two address spaces");
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EINVAL, "a third one");
	close(vm);
	in_and_out();
	from_halt();
	outside();
end:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
