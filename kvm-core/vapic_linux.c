// SPDX-License-Identifier: GPL-2.0
/*
 * The page for task priorities (KVM_TPR_ACCESS_REPORTING, KVM_SET_VAPIC_ADDR): guests of
 * 32 bits that move their priority all the time do so in the local APIC's page, by an
 * exit each. User space is told where such an instruction stands, patches it to go to
 * a page of the guest's memory, and names that page: from then on the priority there
 * is the guest's, taken after each exit and told before each entry. Beside it stands
 * what the guest must know to tell whether a lower priority lets an interrupt in.
 *
 * Called by the run loop and by the vCPU's ioctls; in the vCPU's thread.
 */
#include <linux/kvm.h>
#include "kvm-core/vcpu.h"

int vcpu_tpr_report(struct vcpu *v, struct kvm_tpr_access_ctl *c)
{
	if (c->flags)
		return -EINVAL;
	v->tpr_report = c->enabled;
	return 0;
}

/* The access is done first; rip is still at it. */
void vcpu_tpr_accessed(struct vcpu *v, bool write)
{
	v->run->tpr_access.rip = v->rip;
	v->run->tpr_access.is_write = write;
	vcpu_request(v, VCPU_REQ_TPR);
}

int vcpu_vapic_page(struct vcpu *v, const struct kvm_vapic_addr *a)
{
	if (!v->vlapic)
		return -EINVAL;
	if (a->vapic_addr && !vm_mem_gpa_to_hva(v->vm, a->vapic_addr, NULL))
		return -EINVAL;
	v->vapic_page = a->vapic_addr;
	return 0;
}

void vcpu_vapic_put(struct vcpu *v)
{
	u32 word = vlapic_priorities(v->vlapic);

	vm_mem_write(v->vm, v->vapic_page, &word, sizeof(word));
}

void vcpu_vapic_take(struct vcpu *v)
{
	struct vlapic_effect e = { };
	u32 word;

	if (!vm_mem_read(v->vm, v->vapic_page, &word, sizeof(word)))
		vlapic_set_tpr(v->vlapic, (u8)word, &e);
}
