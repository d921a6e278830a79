// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_SET_GSI_ROUTING: copies the entries in, has vroute.c check and sort
 * them, and publishes the table. When the call returns, no interrupt travels
 * by the old routes any more.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "kvm-core/irq_private.h"

/* Called with q->mutex held. */
int irq_routes_set(struct vm_irq *q, const struct kvm_irq_routing_entry *e, u32 nr)
{
	struct vroute_table *next, *old;
	int err;

	next = kvzalloc(vroute_bytes(nr), GFP_KERNEL_ACCOUNT);
	if (!next)
		return -ENOMEM;
	err = vroute_build(next, e, nr, q->mode == IRQCHIP_KERNEL, q->split_pins);
	if (err) {
		kvfree(next);
		return err;
	}
	old = rcu_replace_pointer(q->routes, next, lockdep_is_held(&q->mutex));
	synchronize_srcu_expedited(&q->srcu);
	kvfree(old);
	return 0;
}

static bool addresses_valid(const struct kvm_irq_routing_entry *e, u32 nr, bool ids32)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (e[i].type == KVM_IRQ_ROUTING_MSI &&
		    !vroute_address_valid(e[i].u.msi.address_hi, ids32))
			return false;
	return true;
}

int vm_irq_set_routing(struct vm *vm, void __user *routing)
{
	struct kvm_irq_routing_entry *e = NULL;
	struct vm_irq *q = vm->irq;
	struct kvm_irq_routing head;
	int err;

	if (copy_from_user(&head, routing, sizeof(head)))
		return -EFAULT;
	if (q->mode == IRQCHIP_NONE || head.nr > VROUTE_MAX || head.flags)
		return -EINVAL;
	if (head.nr) {
		e = vmemdup_user(routing + sizeof(head), head.nr * sizeof(*e));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	mutex_lock(&q->mutex);
	err = addresses_valid(e, head.nr, READ_ONCE(q->ids32)) ?
		irq_routes_set(q, e, head.nr) : -EINVAL;
	mutex_unlock(&q->mutex);
	kvfree(e);
	return err;
}
