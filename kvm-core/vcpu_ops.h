/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vcpu_ops: the seam between kvm-core and svm.
 *
 * kvm-core owns the architectural state (struct vcpu) and the policy; svm owns
 * the VMCB and the world switch. State crosses as a whole: sync_from_guest
 * copies what the VMCB holds into struct vcpu, sync_to_guest the reverse.
 * Between them struct vcpu is the truth.
 *
 * run() is the only hot call. It returns a verdict of what to do next.
 */
#ifndef BACKPLANE_VCPU_OPS_H
#define BACKPLANE_VCPU_OPS_H

#include "addr.h"
#include "kvm-core/emul.h"

struct kvm_sregs;
struct vm;
struct vcpu;

enum run_verdict {
	RUN_AGAIN,		/* handled: enter the guest again */
	RUN_USER,		/* kvm_run is filled in: return 0 to user space */
	RUN_HALTED,		/* the guest executed HLT */
	RUN_ERROR,		/* vcpu->run holds an internal error exit */
	RUN_BAD_MEM,		/* no memory behind a slot's address: -EFAULT */
	RUN_NOMEM,		/* none left for our own tables: -ENOMEM */
};

struct vcpu_ops {
	struct module *owner;
	const char *name;
	bool shadow;		/* no nested paging: kvm-core keeps the tables */
	bool scales_tsc;	/* load() sees to vcpu->tsc_ratio */

	int (*vcpu_create)(struct vcpu *v);
	void (*vcpu_destroy)(struct vcpu *v);
	void (*vcpu_reset)(struct vcpu *v);

	/* Preemption notifier: the vCPU's thread is on this CPU now / leaves
	 * it. Preemption is off.
	 */
	void (*load)(struct vcpu *v, int cpu);
	void (*put)(struct vcpu *v);

	/* One VMRUN, with the event that is marked injected in
	 * vcpu->exception, ->nmi_injected, ->interrupt. Interrupts off.
	 */
	void (*enter)(struct vcpu *v);
	enum run_verdict (*handle_exit)(struct vcpu *v);

	/* Ask for an exit as soon as an interrupt (nmi: an IRET) allows. */
	void (*request_irq_window)(struct vcpu *v, bool on);
	void (*request_nmi_window)(struct vcpu *v);
	/* Exit on accesses to CR8; else the guest has it without an exit. */
	void (*trap_cr8)(struct vcpu *v, bool on);
	bool (*interrupt_allowed)(struct vcpu *v);
	bool (*nmi_allowed)(struct vcpu *v);

	void (*flush_tlb)(struct vcpu *v);	/* before the next entry */
	/* Shadow paging: the table to walk. */
	void (*set_root)(struct vcpu *v, hpa_t root);
	/* Copy segment and table registers between kvm_sregs and the VMCB. */
	void (*get_sregs)(struct vcpu *v, struct kvm_sregs *s);
	void (*set_sregs)(struct vcpu *v, const struct kvm_sregs *s);
	/* One of them where it lives, to look at. */
	const struct emul_segment *(*segment)(struct vcpu *v, enum emul_seg which);
	void (*get_emul_segs)(struct vcpu *v, struct emul_segment *seg);
	/* @which: BIT(enum emul_seg) of those that changed. */
	void (*set_emul_segs)(struct vcpu *v, const struct emul_segment *seg,
			      unsigned int which);
	u8 (*get_cpl)(struct vcpu *v);
	/* cr0/3/4/efer changed in struct vcpu: bring the VMCB up to date. */
	void (*update_mode)(struct vcpu *v);
	/* MSRs that live in the VMCB (FS/GS base, STAR.., SYSENTER..): 0,
	 * -EOPNOTSUPP if not one of them.
	 */
	int (*get_msr)(struct vcpu *v, u32 msr, u64 *data);
	int (*set_msr)(struct vcpu *v, u32 msr, u64 data);
	/* CPUID is another: instructions may have come or gone with it. */
	void (*update_cpuid)(struct vcpu *v);
	void (*update_debug)(struct vcpu *v);
	/* Fill kvm_run for a step over an instruction that was emulated. */
	enum run_verdict (*debug_stepped)(struct vcpu *v);

	/* Ports [first, first + count) reach the machine without an exit, or
	 * exit again; the map is the VM's own. May sleep. 0 or -ENOMEM (only
	 * to allow). The caller flushes.
	 */
	int (*vm_allow_ports)(struct vm *vm, u16 first, unsigned int count,
			      bool allow);
	void (*vm_destroy)(struct vm *vm);	/* what hangs on vm->arch */
};

int vcpu_ops_register(const struct vcpu_ops *ops);	/* -EBUSY */
void vcpu_ops_unregister(const struct vcpu_ops *ops);

#endif
