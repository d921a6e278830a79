// SPDX-License-Identifier: GPL-2.0
/*
 * failnth: makes the N-th allocation within one system call fail, for growing
 * N until the call needs fewer than N. Runs on the emulated host under the
 * debug kernel (/proc/thread-self/fail-nth). Whatever failed, the call must say
 * ENOMEM or do without; made again it must work, and so must everything that
 * comes after it, down to a guest that runs. What is lost on the way, kmemleak
 * tells at the job's end.
 *
 *   failnth vm                      every call in the life of a VM
 *   failnth card BDF                the same of a card's node, and of the card
 *                                   in a VM; it is bound to pci-assign
 *   failnth write FILE TEXT UNDO TEXT   writing TEXT to FILE (a bind); after a
 *                                   success TEXT goes to UNDO
 *   failnth module FILE NAME [ARGS] loading a module, and unloading it
 *
 * Prints TAP.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "pci-assign/assign_uapi.h"
#include "tests/lab/tap.h"

#define RAM_BYTES	(1U << 20)
#define MOST		100000	/* more allocations than any call makes */
#define DONE_PORT	0x10

/* What the steps build up, and what they may use. */
struct world {
	int kvm, vm, vcpu[2], stats[2], device, node, event[5];
	struct kvm_run *run;
	size_t run_bytes, bar_bytes;
	off_t bar_at;
	uint8_t *ram;
	void *bar;
};

struct step {
	const char *what;
	int (*take)(struct world *w);
	int also;	/* what the kernel makes of ENOMEM on the way, if it does; our
			 * own ENOMEM arrives as that, so there must be both */
};

static unsigned int bus, slot, fn;
static const char *bdf, *text, *file_name, *undo_name, *undo_text, *module_args;

/* ---- fail-nth ------------------------------------------------------------------- */

static int nth = -1;

static void arm(unsigned int n)
{
	char s[16];

	snprintf(s, sizeof(s), "%u", n);
	if (pwrite(nth, s, strlen(s), 0) < 0)
		perror("fail-nth");
}

/* How many allocations were left until the one to fail; 0 if it came. */
static unsigned int disarm(void)
{
	char s[16] = "";

	if (pread(nth, s, sizeof(s) - 1, 0) < 0)
		perror("fail-nth");
	if (pwrite(nth, "0", 1, 0) < 0)
		perror("fail-nth");
	return atoi(s);
}

/* ---- a VM's life ------------------------------------------------------------------ */

static int open_kvm(struct world *w)
{
	return w->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

static int supported_cpuid(struct world *w)
{
	static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[128]; } c;

	c.head.nent = 128;
	return ioctl(w->kvm, KVM_GET_SUPPORTED_CPUID, &c);
}

static int create_vm(struct world *w)
{
	return w->vm = ioctl(w->kvm, KVM_CREATE_VM, 0);
}

static int set_slot(struct world *w, unsigned int id, uint64_t at, uint64_t bytes,
		    unsigned int flags)
{
	struct kvm_userspace_memory_region m = {
		.slot = id, .guest_phys_addr = at, .memory_size = bytes,
		.userspace_addr = (uintptr_t)w->ram, .flags = flags };

	return ioctl(w->vm, KVM_SET_USER_MEMORY_REGION, &m);
}

static int add_ram(struct world *w)
{
	return set_slot(w, 0, 0, RAM_BYTES, 0);
}

static int add_alias(struct world *w)
{
	return set_slot(w, 1, 1 << 24, RAM_BYTES, 0);
}

static int move_alias(struct world *w)
{
	return set_slot(w, 1, 1 << 25, RAM_BYTES, 0);
}

static int remove_alias(struct world *w)
{
	return set_slot(w, 1, 0, 0, 0);
}

static int log_ram(struct world *w)
{
	return set_slot(w, 0, 0, RAM_BYTES, KVM_MEM_LOG_DIRTY_PAGES);
}

static int dirty_log(struct world *w)
{
	static uint64_t bits[RAM_BYTES / 4096 / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bits };

	return ioctl(w->vm, KVM_GET_DIRTY_LOG, &log);
}

static int tss_address(struct world *w)
{
	return ioctl(w->vm, KVM_SET_TSS_ADDR, 0xfffbd000);
}

static int irqchip(struct world *w)
{
	return ioctl(w->vm, KVM_CREATE_IRQCHIP, 0);
}

static int pit(struct world *w)
{
	struct kvm_pit_config c = { 0 };

	return ioctl(w->vm, KVM_CREATE_PIT2, &c);
}

static int routes(struct world *w)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[2];
	} r = { .head.nr = 2, .e = {
		{ .gsi = 5, .type = KVM_IRQ_ROUTING_IRQCHIP,
		  .u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 5 } },
		{ .gsi = 30, .type = KVM_IRQ_ROUTING_MSI,
		  .u.msi = { .address_lo = 0xfee00000, .data = 0x50 } },
	} };

	return ioctl(w->vm, KVM_SET_GSI_ROUTING, &r);
}

static int irqfd(struct world *w)
{
	struct kvm_irqfd f = { .fd = w->event[0], .gsi = 30 };

	return ioctl(w->vm, KVM_IRQFD, &f);
}

static int irqfd_resample(struct world *w)
{
	struct kvm_irqfd f = { .fd = w->event[1], .gsi = 5, .resamplefd = w->event[2],
			       .flags = KVM_IRQFD_FLAG_RESAMPLE };

	return ioctl(w->vm, KVM_IRQFD, &f);
}

static int ioeventfd(struct world *w)
{
	struct kvm_ioeventfd e = { .fd = w->event[3], .addr = 0xd0000000, .len = 4 };

	return ioctl(w->vm, KVM_IOEVENTFD, &e);
}

static int ioeventfd_port(struct world *w)
{
	struct kvm_ioeventfd e = { .fd = w->event[4], .addr = 0x500, .len = 2,
				   .flags = KVM_IOEVENTFD_FLAG_PIO };

	return ioctl(w->vm, KVM_IOEVENTFD, &e);
}

static int coalesced(struct world *w)
{
	struct kvm_coalesced_mmio_zone z = { .addr = 0xd0001000, .size = 4096 };

	return ioctl(w->vm, KVM_REGISTER_COALESCED_MMIO, &z);
}

static int msr_filter(struct world *w)
{
	static uint8_t bits[32];
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	f.ranges[0] = (struct kvm_msr_filter_range) {
		.flags = KVM_MSR_FILTER_READ, .nmsrs = 256, .base = 0x100, .bitmap = bits };
	return ioctl(w->vm, KVM_X86_SET_MSR_FILTER, &f);
}

static int vm_stats(struct world *w)
{
	return w->stats[0] = ioctl(w->vm, KVM_GET_STATS_FD, 0);
}

static int create_vcpu(struct world *w)
{
	return w->vcpu[0] = ioctl(w->vm, KVM_CREATE_VCPU, 0);
}

static int another_vcpu(struct world *w)
{
	return w->vcpu[1] = ioctl(w->vm, KVM_CREATE_VCPU, 1);
}

static int map_vcpu(struct world *w)
{
	w->run_bytes = ioctl(w->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	w->run = mmap(NULL, w->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->vcpu[0], 0);
	if (w->run != MAP_FAILED)
		return 0;
	w->run = NULL;
	return -1;
}

static int vcpu_stats(struct world *w)
{
	return w->stats[1] = ioctl(w->vcpu[0], KVM_GET_STATS_FD, 0);
}

static int set_cpuid(struct world *w)
{
	/* more than a page: memory that is not in one piece does, too */
	static struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[128]; } c = {
		.head.nent = 128, .e = {
			{ .function = 0, .eax = 1 },
			{ .function = 1, .ecx = 1 << 21, .edx = 0x78bfbff },
			{ .function = 0x40000001, .eax = 1 << 3 /* clock */ },
	} };

	return ioctl(w->vcpu[0], KVM_SET_CPUID2, &c);
}

/* The guest's clock: a page of its RAM is held for it. */
static int set_msrs(struct world *w)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e[2]; } m = {
		.head.nmsrs = 2, .e = {
			{ .index = 0x4b564d01, .data = 0x7000 | 1 },
			{ .index = 0x277, .data = 0x0007040600070406ULL },
	} };

	return ioctl(w->vcpu[0], KVM_SET_MSRS, &m) == 2 ? 0 : -1;
}

static int get_msrs(struct world *w)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e[1]; } m = {
		.head.nmsrs = 1, .e = { { .index = 0x277 } } };

	return ioctl(w->vcpu[0], KVM_GET_MSRS, &m) == 1 ? 0 : -1;
}

static int signal_mask(struct world *w)
{
	struct { struct kvm_signal_mask head; uint8_t set[8]; } m = { .head.len = 8 };

	return ioctl(w->vcpu[0], KVM_SET_SIGNAL_MASK, &m);
}

static int xsave(struct world *w)
{
	static struct kvm_xsave x;

	if (ioctl(w->vcpu[0], KVM_GET_XSAVE, &x))
		return -1;
	return ioctl(w->vcpu[0], KVM_SET_XSAVE, &x);
}

static int fpu(struct world *w)
{
	struct kvm_fpu f;

	return ioctl(w->vcpu[0], KVM_GET_FPU, &f) ?: ioctl(w->vcpu[0], KVM_SET_FPU, &f);
}

static int lapic(struct world *w)
{
	struct kvm_lapic_state s;

	return ioctl(w->vcpu[0], KVM_GET_LAPIC, &s) ?: ioctl(w->vcpu[0], KVM_SET_LAPIC, &s);
}

static int get_chip(struct world *w)
{
	struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

	return ioctl(w->vm, KVM_GET_IRQCHIP, &c) ?: ioctl(w->vm, KVM_SET_IRQCHIP, &c);
}

static int get_pit(struct world *w)
{
	struct kvm_pit_state2 s;

	return ioctl(w->vm, KVM_GET_PIT2, &s) ?: ioctl(w->vm, KVM_SET_PIT2, &s);
}

static int set_regs(struct world *w)
{
	struct kvm_regs r = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs s;

	if (ioctl(w->vcpu[0], KVM_GET_SREGS, &s))
		return -1;
	s.cs.base = s.cs.selector = 0;
	return ioctl(w->vcpu[0], KVM_SET_SREGS, &s) ?: ioctl(w->vcpu[0], KVM_SET_REGS, &r);
}

/* Writes to a byte of each of 64 pages, then to a port. */
static const uint8_t guest_code[] = {
	0xbb, 0x00, 0x20,			/* mov $0x2000, %bx */
	0x8e, 0xdb,				/* 1: mov %bx, %ds */
	0xc6, 0x06, 0x00, 0x00, 0x5a,		/* movb $0x5a, 0 */
	0x81, 0xc3, 0x00, 0x01,			/* add $0x100, %bx */
	0x81, 0xfb, 0x00, 0x60,			/* cmp $0x6000, %bx */
	0x75, 0xef,				/* jne 1b */
	0xe6, DONE_PORT,			/* out %al, $DONE_PORT */
	0xeb, 0xe7,				/* jmp the beginning */
};

static int run(struct world *w)
{
	if (ioctl(w->vcpu[0], KVM_RUN, 0))
		return -1;
	if (w->run->exit_reason == KVM_EXIT_IO && w->run->io.port == DONE_PORT)
		return 0;
	printf("# the guest met exit %u\n", w->run->exit_reason);
	errno = ENOEXEC;
	return -1;
}

static const struct step vm_steps[] = {
	{ "open /dev/kvm", open_kvm, 0 },
	{ "KVM_GET_SUPPORTED_CPUID", supported_cpuid, 0 },
	{ "KVM_CREATE_VM", create_vm, 0 },
	{ "a slot of RAM", add_ram, 0 },
	{ "a second slot", add_alias, 0 },
	{ "KVM_SET_TSS_ADDR", tss_address, 0 },
	{ "KVM_CREATE_IRQCHIP", irqchip, 0 },
	{ "KVM_CREATE_PIT2", pit, 0 },
	{ "KVM_SET_GSI_ROUTING", routes, 0 },
	{ "KVM_IRQFD", irqfd, 0 },
	{ "KVM_IRQFD with resample", irqfd_resample, 0 },
	{ "KVM_IOEVENTFD in memory", ioeventfd, 0 },
	{ "KVM_IOEVENTFD of a port", ioeventfd_port, 0 },
	{ "KVM_REGISTER_COALESCED_MMIO", coalesced, 0 },
	{ "KVM_X86_SET_MSR_FILTER", msr_filter, 0 },
	{ "KVM_GET_STATS_FD of the VM", vm_stats, 0 },
	{ "KVM_CREATE_VCPU", create_vcpu, 0 },
	{ "mmap of the vCPU", map_vcpu, 0 },
	{ "KVM_GET_STATS_FD of the vCPU", vcpu_stats, 0 },
	{ "KVM_SET_CPUID2", set_cpuid, 0 },
	{ "KVM_SET_MSRS", set_msrs, 0 },
	{ "KVM_GET_MSRS", get_msrs, 0 },
	{ "KVM_SET_SIGNAL_MASK", signal_mask, 0 },
	{ "KVM_GET_XSAVE, KVM_SET_XSAVE", xsave, 0 },
	{ "KVM_GET_FPU, KVM_SET_FPU", fpu, 0 },
	{ "KVM_GET_LAPIC, KVM_SET_LAPIC", lapic, 0 },
	{ "KVM_GET_IRQCHIP, KVM_SET_IRQCHIP", get_chip, 0 },
	{ "KVM_GET_PIT2, KVM_SET_PIT2", get_pit, 0 },
	{ "KVM_SET_SREGS, KVM_SET_REGS", set_regs, 0 },
	{ "KVM_RUN over absent pages", run, EFAULT },	/* as KVM always said */
	{ "a slot's dirty log on", log_ram, 0 },
	{ "KVM_RUN over write-protected pages", run, 0 },
	{ "KVM_GET_DIRTY_LOG", dirty_log, 0 },
	{ "KVM_RUN after it", run, 0 },
	{ "a slot moved", move_alias, 0 },
	{ "a slot removed", remove_alias, 0 },
	{ "KVM_CREATE_VCPU for another", another_vcpu, 0 },
	{ "KVM_RUN at the end", run, 0 },
	{ NULL, NULL, 0 }
};

/* ---- a card in a VM ----------------------------------------------------------------- */

static int open_node(struct world *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/backplane/%s", bdf);
	return w->node = open(path, O_RDWR | O_CLOEXEC);
}

static int region_info(struct world *w)
{
	struct vfio_region_info i = { .argsz = sizeof(i), .index = VFIO_PCI_BAR0_REGION_INDEX };

	if (ioctl(w->node, VFIO_DEVICE_GET_REGION_INFO, &i))
		return -1;
	w->bar_bytes = i.size;
	w->bar_at = i.offset;
	return 0;
}

static int map_bar(struct world *w)
{
	w->bar = mmap(NULL, w->bar_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->node,
		      w->bar_at);
	if (w->bar != MAP_FAILED)
		return 0;
	w->bar = NULL;
	return -1;
}

static int assign(struct world *w)
{
	struct kvm_assigned_pci_dev d = { .assigned_dev_id = 5, .busnr = bus,
		.devfn = slot << 3 | fn, .flags = KVM_DEV_ASSIGN_ENABLE_IOMMU };

	return ioctl(w->vm, KVM_ASSIGN_PCI_DEVICE, &d);
}

static int deassign(struct world *w)
{
	struct kvm_assigned_pci_dev d = { .assigned_dev_id = 5, .busnr = bus,
		.devfn = slot << 3 | fn };

	return ioctl(w->vm, KVM_DEASSIGN_PCI_DEVICE, &d);
}

static int card_irq(struct world *w)
{
	struct kvm_assigned_irq i = { .assigned_dev_id = 5, .guest_irq = 30,
		.flags = KVM_DEV_IRQ_HOST_MSI | KVM_DEV_IRQ_GUEST_MSI };

	return ioctl(w->vm, KVM_ASSIGN_DEV_IRQ, &i);
}

static int no_card_irq(struct world *w)
{
	struct kvm_assigned_irq i = { .assigned_dev_id = 5,
		.flags = KVM_DEV_IRQ_HOST_MSI | KVM_DEV_IRQ_GUEST_MSI };

	return ioctl(w->vm, KVM_DEASSIGN_DEV_IRQ, &i);
}

/* The BAR as the guest's memory: what QEMU does for a BAR without exits. */
static int bar_slot(struct world *w)
{
	struct kvm_userspace_memory_region m = {
		.slot = 2, .guest_phys_addr = 0xe0000000, .memory_size = w->bar_bytes,
		.userspace_addr = (uintptr_t)w->bar };

	return ioctl(w->vm, KVM_SET_USER_MEMORY_REGION, &m);
}

static int reset_card(struct world *w)
{
	return ioctl(w->node, VFIO_DEVICE_RESET);
}

static const struct step card_steps[] = {
	{ "open /dev/kvm", open_kvm, 0 },
	{ "KVM_CREATE_VM", create_vm, 0 },
	{ "a slot of RAM", add_ram, 0 },
	{ "KVM_CREATE_IRQCHIP", irqchip, 0 },
	{ "KVM_SET_GSI_ROUTING", routes, 0 },
	{ "KVM_CREATE_VCPU", create_vcpu, 0 },
	{ "mmap of the vCPU", map_vcpu, 0 },
	{ "KVM_SET_SREGS, KVM_SET_REGS", set_regs, 0 },
	/* a region of a BAR that finds no memory is EBUSY to the PCI core */
	{ "open of the card's node", open_node, EBUSY },
	{ "VFIO_DEVICE_GET_REGION_INFO", region_info, 0 },
	{ "KVM_ASSIGN_PCI_DEVICE", assign, 0 },
	{ "mmap of a BAR", map_bar, 0 },
	{ "the BAR as a slot", bar_slot, 0 },
	/* an interrupt domain that finds no memory is ENOSPC to the MSI core: EIO */
	{ "KVM_ASSIGN_DEV_IRQ", card_irq, EIO },
	{ "a second slot under a card", add_alias, 0 },
	{ "KVM_RUN with a card", run, 0 },
	{ "that slot removed", remove_alias, 0 },
	{ "KVM_DEASSIGN_DEV_IRQ", no_card_irq, 0 },
	{ "VFIO_DEVICE_RESET", reset_card, 0 },
	{ "KVM_DEASSIGN_PCI_DEVICE", deassign, 0 },
	{ NULL, NULL, 0 }
};

/* ---- a file's write, a module ----------------------------------------------------------- */

static int put(const char *name, const char *what)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = write(fd, what, strlen(what)) < 0 ? -errno : 0;
	close(fd);
	errno = -r;
	return r ? -1 : 0;
}

static int write_text(struct world *w)
{
	(void)w;
	return put(file_name, text);
}

static int load_module(struct world *w)
{
	return syscall(SYS_finit_module, w->event[0], module_args, 0);
}

/* ---- the sweep ------------------------------------------------------------------------------ */

static void world_begin(struct world *w)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->kvm = w->vm = w->vcpu[0] = w->vcpu[1] = w->stats[0] = w->stats[1] = -1;
	w->node = w->device = -1;
	for (i = 0; i < 5; i++)
		w->event[i] = eventfd(0, EFD_CLOEXEC);
	w->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(w->ram + 0x1000, guest_code, sizeof(guest_code));
}

static void world_end(struct world *w)
{
	int i, fds[] = { w->stats[0], w->stats[1], w->vcpu[0], w->vcpu[1],
			 w->vm, w->node, w->device, w->kvm };

	if (w->run)
		munmap(w->run, w->run_bytes);
	if (w->bar)
		munmap(w->bar, w->bar_bytes);
	for (i = 0; i < 8; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (i = 0; i < 5; i++)
		close(w->event[i]);
	munmap(w->ram, RAM_BYTES);
}

struct tally {
	unsigned int failed, refused, enomem, wrong;
};

/* Steps before @k as they are, @k with its @n-th allocation failing, then @k
 * again if it was refused, and all that follow. False: @k needs fewer.
 */
static bool try_step(const struct step *steps, int k, unsigned int n, struct tally *t)
{
	bool injected = false;
	struct world w;
	int i, r, err;

	world_begin(&w);
	for (i = 0; steps[i].what; i++) {
		if (i == k)
			arm(n);
		r = steps[i].take(&w);
		err = errno;
		if (i == k) {
			injected = !disarm();
			if (r < 0 && injected) {
				t->refused++;
				t->enomem += err == ENOMEM;
				if (err != ENOMEM && err != steps[i].also) {
					printf("# %s, allocation %u: %s\n", steps[i].what, n,
					       strerror(err));
					t->wrong++;
				}
				r = steps[i].take(&w);
				err = errno;
			}
			t->failed += injected;
		}
		if (r < 0) {
			printf("# %s: %s, after allocation %u of '%s' had failed\n",
			       steps[i].what, strerror(err), n, steps[k].what);
			t->wrong++;
			break;
		}
	}
	world_end(&w);
	return injected;
}

static void sweep(const struct step *steps, int from)
{
	unsigned int n, all = 0;
	struct tally t;
	int k;

	for (k = from; steps[k].what; k++) {
		t = (struct tally) { 0 };
		for (n = 1; n < MOST && t.wrong < 4 && try_step(steps, k, n, &t); n++)
			;
		ok(!t.wrong && n < MOST && (!steps[k].also || t.enomem),
		   "%s: %u allocations failed in turn, %u refused (%u as ENOMEM), %u done without",
		   steps[k].what, t.failed, t.refused, t.enomem, t.failed - t.refused);
		all += t.failed;
	}
	ok(all > 0, "allocations failed: %u", all);
}

/* One call by itself, undone after a success. All of the last @LAST allocations,
 * which are ours, and every eighth before: those are the kernel's own way
 * there (a module's sections, sysfs).
 */
#define LAST	250
static void sweep_alone(const char *what, int (*take)(struct world *), bool (*undo)(void),
			int fd)
{
	struct world w = { .event = { fd } };
	unsigned int n, need, failed = 0, done = 0, wrong = 0;
	int r, err;

	arm(MOST);
	r = take(&w);
	need = MOST - disarm();
	if (!ok(r >= 0 && undo(), "%s works, with %u allocations", what, need))
		return;
	for (n = 1; n <= need + 20 && wrong < 4; n += n + LAST < need ? 8 : 1) {
		arm(n);
		r = take(&w);
		err = errno;
		if (disarm()) {		/* it needs fewer: as it was */
			wrong += r >= 0 && !undo();
			break;
		}
		failed++;
		if (r < 0 && err != ENOMEM) {
			printf("# allocation %u: %s\n", n, strerror(err));
			wrong++;
		}
		done += r >= 0;
		if (r < 0 && take(&w) < 0) {
			printf("# again, after allocation %u had failed: %s\n", n, strerror(errno));
			wrong++;
			break;
		}
		if (!undo()) {
			printf("# undone, after allocation %u had failed: %s\n", n, strerror(errno));
			wrong++;
			break;
		}
	}
	ok(!wrong && failed, "%s: %u allocations failed, %u refused, %u done without", what, failed,
	   failed - done, done);
}

static bool undo_write(void)
{
	return !put(undo_name, undo_text);
}

static bool undo_module(void)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (!syscall(SYS_delete_module, text, O_NONBLOCK))
			return true;
		if (errno != EAGAIN && errno != EBUSY)
			return false;
		usleep(10000);
	}
	return false;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (!ok(nth >= 0, "this kernel can fail an allocation"))
		return 1;
	if (!strcmp(what, "vm")) {
		sweep(vm_steps, 0);
	} else if (!strcmp(what, "card") && argc == 3 &&
		   sscanf(argv[2], "0000:%x:%x.%x", &bus, &slot, &fn) == 3) {
		bdf = argv[2];
		sweep(card_steps, 8);
	} else if (!strcmp(what, "write") && argc == 6) {
		file_name = argv[2], text = argv[3], undo_name = argv[4], undo_text = argv[5];
		sweep_alone(file_name, write_text, undo_write, -1);
	} else if (!strcmp(what, "module") && argc >= 4) {
		text = argv[3], module_args = argc > 4 ? argv[4] : "";
		sweep_alone(text, load_module, undo_module, open(argv[2], O_RDONLY | O_CLOEXEC));
	} else {
		fputs("usage: failnth vm | card BDF | write FILE TEXT UNDO TEXT | module FILE NAME [ARGS]\n",
		      stderr);
		return 2;
	}
	printf("1..%d\n", points);
	return bad != 0;
}
