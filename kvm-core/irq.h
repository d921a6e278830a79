/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irq: a VM's interrupt fabric on Linux: the glue around the pure models
 * vlapic, vioapic, vpic, vpit, and the routes between them.
 *
 * A gsi (global interrupt number) is routed to pins of the PIC and the IOAPIC
 * and/or to an MSI message. irqfds, KVM_IRQ_LINE, the PIT and assigned cards
 * all raise gsis; MSI writes may also arrive directly.
 *
 * Locks: vm->irq->lock (spinlock, irqsave) covers PIC, IOAPIC and lines.
 * A vLAPIC's IRR is posted to without any lock; the rest of a vLAPIC belongs
 * to its vCPU's thread. Routes and ack notifiers are read under vm->irq->srcu,
 * the destination map under RCU. irq_private.h has the order.
 * Everything marked [any] may be called from hard-irq context.
 */
#ifndef BACKPLANE_IRQ_H
#define BACKPLANE_IRQ_H

#include <linux/list.h>
#include "addr.h"

struct vm;
struct vcpu;
struct vm_irq;
struct kvm_lapic_state;
struct kvm_irqchip;
struct kvm_irq_routing;
struct kvm_irqfd;
struct kvm_ioeventfd;
struct kvm_pit_state2;
struct kvm_pit_config;
struct kvm_reinject_control;
struct kvm_msi;

enum irqchip_mode { IRQCHIP_NONE, IRQCHIP_KERNEL, IRQCHIP_SPLIT };

/* ---- VM side ---------------------------------------------------------- */

int vm_irq_init(struct vm *vm);		/* always; mode IRQCHIP_NONE */
void vm_irq_destroy(struct vm *vm);
/* The VM's file is closed: its irqfds end. What vCPUs still run goes on. */
void vm_irq_close(struct vm *vm);
/* Nobody runs any more. Stop everything that could still send (irqfds, timers). */
void vm_irq_shutdown(struct vm *vm);
/* The VM ends and nothing sends any more: let all of its vCPUs go at once, so that
 * not each of them waits for readers by itself. Sleeps.
 */
void vm_irq_forget_vcpus(struct vm *vm);

/* KVM_CREATE_IRQCHIP: -EEXIST, -EINVAL if vCPUs exist. Default routes set. */
int vm_irq_create_chip(struct vm *vm);
/* KVM_CAP_SPLIT_IRQCHIP: -EEXIST, -EINVAL for too many pins. vm->lock is held. */
int vm_irq_create_split(struct vm *vm, u64 pins);
int vm_irq_create_pit(struct vm *vm, const struct kvm_pit_config *cfg);
/* KVM_CAP_X2APIC_API's flags; -EINVAL for an unknown one. */
int vm_irq_x2apic_api(struct vm *vm, u64 flags);
enum irqchip_mode vm_irq_mode(struct vm *vm);

int vm_irq_get_chip(struct vm *vm, struct kvm_irqchip *chip);
int vm_irq_set_chip(struct vm *vm, const struct kvm_irqchip *chip);
int vm_irq_get_pit(struct vm *vm, struct kvm_pit_state2 *ps);
int vm_irq_set_pit(struct vm *vm, const struct kvm_pit_state2 *ps);
int vm_irq_reinject(struct vm *vm, const struct kvm_reinject_control *ctl);
/* @routing is a user pointer to the variable-size structure. */
int vm_irq_set_routing(struct vm *vm, void __user *routing);
int vm_irq_irqfd(struct vm *vm, const struct kvm_irqfd *args);
int vm_irq_ioeventfd(struct vm *vm, const struct kvm_ioeventfd *args);
int vm_irq_signal_msi(struct vm *vm, const struct kvm_msi *msi);

/* [any] Drive a gsi from one of several sources (wired-OR per source id).
 * Returns < 0 not deliverable, 0 coalesced, > 0 number of CPUs reached.
 */
int vm_irq_set(struct vm *vm, int source, u32 gsi, int level);
int vm_irq_alloc_source(struct vm *vm);		/* id, or -ENOSPC */
void vm_irq_free_source(struct vm *vm, int source);
#define VM_IRQ_SOURCE_USERSPACE	0

/* [any] An MSI write by a card: O(1) to the target's IRR in the common case
 * (fixed, physical or single logical target). Result as vm_irq_set.
 */
int vm_irq_msi(struct vm *vm, u64 addr, u32 data);

struct vchip_msg;
/* [any] Send @m on behalf of nobody in particular; result as vm_irq_set. */
int vm_irq_send(struct vm *vm, const struct vchip_msg *m);
/*
 * [any] The vCPU that answers to @apic_id, or NULL. Under rcu_read_lock(), and good for
 * as long: one whose making fails in the end is found, too, and goes.
 */
struct vcpu *vm_irq_find_vcpu(struct vm *vm, u32 apic_id);
/* Does anybody wait for the end of an edge-triggered @vector? */
bool vm_irq_wants_eoi(struct vm *vm, u8 vector);

/* Told when the guest ends the interrupt of a level-triggered gsi. Called in
 * the vCPU's thread, no lock held, may not sleep.
 */
struct irq_ack_notifier {
	struct list_head link;
	u32 gsi;
	void (*acked)(struct irq_ack_notifier *n);
};
void vm_irq_add_ack(struct vm *vm, struct irq_ack_notifier *n);
/* Waits for callbacks in flight. */
void vm_irq_del_ack(struct vm *vm, struct irq_ack_notifier *n);

/* ---- vCPU side (the vCPU's own thread unless [any]) --------------------- */

int vcpu_irq_init(struct vcpu *v);	/* a vLAPIC if the mode has one */
void vcpu_irq_destroy(struct vcpu *v);
void vcpu_irq_reset(struct vcpu *v, bool init);

/* Highest deliverable vector at the present PPR, PIC included; -1 if none. */
int vcpu_irq_pending(struct vcpu *v);
/* Take it: IRR -> ISR, or the PIC's INTA cycle. -1 if none any more. */
int vcpu_irq_ack(struct vcpu *v);
/* Nothing at all is requested of this vCPU, deliverable or not. */
bool vcpu_irq_quiet(struct vcpu *v);
/* Must CR8 exit? A lower TPR might let an interrupt in; or there is no APIC. */
bool vcpu_irq_needs_cr8(struct vcpu *v);
/* Is an interrupt by KVM_INTERRUPT, as of a PIC in user space, taken now? With local
 * APICs in the kernel only if LINT0 passes it on.
 */
bool vcpu_irq_takes_extint(struct vcpu *v);
/* [any] Cheap, racy: is there something worth waking a halted vCPU for? */
bool vcpu_irq_wakeup(struct vcpu *v);

u64 vcpu_irq_get_apic_base(struct vcpu *v);
/* 0, or -EINVAL for the #GP cases (APM2 16.9): reserved bits, x2APIC modes. */
int vcpu_irq_set_apic_base(struct vcpu *v, u64 base);
/* The same for user space (KVM_SET_SREGS, KVM_SET_MSRS): any valid state may
 * be restored, whatever transition the guest would need.
 */
int vcpu_irq_restore_apic_base(struct vcpu *v, u64 base);
void vcpu_irq_set_cr8(struct vcpu *v, u64 cr8);
int vcpu_irq_get_lapic(struct vcpu *v, struct kvm_lapic_state *s);
int vcpu_irq_set_lapic(struct vcpu *v, const struct kvm_lapic_state *s);
/* LAPIC MMIO: 0, or -EOPNOTSUPP when @gpa is not this LAPIC's. */
int vcpu_irq_mmio(struct vcpu *v, gpa_t gpa, unsigned int len, void *data, bool write);
/* Is an access to the local APIC register at offset @reg answered without a sleep? */
bool vcpu_irq_quick_reg(const struct vcpu *v, u32 reg, bool write);
/* The same for @gpa, if the local APIC is there; true elsewhere. */
bool vcpu_irq_quick_page(struct vcpu *v, gpa_t gpa, bool write);
/* x2APIC MSRs 800h-8FFh and TSC deadline 6E0h: 0 or -EINVAL (#GP). */
int vcpu_irq_msr(struct vcpu *v, u32 msr, u64 *data, bool write);
/* Apply local-timer expiry noted since the last call. */
void vcpu_irq_timer_poll(struct vcpu *v);
/* The vCPU moved to another host CPU: move its timer. */
void vcpu_irq_migrate_timer(struct vcpu *v);
/* The guest ended the interrupt in service. */
void vcpu_irq_eoi(struct vcpu *v);
/* Request a fixed, edge-triggered interrupt of this vCPU. */
void vcpu_irq_post(struct vcpu *v, u8 vector);
u8 vcpu_irq_apic_id(struct vcpu *v);

#endif
