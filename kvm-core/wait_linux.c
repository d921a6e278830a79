// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU with nothing to do: what it waits for, and how. First it polls for a while
 * (vpoll.c says for how long), then its thread sleeps. Called by the KVM_RUN loop;
 * knows neither what a request asks for nor what woke it.
 */
#include <linux/kvm.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include "compat_linux.h"
#include "kvm-core/pv.h"
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"
#include "kvm-core/vpoll.h"

static uint halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "how long a halted vCPU polls at most, in ns, where user space says nothing else; 0: not at all");

static uint halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "how many times longer, after a halt that lasted a little longer");

static uint halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "the first time to poll, in ns");

static uint halt_poll_ns_shrink;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "how many times shorter, after a halt beyond the most; 0: not at all");

/* What a waiting vCPU need not wake for. */
#define IDLE_REQUESTS \
	(BIT(VCPU_REQ_EVENT) | BIT(VCPU_REQ_TLB_FLUSH) | BIT(VCPU_REQ_STEAL) | \
	 BIT(VCPU_REQ_SHADOW))

bool vcpu_runnable(struct vcpu *v)
{
	if (READ_ONCE(v->requests) & ~IDLE_REQUESTS)
		return true;
	if (!vcpu_is_halted(v))
		return v->mp_state == KVM_MP_STATE_RUNNABLE;
	if (v->smm.pending && !v->smm.active)
		return true;
	if ((v->nmi_pending && !v->nmi_masked) || v->exception.pending ||
	    READ_ONCE(v->pv.unhalted))
		return true;
	return (v->rflags & X86_EFLAGS_IF) &&
	       (vcpu_irq_wakeup(v) ||
		(v->user_irq >= 0 && vcpu_irq_takes_extint(v)));
}

/* ---- polling ------------------------------------------------------------------------------ */

static bool wait_is_over(struct vcpu *v)
{
	return vcpu_runnable(v) || compat_immediate_exit(v->run) ||
	       signal_pending(current);
}

/* As things are now: the operator and user space may change them at any time. */
static struct vpoll_params poll_params(const struct vcpu *v)
{
	const struct vm *vm = v->vm;

	return (struct vpoll_params){
		.max = READ_ONCE(vm->halt_poll_set) ? READ_ONCE(vm->halt_poll_ns) :
						      READ_ONCE(halt_poll_ns),
		.grow = READ_ONCE(halt_poll_ns_grow),
		.grow_start = READ_ONCE(halt_poll_ns_grow_start),
		.shrink = READ_ONCE(halt_poll_ns_shrink),
	};
}

/*
 * Until the wait is over, the time is, or somebody else wants this CPU. True: the
 * wait is over. *now: when that was seen.
 */
static bool poll(struct vcpu *v, u64 begin, u64 *now)
{
	u64 end = begin + v->poll_ns;
	bool over;

	do {
		over = wait_is_over(v);
		*now = ktime_get_ns();
		if (over || *now >= end)
			break;
		cpu_relax();
	} while (single_task_running() && !need_resched());
	v->stat_polls++;
	if (over) {
		v->stat_polls_hit++;
		v->stat_poll_hit_ns += *now - begin;
	} else {
		v->stat_poll_miss_ns += *now - begin;
	}
	return over;
}

static int sleep(struct vcpu *v)
{
	return rcuwait_wait_event(&v->wait, vcpu_runnable(v) ||
				  compat_immediate_exit(v->run),
				  TASK_INTERRUPTIBLE);
}

/* A halt, of a guest that does not poll by itself, on a CPU that has nothing else to do. */
static bool may_poll(const struct vcpu *v)
{
	return vcpu_is_halted(v) &&
	       (v->msr.poll_control & PV_ENABLED) && single_task_running();
}

int vcpu_wait(struct vcpu *v)
{
	struct vpoll_params p;
	u64 begin, polled, now;
	u32 before;
	int err;

	if (!may_poll(v))
		return sleep(v);
	p = poll_params(v);
	if (!p.max)
		return sleep(v);
	before = min(v->poll_ns, p.max);
	v->poll_ns = before;
	begin = ktime_get_ns();
	now = begin;
	if (before && poll(v, begin, &now)) {
		trace_kvm_vcpu_wakeup(now - begin, false);
		return 0;
	}
	polled = now;
	err = sleep(v);
	now = ktime_get_ns();
	v->stat_wakeups++;
	v->stat_wait_ns += now - polled;
	if (!err)
		v->poll_ns = vpoll_next(&p, before, now - begin);
	if (v->poll_ns != before)
		trace_kvm_halt_poll_ns(v->id, v->poll_ns, before);
	trace_kvm_vcpu_wakeup(now - begin, true);
	return err;
}
