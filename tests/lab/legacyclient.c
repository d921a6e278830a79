// SPDX-License-Identifier: GPL-2.0
/*
 * legacyclient: a client of the first device assignment ABI, on the emulated
 * host. It knows the VM's descriptor and sysfs and nothing else: no node, no
 * VFIO. It reads and writes config space in the card's `config`, maps its BARs
 * from `resource0`, gives it to a VM by KVM_ASSIGN_PCI_DEVICE, and leads its
 * interrupts to gsis, as VMMs of that time did. Every documented error is
 * provoked. Prints TAP.
 *
 *   legacyclient EDU E1000E SHARER BUSY FREE
 *	the first three bound to pci-assign, SHARER on E1000E's line; BUSY bound
 *	to a driver of the host's, FREE to none
 *   legacyclient EDU asleep
 *	has the card while the machine sleeps: /tmp/legacy.up appears, and once
 *	/tmp/sleepvm.woke is there the card must go on
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <linux/pci_regs.h>
#include "cardvm.h"

#define NOBODY	65534

/* The old direction of KVM_ASSIGN_DEV_IRQ's number. */
#define ASSIGN_IRQ_OLD	_IOR(0xAE, 0x70, struct kvm_assigned_irq)

/* What programs of that time were compiled with. */
_Static_assert(KVM_ASSIGN_PCI_DEVICE == 0x8040ae69, "number");
_Static_assert(ASSIGN_IRQ_OLD == 0x8040ae70, "number");
_Static_assert(KVM_ASSIGN_DEV_IRQ == 0x4040ae70, "number");
_Static_assert(KVM_DEASSIGN_PCI_DEVICE == 0x4040ae72, "number");
_Static_assert(KVM_ASSIGN_SET_MSIX_NR == 0x4008ae73, "number");
_Static_assert(KVM_ASSIGN_SET_MSIX_ENTRY == 0x4010ae74, "number");
_Static_assert(KVM_DEASSIGN_DEV_IRQ == 0x4040ae75, "number");
_Static_assert(KVM_ASSIGN_SET_INTX_MASK == 0x4040aea4, "number");

static int config;
static volatile uint8_t *bar;
static char *sysfs;

static void path_of(char *buf, size_t len, const char *bdf, const char *file)
{
	snprintf(buf, len, "/sys/bus/pci/devices/%s/%s", bdf, file);
}

/* ---- the card, by sysfs alone --------------------------------------------- */

static bool open_card(const char *bdf, size_t bar_size)
{
	char path[96];
	int fd;

	sysfs = (char *)bdf;
	if (sscanf(bdf, "0000:%x:%x.%x", &bus, &slot, &fn) != 3)
		return ok(false, "a card is named");
	path_of(path, sizeof(path), bdf, "config");
	config = open(path, O_RDWR);
	path_of(path, sizeof(path), bdf, "resource0");
	fd = open(path, O_RDWR);
	if (!ok(config >= 0 && fd >= 0, "config and resource0 open"))
		return false;
	bar = mmap(NULL, bar_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return ok(bar != MAP_FAILED, "resource0 can be mapped");
}

static uint16_t cfg16(unsigned int off)
{
	uint16_t v = 0;

	if (pread(config, &v, 2, off) != 2)
		ok(false, "a config read");
	return v;
}

static void set_cfg16(unsigned int off, uint16_t v)
{
	if (pwrite(config, &v, 2, off) != 2)
		ok(false, "a config write");
}

static uint32_t reg(unsigned int off)
{
	return *(volatile uint32_t *)(bar + off);
}

static void set_reg(unsigned int off, uint32_t v)
{
	*(volatile uint32_t *)(bar + off) = v;
}

static void set_reg64(unsigned int off, uint64_t v)
{
	*(volatile uint64_t *)(bar + off) = v;
}

/* ---- what is refused -------------------------------------------------------- */

static long assign_at(unsigned int id, unsigned int b, unsigned int devfn,
		      uint32_t flags)
{
	struct kvm_assigned_pci_dev d = {
		.assigned_dev_id = id, .busnr = b, .devfn = devfn, .flags = flags,
	};

	return ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &d);
}

/* A card by its address in text. */
static long assign_named(unsigned int id, const char *bdf, uint32_t flags)
{
	unsigned int b, d, f;

	if (sscanf(bdf, "0000:%x:%x.%x", &b, &d, &f) != 3)
		return -1;
	return assign_at(id, b, d << 3 | f, flags | KVM_DEV_ASSIGN_ENABLE_IOMMU);
}

static long deassign_id(unsigned int id)
{
	struct kvm_assigned_pci_dev d = { .assigned_dev_id = id };

	return ioctl(vm, KVM_DEASSIGN_PCI_DEVICE, &d);
}

static long msix_nr(unsigned int nr)
{
	struct kvm_assigned_msix_nr n = { .assigned_dev_id = ID, .entry_nr = nr };

	return ioctl(vm, KVM_ASSIGN_SET_MSIX_NR, &n);
}

static long msix_entry(unsigned int entry, unsigned int gsi)
{
	struct kvm_assigned_msix_entry e = { .assigned_dev_id = ID,
					     .entry = entry, .gsi = gsi };

	return ioctl(vm, KVM_ASSIGN_SET_MSIX_ENTRY, &e);
}

static long intx_mask(bool mask)
{
	struct kvm_assigned_pci_dev d = address(mask ? KVM_DEV_ASSIGN_MASK_INTX : 0);

	return ioctl(vm, KVM_ASSIGN_SET_INTX_MASK, &d);
}

/* As nobody: the errno of giving the card to the VM, or 0. */
static int assign_as_nobody(void)
{
	int err = 0;

	if (setresgid(-1, NOBODY, 0) || setresuid(-1, NOBODY, 0))
		return -1;
	if (assign(0))
		err = errno;
	else
		deassign();
	if (setresuid(-1, 0, 0) || setresgid(-1, 0, 0))
		return -1;
	return err;
}

/* The same by another VM. */
static int assign_elsewhere_as_nobody(void)
{
	int own = vm, err;

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	err = assign_as_nobody();
	close(vm);
	vm = own;
	return err;
}

static void chown_resources(uid_t uid)
{
	char path[96];

	path_of(path, sizeof(path), sysfs, "resource0");
	ok(!chown(path, uid, 0), uid ? "its BAR's file is given to nobody" :
	   "and taken back");
}

static void test_unknown_ids(void)
{
	refused(deassign(), EINVAL, "taking back what was never given");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_INTX |
			KVM_DEV_IRQ_GUEST_INTX, 10), ENODEV,
		"an interrupt of an unknown id");
	refused(dev_irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_INTX, 10), ENODEV,
		"taking back an interrupt of an unknown id");
	refused(msix_nr(1), EINVAL, "an unknown id's MSI-X number");
	refused(msix_entry(0, 24), EINVAL, "an unknown id's MSI-X entry");
	refused(intx_mask(true), ENODEV, "masking the line of an unknown id");
}

static void test_absent_cards(const char *busy, const char *free)
{
	struct kvm_assigned_pci_dev far = address(KVM_DEV_ASSIGN_ENABLE_IOMMU);

	refused(assign_at(ID, 0xfe, 0, KVM_DEV_ASSIGN_ENABLE_IOMMU), EINVAL,
		"a function that is not there");
	far.segnr = 1;
	refused(ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &far), EINVAL,
		"a segment that is not there");
	refused(assign_at(ID, 0, 0, KVM_DEV_ASSIGN_ENABLE_IOMMU), EPERM,
		"a host bridge");
	refused(assign_named(ID, busy, 0), EBUSY, "a card that a host's driver has");
	refused(assign_named(ID, free, 0), ENODEV, "a card that nobody has bound");
	refused(ioctl(vm, KVM_ASSIGN_PCI_DEVICE, (void *)8), EFAULT,
		"a structure that cannot be read");
}

static void test_refusals(const char *other)
{
	refused(assign_at(ID, bus, slot << 3 | fn, 0), EINVAL,
		"assignment without the IOMMU flag");
	refused(assign_at(ID, bus, slot << 3 | fn, KVM_DEV_ASSIGN_ENABLE_IOMMU |
			  1 << 9), EINVAL, "an unknown flag");
	ok(assign_as_nobody() == EPERM,
	   "without permission on its BAR's file: EPERM");
	chown_resources(NOBODY);
	ok(assign_as_nobody() == 0, "with it the card is given, and taken back");
	chown_resources(0);
	ok(!assign(KVM_DEV_ASSIGN_PCI_2_3), "as root the card is given to the VM");
	refused(assign(0), EEXIST, "the same id again");
	refused(assign_at(ID + 1, bus, slot << 3 | fn,
			  KVM_DEV_ASSIGN_ENABLE_IOMMU), EBUSY,
		"the same card by another id");
	ok(assign_elsewhere_as_nobody() == EPERM,
	   "somebody without permission learns no more of it: EPERM");
	ok(!assign_named(ID + 1, other, 0), "a second card goes to the same VM");
	ok(!deassign_id(ID + 1), "and is taken back by its id alone");
}

static void test_irq_refusals(void)
{
	const uint32_t hosts = KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_HOST_MSI;
	const uint32_t guests = KVM_DEV_IRQ_GUEST_INTX | KVM_DEV_IRQ_GUEST_MSI;

	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, hosts, 10), EINVAL, "two host types");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, guests, 10), EINVAL, "two guest types");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, 0, 10), EINVAL, "no type at all");
	refused(dev_irq(ASSIGN_IRQ_OLD, hosts, 10), EOPNOTSUPP,
		"the ioctl that was deprecated then");
	refused(dev_irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_MSI, 0), ENXIO,
		"taking back what is not assigned");
}

/* ---- interrupts -------------------------------------------------------------- */

static void fire(void) { set_reg(EDU_RAISE, 1); }
static void calm(void) { set_reg(EDU_ACK, reg(EDU_IRQ_STATUS)); }

static void irq(unsigned long request, uint32_t flags, uint32_t gsi,
		const char *what)
{
	ok(!dev_irq(request, flags, gsi), what);
}

static void test_msi(void)
{
	const uint32_t both = KVM_DEV_IRQ_HOST_MSI | KVM_DEV_IRQ_GUEST_MSI;

	route_msi(100, 0x62);
	irq(KVM_ASSIGN_DEV_IRQ, both, 100, "its MSI goes to gsi 100");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, both, 100), EEXIST, "that again");
	fire();
	ok(arrives(0x62), "and arrives as the route says");
	calm();
	forget_requests();
	irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_GUEST_MSI, 0,
	    "the guest's side is taken away alone");
	irq(KVM_ASSIGN_DEV_IRQ, KVM_DEV_IRQ_GUEST_MSI, 100, "and given back");
	fire();
	ok(arrives(0x62), "it arrives again");
	calm();
	forget_requests();
	irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_MSI, 0,
	    "the host's side is taken away alone");
	refused(dev_irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_MSI, 0), ENXIO,
		"that again");
	irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_GUEST_MSI, 0, "and the guest's");
}

/* Interrupts that nobody took away go with the card. */
static void test_forgotten(void)
{
	const uint32_t both = KVM_DEV_IRQ_HOST_MSI | KVM_DEV_IRQ_GUEST_MSI;

	irq(KVM_ASSIGN_DEV_IRQ, both, 100, "its MSI goes to gsi 100 again");
	ok(!deassign() && !assign(KVM_DEV_ASSIGN_PCI_2_3),
	   "the card is taken with it, and given again");
	refused(dev_irq(KVM_DEASSIGN_DEV_IRQ, both, 100), ENXIO,
		"its interrupt is assigned no more");
}

/* @host as the guest's line on pin 10, level until it is ended. */
static void test_line(uint32_t host, unsigned int vector, const char *what)
{
	const uint32_t both = host | KVM_DEV_IRQ_GUEST_INTX;

	aim_pin(vector);
	irq(KVM_ASSIGN_DEV_IRQ, both, 10, what);
	fire();
	ok(arrives(vector) && pin_is_up(), "it arrives, and its line stays up");
	if (host == KVM_DEV_IRQ_HOST_INTX) {
		ok(!intx_mask(true) && !pin_is_up(), "masking lowers the line");
		ok(!intx_mask(false), "unmasking");
		usleep(100000);
		ok(pin_is_up(), "the card still asserts it: up again");
	}
	calm();
	irq(KVM_DEASSIGN_DEV_IRQ, both, 10, "it is taken away");
	ok(!pin_is_up(), "and leaves no line up");
	forget_requests();
}

/* The line's mask comes with the card, and goes with it. */
static void test_given_masked(void)
{
	const uint32_t both = KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_GUEST_INTX;

	ok(!deassign() && !assign(KVM_DEV_ASSIGN_PCI_2_3 | KVM_DEV_ASSIGN_MASK_INTX),
	   "the card is given with its line masked");
	aim_pin(0x67);
	irq(KVM_ASSIGN_DEV_IRQ, both, 10, "its line is assigned");
	fire();
	usleep(100000);
	ok(!requested(0x67), "it does not arrive");
	ok(!intx_mask(false) && arrives(0x67), "unmasked, it does");
	calm();
	irq(KVM_DEASSIGN_DEV_IRQ, both, 10, "the line is taken away");
	forget_requests();
	ok(!intx_mask(true) && !deassign() && !assign(KVM_DEV_ASSIGN_PCI_2_3),
	   "masked again, it is taken, and given without");
	aim_pin(0x67);
	irq(KVM_ASSIGN_DEV_IRQ, both, 10, "its line is assigned");
	fire();
	ok(arrives(0x67), "it arrives");
	calm();
	irq(KVM_DEASSIGN_DEV_IRQ, both, 10, "the line is taken away again");
	forget_requests();
}

/* ---- DMA ---------------------------------------------------------------------- */

static void dma(uint64_t src, uint64_t dst, uint32_t n, uint32_t cmd)
{
	int tries;

	set_reg64(EDU_DMA_SRC, src);
	set_reg64(EDU_DMA_DST, dst);
	set_reg64(EDU_DMA_COUNT, n);
	set_reg(EDU_DMA_CMD, cmd | 1);
	for (tries = 0; tries < 100 && reg(EDU_DMA_CMD) & 1; tries++)
		usleep(10000);
}

static void test_dma(void)
{
	set_cfg16(PCI_COMMAND, cfg16(PCI_COMMAND) | PCI_COMMAND_MEMORY |
		  PCI_COMMAND_MASTER);
	memcpy(ram + 0x1000, "legacy assignment", 18);
	dma(0x1000, EDU_BUFFER, 32, 0);
	dma(EDU_BUFFER, 0x2000, 32, 2);
	ok(!memcmp(ram + 0x2000, "legacy assignment", 18),
	   "the card reads and writes the VM's memory");
	ram[0x3000] = 0x5a;
	set_cfg16(PCI_COMMAND, cfg16(PCI_COMMAND) & ~PCI_COMMAND_MASTER);
	dma(EDU_BUFFER, 0x3000, 4, 2);
	ok(ram[0x3000] == 0x5a, "without bus mastering it does not");
	set_cfg16(PCI_COMMAND, cfg16(PCI_COMMAND) | PCI_COMMAND_MASTER);
	fire();
	calm();
	ok(cfg16(PCI_COMMAND) & PCI_COMMAND_MASTER, "what sysfs set, stays");
}

static int has_it_asleep(const char *bdf)
{
	int tries;

	if (!make_vm() || !open_card(bdf, 1 << 20) ||
	    !ok(!assign(KVM_DEV_ASSIGN_PCI_2_3), "the card is given to the VM"))
		return 1;
	test_dma();
	close(open("/tmp/legacy.up", O_CREAT | O_WRONLY, 0600));
	for (tries = 0; tries < 3000 && access("/tmp/sleepvm.woke", F_OK); tries++)
		usleep(100000);
	ok(cfg16(PCI_COMMAND) & PCI_COMMAND_MASTER, "it is a bus master after a sleep");
	memcpy(ram + 0x1000, "awake", 6);
	dma(0x1000, EDU_BUFFER, 8, 0);
	dma(EDU_BUFFER, 0x2000, 8, 2);
	ok(!memcmp(ram + 0x2000, "awake", 6), "and reads and writes the VM's memory");
	ok(!deassign(), "it is taken back");
	return failed;
}

/* ---- MSI-X: e1000e raises a cause by its own registers ------------------------- */

#define E1000_ICR	0x000c0
#define E1000_ICS	0x000c8
#define E1000_IMS	0x000d0
#define E1000_IMC	0x000d8
#define E1000_IVAR	0x000e4
#define E1000_CTRL_EXT	0x00018
#define E1000_OTHER	(1u << 24)
#define E1000_LSC	(1u << 2)

static void test_msix(void)
{
	const uint32_t both = KVM_DEV_IRQ_HOST_MSIX | KVM_DEV_IRQ_GUEST_MSIX;

	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, both, 0), EINVAL,
		"MSI-X before its entries");
	refused(msix_nr(0), EINVAL, "no entries");
	refused(msix_nr(257), EINVAL, "more than 256 entries");
	ok(!msix_nr(1), "one entry is announced");
	refused(msix_nr(1), EINVAL, "announcing twice");
	ok(!msix_entry(0, 101), "entry 0 goes to gsi 101");
	ok(!msix_entry(0, 100), "and to gsi 100 instead");
	refused(msix_entry(1, 100), ENOSPC, "a second entry");
	route_msi(100, 0x64);
	set_cfg16(PCI_COMMAND, cfg16(PCI_COMMAND) | PCI_COMMAND_MEMORY |
		  PCI_COMMAND_MASTER);	/* a message is a write, too */
	irq(KVM_ASSIGN_DEV_IRQ, both, 0, "MSI-X is assigned");
	set_reg(E1000_CTRL_EXT, reg(E1000_CTRL_EXT) | 1u << 31);
	set_reg(E1000_IVAR, 8u << 16);	/* other causes: vector 0 */
	set_reg(E1000_IMS, E1000_OTHER | E1000_LSC);
	set_reg(E1000_ICS, E1000_OTHER | E1000_LSC);
	ok(arrives(0x64), "and arrives as the route says");
	forget_requests();
	ok(!msix_entry(0, 0), "gsi 0 switches the entry off");
	set_reg(E1000_ICS, E1000_OTHER | E1000_LSC);
	usleep(100000);
	ok(!requested(0x64), "and nothing arrives");
	irq(KVM_DEASSIGN_DEV_IRQ, both, 0, "MSI-X is taken away");
	ok(!msix_nr(256), "and may be announced anew, with 256 entries");
	set_reg(E1000_CTRL_EXT, reg(E1000_CTRL_EXT) & ~(1u << 31));
	set_reg(E1000_IMC, ~0u);
	reg(E1000_ICR);
}

/*
 * Without the PCI 2.3 flag a line is had alone or not at all. The card is given
 * without it; @sharer, with it, uses the same line.
 */
static void test_exclusive(const char *sharer)
{
	const uint32_t both = KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_GUEST_INTX;
	struct kvm_assigned_irq theirs = { .assigned_dev_id = ID + 1,
					   .guest_irq = 11, .flags = both };

	ok(!assign_named(ID + 1, sharer, KVM_DEV_ASSIGN_PCI_2_3) &&
	   !ioctl(vm, KVM_ASSIGN_DEV_IRQ, &theirs), "another card uses the line");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, both, 10), EIO,
		"the same line without PCI 2.3");
	ok(!deassign_id(ID + 1), "the other card goes");
	aim_pin(0x66);
	irq(KVM_ASSIGN_DEV_IRQ, both, 10, "now the line is had");
	set_reg(E1000_IMS, E1000_LSC);
	set_reg(E1000_ICS, E1000_LSC);
	ok(arrives(0x66) && pin_is_up(), "it arrives, and its line stays up");
	ok(!intx_mask(true) && !pin_is_up(), "masking lowers it");
	ok(!intx_mask(false), "unmasking");
	usleep(100000);
	ok(pin_is_up(), "opens the host's line: up again");
	set_reg(E1000_IMC, ~0u);
	reg(E1000_ICR);
	irq(KVM_DEASSIGN_DEV_IRQ, both, 10, "it is taken away");
	ok(!pin_is_up(), "and leaves no line up");
}

static void test_capabilities(void)
{
	static const int caps[] = {
		KVM_CAP_DEVICE_ASSIGNMENT, KVM_CAP_IOMMU, KVM_CAP_DEVICE_MSI,
		KVM_CAP_DEVICE_DEASSIGNMENT, KVM_CAP_DEVICE_MSIX,
		KVM_CAP_ASSIGN_DEV_IRQ, KVM_CAP_PCI_SEGMENT, KVM_CAP_PCI_2_3,
	};
	bool all = true;
	unsigned int i;

	for (i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		all &= ioctl(vm, KVM_CHECK_EXTENSION, caps[i]) == 1;
	ok(all, "the eight capabilities are there");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	kvm = open("/dev/kvm", O_RDWR);
	if (!strcmp(argv[2], "asleep"))
		return has_it_asleep(argv[1]);
	if (argc < 6)
		return 2;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_MSI, 0), EINVAL,
		"an interrupt without controllers in the kernel");
	refused(dev_irq(KVM_DEASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_MSI, 0), EINVAL,
		"and taking one back");
	close(vm);
	if (!make_vm() || !open_card(argv[1], 1 << 20))
		return 1;
	test_capabilities();
	ok(cfg16(PCI_VENDOR_ID) == 0x1234, "its config space is in sysfs");
	set_cfg16(PCI_COMMAND, cfg16(PCI_COMMAND) | PCI_COMMAND_MEMORY);
	ok(reg(0) == 0x010000ed, "and its registers behind the mapping");
	test_unknown_ids();
	test_absent_cards(argv[4], argv[5]);
	test_refusals(argv[2]);
	ok(reg(0) == 0x010000ed, "the mapping survived the assignment");
	test_irq_refusals();
	test_dma();
	test_msi();
	test_line(KVM_DEV_IRQ_HOST_INTX, 0x63, "its line goes to the guest's pin 10");
	test_line(KVM_DEV_IRQ_HOST_MSI, 0x65, "its MSI drives the guest's pin 10");
	test_forgotten();
	test_given_masked();
	ok(!deassign(), "the card is taken back");
	ok(!(cfg16(PCI_COMMAND) & PCI_COMMAND_MASTER), "and masters the bus no more");
	refused(deassign(), EINVAL, "taking it back twice");
	if (!open_card(argv[2], 0x20000))
		return 1;
	set_cfg16(PCI_COMMAND, cfg16(PCI_COMMAND) | PCI_COMMAND_MEMORY);
	if (ok(!assign(0), "the card with MSI-X is given to the VM")) {
		test_msix();
		test_exclusive(argv[3]);
	}
	ok(!deassign(), "and taken back");
	return failed;
}
