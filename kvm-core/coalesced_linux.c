// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced writes (KVM_REGISTER_COALESCED_MMIO, for ports too): a write into a
 * zone is put into a ring that user space reads at its next exit, so that it
 * costs none of its own. One ring per VM, mapped into each vCPU's third page
 * (KVM_CAP_COALESCED_MMIO). A full ring means the write leaves by an exit, as
 * if there were no zone: nothing is lost, the order of writes is kept.
 *
 * User space moves `first` and may write anything there: it is only ever
 * compared, after it was brought into range. Zones are bus devices; called by
 * the VM's ioctls and, as such, by the emulator.
 */
#include <linux/kvm.h>
#include <linux/slab.h>
#include "kvm-core/vcpu.h"

#define RING_SLOTS	((u32)KVM_COALESCED_MMIO_MAX)

struct coalesced_zone {
	struct list_head link;		/* vm->coalesced_zones, under vm->lock */
	struct bus_dev dev;
	struct vm *vm;
	gpa_t start;
	u32 size;
	bool pio;
};

/* Zones do not nest deeper than a VMM's devices: a bound against misuse. */
#define MAX_ZONES	256

static bool put(struct kvm_coalesced_mmio_ring *ring,
		const struct kvm_coalesced_mmio *entry)
{
	u32 last = READ_ONCE(ring->last), first = READ_ONCE(ring->first);
	u32 next = (last + 1) % RING_SLOTS;

	if (last >= RING_SLOTS || next == first % RING_SLOTS)
		return false;
	ring->coalesced_mmio[last] = *entry;
	/* User space sees the entry before it sees that there is one. */
	smp_wmb();
	WRITE_ONCE(ring->last, next);
	return true;
}

static int zone_write(struct bus_dev *dev, struct vcpu *v, gpa_t addr,
		      unsigned int len, const void *data)
{
	struct coalesced_zone *z = container_of(dev, struct coalesced_zone, dev);
	struct kvm_coalesced_mmio entry = {
		.phys_addr = addr, .len = len, .pio = z->pio,
	};
	bool stored;

	if (len > sizeof(entry.data))
		return -EOPNOTSUPP;
	memcpy(entry.data, data, len);
	spin_lock(&z->vm->coalesced_lock);
	stored = put(z->vm->coalesced_ring, &entry);
	spin_unlock(&z->vm->coalesced_lock);
	return stored ? 0 : -EOPNOTSUPP;
}

static int zone_read(struct bus_dev *dev, struct vcpu *v, gpa_t addr,
		     unsigned int len, void *data)
{
	return -EOPNOTSUPP;
}

static const struct bus_dev_ops zone_ops = {
	.read = zone_read,
	.write = zone_write,
};

static int zone_bus(bool pio)
{
	return pio ? VM_BUS_PIO : VM_BUS_MMIO;
}

int vm_coalesced_register(struct vm *vm, const struct kvm_coalesced_mmio_zone *arg)
{
	struct coalesced_zone *z;
	int err = -ENOSPC;

	if (arg->pio != 0 && arg->pio != 1)
		return -EINVAL;
	/* Size 0 would be every length at one place. */
	if (!arg->size || arg->addr + arg->size < arg->addr)
		return -EINVAL;
	z = kzalloc(sizeof(*z), GFP_KERNEL_ACCOUNT);
	if (!z)
		return -ENOMEM;
	z->dev.ops = &zone_ops;
	z->vm = vm;
	z->start = arg->addr;
	z->size = arg->size;
	z->pio = arg->pio;
	mutex_lock(&vm->lock);
	if (vm->nr_coalesced < MAX_ZONES)
		err = vm_bus_add(vm, zone_bus(z->pio), z->start, z->size, &z->dev);
	if (!err) {
		list_add_tail(&z->link, &vm->coalesced_zones);
		vm->nr_coalesced++;
	}
	mutex_unlock(&vm->lock);
	if (err)
		kfree(z);
	return err;
}

static bool covers(const struct coalesced_zone *z,
		   const struct kvm_coalesced_mmio_zone *arg)
{
	return z->pio == arg->pio && arg->addr >= z->start &&
	       arg->size <= z->size && arg->addr - z->start <= z->size - arg->size;
}

/* Every zone that holds the range given goes as a whole; none is no error. */
int vm_coalesced_unregister(struct vm *vm, const struct kvm_coalesced_mmio_zone *arg)
{
	struct coalesced_zone *z, *next;

	if (arg->pio != 0 && arg->pio != 1)
		return -EINVAL;
	mutex_lock(&vm->lock);
	list_for_each_entry_safe(z, next, &vm->coalesced_zones, link) {
		if (!covers(z, arg))
			continue;
		vm_bus_del(vm, zone_bus(z->pio), &z->dev);
		list_del(&z->link);
		vm->nr_coalesced--;
		kfree(z);
	}
	mutex_unlock(&vm->lock);
	return 0;
}

int vm_coalesced_init(struct vm *vm)
{
	INIT_LIST_HEAD(&vm->coalesced_zones);
	spin_lock_init(&vm->coalesced_lock);
	vm->coalesced_ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vm->coalesced_ring ? 0 : -ENOMEM;
}

/* No vCPU runs, the buses are about to go. */
void vm_coalesced_destroy(struct vm *vm)
{
	struct coalesced_zone *z, *next;

	list_for_each_entry_safe(z, next, &vm->coalesced_zones, link)
		kfree(z);
	free_page((unsigned long)vm->coalesced_ring);
}
