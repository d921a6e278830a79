// SPDX-License-Identifier: GPL-2.0
/*
 * The two chips of a PC's interrupt fabric on Linux: PIC and IOAPIC behind
 * their ports and their page, with q->lock around the models. Lines come from
 * irq_linux.c's routes; messages and acks go back to it; the PIC's output
 * wakes the vCPUs whose LINT0 listens.
 */
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include "kvm-core/irq_private.h"

/* ---- PIC --------------------------------------------------------------------------- */

/* The wire to LINT0 went high: wake whoever listens to it. */
static void pic_wake(struct vm_irq *q)
{
	const struct irq_map *map;
	unsigned int i;

	rcu_read_lock();
	map = rcu_dereference(q->map);
	for (i = 0; map && i < VDEST_SLOTS; i++)
		if (map->vcpu[i] && vlapic_accepts_pic(map->vcpu[i]->vlapic))
			vcpu_request(map->vcpu[i], VCPU_REQ_EVENT);
	rcu_read_unlock();
}

int irq_pic_line(struct vm_irq *q, unsigned int line, int source, bool level)
{
	unsigned long flags;
	bool was, now;
	int r;

	spin_lock_irqsave(&q->lock, flags);
	was = vpic_output(&q->pic);
	r = vpic_set(&q->pic, line, source, level);
	now = vpic_output(&q->pic);
	spin_unlock_irqrestore(&q->lock, flags);
	if (now && !was)
		pic_wake(q);
	return r;
}

int irq_pic_peek(struct vm_irq *q)
{
	unsigned long flags;
	int vector;

	spin_lock_irqsave(&q->lock, flags);
	vector = vpic_peek(&q->pic);
	spin_unlock_irqrestore(&q->lock, flags);
	return vector;
}

int irq_pic_ack(struct vm_irq *q)
{
	unsigned long flags;
	int vector;
	u32 acked;

	spin_lock_irqsave(&q->lock, flags);
	vector = vpic_intack(&q->pic);
	acked = vpic_take_acked(&q->pic);
	spin_unlock_irqrestore(&q->lock, flags);
	if (unlikely(acked))
		irq_notify_acks(q, VROUTE_PIC, acked);
	return vector;
}

/* Ports are a byte wide: a wider access is one access to each. */
static int pic_read(struct bus_dev *dev, struct vcpu *v, gpa_t port,
		    unsigned int len, void *data)
{
	struct vm_irq *q = container_of(dev, struct vm_irq, pic_dev);
	unsigned long flags;
	unsigned int i;
	u32 acked;

	if (likely(len == 1 && vpic_look(&q->pic, port, data)))
		return 0;
	spin_lock_irqsave(&q->lock, flags);
	for (i = 0; i < len; i++)
		((u8 *)data)[i] = vpic_read(&q->pic, port + i);
	acked = vpic_take_acked(&q->pic);
	spin_unlock_irqrestore(&q->lock, flags);
	if (unlikely(acked))
		irq_notify_acks(q, VROUTE_PIC, acked);
	return 0;
}

static int pic_write(struct bus_dev *dev, struct vcpu *v, gpa_t port,
		     unsigned int len, const void *data)
{
	struct vm_irq *q = container_of(dev, struct vm_irq, pic_dev);
	unsigned long flags;
	unsigned int i;
	bool was, now;
	u32 acked;

	spin_lock_irqsave(&q->lock, flags);
	was = vpic_output(&q->pic);
	for (i = 0; i < len; i++)
		vpic_write(&q->pic, port + i, ((const u8 *)data)[i]);
	now = vpic_output(&q->pic);
	acked = vpic_take_acked(&q->pic);
	spin_unlock_irqrestore(&q->lock, flags);
	if (now && !was)
		pic_wake(q);
	if (unlikely(acked))
		irq_notify_acks(q, VROUTE_PIC, acked);
	return 0;
}

static const struct bus_dev_ops pic_ops = {
	.read = pic_read,
	.write = pic_write,
};

/* ---- IOAPIC -------------------------------------------------------------------------- */

static int chip_send(void *ctx, const struct vchip_msg *m)
{
	return irq_deliver(ctx, m, -1);
}

static struct vchip_out chip_out(struct vm_irq *q)
{
	return (struct vchip_out) { .send = chip_send, .ctx = q };
}

int irq_ioapic_line(struct vm_irq *q, unsigned int pin, int source, bool level)
{
	struct vchip_out out = chip_out(q);
	unsigned long flags;
	int r;

	spin_lock_irqsave(&q->lock, flags);
	r = vioapic_set(&q->ioapic, &out, pin, source, level);
	spin_unlock_irqrestore(&q->lock, flags);
	return r;
}

static int ioapic_read(struct bus_dev *dev, struct vcpu *v, gpa_t addr,
		       unsigned int len, void *data)
{
	struct vm_irq *q = container_of(dev, struct vm_irq, ioapic_dev);
	unsigned long flags;
	u32 val;

	spin_lock_irqsave(&q->lock, flags);
	val = vioapic_read(&q->ioapic, addr - VIOAPIC_DEFAULT_BASE);
	spin_unlock_irqrestore(&q->lock, flags);
	memset(data, 0, len);
	memcpy(data, &val, min_t(unsigned int, len, sizeof(val)));
	return 0;
}

static int ioapic_write(struct bus_dev *dev, struct vcpu *v, gpa_t addr,
			unsigned int len, const void *data)
{
	struct vm_irq *q = container_of(dev, struct vm_irq, ioapic_dev);
	struct vchip_out out = chip_out(q);
	unsigned long flags;
	u32 val = 0;

	memcpy(&val, data, min_t(unsigned int, len, sizeof(val)));
	spin_lock_irqsave(&q->lock, flags);
	vioapic_write(&q->ioapic, &out, addr - VIOAPIC_DEFAULT_BASE, val);
	spin_unlock_irqrestore(&q->lock, flags);
	return 0;
}

static const struct bus_dev_ops ioapic_ops = {
	.read = ioapic_read,
	.write = ioapic_write,
};

void irq_retry(struct vm_irq *q)
{
	struct vchip_out out = chip_out(q);
	unsigned long flags;

	if (q->mode != IRQCHIP_KERNEL)
		return;
	spin_lock_irqsave(&q->lock, flags);
	vioapic_retry(&q->ioapic, &out);
	spin_unlock_irqrestore(&q->lock, flags);
}

/* First those who listen, so that a line they lower is low when we look. */
void irq_ioapic_end(struct vm_irq *q, u8 vector, bool level)
{
	struct vchip_out out = chip_out(q);
	unsigned long flags;
	u32 pins;

	if (!vioapic_has_vector(&q->ioapic, vector) ||
	    (!level && list_empty(&q->acks)))
		return;
	spin_lock_irqsave(&q->lock, flags);
	pins = vioapic_eoi_pins(&q->ioapic, vector);
	spin_unlock_irqrestore(&q->lock, flags);
	irq_notify_acks(q, VROUTE_IOAPIC, pins);
	if (!level)
		return;
	spin_lock_irqsave(&q->lock, flags);
	if (unlikely(vioapic_eoi(&q->ioapic, &out, vector)))
		hrtimer_start(&q->ioapic_pause, ns_to_ktime(VIOAPIC_PAUSE_NS),
			      HRTIMER_MODE_REL_HARD);
	spin_unlock_irqrestore(&q->lock, flags);
}

static enum hrtimer_restart pause_ends(struct hrtimer *t)
{
	struct vm_irq *q = container_of(t, struct vm_irq, ioapic_pause);
	struct vchip_out out = chip_out(q);
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	vioapic_resume(&q->ioapic, &out);
	spin_unlock_irqrestore(&q->lock, flags);
	return HRTIMER_NORESTART;
}

void irq_chips_init(struct vm_irq *q)
{
	hrtimer_init(&q->ioapic_pause, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	q->ioapic_pause.function = pause_ends;
}

void irq_chips_stop(struct vm_irq *q)
{
	hrtimer_cancel(&q->ioapic_pause);
}

/* ---- chips: create, save, restore ------------------------------------------------------ */

static const struct {
	int bus;
	gpa_t start;
	u64 size;
	bool ioapic;
} chip_ranges[] = {
	{ VM_BUS_PIO, 0x20, 2, false },
	{ VM_BUS_PIO, 0xa0, 2, false },
	{ VM_BUS_PIO, 0x4d0, 2, false },
	{ VM_BUS_MMIO, VIOAPIC_DEFAULT_BASE, VIOAPIC_SIZE, true },
};

static int add_ranges(struct vm_irq *q)
{
	unsigned int i;
	int err = 0;

	q->pic_dev.ops = &pic_ops;
	q->ioapic_dev.ops = &ioapic_ops;
	for (i = 0; i < ARRAY_SIZE(chip_ranges) && !err; i++)
		err = vm_bus_add(q->vm, chip_ranges[i].bus, chip_ranges[i].start,
				 chip_ranges[i].size, chip_ranges[i].ioapic ?
				 &q->ioapic_dev : &q->pic_dev);
	if (!err)
		return 0;
	vm_bus_del(q->vm, VM_BUS_PIO, &q->pic_dev);
	vm_bus_del(q->vm, VM_BUS_MMIO, &q->ioapic_dev);
	return err;
}

static int create_chips(struct vm_irq *q)
{
	struct kvm_irq_routing_entry *e;
	int err;

	e = kcalloc(VROUTE_PC_ENTRIES, sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	vpic_reset(&q->pic);
	vioapic_reset(&q->ioapic);
	vroute_pc_entries(e);
	q->mode = IRQCHIP_KERNEL;
	err = irq_routes_set(q, e, VROUTE_PC_ENTRIES);
	if (!err)
		err = add_ranges(q);
	if (err)
		q->mode = IRQCHIP_NONE;
	kfree(e);
	return err;
}

int vm_irq_create_chip(struct vm *vm)
{
	struct vm_irq *q = vm->irq;
	int err;

	mutex_lock(&q->mutex);
	if (q->mode != IRQCHIP_NONE)
		err = -EEXIST;
	else if (atomic_read(&vm->nr_vcpus))
		err = -EINVAL;
	else
		err = create_chips(q);
	mutex_unlock(&q->mutex);
	return err;
}

int vm_irq_get_chip(struct vm *vm, struct kvm_irqchip *chip)
{
	struct vm_irq *q = vm->irq;
	u32 id = chip->chip_id;
	unsigned long flags;

	if (q->mode != IRQCHIP_KERNEL)
		return -ENXIO;
	if (id > KVM_IRQCHIP_IOAPIC)
		return -EINVAL;
	memset(&chip->chip, 0, sizeof(chip->chip));
	spin_lock_irqsave(&q->lock, flags);
	if (id == KVM_IRQCHIP_IOAPIC)
		vioapic_get_state(&q->ioapic, &chip->chip.ioapic);
	else
		vpic_get_state(&q->pic, id, &chip->chip.pic);
	spin_unlock_irqrestore(&q->lock, flags);
	return 0;
}

int vm_irq_set_chip(struct vm *vm, const struct kvm_irqchip *chip)
{
	struct vm_irq *q = vm->irq;
	struct vchip_out out = chip_out(q);
	u32 id = chip->chip_id;
	unsigned long flags;
	bool output;

	if (q->mode != IRQCHIP_KERNEL)
		return -ENXIO;
	if (id > KVM_IRQCHIP_IOAPIC)
		return -EINVAL;
	spin_lock_irqsave(&q->lock, flags);
	if (id == KVM_IRQCHIP_IOAPIC)
		vioapic_set_state(&q->ioapic, &out, &chip->chip.ioapic);
	else
		vpic_set_state(&q->pic, id, &chip->chip.pic);
	output = vpic_output(&q->pic);
	spin_unlock_irqrestore(&q->lock, flags);
	if (output)
		pic_wake(q);
	return 0;
}
