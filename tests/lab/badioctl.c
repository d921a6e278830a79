// SPDX-License-Identifier: GPL-2.0
/*
 * badioctl: unknown and malformed requests to /dev/kvm, to a VM, to a vCPU and
 * to a card's node, each with the errno that is documented for it. Runs on the
 * emulated host with our modules loaded and a card bound to pci-assign.
 * Prints TAP.
 *
 *   badioctl BDF       0000:00:04.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include "pci-assign/assign_uapi.h"

static int failed;

/* One point: @result (of a system call) must be -1 with errno @want or @also. */
static void refuse(const char *what, long result, int want, int also)
{
	int got = result < 0 ? errno : 0;

	if (got && (got == want || got == also)) {
		printf("ok - %s: %s\n", what, strerror(got));
		return;
	}
	failed = 1;
	printf("not ok - %s: got %s, wanted %s\n", what,
	       got ? strerror(got) : "success", strerror(want));
}

/* One point: what must work, so that the refusals around it mean something. */
static int works(const char *what, long result)
{
	if (result >= 0) {
		printf("ok - %s\n", what);
		return 1;
	}
	failed = 1;
	printf("not ok - %s: %s\n", what, strerror(errno));
	return 0;
}

static void unknown_numbers(int kvm, int vm, int vcpu)
{
	refuse("unknown request to /dev/kvm",
	       ioctl(kvm, _IO(KVMIO, 0xfe), 0), ENOTTY, EINVAL);
	refuse("unknown request to a VM",
	       ioctl(vm, _IO(KVMIO, 0xfe), 0), ENOTTY, EINVAL);
	refuse("unknown request to a vCPU",
	       ioctl(vcpu, _IO(KVMIO, 0xfe), 0), ENOTTY, EINVAL);
	refuse("another subsystem's request to a VM",
	       ioctl(vm, VFIO_DEVICE_RESET), ENOTTY, EINVAL);
}

static void slots(int vm)
{
	void *ram = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct kvm_userspace_memory_region good = {
		.slot = 0, .guest_phys_addr = 0, .memory_size = 1 << 20,
		.userspace_addr = (uintptr_t)ram,
	};
	struct kvm_userspace_memory_region r;

	works("a good memory slot", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &good));
	r = good; r.slot = 1; r.guest_phys_addr = 1 << 20; r.memory_size = 0x1234;
	refuse("memory slot of odd size",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EINVAL, 0);
	r = good; r.slot = 1; r.guest_phys_addr = 0x123;
	refuse("memory slot at an odd address",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EINVAL, 0);
	r = good; r.slot = 1; r.guest_phys_addr = 0x80000;
	refuse("memory slot over another",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EEXIST, EINVAL);
	r = good; r.slot = 0xffff;
	refuse("memory slot number out of range",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EINVAL, 0);
	r = good; r.slot = 1; r.guest_phys_addr = 1 << 20; r.flags = ~0U;
	refuse("memory slot with unknown flags",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EINVAL, 0);
	r = good; r.slot = 1; r.guest_phys_addr = 1 << 20;
	r.userspace_addr = 0xffff800000000000ULL;
	refuse("memory slot of kernel memory",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EINVAL, EFAULT);
	r = good; r.slot = 1; r.guest_phys_addr = -(1ULL << 12);
	refuse("memory slot that wraps around",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r), EINVAL, 0);
	refuse("memory slot at a bad pointer",
	       ioctl(vm, KVM_SET_USER_MEMORY_REGION, (void *)16), EFAULT, 0);
}

static void vcpus(int kvm, int vm, int vcpu)
{
	struct kvm_sregs *sregs = calloc(1, sizeof(*sregs));

	refuse("a second vCPU of the same id",
	       ioctl(vm, KVM_CREATE_VCPU, 0), EEXIST, 0);
	refuse("a vCPU id out of range",
	       ioctl(vm, KVM_CREATE_VCPU, 1 << 20), EINVAL, 0);
	refuse("a VM of unknown type",
	       ioctl(kvm, KVM_CREATE_VM, 0xffff), EINVAL, 0);
	refuse("registers at a bad pointer",
	       ioctl(vcpu, KVM_SET_REGS, (void *)16), EFAULT, 0);
	if (works("reading the special registers",
		  ioctl(vcpu, KVM_GET_SREGS, sregs))) {
		sregs->cr4 = ~0ULL;
		refuse("CR4 with reserved bits",
		       ioctl(vcpu, KVM_SET_SREGS, sregs), EINVAL, 0);
		sregs->cr4 = 0;
		sregs->cr0 |= 1ULL << 31;	/* paging */
		sregs->cr0 &= ~1ULL;		/* without protection */
		refuse("CR0 with paging and no protection",
		       ioctl(vcpu, KVM_SET_SREGS, sregs), EINVAL, 0);
	}
	free(sregs);
}

static void assignment(int vm, unsigned int bus, unsigned int devfn)
{
	struct kvm_assigned_pci_dev dev = { .assigned_dev_id = 7, .busnr = bus,
		.devfn = devfn, .flags = KVM_DEV_ASSIGN_ENABLE_IOMMU };
	struct kvm_assigned_irq irq = { .assigned_dev_id = 7, .guest_irq = 10,
		.flags = KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_GUEST_INTX };
	struct kvm_assigned_msix_nr nr = { .assigned_dev_id = 7, .entry_nr = 1 };
	struct kvm_assigned_msix_entry entry = { .assigned_dev_id = 7, .gsi = 1 };

	if (setresuid(-1, 65534, 0))
		works("becoming nobody", -1);
	refuse("assignment without its node, nor permission in sysfs",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &dev), EPERM, 0);
	if (setresuid(-1, 0, 0))
		works("becoming root again", -1);
	dev.flags = 0;
	refuse("assignment without the IOMMU flag (dma=none)",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &dev), EINVAL, 0);
	dev.flags = KVM_DEV_ASSIGN_ENABLE_IOMMU | (1U << 31);
	refuse("assignment with unknown flags",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &dev), EINVAL, EPERM);
	refuse("assignment at a bad pointer",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, (void *)16), EFAULT, 0);
	refuse("taking back a card that was not given",
	       ioctl(vm, KVM_DEASSIGN_PCI_DEVICE, &dev), EINVAL, 0);
	refuse("an interrupt for a card that was not given",
	       ioctl(vm, KVM_ASSIGN_DEV_IRQ, &irq), ENODEV, EINVAL);
	refuse("taking back an interrupt that was not given",
	       ioctl(vm, KVM_DEASSIGN_DEV_IRQ, &irq), ENODEV, EINVAL);
	refuse("MSI-X count for a card that was not given",
	       ioctl(vm, KVM_ASSIGN_SET_MSIX_NR, &nr), EINVAL, 0);
	refuse("MSI-X entry for a card that was not given",
	       ioctl(vm, KVM_ASSIGN_SET_MSIX_ENTRY, &entry), EINVAL, 0);
	refuse("INTx mask for a card that was not given",
	       ioctl(vm, KVM_ASSIGN_SET_INTX_MASK, &dev), ENODEV, 0);
}

static void given_card(int vm, unsigned int bus, unsigned int devfn)
{
	struct kvm_assigned_pci_dev dev = { .assigned_dev_id = 7, .busnr = bus,
		.devfn = devfn, .flags = KVM_DEV_ASSIGN_ENABLE_IOMMU };
	struct kvm_assigned_pci_dev other = dev;
	struct kvm_assigned_msix_nr nr = { .assigned_dev_id = 7 };
	struct kvm_assigned_irq irq = { .assigned_dev_id = 7,
		.flags = KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_HOST_MSI |
			 KVM_DEV_IRQ_GUEST_INTX };

	other.devfn = 0xff;
	refuse("assignment of a card that is not there",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &other), EINVAL, ENODEV);
	if (!works("the card can be given",
		   ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &dev)))
		return;
	refuse("the same assignment id again",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &dev), EEXIST, 0);
	other = dev;
	other.assigned_dev_id = 8;
	refuse("the same card again under another id",
	       ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &other), EBUSY, EEXIST);
	refuse("MSI-X count of zero",
	       ioctl(vm, KVM_ASSIGN_SET_MSIX_NR, &nr), EINVAL, 0);
	nr.entry_nr = KVM_MAX_MSIX_PER_DEV + 1;
	refuse("MSI-X count over the limit",
	       ioctl(vm, KVM_ASSIGN_SET_MSIX_NR, &nr), EINVAL, 0);
	refuse("two kinds of host interrupt at once",
	       ioctl(vm, KVM_ASSIGN_DEV_IRQ, &irq), EINVAL, 0);
	works("the card can be taken back",
	      ioctl(vm, KVM_DEASSIGN_PCI_DEVICE, &dev));
}

static void node_requests(int node, const char *path)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	struct vfio_device_info info = { .argsz = 4 };
	char byte[64];

	refuse("opening the node a second time", open(path, O_RDWR), EBUSY, 0);
	refuse("device info with too small a structure",
	       ioctl(node, VFIO_DEVICE_GET_INFO, &info), EINVAL, 0);
	region.index = 1000;
	refuse("info of a region that is not there",
	       ioctl(node, VFIO_DEVICE_GET_REGION_INFO, &region), EINVAL, 0);
	refuse("unknown request to the node",
	       ioctl(node, _IO(';', 250), 0), ENOTTY, EINVAL);
	region.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (!works("info of the configuration space",
		   ioctl(node, VFIO_DEVICE_GET_REGION_INFO, &region)))
		return;
	refuse("mmap of the configuration space",
	       mmap(NULL, 4096, PROT_READ, MAP_SHARED, node, region.offset) ==
		       MAP_FAILED ? -1 : 0, EINVAL, ENODEV);
	refuse("reading past the configuration space",
	       pread(node, byte, 4, region.offset + region.size), EINVAL, ENXIO);
	refuse("reading at an offset of no region",
	       pread(node, byte, 4, 1000ULL << 40), EINVAL, 0);
}

int main(int argc, char **argv)
{
	unsigned int segment, bus, slot, function, devfn;
	int kvm, vm, vcpu, node;
	char path[64];

	if (argc != 2 || sscanf(argv[1], "%x:%x:%x.%x", &segment, &bus, &slot,
				&function) != 4) {
		fprintf(stderr, "usage: badioctl 0000:00:04.0\n");
		return 2;
	}
	devfn = slot << 3 | function;
	kvm = open("/dev/kvm", O_RDWR);
	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0)) {
		perror("badioctl: /dev/kvm");
		return 2;
	}
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0) {
		perror("badioctl: KVM_CREATE_VCPU");
		return 2;
	}
	unknown_numbers(kvm, vm, vcpu);
	slots(vm);
	vcpus(kvm, vm, vcpu);
	assignment(vm, bus, devfn);
	snprintf(path, sizeof(path), "/dev/backplane/%s", argv[1]);
	node = open(path, O_RDWR);
	if (!works("the card's node opens", node))
		return 1;
	node_requests(node, path);
	given_card(vm, bus, devfn);
	return failed;
}
