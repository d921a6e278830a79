// SPDX-License-Identifier: GPL-2.0
/*
 * Paravirtual features on Linux: steal time and the "preempted" byte, the EOI
 * that costs no exit, hypercalls, and the yield to a vCPU that waits for a CPU
 * (Documentation/virt/kvm/x86/msr.rst, hypercalls.rst). Called by the run loop,
 * the preemption notifier, the MSR switch and svm's exits. pv.c decides; here are
 * guest memory and threads. Async page faults are apf_linux.c's.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <uapi/linux/kvm_para.h>
#include "compat_linux.h"
#include "kvm-core/pv.h"
#include "kvm-core/vcpu.h"

/* ---- steal time ------------------------------------------------------------------- */

static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

static gpa_t steal_field(struct vcpu *v, unsigned int offset)
{
	return (v->msr.steal_time & PV_STEAL_ADDR) + offset;
}

/* What tell_preempted() wrote, once threads may be woken. */
static void mark_preempted(struct vcpu *v)
{
	if (likely(!v->pv.mark_due))
		return;
	v->pv.mark_due = false;
	vm_mem_mark_dirty(v->vm, steal_field(v, offsetof(struct kvm_steal_time, preempted)) >>
			  PAGE_SHIFT);
}

/*
 * The vCPU runs again. Another one may have asked, in the same byte, for a
 * flush instead of sending an interrupt: the byte is taken and cleared at once.
 */
static void take_preempted(struct vcpu *v)
{
	gpa_t gpa = steal_field(v, offsetof(struct kvm_steal_time, preempted));
	u64 old = 0;
	int tries, err;

	mark_preempted(v);
	for (tries = 0; tries < 8; tries++) {
		err = vm_mem_cmpxchg(v->vm, gpa, &old, 0, 1);
		if (err != -EAGAIN)
			break;
	}
	if ((old & KVM_VCPU_FLUSH_TLB) || err)
		vcpu_flush_guest_tlb(v);
	v->pv.told_preempted = false;
}

/* The guest reads version, fields, version: odd or changed means try again. */
void vcpu_pv_steal_update(struct vcpu *v)
{
	struct kvm_steal_time st;
	gpa_t gpa = steal_field(v, 0);

	if (!(v->msr.steal_time & PV_ENABLED))
		return;
	take_preempted(v);
	if (vm_mem_read(v->vm, gpa, &st, offsetof(struct kvm_steal_time, preempted)))
		return;
	st.version = (st.version | 1) + 2;
	vm_mem_write(v->vm, steal_field(v, offsetof(struct kvm_steal_time, version)),
		     &st.version, sizeof(st.version));
	smp_wmb();	/* the odd version before the time */
	st.steal += pv_steal_since(&v->pv.last_delay, run_delay());
	vm_mem_write(v->vm, gpa, &st.steal, sizeof(st.steal));
	smp_wmb();	/* the time before the even version */
	st.version++;
	vm_mem_write(v->vm, steal_field(v, offsetof(struct kvm_steal_time, version)),
		     &st.version, sizeof(st.version));
}

/*
 * The thread leaves its CPU: other vCPUs need not wait for this one. Interrupts
 * are off and the scheduler's lock is held: nothing here may sleep, nor wake anybody,
 * which noting a dirty page does where its ring gets full.
 */
static void tell_preempted(struct vcpu *v)
{
	gpa_t gpa = steal_field(v, offsetof(struct kvm_steal_time, preempted));
	struct srcu_struct *slots = &v->vm->mem.srcu;
	u8 byte = KVM_VCPU_PREEMPTED;
	bool writable, told;
	hva_t hva;
	int idx;

	if (!(v->msr.steal_time & PV_ENABLED) || v->pv.told_preempted ||
	    current->mm != v->vm->mm)
		return;
	/* A slot that goes meanwhile waits for the byte: its memory may be another's then. */
	idx = srcu_read_lock(slots);
	hva = vm_mem_gpa_to_hva(v->vm, gpa, &writable);
	told = hva && writable && !copy_to_user_nofault((void __user *)hva, &byte, 1);
	srcu_read_unlock(slots, idx);
	if (!told)
		return;
	v->pv.told_preempted = true;
	v->pv.mark_due = true;
}

void vcpu_pv_sched_out(struct vcpu *v)
{
	WRITE_ONCE(v->pv.waits_for_cpu, task_is_running(current));
	tell_preempted(v);
}

void vcpu_pv_put(struct vcpu *v)
{
	if (likely(!(v->msr.steal_time & PV_ENABLED)))
		return;
	tell_preempted(v);
	mark_preempted(v);
}

void vcpu_pv_sched_in(struct vcpu *v)
{
	WRITE_ONCE(v->pv.waits_for_cpu, false);
	if ((v->msr.steal_time & PV_ENABLED) &&
	    (v->pv.told_preempted || v->pv.last_delay != run_delay()))
		set_bit(VCPU_REQ_STEAL, &v->requests);
}

/* ---- PV EOI ------------------------------------------------------------------------- */

/* Before an entry: lend the guest a bit to clear, if it may. */
void vcpu_pv_eoi_lend(struct vcpu *v)
{
	u8 one = 1;
	int vector;

	if (!(v->msr.pv_eoi & PV_ENABLED) || !v->vlapic)
		return;
	vector = pv_eoi_vector(v->vlapic);
	if (vector < 0 || vm_irq_wants_eoi(v->vm, vector))
		return;
	if (!vm_mem_write(v->vm, v->msr.pv_eoi & PV_EOI_ADDR, &one, 1))
		v->pv.eoi_lent = true;
}

/* After an exit: take it back; if the guest has cleared it, that was an EOI. */
void vcpu_pv_eoi_settle(struct vcpu *v)
{
	gpa_t gpa = v->msr.pv_eoi & PV_EOI_ADDR;
	u8 byte = 0, zero = 0;

	v->pv.eoi_lent = false;
	if (vm_mem_read(v->vm, gpa, &byte, 1))
		return;
	if (byte & 1)
		vm_mem_write(v->vm, gpa, &zero, 1);
	else
		vcpu_irq_eoi(v);
}

/* ---- giving the CPU to a vCPU that waits for one ---------------------------------------- */

/*
 * The task of a vCPU that would run if it had a CPU, held, or NULL. Under
 * rcu_read_lock(): the task inside KVM_RUN stays until it has left it, then at least
 * one RCU grace period.
 */
static struct task_struct *get_waiting(struct vcpu *target)
{
	struct task_struct *task;

	if (!READ_ONCE(target->pv.waits_for_cpu))
		return NULL;
	task = READ_ONCE(target->task);
	return task ? get_task_struct(task) : NULL;
}

/* Lets go of the task, which may be NULL. */
static bool give_cpu_to(struct task_struct *task)
{
	int r;

	if (!task)
		return false;
	r = yield_to(task, true);
	put_task_struct(task);
	return r > 0;
}

/*
 * The guest spins. Who it waits for is not known; it is none of those that
 * run, so the CPU goes to the next of its siblings that wants one.
 */
void vcpu_on_spin(struct vcpu *v)
{
	unsigned int n = atomic_read(&v->vm->nr_vcpus), i;
	unsigned int from = READ_ONCE(v->vm->last_boosted);
	struct task_struct *task;
	struct vcpu *sibling;

	for (i = 1; i <= n; i++) {
		sibling = READ_ONCE(v->vm->vcpus[(from + i) % n]);
		if (!sibling || sibling == v)
			continue;
		rcu_read_lock();
		task = get_waiting(sibling);
		rcu_read_unlock();
		if (!give_cpu_to(task))
			continue;
		WRITE_ONCE(v->vm->last_boosted, (from + i) % n);
		v->stat_yields++;
		return;
	}
}
EXPORT_SYMBOL_GPL(vcpu_on_spin);

/* ---- hypercalls ---------------------------------------------------------------------------- */

struct hypercall {
	u64 arg[4];
	bool wide;		/* made by 64-bit code */
};

/* A vCPU that halted to wait for a lock shall look again. */
static long hc_kick(struct vcpu *v, const struct hypercall *hc)
{
	struct vcpu *target;

	rcu_read_lock();
	target = vm_irq_find_vcpu(v->vm, hc->arg[1]);
	if (target) {
		WRITE_ONCE(target->pv.unhalted, true);
		vcpu_request(target, VCPU_REQ_EVENT);
	}
	rcu_read_unlock();
	return 0;
}

static long hc_send_ipi(struct vcpu *v, const struct hypercall *hc)
{
	struct pv_ipi ipi = {
		.low = hc->arg[0], .high = hc->arg[1],
		.bits = hc->wide ? 64 : 32, .min = hc->arg[2],
	};
	struct vchip_msg m;
	long count = 0;
	u32 dest;
	int r;

	if (!pv_ipi_message(hc->arg[3], &m))
		return -KVM_EINVAL;
	while (pv_ipi_next(&ipi, &dest)) {
		if (dest >= VM_MAX_VCPU_IDS)	/* nobody's; one means all */
			continue;
		m.dest = dest;
		r = vm_irq_send(v->vm, &m);
		if (r > 0)
			count += r;
	}
	return count;
}

static long hc_sched_yield(struct vcpu *v, const struct hypercall *hc)
{
	struct task_struct *task;
	struct vcpu *target;

	rcu_read_lock();
	target = vm_irq_find_vcpu(v->vm, hc->arg[0]);
	task = target && target != v ? get_waiting(target) : NULL;
	rcu_read_unlock();
	if (give_cpu_to(task))
		v->stat_yields++;
	return 0;
}

static long hc_clock_pairing(struct vcpu *v, const struct hypercall *hc)
{
	struct kvm_clock_pairing pair = { };

	if (hc->arg[1] != KVM_CLOCK_PAIRING_WALLCLOCK ||
	    !vcpu_clock_pair(v, &pair.sec, &pair.nsec, &pair.tsc))
		return -KVM_EOPNOTSUPP;
	return vm_mem_write(v->vm, hc->arg[0], &pair, sizeof(pair)) ? -KVM_EFAULT : 0;
}

static long hypercall(struct vcpu *v, u64 nr, const struct hypercall *hc)
{
	switch (nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		return 0;
	case KVM_HC_KICK_CPU:
		return hc_kick(v, hc);
	case KVM_HC_CLOCK_PAIRING:
		return hc_clock_pairing(v, hc);
	case KVM_HC_SEND_IPI:
		return hc_send_ipi(v, hc);
	case KVM_HC_SCHED_YIELD:
		return hc_sched_yield(v, hc);
	default:
		return -KVM_ENOSYS;
	}
}

static bool offered(const struct vcpu *v, int feature)
{
	return !v->pv.enforce || feature < 0 || (v->pv.features >> feature & 1);
}

bool vcpu_pv_msr_offered(const struct vcpu *v, u32 msr)
{
	return offered(v, pv_msr_feature(msr));
}

/* User space keeps a map of the guest's pages and answers: KVM_EXIT_HYPERCALL. */
static enum run_verdict hypercall_to_user(struct vcpu *v, const struct hypercall *hc)
{
	struct kvm_run *run = v->run;
	u64 gpa = hc->arg[0], pages = hc->arg[1];

	if ((gpa & ~PAGE_MASK) || !pages || gpa + (pages << PAGE_SHIFT) <= gpa) {
		v->regs[EMUL_RAX] = -KVM_EINVAL;
		return RUN_AGAIN;
	}
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = hc->arg[2];
	compat_hypercall_mode(run) = hc->wide;
	v->user_hypercall = true;
	return RUN_USER;
}

/* Code of 32 bits has narrow arguments in long mode, too, and never stands up there. */
static bool is_wide(struct vcpu *v)
{
	return (v->efer & EFER_LMA) &&
	       (v->rip >> 32 || static_call(vcpu_segment)(v, EMUL_CS)->attrib & BIT(9));
}

void vcpu_complete_hypercall(struct vcpu *v)
{
	u64 r = v->run->hypercall.ret;

	v->user_hypercall = false;
	v->regs[EMUL_RAX] = is_wide(v) ? r : (u32)r;
}

enum run_verdict vcpu_hypercall(struct vcpu *v)
{
	struct hypercall hc = {
		.arg = { v->regs[EMUL_RBX], v->regs[EMUL_RCX],
			 v->regs[EMUL_RDX], v->regs[EMUL_RSI] },
		.wide = is_wide(v),
	};
	u64 nr = v->regs[EMUL_RAX];
	unsigned int i;
	long r;

	if (!hc.wide) {
		nr = (u32)nr;
		for (i = 0; i < ARRAY_SIZE(hc.arg); i++)
			hc.arg[i] = (u32)hc.arg[i];
	}
	v->stat_hypercalls++;
	if (nr == KVM_HC_MAP_GPA_RANGE && !vcpu_ops->get_cpl(v) &&
	    (READ_ONCE(v->vm->exit_hypercalls) & BIT(KVM_HC_MAP_GPA_RANGE)))
		return hypercall_to_user(v, &hc);
	if (vcpu_ops->get_cpl(v))
		r = -KVM_EPERM;
	else if (!offered(v, pv_hypercall_feature(nr)))
		r = -KVM_ENOSYS;
	else
		r = hypercall(v, nr, &hc);
	v->regs[EMUL_RAX] = hc.wide ? (u64)r : (u32)r;
	return RUN_AGAIN;
}
EXPORT_SYMBOL_GPL(vcpu_hypercall);

/* ---- MSRs ------------------------------------------------------------------------------------- */

static u64 *msr_slot(struct vcpu *v, u32 msr)
{
	switch (msr) {
	case PV_MSR_STEAL_TIME:
		return &v->msr.steal_time;
	case PV_MSR_EOI_EN:
		return &v->msr.pv_eoi;
	case PV_MSR_POLL_CONTROL:
		return &v->msr.poll_control;
	case PV_MSR_ASYNC_PF_EN:
		return &v->msr.async_pf;
	case PV_MSR_ASYNC_PF_INT:
		return &v->msr.async_pf_int;
	default:
		return NULL;	/* the acknowledgement: reads 0 */
	}
}

int vcpu_pv_get_msr(struct vcpu *v, u32 msr, u64 *data)
{
	u64 *slot = msr_slot(v, msr);

	*data = slot ? *slot : 0;
	return 0;
}

/* What is switched on by these must be in memory; a vCPU without a local APIC has
 * no interrupt that could tell of a page.
 */
static bool can_enable(struct vcpu *v, u32 msr, u64 data)
{
	switch (msr) {
	case PV_MSR_ASYNC_PF_EN:
		if (((data & PV_APF_AS_VMEXIT) && !offered(v, KVM_FEATURE_ASYNC_PF_VMEXIT)) ||
		    ((data & PV_APF_AS_INT) && !offered(v, KVM_FEATURE_ASYNC_PF_INT)))
			return false;
		if (!v->vlapic)
			return !data;
		return !(data & PV_ENABLED) ||
		       vm_mem_gpa_to_hva(v->vm, data & PV_APF_ADDR, NULL);
	case PV_MSR_EOI_EN:
		return !(data & PV_ENABLED) ||
		       vm_mem_gpa_to_hva(v->vm, data & PV_EOI_ADDR, NULL);
	default:
		return true;
	}
}

int vcpu_pv_set_msr(struct vcpu *v, u32 msr, u64 data)
{
	u64 *slot = msr_slot(v, msr);

	if (!pv_msr_valid(msr, data) || !can_enable(v, msr, data) ||
	    (msr == PV_MSR_STEAL_TIME && data && !sched_info_on()))
		return -EINVAL;
	if (msr == PV_MSR_ASYNC_PF_EN && (data & PV_ENABLED) && vcpu_apf_init(v))
		return -ENOMEM;
	if (msr == PV_MSR_STEAL_TIME)
		mark_preempted(v);
	if (slot)
		*slot = data;
	switch (msr) {
	case PV_MSR_STEAL_TIME:
		v->pv.told_preempted = false;
		v->pv.last_delay = run_delay();
		set_bit(VCPU_REQ_STEAL, &v->requests);
		break;
	case PV_MSR_ASYNC_PF_EN:
	case PV_MSR_ASYNC_PF_INT:
	case PV_MSR_ASYNC_PF_ACK:
		vcpu_apf_msr(v, msr, data);
		break;
	default:
		break;
	}
	return 0;
}

void vcpu_pv_reset(struct vcpu *v)
{
	mark_preempted(v);
	v->msr.steal_time = 0;
	v->msr.pv_eoi = 0;
	v->msr.poll_control = 1;
	v->msr.kvm_clock = 0;
	v->pv.eoi_lent = false;
	v->pv.unhalted = false;
	v->pv.told_preempted = false;
	vcpu_apf_reset(v);
}
