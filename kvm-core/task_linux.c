// SPDX-License-Identifier: GPL-2.0
/*
 * A task switch that the CPU left to the hypervisor: the vCPU's state to task.c
 * and back, guest memory for it, its faults into the guest. Called by svm's exit
 * for a task switch (APM2 15.14.1), in the vCPU's thread. Silicon exits on these;
 * an emulated CPU may do them itself.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/debugreg.h>
#include "kvm-core/excp.h"
#include "kvm-core/gwalk.h"
#include "kvm-core/task.h"
#include "kvm-core/vcpu.h"

#define DR6_BT		BIT(15)		/* a task switch (APM2 13.1.1.3) */

static_assert(VCPU_NR_REGS == 16, "task numbers registers as the emulator does");

/* Under the task's own CR3, with the privilege of the CPU itself. */
static int access_linear(struct vcpu *v, u32 cr3, gva_t la, void *data,
			 unsigned int len, bool write)
{
	u64 old_cr3 = v->cr3;
	unsigned int n;
	u32 error = 0;
	gpa_t gpa;
	int err = 0;

	v->cr3 = cr3;
	for (; len && !err; len -= n, la += n, data += n) {
		n = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(la));
		if (vcpu_translate(v, la, write ? GWALK_W : 0, &gpa, &error)) {
			vcpu_queue_page_fault(v, la, error);
			err = -EFAULT;
			break;
		}
		err = write ? vm_mem_write(vcpu_space(v), gpa, data, n) :
			      vm_mem_read(vcpu_space(v), gpa, data, n);
		if (err)	/* a device: no TSS is there */
			vcpu_queue_exception(v, EXCP_TS, 0);
	}
	v->cr3 = old_cr3;
	return err;
}

static int task_read(void *ctx, u32 cr3, gva_t la, void *data, unsigned int len)
{
	return access_linear(ctx, cr3, la, data, len, false);
}

static int task_write(void *ctx, u32 cr3, gva_t la, const void *data, unsigned int len)
{
	return access_linear(ctx, cr3, la, (void *)data, len, true);
}

static void cpu_get(struct vcpu *v, struct task_cpu *c)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->regs, v->regs, sizeof(c->regs));
	c->rip = v->rip;
	c->rflags = v->rflags;
	c->dr7 = v->dr7;
	c->cpl = vcpu_ops->get_cpl(v);
	vcpu_ops->get_sregs(v, &c->s);
	c->s.cr0 = v->cr0;
	c->s.cr3 = v->cr3;
}

/* The privilege level travels as SS.DPL. */
static void cpu_set(struct vcpu *v, struct task_cpu *c)
{
	memcpy(v->regs, c->regs, sizeof(c->regs));
	v->rip = c->rip;
	v->rflags = c->rflags;
	v->dr7 = c->dr7;
	v->cr0 = c->s.cr0;
	v->cr3 = c->s.cr3;
	c->s.ss.dpl = c->cpl;
	vcpu_ops->set_sregs(v, &c->s);
	vcpu_flush_guest_tlb(v);
}

void vcpu_task_switch(struct vcpu *v, const struct task_request *rq)
{
	struct task_ops ops = { .read = task_read, .write = task_write, .ctx = v };
	struct task_fault f = { };
	struct task_cpu c;
	enum task_verdict r;

	cpu_get(v, &c);
	r = task_switch(&c, &ops, rq, &f);
	cpu_set(v, &c);
	if (r == TASK_FAULT)
		vcpu_queue_exception(v, f.vector, f.error);
	if (r != TASK_DONE || !c.debug_trap)
		return;
	v->dr6 = (v->dr6 & ~(u64)DR_TRAP_BITS) | DR6_BT;
	vcpu_queue_exception(v, EXCP_DB, 0);
}
EXPORT_SYMBOL_GPL(vcpu_task_switch);
