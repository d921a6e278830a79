/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vcpu: what kvm-core's own files, and svm's exit handlers, ask of a vCPU.
 * All of it belongs to the vCPU's thread, with vcpu->mutex held, unless it
 * says otherwise.
 */
#ifndef BACKPLANE_VCPU_H
#define BACKPLANE_VCPU_H

#include <linux/static_call.h>
#include <linux/thread_info.h>
#include "kvm-core/vclock.h"
#include "kvm-core/vcpu_ops.h"
#include "kvm-core/vlapic.h"
#include "kvm-core/vm.h"

#define X86_CR0_CACHE_BITS	(BIT(29) | BIT(30))	/* NW, CD */

extern const struct vcpu_ops *vcpu_ops;
int vcpu_ops_get(void);		/* dev_linux.c */

/* Those that every exit needs, without the price of an indirect call. */
DECLARE_STATIC_CALL(vcpu_enter, void(struct vcpu *v));
DECLARE_STATIC_CALL(vcpu_handle_exit, enum run_verdict(struct vcpu *v));
DECLARE_STATIC_CALL(vcpu_segment,
		    const struct emul_segment *(struct vcpu *v, enum emul_seg which));
DECLARE_STATIC_CALL(vcpu_get_cpl, u8(struct vcpu *v));

/*
 * kvm_run, the data of port accesses, coalesced ring. data_offset tells where those
 * data are, but there is user space that takes a page of them for granted.
 */
#define VCPU_MMAP_PAGES	3
#define VCPU_PORT_DATA	PAGE_SIZE	/* from the start of kvm_run */
#define VCPU_PORT_BYTES	PAGE_SIZE
#define VCPU_COALESCED_PAGE	2	/* of the VM, in each vCPU's map */

#define VCPU_MAX_NMIS	2	/* that wait, where none is being handled */

/* What machine-check banks a vCPU may have: 10 banks, MCG_CTL. */
#define VCPU_MCG_CAP	(BIT_ULL(8) | BIT_ULL(24) | 32)
#define VCPU_MCG_COUNTS	(0xffULL | 0xff0000ULL)	/* of banks, of extended registers */

/* What KVM_SET_GUEST_DEBUG takes. */
#define VCPU_GUEST_DEBUG (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | \
	KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | \
	KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | KVM_GUESTDBG_BLOCKIRQ)

/* Old behaviour that user space may switch off, hypercalls it may have. */
#define VM_QUIRKS (KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED | \
	KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP | \
	KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
	KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | \
	KVM_X86_QUIRK_SLOT_ZAP_ALL)	/* a slot that goes never took others with it */
#define VM_EXIT_HYPERCALLS	BIT(12)		/* KVM_HC_MAP_GPA_RANGE */

/* ---- events (run_linux.c) ----------------------------------------------- */
/* Queue an exception for the next entry; merges with one in delivery. */
void vcpu_queue_exception(struct vcpu *v, u8 vector, u32 error);
void vcpu_queue_page_fault(struct vcpu *v, u64 cr2, u32 error);
/* The instruction at which single steps were on has been done for the guest. True:
 * kvm_run tells the debugger; else the guest gets its #DB.
 */
bool vcpu_stepped(struct vcpu *v);
static inline void vcpu_queue_gp(struct vcpu *v)
{
	vcpu_queue_exception(v, 13, 0);
}

/* A signal, or another task. */
static inline bool host_wants_thread(void)
{
	return read_thread_flags() &
	       (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NEED_RESCHED);
}

/* Until something comes for it; held in reset is the same to us. */
static inline bool vcpu_is_halted(const struct vcpu *v)
{
	return v->mp_state == KVM_MP_STATE_HALTED ||
	       v->mp_state == KVM_MP_STATE_AP_RESET_HOLD;
}

/*
 * KVM_INTERRUPT where all controllers are in user space: what it gives is in delivery
 * from then on, for all to see, whatever the guest's IF says. -1: nothing.
 */
static inline int vcpu_user_event(struct vcpu *v)
{
	return vm_irq_mode(v->vm) == IRQCHIP_NONE ? v->user_irq : -1;
}

/* CR8 as the guest reads it. */
static inline u8 vcpu_tpr_class(const struct vcpu *v)
{
	return v->vlapic ? vlapic_peek(v->vlapic, VLAPIC_TPR) >> 4 & 15 : v->cr8;
}

/* ---- exits that kvm-core answers ------------------------------------------ */
/* Emulate the instruction at rip (mmio_linux.c). */
enum run_verdict vcpu_emulate(struct vcpu *v);
/* 0 and *gpa, or -EFAULT with *error = page-fault code. @access: GWALK_*. */
int vcpu_translate(struct vcpu *v, gva_t gva, u32 access, gpa_t *gpa, u32 *error);
/* Its length in bytes, or 0 with an exception queued (fast_linux.c). */
unsigned int vcpu_insn_length(struct vcpu *v);
/* The instruction at rip accessed @gpa, where no RAM is, and the CPU translated
 * its operand to that. @given: its 15 bytes if the CPU told them, or NULL
 * (fast_linux.c).
 */
enum run_verdict vcpu_mmio(struct vcpu *v, gpa_t gpa, bool write, const u8 *given);
/* MOV to CR0, CR4 or CR8 exited, or something like it (fast_linux.c). */
enum run_verdict vcpu_mov_to_cr(struct vcpu *v);
/* MOV from a control register exited (shadow paging), or something like it; and
 * INVLPG.
 */
enum run_verdict vcpu_mov_from_cr(struct vcpu *v);
enum run_verdict vcpu_invlpg(struct vcpu *v);
/* The same where the CPU told the registers; @next is rip after it. */
enum run_verdict vcpu_write_cr(struct vcpu *v, unsigned int cr, unsigned int gpr,
			       u64 next);
/* One IN or OUT; @next_rip is reached when it has completed. */
enum run_verdict vcpu_pio(struct vcpu *v, u16 port, unsigned int size, bool in,
			  u64 next_rip);
/*
 * The quick way of the same (fast_linux.c): for svm, between two entries while
 * vcpu->quick, interrupts and preemption off. False or 0: nothing was done.
 */
unsigned int vcpu_quick_insn_length(struct vcpu *v);
bool vcpu_quick_mmio(struct vcpu *v, gpa_t gpa, bool write);
bool vcpu_quick_pio(struct vcpu *v, u16 port, unsigned int size, bool in,
		    u64 next_rip);
/* May vcpu_guest_msr() be called so? */
bool vcpu_quick_msr(struct vcpu *v, u32 msr, bool write);
/*
 * May the guest be entered again, with nothing that the run loop must look at
 * before? One interrupt alone that the guest takes now is no hindrance: it is
 * chosen for injection (v->interrupt).
 */
bool vcpu_quick_goes_on(struct vcpu *v);
/* CPUID: fills rax..rdx from leaf rax, subleaf rcx (vcpu_cpuid_linux.c). */
void vcpu_cpuid(struct vcpu *v);
bool vcpu_has_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, unsigned int reg,
		    unsigned int bit);
/* A register of a leaf's first subleaf, as user space gave it; 0 without. */
u32 vcpu_cpuid_bits(struct vcpu *v, u32 leaf, enum cpuid_regs_idx reg);
bool vcpu_has_rdtscp(struct vcpu *v);
/* Family, model, stepping, as EDX has them after a reset (APM2 14.1.3). */
u32 vcpu_signature(struct vcpu *v);
/* MONITOR and MWAIT, by CPUID or MISC_ENABLE. */
bool vcpu_offers_mwait(struct vcpu *v);
/* 0, or -EINVAL: the guest gets #GP. @host: user space writes, no checks that
 * only a guest must pass.
 */
int vcpu_get_msr(struct vcpu *v, u32 msr, u64 *data, bool host);
int vcpu_set_msr(struct vcpu *v, u32 msr, u64 data, bool host);
/* The guest's RDMSR or WRMSR of rcx, with the VM's filter (msrfilter_linux.c).
 * GP: the caller queues the exception. USER: kvm_run is filled in; the caller
 * sets user_msr.next_rip and leaves rip where it is.
 */
enum guest_msr { GUEST_MSR_DONE, GUEST_MSR_GP, GUEST_MSR_USER };
enum guest_msr vcpu_guest_msr(struct vcpu *v, u32 msr, u64 *data, bool write);
/* 0 or -EINVAL. */
int vcpu_set_xcr0(struct vcpu *v, u64 xcr0);
/* CR4 bits that user space may set: all there are, until CPUID says which. */
u64 vcpu_cr4_allowed(const struct vcpu *v);
/* EFER bits that the host's CPUs have, and guests may. */
u64 vcpu_efer_possible(void);
/* CR4 bits that the host's CPUs have, and so may have set in a guest. */
u64 vcpu_cr4_possible(void);
/* SSE has a state of its own from now on: what it began with is there. */
void vcpu_begin_sse(struct xregs_state *x);
/* What XCR0 may hold in a guest; 0: no XSAVE (cpuid_linux.c). */
u64 vcpu_xcr0_possible(void);
/* Can guests have protection keys? svm switches PKRU then (nested paging only). */
bool vcpu_has_keys(void);
int vcpu_set_cr(struct vcpu *v, unsigned int n, u64 value);
int vcpu_set_efer(struct vcpu *v, u64 efer, bool host);
/* An exit that cannot be answered: KVM_EXIT_INTERNAL_ERROR. */
enum run_verdict vcpu_internal_error(struct vcpu *v, u32 suberror);
/* A fault that was not emulated: RUN_AGAIN, or why the guest cannot go on. */
enum run_verdict vcpu_mem_verdict(enum vm_mem_verdict verdict);

/* ---- paravirtual guests (pv_linux.c, apf_linux.c) --------------------------- */
/* RUN_AGAIN, or RUN_USER with kvm_run filled in; rip is past the instruction. */
enum run_verdict vcpu_hypercall(struct vcpu *v);
void vcpu_complete_hypercall(struct vcpu *v);
/* May the guest use this MSR, for all that its CPUID says? */
bool vcpu_pv_msr_offered(const struct vcpu *v, u32 msr);
/* The guest spins (PAUSE exit): give the CPU to a sibling that waits for one. */
void vcpu_on_spin(struct vcpu *v);
/*
 * A nested fault on a page that the host must fetch first: true if the guest
 * was told and runs on with something else. Before vm_mem_fault.
 */
bool vcpu_apf_fault(struct vcpu *v, gpa_t gpa, bool write);
int vcpu_pv_get_msr(struct vcpu *v, u32 msr, u64 *data);
int vcpu_pv_set_msr(struct vcpu *v, u32 msr, u64 data);
void vcpu_pv_reset(struct vcpu *v);
void vcpu_pv_sched_in(struct vcpu *v);	/* preemption notifier: no sleep */
void vcpu_pv_sched_out(struct vcpu *v);
void vcpu_pv_put(struct vcpu *v);		/* goes out to user space */
void vcpu_pv_steal_update(struct vcpu *v);	/* VCPU_REQ_STEAL */
/* Around each entry: lend after the event was chosen, settle if lent. */
void vcpu_pv_eoi_lend(struct vcpu *v);
void vcpu_pv_eoi_settle(struct vcpu *v);
int apf_start(void);			/* with the module: 0 or -ENOMEM */
void apf_stop(void);
/* Before a guest enables them, once: 0 or -ENOMEM. Without it there are none. */
int vcpu_apf_init(struct vcpu *v);
void vcpu_apf_destroy(struct vcpu *v);
void vcpu_apf_reset(struct vcpu *v);
void vcpu_apf_msr(struct vcpu *v, u32 msr, u64 data);
void vcpu_apf_tell(struct vcpu *v);		/* VCPU_REQ_APF */

/* ---- a page for the task priority (vapic_linux.c) --------------------------------- */
/* KVM_TPR_ACCESS_REPORTING, KVM_SET_VAPIC_ADDR: 0 or -EINVAL. */
int vcpu_tpr_report(struct vcpu *v, struct kvm_tpr_access_ctl *c);
int vcpu_vapic_page(struct vcpu *v, const struct kvm_vapic_addr *a);
/* v->tpr_report: the instruction at rip accesses the TPR in the APIC's page. */
void vcpu_tpr_accessed(struct vcpu *v, bool write);
/* v->vapic_page: around each entry. */
void vcpu_vapic_put(struct vcpu *v);
void vcpu_vapic_take(struct vcpu *v);

/* ---- system management mode (smm_linux.c) ------------------------------------- */
/* Address space @id (0, 1) of @vm, made if need be; ERR_PTR. Only its memory. */
struct vm *vm_space(struct vm *vm, unsigned int id);
void vm_space_destroy(struct vm *vm);
/* Take a pending SMI, between instructions with no event under way: true if so. */
bool vcpu_smi_enter(struct vcpu *v);
/* The guest executed RSM; RUN_HALTED if the SMI had ended a HLT. */
enum run_verdict vcpu_rsm(struct vcpu *v);
void vcpu_smm_set(struct vcpu *v, bool on);
void vcpu_smm_reset(struct vcpu *v, bool init);
void vcpu_smm_events_get(struct vcpu *v, struct kvm_vcpu_events *e);
void vcpu_smm_events_set(struct vcpu *v, const struct kvm_vcpu_events *e);
struct task_request;
/* A task switch that the CPU left to us (task_linux.c); faults are queued. */
void vcpu_task_switch(struct vcpu *v, const struct task_request *rq);
/* A #UD that is SYSENTER or SYSEXIT, and this guest's CPU has it in long mode: true,
 * it is done or an exception queued (sysenter_linux.c).
 */
bool vcpu_sysenter(struct vcpu *v);
/* Does the guest's CPUID name that vendor? (vcpu_cpuid_linux.c) */
bool vcpu_is_intel(struct vcpu *v);
/* Does the instruction at rip begin with these bytes? One that cannot be read does not;
 * no fault is queued (mmio_linux.c).
 */
bool vcpu_insn_is(struct vcpu *v, const u8 *bytes, unsigned int len);
/* Write @bytes over it, as the guest itself would; 0 too when a fault of that is
 * queued. -errno: it is not all in RAM that can be written.
 */
int vcpu_patch_insn(struct vcpu *v, const u8 *bytes, unsigned int len);

/* ---- shadow paging (smmu_linux.c) ---------------------------------------------- */
/* The guest's #PF exit; @error as the CPU has it, @delivering: during delivery. */
enum run_verdict vcpu_shadow_fault(struct vcpu *v, gva_t gva, u32 error,
				   bool delivering);
void vcpu_shadow_invlpg(struct vcpu *v, gva_t gva);
/* VCPU_REQ_SHADOW: compare what the guest may have changed, choose the root. 0 or
 * -ENOMEM. Sleeps.
 */
int vcpu_shadow_load(struct vcpu *v);
/* The guest flushed its TLB, or what it does counts as that. */
static inline void vcpu_flush_guest_tlb(struct vcpu *v)
{
	vcpu_ops->flush_tlb(v);
	if (v->vm->mem.smmu)
		set_bit(VCPU_REQ_SHADOW, &v->requests);
}

/* ---- /sys/module/kvm and kvm_amd (standin_linux.c), while there is a backend ---- */
void standins_add(void);
void standins_remove(void);

/* ---- glue between the files ------------------------------------------------ */
int vcpu_create(struct vm *vm, unsigned long id);		/* -> fd */
void vcpu_destroy(struct vcpu *v);
void vcpu_load(struct vcpu *v);
void vcpu_put(struct vcpu *v);
int vcpu_run(struct vcpu *v);					/* KVM_RUN */
/* Register sets in kvm_run: those it marks dirty are taken, before; those it asks
 * for are told, after. -EINVAL: an unknown set, or values that are refused.
 */
int vcpu_sync_in(struct vcpu *v);
void vcpu_sync_out(struct vcpu *v);
void vcpu_reset(struct vcpu *v, bool init);
/* Take note of an NMI, or an INIT and a SIPI, that others have sent; the run
 * loop and the ioctls that tell of it.
 */
void vcpu_accept_nmi(struct vcpu *v);
/* Of a state that comes back: NMIs wait for an IRET, which is to exit. */
static inline void vcpu_mask_nmis(struct vcpu *v, bool on)
{
	v->nmi_masked = on;
	if (on)
		vcpu_ops->request_nmi_window(v);
}
void vcpu_send_nmi(struct vcpu *v);	/* [any] */
void vcpu_accept_init(struct vcpu *v);
int vcpu_complete_io(struct vcpu *v);				/* mmio_linux.c */
void vcpu_forget_code(struct vcpu *v);		/* its space is another: fast_linux.c */
unsigned int vcpu_insn_length_slow(struct vcpu *v);		/* mmio_linux.c */
/* 0, or -EOPNOTSUPP: no device of the kernel's; *data read or written. */
int vcpu_kernel_device(struct vcpu *v, const struct vcpu_mmio_entry *e, void *data);
void vcpu_exit_to_user(struct vcpu *v, const struct vcpu_mmio_entry *e);
/* The page of port data, made when it is first asked for. NULL: no memory, unless
 * @gfp does not fail.
 */
u8 *vcpu_port_data(struct vcpu *v, gfp_t gfp);
void vcpu_complete_load(struct vcpu *v);			/* fast_linux.c */
bool vcpu_take_request(struct vcpu *v, enum vcpu_request r);
/* Has a vCPU that waits (halted, or for a SIPI) something to do? (wait_linux.c) */
bool vcpu_runnable(struct vcpu *v);
/* Wait for that, or until user space wants its thread: polls, then sleeps. 0, or
 * -ERESTARTSYS when a signal ended the sleep. Its own thread, no lock.
 */
int vcpu_wait(struct vcpu *v);
void vcpu_clock_update(struct vcpu *v);				/* clock_linux.c */
int vcpu_clock_set_msr(struct vcpu *v, u32 msr, u64 data);
/* The wall clock and the guest's TSC at one moment; false: no stable clock. */
bool vcpu_clock_pair(struct vcpu *v, s64 *sec, s64 *nsec, u64 *tsc);
void vcpu_write_tsc(struct vcpu *v, u64 tsc);
void vcpu_set_tsc_offset(struct vcpu *v, u64 offset);
/* 0: the host's. -EINVAL: more than a little from that, and not to be had by scaling. */
int vcpu_set_tsc_khz(struct vcpu *v, u32 khz);
static inline u64 vcpu_scale_tsc(const struct vcpu *v, u64 ticks)
{
	return likely(v->tsc_ratio == VCLOCK_RATIO_ONE) ? ticks :
	       vclock_scale_ticks(ticks, v->tsc_ratio);
}
static inline u64 vcpu_read_tsc(struct vcpu *v)
{
	return vcpu_scale_tsc(v, rdtsc()) + v->tsc_offset;
}
/* It did: what was worked out from it is not true any more. */
static inline void vcpu_tsc_changed(struct vcpu *v)
{
	set_bit(VCPU_REQ_CLOCK, &v->requests);
	set_bit(VCPU_REQ_TIMER, &v->requests);
}
/* Ticks a millisecond: tsc_khz, if it is no more than what another host measured. */
static inline u32 vcpu_tsc_rate(const struct vcpu *v)
{
	return v->tsc_ratio == VCLOCK_RATIO_ONE ? tsc_khz : v->tsc_khz;
}
/* User space has answered KVM_EXIT_X86_RDMSR or WRMSR. */
void vcpu_complete_user_msr(struct vcpu *v);
/* 0, -EINVAL, -EFAULT, -ENOMEM. Takes vm->lock. */
int vm_set_msr_filter(struct vm *vm, const struct kvm_msr_filter *arg);
void vm_msr_filter_destroy(struct vm *vm);
int vm_user_space_msr(struct vm *vm, u64 reasons);
u32 vm_exits_to_disable(void);		/* KVM_X86_DISABLE_EXITS_* that may be (cap_linux.c) */
/* KVM_ENABLE_CAP, without flags: 0 or an errno (cap_linux.c). */
int vm_enable_cap(struct vm *vm, const struct kvm_enable_cap *cap);
int vcpu_enable_cap(struct vcpu *v, const struct kvm_enable_cap *cap);
/* -EBUSY: vCPUs exist; -EINVAL: no vCPU can have that id. */
int vm_set_boot_id(struct vm *vm, u64 id);
/* KVM_{GET,SET,HAS}_DEVICE_ATTR of a vCPU: -ENXIO for an unknown one. */
long vcpu_attr_ioctl(struct vcpu *v, unsigned int cmd, const void __user *argp);
int vcpu_set_mce(struct vcpu *v, const struct kvm_x86_mce *in);
int vm_coalesced_init(struct vm *vm);			/* coalesced_linux.c */
void vm_coalesced_destroy(struct vm *vm);
/* 0, -EINVAL, -ENOSPC (too many zones), -ENOMEM. Takes vm->lock. */
int vm_coalesced_register(struct vm *vm, const struct kvm_coalesced_mmio_zone *arg);
int vm_coalesced_unregister(struct vm *vm, const struct kvm_coalesced_mmio_zone *arg);
void vm_clock_init(struct vm *vm);
/* The machine slept, and its TSCs fell back by @lost. One CPU, interrupts off. */
void vm_clock_woke(struct vm *vm, u64 lost);
void vms_sleep_init(void);				/* vm_linux.c */
void vms_sleep_exit(void);
long vm_clock_ioctl(struct vm *vm, unsigned int cmd, void __user *arg);
/* Leaf and MSR surface for the ioctls (cpuid_linux.c, vcpu_cpuid_linux.c, msr_linux.c). */
#define CPUID_MAX_ENTRIES	256
void cpuid_init(void);
u64 cpuid_arch_caps(void);		/* ARCH_CAPABILITIES */
int cpuid_get_supported(struct kvm_cpuid2 __user *arg, bool emulated);
/* Size of the XSAVE area for the state in @xcr0, @compact as XSAVEC stores it. */
u32 cpuid_xsave_size(u64 xcr0, bool compact);
int vcpu_set_cpuid2(struct vcpu *v, struct kvm_cpuid2 __user *arg);
int vcpu_set_cpuid(struct vcpu *v, struct kvm_cpuid __user *arg);
int vcpu_get_cpuid2(struct vcpu *v, struct kvm_cpuid2 __user *arg);
int msr_index_list(struct kvm_msr_list __user *arg);
int msr_feature_list(struct kvm_msr_list __user *arg);
int msr_feature_io(struct kvm_msrs __user *arg);
int vcpu_msr_io(struct vcpu *v, struct kvm_msrs __user *arg, bool set);
long vm_ioctl(struct file *f, unsigned int cmd, unsigned long arg);
int vm_create_fd(void);
int vm_check_extension(struct vm *vm, long cap);
long vm_ext_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg);
int vm_ext_check(u32 cap);
void vm_ext_destroy(struct vm *vm);

#endif
