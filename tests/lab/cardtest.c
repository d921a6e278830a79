// SPDX-License-Identifier: GPL-2.0
/*
 * cardtest: assigned cards without a VMM, on the emulated host. The program is
 * the VM's owner: it makes a VM with one vCPU that never runs, gives it the
 * edu card, lets the card interrupt, and reads what arrived from the vCPU's
 * local APIC. Both clients of pci-assign are tried: the mediated MSI
 * capability, and the legacy ioctls that know only gsis; and the line. Then
 * the card's config space, its node, a reset, faults, forged interrupts and
 * the quarantine. Prints TAP.
 *
 *   cardtest BDF       of an edu card bound to pci-assign: 0000:00:05.0
 *   cardtest BDF hold  give the card to a VM and wait to be killed
 *   cardtest BDF storm  the same, after three accesses that are refused
 *   cardtest BDF shuffle N  N random steps of re-routing, switching and firing
 *   cardtest BDF peer  a guest reads the card's registers, until they are unmapped,
 *                      reads memory that they were mapped over, and writes what
 *                      was pinned for reading; for a card that pci-assign's
 *                      peer_dma names
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include "cardvm.h"
#include "newkvm.h"

#define CONFIG	((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)
#define STATUS	((uint64_t)BACKPLANE_REGION_STATUS << 40)
#define FAULTS	((uint64_t)BACKPLANE_REGION_FAULTS << 40)

static int node;
static volatile uint8_t *bar;

/* ---- the card --------------------------------------------------------------- */

static uint32_t cfg(unsigned int off, unsigned int len)
{
	uint32_t v = 0;

	if (pread(node, &v, len, CONFIG + off) != (ssize_t)len)
		ok(false, "a config read");
	return v;
}

static void set_cfg(unsigned int off, unsigned int len, uint32_t v)
{
	if (pwrite(node, &v, len, CONFIG + off) != (ssize_t)len)
		ok(false, "a config write");
}

static uint32_t edu(unsigned int off)
{
	return *(volatile uint32_t *)(bar + off);
}

static void set_edu(unsigned int off, uint32_t v)
{
	*(volatile uint32_t *)(bar + off) = v;
}

static void set_edu64(unsigned int off, uint64_t v)
{
	*(volatile uint64_t *)(bar + off) = v;
}

static struct backplane_status status(void)
{
	struct backplane_status s = { 0 };

	if (pread(node, &s, sizeof(s), STATUS) != sizeof(s))
		ok(false, "the status can be read");
	return s;
}

/* The real registers, by the host's own path. */
static uint32_t host_cfg(unsigned int off, unsigned int len)
{
	char path[128];
	uint32_t v = 0;
	int fd;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/0000:%02x:%02x.%x/config", bus, slot, fn);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, &v, len, off) != (ssize_t)len)
		ok(false, "sysfs gives the real config space");
	close(fd);
	return v;
}

static unsigned int find_cap(unsigned int id)
{
	unsigned int pos = cfg(PCI_CAPABILITY_LIST, 1), ttl = 48;

	while (pos && ttl-- && cfg(pos, 1) != id)
		pos = cfg(pos + 1, 1);
	return pos;
}

static bool map_bar(void)
{
	struct vfio_region_info r = { .argsz = sizeof(r), .index = 0 };

	if (ioctl(node, VFIO_DEVICE_GET_REGION_INFO, &r) ||
	    !(r.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return ok(false, "BAR 0 may be mapped");
	bar = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, node,
		   (off_t)r.offset);
	return ok(bar != MAP_FAILED && edu(0) == 0x010000ed,
		  "BAR 0 is mapped and edu's id is in it");
}

/* ---- config space -------------------------------------------------------------- */

static void test_config(void)
{
	uint32_t real_command = host_cfg(PCI_COMMAND, 2);

	ok(cfg(PCI_VENDOR_ID, 4) == 0x11e81234, "vendor and device show through");
	ok(cfg(PCI_COMMAND, 2) == 0, "the command register starts empty");
	set_cfg(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	ok(cfg(PCI_BASE_ADDRESS_0, 4) == 0xfff00000, "BAR 0 sizes as 1 MiB");
	set_cfg(PCI_BASE_ADDRESS_0, 4, 0xe0000000);
	ok(cfg(PCI_BASE_ADDRESS_0, 4) == 0xe0000000 &&
	   host_cfg(PCI_BASE_ADDRESS_0, 4) != 0xe0000000,
	   "the guest's address is the guest's, the card's stays");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ok(host_cfg(PCI_COMMAND, 2) == real_command &&
	   !(real_command & PCI_COMMAND_MASTER),
	   "without a VM no bus mastering, whatever the guest writes");
	errno = 0;
	refused(pread(node, &real_command, 4, CONFIG + 256), EINVAL,
		"a read past the end of config space");
}

/* ---- interrupts ------------------------------------------------------------------ */

static void fire(void)
{
	set_edu(EDU_RAISE, 1);
}

static void calm(void)
{
	set_edu(EDU_ACK, edu(EDU_IRQ_STATUS));
}

static void test_mediated_msi(void)
{
	unsigned int msi = find_cap(PCI_CAP_ID_MSI);
	uint64_t before = status().irqs_hard;

	if (!ok(msi, "the MSI capability is shown"))
		return;
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ok(host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_MASTER,
	   "with a VM the guest's bus mastering is real");
	set_cfg(msi + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
	set_cfg(msi + PCI_MSI_ADDRESS_HI, 4, 0);
	set_cfg(msi + PCI_MSI_DATA_64, 2, 0x61);
	ok(host_cfg(msi + PCI_MSI_DATA_64, 2) != 0x61,
	   "the guest's message does not reach the card");
	set_cfg(msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	ok(host_cfg(msi + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE,
	   "the host armed a vector of its own");
	fire();
	ok(arrives(0x61), "the card's MSI arrives as the guest's vector");
	calm();
	ok(status().irqs_hard == before + 1 && status().irqs_fallback == 0,
	   "straight from hard-irq context, once");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_MSI |
			KVM_DEV_IRQ_GUEST_MSI, 100), EEXIST,
		"a second owner of the card's MSI");

	forget_requests();
	set_cfg(msi + PCI_MSI_DATA_64, 2, 0x62);
	fire();
	ok(arrives(0x62) && !requested(0x61), "a new message takes effect at once");
	calm();
	forget_requests();
	set_cfg(msi + PCI_MSI_ADDRESS_LO, 4, 0x1000);
	fire();
	usleep(100000);
	ok(!requested(0x62), "a message to memory is no interrupt");
	calm();
	set_cfg(msi + PCI_MSI_FLAGS, 2, 0);
	ok(!(host_cfg(msi + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE),
	   "disabling takes the host's vector away");
	forget_requests();
}

static void test_legacy_msi(void)
{
	uint32_t both = KVM_DEV_IRQ_HOST_MSI | KVM_DEV_IRQ_GUEST_MSI;

	refused(dev_irq(KVM_DEASSIGN_DEV_IRQ, both, 0), ENXIO,
		"taking back what was not given");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, KVM_DEV_IRQ_HOST_INTX |
			KVM_DEV_IRQ_GUEST_MSI, 100), EINVAL,
		"a line that nobody would end");
	route_msi(100, 0x71);
	ok(!dev_irq(KVM_ASSIGN_DEV_IRQ, both, 100), "host MSI to a guest gsi");
	refused(dev_irq(KVM_ASSIGN_DEV_IRQ, both, 100), EEXIST, "the same again");
	fire();
	ok(arrives(0x71), "the card's MSI arrives by the gsi's route");
	calm();
	ok(!dev_irq(KVM_DEASSIGN_DEV_IRQ, both, 100), "and is taken back");
	fire();
	forget_requests();
	usleep(100000);
	ok(!requested(0x71), "nothing arrives any more");
	calm();
	forget_requests();
}

/* A level line: up until the guest ends it, and again while the card insists. */
static void test_line(void)
{
	uint32_t both = KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_GUEST_INTX;
	struct kvm_assigned_pci_dev d = address(KVM_DEV_ASSIGN_MASK_INTX);

	aim_pin(0x81);
	ok(!dev_irq(KVM_ASSIGN_DEV_IRQ, both, 10), "host line to guest line");
	fire();
	ok(arrives(0x81) && pin_is_up(), "the card's line raises the guest's");
	ok(host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE,
	   "while the guest handles it the card is masked, the host's line free");
	ok(!ioctl(vm, KVM_ASSIGN_SET_INTX_MASK, &d) && !pin_is_up(),
	   "masking lowers the guest's line");
	d.flags = 0;
	ok(!ioctl(vm, KVM_ASSIGN_SET_INTX_MASK, &d), "unmasking");
	usleep(100000);
	ok(pin_is_up(), "the card still insists: the line is up again");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		PCI_COMMAND_INTX_DISABLE);
	ok(!pin_is_up(), "the guest's own INTx disable lowers it, too");
	calm();
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	usleep(100000);
	ok(!pin_is_up() &&
	   !(host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE),
	   "a calm card's line stays down and open");
	ok(!dev_irq(KVM_DEASSIGN_DEV_IRQ, both, 0), "and is taken back");
	ok(host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE,
	   "a card without a guest line is masked");
	forget_requests();
}

/* ---- DMA ------------------------------------------------------------------------ */

static void dma(uint64_t src, uint64_t dst, uint64_t count, uint64_t cmd)
{
	int tries;

	set_edu64(EDU_DMA_SRC, src);
	set_edu64(EDU_DMA_DST, dst);
	set_edu64(EDU_DMA_COUNT, count);
	set_edu64(EDU_DMA_CMD, cmd | 1);
	for (tries = 0; tries < 500 && (edu(EDU_DMA_CMD) & 1); tries++)
		usleep(10000);
}

static void test_dma(void)
{
	memcpy(ram + 0x1000, "backplane", 10);
	dma(0x1000, EDU_BUFFER, 16, 0);
	dma(EDU_BUFFER, 0x2000, 16, 2);
	ok(!memcmp(ram + 0x2000, "backplane", 10),
	   "the card reads and writes the VM's memory by the VM's addresses");
}

static int event_of_node(void)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} s = { .set = { .argsz = sizeof(s), .count = 1,
			 .index = VFIO_PCI_ERR_IRQ_INDEX,
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD |
				  VFIO_IRQ_SET_ACTION_TRIGGER } };

	s.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ok(!ioctl(node, VFIO_DEVICE_SET_IRQS, &s), "an eventfd for faults");
	return s.fd;
}

/*
 * The module was loaded with storm_count=3 storm_ms=60000 for this. Four bytes
 * are one access, and so one fault.
 */
static void test_faults(void)
{
	struct backplane_fault f[8];
	struct pollfd p = { .fd = event_of_node(), .events = POLLIN };
	ssize_t got;

	dma(EDU_BUFFER, 0x40000000, 4, 2);
	if (!ok(poll(&p, 1, 3000) == 1, "a refused write is told by the eventfd"))
		return;
	got = pread(node, f, sizeof(f), FAULTS);
	ok(got >= (ssize_t)sizeof(f[0]) && f[0].addr == 0x40000000 &&
	   (f[0].flags & BACKPLANE_FAULT_WRITE) && f[0].code == 2 &&
	   f[0].devid == (bus << 8 | slot << 3 | fn),
	   "the record names address, access and card");
	ok(pread(node, f, sizeof(f), FAULTS) == 0, "and is handed out once");
	ok(status().state == BACKPLANE_STATE_ATTACHED, "one fault is no storm");
	dma(0x50000000, EDU_BUFFER, 4, 0);
	dma(EDU_BUFFER, 0x60000000, 4, 2);
	usleep(300000);
	ok(status().state == BACKPLANE_STATE_QUARANTINED,
	   "a storm quarantines the card");
	ok(!(host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_MASTER),
	   "its bus mastering is off");
	memset(ram + 0x2000, 0, 16);
	dma(EDU_BUFFER, 0x2000, 16, 2);
	ok(ram[0x2000] == 0, "even its own memory is out of its reach");
	deassign();
	refused(assign(0), EIO, "assignment while quarantined");
	ok(!ioctl(node, VFIO_DEVICE_RESET, 0) &&
	   status().state == BACKPLANE_STATE_BLOCKED,
	   "a reset is the way out of quarantine");
	ok(!assign(0) && status().state == BACKPLANE_STATE_ATTACHED,
	   "and it can be given again");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	test_dma();
}

/* A card's writes are in the log as long as it is there, and once after it has gone. */
static void test_log(void)
{
	struct kvm_userspace_memory_region slot0 = {
		.flags = KVM_MEM_LOG_DIRTY_PAGES, .memory_size = RAM_SIZE,
		.userspace_addr = (uintptr_t)ram,
	};
	uint64_t map[RAM_SIZE / 4096 / 64];
	struct kvm_dirty_log log = { .dirty_bitmap = map };

	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot0), "the VM's memory is logged");
	ok(!ioctl(vm, KVM_GET_DIRTY_LOG, &log) && map[0] == ~0ULL,
	   "all that the card may write is dirty");
	dma(EDU_BUFFER, 0x3000, 16, 2);
	ok(!deassign() && !ioctl(vm, KVM_GET_DIRTY_LOG, &log) && (map[0] >> 3 & 1),
	   "what it wrote since is in the log after it has gone");
	ok(!ioctl(vm, KVM_GET_DIRTY_LOG, &log) && !map[0], "once");
	slot0.flags = 0;
	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot0) && !assign(0),
	   "without a log the card comes back");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* ---- forged interrupts --------------------------------------------------------- */

static uint64_t unit_counter(const char *name)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/class/iommu/amdvi0/amdvi/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		ok(false, "the unit's counters can be read");
	close(fd);
	return strtoull(text, NULL, 0);
}

/* The host's own path: what a card would do that minds no command register. */
static void host_set_command(uint16_t v)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/0000:%02x:%02x.%x/config", bus, slot, fn);
	fd = open(path, O_WRONLY);
	if (fd < 0 || pwrite(fd, &v, 2, PCI_COMMAND) != 2)
		ok(false, "sysfs takes a command register");
	close(fd);
}

/* A plain DMA write of @data to the window is an interrupt like any other. */
static void forge(uint32_t data)
{
	memcpy(ram + 0x1000, &data, sizeof(data));
	dma(0x1000, EDU_BUFFER, 4, 0);
	dma(EDU_BUFFER, 0xfee00000, 4, 2);
}

/*
 * A card writes messages it was not given. Each is refused and reported, the
 * third trips the storm; then it goes on as a master whatever the command
 * register says, and the unit does not even log it. As in test_faults() three
 * faults are a storm.
 */
static void test_forgery(void)
{
	struct backplane_fault f[8];
	uint64_t events;
	ssize_t got;
	int i;

	while (pread(node, f, sizeof(f), FAULTS) > 0)
		;
	for (i = 0; i < 3; i++)
		forge(0x30 + i);
	usleep(300000);
	got = pread(node, f, sizeof(f), FAULTS);
	ok(got == 3 * (ssize_t)sizeof(f[0]) &&
	   (f[0].flags & BACKPLANE_FAULT_INTERRUPT) &&
	   f[0].addr == 0xfee00000 && f[0].code == 2 &&
	   f[0].devid == (bus << 8 | slot << 3 | fn),
	   "each forged interrupt is reported, as one, with its card");
	ok(status().state == BACKPLANE_STATE_QUARANTINED,
	   "a storm of forged interrupts quarantines the card");
	events = unit_counter("events");
	host_set_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (i = 0; i < 8; i++)
		dma(EDU_BUFFER, 0xfee00000 + i * 0x1000, 4, 2);
	dma(EDU_BUFFER, 0x2000, 16, 2);
	usleep(1500000);	/* the slow poll has looked, too */
	ok(unit_counter("events") == events,
	   "from then on the unit logs neither its interrupts nor its DMA");
	ok(!ioctl(node, VFIO_DEVICE_RESET, 0) && !deassign() && !assign(0),
	   "a reset brings it back");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	test_dma();
}

/* ---- at random ------------------------------------------------------------- */

/* arrives() for many steps: most have by the first look. */
static bool arrives_soon(unsigned int vector)
{
	int spins;

	for (spins = 0; spins < 200; spins++)
		if (requested(vector))
			return true;
	return arrives(vector);
}

/* Is @vector the only request there is? */
static bool only(unsigned int vector)
{
	struct kvm_lapic_state s;
	unsigned int v, n = 0;

	ioctl(vcpu, KVM_GET_LAPIC, &s);
	for (v = 32; v < 256; v++)
		n += *(uint32_t *)(s.regs + 0x200 + v / 32 * 16) >> v % 32 & 1;
	return n == 1 && requested(vector);
}

/*
 * Each step re-routes the card's message to a random vector, mostly switches
 * MSI off or on, and fires: what was fired while it was on arrives once, as
 * that vector; while it was off nowhere, then or later.
 */
static void test_shuffle(unsigned long steps)
{
	unsigned int msi = find_cap(PCI_CAP_ID_MSI), vector, seed = 20261128;
	unsigned long step, lost = 0, strange = 0;
	uint64_t before = status().irqs_hard, fired = 0;
	bool on = false;

	set_cfg(msi + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
	set_cfg(msi + PCI_MSI_ADDRESS_HI, 4, 0);
	for (step = 0; step < steps; step++) {
		seed = seed * 1103515245 + 12345;
		vector = 0x30 + (seed >> 16) % 0xc0;
		set_cfg(msi + PCI_MSI_DATA_64, 2, vector);
		if ((seed >> 24) % 4 == 0) {
			on = !on;
			set_cfg(msi + PCI_MSI_FLAGS, 2,
				on ? PCI_MSI_FLAGS_ENABLE : 0);
		}
		fire();
		fired += on;
		lost += on && !arrives_soon(vector);
		calm();
		strange += on ? !only(vector) : requested(vector);
		forget_requests();
	}
	set_cfg(msi + PCI_MSI_FLAGS, 2, 0);
	printf("# %lu steps, %llu fired while on, %lu lost, %lu strange, %llu delivered\n",
	       steps, (unsigned long long)fired, lost, strange,
	       (unsigned long long)(status().irqs_hard - before));
	ok(fired > steps / 4 && !lost, "no interrupt is lost in random steps");
	ok(!strange && status().irqs_hard - before == fired,
	   "none comes twice, or as another");
}

/* ---- registers that go ------------------------------------------------------------- */

#define GUEST_BAR	0x800000

/* 32-bit, flat: reads the first register and tells it, for ever. */
static const uint8_t reader[] = {
	0xa1, 0x00, 0x00, 0x80, 0x00,	/* 0:	mov eax, [800000h]	*/
	0xe7, 0x10,			/*	out 10h, eax		*/
	0xeb, 0xf7,			/*	jmp 0			*/
};

static struct kvm_run *start_reader(void)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .g = 1,
				    .db = 1 };
	struct kvm_sregs s;

	memcpy(ram + 0x1000, reader, sizeof(reader));
	ioctl(vcpu, KVM_GET_SREGS, &s);
	s.cs = s.ds = flat;
	s.cs.selector = 8;
	s.cs.type = 11;
	s.ds.selector = 16;
	s.ds.type = 3;
	s.es = s.ss = s.ds;
	s.cr0 |= 1;
	ioctl(vcpu, KVM_SET_SREGS, &s);
	ioctl(vcpu, KVM_SET_REGS, &regs);
	return mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		    PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
}

static bool reads(struct kvm_run *run, uint32_t wanted)
{
	return !ioctl(vcpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_IO &&
	       *(uint32_t *)((char *)run + run->io.data_offset) == wanted;
}

static bool reads_id(struct kvm_run *run)
{
	return reads(run, 0x010000ed);
}

static void test_peer(struct kvm_run *run)
{
	struct kvm_userspace_memory_region slot1 = {
		.slot = 1, .guest_phys_addr = GUEST_BAR, .memory_size = 1 << 20,
		.userspace_addr = (uintptr_t)bar,
	};

	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot1) && run != MAP_FAILED,
	   "the guest is given the card's registers");
	ok(reads_id(run) && reads_id(run), "it reads them");
	ok(!ioctl(node, VFIO_DEVICE_RESET, 0), "the card is reset");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ok(reads_id(run), "after that they are there again");
	munmap((void *)bar, 1 << 20);
	refused(ioctl(vcpu, KVM_RUN, 0), EFAULT, "a read after they were unmapped");
}

#define OVER	0x200000	/* in ram */

/*
 * The card keeps the page that was there before, and so does the guest: registers
 * in its place would stay the guest's after they were unmapped.
 */
static void test_mapped_over(struct kvm_run *run)
{
	struct vfio_region_info r = { .argsz = sizeof(r), .index = 0 };
	struct kvm_pre_fault_memory page = { .gpa = OVER, .size = 4096 };
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	const uint32_t at = OVER;

	memset(ram + OVER, 0x5a, 4);
	memcpy(ram + 0x1001, &at, sizeof(at));
	ioctl(vcpu, KVM_SET_REGS, &regs);
	ok(reads(run, 0x5a5a5a5a), "the guest reads memory that the card has, too");
	ioctl(node, VFIO_DEVICE_GET_REGION_INFO, &r);
	ok(mmap(ram + OVER, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, node,
		(off_t)r.offset) != MAP_FAILED, "the card's registers are mapped over it");
	ok(!ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &page), "and mapped ahead");
	ok(reads(run, 0x5a5a5a5a), "the guest reads what it read");
	munmap(ram + OVER, 4096);
	ok(reads(run, 0x5a5a5a5a), "after they were unmapped, too");
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Writes eax to what the reader reads, but at a00000h. */
static const uint8_t writer[] = { 0xa3, 0x00, 0x00, 0xa0, 0x00, 0xe7, 0x10, 0xeb, 0xf7 };

/* A card that may only read it keeps the page that it was given: so does the guest. */
static void test_pinned_for_reading(void)
{
	struct kvm_regs regs = { .rip = 0x1100, .rflags = 2 };
	struct sigaction sa = { .sa_handler = on_alarm };
	char *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	struct kvm_userspace_memory_region slot2 = {
		.slot = 2, .guest_phys_addr = 0xa00000, .memory_size = 4096,
		.userspace_addr = (uintptr_t)mem,
	};

	*mem = 7;
	mprotect(mem, 4096, PROT_READ);
	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot2),
	   "memory that its process cannot write is given to the VM");
	mprotect(mem, 4096, PROT_READ | PROT_WRITE);
	memcpy(ram + 0x1100, writer, sizeof(writer));
	ioctl(vcpu, KVM_SET_REGS, &regs);
	sigaction(SIGALRM, &sa, NULL);
	alarm(10);
	refused(ioctl(vcpu, KVM_RUN, 0), EFAULT,
		"a guest's write of it, writable only since the card has it,");
	alarm(0);
}

/* ---- the owner's own memory ---------------------------------------------------- */

/* A page whose first use waits until *@server is closed. */
static void *unserved_page(int *server)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = 4096 },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };

	*server = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	ok(*server >= 0 && !ioctl(*server, UFFDIO_API, &api) &&
	   !ioctl(*server, UFFDIO_REGISTER, &reg), "a page that nobody serves");
	return page;
}

static void *ask(void *arg)
{
	return (void *)(long)ioctl(vm, KVM_ASSIGN_SET_INTX_MASK, arg);
}

static bool ends_soon(pthread_t t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	return !pthread_timedjoin_np(t, NULL, &until);
}

/* A request whose argument does not come keeps no other from the VM. */
static void test_unserved(void)
{
	struct kvm_assigned_pci_dev d = address(0);
	pthread_t waits, other;
	int server;
	void *page = unserved_page(&server);
	bool ended;

	if (!ok(!pthread_create(&waits, NULL, ask, page), "a thread asks with it"))
		return;
	usleep(300000);
	if (!ok(!pthread_create(&other, NULL, ask, &d), "and another without"))
		return;
	ended = ok(ends_soon(other), "which is served while the first waits");
	close(server);
	if (!ended)
		pthread_join(other, NULL);
	ok(ends_soon(waits), "so is the first when its page comes");
	munmap(page, 4096);
}

/* ---- life ------------------------------------------------------------------------ */

static void test_life(void)
{
	ok(!deassign() && status().state == BACKPLANE_STATE_BLOCKED,
	   "taken back, the card is blocked");
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	ok(!(host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_MASTER), "and no bus master");
	refused(deassign(), EINVAL, "taking it back twice");
	ok(!assign(0), "it can be given again");
	ok(cfg(PCI_COMMAND, 2) == 0, "with a fresh config space");
	ok(status().vm != 0 && status().domain_id >= 2,
	   "the status names VM and domain");
	close(vcpu);
	close(vm);
	munmap(ram, RAM_SIZE);
	ok(status().state == BACKPLANE_STATE_BLOCKED && status().vm == 0,
	   "the VM's end gives the card back");
}

/* No reset makes edu lower its line. */
static void test_raised_line(const char *path)
{
	fire();
	munmap((void *)bar, 1 << 20);
	close(node);
	ok(host_cfg(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT &&
	   host_cfg(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE,
	   "closed with its line raised, the card is masked");
	node = open(path, O_RDWR);
	if (ok(node >= 0, "the node opens again") && map_bar())
		calm();
}

int main(int argc, char **argv)
{
	char path[64];

	if (argc < 2 || sscanf(argv[1], "0000:%x:%x.%x", &bus, &slot, &fn) != 3)
		return 2;
	kvm = open("/dev/kvm", O_RDWR);
	if (!make_vm())
		return 1;
	snprintf(path, sizeof(path), "/dev/backplane/%s", argv[1]);
	refused(open(path, O_RDONLY), EACCES, "opening the node for reading only");
	node = open(path, O_RDWR);
	if (!ok(node >= 0, "the node opens") || !map_bar())
		return 1;
	test_config();
	if (!ok(!assign(KVM_DEV_ASSIGN_PCI_2_3), "the card is given to the VM"))
		return 1;
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	test_dma();
	if (argc > 3 && !strcmp(argv[2], "shuffle")) {
		test_shuffle(strtoul(argv[3], NULL, 0));
		return failed;
	}
	if (argc > 2 && !strcmp(argv[2], "peer")) {
		struct kvm_run *run = start_reader();

		test_peer(run);
		test_mapped_over(run);
		test_pinned_for_reading();
		return failed;
	}
	if (argc > 2) {
		for (int i = 0; i < 3 && !strcmp(argv[2], "storm"); i++)
			dma(EDU_BUFFER, 0x40000000, 4, 2);
		puts("holding");
		fflush(stdout);
		for (;;)
			dma(EDU_BUFFER, 0x2000, 16, 2);
	}
	test_mediated_msi();
	test_legacy_msi();
	test_line();
	test_faults();
	test_forgery();
	test_log();
	test_unserved();
	test_life();
	test_raised_line(path);
	return failed;
}
