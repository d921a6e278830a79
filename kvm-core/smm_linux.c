// SPDX-License-Identifier: GPL-2.0
/*
 * System management mode on Linux: an SMI becomes pending, is taken between two
 * instructions, and RSM goes back (APM2 10.3). Called by the run loop and by
 * svm's exits, in the vCPU's thread. The CPU itself never enters SMM: the guest's
 * handler runs in its ordinary flat real mode, over address space 1. What is
 * saved where is smm.c's.
 *
 * SMM sees a second guest-physical address space (KVM_CAP_MULTI_ADDRESS_SPACE):
 * a struct vm of which only the memory is used, made when user space first
 * gives it a slot. Cards never reach it. An SMI waits for an event that is being
 * delivered; INIT waits for RSM.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "kvm-core/excp.h"
#include "kvm-core/smm.h"
#include "kvm-core/vcpu.h"

static_assert(VCPU_NR_REGS == 16, "smm numbers registers as the emulator does");

/* ---- the second address space -------------------------------------------------------- */

struct vm *vm_space(struct vm *vm, unsigned int id)
{
	struct vm *space;
	int err;

	if (!id)
		return vm;
	mutex_lock(&vm->lock);
	space = vm->smm_space;
	if (space)
		goto unlock;
	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space) {
		space = ERR_PTR(-ENOMEM);
		goto unlock;
	}
	space->id = vm->id;
	space->owner_pid = vm->owner_pid;
	space->mm = vm->mm;
	space->outer = vm;
	err = vm_mem_init(space);
	if (err) {
		kfree(space);
		space = ERR_PTR(err);
		goto unlock;
	}
	space->mem.dirty_mode = vm->mem.dirty_mode;
	WRITE_ONCE(vm->smm_space, space);
unlock:
	mutex_unlock(&vm->lock);
	return space;
}

void vm_space_destroy(struct vm *vm)
{
	if (!vm->smm_space)
		return;
	vm_mem_destroy(vm->smm_space);
	kfree(vm->smm_space);
	vm->smm_space = NULL;
}

/* ---- state ------------------------------------------------------------------------------ */

static void cpu_get(struct vcpu *v, struct smm_cpu *c)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->regs, v->regs, sizeof(c->regs));
	c->rip = v->rip;
	c->rflags = v->rflags;
	c->dr6 = v->dr6;
	c->dr7 = v->dr7;
	vcpu_ops->get_sregs(v, &c->s);
	c->s.cr0 = v->cr0;
	c->s.cr3 = v->cr3;
	c->s.cr4 = v->cr4;
	c->s.efer = v->efer;
	c->cr4_has = vcpu_cr4_allowed(v);
	c->efer_has = vcpu_efer_possible();
	c->smbase = v->msr.smbase;
	c->halted = v->smm.halted;
	c->nmi_masked = v->nmi_masked;
	c->int_shadow = v->int_shadow;
}

static void cpu_set(struct vcpu *v, const struct smm_cpu *c)
{
	memcpy(v->regs, c->regs, sizeof(c->regs));
	v->rip = c->rip;
	v->rflags = c->rflags;
	v->dr6 = c->dr6;
	v->dr7 = c->dr7;
	v->cr0 = c->s.cr0;
	v->cr3 = c->s.cr3;
	v->cr4 = c->s.cr4;
	v->efer = c->s.efer;
	v->msr.smbase = c->smbase;
	vcpu_mask_nmis(v, c->nmi_masked);
	v->int_shadow = c->int_shadow;
	vcpu_ops->set_sregs(v, &c->s);
	vcpu_ops->update_debug(v);
	vcpu_flush_guest_tlb(v);
}

static gpa_t area_gpa(struct vcpu *v)
{
	return (gpa_t)(u32)v->msr.smbase + SMM_AREA_OFFSET;
}

void vcpu_smm_set(struct vcpu *v, bool on)
{
	if (v->smm.active == on)
		return;
	v->smm.active = on;
	vcpu_forget_code(v);	/* of the other space */
	vcpu_ops->update_mode(v);	/* the other space's table */
	vcpu_flush_guest_tlb(v);
}

/* ---- in and out ---------------------------------------------------------------------------- */

bool vcpu_smi_enter(struct vcpu *v)
{
	u8 area[SMM_AREA_BYTES];
	struct smm_cpu c;

	if (!v->smm.pending || v->smm.active)
		return false;
	v->smm.pending = false;
	v->msr.smi_count++;
	cpu_get(v, &c);
	smm_save(area, &c);
	v->smm.halted = false;
	v->smm.inside_nmi = v->nmi_masked;
	vcpu_smm_set(v, true);
	if (vm_mem_write(vcpu_space(v), area_gpa(v), area, sizeof(area))) {
		/* No RAM at SMBASE: the state would be lost (APM2 10.3.6). */
		vcpu_smm_set(v, false);
		set_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
		return true;
	}
	smm_enter(&c);
	cpu_set(v, &c);
	return true;
}

enum run_verdict vcpu_rsm(struct vcpu *v)
{
	u8 area[SMM_AREA_BYTES];
	struct smm_cpu c;

	if (!v->smm.active) {
		vcpu_queue_exception(v, EXCP_UD, 0);
		return RUN_AGAIN;
	}
	cpu_get(v, &c);
	if (vm_mem_read(vcpu_space(v), area_gpa(v), area, sizeof(area)) ||
	    !smm_restore(area, &c)) {
		set_bit(VCPU_REQ_TRIPLE_FAULT, &v->requests);
		return RUN_AGAIN;
	}
	vcpu_smm_set(v, false);
	cpu_set(v, &c);
	if (v->smm.init_latched)
		set_bit(VCPU_REQ_INIT, &v->requests);
	v->smm.init_latched = false;
	return c.halted ? RUN_HALTED : RUN_AGAIN;
}
EXPORT_SYMBOL_GPL(vcpu_rsm);

void vcpu_smm_reset(struct vcpu *v, bool init)
{
	memset(&v->smm, 0, sizeof(v->smm));
	if (!init)
		v->msr.smbase = SMM_RESET_BASE;
}

/* ---- KVM_GET/SET_VCPU_EVENTS ------------------------------------------------------------------- */

void vcpu_smm_events_get(struct vcpu *v, struct kvm_vcpu_events *e)
{
	e->smi.smm = v->smm.active;
	e->smi.pending = v->smm.pending || test_bit(VCPU_REQ_SMI, &v->requests);
	e->smi.smm_inside_nmi = v->smm.active && v->smm.inside_nmi;
	e->smi.latched_init = v->smm.init_latched ||
			      test_bit(VCPU_REQ_INIT, &v->requests);
	e->flags |= KVM_VCPUEVENT_VALID_SMM;
}

void vcpu_smm_events_set(struct vcpu *v, const struct kvm_vcpu_events *e)
{
	if (!(e->flags & KVM_VCPUEVENT_VALID_SMM))
		return;
	vcpu_smm_set(v, e->smi.smm);
	clear_bit(VCPU_REQ_SMI, &v->requests);
	v->smm.pending = e->smi.pending;
	v->smm.inside_nmi = e->smi.smm && e->smi.smm_inside_nmi;
	if (vm_irq_mode(v->vm) == IRQCHIP_NONE)
		return;
	v->smm.init_latched = false;
	clear_bit(VCPU_REQ_INIT, &v->requests);
	if (e->smi.latched_init)
		set_bit(VCPU_REQ_INIT, &v->requests);
}
