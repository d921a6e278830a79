// SPDX-License-Identifier: GPL-2.0
/*
 * irqabi: the interrupt half of /dev/kvm, tried without a VMM. Refusals first,
 * then one real-mode guest that takes interrupts from the PIC: eventfds that
 * raise lines and are raised by stores, a level that is resampled, a sleeping
 * vCPU that an eventfd wakes, the interval timer. TAP on stdout. Debian's own
 * KVM passes the same points.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "kvmstat.h"
#include "tap.h"

#define EDGE	6		/* gsis that the guest handles */
#define LEVEL	5

#define PORT_EVENT	0xe0	/* an ioeventfd waits here for 42h */
#define MMIO_EVENT	0xd0000	/* and one here for any store */
#define PORT_READY	0xf0	/* the guest's words to us */
#define PORT_LEVEL	0xf1
#define PORT_TICKS	0xf2
#define PORT_EDGE	0xf3

/*
 * The guest: vectors 20h.. for the PIC, lines 0, 5 (level) and 6 unmasked; it
 * touches both ioeventfds, says READY, and sleeps. Each handler ends its
 * interrupt and then speaks; the timer's only at every tenth tick.
 */
#define ORG	0x1000
extern const char guest[], guest_end[];
asm(".pushsection .rodata\n"
    "guest: .code16\n"
    "	xor %ax, %ax\n"
    "	mov %ax, %ds\n"
    "	mov %ax, %ss\n"
    "	mov $0x7000, %sp\n"
    "	movw $(tick - guest + 0x1000), 0x80\n"
    "	movw %ax, 0x82\n"
    "	movw $(level - guest + 0x1000), 0x94\n"
    "	movw %ax, 0x96\n"
    "	movw $(edge - guest + 0x1000), 0x98\n"
    "	movw %ax, 0x9a\n"
    "	mov $0x11, %al\n	out %al, $0x20\n"
    "	mov $0x20, %al\n	out %al, $0x21\n"
    "	mov $4, %al\n		out %al, $0x21\n"
    "	mov $1, %al\n		out %al, $0x21\n"
    "	mov $0x9e, %al\n	out %al, $0x21\n"
    "	mov $0x20, %al\n	mov $0x4d0, %dx\n	out %al, %dx\n"
    "	mov $0x42, %al\n	out %al, $0xe0\n"
    "	mov $0x43, %al\n	out %al, $0xe0\n"
    "	mov $0xd000, %bx\n	mov %bx, %es\n"
    "	movw %ax, %es:0\n"
    "	movb %al, %es:0\n"
    "	out %al, $0xf0\n"
    "	sti\n"
    "1:	hlt\n"
    "	jmp 1b\n"
    "level:\n"
    "	mov $0x20, %al\n	out %al, $0x20\n	out %al, $0xf1\n	iret\n"
    "edge:\n"
    "	mov $0x20, %al\n	out %al, $0x20\n	out %al, $0xf3\n	iret\n"
    "tick:\n"
    "	mov $0x20, %al\n	out %al, $0x20\n"
    "	incb 0x600\n"
    "	cmpb $10, 0x600\n"
    "	jb 2f\n"
    "	movb $0, 0x600\n"
    "	out %al, $0xf2\n"
    "2:	iret\n"
    "guest_end: .code64\n"
    ".popsection\n");

static int vm, vcpu;
static struct kvm_run *run;
static char *ram;

/* ---- refusals ------------------------------------------------------------- */

static int route(uint32_t gsi, uint32_t chip, uint32_t pin)
{
	union {
		struct kvm_irq_routing r;
		char room[sizeof(struct kvm_irq_routing) +
			  sizeof(struct kvm_irq_routing_entry)];
	} u = { .r.nr = 1 };

	u.r.entries[0] = (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
	return ioctl(vm, KVM_SET_GSI_ROUTING, &u);
}

static int irqfd(int fd, uint32_t gsi, uint32_t flags, int resample)
{
	struct kvm_irqfd args = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample,
	};

	return ioctl(vm, KVM_IRQFD, &args);
}

static int ioeventfd(int fd, uint64_t addr, uint32_t len, uint32_t flags,
		     uint64_t match)
{
	struct kvm_ioeventfd args = {
		.fd = fd, .addr = addr, .len = len, .flags = flags,
		.datamatch = match,
	};

	return ioctl(vm, KVM_IOEVENTFD, &args);
}

static void before_the_chip(void)
{
	struct kvm_irqchip chip = { };
	struct kvm_msi msi = { };
	int fd = eventfd(0, 0);

	refused(ioctl(vm, KVM_GET_IRQCHIP, &chip), ENXIO, "reading no chip");
	refused(route(0, KVM_IRQCHIP_IOAPIC, 0), EINVAL, "a route to no chip");
	refused(ioctl(vm, KVM_SIGNAL_MSI, &msi), EINVAL, "an MSI to no chip");
	refused(irqfd(fd, 5, 0, 0), EINVAL, "an irqfd to no chip");
	close(fd);
}

/* Alike but for when the counts were loaded: in-tree KVM loads them anew. */
static bool same_pit(struct kvm_pit_state2 a, struct kvm_pit_state2 b)
{
	int i;

	for (i = 0; i < 3; i++)
		a.channels[i].count_load_time = b.channels[i].count_load_time;
	return !memcmp(&a, &b, sizeof(a));
}

static void chips(void)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_pit_state2 ps, again;
	struct kvm_irqchip chip = { .chip_id = 3 }, back = { };
	uint32_t id;

	ok(!ioctl(vm, KVM_CREATE_IRQCHIP), "the chips are created");
	refused(ioctl(vm, KVM_CREATE_IRQCHIP), EEXIST, "a second set of chips");
	ok(!ioctl(vm, KVM_CREATE_PIT2, &pit), "the PIT is created");
	refused(ioctl(vm, KVM_CREATE_PIT2, &pit), EEXIST, "a second PIT");
	refused(ioctl(vm, KVM_GET_IRQCHIP, &chip), EINVAL, "chip 3");
	for (id = 0; id < 3; id++) {
		chip.chip_id = id;
		back.chip_id = id;
		ok(!ioctl(vm, KVM_GET_IRQCHIP, &chip) &&
		   !ioctl(vm, KVM_SET_IRQCHIP, &chip) &&
		   !ioctl(vm, KVM_GET_IRQCHIP, &back) &&
		   !memcmp(&chip.chip, &back.chip, sizeof(chip.chip)),
		   "chip %u goes in as it came out", id);
	}
	chip.chip.ioapic.id = 5;		/* the last was the IOAPIC */
	ioctl(vm, KVM_SET_IRQCHIP, &chip);
	ioctl(vm, KVM_GET_IRQCHIP, &back);
	ok(back.chip.ioapic.id == 5, "the IOAPIC's id is a number (%u)", back.chip.ioapic.id);
	chip.chip.ioapic.id = 0;
	ioctl(vm, KVM_SET_IRQCHIP, &chip);
	ok(!ioctl(vm, KVM_GET_PIT2, &ps) && !ioctl(vm, KVM_SET_PIT2, &ps) &&
	   !ioctl(vm, KVM_GET_PIT2, &again) && same_pit(ps, again),
	   "the PIT goes in as it came out");
	ok(ps.channels[0].count, "its count can be divided by (%u)",
	   ps.channels[0].count);
}

static void bad_routes(void)
{
	refused(route(4096, KVM_IRQCHIP_IOAPIC, 0), EINVAL, "gsi 4096");
	refused(route(0, KVM_IRQCHIP_IOAPIC, 24), EINVAL, "pin 24");
	refused(route(0, KVM_IRQCHIP_PIC_SLAVE, 8), EINVAL, "line 8 of a PIC");
	refused(route(0, 7, 0), EINVAL, "chip 7");
}

static void bad_eventfds(void)
{
	int fd = eventfd(0, 0), no = open("/dev/null", O_RDWR);

	refused(irqfd(-1, EDGE, 0, 0), EBADF, "no descriptor");
	refused(irqfd(no, EDGE, 0, 0), EINVAL, "a descriptor of another kind");
	refused(irqfd(fd, EDGE, 0x80, 0), EINVAL, "an unknown irqfd flag");
	refused(irqfd(fd, EDGE, KVM_IRQFD_FLAG_RESAMPLE, -1), EBADF,
		"a resample eventfd that is none");
	ok(!irqfd(fd, EDGE, 0, 0), "an irqfd is assigned");
	refused(irqfd(fd, EDGE, 0, 0), EBUSY, "the same eventfd again");
	ok(!irqfd(fd, EDGE, KVM_IRQFD_FLAG_DEASSIGN, 0), "it is deassigned");
	ok(!irqfd(fd, EDGE, 0, 0), "and free to be assigned again");
	irqfd(fd, EDGE, KVM_IRQFD_FLAG_DEASSIGN, 0);

	refused(ioeventfd(fd, 0x100, 3, 0, 0), EINVAL, "an ioeventfd of 3 bytes");
	refused(ioeventfd(fd, 0x100, 0, KVM_IOEVENTFD_FLAG_DATAMATCH, 1), EINVAL,
		"a value to match in any length");
	refused(ioeventfd(fd, 0x100, 4, 0x80, 0), EINVAL, "an unknown ioeventfd flag");
	refused(ioeventfd(fd, ~0ULL, 8, 0, 0), EINVAL, "an address that wraps");
	refused(ioeventfd(fd, 0x100, 4, KVM_IOEVENTFD_FLAG_DEASSIGN, 0), ENOENT,
		"removing what is not there");
	ok(!ioeventfd(fd, 0x100, 4, KVM_IOEVENTFD_FLAG_DATAMATCH, 1) &&
	   !ioeventfd(fd, 0x100, 4, KVM_IOEVENTFD_FLAG_DATAMATCH, 2),
	   "two values at one address");
	refused(ioeventfd(fd, 0x100, 4, 0, 0), EEXIST, "all values beside them");
	ok(!ioeventfd(fd, 0x100, 4, KVM_IOEVENTFD_FLAG_DATAMATCH |
		      KVM_IOEVENTFD_FLAG_DEASSIGN, 1) &&
	   !ioeventfd(fd, 0x100, 4, KVM_IOEVENTFD_FLAG_DATAMATCH |
		      KVM_IOEVENTFD_FLAG_DEASSIGN, 2), "both are removed");
	close(fd);
	close(no);
}

/* Queues of many virtio devices: the bound for other ranges is not theirs. */
static void many_ioeventfds(void)
{
	int fd = eventfd(0, 0), made = 0, gone = 0;

	while (made < 1100 && !ioeventfd(fd, 0xf0000000 + made * 8, 4, 0, 0))
		made++;
	ok(made == 1100, "a bus takes more than a thousand ioeventfds (%d)", made);
	while (gone < made && !ioeventfd(fd, 0xf0000000 + gone * 8, 4,
					 KVM_IOEVENTFD_FLAG_DEASSIGN, 0))
		gone++;
	ok(gone == made, "and gives them back (%d)", gone);
	close(fd);
}

/* ---- the guest -------------------------------------------------------------- */

static void make_guest(void)
{
	struct kvm_userspace_memory_region m = { .memory_size = 0x10000 };
	struct kvm_regs regs = { .rip = ORG, .rflags = 2 };
	struct kvm_sregs s;
	int kvm = open("/dev/kvm", O_RDWR);

	ram = mmap(NULL, m.memory_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.userspace_addr = (uintptr_t)ram;
	memcpy(ram + ORG, guest, guest_end - guest);
	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), "the guest has memory");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	ioctl(vcpu, KVM_GET_SREGS, &s);
	s.cs.selector = 0;
	s.cs.base = 0;
	ioctl(vcpu, KVM_SET_SREGS, &s);
	ok(vcpu >= 0 && !ioctl(vcpu, KVM_SET_REGS, &regs), "and a vCPU");
	close(kvm);
}

/* Run until the guest speaks; the port, or 0 and a "not ok". */
static unsigned int speak(void)
{
	alarm(20);
	if (ioctl(vcpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO) {
		printf("# KVM_RUN: %s, exit reason %u\n", strerror(errno),
		       run->exit_reason);
		return 0;
	}
	return run->io.port;
}

static uint8_t spoken(void)
{
	return *((uint8_t *)run + run->io.data_offset);
}

static uint64_t drain(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void strike(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		perror("eventfd");
}

static int line(uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	return ioctl(vm, KVM_IRQ_LINE_STATUS, &l) ? -1000 : l.status;
}

/* @n other values at the same port; or they go. */
static int crowd(int fd, int n, uint32_t flags)
{
	int i, err = 0;

	for (i = 0; i < n; i++)
		err |= ioeventfd(fd, PORT_EVENT, 1, KVM_IOEVENTFD_FLAG_PIO | flags |
				 KVM_IOEVENTFD_FLAG_DATAMATCH, 0x80 + i);
	return err;
}

static void stores_signal_eventfds(void)
{
	int pio = eventfd(0, EFD_NONBLOCK), mmio = eventfd(0, EFD_NONBLOCK);

	ok(!ioeventfd(pio, PORT_EVENT, 1, KVM_IOEVENTFD_FLAG_PIO |
		      KVM_IOEVENTFD_FLAG_DATAMATCH, 0x42) &&
	   !ioeventfd(mmio, MMIO_EVENT, 0, 0, 0), "two ioeventfds");
	ok(!crowd(mmio, 100, 0), "a hundred that wait for other values at one's port");
	ok(speak() == PORT_EVENT && spoken() == 0x43,
	   "another value leaves for user space");
	ok(drain(pio) == 1, "the value waited for has signalled");
	ok(speak() == PORT_READY, "stores of any length do not leave");
	ok(drain(mmio) == 2, "each has signalled");
	ok(!ioeventfd(pio, PORT_EVENT, 1, KVM_IOEVENTFD_FLAG_PIO |
		      KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN,
		      0x42) &&
	   !ioeventfd(mmio, MMIO_EVENT, 0, KVM_IOEVENTFD_FLAG_DEASSIGN, 0) &&
	   !crowd(mmio, 100, KVM_IOEVENTFD_FLAG_DEASSIGN), "all are removed");
	close(pio);
	close(mmio);
}

static void edges(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	pid_t child;

	ok(!irqfd(fd, EDGE, 0, 0), "an irqfd raises gsi %d", EDGE);
	strike(fd);
	ok(speak() == PORT_EDGE, "the guest is interrupted");
	ok(drain(fd) == 0, "the signal was consumed");
	child = fork();
	if (!child) {
		usleep(300000);
		strike(fd);
		_exit(0);
	}
	ok(speak() == PORT_EDGE, "a sleeping vCPU is woken");
	waitpid(child, NULL, 0);
	irqfd(fd, EDGE, KVM_IRQFD_FLAG_DEASSIGN, 0);
	strike(fd);
	ok(line(EDGE, 1) > 0, "a line raises it too");
	line(EDGE, 0);
	ok(line(EDGE, 1) == 0, "a second edge merges with one that waits");
	line(EDGE, 0);
	ok(speak() == PORT_EDGE, "the guest is interrupted");
	close(fd);

	fd = eventfd(1, EFD_NONBLOCK);
	ok(!irqfd(fd, EDGE, 0, 0) && speak() == PORT_EDGE,
	   "an eventfd signalled before is not forgotten");
	close(fd);		/* a hang-up ends the irqfd */
	fd = eventfd(0, EFD_NONBLOCK);
	ok(!irqfd(fd, EDGE, 0, 0), "a new one takes the place of a closed one");
	strike(fd);
	ok(speak() == PORT_EDGE, "and interrupts");
	irqfd(fd, EDGE, KVM_IRQFD_FLAG_DEASSIGN, 0);
	close(fd);
}

static void levels(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), again = eventfd(0, EFD_NONBLOCK);
	int i, pulse = eventfd(0, EFD_NONBLOCK);

	ok(!irqfd(fd, LEVEL, KVM_IRQFD_FLAG_RESAMPLE, again),
	   "an irqfd that resamples gsi %d", LEVEL);
	for (i = 0; i < 3; i++) {
		strike(fd);
		ok(speak() == PORT_LEVEL, "the guest is interrupted");
		ok(drain(again) == 1, "its end of interrupt is told once");
	}
	line(EDGE, 1);
	line(EDGE, 0);
	ok(speak() == PORT_EDGE, "the line fell: the next interrupt is another");
	ok(!irqfd(pulse, LEVEL, 0, 0), "an irqfd beside it that does not resample");
	strike(fd);
	strike(pulse);
	ok(speak() == PORT_LEVEL && drain(again) == 1, "leaves the level that the other raised");
	irqfd(pulse, LEVEL, KVM_IRQFD_FLAG_DEASSIGN, 0);
	close(pulse);
	irqfd(fd, LEVEL, KVM_IRQFD_FLAG_DEASSIGN, 0);

	line(LEVEL, 1);
	ok(speak() == PORT_LEVEL && speak() == PORT_LEVEL,
	   "a level that stays high interrupts again and again");
	line(LEVEL, 0);
	ok(drain(again) == 0, "and tells nobody any more");
	line(EDGE, 1);
	line(EDGE, 0);
	ok(speak() == PORT_EDGE, "a low level is silent");
	close(fd);
	close(again);
}

/* Also that many have each heard of an end of interrupt, soon. */
static void crowded_level(void)
{
	int again = eventfd(0, EFD_NONBLOCK), fd[100], made = 0, told = 0, i;

	for (i = 0; i < 100; i++) {
		fd[i] = eventfd(0, EFD_NONBLOCK);
		made += !irqfd(fd[i], LEVEL, KVM_IRQFD_FLAG_RESAMPLE, again);
	}
	ok(made == 100, "a hundred irqfds resample one gsi (%d)", made);
	strike(fd[50]);
	ok(speak() == PORT_LEVEL, "one of them interrupts");
	alarm(0);
	for (i = 0; i < 1000 && told < 100; i++) {
		told += drain(again);
		usleep(1000);
	}
	ok(told == 100, "and all are told of the end (%d)", told);
	for (i = 0; i < 100; i++) {
		irqfd(fd[i], LEVEL, KVM_IRQFD_FLAG_DEASSIGN, 0);
		close(fd[i]);
	}
	close(again);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* 100 Hz: ten ticks take a tenth of a second, or a little more under load. */
static void ticks(void)
{
	struct kvm_pit_state2 ps;
	struct timespec t;
	double start;

	ioctl(vm, KVM_GET_PIT2, &ps);
	clock_gettime(CLOCK_MONOTONIC, &t);
	ps.channels[0] = (struct kvm_pit_channel_state) {
		.count = 11932, .mode = 2, .rw_mode = 3, .gate = 1,
		.count_load_time = t.tv_sec * 1000000000LL + t.tv_nsec,
	};
	ok(!ioctl(vm, KVM_SET_PIT2, &ps), "the PIT is set to 100 Hz");
	ok(speak() == PORT_TICKS, "it ticks");
	start = seconds();
	ok(speak() == PORT_TICKS && speak() == PORT_TICKS, "and goes on");
	start = seconds() - start;
	ok(start > 0.1 && start < 2, "in time (20 ticks in %.3f s)", start);

	/* Nobody runs for half a second: the 50 ticks are owed, and paid. */
	usleep(500000);
	start = seconds();
	ok(speak() == PORT_TICKS && speak() == PORT_TICKS && speak() == PORT_TICKS,
	   "ticks that were missed come late");
	start = seconds() - start;
	ok(start < 0.25, "but they come (30 in %.3f s)", start);

	ps.channels[0].count_load_time += 86400 * 1000000000LL;
	ok(!ioctl(vm, KVM_SET_PIT2, &ps) && speak() == PORT_TICKS && speak() == PORT_TICKS,
	   "saved on a host that was up for a day longer it ticks, too");
	ps.channels[0].mode = 0xff;
	ps.channels[0].count = 65536;
	ioctl(vm, KVM_SET_PIT2, &ps);
}

static void lapic(void)
{
	struct kvm_lapic_state s, back;
	uint32_t version;

	ok(!ioctl(vcpu, KVM_GET_LAPIC, &s) && !ioctl(vcpu, KVM_SET_LAPIC, &s) &&
	   !ioctl(vcpu, KVM_GET_LAPIC, &back) && !memcmp(&s, &back, sizeof(s)),
	   "the local APIC goes in as it came out");
	memcpy(&version, s.regs + 0x30, sizeof(version));
	ok((version & 0xff) == 0x14, "version 14h (%x)", version);
}

static void messages(void)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x51 };
	struct kvm_lapic_state before, s;
	uint32_t *irr = (uint32_t *)(s.regs + 0x220);	/* vectors 40h to 5Fh */

	ioctl(vcpu, KVM_GET_LAPIC, &before);
	s = before;
	*(uint32_t *)(s.regs + 0xf0) = 0x1ff;
	ioctl(vcpu, KVM_SET_LAPIC, &s);
	ok(ioctl(vm, KVM_SIGNAL_MSI, &msi) > 0 && !ioctl(vcpu, KVM_GET_LAPIC, &s) &&
	   *irr == 1U << 0x11, "an MSI arrives");
	msi.address_lo = 0;
	msi.data = 0x52;
	ok(ioctl(vm, KVM_SIGNAL_MSI, &msi) > 0 && !ioctl(vcpu, KVM_GET_LAPIC, &s) &&
	   *irr == 3U << 0x11, "also by an address relative to the window");
	ioctl(vcpu, KVM_SET_LAPIC, &before);
}

/* ---- waiting for the end of a halt ------------------------------------------------- */

static int poll_at_most(uint64_t ns)
{
	struct kvm_enable_cap c = { .cap = KVM_CAP_HALT_POLL, .args = { ns } };

	return ioctl(vm, KVM_ENABLE_CAP, &c);
}

/* The guest halts; 5 ms later an interrupt ends it. */
static bool halt_once(int fd)
{
	pid_t child = fork();
	bool woken;

	if (!child) {
		usleep(5000);
		strike(fd);
		_exit(0);
	}
	woken = speak() == PORT_EDGE;
	waitpid(child, NULL, 0);
	return woken;
}

/* Each halt that lasts longer than the vCPU polled makes it poll longer. */
static void halts(void)
{
	long hits = kvm_stat("halt_successful_poll"), tries;
	int fd = eventfd(0, EFD_NONBLOCK), i;
	bool woken = true;

	irqfd(fd, EDGE, 0, 0);
	refused(poll_at_most(1ULL << 32), EINVAL, "polling for longer than can be said");
	ok(!poll_at_most(1000000000), "a halted vCPU may poll for a second");
	for (i = 0; i < 100 && woken && kvm_stat("halt_successful_poll") == hits; i++)
		woken = halt_once(fd);
	ok(woken && kvm_stat("halt_successful_poll") > hits,
	   "after some halts it sees the end of one without sleeping (%d)", i);
	ok(!poll_at_most(0), "it may not poll at all");
	halt_once(fd);
	tries = kvm_stat("halt_attempted_poll");
	for (i = 0; i < 3; i++)
		woken &= halt_once(fd);
	ok(woken && tries > 0 && kvm_stat("halt_attempted_poll") == tries,
	   "then it does not (%ld)", tries);
	irqfd(fd, EDGE, KVM_IRQFD_FLAG_DEASSIGN, 0);
	close(fd);
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR);
	int unclosed = eventfd(0, 0);

	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0) {
		perror("/dev/kvm");
		return 1;
	}
	before_the_chip();
	chips();
	bad_routes();
	bad_eventfds();
	many_ioeventfds();
	make_guest();
	lapic();
	messages();
	stores_signal_eventfds();
	edges();
	halts();
	levels();
	crowded_level();
	ticks();
	/* The VM's end must take these along. */
	ok(!irqfd(unclosed, EDGE, 0, 0) && !ioeventfd(unclosed, 0x200, 4, 0, 0),
	   "an irqfd and an ioeventfd stay assigned to the end");
	close(vcpu);
	close(vm);
	printf("1..%d\n", points);
	return bad != 0;
}
