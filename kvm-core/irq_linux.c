// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's interrupt fabric: it knows which vCPU answers to which destination and
 * where each gsi leads, and brings every message from wherever it was raised to
 * a local APIC's request register. From the raising to the vCPU's kick nothing
 * sleeps and nothing is handed to a worker: a card's hard interrupt handler
 * may come all the way. The models decide; this file locks, looks up, kicks.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "kvm-core/irq_private.h"
#include "kvm-core/trace.h"

/* ---- delivery [any] -------------------------------------------------------------- */

static int deliver_fixed(struct vcpu *v, const struct vchip_msg *m)
{
	switch (vlapic_post(v->vlapic, m->vector, m->level)) {
	case VLAPIC_POSTED:
		/* To itself: its thread looks before it enters again. */
		if (!in_task() || READ_ONCE(v->task) != current)
			vcpu_request(v, VCPU_REQ_EVENT);
		return 1;
	case VLAPIC_MERGED:
		return 0;
	default:
		return -1;
	}
}

static int deliver_to(struct vcpu *v, const struct vchip_msg *m)
{
	switch (m->mode) {
	case VCHIP_FIXED:
	case VCHIP_LOWEST:
		return deliver_fixed(v, m);
	case VCHIP_SMI:
		vcpu_request(v, VCPU_REQ_SMI);
		return 1;
	case VCHIP_NMI:
		vcpu_send_nmi(v);
		return 1;
	case VCHIP_INIT:
		/* The vCPU takes both at once: a SIPI from before starts nobody. */
		clear_bit(VCPU_REQ_SIPI, &v->requests);
		vcpu_request(v, VCPU_REQ_INIT);
		return 1;
	case VCHIP_STARTUP:
		WRITE_ONCE(v->sipi_vector, m->vector);
		vcpu_request(v, VCPU_REQ_SIPI);
		return 1;
	default:
		return -1;
	}
}

static u64 choose_lowest(struct vm_irq *q, const struct irq_map *map, u64 set)
{
	unsigned int start = atomic_inc_return(&q->rotate);
	int slot;

	if (!(set & (set - 1)))
		return set;
	slot = vdest_lowest(&map->dest, set, start % VDEST_SLOTS);
	return slot < 0 ? 0 : BIT_ULL(slot);
}

int irq_deliver(struct vm_irq *q, const struct vchip_msg *m, int self)
{
	const struct irq_map *map;
	int r, reached = -1;
	u64 set;

	rcu_read_lock();
	map = rcu_dereference(q->map);
	set = map ? vdest_find(&map->dest, m, self) : 0;
	if (m->mode == VCHIP_LOWEST)
		set = choose_lowest(q, map, set);
	for (; set; set &= set - 1) {
		r = deliver_to(map->vcpu[__ffs64(set)], m);
		if (r >= 0)
			reached = max(reached, 0) + r;
	}
	rcu_read_unlock();
	return reached;
}

int vm_irq_send(struct vm *vm, const struct vchip_msg *m)
{
	return irq_deliver(vm->irq, m, -1);
}

struct vcpu *vm_irq_find_vcpu(struct vm *vm, u32 apic_id)
{
	struct vchip_msg m = { .dest = apic_id, .wide = true };
	const struct irq_map *map = rcu_dereference(vm->irq->map);
	u64 set;

	set = map && apic_id < VDEST_IDS - 1 ? vdest_find(&map->dest, &m, -1) : 0;
	return set ? map->vcpu[__ffs64(set)] : NULL;
}

bool vm_irq_wants_eoi(struct vm *vm, u8 vector)
{
	struct vm_irq *q = vm->irq;

	return q->mode == IRQCHIP_KERNEL && !list_empty(&q->acks) &&
	       vioapic_has_vector(&q->ioapic, vector);
}

int vm_irq_msi(struct vm *vm, u64 addr, u32 data)
{
	struct vchip_msg m;

	if (vm->irq->mode == IRQCHIP_NONE ||
	    !vdest_decode_msi(addr, data, vm->irq->ids32, &m))
		return -1;
	m.wide |= vm->irq->no_broadcast_quirk;
	trace_kvm_msi_set_irq(addr, data);
	return irq_deliver(vm->irq, &m, -1);
}
EXPORT_SYMBOL_GPL(vm_irq_msi);

/*
 * Where only MSIs can come, the ABI takes the window for granted: QEMU gives the
 * address relative to it.
 */
static u64 in_window(u64 addr)
{
	return (addr & ~0xfff00000ULL) | 0xfee00000;
}

/* User space is told 0, not an error, of one that nobody would take. */
int vm_irq_signal_msi(struct vm *vm, const struct kvm_msi *msi)
{
	u64 addr = in_window((u64)msi->address_hi << 32 | msi->address_lo);

	if (vm->irq->mode == IRQCHIP_NONE || msi->flags & ~KVM_MSI_VALID_DEVID ||
	    !vroute_address_valid(msi->address_hi, READ_ONCE(vm->irq->ids32)))
		return -EINVAL;
	return max(vm_irq_msi(vm, addr, msi->data), 0);
}

/* ---- the map --------------------------------------------------------------------- */

/* More than the highest id in use. One that changes meanwhile rebuilds again. */
static u32 ids_in_use(const struct vm_irq *q)
{
	unsigned int i;
	u32 ids = 0;

	for (i = 0; i < VDEST_SLOTS; i++)
		if (q->vcpus[i])
			ids = max(ids, vlapic_apic_id(q->vcpus[i]->vlapic) + 1);
	return min_t(u32, ids, VDEST_IDS);
}

/* A guest must not run on with a map that is not true, so there must be memory:
 * a page at most.
 */
void irq_map_rebuild(struct vm_irq *q)
{
	struct irq_map *map, *old;
	unsigned int i;
	u32 ids;

	mutex_lock(&q->map_mutex);
	ids = ids_in_use(q);
	map = kzalloc(struct_size(map, dest.phys, ids),
		      GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	vdest_init(&map->dest, ids);
	for (i = 0; i < VDEST_SLOTS; i++) {
		map->vcpu[i] = q->vcpus[i];
		if (q->vcpus[i])
			vdest_add(&map->dest, q->vcpus[i]->vlapic);
	}
	old = rcu_replace_pointer(q->map, map, lockdep_is_held(&q->map_mutex));
	mutex_unlock(&q->map_mutex);
	if (old)
		kfree_rcu(old, rcu);
}

/* ---- end of interrupt --------------------------------------------------------------- */

void irq_notify_acks(struct vm_irq *q, u8 kind, u32 pins)
{
	const struct vroute_table *routes;
	struct irq_ack_notifier *n;
	int idx;

	if (!pins || list_empty(&q->acks))
		return;
	idx = srcu_read_lock(&q->srcu);
	routes = srcu_dereference(q->routes, &q->srcu);
	list_for_each_entry_srcu(n, &q->acks, link,
				 srcu_read_lock_held(&q->srcu))
		if (routes && vroute_hits(routes, n->gsi, kind, pins))
			n->acked(n);
	srcu_read_unlock(&q->srcu, idx);
}

/* The IOAPIC is in user space: an exit tells it, if it waits for @vector. */
static void split_end(struct vm_irq *q, struct vcpu *v, u8 vector)
{
	int idx = srcu_read_lock(&q->srcu);
	const struct vroute_table *routes = srcu_dereference(q->routes, &q->srcu);

	if (routes && routes->eoi_vectors[vector / 64] & BIT_ULL(vector % 64)) {
		v->eoi_vector = vector;
		vcpu_request(v, VCPU_REQ_IOAPIC_EOI_EXIT);
	}
	srcu_read_unlock(&q->srcu, idx);
}

void irq_end(struct vcpu *v, u8 vector, bool level)
{
	struct vm_irq *q = v->vm->irq;

	if (q->mode == IRQCHIP_KERNEL)
		irq_ioapic_end(q, vector, level);
	else if (level)
		split_end(q, v, vector);
}

void vm_irq_add_ack(struct vm *vm, struct irq_ack_notifier *n)
{
	mutex_lock(&vm->irq->mutex);
	list_add_rcu(&n->link, &vm->irq->acks);
	mutex_unlock(&vm->irq->mutex);
}
EXPORT_SYMBOL_GPL(vm_irq_add_ack);

void vm_irq_del_ack(struct vm *vm, struct irq_ack_notifier *n)
{
	mutex_lock(&vm->irq->mutex);
	list_del_rcu(&n->link);
	mutex_unlock(&vm->irq->mutex);
	synchronize_srcu(&vm->irq->srcu);
}
EXPORT_SYMBOL_GPL(vm_irq_del_ack);

/* ---- gsis and their sources [any] ---------------------------------------------------- */

static int route_set(struct vm_irq *q, const struct vroute *r, int source, bool level)
{
	switch (r->kind) {
	case VROUTE_PIC:
		return irq_pic_line(q, r->pin, source, level);
	case VROUTE_IOAPIC:
		return irq_ioapic_line(q, r->pin, source, level);
	default:
		return level ? vm_irq_msi(q->vm, in_window(r->addr), r->data) : -1;
	}
}

int vm_irq_set(struct vm *vm, int source, u32 gsi, int level)
{
	const struct vroute_table *routes;
	struct vm_irq *q = vm->irq;
	const struct vroute *r;
	unsigned int i, n = 0;
	int idx, one, sum = -1;

	trace_kvm_set_irq(gsi, level, source);
	idx = srcu_read_lock(&q->srcu);
	routes = srcu_dereference(q->routes, &q->srcu);
	r = routes ? vroute_find(routes, gsi, &n) : NULL;
	for (i = 0; i < n; i++) {
		one = route_set(q, &r[i], source, level);
		if (one >= 0)
			sum = max(sum, 0) + one;
	}
	srcu_read_unlock(&q->srcu, idx);
	return sum;
}
EXPORT_SYMBOL_GPL(vm_irq_set);

int vm_irq_alloc_source(struct vm *vm)
{
	struct vm_irq *q = vm->irq;
	int source = -ENOSPC;

	mutex_lock(&q->mutex);
	if (~q->sources_used) {
		source = __ffs64(~q->sources_used);
		q->sources_used |= BIT_ULL(source);
	}
	mutex_unlock(&q->mutex);
	return source;
}
EXPORT_SYMBOL_GPL(vm_irq_alloc_source);

/* Whatever it still drove goes low. */
void vm_irq_free_source(struct vm *vm, int source)
{
	struct vm_irq *q = vm->irq;
	unsigned int i;

	if (source < IRQ_SOURCE_FIRST_FREE || source >= VCHIP_SOURCES)
		return;
	mutex_lock(&q->mutex);
	for (i = 0; q->mode == IRQCHIP_KERNEL && i < VPIC_LINES; i++)
		irq_pic_line(q, i, source, false);
	for (i = 0; q->mode == IRQCHIP_KERNEL && i < VIOAPIC_PINS; i++)
		irq_ioapic_line(q, i, source, false);
	q->sources_used &= ~BIT_ULL(source);
	mutex_unlock(&q->mutex);
}
EXPORT_SYMBOL_GPL(vm_irq_free_source);

/* ---- modes ------------------------------------------------------------------------------ */

int vm_irq_create_split(struct vm *vm, u64 pins)
{
	struct vm_irq *q = vm->irq;
	int err = 0;

	if (pins > VROUTE_MAX)
		return -EINVAL;
	mutex_lock(&q->mutex);
	if (q->mode != IRQCHIP_NONE) {
		err = -EEXIST;
	} else if (atomic_read(&vm->nr_vcpus)) {
		err = -EEXIST;
	} else {
		q->split_pins = pins;
		q->mode = IRQCHIP_SPLIT;
	}
	mutex_unlock(&q->mutex);
	return err;
}

int vm_irq_x2apic_api(struct vm *vm, u64 flags)
{
	if (flags & ~(KVM_X2APIC_API_USE_32BIT_IDS |
		      KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK))
		return -EINVAL;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(vm->irq->ids32, true);
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		WRITE_ONCE(vm->irq->no_broadcast_quirk, true);
	return 0;
}

enum irqchip_mode vm_irq_mode(struct vm *vm)
{
	return READ_ONCE(vm->irq->mode);
}
EXPORT_SYMBOL_GPL(vm_irq_mode);

/* ---- life -------------------------------------------------------------------------------- */

int vm_irq_init(struct vm *vm)
{
	struct vm_irq *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	int err;

	if (!q)
		return -ENOMEM;
	q->vm = vm;
	q->sources_used = GENMASK_ULL(IRQ_SOURCE_FIRST_FREE - 1, 0);
	mutex_init(&q->setup_mutex);
	mutex_init(&q->mutex);
	mutex_init(&q->map_mutex);
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->acks);
	irq_chips_init(q);
	err = init_srcu_struct(&q->srcu);
	if (err)
		goto free;
	err = eventfds_init(q);
	if (err)
		goto free_srcu;
	vm->irq = q;
	return 0;

free_srcu:
	cleanup_srcu_struct(&q->srcu);
free:
	kfree(q);
	return err;
}

void vm_irq_close(struct vm *vm)
{
	eventfds_shutdown(vm->irq);
}

void vm_irq_shutdown(struct vm *vm)
{
	struct vm_irq *q = vm->irq;
	struct vcpu *v;
	int i;

	eventfds_shutdown(q);
	pit_stop(q);
	irq_chips_stop(q);
	vm_for_each_vcpu(i, v, vm)
		hrtimer_cancel(&v->lapic_timer);
}

void vm_irq_forget_vcpus(struct vm *vm)
{
	struct vm_irq *q = vm->irq;
	struct irq_map *map;

	mutex_lock(&q->map_mutex);
	q->ended = true;
	map = rcu_replace_pointer(q->map, NULL, lockdep_is_held(&q->map_mutex));
	mutex_unlock(&q->map_mutex);
	if (!map)
		return;
	synchronize_rcu();
	kfree(map);
}

void vm_irq_destroy(struct vm *vm)
{
	struct vm_irq *q = vm->irq;

	eventfds_free(q);
	pit_free(q);
	kfree(rcu_dereference_protected(q->map, 1));
	kvfree(rcu_dereference_protected(q->routes, 1));
	cleanup_srcu_struct(&q->srcu);
	kfree(q);
	vm->irq = NULL;
}
