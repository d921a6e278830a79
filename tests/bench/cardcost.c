// SPDX-License-Identifier: GPL-2.0
/*
 * cardcost: what assigned cards cost, without a VMM. Gives a card to the small
 * VM of benchvm.h by whatever the host has: pci-assign where the card has a
 * node in /dev/backplane, VFIO otherwise. Prints "cost NAME N" (instructions,
 * under -icount) and "kb_per NAME N". Runs in the emulated host.
 *
 *   cardcost attach CARD OTHER   give CARD to a running VM of 256 MiB to 4 GiB:
 *                                as its first card, and when it has OTHER
 *   cardcost msix CARD           from an e1000e's interrupt to the guest's handler
 *   cardcost tables CARD         kernel memory that 1 GiB of small pages takes,
 *                                used by the guest and open to the card
 *
 * The cards are full names (0000:00:05.0), bound to pci-assign or vfio-pci.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <x86intrin.h>
#include "benchvm.h"
#include "pci-assign/assign_uapi.h"

#define ROUNDS		5
#define GB		(1UL << 30)
#define HIGH		(4 * GB)	/* guest-physical: RAM of the attached VM */
#define BAR		0xe0000000UL
#define CONFIG		((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)
#define GSI		24
#define CAUSE_OTHER	(1U << 24)	/* e1000e: one of its MSI-X causes */
#define E1000E_CTRL	0x00
#define CTRL_RESET	(1U << 26)
#define E1000E_IVAR	0xe4
#define E1000E_EIAC	0xdc
#define E1000E_EITR_0	0xe8
#define IVAR_OTHER_0	(8U << 16)	/* cause "other": vector 0, valid */

struct card {
	const char *name;
	unsigned int bus, devfn;
	bool vfio;
	int group, device;		/* VFIO's; device is the node else */
};

struct memory {
	uint64_t gpa, size;
	void *at;
};

static int container = -1;

static struct card card_named(const char *name)
{
	struct card c = { .name = name, .group = -1, .device = -1 };
	unsigned int seg, slot, fn;
	char path[128];

	if (sscanf(name, "%x:%x:%x.%x", &seg, &c.bus, &slot, &fn) != 4) {
		fprintf(stderr, "cardcost: '%s' is no card's name, such as 0000:00:05.0\n", name);
		exit(2);
	}
	c.devfn = slot << 3 | fn;
	snprintf(path, sizeof(path), "/dev/backplane/%s", name);
	c.vfio = access(path, F_OK);
	return c;
}

/* ---- pci-assign ------------------------------------------------------------- */

static void node_attach(struct card *c)
{
	struct kvm_assigned_pci_dev d = {
		.assigned_dev_id = c->devfn, .busnr = c->bus, .devfn = c->devfn,
		.flags = KVM_DEV_ASSIGN_ENABLE_IOMMU,
	};
	char path[128];

	snprintf(path, sizeof(path), "/dev/backplane/%s", c->name);
	c->device = must(open(path, O_RDWR | O_CLOEXEC), path);
	must(ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &d), "KVM_ASSIGN_PCI_DEVICE");
}

static void node_detach(struct card *c)
{
	struct kvm_assigned_pci_dev d = { .assigned_dev_id = c->devfn };

	must(ioctl(vm, KVM_DEASSIGN_PCI_DEVICE, &d), "KVM_DEASSIGN_PCI_DEVICE");
	close(c->device);
}

/* ---- VFIO ------------------------------------------------------------------- */

static void vfio_map(const struct memory *m)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .vaddr = (uintptr_t)m->at,
		.iova = m->gpa, .size = m->size,
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
	};

	must(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
}

static int vfio_group_of(const struct card *c)
{
	char path[128], link[256], node[128];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", c->name);
	n = readlink(path, link, sizeof(link) - 1);
	must((int)n, path);
	link[n] = '\0';
	snprintf(node, sizeof(node), "/dev/vfio/%s", strrchr(link, '/') + 1);
	return must(open(node, O_RDWR | O_CLOEXEC), node);
}

/* The first card brings the VM's memory into the container. */
static void vfio_attach(struct card *c, const struct memory *m, unsigned int n)
{
	bool first = container < 0;

	if (first)
		container = must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), "VFIO");
	c->group = vfio_group_of(c);
	must(ioctl(c->group, VFIO_GROUP_SET_CONTAINER, &container), "a container");
	if (first)
		must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "type 1");
	for (; first && n; n--, m++)
		vfio_map(m);
	c->device = must(ioctl(c->group, VFIO_GROUP_GET_DEVICE_FD, c->name), c->name);
}

static void vfio_detach(struct card *c, bool last)
{
	close(c->device);
	ioctl(c->group, VFIO_GROUP_UNSET_CONTAINER);
	close(c->group);
	if (last) {
		close(container);
		container = -1;
	}
}

/* ---- either ----------------------------------------------------------------- */

static void attach(struct card *c, const struct memory *m, unsigned int n)
{
	if (c->vfio)
		vfio_attach(c, m, n);
	else
		node_attach(c);
}

static void detach(struct card *c, bool last)
{
	if (c->vfio)
		vfio_detach(c, last);
	else
		node_detach(c);
}

static uint32_t cfg(const struct card *c, uint64_t off, unsigned int len)
{
	uint32_t v = 0;

	must((int)pread(c->device, &v, len, (off_t)(CONFIG + off)), "config space");
	return v;
}

static void set_cfg(const struct card *c, uint64_t off, unsigned int len, uint32_t v)
{
	must((int)pwrite(c->device, &v, len, (off_t)(CONFIG + off)), "config space");
}

/* ---- attaching to a running VM ------------------------------------------------ */

static const unsigned int sizes[] = { 256, 512, 1024, 2048, 4096 };

/* The cheapest: a tick of the host's falls into some and not into others. */
static uint64_t attach_cheapest(struct card *c, const struct memory *m, bool last)
{
	uint64_t cheapest = ~0UL, t;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		t = __rdtsc();
		attach(c, m, 2);
		t = __rdtsc() - t;
		cheapest = t < cheapest ? t : cheapest;
		detach(c, last);
	}
	return cheapest;
}

/* The guest has used all of it: the nested table is there. */
static void use_memory(uint64_t from, uint64_t size, uint64_t step)
{
	struct op fill = { .code = op_fill, .rbx = from, .rcx = step };

	start(0, &fill, (int)(size / step));
	run_until_done(0, "fill");
}

static void measure_attach(struct card *c, struct card *other)
{
	char *high = anon(4 * GB, MADV_HUGEPAGE);
	struct memory m[2] = { { 0, RAM_SIZE, ram }, { HIGH, 0, high } };
	unsigned int i;

	memset(high, 1, 4 * GB);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		m[1].size = (uint64_t)sizes[i] << 20;
		set_slot(1, HIGH, m[1].size, high);
		use_memory(HIGH, m[1].size, MB2);
		printf("cost attach_first_%um %lu\n", sizes[i],
		       attach_cheapest(c, m, true));
		attach(other, m, 2);
		printf("cost attach_%um %lu\n", sizes[i],
		       attach_cheapest(c, m, false));
		detach(other, true);
		set_slot(1, HIGH, 0, high);
		fflush(stdout);
	}
}

/* ---- interrupts ------------------------------------------------------------- */

static void *map_bar(const struct card *c, uint64_t *size)
{
	struct vfio_region_info r = { .argsz = sizeof(r), .index = 0 };
	void *at;

	must(ioctl(c->device, VFIO_DEVICE_GET_REGION_INFO, &r), "BAR 0");
	at = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, c->device,
		  (off_t)r.offset);
	if (at == MAP_FAILED)
		die("BAR 0");
	*size = r.size;
	return at;
}

static void vfio_arm(const struct card *c)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} route = { .head.nr = 1, .e = { .gsi = GSI, .type = KVM_IRQ_ROUTING_MSI,
		    .u.msi = { .address_lo = LAPIC, .data = V_SAMPLE } } };
	struct kvm_irqfd irqfd = { .gsi = GSI };
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} s = { .set = { .argsz = sizeof(s), .count = 1,
			 .index = VFIO_PCI_MSIX_IRQ_INDEX,
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD |
				  VFIO_IRQ_SET_ACTION_TRIGGER } };

	s.fd = must(eventfd(0, EFD_CLOEXEC), "an eventfd");
	irqfd.fd = (uint32_t)s.fd;
	must(ioctl(vm, KVM_SET_GSI_ROUTING, &route), "a route");
	must(ioctl(vm, KVM_IRQFD, &irqfd), "an irqfd");
	must(ioctl(c->device, VFIO_DEVICE_SET_IRQS, &s), "the card's MSI-X");
}

/* As the guest would: entry 0 of the table, then the capability's enable bit. */
static void node_arm(const struct card *c)
{
	const uint32_t entry[4] = { LAPIC, 0, V_SAMPLE, 0 };
	uint64_t table, cap = cfg(c, PCI_CAPABILITY_LIST, 1);

	while (cap && cfg(c, cap, 1) != PCI_CAP_ID_MSIX)
		cap = cfg(c, cap + 1, 1);
	if (!cap) {
		fprintf(stderr, "cardcost: %s has no MSI-X\n", c->name);
		exit(1);
	}
	table = cfg(c, cap + PCI_MSIX_TABLE, 4);
	must((int)pwrite(c->device, entry, sizeof(entry),
			 (off_t)((table & PCI_MSIX_TABLE_BIR) << 40 |
				 (table & PCI_MSIX_TABLE_OFFSET))), "MSI-X table");
	set_cfg(c, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

/*
 * There are spells in which each interrupt costs some 180 instructions more (one run in
 * ten on 6.12, seen with our stack; their cause is not known). The least of ROUNDS
 * medians is out of them.
 */
static void measure_interrupt(struct op *op)
{
	uint64_t cost, least = UINT64_MAX;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		cost = median(op);
		if (cost < least)
			least = cost;
	}
	report(op, least);
}

static void measure_msix(struct card *c)
{
	struct op op = { .name = "msix", .code = op_card, .rbx = BAR, .r8 = CAUSE_OTHER };
	struct memory m = { 0, RAM_SIZE, ram };
	volatile uint8_t *bar;
	uint64_t size;

	attach(c, &m, 1);
	set_cfg(c, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (c->vfio)
		vfio_arm(c);
	else
		node_arm(c);
	bar = map_bar(c, &size);
	set_slot(1, BAR, size, (void *)bar);
	*(volatile uint32_t *)(bar + E1000E_CTRL) = CTRL_RESET;	/* whoever had it */
	usleep(10000);
	*(volatile uint32_t *)(bar + E1000E_IVAR) = IVAR_OTHER_0;
	*(volatile uint32_t *)(bar + E1000E_EIAC) = CAUSE_OTHER;
	*(volatile uint32_t *)(bar + E1000E_EITR_0) = 0;	/* the least throttle */
	measure_interrupt(&op);
	set_slot(1, BAR, 0, (void *)bar);
	detach(c, true);
}

/* ---- page tables -------------------------------------------------------------- */

static void measure_tables(struct card *c)
{
	char *p = anon(GB, MADV_NOHUGEPAGE);
	struct memory m[2] = { { 0, RAM_SIZE, ram }, { FRESH, GB, p } };
	long before;

	memset(p, 1, GB);
	set_slot(1, FRESH, GB, p);
	before = kernel_kb();
	use_memory(FRESH, GB, 4096);
	attach(c, m, 2);
	printf("kb_per tables %ld\n", kernel_kb() - before);
	detach(c, true);
}

int main(int argc, char **argv)
{
	struct card card, other;

	if (argc < 3 || (!strcmp(argv[1], "attach") && argc < 4)) {
		fprintf(stderr, "usage: cardcost attach CARD OTHER | msix CARD | tables CARD\n");
		return 2;
	}
	card = card_named(argv[2]);
	kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	open_vm();
	measure(&(struct op){ .name = "empty", .code = op_empty });
	enable_apic(NULL);
	if (!strcmp(argv[1], "attach")) {
		other = card_named(argv[3]);
		measure_attach(&card, &other);
	} else if (!strcmp(argv[1], "msix")) {
		measure_msix(&card);
	} else {
		measure_tables(&card);
	}
	return 0;
}
