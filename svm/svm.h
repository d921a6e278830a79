/* SPDX-License-Identifier: GPL-2.0 */
/*
 * svm: what svm's own files share.
 */
#ifndef BACKPLANE_SVM_H
#define BACKPLANE_SVM_H

#include "kvm-core/vcpu.h"
#include "svm/asid.h"
#include "svm/vmcb.h"

/* What CPUID 8000_000A offers; each is used only when there (APM2 15.x). */
struct svm_features {
	bool nrip, decode_assist, flush_by_asid, clean_bits, pause_filter,
	     pause_threshold, tsc_ratio;
	u32 asids;
};

extern struct svm_features svm_features;

struct svm_vcpu {
	struct vmcb *vmcb;
	hpa_t vmcb_pa;
	struct asid_user asid;
	int cpu;		/* that ran it last: it may know the VMCB */
	bool flush;		/* forget translations before the next entry */
	u32 insn_event;		/* injected as if by INT n, INT3 or INTO; or 0 */
	u64 iret_rip;		/* of the IRET that ends an NMI handler */
	bool iret_pending;
	bool dr_loaded;
	bool answered;		/* the last exit, the quick way */
	bool nmi_step;		/* one step, to where an NMI may go in */
	bool debug_tf;		/* this entry's trap flag is not the guest's own;
				 * after it: and it has exited by #DB
				 */
	u64 debug_dr6;		/* the guest's, before the entry */
	u64 virt_spec_ctrl;	/* VIRT_SPEC_CTRL */
};

static inline struct svm_vcpu *to_svm(struct vcpu *v)
{
	return v->arch;
}

/* run.S */
void svm_run(u64 *regs, unsigned long guest_vmcb, unsigned long host_vmcb);

/* debug_linux.c: only while vcpu->guest_debug or nmi_step is set, update_debug apart */
void svm_update_debug(struct vcpu *v);
void svm_debug_enter(struct vcpu *v);	/* irqs off, the VMCB is filled in */
void svm_debug_exit(struct vcpu *v);
enum run_verdict svm_exit_db(struct vcpu *v);
enum run_verdict svm_exit_dr(struct vcpu *v);	/* at any time */
enum run_verdict svm_exit_bp(struct vcpu *v);
enum run_verdict svm_exit_swint(struct vcpu *v);
enum run_verdict svm_debug_stepped(struct vcpu *v);

/* spec_linux.c: 0, -EINVAL (#GP), -EOPNOTSUPP (not one of these); enter and exit around
 * a run with virt_spec_ctrl, interrupts off
 */
int svm_spec_get_msr(struct vcpu *v, u32 msr, u64 *data);
int svm_spec_set_msr(struct vcpu *v, u32 msr, u64 data);
void svm_spec_enter(struct vcpu *v);
void svm_spec_exit(struct vcpu *v);

/* exit_linux.c */
enum run_verdict svm_handle_exit(struct vcpu *v);
/* Answer the exit before the run loop hears of it, if that can be done without
 * sleeping. Interrupts off. False: untouched.
 */
bool svm_quick_exit(struct vcpu *v);
void svm_inject(struct vcpu *v);

#endif
