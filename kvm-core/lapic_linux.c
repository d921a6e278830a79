// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's local APIC on Linux: it brings the guest's accesses to vlapic and
 * carries out what they ask for: send an IPI, end an interrupt, arm the timer,
 * make the destination map anew. All in the vCPU's own thread; the timer's
 * callback only leaves a request. Without an in-kernel local APIC the base MSR
 * and CR8 are plain storage, and interrupts come by KVM_INTERRUPT.
 */
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <asm/tsc.h>
#include "kvm-core/irq_private.h"
#include "kvm-core/pv.h"
#include "kvm-core/vcpu.h"

/* ---- time -------------------------------------------------------------------------- */

static struct vlapic_time time_now(struct vcpu *v)
{
	return (struct vlapic_time) {
		.ns = ktime_get_ns(),
		.tsc = vcpu_read_tsc(v),
		.tsc_khz = vcpu_tsc_rate(v),
	};
}

static enum hrtimer_restart timer_expired(struct hrtimer *t)
{
	vcpu_request(container_of(t, struct vcpu, lapic_timer), VCPU_REQ_TIMER);
	return HRTIMER_NORESTART;
}

static void timer_arm(struct vcpu *v, const struct vlapic_time *now)
{
	u64 due = vlapic_timer_due(v->vlapic, now);

	if (due > KTIME_MAX)
		hrtimer_cancel(&v->lapic_timer);
	else
		hrtimer_start(&v->lapic_timer, ns_to_ktime(due),
			      HRTIMER_MODE_ABS_PINNED_HARD);
}

void vcpu_irq_timer_poll(struct vcpu *v)
{
	struct vlapic_effect e = { };
	struct vlapic_time now;

	if (!v->vlapic)
		return;
	now = time_now(v);
	vlapic_timer_settle(v->vlapic, &now, &e);
	timer_arm(v, &now);
}

void vcpu_irq_migrate_timer(struct vcpu *v)
{
	if (v->vlapic && hrtimer_cancel(&v->lapic_timer))
		hrtimer_start_expires(&v->lapic_timer, HRTIMER_MODE_ABS_PINNED_HARD);
}

/* ---- effects ------------------------------------------------------------------------- */

static void map_changed(struct vcpu *v)
{
	irq_map_rebuild(v->vm->irq);
	irq_retry(v->vm->irq);
}

/* DO_EVENT needs nothing: the run loop asks again before each entry. */
static void apply(struct vcpu *v, const struct vlapic_effect *e)
{
	struct vlapic_time now;

	if (e->asks & VLAPIC_DO_EOI)
		irq_end(v, e->vector, e->level);
	if (e->asks & VLAPIC_DO_IPI)
		irq_deliver(v->vm->irq, &e->ipi, v->vlapic->slot);
	if (e->asks & VLAPIC_DO_MAP)
		map_changed(v);
	if (e->asks & VLAPIC_DO_TIMER) {
		now = time_now(v);
		timer_arm(v, &now);
	}
}

/* What the guest's CPUID offers decides which modes may be set. */
static void learn_features(struct vcpu *v)
{
	v->vlapic->has_x2apic = vcpu_has_cpuid(v, 1, 0, 2, 21);
	v->vlapic->has_deadline = vcpu_has_cpuid(v, 1, 0, 2, 24);
}

/* ---- guest accesses -------------------------------------------------------------------- */

static void mmio_read(struct vcpu *v, u32 offset, unsigned int len, void *data)
{
	struct vlapic_effect e = { };
	struct vlapic_time now = { };
	u32 reg = offset & ~15U, at = offset & 15, val;

	memset(data, 0, len);
	if (at >= sizeof(val))
		return;
	if (reg == VLAPIC_TPR && unlikely(v->tpr_report))
		vcpu_tpr_accessed(v, false);
	if (vlapic_reg_needs_time(reg))
		now = time_now(v);
	val = vlapic_read(v->vlapic, reg, &now, &e);
	memcpy(data, (u8 *)&val + at, min_t(u32, len, sizeof(val) - at));
	apply(v, &e);
}

/* APM2 16.3.2: registers are written whole; anything else has no effect. */
static void mmio_write(struct vcpu *v, u32 offset, unsigned int len,
		       const void *data)
{
	struct vlapic_effect e = { };
	struct vlapic_time now = { };
	u32 val;

	if (offset & 15 || len != sizeof(val))
		return;
	if (vlapic_reg_needs_time(offset))
		now = time_now(v);
	if (offset == VLAPIC_LVTT)
		learn_features(v);
	if (offset == VLAPIC_TPR && unlikely(v->tpr_report))
		vcpu_tpr_accessed(v, true);
	memcpy(&val, data, sizeof(val));
	vlapic_write(v->vlapic, offset, val, &now, &e);
	apply(v, &e);
}

/* Where a local APIC would be: nothing, which reads as ones, or user space's. */
static int mmio_hole(struct vcpu *v, unsigned int len, void *data, bool write)
{
	if (!vm_has_quirk(v->vm, KVM_X86_QUIRK_LAPIC_MMIO_HOLE))
		return -EOPNOTSUPP;
	if (!write)
		memset(data, 0xff, len);
	return 0;
}

int vcpu_irq_mmio(struct vcpu *v, gpa_t gpa, unsigned int len, void *data, bool write)
{
	struct vlapic *a = v->vlapic;
	gpa_t offset;

	if (!a)
		return -EOPNOTSUPP;
	offset = gpa - (a->base & BP_PAGE_MASK);
	if (offset >= BP_PAGE_SIZE)
		return -EOPNOTSUPP;
	if (unlikely(!vlapic_hw_enabled(a) || vlapic_is_x2apic(a)))
		return mmio_hole(v, len, data, write);
	if (write)
		mmio_write(v, offset, len, data);
	else
		mmio_read(v, offset, len, data);
	return 0;
}

/* Not those that make the destination map anew, which takes memory, nor the end of an
 * interrupt that very many may wait for.
 */
bool vcpu_irq_quick_reg(const struct vcpu *v, u32 reg, bool write)
{
	if (!write)
		return true;
	switch (reg) {
	case VLAPIC_EOI:
		return !irq_many_resample(v->vm->irq);
	case VLAPIC_TPR:
	case VLAPIC_ESR:
	case VLAPIC_ICR:
	case VLAPIC_ICR2:
	case VLAPIC_TMICT:
	case VLAPIC_SELF_IPI:
		return true;
	}
	return false;
}

bool vcpu_irq_quick_page(struct vcpu *v, gpa_t gpa, bool write)
{
	const struct vlapic *a = v->vlapic;

	return !a || (a->base ^ gpa) & BP_PAGE_MASK ||
	       vcpu_irq_quick_reg(v, gpa & ~BP_PAGE_MASK, write);
}

static bool msr_needs_time(u32 msr)
{
	return msr == VLAPIC_MSR_DEADLINE ||
	       vlapic_reg_needs_time((msr - VLAPIC_MSR_FIRST) << 4);
}

int vcpu_irq_msr(struct vcpu *v, u32 msr, u64 *data, bool write)
{
	struct vlapic_effect e = { };
	struct vlapic_time now = { };
	int err;

	if (!v->vlapic) {
		if (!write)
			*data = 0;
		return msr == VLAPIC_MSR_DEADLINE ? 0 : -EINVAL;
	}
	if (msr_needs_time(msr)) {
		now = time_now(v);
		learn_features(v);
	}
	err = write ? vlapic_wrmsr(v->vlapic, msr, *data, &now, &e) :
		      vlapic_rdmsr(v->vlapic, msr, data, &now, &e);
	if (!err)
		apply(v, &e);
	return err;
}

/* ---- base MSR, CR8, state ----------------------------------------------------------------- */

u64 vcpu_irq_get_apic_base(struct vcpu *v)
{
	return v->vlapic ? v->vlapic->base : v->apic_base;
}

static int set_base(struct vcpu *v, u64 base, bool host)
{
	struct vlapic_effect e = { };
	int err;

	if (!v->vlapic) {
		if (!vlapic_base_allowed(v->apic_base, base,
					 vcpu_has_cpuid(v, 1, 0, 2, 21),
					 v->phys_bits, host))
			return -EINVAL;
		v->apic_base = base;
		return 0;
	}
	learn_features(v);
	err = vlapic_set_base(v->vlapic, base, v->phys_bits, host, &e);
	if (!err)
		apply(v, &e);
	return err;
}

int vcpu_irq_set_apic_base(struct vcpu *v, u64 base)
{
	return set_base(v, base, false);
}

int vcpu_irq_restore_apic_base(struct vcpu *v, u64 base)
{
	return set_base(v, base, true);
}

void vcpu_irq_set_cr8(struct vcpu *v, u64 cr8)
{
	struct vlapic_effect e = { };

	if (v->vlapic)
		vlapic_set_tpr(v->vlapic, (cr8 & 15) << 4, &e);
	else
		v->cr8 = cr8 & 15;
}
EXPORT_SYMBOL_GPL(vcpu_irq_set_cr8);

u8 vcpu_irq_apic_id(struct vcpu *v)
{
	return v->vlapic ? vlapic_apic_id(v->vlapic) : v->id;
}

int vcpu_irq_get_lapic(struct vcpu *v, struct kvm_lapic_state *s)
{
	struct vlapic_time now = time_now(v);

	if (!v->vlapic)
		return -EINVAL;
	vlapic_get_state(v->vlapic, s, READ_ONCE(v->vm->irq->ids32), &now);
	return 0;
}

int vcpu_irq_set_lapic(struct vcpu *v, const struct kvm_lapic_state *s)
{
	struct vlapic_time now = time_now(v);
	struct vlapic_effect e = { };
	int err;

	if (!v->vlapic)
		return -EINVAL;
	learn_features(v);
	err = vlapic_set_state(v->vlapic, s, READ_ONCE(v->vm->irq->ids32), &now, &e);
	if (!err)
		apply(v, &e);
	return err;
}

/* ---- what is pending ------------------------------------------------------------------------ */

/* Is the PIC's output high, and wired to this CPU? */
static bool pic_waits(struct vcpu *v)
{
	struct vm_irq *q = v->vm->irq;

	return q->mode == IRQCHIP_KERNEL && vpic_output(&q->pic) &&
	       vlapic_accepts_pic(v->vlapic);
}

int vcpu_irq_pending(struct vcpu *v)
{
	int vector = -1;

	if (!v->vlapic)
		return -1;
	if (unlikely(pic_waits(v)))
		vector = irq_pic_peek(v->vm->irq);
	return vector >= 0 ? vector : vlapic_pending(v->vlapic);
}

int vcpu_irq_ack(struct vcpu *v)
{
	int vector = -1;

	if (!v->vlapic)
		return -1;
	if (unlikely(pic_waits(v)))
		vector = irq_pic_ack(v->vm->irq);
	return vector >= 0 ? vector : vlapic_accept(v->vlapic);
}

bool vcpu_irq_quiet(struct vcpu *v)
{
	/* Without a PIC of the kernel's its output stays low. */
	return v->vlapic && !vlapic_requested(v->vlapic) &&
	       !vpic_output(&v->vm->irq->pic);
}

static bool quick_interrupt(struct vcpu *v)
{
	int vector;

	if (vcpu_take_request(v, VCPU_REQ_EVENT) && READ_ONCE(v->requests))
		return false;
	if (!vlapic_requested_one(v->vlapic) || (v->msr.pv_eoi & PV_ENABLED) ||
	    !vcpu_ops->interrupt_allowed(v))
		return false;
	vector = vlapic_accept(v->vlapic);
	if (vector < 0)		/* held back by the priority */
		return false;
	v->interrupt.vector = vector;
	v->interrupt.soft = false;
	v->interrupt.injected = true;
	return true;
}

bool vcpu_quick_goes_on(struct vcpu *v)
{
	unsigned long requests = READ_ONCE(v->requests);

	/* The answer may have woken a task for this very CPU: no interrupt tells of it. */
	if (unlikely(v->exception.pending || host_wants_thread()))
		return false;
	if (likely(!requests && vcpu_irq_quiet(v)))
		return true;
	return !(requests & ~BIT(VCPU_REQ_EVENT)) && v->vlapic &&
	       !pic_waits(v) && quick_interrupt(v);
}
EXPORT_SYMBOL_GPL(vcpu_quick_goes_on);

bool vcpu_irq_needs_cr8(struct vcpu *v)
{
	return !v->vlapic || vlapic_held_by_tpr(v->vlapic);
}

bool vcpu_irq_takes_extint(struct vcpu *v)
{
	return !v->vlapic || vlapic_accepts_pic(v->vlapic);
}

bool vcpu_irq_wakeup(struct vcpu *v)
{
	return v->vlapic && (vlapic_pending(v->vlapic) >= 0 || pic_waits(v));
}

void vcpu_irq_eoi(struct vcpu *v)
{
	struct vlapic_effect e = { };
	struct vlapic_time now = { };

	vlapic_write(v->vlapic, VLAPIC_EOI, 0, &now, &e);
	apply(v, &e);
}

void vcpu_irq_post(struct vcpu *v, u8 vector)
{
	vlapic_post(v->vlapic, vector, false);
}

/* ---- life ------------------------------------------------------------------------------------- */

static int take_slot(struct vm_irq *q, struct vcpu *v)
{
	int slot, err = -ENOSPC;

	mutex_lock(&q->map_mutex);
	for (slot = 0; slot < VDEST_SLOTS && err; slot++) {
		if (q->vcpus[slot])
			continue;
		v->vlapic->slot = slot;
		q->vcpus[slot] = v;
		err = 0;
	}
	mutex_unlock(&q->map_mutex);
	return err;
}

static void give_slot(struct vm_irq *q, struct vcpu *v)
{
	mutex_lock(&q->map_mutex);
	q->vcpus[v->vlapic->slot] = NULL;
	mutex_unlock(&q->map_mutex);
}

int vcpu_irq_init(struct vcpu *v)
{
	struct vm_irq *q = v->vm->irq;
	int err;

	hrtimer_init(&v->lapic_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	v->lapic_timer.function = timer_expired;
	v->apic_base = VLAPIC_DEFAULT_BASE | VLAPIC_BASE_EN |
		       (v->id == v->vm->boot_id ? VLAPIC_BASE_BSP : 0);
	if (q->mode == IRQCHIP_NONE)
		return 0;
	if (v->id >= VDEST_IDS - 1)
		return -EINVAL;
	v->vlapic = kzalloc(sizeof(*v->vlapic), GFP_KERNEL_ACCOUNT);
	if (!v->vlapic)
		return -ENOMEM;
	vlapic_init(v->vlapic, v->id, v->id == v->vm->boot_id, q->mode == IRQCHIP_SPLIT);
	if (v->vm->apic_bus_ns)
		v->vlapic->bus_ns = v->vm->apic_bus_ns;
	err = take_slot(q, v);
	if (err)
		goto free;
	irq_map_rebuild(q);
	return 0;

free:
	kfree(v->vlapic);
	v->vlapic = NULL;
	return err;
}

void vcpu_irq_destroy(struct vcpu *v)
{
	struct vm_irq *q = v->vm->irq;

	hrtimer_cancel(&v->lapic_timer);
	if (!v->vlapic)
		return;
	give_slot(q, v);
	if (!q->ended) {
		irq_map_rebuild(q);
		synchronize_rcu();
	}
	kfree(v->vlapic);
	v->vlapic = NULL;
}

void vcpu_irq_reset(struct vcpu *v, bool init)
{
	if (!v->vlapic) {
		v->cr8 = 0;
		return;
	}
	hrtimer_cancel(&v->lapic_timer);
	vlapic_reset(v->vlapic, init);
	if (!vm_has_quirk(v->vm, KVM_X86_QUIRK_LINT0_REENABLED))
		vlapic_mask_lint0(v->vlapic);
	map_changed(v);
}
