// SPDX-License-Identifier: GPL-2.0
/*
 * faultlab: what happens when a card does DMA that it may not. The program
 * owns two VMs with one edu card each (made with dma_delay=0, so a transfer is
 * done within the register write), has no VMM and runs no guest code: it
 * drives the cards through their BARs as a hostile guest would, and knows of
 * every access what must become of it.
 *
 *   faultlab A B COUNT SEED [C]  A, B: cards bound to pci-assign, 0000:00:05.0;
 *                             0000:02:02.0=200 is one that appears on the bus
 *                             under another id, as behind a conventional bridge.
 *                             C is a third VM's, beside two that fight
 *   faultlab A B storm COUNT  with pci-assign's storm policy at its defaults
 *   faultlab A B shared COUNT the same with A and B in one VM, under one id
 *   faultlab A B reset COUNT  A is reset, perhaps with the bus that it is on
 *   faultlab A B kill COUNT   VMs that have A are killed, COUNT times
 *   faultlab A B unplug COUNT A is unbound from pci-assign under its VM
 *   faultlab B pace           looks on while others attack: says the canary's
 *                             address; then each line of standard input is a time
 *                             in ms, for which it works and then tells the pace,
 *                             host's and B's, and how many bytes of the canary and
 *                             of B's moves are wrong; 0 ends it. Between, it
 *                             leaves the CPUs to others
 *
 * Each case prints one TAP point and one line "case {...}" for
 * build/faults.json: how many accesses were tried (injected: the refusals that
 * must be reported), how many refusals were reported (caught) with the right
 * card, address and access (attributed), how many bytes changed where they
 * must not (changed_outside: a canary in the host's memory whose physical
 * addresses are among the targets, and the RAM of both VMs against a copy of
 * what is right), and the pace of a host thread and of the neighbour VM's card
 * during the case, against before and after it (with permitted transfers
 * instead): both by turns, PAIRS times, and of the PAIRS shares the median,
 * so that what else the machine does meets both. A share below its floor fails
 * the case.
 *
 * A request is refused, and reported, in pieces of at most 128 bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include "pci-assign/assign_uapi.h"

#define CONFIG	((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)
#define STATUS	((uint64_t)BACKPLANE_REGION_STATUS << 40)
#define FAULTS	((uint64_t)BACKPLANE_REGION_FAULTS << 40)

#define DMA_SRC		0x80
#define DMA_DST		0x88
#define DMA_COUNT	0x90
#define DMA_CMD		0x98
#define BUFFER		0x40000
#define BUFFER_SIZE	4096
#define MSG		4092	/* in the buffer: an MSI's data, kind "fixed" */

#define MIB		(1ULL << 20)
#define RW_SIZE		(4 * MIB)	/* at 0 */
#define RO_AT		(8 * MIB)
#define MOVE_AT		(16 * MIB)	/* or at its other place */
#define MOVE_TO		(20 * MIB)
#define BAR_AT		(32 * MIB)
#define SMALL		(1 * MIB)
#define IMAGE		0x1000		/* in RAM: what the buffer holds */
#define SCRATCH		0x2000		/* in RAM: to look at the buffer */
#define CANARY_SIZE	(4 * MIB)
#define PAGE		4096ULL
#define BATCH		40	/* faults, of pci-assign's 64 */

enum slot { SLOT_RW, SLOT_RO, SLOT_MOVE, SLOT_BAR };

struct expected {
	uint64_t addr;
	uint16_t code;
	bool write, interrupt;
};

struct vm {
	const char *bdf;
	unsigned int devid;
	unsigned int appears;	/* the id on the bus, a bridge's perhaps */
	int fd, node;
	volatile uint8_t *bar;
	uint8_t *ram, *copy;	/* RW, RO, MOVE one after the other */
	uint64_t move_at;	/* 0: the slot is deleted */
	uint64_t first_seed, seed;
	uint8_t image[BUFFER_SIZE];
	struct expected want[BATCH + 64];
	unsigned int wants;
	uint64_t reported;	/* faults at the batch's start */
	uint64_t injected, caught, attributed;
	bool lost;
	unsigned int shown;
};

#define VMS 3	/* the third looks on when two fight */
static struct vm vms[VMS];
static int kvm, failed;
static uint8_t *canary;
static uint64_t canary_at[CANARY_SIZE / PAGE];
static uint64_t victim_at[VMS][RW_SIZE / PAGE];

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool ok(bool good, const char *what)
{
	printf("%s - %s\n", good ? "ok" : "not ok", what);
	fflush(stdout);
	failed |= !good;
	return good;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t draw(struct vm *v, uint32_t below)
{
	v->seed = v->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(v->seed >> 33) % below;
}

/* ---- host memory ------------------------------------------------------------- */

static uint64_t physical(const void *p)
{
	static int fd = -1;
	static pid_t whose;
	uint64_t e = 0;

	if (whose != getpid()) {	/* a child has pages of its own */
		fd = open("/proc/self/pagemap", O_RDONLY);
		whose = getpid();
	}
	if (pread(fd, &e, 8, (off_t)((uintptr_t)p / PAGE * 8)) != 8 ||
	    !(e >> 63))
		die("pagemap");
	return (e & ((1ULL << 55) - 1)) * PAGE;
}

static void *memory(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED || mlock(p, size))
		die("memory");
	return p;
}

static uint8_t canary_byte(uint64_t i)
{
	return (uint8_t)(0xc3 ^ i ^ i >> 8 ^ i >> 16);
}

static void make_canary(void)
{
	uint64_t i;

	canary = memory(CANARY_SIZE);
	for (i = 0; i < CANARY_SIZE; i++)
		canary[i] = canary_byte(i);
	for (i = 0; i < CANARY_SIZE / PAGE; i++)
		canary_at[i] = physical(canary + i * PAGE);
}

static uint64_t canary_changed(void)
{
	uint64_t n = 0, i;

	for (i = 0; i < CANARY_SIZE; i++)
		n += canary[i] != canary_byte(i);
	return n;
}

static uint64_t changed_outside(void)
{
	uint64_t n = canary_changed(), size = RW_SIZE + 2 * SMALL, i;
	int k;

	for (k = 0; k < VMS; k++)
		if (vms[k].ram && memcmp(vms[k].ram, vms[k].copy, size))
			for (i = 0; i < size; i++)
				n += vms[k].ram[i] != vms[k].copy[i];
	return n;
}

/* ---- a VM and its card --------------------------------------------------------- */

static void set_slot(struct vm *v, enum slot id, uint64_t at, uint64_t size,
		     void *host, uint32_t flags)
{
	struct kvm_userspace_memory_region r = {
		.slot = id, .guest_phys_addr = at, .memory_size = size,
		.userspace_addr = (uintptr_t)host, .flags = flags };

	if (ioctl(v->fd, KVM_SET_USER_MEMORY_REGION, &r))
		die("KVM_SET_USER_MEMORY_REGION");
}

static void move_slot(struct vm *v, uint64_t at)
{
	set_slot(v, SLOT_MOVE, at ? at : v->move_at, at ? SMALL : 0,
		 v->ram + RW_SIZE + SMALL, 0);
	v->move_at = at;
}

static long assign(struct vm *v, unsigned long request)
{
	struct kvm_assigned_pci_dev d = {
		.assigned_dev_id = v->devid, .busnr = v->devid >> 8,
		.devfn = v->devid & 0xff,
		.flags = request == KVM_ASSIGN_PCI_DEVICE ?
			 KVM_DEV_ASSIGN_ENABLE_IOMMU : 0 };

	return ioctl(v->fd, request, &d);
}

static void master(struct vm *v)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	if (pwrite(v->node, &command, 2, CONFIG + PCI_COMMAND) != 2)
		die("the command register");
}

static struct backplane_status status(struct vm *v)
{
	struct backplane_status s;

	if (pread(v->node, &s, sizeof(s), STATUS) != sizeof(s))
		die("status");
	return s;
}

static void reg(struct vm *v, unsigned int at, uint64_t value)
{
	*(volatile uint64_t *)(v->bar + at) = value;
}

static void to_memory(struct vm *v, uint64_t addr, unsigned int off,
		      unsigned int len)
{
	reg(v, DMA_SRC, BUFFER + off);
	reg(v, DMA_DST, addr);
	reg(v, DMA_COUNT, len);
	reg(v, DMA_CMD, 3);
}

static void from_memory(struct vm *v, uint64_t addr, unsigned int off,
			unsigned int len)
{
	reg(v, DMA_SRC, addr);
	reg(v, DMA_DST, BUFFER + off);
	reg(v, DMA_COUNT, len);
	reg(v, DMA_CMD, 1);
}

static void fill_buffer(struct vm *v)
{
	from_memory(v, IMAGE, 0, BUFFER_SIZE);
}

static void open_card(struct vm *v)
{
	struct vfio_region_info r = { .argsz = sizeof(r), .index = 0 };
	char path[64];

	snprintf(path, sizeof(path), "/dev/backplane/%s", v->bdf);
	v->node = open(path, O_RDWR);
	if (v->node < 0)
		die(path);
	if (ioctl(v->node, VFIO_DEVICE_GET_REGION_INFO, &r))
		die("BAR 0");
	v->bar = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, v->node,
		      (off_t)r.offset);
	if (v->bar == MAP_FAILED || *(volatile uint32_t *)v->bar != 0x010000ed)
		die("no edu card behind the node");
}

/* 0000:02:02.0, or 0000:02:02.0=200 */
static void name_card(struct vm *v, char *name)
{
	unsigned int bus, slot, fn;
	int n = sscanf(name, "0000:%x:%x.%x=%x", &bus, &slot, &fn, &v->appears);

	if (n < 3)
		die("usage: faultlab A B COUNT SEED");
	v->devid = bus << 8 | slot << 3 | fn;
	if (n == 3)
		v->appears = v->devid;
	v->bdf = strtok(name, "=");
}

static void make_vm(struct vm *v, char *name, uint64_t seed)
{
	uint64_t size = RW_SIZE + 2 * SMALL, i;
	uint32_t msg = 0x31;

	name_card(v, name);
	v->first_seed = v->seed = seed;
	v->ram = memory(size);
	v->copy = memory(size);
	for (i = 0; i < size; i++)
		v->ram[i] = (uint8_t)draw(v, 256);
	memcpy(v->ram + IMAGE + MSG, &msg, 4);
	v->ram[IMAGE] = 0x11;	/* not what racing_case() fills with */
	memcpy(v->image, v->ram + IMAGE, BUFFER_SIZE);
	memcpy(v->copy, v->ram, size);
	v->fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (v->fd < 0 || ioctl(v->fd, KVM_CREATE_IRQCHIP, 0))
		die("a VM");
	open_card(v);
	set_slot(v, SLOT_RW, 0, RW_SIZE, v->ram, 0);
	set_slot(v, SLOT_RO, RO_AT, SMALL, v->ram + RW_SIZE, KVM_MEM_READONLY);
	move_slot(v, MOVE_AT);
	set_slot(v, SLOT_BAR, BAR_AT, SMALL, (void *)v->bar, 0);
	if (assign(v, KVM_ASSIGN_PCI_DEVICE))
		die("KVM_ASSIGN_PCI_DEVICE");
	master(v);
	fill_buffer(v);
	for (i = 0; i < RW_SIZE / PAGE; i++)
		victim_at[v - vms][i] = physical(v->ram + i * PAGE);
}

/* ---- what must become of an access ------------------------------------------------ */

/* The byte's place in @v->ram if the card may do that; -1: it may not. */
static int64_t place(const struct vm *v, uint64_t addr, bool write)
{
	if (addr < RW_SIZE)
		return (int64_t)addr;
	if (addr >= RO_AT && addr < RO_AT + SMALL && !write)
		return (int64_t)(RW_SIZE + addr - RO_AT);
	if (v->move_at && addr >= v->move_at && addr < v->move_at + SMALL)
		return (int64_t)(RW_SIZE + SMALL + addr - v->move_at);
	return -1;
}

static void expect(struct vm *v, uint64_t addr, uint16_t code, bool write,
		   bool interrupt)
{
	v->want[v->wants++] = (struct expected){ addr, code, write, interrupt };
	v->injected++;
}

static bool in_window(uint64_t addr)
{
	return addr >= 0xfee00000 && addr < 0xfef00000;
}

/* One transfer, what it must do to our copy, and the reports it must cause. */
static void transfer(struct vm *v, uint64_t addr, unsigned int off,
		     unsigned int len, bool write)
{
	bool refused = false;
	unsigned int i;
	int64_t at;

	if (write)
		to_memory(v, addr, off, len);
	else
		from_memory(v, addr, off, len);
	for (i = 0; i < len; i++) {
		at = place(v, addr + i, write);
		if (at >= 0) {
			if (write)
				v->copy[at] = v->image[off + i];
			continue;
		}
		if (!refused || (addr + i) % 128 == 0)
			expect(v, addr + i, in_window(addr + i) && !write ? 8 : 2,
			       write, in_window(addr + i) && write);
		refused = true;
	}
	if (write)
		return;
	/* Nothing of what lies there may have come home. */
	to_memory(v, SCRATCH, off, len);
	for (i = 0; i < len; i++) {
		uint8_t got = v->ram[SCRATCH + i];

		at = place(v, addr + i, false);
		if (at >= 0 ? got != v->copy[at] :
		    got && got != 0xff && got != v->image[off + i])
			v->lost = true;
		v->copy[SCRATCH + i] = got;
	}
	fill_buffer(v);
}

/* The reports of the batch: all of them, in order, and no other. */
static void settle(struct vm *v)
{
	uint64_t end = now_ns() + 10000000000ULL, have;
	struct backplane_fault f[64];
	ssize_t got, n, i;

	do {
		have = status(v).faults - v->reported;
	} while (have < v->wants && now_ns() < end && !usleep(200));
	v->reported += have;
	v->caught += have;
	got = pread(v->node, f, sizeof(f), FAULTS);
	n = got < 0 ? 0 : got / (ssize_t)sizeof(f[0]);
	for (i = 0; i < n && i < (ssize_t)v->wants; i++) {
		const struct expected *w = &v->want[i];

		if (f[i].addr == w->addr && f[i].devid == v->appears &&
		    f[i].code == w->code &&
		    !(f[i].flags & BACKPLANE_FAULT_INTERRUPT) == !w->interrupt &&
		    (w->interrupt || w->code != 2 ||
		     !(f[i].flags & BACKPLANE_FAULT_WRITE) == !w->write))
			v->attributed++;
		else if (v->shown++ < 5)
			printf("# %s: reported %#llx code %u flags %#x, expected %#" PRIx64 " code %u write %d\n",
			       v->bdf, f[i].addr, f[i].code, f[i].flags,
			       w->addr, w->code, w->write);
	}
	v->wants = 0;
}

/* ---- targets ---------------------------------------------------------------------- */

enum target {
	T_HOLE, T_READ_ONLY, T_BEYOND_RAM, T_BEYOND_48, T_WINDOW, T_BAR, T_MOVED,
	T_HOST, T_OTHER_VM, T_PAGE_EDGE, T_SLOT_EDGE, T_PERMITTED, TARGETS
};
#define ALL_TARGETS ((1U << TARGETS) - 1)

static uint64_t page_offset(struct vm *v, unsigned int len)
{
	return draw(v, (uint32_t)(PAGE - len));
}

static void inject(struct vm *v, enum target t)
{
	unsigned int len = 1 + draw(v, draw(v, 8) ? 64 : 500);
	unsigned int off = draw(v, MSG - len);
	bool write = draw(v, 2);
	const uint64_t *victim = victim_at[v == &vms[0]];
	uint64_t edge[] = { RW_SIZE, RO_AT, RO_AT + SMALL };
	uint64_t addr = 0;

	/*
	 * The machine takes two refused accesses to neighbouring bytes, one
	 * straight after the other, for one request; at the few edges that
	 * happens. One elsewhere parts them.
	 */
	if (t == T_PAGE_EDGE || t == T_SLOT_EDGE)
		transfer(v, 7 * MIB, 0, 4, write);
	switch (t) {
	case T_HOLE:
		addr = 5 * MIB + draw(v, 2 * MIB);
		break;
	case T_READ_ONLY:
		addr = RO_AT + draw(v, SMALL - 512);
		break;
	case T_BEYOND_RAM:
		addr = (1ULL << (28 + draw(v, 20))) - 8192 + page_offset(v, len);
		break;
	case T_BEYOND_48:
		addr = (1ULL << (48 + draw(v, 15))) + draw(v, RW_SIZE);
		break;
	case T_WINDOW:
		addr = 0xfee00000 + (draw(v, 1 << 18) << 2);
		len = 4;
		off = write ? MSG : off;
		break;
	case T_BAR:
		addr = BAR_AT + draw(v, SMALL - 512);
		break;
	case T_MOVED:	/* where the slot is not */
		addr = (v->move_at == MOVE_AT ? MOVE_TO : MOVE_AT) +
		       draw(v, SMALL - 512);
		break;
	case T_HOST:
		addr = canary_at[draw(v, CANARY_SIZE / PAGE)] + page_offset(v, len);
		break;
	case T_OTHER_VM:
		addr = victim[draw(v, RW_SIZE / PAGE)] + page_offset(v, len);
		break;
	case T_PAGE_EDGE:	/* of a hole: all refused, two pages */
		addr = 6 * MIB + draw(v, 100) * PAGE - len / 2;
		break;
	case T_SLOT_EDGE:	/* half is permitted */
		addr = edge[draw(v, 3)] - len / 2;
		break;
	default:
		addr = 0x3000 + draw(v, RW_SIZE - 0x4000);
	}
	transfer(v, addr, off, len, write);
}

static void campaign(struct vm *v, unsigned int mask, unsigned int n)
{
	enum target t;

	while (n) {
		t = (enum target)draw(v, TARGETS);
		if (!(mask >> t & 1))
			continue;
		inject(v, t);
		n--;
		if (v->wants >= BATCH)
			settle(v);
	}
	settle(v);
}

/* ---- the host and the neighbour keep their pace --------------------------------------- */

static volatile bool watching, neighbour_watched;
static volatile uint64_t host_work, neighbour_work;
static uint64_t neighbour_wrong;	/* bytes */

static void *host_thread(void *arg)
{
	uint64_t x = 1;
	int i;

	(void)arg;
	while (watching) {
		for (i = 0; i < 1000; i++)
			x = x * 6364136223846793005ULL + 1;
		host_work += 1 + (x == 0);
	}
	return NULL;
}

/* The other VM's card moves its own VM's bytes and checks them. */
static void *neighbour_thread(void *arg)
{
	struct vm *v = arg;
	unsigned int i, wrong;

	while (watching) {
		to_memory(v, SCRATCH, 64, 256);
		for (i = 0, wrong = 0; i < 256; i++)
			wrong += v->ram[SCRATCH + i] != v->image[64 + i];
		if (wrong && !neighbour_wrong)
			printf("# %s: %u of 256 bytes wrong in transfer %" PRIu64
			       ", the first byte is %#x and not %#x\n", v->bdf,
			       wrong, neighbour_work, v->ram[SCRATCH],
			       v->image[64]);
		neighbour_wrong += wrong;
		memset(v->ram + SCRATCH, 0, 256);
		neighbour_work++;
	}
	return NULL;
}

/* Of the pace before and after; below 0: nobody to tell it of. */
struct pace {
	double host, neighbour;
};

#define PAIRS		7
#define SLICE		60000000ULL	/* ns, to tell a pace: no less, */
#define TURNS		50		/* and until both had as many turns, */
#define SLICE_END	2000000000ULL	/* but not for ever */

/*
 * Three threads on two CPUs become four with the kernel's that reads the
 * reports: three quarters are fair, half of that is noise. A card's transfers
 * all go through the emulator's one lock, which refusing 32 pieces of a transfer
 * holds for longer than permitting it whole: a quarter is left, not a crumb.
 */
#define HOST_FLOOR	0.35
#define NEIGHBOUR_FLOOR	0.15
/* Ending VMs is two threads more than looking on, besides. */
#define HOST_FLOOR_BUSY	0.2

struct work {
	void (*fn)(void *arg);
	void *arg;
};

static bool seen_enough(uint64_t ns, uint64_t host, uint64_t neighbour)
{
	return ns >= SLICE_END ||
	       (ns >= SLICE && host >= TURNS &&
		(!neighbour_watched || neighbour >= TURNS));
}

static struct pace slice(const struct work *w)
{
	uint64_t t0 = now_ns(), h0 = host_work, n0 = neighbour_work, ns;
	struct pace p;

	do {
		w->fn(w->arg);
		ns = now_ns() - t0;
	} while (!seen_enough(ns, host_work - h0, neighbour_work - n0));
	p.host = (double)(host_work - h0) / (double)ns;
	p.neighbour = (double)(neighbour_work - n0) / (double)ns;
	return p;
}

/* What is permitted does not use up the case's random numbers. */
static struct pace slice_before(const struct work *w)
{
	uint64_t seeds[] = { vms[0].seed, vms[1].seed };
	struct pace p = slice(w);

	vms[0].seed = seeds[0];
	vms[1].seed = seeds[1];
	return p;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, PAIRS, sizeof(v[0]), by_value);
	return v[PAIRS / 2];
}

/* Of nothing it is no part: a pace that nobody had tells nothing good. */
static double part(double during, double twice)
{
	return twice > 0 ? 2 * during / twice : 0;
}

/* @good and @bad by turns; after each turn @then, of which no pace is told. */
static struct pace take_turns(struct work good, struct work bad,
			      void (*then)(void))
{
	double host[PAIRS], neighbour[PAIRS];
	struct pace before = slice_before(&good), during, after;
	int i;

	for (i = 0; i < PAIRS; i++) {
		during = slice(&bad);
		if (then)
			then();
		after = slice_before(&good);
		host[i] = part(during.host, before.host + after.host);
		neighbour[i] = part(during.neighbour,
				    before.neighbour + after.neighbour);
		before = after;
	}
	return (struct pace){ median(host), median(neighbour) };
}

static void start_watching(pthread_t *host, pthread_t *other,
			   struct vm *neighbour)
{
	host_work = neighbour_work = 0;
	neighbour_watched = neighbour;
	watching = true;
	pthread_create(host, NULL, host_thread, NULL);
	if (neighbour)
		pthread_create(other, NULL, neighbour_thread, neighbour);
	while (!host_work || (neighbour && !neighbour_work))
		usleep(1000);
}

static void stop_watching(pthread_t host, pthread_t other, struct vm *neighbour)
{
	watching = false;
	pthread_join(host, NULL);
	if (!neighbour)
		return;
	pthread_join(other, NULL);
	memcpy(neighbour->copy + SCRATCH, neighbour->ram + SCRATCH, 256);
}

static struct pace watch(struct work good, struct work bad,
			 struct vm *neighbour, void (*then)(void))
{
	pthread_t host, other = 0;
	struct pace p;

	start_watching(&host, &other, neighbour);
	p = take_turns(good, bad, then);
	stop_watching(host, other, neighbour);
	if (!neighbour)
		p.neighbour = -1;
	return p;
}

/* A debug kernel's checks make each report many times as dear: there shares are told only. */
static bool keeps_pace(struct pace p, double host_floor)
{
	if (getenv("PACE_TOLD"))
		return p.host > 0;
	return p.host >= host_floor &&
	       (p.neighbour < 0 || p.neighbour >= NEIGHBOUR_FLOOR);
}

/* ---- cases ----------------------------------------------------------------------------- */

struct job {
	unsigned int mask, n;
};

static void run_job(void *arg)
{
	struct job *j = arg;

	campaign(&vms[0], j->mask, j->n);
}

static struct job good = { 1U << T_PERMITTED, 100 };
static const struct work permitted = { run_job, &good };

/* "null" where there is nobody to tell it of. */
static const char *share(double share)
{
	static char text[2][16];
	static int turn;

	if (share < 0)
		return "null";
	turn ^= 1;
	snprintf(text[turn], sizeof(text[turn]), "%.2f", share);
	return text[turn];
}

/* A case's accesses depend on the seed and the case, not on those before. */
static void clear_counts(void)
{
	static uint64_t cases;
	int k;

	cases++;
	for (k = 0; k < 2; k++) {
		vms[k].seed = vms[k].first_seed + cases * 0x9e3779b97f4a7c15ULL;
		vms[k].injected = vms[k].caught = vms[k].attributed = 0;
		vms[k].lost = false;
		vms[k].shown = 0;
		vms[k].reported = status(&vms[k]).faults;
	}
	neighbour_wrong = 0;
}

static void report(const char *name, struct pace pace)
{
	uint64_t injected = vms[0].injected + vms[1].injected;
	uint64_t caught = vms[0].caught + vms[1].caught;
	uint64_t attributed = vms[0].attributed + vms[1].attributed;
	uint64_t changed = changed_outside();
	char what[240];

	printf("case {\"name\":\"%s\",\"injected\":%" PRIu64 ",\"caught\":%" PRIu64
	       ",\"attributed\":%" PRIu64 ",\"changed_outside\":%" PRIu64
	       ",\"host_share\":%s,\"neighbour_share\":%s}\n",
	       name, injected, caught, attributed, changed,
	       share(pace.host), share(pace.neighbour));
	snprintf(what, sizeof(what), "%s: %" PRIu64 " refusals, %" PRIu64
		 " reported, %" PRIu64 " rightly; %" PRIu64
		 " bytes changed outside; host and neighbour at %s, %s of their pace",
		 name, injected, caught, attributed, changed,
		 share(pace.host), share(pace.neighbour));
	ok(injected > 0 && injected == caught && caught == attributed &&
	   !changed && !vms[0].lost && !vms[1].lost && !neighbour_wrong &&
	   keeps_pace(pace, HOST_FLOOR), what);
}

static void simple_case(const char *name, unsigned int mask, unsigned int n)
{
	struct job bad = { mask, n / PAIRS + 1 };

	clear_counts();
	report(name, watch(permitted, (struct work){ run_job, &bad }, &vms[1], NULL));
}

/* The slot goes from place to place and away; nothing stays behind. */
static void moving(void *arg)
{
	static const uint64_t places[] = { MOVE_TO, 0, MOVE_AT, 0 };
	struct vm *v = &vms[0];
	unsigned int n = *(unsigned int *)arg, i;

	for (i = 0; i < n; i++) {
		transfer(v, MOVE_AT + draw(v, SMALL - 64), 0, 64, true);
		transfer(v, MOVE_TO + draw(v, SMALL - 64), 0, 64, draw(v, 2));
		settle(v);
		move_slot(v, places[i % 4]);
	}
	if (!v->move_at)
		move_slot(v, MOVE_AT);
}

/*
 * A thread deletes the slot and gives it back while the card writes there: from
 * the moment the ioctl returns no byte of it changes.
 */
static volatile bool hammering;
static volatile uint64_t hammered;

static void *hammer_thread(void *arg)
{
	struct vm *v = arg;
	uint32_t i = 0;

	while (hammering) {
		to_memory(v, MOVE_AT + (i++ * 4096 & (SMALL - 1)), 0, 64);
		hammered++;
	}
	return NULL;
}

struct race {
	unsigned int rounds;
	uint64_t landed, changed;
	bool right;
};

static void racing(void *arg)
{
	uint8_t *host = vms[0].ram + RW_SIZE + SMALL;
	struct backplane_fault f[64];
	struct vm *v = &vms[0];
	struct race *r = arg;
	unsigned int round;
	pthread_t hammer;
	ssize_t got;
	uint64_t i;

	hammering = true;
	pthread_create(&hammer, NULL, hammer_thread, v);
	for (round = 0; round < r->rounds; round++) {
		move_slot(v, 0);
		memset(host, 0x5a, SMALL);
		usleep(2000);
		for (i = 0; i < SMALL; i++)
			r->changed += host[i] != 0x5a;
		move_slot(v, MOVE_AT);
		usleep(1000);
		for (i = 0; i < SMALL; i += 4096)
			r->landed += host[i] != 0x5a;
		while ((got = pread(v->node, f, sizeof(f), FAULTS)) > 0)
			for (i = 0; i < (uint64_t)got / sizeof(f[0]); i++)
				r->right = r->right &&
					   f[i].devid == v->appears &&
					   f[i].addr >= MOVE_AT &&
					   f[i].addr < MOVE_AT + SMALL;
	}
	hammering = false;
	pthread_join(hammer, NULL);
}

static void racing_case(unsigned int rounds)
{
	struct race r = { .rounds = rounds / PAIRS + 1, .right = true };
	struct vm *v = &vms[0];
	struct backplane_fault f[64];
	struct pace pace;
	uint64_t caught;
	char what[160];

	clear_counts();
	hammered = 0;
	pace = watch(permitted, (struct work){ racing, &r }, &vms[1], NULL);
	usleep(300000);
	caught = v->caught + status(v).faults - v->reported;
	while (pread(v->node, f, sizeof(f), FAULTS) > 0)
		;
	memcpy(v->copy + RW_SIZE + SMALL, v->ram + RW_SIZE + SMALL, SMALL);
	r.changed += changed_outside();
	printf("case {\"name\":\"during map and unmap\",\"injected\":%" PRIu64
	       ",\"caught\":%" PRIu64 ",\"attributed\":%" PRIu64
	       ",\"changed_outside\":%" PRIu64 ",\"host_share\":%s,\"neighbour_share\":%s"
	       ",\"note\":\"of %" PRIu64 " writes, as many as the slot's absence lets be refused\"}\n",
	       caught, caught, r.right ? caught : 0, r.changed,
	       share(pace.host), share(pace.neighbour), hammered);
	snprintf(what, sizeof(what), "during map and unmap: %" PRIu64 " writes, %" PRIu64
		 " refused, none into memory that was taken away (%" PRIu64 " bytes)",
		 hammered, caught, r.changed);
	ok(caught && r.landed && r.right && !r.changed && !neighbour_wrong &&
	   keeps_pace(pace, HOST_FLOOR), what);
}

static void *second_job(void *arg)
{
	struct job *j = arg;

	campaign(&vms[1], j->mask, j->n);
	return NULL;
}

static void run_both(void *arg)
{
	pthread_t other;

	pthread_create(&other, NULL, second_job, arg);
	run_job(arg);
	pthread_join(other, NULL);
}

static void attack_case(unsigned int n)
{
	struct job bad = { 1U << T_OTHER_VM | 1U << T_HOST | 1U << T_WINDOW,
			   n / PAIRS + 1 };
	struct vm *third = vms[2].ram ? &vms[2] : NULL;

	clear_counts();
	report("two VMs with two cards attacking each other",
	       watch((struct work){ run_both, &good },
		     (struct work){ run_both, &bad }, third, NULL));
}

static volatile unsigned int dirty_rounds;
static uint64_t dirty_seen;	/* pages, in all rounds of the case */

static void *dirty_thread(void *arg)
{
	static uint8_t bits[RW_SIZE / PAGE / 8];
	struct kvm_dirty_log log = { .slot = SLOT_RW, .dirty_bitmap = bits };
	size_t i;

	(void)arg;
	for (dirty_rounds = 0; hammering; dirty_rounds++) {
		set_slot(&vms[0], SLOT_RW, 0, RW_SIZE, vms[0].ram,
			 KVM_MEM_LOG_DIRTY_PAGES);
		usleep(3000);
		if (!ioctl(vms[0].fd, KVM_GET_DIRTY_LOG, &log))
			for (i = 0; i < sizeof(bits); i++)
				dirty_seen += (uint64_t)__builtin_popcount(bits[i]);
		set_slot(&vms[0], SLOT_RW, 0, RW_SIZE, vms[0].ram, 0);
		usleep(1000);
	}
	return NULL;
}

static void logging(void *arg)
{
	pthread_t thread;

	dirty_rounds = 0;
	hammering = true;
	pthread_create(&thread, NULL, dirty_thread, NULL);
	do
		run_job(arg);
	while (dirty_rounds < 3);
	hammering = false;
	pthread_join(thread, NULL);
}

static void logging_case(unsigned int n)
{
	struct job bad = { ALL_TARGETS, n / PAIRS + 1 };

	clear_counts();
	dirty_seen = 0;
	report("while dirty logging goes on and off",
	       watch(permitted, (struct work){ logging, &bad }, &vms[1], NULL));
	ok(dirty_seen > 0, "pages that a card may write count as dirty");
}

static void resets(void *arg)
{
	struct vm *v = &vms[0];
	unsigned int i;

	for (i = 0; i < *(unsigned int *)arg; i++) {
		transfer(v, 5 * MIB, 0, 64, true);
		settle(v);
		if (i & 1) {
			if (ioctl(v->node, VFIO_DEVICE_RESET, 0))
				die("VFIO_DEVICE_RESET");
		} else {
			if (assign(v, KVM_DEASSIGN_PCI_DEVICE))
				die("KVM_DEASSIGN_PCI_DEVICE");
			/* No bus master any more: not even a report. */
			to_memory(v, 0x3000, 0, 64);
			to_memory(v, 5 * MIB, 0, 64);
			if (assign(v, KVM_ASSIGN_PCI_DEVICE))
				die("KVM_ASSIGN_PCI_DEVICE");
		}
		master(v);
		fill_buffer(v);
	}
	settle(v);
}

static void reset_case(const char *name, unsigned int n)
{
	unsigned int each = n < 2 * PAIRS ? 2 : n / PAIRS;

	clear_counts();
	report(name, watch(permitted, (struct work){ resets, &each }, &vms[1], NULL));
}

static void all_cases(unsigned int count)
{
	unsigned int few = count / 50 < 40 ? 40 : count / 50;
	unsigned int some = few / 4, moves = (some / PAIRS / 4 + 1) * 4;

	simple_case("not present", 1U << T_HOLE, few);
	simple_case("read-only", 1U << T_READ_ONLY, few);
	simple_case("beyond RAM", 1U << T_BEYOND_RAM | 1U << T_BEYOND_48, few);
	simple_case("interrupt window", 1U << T_WINDOW, few);
	simple_case("BAR of the card", 1U << T_BAR, few);
	simple_case("where a slot was or will be", 1U << T_MOVED, few);
	simple_case("host memory", 1U << T_HOST, few);
	simple_case("the other VM's memory", 1U << T_OTHER_VM, few);
	simple_case("over a page's edge", 1U << T_PAGE_EDGE, few);
	simple_case("over a slot's edge", 1U << T_SLOT_EDGE, few);
	clear_counts();
	report("slot moved and freed",
	       watch(permitted, (struct work){ moving, &moves }, &vms[1], NULL));
	racing_case(some);
	logging_case(few);
	reset_case("card reset, and taken from its VM", some > 20 ? 20 : some);
	attack_case(few);
	simple_case("random campaign", ALL_TARGETS, count);
}

/* ---- storms ---------------------------------------------------------------------------------- */

/* 4096 bytes into nothing are 32 faults; the default policy ends it. */
static bool is_in(struct vm *v, unsigned int state)
{
	uint64_t end = now_ns() + 10000000000ULL;

	while (status(v).state != state && now_ns() < end)
		usleep(1000);
	return status(v).state == state;
}

static void recover(struct vm *v)
{
	if (ioctl(v->node, VFIO_DEVICE_RESET, 0))
		die("VFIO_DEVICE_RESET");
	master(v);
}

static uint64_t read_faults(struct vm *v, bool *right)
{
	struct backplane_fault f[64];
	ssize_t got, i;

	while ((got = pread(v->node, f, sizeof(f), FAULTS)) > 0)
		for (i = 0; i < got / (ssize_t)sizeof(f[0]); i++)
			*right = *right && f[i].devid == v->appears;
	return status(v).faults;
}

static uint64_t stormed;

static void storming(void *arg)
{
	uint64_t n = *(uint64_t *)arg, i;

	for (i = 0; i < n / 32; i++)
		to_memory(&vms[0], 5 * MIB + (i * PAGE & (MIB - 1)), 0, 4096);
	stormed += n / 32 * 32;
}

static unsigned int cut_off;
static bool storm_right;

/* Once more from the start; what was reported is read, for there is little room. */
static void after_storm(void)
{
	usleep(100000);
	read_faults(&vms[0], &storm_right);
	cut_off += is_in(&vms[0], BACKPLANE_STATE_QUARANTINED);
	recover(&vms[0]);
	fill_buffer(&vms[0]);
}

static void calm(void *arg)
{
	usleep(*(useconds_t *)arg);
}

static void storm_case(uint64_t n)
{
	uint64_t seen, changed, each = n / PAIRS + 32;
	struct pace pace;

	clear_counts();
	storm_right = true;
	pace = watch(permitted, (struct work){ storming, &each }, &vms[1], after_storm);
	seen = vms[0].caught + status(&vms[0]).faults - vms[0].reported;
	changed = changed_outside();
	printf("case {\"name\":\"a storm of %" PRIu64 " faults\",\"injected\":%" PRIu64
	       ",\"caught\":%" PRIu64 ",\"attributed\":%" PRIu64
	       ",\"changed_outside\":%" PRIu64 ",\"host_share\":%s,\"neighbour_share\":%s"
	       ",\"note\":\"in %d parts, cut off after %" PRIu64 " reports; the rest never left the card\"}\n",
	       n, stormed, seen, storm_right ? seen : 0, changed,
	       share(pace.host), share(pace.neighbour), PAIRS, seen);
	ok(cut_off == PAIRS && status(&vms[1]).state == BACKPLANE_STATE_ATTACHED,
	   "each storm quarantines its card, and not its neighbour's");
	ok(seen >= 32 * PAIRS && storm_right && !changed && !neighbour_wrong,
	   "a storm: reported, cut off, nothing written");
	ok(keeps_pace(pace, HOST_FLOOR), "host and neighbour keep their pace in it");
	clear_counts();
	campaign(&vms[0], 1U << T_PERMITTED, 100);
	ok(!vms[0].injected && !vms[0].lost && !changed_outside(),
	   "and the card works as before");
}

/* ---- two cards under one id --------------------------------------------------------------------- */

/* A card for a VM that exists. */
static void add_card(struct vm *v, char *name, struct vm *to)
{
	*v = *to;
	name_card(v, name);
	open_card(v);
	if (assign(v, KVM_ASSIGN_PCI_DEVICE))
		die("KVM_ASSIGN_PCI_DEVICE");
	master(v);
	fill_buffer(v);
}

/* Does what it writes arrive? */
static bool moves(struct vm *v)
{
	bool arrived;

	to_memory(v, SCRATCH, 64, 256);
	arrived = !memcmp(v->ram + SCRATCH, v->image + 64, 256);
	memcpy(v->ram + SCRATCH, v->copy + SCRATCH, 256);
	return arrived;
}

/* As a card does that does not obey its own command register. */
static void force_master(struct vm *v)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", v->bdf);
	fd = open(path, O_RDWR);
	if (fd < 0 || pwrite(fd, &command, 2, PCI_COMMAND) != 2)
		die(path);
	close(fd);
}

static void after_shared_storm(void)
{
	after_storm();
	recover(&vms[1]);
	fill_buffer(&vms[1]);
	fill_buffer(&vms[0]);
	read_faults(&vms[1], &storm_right);
}

static void shared_case(uint64_t n)
{
	struct vm *a = &vms[0], *b = &vms[1];
	uint64_t seen[2], changed, each = n / PAIRS + 32;
	struct pace pace;
	bool right = true;

	ok(moves(a) && moves(b), "two cards of one id move their VM's bytes");
	pace = watch(permitted, (struct work){ storming, &each }, NULL, after_shared_storm);
	stormed = 0;
	a->reported = status(a).faults;
	b->reported = status(b).faults;
	storming(&n);
	ok(is_in(a, BACKPLANE_STATE_QUARANTINED) &&
	   is_in(b, BACKPLANE_STATE_QUARANTINED),
	   "a storm under their id cuts off both: either may have made it");
	usleep(200000);
	seen[0] = read_faults(a, &right) - a->reported;
	seen[1] = read_faults(b, &right) - b->reported;
	ok(seen[0] >= 32 && seen[1] >= 32 && right, "each is told of it");
	recover(b);
	ok(is_in(b, BACKPLANE_STATE_ATTACHED), "a reset of one ends its quarantine");
	force_master(a);
	ok(!moves(a) && !moves(b), "and opens the id for neither");
	if (assign(b, KVM_DEASSIGN_PCI_DEVICE) ||
	    assign(b, KVM_ASSIGN_PCI_DEVICE))
		die("KVM_ASSIGN_PCI_DEVICE");
	master(b);
	force_master(a);
	ok(!moves(a) && !moves(b), "nor does its leaving the VM and coming back");
	recover(a);
	fill_buffer(a);
	fill_buffer(b);
	ok(moves(a) && moves(b), "a reset of the other does");
	changed = changed_outside();
	printf("case {\"name\":\"a storm under an id that two cards share\",\"injected\":%" PRIu64
	       ",\"caught\":%" PRIu64 ",\"attributed\":%" PRIu64
	       ",\"changed_outside\":%" PRIu64 ",\"host_share\":%s,\"neighbour_share\":null"
	       ",\"note\":\"cut off after %" PRIu64 " reports; the rest never left the card\"}\n",
	       stormed, seen[0], seen[1] && right ? seen[0] : 0, changed,
	       share(pace.host), seen[0]);
	ok(!changed, "nothing was written outside");
	ok(keeps_pace(pace, HOST_FLOOR), "the host keeps its pace");
}

/* ---- a VM that is killed, a card that is pulled ------------------------------------------------- */

struct losing {
	char *name;
	unsigned int rounds, ended, quiet, blocked;
	bool unplug;
};

/* Owns a VM and its card, and lets it write, permitted and not, to the end. */
static void doomed(char *name, int ready)
{
	uint32_t i;

	make_vm(&vms[0], name, 1);
	if (write(ready, "r", 1) != 1)
		exit(1);
	for (i = 0;; i++) {
		to_memory(&vms[0], (uint64_t)i * PAGE & (RW_SIZE - 1), 0, 4095);
		to_memory(&vms[0], 5 * MIB, 0, 64);
	}
}

static pid_t start_doomed(char *name)
{
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(pipes[0]);
		doomed(name, pipes[1]);
	}
	close(pipes[1]);
	if (pid < 0 || read(pipes[0], &c, 1) != 1)
		die("a VM to be ended");
	close(pipes[0]);
	return pid;
}

static void drive(const char *what, const char *bdf)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/pci-assign/%s", what);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, bdf, strlen(bdf)) < 0)
		die(path);
	close(fd);
}

/* The card as its next user finds it: every address it knew leads nowhere. */
static bool dead_card_is_quiet(char *name, struct losing *l)
{
	uint64_t size = 2 * RW_SIZE, i, changed = 0;
	uint8_t *fresh = memory(size);	/* what was the VM's, some of it */
	struct vm *v = &vms[0];

	memset(fresh, 0x77, size);
	name_card(v, name);
	open_card(v);
	force_master(v);
	for (i = 0; i < RW_SIZE / PAGE; i++) {
		to_memory(v, i * PAGE, 0, 64);
		to_memory(v, physical(fresh + i * PAGE), 0, 64);
	}
	l->blocked += status(v).state != BACKPLANE_STATE_ATTACHED;
	munmap((void *)v->bar, SMALL);
	close(v->node);
	for (i = 0; i < size; i++)
		changed += fresh[i] != 0x77;
	munlock(fresh, size);
	munmap(fresh, size);
	return !changed;
}

static void end_doomed(struct losing *l, pid_t pid, const char *bdf)
{
	int how;

	if (l->unplug)
		drive("unbind", bdf);	/* a mapped BAR is a bus error then */
	else if (kill(pid, SIGKILL))
		die("kill");
	if (waitpid(pid, &how, 0) != pid || !WIFSIGNALED(how) ||
	    WTERMSIG(how) != (l->unplug ? SIGBUS : SIGKILL))
		die("the VM's end");
	if (l->unplug)
		drive("bind", bdf);
}

static void lose_rounds(void *arg)
{
	struct losing *l = arg;
	unsigned int i;

	for (i = 0; i < l->rounds; i++) {
		char *name = strdup(l->name), *again = strdup(l->name);
		pid_t pid = start_doomed(name);

		usleep(20000 + 7000 * (l->ended++ % 20));
		end_doomed(l, pid, strtok(name, "="));
		l->quiet += dead_card_is_quiet(again, l);
		free(name);
		free(again);
	}
}

static void lose_case(char *name, unsigned int rounds, bool unplug)
{
	struct losing l = { .name = name, .unplug = unplug,
			    .rounds = rounds / PAIRS + 1 };
	const char *what = unplug ? "a card pulled from its VM while it writes" :
				    "a VM killed while its card writes";
	useconds_t time = SLICE / 1000;
	struct pace pace;
	uint64_t changed;
	char line[160];

	neighbour_wrong = 0;
	pace = watch((struct work){ calm, &time }, (struct work){ lose_rounds, &l },
		     &vms[1], NULL);
	vms[0].ram = NULL;
	changed = changed_outside();
	printf("case {\"name\":\"%s\",\"injected\":%u,\"caught\":%u"
	       ",\"attributed\":%u,\"changed_outside\":%" PRIu64
	       ",\"host_share\":%s,\"neighbour_share\":%s}\n",
	       what, l.ended, l.quiet, l.blocked, changed,
	       share(pace.host), share(pace.neighbour));
	snprintf(line, sizeof(line),
		 "%s, %u times: it reaches nothing afterwards; host and neighbour at %s, %s of their pace",
		 what, l.ended, share(pace.host), share(pace.neighbour));
	ok(l.quiet == l.ended && l.blocked == l.ended && l.ended >= rounds &&
	   !changed && !neighbour_wrong && keeps_pace(pace, HOST_FLOOR_BUSY), line);
}

/* ---- looking on --------------------------------------------------------------------------------- */

/* The pace within @us. */
static struct pace pace_of(useconds_t us)
{
	struct work idle = { calm, &us };
	pthread_t host, other = 0;
	struct pace p;

	start_watching(&host, &other, &vms[1]);
	p = slice(&idle);
	stop_watching(host, other, &vms[1]);
	return p;
}

static void look_on(char *name)
{
	useconds_t time;
	struct pace p;
	char line[80];

	make_vm(&vms[1], name, 1);
	printf("%#" PRIx64 "\n", canary_at[0]);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		time = 1000 * (useconds_t)strtoul(line, NULL, 0);
		if (!time)
			break;
		p = pace_of(time);
		printf("pace %.0f %.0f %" PRIu64 "\n", p.host * 1e9,
		       p.neighbour * 1e9, changed_outside() + neighbour_wrong);
		fflush(stdout);
	}
}

static void make_vms(char **argv, uint64_t seed)
{
	make_vm(&vms[0], argv[1], seed);
	make_vm(&vms[1], argv[2], seed ^ 0x9e3779b97f4a7c15ULL);
}

int main(int argc, char **argv)
{
	uint64_t count;

	if (argc != 5 && argc != 6 && (argc != 3 || strcmp(argv[2], "pace")))
		return 2;
	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		die("/dev/kvm");
	make_canary();
	if (argc == 3) {
		look_on(argv[1]);
		return 0;
	}
	count = strtoull(argv[4], NULL, 0);
	if (!strcmp(argv[3], "shared")) {
		make_vm(&vms[0], argv[1], 1);
		add_card(&vms[1], argv[2], &vms[0]);
		shared_case(count);
	} else if (!strcmp(argv[3], "kill") || !strcmp(argv[3], "unplug")) {
		make_vm(&vms[1], argv[2], 1);
		lose_case(argv[1], (unsigned int)count, !strcmp(argv[3], "unplug"));
	} else if (!strcmp(argv[3], "reset")) {
		make_vms(argv, 1);
		reset_case("the bus behind a bridge reset", (unsigned int)count);
	} else if (!strcmp(argv[3], "storm")) {
		make_vms(argv, 1);
		storm_case(count);
	} else {
		make_vms(argv, count);	/* the seed */
		if (argc == 6)
			make_vm(&vms[2], argv[5], 1);
		all_cases((unsigned int)strtoul(argv[3], NULL, 0));
	}
	return failed;
}
