/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM that owns a card, for programs without a VMM: one vCPU that never runs,
 * whose local APIC shows which interrupts arrived; the legacy ioctls with the
 * card's address filled in; edu's registers. TAP.
 */
#ifndef BACKPLANE_TESTS_LAB_CARDVM_H
#define BACKPLANE_TESTS_LAB_CARDVM_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>
#include "pci-assign/assign_uapi.h"

#define ID	5

/* edu's registers */
#define EDU_IRQ_STATUS	0x24
#define EDU_RAISE	0x60
#define EDU_ACK		0x64
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_BUFFER	0x40000

static int failed, kvm, vm, vcpu;
static unsigned int bus, slot, fn;
static uint8_t *ram;

static bool ok(bool good, const char *what)
{
	printf("%s - %s\n", good ? "ok" : "not ok", what);
	if (!good)
		printf("# errno %d (%s)\n", errno, strerror(errno));
	fflush(stdout);
	failed |= !good;
	return good;
}

static inline bool refused(long r, int want, const char *what)
{
	bool good = r < 0 && errno == want;

	if (!good)
		printf("# got %ld, errno %d (%s)\n", r, errno, strerror(errno));
	return ok(good, what);
}

/* ---- the VM ------------------------------------------------------------------ */

#define RAM_SIZE	(4U << 20)

static bool make_vm(void)
{
	struct kvm_userspace_memory_region slot0 = { .memory_size = RAM_SIZE };
	struct kvm_lapic_state lapic;

	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	slot0.userspace_addr = (uintptr_t)ram;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) ||
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot0))
		return ok(false, "a VM with RAM and interrupt controllers");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vcpu, KVM_GET_LAPIC, &lapic))
		return ok(false, "a vCPU with a local APIC");
	*(uint32_t *)(lapic.regs + 0xf0) = 0x1ff;	/* enabled by software */
	return ok(!ioctl(vcpu, KVM_SET_LAPIC, &lapic), "a VM whose APIC accepts");
}

/* Requests waiting in the local APIC, by vector; taking empties them. */
static bool requested(unsigned int vector)
{
	struct kvm_lapic_state s;
	uint32_t *irr;

	ioctl(vcpu, KVM_GET_LAPIC, &s);
	irr = (uint32_t *)(s.regs + 0x200 + vector / 32 * 16);
	return *irr >> vector % 32 & 1;
}

static void forget_requests(void)
{
	struct kvm_lapic_state s;
	unsigned int i;

	ioctl(vcpu, KVM_GET_LAPIC, &s);
	for (i = 0; i < 8; i++)
		*(uint32_t *)(s.regs + 0x200 + i * 16) = 0;
	ioctl(vcpu, KVM_SET_LAPIC, &s);
}

static inline bool arrives(unsigned int vector)
{
	int tries;

	for (tries = 0; tries < 100 && !requested(vector); tries++)
		usleep(10000);
	return requested(vector);
}

static struct kvm_assigned_pci_dev address(uint32_t flags)
{
	return (struct kvm_assigned_pci_dev) {
		.assigned_dev_id = ID, .busnr = bus, .devfn = slot << 3 | fn,
		.flags = flags,
	};
}

static long assign(uint32_t flags)
{
	struct kvm_assigned_pci_dev d =
		address(flags | KVM_DEV_ASSIGN_ENABLE_IOMMU);

	return ioctl(vm, KVM_ASSIGN_PCI_DEVICE, &d);
}

static long deassign(void)
{
	struct kvm_assigned_pci_dev d = address(0);

	return ioctl(vm, KVM_DEASSIGN_PCI_DEVICE, &d);
}

static inline long dev_irq(unsigned long request, uint32_t flags, uint32_t gsi)
{
	struct kvm_assigned_irq i = { .assigned_dev_id = ID, .guest_irq = gsi,
				      .flags = flags };

	return ioctl(vm, request, &i);
}

/* gsi @gsi is the message for @vector; others keep their pins. */
static inline void route_msi(uint32_t gsi, unsigned int vector)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} r = { .head = { .nr = 2 }, .entry = {
		{ .gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
		  .u.msi = { .address_lo = 0xfee00000, .data = vector } },
		{ .gsi = 10, .type = KVM_IRQ_ROUTING_IRQCHIP,
		  .u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 10 } },
	} };

	ok(!ioctl(vm, KVM_SET_GSI_ROUTING, &r), "routes are set");
}

/* IOAPIC pin 10: level-triggered, to @vector of APIC 0, unmasked. */
static inline void aim_pin(unsigned int vector)
{
	struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

	ioctl(vm, KVM_GET_IRQCHIP, &c);
	c.chip.ioapic.redirtbl[10].bits = vector | 1ULL << 15;
	ok(!ioctl(vm, KVM_SET_IRQCHIP, &c), "the guest's pin 10 is aimed");
}

static inline bool pin_is_up(void)
{
	struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

	ioctl(vm, KVM_GET_IRQCHIP, &c);
	return c.chip.ioapic.irr >> 10 & 1;
}

#endif
