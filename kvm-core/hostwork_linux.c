// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's thread may stay in KVM_RUN for as long as its guest runs. What the
 * kernel leaves for a thread's way to user space is due all the same: CPU-time
 * timers and limits, NUMA balancing, limits of memory groups, restartable
 * sequences. The kernel does it for its own KVM, in one function that is told of a
 * signal by the vCPU it is given; ours is nobody's, and the run loop looks for
 * signals itself. Called by svm; knows no vCPU.
 */
#include <linux/entry-kvm.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include "kvm-core/hostwork.h"

static struct kvm_run nowhere;
static struct kvm_vcpu nobody = { .run = &nowhere };

void hostwork_do(void)
{
	if (!signal_pending(current))
		xfer_to_guest_mode_handle_work(&nobody);
}
EXPORT_SYMBOL_GPL(hostwork_do);
