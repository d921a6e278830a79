/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VM that the benches measure in: raw /dev/kvm, 2 MiB of RAM with guest.S in
 * it, long mode, everything below 16 GiB mapped one to one, an IDT for guest.S's
 * handlers, and the loop that runs one of guest.S's operations to its end.
 * Included by one program each (kvmcost.c, cardcost.c).
 */
#ifndef BACKPLANE_TESTS_BENCH_BENCHVM_H
#define BACKPLANE_TESTS_BENCH_BENCHVM_H

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SAMPLES		101
#define CODE		0x1000UL	/* guest-physical layout, slot 0 */
#define TABLES		0x20000UL
#define SPACE2		0x2c000UL	/* a second root, for the same tables */
#define IDT		0x30000UL
#define GDT		0x31000UL
#define RESULTS		0x40000UL
#define STACK(cpu)	(0x58000UL + ((cpu) << 16))
#define RAM_SIZE	(2UL << 20)
#define FRESH		(1UL << 30)	/* where memory to be touched goes */
#define MB2		(2UL << 20)
#define LAPIC		0xfee00000UL
#define IOAPIC_DATA	0xfec00010UL
#define USER_MMIO	0xd0000000UL
#define EVENT_MMIO	0xd0001000UL

extern const char guest_begin[], guest_end[];
extern const char op_empty[], op_cpuid[], op_vmmcall[], op_rdmsr[], op_wrmsr[],
	op_pic[], op_pit[], op_user_pio[], op_load[], op_store[],
	op_ioeventfd_pio[], op_cr0[], op_cr4[], op_cr8[], op_touch[],
	op_enable[], op_self_ipi[], op_hlt[], op_ipi[], op_echo[], op_x2apic[],
	op_x2_self_ipi[], op_fill[], op_card[], op_switch[];
extern const char irq_echo[], irq_sample[], irq_eoi[], irq_x2_sample[],
	irq_x2_eoi[];

enum { V_SAMPLE = 0x44, V_EOI, V_X2_SAMPLE, V_X2_EOI, V_ECHO };
#define SELF	0x40000		/* ICR: to myself */

static int kvm, vm, vcpu[2];
static struct kvm_run *run[2];
static char *ram;
static uint64_t overhead;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int must(int r, const char *what)
{
	if (r < 0)
		die(what);
	return r;
}

/* ---- the VM ----------------------------------------------------------------- */

static void *anon(size_t size, int advice)
{
	char *p = mmap(NULL, size + MB2, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	p = (char *)(((uintptr_t)p + MB2 - 1) & ~(MB2 - 1));
	must(madvise(p, size, advice), "madvise");
	return p;
}

static void set_slot(unsigned int slot, uint64_t gpa, uint64_t size, void *at)
{
	struct kvm_userspace_memory_region m = {
		.slot = slot, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)at,
	};

	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), "a memory slot");
}

static uint64_t gpa_of(const char *label)
{
	return CODE + (label - guest_begin);
}

static void set_gate(int vector, const char *handler)
{
	uint64_t *gate = (uint64_t *)(ram + IDT) + 2 * vector;
	uint64_t at = gpa_of(handler);

	/* 64-bit interrupt gate (APM2 4.8.3), below 64 KiB */
	gate[0] = (at & 0xffff) | 8 << 16 | 0x8eULL << 40;
	gate[1] = 0;
}

/* One to one: 4 GiB in 2M pages, then 1G pages */
static void fill_ram(void)
{
	uint64_t *table = (uint64_t *)(ram + TABLES), *gdt;
	uint64_t i;

	memcpy(ram + CODE, guest_begin, guest_end - guest_begin);
	table[0] = (TABLES + 0x1000) | 3;
	for (i = 0; i < 4; i++)
		table[512 + i] = (TABLES + 0x2000 + 0x1000 * i) | 3;
	for (i = 4; i < 16; i++)
		table[512 + i] = i << 30 | 0x83;
	for (i = 0; i < 2048; i++)
		table[1024 + i] = MB2 * i | 0x83;
	gdt = (uint64_t *)(ram + GDT);
	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	set_gate(V_SAMPLE, irq_sample);
	set_gate(V_EOI, irq_eoi);
	set_gate(V_X2_SAMPLE, irq_x2_sample);
	set_gate(V_X2_EOI, irq_x2_eoi);
	set_gate(V_ECHO, irq_echo);
}

static void add_vcpu(int i)
{
	struct kvm_segment cs = { .selector = 8, .type = 11, .present = 1,
		.s = 1, .l = 1, .g = 1, .limit = 0xffffffff };
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[128];
	} cpuid;
	struct kvm_sregs s;

	vcpu[i] = must(ioctl(vm, KVM_CREATE_VCPU, i), "a vCPU");
	run[i] = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		      PROT_READ | PROT_WRITE, MAP_SHARED, vcpu[i], 0);
	cpuid.head.nent = 128;
	must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "CPUID");
	must(ioctl(vcpu[i], KVM_SET_CPUID2, &cpuid), "CPUID");
	must(ioctl(vcpu[i], KVM_SET_MP_STATE, &mp), "the MP state");
	must(ioctl(vcpu[i], KVM_GET_SREGS, &s), "registers");
	s.cr3 = TABLES;
	s.cr4 = 1 << 5;
	s.cr0 = 0x80000011;
	s.efer = 0x500;
	s.cs = cs;
	s.ds = cs;
	s.ds.type = 3;
	s.ds.l = 0;
	s.ds.db = 1;
	s.ds.selector = 16;
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.gdt.base = GDT;
	s.gdt.limit = 23;
	s.idt.base = IDT;
	s.idt.limit = 4095;
	must(ioctl(vcpu[i], KVM_SET_SREGS, &s), "registers");
}

static void add_ioeventfd(uint64_t addr, int len, int flags)
{
	struct kvm_ioeventfd e = {
		.addr = addr, .len = len, .flags = flags,
		.fd = must(eventfd(0, EFD_NONBLOCK), "an eventfd"),
	};

	must(ioctl(vm, KVM_IOEVENTFD, &e), "an ioeventfd");
}

static void open_vm(void)
{
	struct kvm_pit_config pit = { };

	vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "a VM");
	must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "interrupt controllers");
	must(ioctl(vm, KVM_CREATE_PIT2, &pit), "a timer");
	ram = anon(RAM_SIZE, MADV_NOHUGEPAGE);
	fill_ram();
	set_slot(0, 0, RAM_SIZE, ram);
	add_ioeventfd(0xe0, 1, KVM_IOEVENTFD_FLAG_PIO);
	add_ioeventfd(EVENT_MMIO, 4, 0);
	add_vcpu(0);
	add_vcpu(1);
}

/* ---- running a loop ------------------------------------------------------------ */

struct op {
	const char *name, *code;
	uint64_t rbx, rcx, r8, r9;
	int samples;			/* 0: SAMPLES */
	bool quick;			/* in the budget */
	int (*before)(struct op *op);
};

static void start(int cpu, const struct op *op, int samples)
{
	struct kvm_regs r = {
		.rip = gpa_of(op->code), .rflags = 2, .rsp = STACK(cpu),
		.rbx = op->rbx, .rcx = op->rcx, .rdi = LAPIC,
		.r8 = op->r8, .r9 = op->r9, .r14 = RESULTS, .r15 = samples,
	};

	must(ioctl(vcpu[cpu], KVM_SET_REGS, &r), "registers");
}

/* Until it says that it is done; what it asks in between is answered with 0. */
static void run_until_done(int cpu, const char *name)
{
	struct kvm_run *k = run[cpu];

	for (;;) {
		must(ioctl(vcpu[cpu], KVM_RUN, 0), name);
		if (k->exit_reason == KVM_EXIT_IO && k->io.port == 0xf0)
			return;
		if (k->exit_reason == KVM_EXIT_IO && k->io.port == 0xf1)
			continue;
		if (k->exit_reason == KVM_EXIT_MMIO &&
		    k->mmio.phys_addr == USER_MMIO)
			continue;
		fprintf(stderr, "bench: %s: exit reason %u\n", name, k->exit_reason);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(struct op *op)
{
	uint64_t *t = (uint64_t *)(ram + RESULTS);
	int samples;

	if (op->before && op->before(op)) {
		fprintf(stderr, "bench: %s: cannot be set up\n", op->name);
		exit(1);
	}
	samples = op->samples ? op->samples : SAMPLES;
	memset(t, 0, SAMPLES * 8);
	start(0, op, samples);
	run_until_done(0, op->name);
	qsort(t, samples, 8, compare);
	if (!t[0] || t[0] < overhead) {
		fprintf(stderr, "bench: %s: a sample is missing\n", op->name);
		exit(1);
	}
	return t[samples / 2];
}

static void report(const struct op *op, uint64_t cost)
{
	if (op->code == op_empty)
		overhead = cost;
	else
		printf("cost %s %lu\n", op->name, cost - overhead);
	fflush(stdout);
}

static void measure(struct op *op)
{
	report(op, median(op));
}

static void simple(int cpu, const char *code, const char *name)
{
	struct op op = { .code = code, .r8 = V_SAMPLE };

	start(cpu, &op, 1);
	run_until_done(cpu, name);
}

static int enable_apic(struct op *unused)
{
	simple(0, op_enable, "APIC");
	(void)unused;
	return 0;
}

/* ---- memory ------------------------------------------------------------------------ */

/* KiB on CPUs' own lists of free pages, which MemFree does not count. */
static inline long listed_kb(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	char line[256];
	long n, pages = 0;

	if (!f)
		die("/proc/zoneinfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &n) == 1)
			pages += n;
	fclose(f);
	return pages * 4;
}

/* What the kernel keeps for itself, in KiB: not free, not files', not programs'. */
static inline long kernel_kb(void)
{
	static const char *const minus[] = { "MemFree:", "Buffers:", "Cached:",
		"AnonPages:", "SReclaimable:" };
	long total = 0, kb;
	char name[64];
	unsigned int i;
	FILE *f;

	sync();
	f = fopen("/proc/sys/vm/stat_refresh", "w");
	if (f) {
		fputs("1", f);
		fclose(f);
	}
	f = fopen("/proc/meminfo", "r");
	if (!f)
		die("/proc/meminfo");
	while (fscanf(f, "%63s %ld kB\n", name, &kb) == 2 ||
	       fscanf(f, "%*[^\n]\n") >= 0) {
		if (!strcmp(name, "MemTotal:"))
			total += kb;
		for (i = 0; i < 5; i++)
			if (!strcmp(name, minus[i]))
				total -= kb;
	}
	fclose(f);
	return total - listed_kb();
}

#endif
