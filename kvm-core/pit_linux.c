// SPDX-License-Identifier: GPL-2.0
/*
 * The interval timer on Linux: ports and a high-resolution timer around vpit,
 * ticking into gsi 0 straight from the timer's interrupt. Ticks that found
 * their predecessor still pending are owed and paid one by one as the guest
 * ends its interrupts, unless KVM_REINJECT_CONTROL says otherwise.
 *
 * The lock covers the model; the timer's callback does not take it, so it may be
 * held while the timer is stopped. The callback reads only `armed', a copy that
 * changes meanwhile.
 *
 * Known limit: a guest's channel 0 period below PIT_MIN_PERIOD ticks at that
 * period instead, and is not owed the difference.
 */
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include "kvm-core/irq_private.h"
#include "kvm-core/vpit.h"

#define PIT_MIN_PERIOD	200000		/* ns */
#define PIT_PORT	0x40
#define SPEAKER_PORT	0x61

struct pit {
	struct vm *vm;
	spinlock_t lock;
	struct vpit model;
	struct bus_dev dev, speaker;
	struct irq_ack_notifier ack;
	struct hrtimer timer;
	struct vpit armed;
	u64 last;		/* the callback's: ticks are counted from here */
	atomic_t owed;
	bool reinject;
};

/* ---- ticks --------------------------------------------------------------------------- */

static int pulse(struct pit *p)
{
	int r = vm_irq_set(p->vm, IRQ_SOURCE_PIT, 0, 1);

	vm_irq_set(p->vm, IRQ_SOURCE_PIT, 0, 0);
	return r;
}

static void owe(struct pit *p, u64 ticks)
{
	u64 room = VPIT_MAX_OWED - min(atomic_read(&p->owed), VPIT_MAX_OWED);

	atomic_add(min(ticks, room), &p->owed);
}

static enum hrtimer_restart pit_tick(struct hrtimer *t)
{
	struct pit *p = container_of(t, struct pit, timer);
	u64 period = vpit_irq_period(&p->armed), now = ktime_get_ns(), next;
	bool too_fast = period && period < PIT_MIN_PERIOD;
	u64 ticks = max_t(u64, 1, vpit_irq_ticks(&p->armed, p->last, now));
	int sent = pulse(p);

	p->last = now;
	if (READ_ONCE(p->reinject) && !too_fast)
		owe(p, vpit_owed(ticks, sent));
	next = vpit_irq_next(&p->armed, now + (too_fast ? PIT_MIN_PERIOD : 0));
	if (next > KTIME_MAX)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(t, ns_to_ktime(next));
	return HRTIMER_RESTART;
}

/*
 * The guest ended gsi 0's interrupt: pay one tick if any is owed. One that
 * meets a masked line is paid: the PIC keeps it for the unmasking, and a guest
 * that masks before each EOI would otherwise be owed it again for ever.
 */
static void pit_acked(struct irq_ack_notifier *n)
{
	struct pit *p = container_of(n, struct pit, ack);

	if (!atomic_read(&p->owed) || atomic_dec_if_positive(&p->owed) < 0)
		return;
	owe(p, vpit_owed(1, pulse(p)));
}

static void pit_arm(struct pit *p, u64 now)
{
	u64 next;

	hrtimer_cancel(&p->timer);
	atomic_set(&p->owed, 0);
	p->armed = p->model;
	p->last = now;
	next = vpit_irq_next(&p->armed, now);
	if (next <= KTIME_MAX)
		hrtimer_start(&p->timer, ns_to_ktime(next), HRTIMER_MODE_ABS_HARD);
}

/* ---- ports: a byte wide, a wider access is one to each --------------------------------- */

static int pit_read(struct bus_dev *dev, struct vcpu *v, gpa_t port,
		    unsigned int len, void *data)
{
	struct pit *p = container_of(dev, struct pit, dev);
	u8 *bytes = data;
	unsigned int i;

	spin_lock(&p->lock);
	for (i = 0; i < len; i++)
		if (!vpit_try_read(&p->model, port + i, &bytes[i]))
			bytes[i] = vpit_read(&p->model, port + i, ktime_get_ns());
	spin_unlock(&p->lock);
	return 0;
}

static int pit_write(struct bus_dev *dev, struct vcpu *v, gpa_t port,
		     unsigned int len, const void *data)
{
	struct pit *p = container_of(dev, struct pit, dev);
	const u8 *bytes = data;
	unsigned int i;
	u64 now;

	spin_lock(&p->lock);
	for (i = 0; i < len; i++) {
		now = ktime_get_ns();
		if (vpit_write(&p->model, port + i, bytes[i], now))
			pit_arm(p, now);
	}
	spin_unlock(&p->lock);
	return 0;
}

static const struct bus_dev_ops pit_ops = {
	.read = pit_read,
	.write = pit_write,
};

static int speaker_read(struct bus_dev *dev, struct vcpu *v, gpa_t port,
			unsigned int len, void *data)
{
	struct pit *p = container_of(dev, struct pit, speaker);

	spin_lock(&p->lock);
	*(u8 *)data = vpit_read_61(&p->model, ktime_get_ns());
	spin_unlock(&p->lock);
	return 0;
}

static int speaker_write(struct bus_dev *dev, struct vcpu *v, gpa_t port,
			 unsigned int len, const void *data)
{
	struct pit *p = container_of(dev, struct pit, speaker);

	spin_lock(&p->lock);
	vpit_write_61(&p->model, *(const u8 *)data, ktime_get_ns());
	spin_unlock(&p->lock);
	return 0;
}

static const struct bus_dev_ops speaker_ops = {
	.read = speaker_read,
	.write = speaker_write,
};

/* ---- the ioctls -------------------------------------------------------------------------- */

static int pit_add_ports(struct pit *p, bool speaker)
{
	int err = vm_bus_add(p->vm, VM_BUS_PIO, PIT_PORT, 4, &p->dev);

	if (err || !speaker)
		return err;
	err = vm_bus_add(p->vm, VM_BUS_PIO, SPEAKER_PORT, 1, &p->speaker);
	if (err)
		vm_bus_del(p->vm, VM_BUS_PIO, &p->dev);
	return err;
}

static struct pit *pit_alloc(struct vm *vm)
{
	struct pit *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return NULL;
	p->vm = vm;
	p->reinject = true;
	p->dev.ops = &pit_ops;
	p->speaker.ops = &speaker_ops;
	p->ack.gsi = 0;
	p->ack.acked = pit_acked;
	spin_lock_init(&p->lock);
	hrtimer_init(&p->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	p->timer.function = pit_tick;
	vpit_reset(&p->model, ktime_get_ns());
	p->armed = p->model;
	return p;
}

int vm_irq_create_pit(struct vm *vm, const struct kvm_pit_config *cfg)
{
	struct vm_irq *q = vm->irq;
	struct pit *p;
	int err;

	if (cfg->flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	p = pit_alloc(vm);
	if (!p)
		return -ENOMEM;
	mutex_lock(&q->setup_mutex);
	/* The chips may come later: until then it ticks into nothing. */
	err = q->pit ? -EEXIST : 0;
	if (!err)
		err = pit_add_ports(p, cfg->flags & KVM_PIT_SPEAKER_DUMMY);
	if (!err) {
		vm_irq_add_ack(vm, &p->ack);
		/* Whoever sees the pointer sees the timer behind it. */
		smp_store_release(&q->pit, p);
	}
	mutex_unlock(&q->setup_mutex);
	if (!err)
		return 0;
	/* Its ports may have been there for a while: a guest may have set it going. */
	hrtimer_cancel(&p->timer);
	kfree(p);
	return err;
}

static struct pit *pit_of(struct vm *vm)
{
	/* Pairs with the release in vm_irq_create_pit(). */
	return smp_load_acquire(&vm->irq->pit);
}

int vm_irq_get_pit(struct vm *vm, struct kvm_pit_state2 *ps)
{
	struct pit *p = pit_of(vm);

	if (!p)
		return -ENXIO;
	spin_lock(&p->lock);
	vpit_get_state(&p->model, ps);
	spin_unlock(&p->lock);
	return 0;
}

int vm_irq_set_pit(struct vm *vm, const struct kvm_pit_state2 *ps)
{
	struct pit *p = pit_of(vm);
	u64 now;

	if (!p)
		return -ENXIO;
	spin_lock(&p->lock);
	now = ktime_get_ns();
	vpit_set_state(&p->model, ps, now);
	pit_arm(p, now);
	spin_unlock(&p->lock);
	return 0;
}

int vm_irq_reinject(struct vm *vm, const struct kvm_reinject_control *ctl)
{
	struct pit *p = pit_of(vm);

	if (!p)
		return -ENXIO;
	WRITE_ONCE(p->reinject, !!ctl->pit_reinject);
	atomic_set(&p->owed, 0);
	return 0;
}

/* ---- the VM's end ---------------------------------------------------------------------- */

/* Nobody runs any more, nor arms it again. */
void pit_stop(struct vm_irq *q)
{
	if (q->pit)
		hrtimer_cancel(&q->pit->timer);
}

/* The ports go with the VM's buses. */
void pit_free(struct vm_irq *q)
{
	kfree(q->pit);
	q->pit = NULL;
}
