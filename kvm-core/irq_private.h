/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vm_irq: what the Linux files of the interrupt fabric share
 * (irq_linux.c, route_linux.c, pit_linux.c, lapic_linux.c, eventfd_linux.c).
 * Nobody else includes it; the contract is irq.h.
 *
 * Locks, outer first: setup_mutex (what adds to or takes from a bus, and irqfd
 * set-up: never taken in a bus device's access, which would wait for itself),
 * vm->bus_lock, mutex (mode, routes, sources, lists), lock (PIC and IOAPIC,
 * interrupts off). The vCPU map is read under RCU, routes and ack notifiers
 * under srcu.
 */
#ifndef BACKPLANE_IRQ_PRIVATE_H
#define BACKPLANE_IRQ_PRIVATE_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>
#include "kvm-core/vm.h"
#include "kvm-core/vdest.h"
#include "kvm-core/vioapic.h"
#include "kvm-core/vpic.h"
#include "kvm-core/vroute.h"

struct pit;

/* Sources that the fabric itself drives; others are handed out above. */
#define IRQ_SOURCE_IRQFD	1
#define IRQ_SOURCE_PIT		2
#define IRQ_SOURCE_RESAMPLE	3	/* levels: a pulse of an irqfd leaves them */
#define IRQ_SOURCE_FIRST_FREE	4

/* From destination to vCPU: rebuilt as a whole, read from any context. */
struct irq_map {
	struct rcu_head rcu;
	struct vcpu *vcpu[VDEST_SLOTS];
	struct vdest dest;		/* last: it ends with the ids */
};

struct vm_irq {
	struct vm *vm;
	enum irqchip_mode mode;
	u32 split_pins;

	bool ids32, no_broadcast_quirk;	/* KVM_CAP_X2APIC_API */

	struct mutex setup_mutex;
	struct mutex mutex;
	spinlock_t lock;
	struct vpic pic;
	struct vioapic ioapic;
	struct hrtimer ioapic_pause;	/* until vioapic_resume */
	struct bus_dev pic_dev, ioapic_dev;
	u64 sources_used;
	struct pit *pit;

	struct srcu_struct srcu;
	struct vroute_table __rcu *routes;
	struct list_head acks;		/* struct irq_ack_notifier */

	struct mutex map_mutex;
	struct irq_map __rcu *map;
	bool ended;			/* vm_irq_forget_vcpus(): no map any more */
	struct vcpu *vcpus[VDEST_SLOTS];	/* by slot */
	atomic_t rotate;		/* lowest priority: where to begin */

	/* eventfd_linux.c */
	struct workqueue_struct *wq;
	spinlock_t irqfds_lock;
	struct list_head irqfds;	/* under irqfds_lock */
	struct list_head resamplers;	/* under mutex */
	unsigned int resampling;	/* irqfds of theirs; written under mutex */
	struct list_head ioeventfds;	/* under setup_mutex */
};

/*
 * A guest may end its interrupt where the host has its own off (fast_linux.c). More
 * irqfds in a VM than devices share lines are neither gone through there nor told.
 */
#define RESAMPLE_AT_ONCE	64

static inline bool irq_many_resample(const struct vm_irq *q)
{
	return READ_ONCE(q->resampling) > RESAMPLE_AT_ONCE;
}

/* Make the map anew after an APIC changed (irq_linux.c). Sleeps. */
void irq_map_rebuild(struct vm_irq *q);
/* [any] Send a message to whom it means; @self: the sender's slot or -1. */
int irq_deliver(struct vm_irq *q, const struct vchip_msg *m, int self);
/* The vCPU's thread: an EOI was broadcast for @vector. */
void irq_end(struct vcpu *v, u8 vector, bool level);
/* Tell the ack notifiers of all gsis that lead to these pins. */
void irq_notify_acks(struct vm_irq *q, u8 kind, u32 pins);

/* ---- chip_linux.c ---- */
void irq_chips_init(struct vm_irq *q);
/* No vCPU runs any more. */
void irq_chips_stop(struct vm_irq *q);
/* [any] Drive a pin; result as vm_irq_set's. */
int irq_pic_line(struct vm_irq *q, unsigned int line, int source, bool level);
int irq_ioapic_line(struct vm_irq *q, unsigned int pin, int source, bool level);
/* The vCPU's thread: the PIC as it sees it. -1 if nothing is asked for. */
int irq_pic_peek(struct vm_irq *q);
int irq_pic_ack(struct vm_irq *q);
/* A local APIC changed: level pins that nobody took go out again. */
void irq_retry(struct vm_irq *q);
/* An EOI reached the IOAPIC. */
void irq_ioapic_end(struct vm_irq *q, u8 vector, bool level);

/* route_linux.c: build and publish a table; 0 or an errno. */
int irq_routes_set(struct vm_irq *q, const struct kvm_irq_routing_entry *e, u32 nr);

/* pit_linux.c */
void pit_stop(struct vm_irq *q);
void pit_free(struct vm_irq *q);

/* eventfd_linux.c */
int eventfds_init(struct vm_irq *q);
void eventfds_shutdown(struct vm_irq *q);
void eventfds_free(struct vm_irq *q);

#endif
