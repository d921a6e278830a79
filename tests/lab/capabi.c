// SPDX-License-Identifier: GPL-2.0
/*
 * capabi: what a VMM may switch on, and what it may change of a vCPU between two
 * runs, as Linux's own /dev/kvm has it: CPUID that stays, register sets in kvm_run,
 * quirks, platform MSRs, a TSC offset, machine checks, ports read many elements at
 * a time. The in-tree stack passes the same points. TAP on stdout.
 */
#include <asm/kvm_para.h>
#include <cpuid.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include "smallvm.h"

#define CPUIDS 100

struct cpuids {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 e[CPUIDS];
};

static int enable(int fd, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };

	return ioctl(fd, KVM_ENABLE_CAP, &c);
}

static int has(int cap)
{
	return ioctl(kvm, KVM_CHECK_EXTENSION, cap);
}

/* A guest in long mode with all that CPUID may show; false: said so. */
static bool guest(struct smallvm *g, const uint8_t *code, size_t len)
{
	uint32_t features = 0;

	if (!smallvm_open(g, code, len, true))
		return ok(false, "a VM");
	smallvm_cpuid(g, &features);
	smallvm_long(g, VM_CODE);
	return true;
}

static uint64_t rax(struct smallvm *g)
{
	struct kvm_regs r;

	ioctl(g->vcpu, KVM_GET_REGS, &r);
	return r.rax;
}

/* ---- CPUID ----------------------------------------------------------------------- */

static struct kvm_cpuid_entry2 *leaf(struct cpuids *c, uint32_t function)
{
	unsigned int i;

	for (i = 0; i < c->head.nent; i++)
		if (c->e[i].function == function && !c->e[i].index)
			return &c->e[i];
	return NULL;
}

static void cpuid_stays(void)
{
	static const uint8_t code[] = {
		0x0f, 0x20, 0xe0,			/* mov rax, cr4 */
		0x48, 0x0d, 0x00, 0x00, 0x04, 0x00,	/* or rax, OSXSAVE */
		0x0f, 0x22, 0xe0,			/* mov cr4, rax */
		0xe6, 0x80,				/* out 80h, al */
	};
	static struct cpuids c;
	struct kvm_cpuid_entry2 *e;
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	c.head.nent = CPUIDS;
	ok(!ioctl(g.vcpu, KVM_GET_CPUID2, &c) && leaf(&c, 1), "CPUID as it was set");
	ok(!(leaf(&c, 1)->ecx >> 27 & 1), "OSXSAVE is off at first");
	ok(smallvm_run(&g) == KVM_EXIT_IO, "the guest sets CR4.OSXSAVE");
	c.head.nent = CPUIDS;
	ioctl(g.vcpu, KVM_GET_CPUID2, &c);
	ok(leaf(&c, 1)->ecx >> 27 & 1, "its CPUID follows");
	e = leaf(&c, 0xd);
	ok(e && e->ebx == 576, "so does the size of the XSAVE area in use (%u)", e ? e->ebx : 0);
	smallvm_close(&g);
	if (!guest(&g, code + 12, 2))		/* the OUT alone */
		return;
	ok(smallvm_run(&g) == KVM_EXIT_IO, "a guest runs");
	c.head.nent = CPUIDS;
	ioctl(g.vcpu, KVM_GET_CPUID2, &c);
	ok(!ioctl(g.vcpu, KVM_SET_CPUID2, &c), "what the guest has seen may be set again");
	leaf(&c, 0x80000008)->eax--;
	refused(ioctl(g.vcpu, KVM_SET_CPUID2, &c), EINVAL, "another size of addresses");
	leaf(&c, 0x80000008)->eax++;
	leaf(&c, 7)->ebx ^= 1;
	refused(ioctl(g.vcpu, KVM_SET_CPUID2, &c), EINVAL, "another feature");
	c.head.nent = 1;
	refused(ioctl(g.vcpu, KVM_GET_CPUID2, &c), E2BIG, "room for one leaf");
	ok(c.head.nent == 1, "the caller's number stays (%u)", c.head.nent);
	smallvm_close(&g);
}

/* KVM_SET_CPUID: no subleaves, no flags. */
static void cpuid_of_old(void)
{
	static const uint8_t code[] = {
		0xb8, 0x07, 0x00, 0x00, 0x00,		/* mov eax, 7 */
		0xb9, 0x05, 0x00, 0x00, 0x00,		/* mov ecx, 5 */
		0x0f, 0xa2, 0xe6, 0x80,			/* cpuid; out 80h, al */
	};
	struct {
		struct kvm_cpuid head;
		struct kvm_cpuid_entry e[2];
	} old = { .head.nent = 2, .e = { { .function = 1, .eax = 0x800f12 },
					 { .function = 7, .eax = 0x42 } } };
	static struct cpuids c;
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	ok(!ioctl(g.vcpu, KVM_SET_CPUID, &old), "CPUID is set the old way");
	c.head.nent = CPUIDS;
	ok(!ioctl(g.vcpu, KVM_GET_CPUID2, &c) && c.head.nent == 2 && !c.e[1].flags &&
	   leaf(&c, 7)->eax == 0x42, "it is told the new way");
	ok(smallvm_out(&g, 0x80) == 0x42, "the guest finds it, whatever the subleaf");
	old.head.nent = 10000;
	refused(ioctl(g.vcpu, KVM_SET_CPUID, &old), E2BIG, "too many leaves");
	smallvm_close(&g);
}

/* A HLT that makes no exit is not ended by a kick: no guest may count on one. */
static void no_kicks_without_halts(void)
{
	static const uint8_t code[] = { 0xf4 };
	struct kvm_cpuid_entry2 *e;
	static struct cpuids c;
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	c.head.nent = CPUIDS;
	ok(!ioctl(g.vcpu, KVM_GET_CPUID2, &c) && (e = leaf(&c, 0x40000001)) &&
	   e->eax >> KVM_FEATURE_PV_UNHALT & 1, "a guest may be kicked out of a HLT");
	ok(!enable(g.vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT),
	   "HLT is left to guests, though there is a vCPU");
	ok(!ioctl(g.vcpu, KVM_SET_CPUID2, &c) && !ioctl(g.vcpu, KVM_GET_CPUID2, &c) &&
	   !(leaf(&c, 0x40000001)->eax >> KVM_FEATURE_PV_UNHALT & 1),
	   "then its CPUID does not say so");
	smallvm_close(&g);
}

/* ---- registers between two runs ------------------------------------------------------ */

static void registers_in_kvm_run(void)
{
	static const uint8_t code[] = {
		0xe4, 0x80,				/* in al, 80h */
		0x48, 0xff, 0xc3,			/* inc rbx */
		0xeb, 0xf9,				/* jmp back */
	};
	struct kvm_regs regs;
	struct smallvm g;

	ok(has(KVM_CAP_SYNC_REGS) == KVM_SYNC_X86_VALID_FIELDS, "register sets in kvm_run");
	if (!guest(&g, code, sizeof(code)))
		return;
	g.run->kvm_valid_regs = 1ULL << 31;
	refused(ioctl(g.vcpu, KVM_RUN, 0), EINVAL, "an unknown set");
	g.run->kvm_valid_regs = 0;
	g.run->kvm_dirty_regs = 1ULL << 31;
	refused(ioctl(g.vcpu, KVM_RUN, 0), EINVAL, "an unknown set to take");
	g.run->kvm_dirty_regs = 0;
	g.run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	ok(smallvm_run(&g) == KVM_EXIT_IO && g.run->s.regs.sregs.cr3 == VM_TABLES,
	   "sets are told after a run");
	g.run->immediate_exit = 1;
	refused(ioctl(g.vcpu, KVM_RUN, 0), EINTR, "a run that only ends the access");
	ok(g.run->exit_reason == KVM_EXIT_IO, "kvm_run says what it said");
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	ok(regs.rip == VM_CODE + 2, "the access has ended");
	g.run->immediate_exit = 0;
	ok(smallvm_run(&g) == KVM_EXIT_IO, "the guest comes round again");
	g.run->s.regs.regs.rbx = 100;
	g.run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	ok(smallvm_run(&g) == KVM_EXIT_IO && g.run->s.regs.regs.rbx == 101,
	   "one is taken, and the IN under way ends (%llu)", g.run->s.regs.regs.rbx);
	ok(!g.run->kvm_dirty_regs, "it is no longer marked");
	g.run->kvm_valid_regs = 0;
	g.run->s.regs.regs.rbx = 7;
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	regs.rbx = 200;
	ioctl(g.vcpu, KVM_SET_REGS, &regs);
	ok(smallvm_run(&g) == KVM_EXIT_IO && g.run->s.regs.regs.rbx == 7,
	   "without the mark it is left alone");
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	ok(regs.rbx == 201, "registers set the other way do not end an IN either (%llu)", regs.rbx);
	g.run->s.regs.sregs.cr0 = 0x80000000;
	g.run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	refused(ioctl(g.vcpu, KVM_RUN, 0), EINVAL, "a set that is impossible");
	smallvm_close(&g);
}

static void ports_in_a_row(void)
{
	static const uint8_t code[] = {
		0xbf, 0x00, 0x00, 0x10, 0x00,		/* mov edi, 100000h */
		0xb9, 0x00, 0x14, 0x00, 0x00,		/* mov ecx, 5120 */
		0x66, 0xba, 0x80, 0x00,			/* mov dx, 80h */
		0xfc, 0xf3, 0x6c,			/* cld; rep insb */
		0xe6, 0x81,				/* out 81h, al */
	};
	unsigned int exits = 0, total = 0, i, wrong = 0;
	struct smallvm g;
	uint8_t *data;

	if (!guest(&g, code, sizeof(code)))
		return;
	while (total < 5120 && smallvm_run(&g) == KVM_EXIT_IO && ++exits < 6000) {
		data = (uint8_t *)g.run + g.run->io.data_offset;
		memset(data, 0x5a, 4096);	/* a page of them is the caller's */
		for (i = 0; i < g.run->io.count; i++)
			data[i] = (total + i) * 7;
		total += g.run->io.count;
	}
	ok(smallvm_out(&g, 0x81) >= 0, "REP INSB ends");
	for (i = 0; i < 5120; i++)
		wrong += g.ram[0x100000 + i] != (uint8_t)(i * 7);
	ok(total == 5120 && !wrong, "REP INSB brings every element (%u, %u wrong)", total, wrong);
	ok(exits <= 5, "many of them in one exit (%u exits)", exits);
	smallvm_close(&g);
}

/* ---- switches ------------------------------------------------------------------------- */

static void quirks(void)
{
	static const uint8_t code[] = {
		0xb8, 0x01, 0x00, 0x00, 0x00,		/* mov eax, KVM_HC_VAPIC_POLL_IRQ */
		0x0f, 0x01, 0xc1,			/* vmcall: the other vendor's */
		0xe6, 0x80,				/* out 80h, al */
		0x31, 0xc9, 0x31, 0xd2,			/* xor ecx, ecx; xor edx, edx */
		0xb8, 0x00, 0x10, 0x00, 0x00,
		0x0f, 0x01, 0xc8, 0x0f, 0x01, 0xc9,	/* monitor; mwait */
		0xe6, 0x81,
	};
	struct smallvm g;

	ok(has(KVM_CAP_DISABLE_QUIRKS2) & KVM_X86_QUIRK_FIX_HYPERCALL_INSN, "old behaviour can be switched off");
	if (!guest(&g, code, sizeof(code)))
		return;
	ok(smallvm_out(&g, 0x80) == 0, "the other vendor's hypercall works");
	ok(!memcmp(g.ram + VM_CODE + 5, "\x0f\x01\xd9", 3), "it has been replaced");
	ok(smallvm_out(&g, 0x81) >= 0, "MONITOR and MWAIT do nothing");
	smallvm_close(&g);
	if (!guest(&g, code, sizeof(code)))
		return;
	ok(!enable(g.vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN),
	   "no hypercalls are replaced");
	ok(smallvm_run(&g) == KVM_EXIT_SHUTDOWN, "the other vendor's is undefined");
	ok(!memcmp(g.ram + VM_CODE + 5, "\x0f\x01\xc1", 3), "it is as it was");
	refused(enable(g.vm, KVM_CAP_DISABLE_QUIRKS2, 1ULL << 63), EINVAL, "an unknown quirk");
	smallvm_close(&g);
}

/*
 * It cannot be replaced in a slot that is read-only. Some hosts tell user space of the
 * write each time it runs; nothing worse comes of it.
 */
static void hypercall_in_rom(void)
{
	static const uint8_t code[] = {
		0xb8, 0x01, 0x00, 0x00, 0x00,		/* mov eax, KVM_HC_VAPIC_POLL_IRQ */
		0x0f, 0x01, 0xc1,			/* vmcall */
		0xe6, 0x80,				/* out 80h, al */
	};
	struct kvm_userspace_memory_region m = {
		.slot = 1, .flags = KVM_MEM_READONLY, .guest_phys_addr = 1UL << 30,
		.memory_size = 2UL << 20,
	};
	unsigned int i, writes = 0, at = 3U << 21;
	struct kvm_regs regs;
	struct smallvm g;
	int r = 0;

	if (!guest(&g, code, sizeof(code)))
		return;
	m.userspace_addr = (uintptr_t)g.ram + at;
	memcpy(g.ram + at, code, sizeof(code));
	((uint64_t *)(g.ram + VM_TABLES + 0x2000))[3] = m.guest_phys_addr | 0x83;
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	regs.rip = at;
	ok(!ioctl(g.vm, KVM_SET_USER_MEMORY_REGION, &m) && !ioctl(g.vcpu, KVM_SET_REGS, &regs),
	   "a guest in ROM");
	for (i = 0; i < 40; i++) {
		r = smallvm_run(&g);
		if (r != KVM_EXIT_MMIO || !g.run->mmio.is_write)
			break;
		writes++;
	}
	ok(writes == 40 || (r == KVM_EXIT_IO && g.run->io.port == 0x80),
	   "the other vendor's hypercall there ends, or its write is user space's (%u, exit %d)", writes, r);
	ok(!memcmp(g.ram + at, code, sizeof(code)), "the ROM is as it was");
	smallvm_close(&g);
}

/* The host's CPU waits, and wakes by its APIC's timer, as AMD's do. */
static bool host_waits(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c >> 3 & 1;
}

static void waits_without_exits(void)
{
	static const uint8_t code[] = {
		0x31, 0xc9, 0x31, 0xd2,			/* xor ecx, ecx; xor edx, edx */
		0xb8, 0x00, 0x10, 0x00, 0x00,
		0x0f, 0x01, 0xc8, 0xe6, 0x80,		/* monitor; out 80h, al */
	};
	struct smallvm g;

	ok(has(KVM_CAP_X86_DISABLE_EXITS) == (KVM_X86_DISABLE_VALID_EXITS &
	   (host_waits() ? ~0 : ~KVM_X86_DISABLE_EXITS_MWAIT)),
	   "a guest may halt, pause and wait without exits (%#x)", has(KVM_CAP_X86_DISABLE_EXITS));
	g.vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ok(!enable(g.vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_VALID_EXITS),
	   "all of it is asked for");
	refused(enable(g.vm, KVM_CAP_X86_DISABLE_EXITS, 0x10), EINVAL, "what is no exit");
	if (!smallvm_fill(&g, code, sizeof(code)))
		return;
	smallvm_long(&g, VM_CODE);
	ok(smallvm_out(&g, 0x80) >= 0, "MONITOR is the CPU's");
	smallvm_close(&g);
}

static void paravirtual_features(void)
{
	static const uint8_t code[] = {
		0xb9, 0x03, 0x4d, 0x56, 0x4b,		/* mov ecx, MSR_KVM_STEAL_TIME */
		0x0f, 0x32,				/* rdmsr */
	};
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	ok(smallvm_get_msr(&g, MSR_KVM_STEAL_TIME) == 0, "steal time is there");
	ok(!enable(g.vcpu, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1), "only what CPUID has");
	ok(smallvm_get_msr(&g, MSR_KVM_SYSTEM_TIME_NEW) == 0, "the clock, which it has, is there");
	refused(enable(g.vcpu, 9999, 0), EINVAL, "an unknown capability for a vCPU");
	smallvm_close(&g);
	/* A vCPU without a CPUID */
	if (!smallvm_open(&g, code, sizeof(code), true))
		return;
	enable(g.vcpu, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1);
	smallvm_long(&g, VM_CODE);
	ok(smallvm_run(&g) == KVM_EXIT_SHUTDOWN, "a guest without the feature gets #GP");
	smallvm_close(&g);
}

static void platform(void)
{
	static const uint8_t code[] = {
		0xb9, 0xce, 0x00, 0x00, 0x00, 0x0f, 0x32,	/* rdmsr PLATFORM_INFO */
		0xe6, 0x80, 0xeb, 0xf5,
	};
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	ok(smallvm_set_msr(&g, 0xce, 1ULL << 31 | 0xff00) == 1, "PLATFORM_INFO is set");
	ok(smallvm_run(&g) == KVM_EXIT_IO && (rax(&g) & 0xff00) == 0xff00, "the guest reads it");
	ok(!enable(g.vm, KVM_CAP_MSR_PLATFORM_INFO, 0), "it is hidden");
	ok(smallvm_run(&g) == KVM_EXIT_SHUTDOWN, "the guest gets #GP");
	ok(smallvm_set_msr(&g, 0x140, 1) == 1 && smallvm_set_msr(&g, 0x140, 2) == 0,
	   "CPUID can be made to fault, and nothing else");
	smallvm_close(&g);
}

static void tsc(void)
{
	static const uint8_t code[] = {
		0xb9, 0x10, 0x00, 0x00, 0x00,		/* mov ecx, TSC */
		0x31, 0xc0, 0xba, 0x00, 0x10, 0x00, 0x00,	/* eax = 0, edx = 1000h */
		0x0f, 0x30, 0xe6, 0x80,			/* wrmsr */
	};
	struct kvm_device_attr a = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET };
	uint64_t offset = 0, again = 0;
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	a.addr = (uintptr_t)&offset;
	ok(has(KVM_CAP_VCPU_ATTRIBUTES) == 1 && !ioctl(g.vcpu, KVM_HAS_DEVICE_ATTR, &a) &&
	   !ioctl(g.vcpu, KVM_GET_DEVICE_ATTR, &a), "a vCPU's TSC offset");
	ok(smallvm_run(&g) == KVM_EXIT_IO, "the guest sets its TSC");
	ok(smallvm_get_msr(&g, 0x3b) >> 32 == 0x1000 || smallvm_get_msr(&g, 0x3b) >> 32 == 0xfff,
	   "TSC_ADJUST tells by how much");
	offset = 1ULL << 50;
	ok(!ioctl(g.vcpu, KVM_SET_DEVICE_ATTR, &a), "user space sets the offset");
	a.addr = (uintptr_t)&again;
	/* Debian's moves it on where the host's TSC is not to be trusted. */
	ok(!ioctl(g.vcpu, KVM_GET_DEVICE_ATTR, &a) && again >> 40 == offset >> 40, "it stays");
	ok((uint64_t)smallvm_get_msr(&g, 0x10) >= offset, "the guest's TSC has it");
	a.attr = 99;
	refused(ioctl(g.vcpu, KVM_HAS_DEVICE_ATTR, &a), ENXIO, "an unknown attribute");
	smallvm_close(&g);
}

static void machine_check(void)
{
	static const uint8_t code[] = { 0xe6, 0x80, 0xeb, 0xfc };
	uint64_t cap = 0x10a;			/* MCG_CTL, 10 banks */
	struct kvm_x86_mce mce = { .bank = 1, .addr = 0x1234,
		.status = 1ULL << 63 | 1ULL << 61 | 1ULL << 57, .mcg_status = 4 };
	struct smallvm g;

	if (!guest(&g, code, sizeof(code)))
		return;
	ok(!ioctl(g.vcpu, KVM_X86_SETUP_MCE, &cap), "banks for machine checks");
	mce.bank = 10;
	refused(ioctl(g.vcpu, KVM_X86_SET_MCE, &mce), EINVAL, "a bank that is not there");
	mce.bank = 1;
	mce.status = 1ULL << 63 | 7;
	ok(!ioctl(g.vcpu, KVM_X86_SET_MCE, &mce) && smallvm_get_msr(&g, 0x406) == 0x1234 &&
	   smallvm_run(&g) == KVM_EXIT_IO, "a corrected error is logged, the guest runs on");
	mce.status |= 1ULL << 61 | 1ULL << 57;
	ok(!ioctl(g.vcpu, KVM_X86_SET_MCE, &mce) && smallvm_run(&g) == KVM_EXIT_SHUTDOWN,
	   "an uncorrected one with CR4.MCE clear ends it");
	smallvm_close(&g);
}

static void mitigations(void)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	ok(has(KVM_CAP_VM_DISABLE_NX_HUGE_PAGES) == 1 &&
	   !enable(vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0), "code may be in huge pages");
	refused(enable(vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1), EINVAL, "some of them");
	ioctl(vm, KVM_CREATE_VCPU, 0);
	refused(enable(vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0), EINVAL,
		"to say so after the first vCPU");
	if (seteuid(65534))
		return;
	refused(enable(vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0), EPERM, "one who may not reboot");
	if (seteuid(0))
		_exit(1);
	close(vm);
}

static void ids(void)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), max = has(KVM_CAP_MAX_VCPU_ID);

	refused(enable(vm, KVM_CAP_MAX_VCPU_ID, max + 1), EINVAL, "more vCPUs than there are");
	ok(!enable(vm, KVM_CAP_MAX_VCPU_ID, 2), "two vCPUs");
	refused(enable(vm, KVM_CAP_MAX_VCPU_ID, 3), EINVAL, "another number of them");
	refused(ioctl(vm, KVM_CREATE_VCPU, 2), EINVAL, "the third id");
	ok(!ioctl(vm, KVM_SET_BOOT_CPU_ID, 1), "vCPU 1 boots");
	ok(ioctl(vm, KVM_CREATE_VCPU, 1) >= 0, "it is made");
	refused(ioctl(vm, KVM_SET_BOOT_CPU_ID, 0), EBUSY, "a change of mind");
	close(vm);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ioctl(vm, KVM_CREATE_VCPU, 0);
	refused(enable(vm, KVM_CAP_MAX_VCPU_ID, 2), EINVAL, "fewer vCPUs after the first");
	ok(!enable(vm, KVM_CAP_MAX_VCPU_ID, max), "all there are");
	close(vm);
}

#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2 231
#endif

/* The rest of a number counts, too: Debian's 6.1 does not look. */
static void ids_that_are_none(void)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), max = has(KVM_CAP_MAX_VCPU_ID);

	if (has(KVM_CAP_PRE_FAULT_MEMORY)) {
		refused(ioctl(vm, KVM_SET_BOOT_CPU_ID, max + 1L), EINVAL, "a boot CPU that cannot be");
		refused(ioctl(vm, KVM_SET_BOOT_CPU_ID, 1L << 32), EINVAL, "one of 33 bits");
		ok(!ioctl(vm, KVM_SET_BOOT_CPU_ID, 2), "vCPU 2 boots");
		refused(enable(vm, KVM_CAP_MAX_VCPU_ID, 1), EINVAL, "fewer vCPUs than that");
		refused(ioctl(vm, KVM_CREATE_VCPU, 1L << 32), EINVAL, "a vCPU of 33 bits");
	}
	close(vm);
}

static unsigned long resident(struct smallvm *g, size_t at, size_t len)
{
	unsigned char in[VM_RAM / 4096];
	unsigned long n = 0, i;

	if (mincore(g->ram + at, len, in))
		return ~0UL;
	for (i = 0; i < len / 4096; i++)
		n += in[i] & 1;
	return n;
}

static void memory_before_it_is_asked_for(void)
{
	static const uint8_t code[] = { 0xe6, 0x80 };
	struct kvm_pre_fault_memory r = { .gpa = VM_RAM / 2, .size = VM_RAM / 2 + 8192 };
	struct smallvm g;

	if (!has(KVM_CAP_PRE_FAULT_MEMORY) || !guest(&g, code, sizeof(code)))
		return;
	ok(!resident(&g, VM_RAM / 2, VM_RAM / 2), "half of a guest's memory was never touched");
	ok(!ioctl(g.vcpu, KVM_PRE_FAULT_MEMORY, &r) && r.gpa == VM_RAM && r.size == 8192,
	   "it is mapped, up to its end (%#llx, %llu)", r.gpa, r.size);
	ok(resident(&g, VM_RAM / 2, VM_RAM / 2) == VM_RAM / 8192, "all of it is there");
	refused(ioctl(g.vcpu, KVM_PRE_FAULT_MEMORY, &r), ENOENT, "what is not memory");
	r.gpa = 0;
	r.size = 100;
	refused(ioctl(g.vcpu, KVM_PRE_FAULT_MEMORY, &r), EINVAL, "part of a page");
	r.size = 4096;
	r.flags = 1;
	refused(ioctl(g.vcpu, KVM_PRE_FAULT_MEMORY, &r), EINVAL, "an unknown flag");
	ok(smallvm_run(&g) == KVM_EXIT_IO, "the guest runs");
	smallvm_close(&g);
}

static uint64_t us_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

static uint32_t *apic_word(struct kvm_lapic_state *s, unsigned int reg)
{
	return (uint32_t *)(s->regs + reg);
}

/* A bus of 1 MHz: an APIC's timer counts microseconds. */
static void slower_apic_timers(void)
{
	uint64_t t0, t1, t2, t3, counted;
	struct kvm_lapic_state s;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu;

	if (!has(KVM_CAP_X86_APIC_BUS_CYCLES_NS))
		return;
	refused(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1000), ENXIO, "a timer without APICs");
	close(vm);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	refused(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0), EINVAL, "a bus without a clock");
	refused(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1ULL << 26), EINVAL, "one that is too slow");
	ok(!enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1000), "a bus of 1 MHz");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	refused(enable(vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1), EINVAL, "another after the first vCPU");
	ioctl(vcpu, KVM_GET_LAPIC, &s);
	*apic_word(&s, 0xf0) = 0x1ff;		/* software-enabled */
	*apic_word(&s, 0x320) = 0x10030;	/* one shot, masked */
	*apic_word(&s, 0x3e0) = 0xb;		/* by 1 */
	*apic_word(&s, 0x380) = *apic_word(&s, 0x390) = ~0U;
	t0 = us_now();
	ok(!ioctl(vcpu, KVM_SET_LAPIC, &s), "its timer runs");
	t1 = us_now();
	usleep(50000);
	t2 = us_now();
	ioctl(vcpu, KVM_GET_LAPIC, &s);
	t3 = us_now();
	counted = ~0U - *apic_word(&s, 0x390);
	ok(counted + 2 >= t2 - t1 && counted <= t3 - t0 + 2,
	   "it has counted microseconds (%llu in %llu to %llu)", (unsigned long long)counted,
	   (unsigned long long)(t2 - t1), (unsigned long long)(t3 - t0));
	close(vcpu);
	close(vm);
}

/* Of newer kernels: Debian's 6.1 has it not. */
static void slots2(int vm, void *at)
{
	struct {
		struct kvm_userspace_memory_region m;
		uint64_t memfd_offset;
		uint32_t memfd, pad1;
		uint64_t pad2[14];
	} r = { .m = { .slot = 3, .guest_phys_addr = 1 << 20, .memory_size = 4096,
		       .userspace_addr = (uintptr_t)at } };

	if (!has(KVM_CAP_USER_MEMORY2))
		return;
	ok(!ioctl(vm, _IOC(_IOC_WRITE, KVMIO, 0x49, sizeof(r)), &r), "a slot, the newer way");
	r.m.slot = 4;
	r.m.guest_phys_addr = 2 << 20;
	r.m.flags = 1 << 2;
	refused(ioctl(vm, _IOC(_IOC_WRITE, KVMIO, 0x49, sizeof(r)), &r), EINVAL,
		"one with private memory");
}

/* With nested paging a guest reaches what the host's bus does. */
static void slots_at_the_top(int vm, struct kvm_userspace_memory_region *m)
{
	unsigned int a, b, c, d;
	char npt = 0;
	FILE *f = fopen("/sys/module/kvm_amd/parameters/npt", "r");

	if (f && fread(&npt, 1, 1, f) == 1 && npt == 'Y' && __get_cpuid(0x80000008, &a, &b, &c, &d)) {
		m->slot = 1;
		m->guest_phys_addr = (1ULL << (a & 0xff)) - 4096;
		ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, m), "a slot in the last page (%u bits)",
		   a & 0xff);
		m->slot = 2;
		m->guest_phys_addr += 4096;
		refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, m), EINVAL, "one behind it");
	}
	if (f)
		fclose(f);
}

static void slots(void)
{
	struct kvm_userspace_memory_region m = { .memory_size = 4096 };
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	m.userspace_addr = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.slot = has(KVM_CAP_NR_MEMSLOTS) - 1;
	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), "the last memory slot");
	m.slot++;
	m.guest_phys_addr = 4096;
	slots2(vm, (void *)(uintptr_t)m.userspace_addr);
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EINVAL, "the one after it");
	slots_at_the_top(vm, &m);
	ok(!ioctl(vm, KVM_SET_NR_MMU_PAGES, 64) && ioctl(vm, KVM_GET_NR_MMU_PAGES, 0) == 64,
	   "a bound for shadow pages");
	close(vm);
}

/* A descriptor that was inherited is of no use: the errno it gives. */
static int in_a_child(int fd, struct kvm_device_attr *a)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(ioctl(fd, KVM_HAS_DEVICE_ATTR, a) ? errno : 0);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ?
	       WEXITSTATUS(status) : -1;
}

/* What VMMs that use stock VFIO create first. */
static void vfio_device(void)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO,
				       .flags = KVM_CREATE_DEVICE_TEST };
	struct kvm_device_attr a = { .group = KVM_DEV_VFIO_GROUP,
				     .attr = KVM_DEV_VFIO_GROUP_ADD };
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), fd = kvm;

	ok(!ioctl(vm, KVM_CREATE_DEVICE, &d), "a VFIO device can be created");
	d.type = KVM_DEV_TYPE_FLIC;
	refused(ioctl(vm, KVM_CREATE_DEVICE, &d), ENODEV, "another machine's device");
	d.type = KVM_DEV_TYPE_VFIO;
	d.flags = 0;
	ok(!ioctl(vm, KVM_CREATE_DEVICE, &d), "a VFIO device");
	ok(!ioctl(d.fd, KVM_HAS_DEVICE_ATTR, &a), "it takes groups");
	ok(in_a_child(d.fd, &a) == EIO, "of its own process");
	refused(ioctl(d.fd, KVM_SET_DEVICE_ATTR, &a), EFAULT, "a group from nowhere");
	a.addr = (uintptr_t)&fd;
	refused(ioctl(d.fd, KVM_SET_DEVICE_ATTR, &a), EINVAL, "a group that is none");
	a.attr = KVM_DEV_VFIO_GROUP_DEL;
	refused(ioctl(d.fd, KVM_SET_DEVICE_ATTR, &a), ENOENT, "to give back what it has not");
	fd = -1;
	refused(ioctl(d.fd, KVM_SET_DEVICE_ATTR, &a), EBADF, "a descriptor that is none");
	refused(ioctl(d.fd, KVM_GET_DEVICE_ATTR, &a), EPERM, "to read what is not to read");
	a.attr = 9;
	refused(ioctl(d.fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO, "an attribute it has not");
	fd = d.fd;
	refused(ioctl(vm, KVM_CREATE_DEVICE, &d), EBUSY, "a second one");
	close(fd);
	close(vm);
}

/* ---- what other VMMs rely on ------------------------------------------------------- */

static void answers_of_the_device(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e[2];
	} m = { .head.nmsrs = 2, .e = { { .index = 0x10a }, { .index = 0x345 } } };
	struct cpuids *c = calloc(1, sizeof(*c));

	ok(ioctl(kvm, KVM_GET_MSRS, &m) == 2, "features: both capability registers are told");
	c->head.nent = 2;
	refused(ioctl(kvm, KVM_GET_EMULATED_CPUID, c), E2BIG, "room for two emulated leaves");
	c->head.nent = CPUIDS;
	ok(!ioctl(kvm, KVM_GET_EMULATED_CPUID, c) && c->head.nent == 3 && leaf(c, 7),
	   "emulated leaves: 0, 1 and 7");
	c->head.nent = CPUIDS;
	c->e[9].padding[2] = 1;
	refused(ioctl(kvm, KVM_GET_EMULATED_CPUID, c), EINVAL, "something in their padding");
	free(c);
}

static void pages_of_other_cpus(void)
{
	uint64_t addr = 0xfffbc000;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	ok(!ioctl(vm, KVM_SET_TSS_ADDR, 0xffffd000), "a TSS up to 4 GiB");
	refused(ioctl(vm, KVM_SET_TSS_ADDR, 0xffffe000), EINVAL, "a TSS beyond it");
	ok(!ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &addr), "an identity map");
	ok(ioctl(vm, KVM_CREATE_VCPU, 0) >= 0, "a vCPU");
	refused(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &addr), EINVAL, "a map after the first vCPU");
	close(vm);
}

static void answers_of_a_vm(void)
{
	struct kvm_translation low = { .linear_address = 0x10000 },
		none = { .linear_address = ~0ULL };
	struct kvm_irqchip chip = { .chip_id = 0, .chip.pic.irq_base = 10 }, again = { 0 };
	struct smallvm g;

	if (!ok(smallvm_open(&g, "", 1, true), "a VM"))
		return;
	ok(!ioctl(g.vcpu, KVM_TRANSLATE, &low) && low.valid && low.physical_address == 0x10000,
	   "without paging an address is itself");
	ok(!ioctl(g.vcpu, KVM_TRANSLATE, &none) && !none.valid, "the very last is none");
	ok(!ioctl(g.vm, KVM_SET_IRQCHIP, &chip) && !ioctl(g.vm, KVM_GET_IRQCHIP, &again) &&
	   !memcmp(&chip.chip.pic, &again.chip.pic, sizeof(chip.chip.pic)),
	   "a PIC's state comes back as it was set");
	smallvm_close(&g);
}

int main(void)
{
	alarm(60);		/* a guest that never ends is a failure */
	kvm = open("/dev/kvm", O_RDWR);
	if (!ok(kvm >= 0, "/dev/kvm opens"))
		return 1;
	cpuid_stays();
	cpuid_of_old();
	no_kicks_without_halts();
	registers_in_kvm_run();
	ports_in_a_row();
	quirks();
	hypercall_in_rom();
	waits_without_exits();
	paravirtual_features();
	platform();
	tsc();
	machine_check();
	mitigations();
	ids();
	ids_that_are_none();
	slots();
	memory_before_it_is_asked_for();
	slower_apic_timers();
	vfio_device();
	answers_of_the_device();
	pages_of_other_cpus();
	answers_of_a_vm();
	printf("1..%d\n", points);
	return bad != 0;
}
