/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vm and struct vcpu: what the Linux side of kvm-core, svm and
 * pci-assign share.
 *
 * Lock order (outer first): vm->lock, vcpu->mutex, vm->mem.slots_lock,
 * mmap_lock, vm->mem.mmu_lock, vm->irq->lock.
 *
 * Life: a vm lives while its file, a vCPU's file, or a device above holds a
 * reference. A vcpu lives as long as its vm.
 */
#ifndef BACKPLANE_VM_H
#define BACKPLANE_VM_H

#include <linux/atomic.h>
#include <linux/kvm.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/hrtimer.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include "addr.h"
#include "kvm-core/bus.h"
#include "kvm-core/dring.h"
#include "kvm-core/emul_move.h"
#include "kvm-core/irq.h"
#include "kvm-core/mce.h"
#include "kvm-core/mem.h"

#define VM_MAX_VCPUS	64
#define VM_MAX_VCPU_IDS	255
#define VM_NR_SPACES	2	/* the second is what SMM sees */

struct dentry;
struct vlapic;
struct vm_stat;
struct smmu_page;
struct vcpu_ops;
struct vm_ext;

enum { VM_BUS_PIO, VM_BUS_MMIO, VM_NR_BUSES };

struct vm {
	refcount_t refs;
	unsigned int id;		/* for logs and statistics */
	pid_t owner_pid;
	struct mm_struct *mm;		/* grabbed (mm_count), of the creator */
	struct mutex lock;
	struct vm_mem mem;
	struct vm *smm_space;		/* address space 1, or NULL: smm_linux.c */
	struct vm *outer;		/* of such a space: whose it is */
	struct vm_irq *irq;
	struct bus __rcu *buses[VM_NR_BUSES];
	struct mutex bus_lock;
	/* Coalesced writes (coalesced_linux.c) */
	struct list_head coalesced_zones;	/* under lock */
	unsigned int nr_coalesced;
	spinlock_t coalesced_lock;		/* the ring */
	struct kvm_coalesced_mmio_ring *coalesced_ring;
	u32 ring_entries;			/* of each vCPU's dirty ring; 0: none */
	atomic_t nr_vcpus;
	struct vcpu *vcpus[VM_MAX_VCPUS];	/* set once, before nr_vcpus */
	struct vm_ext *ext[4];		/* per registered extension */
	unsigned long ext_held;		/* bits: ext[i] holds its module */
	/* What user space has switched on (KVM_ENABLE_CAP) */
	bool exception_payload, triple_fault_event;
	bool exit_on_failure;		/* else a failed emulation for user code is #UD */
	bool hide_platform_info;
	unsigned long has_vfiodev;	/* bit 0: there is one, at most */
	u32 max_vcpu_ids;		/* 0: VM_MAX_VCPU_IDS */
	u32 boot_id;			/* the vCPU that starts by itself */
	u32 apic_bus_ns;		/* what the APICs' timers count; 0: 1 */
	unsigned long nr_mmu_pages;	/* as user space set it */
	u64 quirks_off;			/* KVM_X86_QUIRK_* */
	u64 exit_hypercalls;		/* BIT(KVM_HC_*) that user space answers */
	u32 user_msr_reasons;		/* KVM_MSR_EXIT_REASON_* */
	u32 no_exits;			/* KVM_X86_DISABLE_EXITS_* */
	bool halt_poll_set;		/* KVM_CAP_HALT_POLL: not the module's, but */
	u32 halt_poll_ns;		/* this is the most */
	struct msrfilter __rcu *msr_filter;	/* NULL: none */
	const char *dead;		/* first reason of vm_kill, or NULL */
	void *arch;			/* svm's: its I/O map, or NULL */
	/* paravirtual clock and TSC */
	raw_spinlock_t clock_lock;
	s64 clock_offset;		/* ns: guest clock = boottime + this */
	u64 tsc_base_offset, tsc_base_ratio;	/* what vCPUs have that agree */
	u32 tsc_khz;			/* of vCPUs to come; 0: the host's */
	bool clock_stable;		/* guest clock runs by the TSC, from: */
	u64 clock_tsc;			/* the host's TSC at */
	s64 clock_boot;			/* this boottime */
	gpa_t wall_clock;
	unsigned int last_boosted;	/* vCPU index: directed yields go round */
	struct list_head link;		/* all VMs */
	struct dentry *stats_dir;	/* its folder in debugfs, or NULL */
	struct vm_stat *stats;		/* what that names */
};

/* Is the old behaviour @quirk (KVM_X86_QUIRK_*) kept? */
static inline bool vm_has_quirk(const struct vm *vm, u64 quirk)
{
	return !(READ_ONCE(vm->quirks_off) & quirk);
}

/* Does every MSR access have to be asked about? A change comes with a TLB flush. */
static inline bool vm_filters_msrs(const struct vm *vm)
{
	return rcu_access_pointer(vm->msr_filter);
}

/* Requests to a vCPU, set by anyone, taken by its thread. */
enum vcpu_request {
	VCPU_REQ_TLB_FLUSH,
	VCPU_REQ_NMI,
	VCPU_REQ_INIT,
	VCPU_REQ_SIPI,			/* vector in vcpu->sipi_vector */
	VCPU_REQ_SMI,
	VCPU_REQ_CLOCK,			/* update the guest's clock page */
	VCPU_REQ_EVENT,			/* an interrupt may have become pending */
	VCPU_REQ_TIMER,			/* the local APIC timer expired */
	VCPU_REQ_TRIPLE_FAULT,
	VCPU_REQ_VM_DEAD,
	VCPU_REQ_IOAPIC_EOI_EXIT,
	VCPU_REQ_STEAL,			/* the thread came to a CPU */
	VCPU_REQ_APF,			/* a page of the guest came */
	VCPU_REQ_SHADOW,		/* shadow paging: the guest flushed */
	VCPU_REQ_RING_FULL,		/* user space is to empty the dirty ring */
	VCPU_REQ_TPR,			/* it is to see an access to the priority */
};

enum vcpu_mode { VCPU_OUTSIDE, VCPU_IN_GUEST, VCPU_EXITING };

/* Register numbers as enum emul_reg. */
#define VCPU_NR_REGS	16

/* One access of the instruction under emulation, answered or awaiting user
 * space. The log replays the answers when the instruction starts over.
 */
struct vcpu_mmio_entry {
	gpa_t addr;
	u8 data[8];
	u8 len;
	bool write, done, pio;
	u16 count;			/* elements asked for, of an IN: 1 or more */
};

#define CODE_WINDOWS	4

/* A page that instructions come from, and the guest's page-table entries that
 * led there (fast_linux.c). Good as long as all of it is as it was.
 */
struct code_window {
	u64 page;			/* linear; ~0: none */
	u64 cr3, mode;
	unsigned long slots;		/* vm->mem.generation */
	const u8 __user *host;		/* where the process has it */
	unsigned int n;
	struct {
		u64 __user *at;
		u64 pte;
	} walk[4];
};

/* An instruction beside its bytes; insn.bits 0: none. */
struct known_insn {
	u64 bytes[2];
	struct insn insn;
};

struct vcpu_exception {
	bool pending;			/* to be injected */
	bool injected;			/* was being delivered when we exited */
	bool has_error;
	bool has_payload;		/* for CR2 or DR6, on delivery */
	bool at_insn;			/* its instruction may be at rip still */
	u8 vector;
	u32 error;
	u64 payload;
};

struct vcpu {
	struct vm *vm;
	struct mutex mutex;		/* one ioctl at a time */
	unsigned int id;		/* user's id; initial APIC id */
	unsigned int index;		/* in vm->vcpus */
	struct kvm_run *run;
	u8 *port_data;			/* its page, or NULL: vcpu_port_data() */
	struct preempt_notifier notifier;
	int cpu;			/* loaded on, or -1 */
	u32 poll_ns;			/* how long its next halt polls */
	struct task_struct *task;	/* inside KVM_RUN, or NULL */
	int mode;			/* enum vcpu_mode, smp ordered */
	unsigned long requests;		/* BIT(enum vcpu_request) */
	struct rcuwait wait;		/* its thread sleeps in KVM_RUN */
	u32 mp_state;			/* KVM_MP_STATE_* */
	u8 sipi_vector;
	u8 eoi_vector;			/* of VCPU_REQ_IOAPIC_EOI_EXIT */
	bool sigset_active;		/* KVM_SET_SIGNAL_MASK: */
	sigset_t sigset;

	u64 regs[VCPU_NR_REGS];		/* rax, rsp live in the VMCB while
					 * loaded; vcpu_ops syncs
					 */
	u64 rip, rflags;
	u64 cr0, cr2, cr3, cr4, efer;
	u64 dr[4], dr6, dr7;
	u64 xcr0;
	u32 pkru;			/* while it does not run */
	struct fpu_guest fpu;
	struct vlapic *vlapic;
	struct hrtimer lapic_timer;
	u64 apic_base, cr8;		/* when there is no vlapic */
	gpa_t vapic_page;		/* where the guest has its TPR; 0: nowhere */

	struct vcpu_exception exception;
	struct {
		bool injected, soft;
		u8 vector;
	} interrupt;
	atomic_t nmis_sent;		/* with VCPU_REQ_NMI: not accepted yet */
	unsigned int nmi_pending;
	bool nmi_injected, nmi_masked;
	bool int_shadow;
	struct {			/* smm_linux.c */
		bool active;		/* inside: address space 1 is seen */
		bool pending;		/* an SMI waits */
		bool halted;		/* the SMI ended a HLT */
		bool inside_nmi;	/* it came with NMIs masked */
		bool init_latched;	/* an INIT waits for RSM */
	} smm;
	int user_irq;			/* KVM_INTERRUPT vector or -1 */
	bool cr8_trapped;		/* else V_TPR is the APIC's TPR */

	/* CPUID and MSRs */
	struct kvm_cpuid_entry2 *cpuid;
	unsigned int nr_cpuid;
	u8 phys_bits;
	bool lfence_serializes;		/* DE_CFG says so */
	u64 cr4_by_cpuid;		/* bits that its features bring */
	struct {
		u64 ucode_rev;
		u64 pat, tsc_aux, misc_enable, mcg_status, mcg_ctl;
		u32 mcg_cap, misc_features;
		u64 mce_banks[MCE_BANKS * MCE_BANK_MSRS];
		u64 mtrr_def_type, mtrr_fixed[11], mtrr_var[16];
		u64 kvm_clock, tsc_adjust, smbase, smi_count;
		u64 steal_time, async_pf, async_pf_int, poll_control, pv_eoi;
		u64 platform_info, power_ctl, hwcr, arch_caps;
	} msr;
	/* paravirtual guests (pv_linux.c, apf_linux.c) */
	struct {
		u64 last_delay;		/* the thread's, at the last update */
		bool told_preempted;	/* the guest's byte says so */
		bool mark_due;		/* its page is not yet marked dirty */
		bool waits_for_cpu;	/* preempted while it wanted to run */
		bool eoi_lent;		/* the guest may skip its EOI */
		bool unhalted;		/* a kick that the next HLT consumes */
		bool enforce;		/* only what CPUID has: */
		u32 features;		/* KVM's leaf, eax */
	} pv;
	struct vcpu_apf *apf;
	struct dring ring;		/* of dirty pages; size 0: none */
	spinlock_t ring_lock;
	u64 tsc_offset;			/* guest's TSC: host's * ratio + offset */
	u64 tsc_ratio;			/* VCLOCK_RATIO_ONE: not scaled, */
	u32 tsc_khz;			/* this is the host's rate, nearly */
	bool clock_paused;

	/* Emulation in progress across an exit to user space */
	struct {
		bool active;
		unsigned int n, next;
		struct vcpu_mmio_entry log[16];
	} mmio;
	struct {			/* REP INS: what user space gave in one go */
		unsigned int next, count;	/* elements, on kvm_run's data page */
		u64 rip;
	} ahead;
	struct {
		bool active;		/* a simple IN/OUT awaits completion */
		bool in;
		u8 size;
		u16 port;
		u64 next_rip;		/* rip when it is complete */
	} pio;

	struct {
		bool active;		/* a plain load awaits user space */
		struct emul_move move;
		u64 next;		/* rip after it */
	} load;
	struct code_window window[CODE_WINDOWS];
	struct code_window *code;	/* the last used */
	struct known_insn known[8];
	gfn_t device_gfn;		/* no slot has it, as of */
	unsigned long device_slots;	/* vm->mem.generation */
	gfn_t user_gfn;			/* the quick way found nobody there last */
	struct bus_hint {		/* who may answer on bus @stamp */
		u64 stamp;
		gpa_t addr;
		struct bus_dev *dev;
		u16 len, devices;
	} hints[2][4];			/* by VM_BUS_*, and by address */
	bool quick;			/* exits of this entry may be answered
					 * the quick way (fast_linux.c)
					 */

	bool user_hypercall;		/* one that user space answers */
	bool tpr_report;		/* each access to the TPR is told */
	u8 window_next;			/* of window: the next to go */
	/* A RDMSR or WRMSR that user space answers */
	struct {
		bool active, read;
		u64 next_rip;
	} user_msr;

	u32 guest_debug;		/* KVM_GUESTDBG_*, 0: no debugger */
	bool step_due;			/* an IN or OUT that left was a step */
	u64 debug_dr[8];		/* its, with USE_HW_BP; 4, 5, 6 unused */
	u64 stat_exits, stat_irq_exits, stat_io_exits, stat_mmio_exits,
	    stat_npf, stat_halts, stat_injections, stat_emulations,
	    stat_hypercalls, stat_yields, stat_async_pf, stat_irq_windows,
	    stat_msr_exits;
	u64 stat_polls, stat_polls_hit, stat_poll_hit_ns, stat_poll_miss_ns,
	    stat_wakeups, stat_wait_ns;
	struct {			/* smmu_linux.c */
		struct smmu_page *root;	/* what CR3 points to */
		struct vm *space;	/* whose */
		bool zap;		/* user space may have changed anything */
	} shadow;
	void *arch;			/* svm's struct */
};

/* The memory the vCPU sees now: SMM has its own address space. */
static inline struct vm *vcpu_space(const struct vcpu *v)
{
	struct vm *space = READ_ONCE(v->vm->smm_space);

	return unlikely(v->smm.active) && space ? space : v->vm;
}

/* ---- references ------------------------------------------------------- */
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);
/* The vm behind a /dev/kvm VM file descriptor, with a reference, or ERR_PTR. */
struct vm *vm_from_fd(int fd);

/* KVM_CREATE_DEVICE (vfiodev_linux.c); the descriptor goes to user space. */
int vm_create_device(struct vm *vm, void __user *argp);

/* The guest did what no guest may: remember the first reason, stop its vCPUs. */
void vm_kill(struct vm *vm, const char *reason);

/* ---- waking and flushing [any context, hard-irq included] --------------- */
void vcpu_request(struct vcpu *v, enum vcpu_request r);	/* set + kick */
/* Make a running vCPU leave guest mode, a halted one look again. */
void vcpu_kick(struct vcpu *v);
/* All vCPUs of @vm forget nested translations before they next run guest
 * code; returns when none runs with old ones. Not from hard-irq context; may
 * be called under mmu_lock.
 */
void vm_flush_tlb(struct vm *vm);

/*
 * Let the guest reach the machine's I/O ports [first, first + count) under
 * their own numbers and without an exit, or no longer: on return no vCPU uses
 * a port that was taken away. The caller owns the ports, whole and alone, and
 * takes them away before it lets go of them or of the VM. May sleep; 0, or
 * -ENOMEM (only to allow: then they exit as before).
 */
int vm_allow_ports(struct vm *vm, u16 first, unsigned int count, bool allow);

#define vm_for_each_vcpu(i, v, vm)					\
	for ((i) = 0; (i) < atomic_read(&(vm)->nr_vcpus) &&		\
	     ((v) = READ_ONCE((vm)->vcpus[i])) != NULL; (i)++)

/* ---- in-kernel devices -------------------------------------------------- */
int vm_bus_add(struct vm *vm, int bus, gpa_t start, u64 size, struct bus_dev *dev);
void vm_bus_del(struct vm *vm, int bus, struct bus_dev *dev);

/* ---- extension of the VM's ioctls (pci-assign) -------------------------- */
struct vm_ext_ops {
	struct module *owner;
	const char *name;
	/* KVM_CHECK_EXTENSION: > 0 if this extension offers @cap. */
	int (*check_extension)(u32 cap);
	/* -ENOTTY: not mine. *ext is the VM's own state, NULL at first; set it
	 * to keep some (the module is then held until destroy). vm->lock is
	 * not held.
	 */
	long (*ioctl)(struct vm *vm, struct vm_ext **ext, unsigned int cmd,
		      unsigned long arg);
	/* The VM's last file is closed or its process died: give all back. */
	void (*destroy)(struct vm *vm, struct vm_ext *ext);
};
int vm_ext_register(const struct vm_ext_ops *ops);	/* -EBUSY: table full */
void vm_ext_unregister(const struct vm_ext_ops *ops);

#endif
