// SPDX-License-Identifier: GPL-2.0
/*
 * kvmcost: what an operation of a guest costs, counted by the guest itself in
 * time-stamp ticks. Under QEMU's -icount a tick is an instruction, host and
 * guest together, so the figures are exact. One small VM on a raw /dev/kvm, no
 * VMM in the way: whatever /dev/kvm is loaded is measured. guest.S has the
 * loops. Prints "cost NAME MEDIAN" lines (the price of taking the time is
 * subtracted), "kb_per NAME N" for memory. Runs in the emulated host.
 *
 *   kvmcost [quick]     all operations, or those of the budget
 *   kvmcost repeat NAME N   one operation, N times all its samples; of a fault the
 *                       first time as it is named, then with known pages
 *   kvmcost shadow      what only shadow paging (npt=0) makes dear
 *   kvmcost memory      kernel memory of a VM and of a vCPU
 *   kvmcost tsc         the time stamp, for shell scripts
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <x86intrin.h>
#include "benchvm.h"

/* ---- what some operations need first ------------------------------------------- */

static int to_x2apic(struct op *unused)
{
	simple(0, op_x2apic, "x2APIC");
	(void)unused;
	return 0;
}

static void *echo_thread(void *unused)
{
	ioctl(vcpu[1], KVM_RUN, 0);	/* ends with the process */
	return unused;
}

static int start_echo(struct op *unused)
{
	pthread_t thread;

	simple(1, op_echo, "echo");
	if (pthread_create(&thread, NULL, echo_thread, NULL))
		return -1;
	usleep(1000);		/* it reaches its HLT */
	(void)unused;
	return 0;
}

static struct { int slot; uint64_t gpa; size_t size; char *p; } given;

/* New memory at its own address; @touched: the host has the pages already. */
static void give_memory(struct op *op, int samples, size_t step, int advice,
			bool touched)
{
	given.size = (samples * step + MB2 - 1) & ~(MB2 - 1);
	given.p = anon(given.size, advice);
	if (touched)
		memset(given.p, 1, given.size);
	op->samples = samples;
	op->rcx = step;
	op->rbx = given.gpa = FRESH + ((uint64_t)given.slot << 28);
	set_slot(++given.slot, given.gpa, given.size, given.p);
}

/* The same memory again: the host has it, the guest's table does not. */
static int give_again(struct op *unused)
{
	set_slot(given.slot, given.gpa, 0, given.p);
	set_slot(given.slot, given.gpa, given.size, given.p);
	(void)unused;
	return 0;
}

static int fresh_4k(struct op *op)
{
	give_memory(op, SAMPLES, 4096, MADV_NOHUGEPAGE, false);
	return 0;
}

static int known_4k(struct op *op)
{
	give_memory(op, SAMPLES, 4096, MADV_NOHUGEPAGE, true);
	return 0;
}

static int fresh_2m(struct op *op)
{
	give_memory(op, 11, MB2, MADV_HUGEPAGE, false);
	return 0;
}

static int known_2m(struct op *op)
{
	give_memory(op, 11, MB2, MADV_HUGEPAGE, true);
	return 0;
}

/* ---- the operations -------------------------------------------------------------- */

#define PAT	0x0007040600070406ULL

static struct op ops[] = {
	{ "empty", op_empty, .quick = true },
	{ "cpuid", op_cpuid, .quick = true },
	{ "hypercall", op_vmmcall, .quick = true },
	{ "msr_read", op_rdmsr, .rcx = 0x277, .quick = true },
	{ "msr_write", op_wrmsr, .rcx = 0x277, .r8 = (uint32_t)PAT,
	  .r9 = PAT >> 32, .quick = true },
	{ "pio_pic", op_pic, .quick = true },
	{ "pio_pit", op_pit, .quick = true },
	{ "pio_ioeventfd", op_ioeventfd_pio, .quick = true },
	{ "mmio_ioeventfd", op_store, .rbx = EVENT_MMIO, .quick = true },
	{ "mmio_ioapic", op_load, .rbx = IOAPIC_DATA, .quick = true },
	{ "cr0_write", op_cr0, .r8 = 0x80000011, .quick = true },
	{ "cr4_write", op_cr4, .r8 = 0x20, .quick = true },
	{ "user_pio", op_user_pio, .quick = true },
	{ "user_mmio_read", op_load, .rbx = USER_MMIO, .quick = true },
	{ "user_mmio_write", op_store, .rbx = USER_MMIO, .quick = true },
	{ "lapic_read", op_load, .rbx = LAPIC + 0x30, .before = enable_apic,
	  .quick = true },
	{ "lapic_write", op_store, .rbx = LAPIC + 0x280, .quick = true },
	{ "cr8_write", op_cr8, .r8 = 0 },
	{ "self_ipi", op_self_ipi, .r8 = SELF | V_SAMPLE, .quick = true },
	{ "eoi", op_self_ipi, .r8 = SELF | V_EOI, .quick = true },
	{ "hlt_wakeup", op_hlt, .r8 = SELF | V_SAMPLE, .quick = true },
	{ "ipi_round_trip", op_ipi, .r8 = V_ECHO, .before = start_echo,
	  .quick = true },
	{ "fault_4k_fresh", op_touch, .before = fresh_4k },
	{ "fault_4k", op_touch, .before = known_4k, .quick = true },
	{ "fault_2m_fresh", op_touch, .before = fresh_2m },
	{ "fault_2m", op_touch, .before = known_2m },
	{ "x2apic_self_ipi", op_x2_self_ipi, .r8 = SELF | V_X2_SAMPLE,
	  .before = to_x2apic },
	{ "x2apic_eoi", op_x2_self_ipi, .r8 = SELF | V_X2_EOI },
};

static int second_space(struct op *op)
{
	(void)op;
	memcpy(ram + SPACE2, ram + TABLES, 4096);
	return 0;
}

/* 64 KiB apart: an entry is not built ahead with its neighbour's. */
static int sparse_4k(struct op *op)
{
	give_memory(op, SAMPLES, 0x10000, MADV_NOHUGEPAGE, true);
	return 0;
}

static struct op shadow_ops[] = {
	{ "empty", op_empty, .quick = false },
	{ "shadow_entry", op_touch, .before = sparse_4k },
	{ "shadow_switch", op_switch, .rbx = STACK(1), .r8 = TABLES,
	  .r9 = TABLES ^ SPACE2, .before = second_space },
};

/* ---- memory -------------------------------------------------------------------------- */

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MANY	128

static int new_vm(void)
{
	int fd = must(ioctl(kvm, KVM_CREATE_VM, 0), "a VM");

	must(ioctl(fd, KVM_CREATE_IRQCHIP, 0), "interrupt controllers");
	return fd;
}

/* With the file behind each: what a VMM cannot do without. */
static void make_many(long kb[3])
{
	int fd[MANY], cpu[MANY], i;

	kb[0] = kernel_kb();
	for (i = 0; i < MANY; i++)
		fd[i] = new_vm();
	kb[1] = kernel_kb();
	for (i = 0; i < MANY; i++)
		cpu[i] = must(ioctl(fd[i], KVM_CREATE_VCPU, 0), "a vCPU");
	kb[2] = kernel_kb();
	for (i = 0; i < MANY; i++) {
		close(cpu[i]);
		close(fd[i]);
	}
	usleep(500000);
}

static void memory(void)
{
	long kb[3];

	make_many(kb);		/* whatever is made once, or kept, is made */
	make_many(kb);
	printf("kb_per vm %ld\n", (kb[1] - kb[0]) / MANY);
	printf("kb_per vcpu %ld\n", (kb[2] - kb[1]) / MANY);
}

/* For a profile. Whatever others need first is done. */
static void repeat(struct op *list, unsigned int n, const char *name, int times)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (strcmp(list[i].name, name)) {
			if (list[i].before || !i)
				measure(&list[i]);
			continue;
		}
		measure(&list[i]);
		list[i].before = list[i].code == op_touch ? give_again : NULL;
		printf("samples %d\n", list[i].samples ? list[i].samples : SAMPLES);
		while (--times > 0)
			measure(&list[i]);
		return;
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "all";
	unsigned int i;

	if (!strcmp(what, "tsc")) {
		printf("%llu\n", __rdtsc());
		return 0;
	}
	kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	if (!strcmp(what, "memory")) {
		memory();
		return 0;
	}
	open_vm();
	if (!strcmp(what, "repeat") && argc == 4) {
		if (strncmp(argv[2], "shadow_", 7))
			repeat(ops, ARRAY_SIZE(ops), argv[2], atoi(argv[3]));
		else
			repeat(shadow_ops, ARRAY_SIZE(shadow_ops), argv[2], atoi(argv[3]));
		return 0;
	}
	if (!strcmp(what, "shadow")) {
		for (i = 0; i < ARRAY_SIZE(shadow_ops); i++)
			measure(&shadow_ops[i]);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].quick || strcmp(what, "quick"))
			measure(&ops[i]);
	return 0;
}
