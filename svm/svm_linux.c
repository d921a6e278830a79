// SPDX-License-Identifier: GPL-2.0
/*
 * svm on Linux: turns SVM on, owns the VMCBs, and enters the guest
 * (APM2 chapter 15). Registers itself with kvm-core as vcpu_ops. Exits are
 * answered in exit_linux.c; the switch itself is run.S. It must not know of
 * user space's ABI beyond struct kvm_sregs, nor of any IOMMU.
 */
#include <linux/cc_platform.h>
#include <linux/context_tracking.h>
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/syscore_ops.h>
#include <asm/debugreg.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/pkru.h>
#include <asm/processor.h>
#include "kvm-core/excp.h"
#include "svm/clean.h"
#include "svm/permmap.h"
#include "compat_linux.h"
#include "svm/svm.h"

MODULE_LICENSE("GPL");
MODULE_AUTHOR("Backplane maintainers");
MODULE_DESCRIPTION("AMD SVM backend of kvm-core");

/* APM2 15.4, 15.30: SVM enable and lock, host state area. */
#define VM_CR_SVMDIS	BIT_ULL(4)
#define SVM_LEAF	0x8000000aU

struct svm_cpu {
	struct asid_pool pool;
	void *host_save;		/* VM_HSAVE_PA: the CPU's own */
	void *host_vmcb;		/* our VMSAVE of the host */
	hpa_t host_vmcb_pa;
	u64 tsc_aux;			/* the host's */
	u64 tsc_ratio;			/* as it is in the MSR */
	struct svm_vcpu *last;		/* whose VMCB the CPU may have cached */
	bool enabled;
};

static DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

struct svm_features svm_features;

static bool npt = true;
module_param(npt, bool, 0444);
MODULE_PARM_DESC(npt, "nested paging; npt=0: shadow paging, where the CPU walks tables that kvm-core makes");

static u8 *svm_iopm, *svm_msrpm;
static u8 *svm_msrpm_all;	/* every MSR exits: the VM filters them */
static hpa_t svm_iopm_pa;
#define IOPM_ORDER	2
#define MSRPM_ORDER	1
static u64 host_xcr0;
static u64 host_xss;
static enum cpuhp_state svm_hp_state;

/* MSRs whose guest value VMLOAD and VMSAVE carry (APM2 15.5.2). */
static const u32 passed_msrs[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_FS_BASE,
	MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* ---- per-CPU enable ------------------------------------------------------- */

/* Of guests only (APM2 15.30.5). Preemption off. */
static void write_tsc_ratio(struct svm_cpu *c, u64 ratio)
{
	if (!svm_features.tsc_ratio || c->tsc_ratio == ratio)
		return;
	wrmsrl(MSR_AMD64_TSC_RATIO, ratio);
	c->tsc_ratio = ratio;
}

static int svm_enable_cpu(unsigned int cpu)
{
	struct svm_cpu *c = this_cpu_ptr(&svm_cpus);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		pr_err("svm: CPU %u already runs a hypervisor; unload it (rmmod kvm_amd) and load svm again\n",
		       cpu);
		return -EBUSY;
	}
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, __pa(c->host_save));
	asid_pool_init(&c->pool, svm_features.asids);
	c->last = NULL;
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		rdmsrl(MSR_TSC_AUX, c->tsc_aux);
	c->tsc_ratio = 0;		/* whatever it is */
	write_tsc_ratio(c, VCLOCK_RATIO_ONE);
	c->enabled = true;
	return 0;
}

static int svm_disable_cpu(unsigned int cpu)
{
	struct svm_cpu *c = this_cpu_ptr(&svm_cpus);
	u64 efer;

	if (!c->enabled)
		return 0;
	c->enabled = false;
	write_tsc_ratio(c, VCLOCK_RATIO_ONE);
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
	return 0;
}

static void svm_disable_here(void *unused)
{
	svm_disable_cpu(smp_processor_id());
}

static int svm_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	on_each_cpu(svm_disable_here, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block svm_reboot_nb = { .notifier_call = svm_reboot };

/*
 * A CPU that is taken off line, as for sleep, comes back through svm_enable_cpu(); the
 * last one does not go off line.
 */
static int svm_suspend(void)
{
	return svm_disable_cpu(smp_processor_id());
}

static void svm_resume(void)
{
	if (svm_enable_cpu(smp_processor_id()))
		pr_err("svm: virtualization cannot be switched on again after sleep\n");
}

static struct syscore_ops svm_sleep = {
	.suspend = svm_suspend,
	.resume = svm_resume,
};

/* ---- VMCB ------------------------------------------------------------------- */

static const unsigned int base_intercepts[] = {
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	INTERCEPT_CR0_SEL_WRITE, INTERCEPT_RDPMC, INTERCEPT_CPUID,
	INTERCEPT_RSM, INTERCEPT_INVD, INTERCEPT_INVLPGA, INTERCEPT_IOIO,
	INTERCEPT_MSR, INTERCEPT_TASK_SWITCH, INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE,
	INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT, INTERCEPT_WBINVD,
	INTERCEPT_XSETBV, INTERCEPT_RDPRU,
	INTERCEPT_CR_WRITE(4), INTERCEPT_CR_WRITE(8), INTERCEPT_CR_READ(8),
	INTERCEPT_EXCEPTION(EXCP_DB), INTERCEPT_EXCEPTION(EXCP_UD),
	INTERCEPT_EXCEPTION(EXCP_AC), INTERCEPT_EXCEPTION(EXCP_MC),
};

/*
 * What moves the guest's idea of its tables. CR0 as a whole: what the guest writes
 * may be what the CPU has already.
 */
static const unsigned int shadow_intercepts[] = {
	INTERCEPT_EXCEPTION(EXCP_PF), INTERCEPT_CR_WRITE(0),
	INTERCEPT_CR_READ(3), INTERCEPT_CR_WRITE(3), INTERCEPT_INVLPG,
};

/* PAUSEs, no further apart than so many cycles, that are a spin (APM2 15.14.4) */
#define PAUSE_COUNT		3000
#define PAUSE_THRESHOLD		128

static void seg_init(struct vmcb_seg *seg, u16 selector, u16 attrib, u64 base)
{
	seg->selector = selector;
	seg->attrib = attrib;
	seg->limit = 0xffff;
	seg->base = base;
}

/* What the guest's CPU does not know, though this one does. INVPCID is offered to none. */
static void svm_update_cpuid(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;

	vmcb_intercept(vmcb, INTERCEPT_INVPCID, boot_cpu_has(X86_FEATURE_INVPCID));
	vmcb_intercept(vmcb, INTERCEPT_RDTSCP, boot_cpu_has(X86_FEATURE_RDTSCP) &&
		       !vcpu_has_rdtscp(v));
}

/* Architectural reset state (APM2 14.1.3). */
static void svm_vcpu_reset(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = svm->vmcb;
	unsigned int i;

	memset(vmcb, 0, sizeof(*vmcb));	/* no group is clean */
	for (i = 0; i < ARRAY_SIZE(base_intercepts); i++)
		vmcb_intercept(vmcb, base_intercepts[i], true);
	for (i = 0; i < 8; i++) {
		vmcb_intercept(vmcb, INTERCEPT_DR_READ(i), true);
		vmcb_intercept(vmcb, INTERCEPT_DR_WRITE(i), true);
	}
	vmcb->c.iopm_base = svm_iopm_pa;
	vmcb->c.msrpm_base = __pa(svm_msrpm);
	vmcb->c.int_ctl = VINTR_MASKING;
	vmcb_intercept(vmcb, INTERCEPT_HLT,
		       !(v->vm->no_exits & KVM_X86_DISABLE_EXITS_HLT));
	for (i = INTERCEPT_MONITOR; i <= INTERCEPT_MWAIT; i++)
		vmcb_intercept(vmcb, i, !(v->vm->no_exits & KVM_X86_DISABLE_EXITS_MWAIT));
	/* Only with the filter: every single PAUSE would cost an exit. */
	if (svm_features.pause_filter &&
	    !(v->vm->no_exits & KVM_X86_DISABLE_EXITS_PAUSE)) {
		vmcb_intercept(vmcb, INTERCEPT_PAUSE, true);
		vmcb->c.pause_count = PAUSE_COUNT;
		vmcb->c.pause_threshold = svm_features.pause_threshold ?
			PAUSE_THRESHOLD : 0;
	}
	vmcb->c.np_enable = npt;
	for (i = 0; !npt && i < ARRAY_SIZE(shadow_intercepts); i++)
		vmcb_intercept(vmcb, shadow_intercepts[i], true);
	vmcb->s.g_pat = v->msr.pat;

	seg_init(&vmcb->s.cs, 0xf000, 0x09b, 0xffff0000);
	seg_init(&vmcb->s.ds, 0, 0x093, 0);
	vmcb->s.es = vmcb->s.ds;
	vmcb->s.fs = vmcb->s.ds;
	vmcb->s.gs = vmcb->s.ds;
	vmcb->s.ss = vmcb->s.ds;
	seg_init(&vmcb->s.gdtr, 0, 0, 0);
	seg_init(&vmcb->s.idtr, 0, 0, 0);
	seg_init(&vmcb->s.ldtr, 0, 0x082, 0);
	seg_init(&vmcb->s.tr, 0, 0x08b, 0);
	v->cr8_trapped = true;
	svm->flush = true;
	svm->iret_pending = false;
	svm->nmi_step = false;
	svm->debug_tf = false;
	svm->virt_spec_ctrl = 0;
	svm_update_cpuid(v);
	svm_update_debug(v);
}

/* What the CPU runs the guest with. */
struct cpu_mode {
	u64 cr0, cr4, efer;
};

/* The guest's idea of caching must not slow the host (and on real parts CD=1
 * would): run with the caches on, remember its bits.
 */
static struct cpu_mode nested_mode(const struct vcpu *v)
{
	return (struct cpu_mode){
		.cr0 = (v->cr0 & ~X86_CR0_CACHE_BITS) | X86_CR0_ET,
		.cr4 = v->cr4,
		.efer = v->efer | EFER_SVME,
	};
}

/*
 * Shadow paging: the CPU always pages, by tables of the long or the PAE form, with
 * WP and NX. The guest reads its own CR0 and CR3 by an exit, and CR4 where it
 * differs.
 */
static struct cpu_mode shadow_mode(const struct vcpu *v)
{
	struct cpu_mode m = nested_mode(v);

	if (!(v->cr0 & X86_CR0_PG))
		m.cr4 &= ~(X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE);
	m.cr0 |= X86_CR0_PG | X86_CR0_WP;
	m.cr4 |= X86_CR4_PAE;
	m.efer |= EFER_NX;
	if (!(v->efer & EFER_LMA)) {
		m.cr4 &= ~X86_CR4_LA57;
		m.efer &= ~(u64)(EFER_LME | EFER_LMA);
	}
	return m;
}

static void svm_set_root(struct vcpu *v, hpa_t root)
{
	vmcb_put(to_svm(v)->vmcb, s.cr3, root);
}

static void svm_update_mode(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	struct cpu_mode m = npt ? nested_mode(v) : shadow_mode(v);
	bool differs;

	vmcb_put(vmcb, s.cr0, m.cr0);
	if (npt)
		vmcb_put(vmcb, s.cr3, v->cr3);
	vmcb_put(vmcb, s.cr4, m.cr4);
	vmcb_put(vmcb, s.efer, m.efer);
	vmcb_put(vmcb, s.g_pat, v->msr.pat);
	vmcb_put(vmcb, c.n_cr3, vm_mem_root(vcpu_space(v)));
	/* Some emulators look at CR0's for a read of any control register. A write that
	 * clears bits which the CPU does not have changes nothing there.
	 */
	differs = !npt || (v->cr0 & X86_CR0_CACHE_BITS);
	vmcb_intercept(vmcb, INTERCEPT_CR_READ(0), differs);
	vmcb_intercept(vmcb, INTERCEPT_CR_WRITE(0), differs);
	vmcb_intercept(vmcb, INTERCEPT_CR_READ(4), m.cr4 != v->cr4);
}

static void svm_flush_tlb(struct vcpu *v)
{
	to_svm(v)->flush = true;
}

/* ---- create, load ------------------------------------------------------------- */

static int svm_vcpu_create(struct vcpu *v)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	svm->vmcb_pa = __pa(svm->vmcb);
	v->arch = svm;
	return 0;
}

static void forget_vmcb(void *svm)
{
	struct svm_cpu *c = this_cpu_ptr(&svm_cpus);

	if (c->last == svm)
		c->last = NULL;
}

static void svm_vcpu_destroy(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	/* A later VMCB in the same page must not be taken for this one. */
	on_each_cpu(forget_vmcb, svm, 1);
	free_page((unsigned long)svm->vmcb);
	kfree(svm);
	v->arch = NULL;
}

/* RDTSCP and RDPID read it without an exit. The host's kernel does not: it may
 * stay the guest's until the thread leaves the CPU or the kernel.
 */
static void write_tsc_aux(u64 value)
{
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		wrmsrl(MSR_TSC_AUX, value);
}

/* FS, GS, TR, LDTR and syscall MSRs, for the VMLOAD after each exit. */
static void save_host(hpa_t host_vmcb)
{
	asm volatile("vmsave %%rax" : : "a"(host_vmcb) : "memory");
}

static void svm_load(struct vcpu *v, int cpu)
{
	struct svm_cpu *c = this_cpu_ptr(&svm_cpus);
	struct svm_vcpu *svm = to_svm(v);

	if (c->last != svm) {
		/* No last one: it is gone, and what it taught the CPU is still here. */
		indirect_branch_prediction_barrier();
		c->last = svm;
		vmcb_forget(svm->vmcb);
	}
	/* Back where it was before, it finds what it was then. */
	if (svm->cpu != cpu) {
		svm->cpu = cpu;
		vmcb_forget(svm->vmcb);
	}
	write_tsc_aux(v->msr.tsc_aux);
	if (unlikely(!c->enabled))
		return;		/* the CPU goes off line, or the machine down */
	write_tsc_ratio(c, v->tsc_ratio);
	save_host(c->host_vmcb_pa);
}

static void svm_put(struct vcpu *v)
{
	write_tsc_aux(this_cpu_read(svm_cpus.tsc_aux));
}

/* ---- the entry ----------------------------------------------------------------- */

static void load_guest_debug_registers(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	svm->dr_loaded = v->dr7 & 0xff;
	if (!svm->dr_loaded)
		return;
	set_debugreg(0UL, 7);		/* the host's, which these are not meant for */
	set_debugreg(v->dr[0], 0);
	set_debugreg(v->dr[1], 1);
	set_debugreg(v->dr[2], 2);
	set_debugreg(v->dr[3], 3);
}

static void svm_prepare_tlb(struct vcpu *v, struct svm_vcpu *svm)
{
	struct svm_cpu *c = this_cpu_ptr(&svm_cpus);
	struct vmcb *vmcb = svm->vmcb;

	vmcb->c.tlb_control = TLB_CONTROL_NONE;
	if (svm->flush) {
		svm->flush = false;
		/* Ports and MSRs were taken away with a flush: look anew. */
		vmcb->c.msrpm_base = __pa(vm_filters_msrs(v->vm) ?
					  svm_msrpm_all : svm_msrpm);
		vmcb->c.clean &= ~CLEAN_PERMMAP;
		if (svm_features.flush_by_asid)
			vmcb->c.tlb_control = TLB_CONTROL_ASID;
		else
			asid_drop(&svm->asid);
	}
	if (!asid_holds(&c->pool, &svm->asid, smp_processor_id()) &&
	    asid_use(&c->pool, &svm->asid, smp_processor_id()))
		vmcb->c.tlb_control = TLB_CONTROL_ALL;
	vmcb_put(vmcb, c.asid, svm->asid.asid);
}

/*
 * A guest with XSAVE can execute XSAVES, whatever its CPUID says of it, and finds
 * IA32_XSS 0: what the host keeps by it has no place in the guest's area.
 */
static void svm_switch_xcr0(struct vcpu *v, bool to_guest)
{
	u64 now;

	if (host_xss)
		wrmsrl(MSR_IA32_XSS, to_guest ? 0 : host_xss);
	if (to_guest) {
		if (v->xcr0 != host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, v->xcr0);
		return;
	}
	/* CPUs that cannot intercept XSETBV let the guest change it. */
	now = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (now != v->xcr0 && !vcpu_set_xcr0(v, now))
		v->xcr0 = now;
	if (now != host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, host_xcr0);
}

/* The kernel reads user memory by the PKRU that is loaded. */
static bool has_own_pkru(const struct vcpu *v)
{
	return cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	       ((v->cr4 & X86_CR4_PKE) || (v->xcr0 & XFEATURE_MASK_PKRU));
}

/* Which ports exit: the VM's own map if it has one, else all of them. */
static void svm_choose_iopm(struct vcpu *v, struct vmcb *vmcb)
{
	/* Its bits before its address: see svm_vm_allow_ports(). */
	u8 *own = smp_load_acquire((u8 **)&v->vm->arch);

	vmcb_put(vmcb, c.iopm_base, unlikely(own) ? __pa(own) : svm_iopm_pa);
}

/* With V_INTR_MASKING the guest's CR8 is V_TPR (APM2 15.21.2). */
static void load_tpr(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	u8 tpr = vcpu_tpr_class(v);

	vmcb_put(vmcb, c.int_ctl, (vmcb->c.int_ctl & ~VINTR_TPR) | tpr);
}

static void save_tpr(struct vcpu *v)
{
	u8 tpr = to_svm(v)->vmcb->c.int_ctl & VINTR_TPR;

	if (unlikely(tpr != vcpu_tpr_class(v)))
		vcpu_irq_set_cr8(v, tpr);
}

/* What an entry takes from the vCPU each time. */
static void load_registers(struct vcpu *v, struct vmcb *vmcb)
{
	vmcb->s.rax = v->regs[EMUL_RAX];
	vmcb->s.rsp = v->regs[EMUL_RSP];
	vmcb->s.rip = v->rip;
	vmcb->s.rflags = v->rflags;
	vmcb->c.int_state = v->int_shadow;
	load_tpr(v);
}

/* What the answer to any exit needs. */
static void save_registers(struct vcpu *v, struct vmcb *vmcb)
{
	vmcb_known(vmcb);
	v->regs[EMUL_RAX] = vmcb->s.rax;
	v->regs[EMUL_RSP] = vmcb->s.rsp;
	v->rip = vmcb->s.rip;
	v->rflags = vmcb->s.rflags;
	if (likely(npt)) {	/* else they are not the guest's, and never move */
		v->cr0 = (vmcb->s.cr0 & ~X86_CR0_CACHE_BITS) |
			 (v->cr0 & X86_CR0_CACHE_BITS);
		v->cr3 = vmcb->s.cr3;
	}
	v->int_shadow = vmcb->c.int_state & 1;
	save_tpr(v);
}

/*
 * Exits that may be answered so; most other ones are not tried at all. A machine check
 * belongs to the host: raised there again, on the CPU that has it (APM2 9.2).
 */
static bool has_quick_way(const struct vcpu *v, const struct vmcb_control *c)
{
	switch (c->exit_code) {
	case EXIT_EXCP + EXCP_MC:
		asm volatile("int $18");
		return false;
	case EXIT_NPF:
		return c->exit_info2 >> PAGE_SHIFT == v->device_gfn &&
		       v->device_gfn != v->user_gfn;
	case EXIT_MSR:
	case EXIT_IOIO:
	case EXIT_CPUID:
		return true;
	}
	return false;
}

/*
 * One VMRUN, and more while exits are answered the quick way. What was injected
 * with the first has been delivered then, and nothing new may be waiting. A
 * request made meanwhile sends an interrupt, which ends the next run at once.
 */
static void run_guest(struct vcpu *v, struct svm_vcpu *svm, hpa_t host_vmcb)
{
	struct vmcb *vmcb = svm->vmcb;
	bool quick = v->quick && !svm->dr_loaded && !has_own_pkru(v);

	for (;;) {
		if (!svm_features.clean_bits)
			vmcb_forget(vmcb);
		context_tracking_guest_enter();
		svm_run(v->regs, svm->vmcb_pa, host_vmcb);
		context_tracking_guest_exit();
		svm->answered = false;	/* this exit, not one before */
		save_registers(v, vmcb);
		if (!has_quick_way(v, &vmcb->c) || !quick)
			return;
		svm->answered = svm_quick_exit(v);
		if (!svm->answered || !vcpu_quick_goes_on(v))
			return;
		vmcb->c.event_inj = 0;
		svm->insn_event = 0;
		if (v->interrupt.injected)
			svm_inject(v);
		vmcb->c.tlb_control = TLB_CONTROL_NONE;
		load_registers(v, vmcb);
	}
}

/*
 * A thread of the VMM may change the process's LDT (modify_ldt) at any time, and frees
 * the old one when all CPUs have loaded the new: the exit must not load the old again.
 */
static bool has_ldt(void)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	return READ_ONCE(current->mm->context.ldt);
#else
	return false;
#endif
}

/*
 * The CPU may refuse the state before it looks at TLB_CONTROL (APM3 VMRUN): what it was
 * told to forget may be there still.
 */
static void flush_undone(struct svm_vcpu *svm, struct svm_cpu *c)
{
	svm->flush = true;
	if (svm->vmcb->c.tlb_control == TLB_CONTROL_ALL)
		asid_pool_init(&c->pool, svm_features.asids);
}

/* Interrupts off, preemption off. */
static void svm_enter(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb *vmcb = svm->vmcb;
	struct svm_cpu *c = this_cpu_ptr(&svm_cpus);
	bool xcr0, keys;
	u32 host_pkru = read_pkru();

	if (unlikely(!c->enabled)) {
		svm->answered = true;	/* nothing was done: what was chosen waits */
		return;
	}
	svm_inject(v);
	svm_prepare_tlb(v, svm);
	/* A legacy root is read with CR3, not at each walk (APM2 15.25.10). */
	if (unlikely(!npt && !(v->efer & EFER_LMA)))
		vmcb->c.clean &= ~CLEAN_CR;
	svm_choose_iopm(v, vmcb);
	load_registers(v, vmcb);
	vmcb_put(vmcb, s.cr2, v->cr2);
	vmcb_put(vmcb, s.dr6, v->dr6);
	vmcb_put(vmcb, s.dr7, v->dr7);
	vmcb_put(vmcb, c.tsc_offset, v->tsc_offset);

	load_guest_debug_registers(v);
	if (unlikely(svm->nmi_step && vmcb->c.event_inj)) {
		/* Not into the flags that the event pushes: come back after it. */
		svm->nmi_step = false;
		smp_send_reschedule(smp_processor_id());
	}
	if (unlikely(v->guest_debug || svm->nmi_step))
		svm_debug_enter(v);
	xcr0 = (v->cr4 & X86_CR4_OSXSAVE) && host_xcr0;
	if (xcr0)
		svm_switch_xcr0(v, true);
	keys = has_own_pkru(v);
	if (unlikely(keys))
		write_pkru(v->pkru);

	if (static_cpu_has_bug(X86_BUG_DIV0))
		amd_clear_divider();	/* the host's last remainder */
	if (unlikely(svm->virt_spec_ctrl))
		svm_spec_enter(v);
	if (unlikely(has_ldt()))
		save_host(c->host_vmcb_pa);
	run_guest(v, svm, c->host_vmcb_pa);
	if (unlikely((u32)vmcb->c.exit_code == EXIT_INVALID_LOW))
		flush_undone(svm, c);
	if (unlikely(svm->virt_spec_ctrl))
		svm_spec_exit(v);
	/* What the guest taught the branch predictors is not for its VMM (VMSCAPE). */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
	if (xcr0)
		svm_switch_xcr0(v, false);
	if (unlikely(keys || has_own_pkru(v))) {
		v->pkru = read_pkru();
		write_pkru(host_pkru);
	}
	/* An exit switches all breakpoints off (APM2 15.6). */
	if (unlikely(svm->dr_loaded || hw_breakpoint_active()))
		hw_breakpoint_restore();
	v->cr2 = vmcb->s.cr2;
	v->dr6 = vmcb->s.dr6;
	if (unlikely(v->guest_debug || svm->nmi_step))
		svm_debug_exit(v);
}

/* ---- a VM's own ports ------------------------------------------------------------ */

static DEFINE_MUTEX(svm_iopm_lock);	/* writers of any VM's map */

static int svm_vm_allow_ports(struct vm *vm, u16 first, unsigned int count,
			      bool allow)
{
	u8 *map;
	int err = 0;

	mutex_lock(&svm_iopm_lock);
	map = vm->arch;
	if (!map && allow) {
		map = (u8 *)__get_free_pages(GFP_KERNEL_ACCOUNT, IOPM_ORDER);
		if (map)
			permmap_deny_all(map, PAGE_SIZE << IOPM_ORDER);
		else
			err = -ENOMEM;
		/* A vCPU that finds the map finds it full of denials. */
		smp_store_release((u8 **)&vm->arch, map);
	}
	if (map)
		permmap_allow_ports(map, first, count, allow);
	mutex_unlock(&svm_iopm_lock);
	return err;
}

static void svm_vm_destroy(struct vm *vm)
{
	free_pages((unsigned long)vm->arch, IOPM_ORDER);
	vm->arch = NULL;
}

/* ---- state --------------------------------------------------------------------- */

static void seg_to_user(struct kvm_segment *out, const struct vmcb_seg *in)
{
	out->base = in->base;
	out->limit = in->limit;
	out->selector = in->selector;
	out->type = in->attrib & 0xf;
	out->s = in->attrib >> 4 & 1;
	out->dpl = in->attrib >> 5 & 3;
	out->present = in->attrib >> 7 & 1;
	out->avl = in->attrib >> 8 & 1;
	out->l = in->attrib >> 9 & 1;
	out->db = in->attrib >> 10 & 1;
	/* The CPU may report G = 0 with a big limit; the pair must agree. */
	out->g = in->limit > 0xfffff;
	out->unusable = !out->present;
}

static void seg_from_user(struct vmcb_seg *out, const struct kvm_segment *in)
{
	out->base = in->base;
	out->limit = in->limit;
	out->selector = in->selector;
	out->attrib = (in->type & 0xf) | (in->s & 1) << 4 | (in->dpl & 3) << 5 |
		      (in->present && !in->unusable) << 7 | (in->avl & 1) << 8 |
		      (in->l & 1) << 9 | (in->db & 1) << 10 | (in->g & 1) << 11;
}

/* The ABI's segments beside the VMCB's. */
#define FOR_EACH_SEG(op, s, save)					\
	do {								\
		op(cs, s, save); op(ds, s, save); op(es, s, save);	\
		op(fs, s, save); op(gs, s, save); op(ss, s, save);	\
		op(tr, s, save);					\
	} while (0)
#define SEG_GET(name, sregs, save) seg_to_user(&(sregs)->name, &(save)->name)
#define SEG_SET(name, sregs, save) seg_from_user(&(save)->name, &(sregs)->name)

/* A segment that can be used has been accessed, whether the CPU says so or not. */
static void mark_accessed(struct kvm_segment *seg)
{
	seg->type |= !seg->unusable;
}

static void svm_get_sregs(struct vcpu *v, struct kvm_sregs *s)
{
	struct vmcb_save *save = &to_svm(v)->vmcb->s;

	FOR_EACH_SEG(SEG_GET, s, save);
	seg_to_user(&s->ldt, &save->ldtr);
	mark_accessed(&s->ds);
	mark_accessed(&s->es);
	mark_accessed(&s->fs);
	mark_accessed(&s->gs);
	/* SYSRET, and a null selector in 64-bit code, leave other bits of SS as they were;
	 * the level is beside it (APM2 15.5.1), and travels so.
	 */
	s->ss.dpl = save->cpl;
	s->ss.db &= !s->ss.unusable;
	/* A task register is always busy while loaded. */
	s->tr.type |= 2;
	s->gdt.base = save->gdtr.base;
	s->gdt.limit = save->gdtr.limit;
	s->idt.base = save->idtr.base;
	s->idt.limit = save->idtr.limit;
}

static void svm_set_sregs(struct vcpu *v, const struct kvm_sregs *s)
{
	struct svm_vcpu *svm = to_svm(v);
	struct vmcb_save *save = &svm->vmcb->s;

	FOR_EACH_SEG(SEG_SET, s, save);
	seg_from_user(&save->ldtr, &s->ldt);
	save->gdtr.base = s->gdt.base;
	save->gdtr.limit = s->gdt.limit;
	save->idtr.base = s->idt.base;
	save->idtr.limit = s->idt.limit;
	save->cpl = s->ss.dpl;
	if (!(v->cr0 & X86_CR0_PE))
		save->cpl = 0;
	vmcb_forget(svm->vmcb);
	svm_update_mode(v);
}

static struct vmcb_seg *seg_at(struct vmcb_save *save, enum emul_seg which)
{
	switch (which) {
	case EMUL_ES:
		return &save->es;
	case EMUL_CS:
		return &save->cs;
	case EMUL_SS:
		return &save->ss;
	case EMUL_DS:
		return &save->ds;
	case EMUL_FS:
		return &save->fs;
	default:
		return &save->gs;
	}
}

static_assert(sizeof(struct emul_segment) == sizeof(struct vmcb_seg),
	      "emul takes the VMCB's form");

static const struct emul_segment *svm_segment(struct vcpu *v, enum emul_seg which)
{
	return (const struct emul_segment *)seg_at(&to_svm(v)->vmcb->s, which);
}

static void svm_get_emul_segs(struct vcpu *v, struct emul_segment *seg)
{
	struct vmcb_save *save = &to_svm(v)->vmcb->s;
	unsigned int i;

	for (i = 0; i < EMUL_NR_SEGS; i++)
		memcpy(&seg[i], seg_at(save, i), sizeof(seg[i]));
}

static void svm_set_emul_segs(struct vcpu *v, const struct emul_segment *seg,
			      unsigned int which)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	unsigned int i;

	for (i = 0; i < EMUL_NR_SEGS; i++)
		if (which & BIT(i))
			memcpy(seg_at(&vmcb->s, i), &seg[i], sizeof(seg[i]));
	vmcb->c.clean &= ~CLEAN_SEG;
}

static u8 svm_get_cpl(struct vcpu *v)
{
	return to_svm(v)->vmcb->s.cpl;
}

static u64 *svm_msr_slot(struct vcpu *v, u32 msr)
{
	struct vmcb_save *s = &to_svm(v)->vmcb->s;

	switch (msr) {
	case MSR_STAR:
		return &s->star;
	case MSR_LSTAR:
		return &s->lstar;
	case MSR_CSTAR:
		return &s->cstar;
	case MSR_SYSCALL_MASK:
		return &s->sfmask;
	case MSR_FS_BASE:
		return &s->fs.base;
	case MSR_GS_BASE:
		return &s->gs.base;
	case MSR_KERNEL_GS_BASE:
		return &s->kernel_gs_base;
	case MSR_IA32_SYSENTER_CS:
		return &s->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &s->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &s->sysenter_eip;
	default:
		return NULL;
	}
}

static int svm_get_msr(struct vcpu *v, u32 msr, u64 *data)
{
	u64 *slot = svm_msr_slot(v, msr);

	if (!slot)
		return svm_spec_get_msr(v, msr, data);
	*data = *slot;
	return 0;
}

static int svm_set_msr(struct vcpu *v, u32 msr, u64 data)
{
	u64 *slot = svm_msr_slot(v, msr);

	if (msr == MSR_TSC_AUX) {
		preempt_disable();
		v->msr.tsc_aux = (u32)data;
		write_tsc_aux(v->msr.tsc_aux);
		preempt_enable();
		return 0;
	}
	if (!slot)
		return svm_spec_set_msr(v, msr, data);
	*slot = data;		/* VMLOAD's: no clean bit speaks for it */
	return 0;
}

/* ---- windows --------------------------------------------------------------------- */

static bool svm_interrupt_allowed(struct vcpu *v)
{
	return (v->rflags & X86_EFLAGS_IF) && !v->int_shadow;
}

static bool svm_nmi_allowed(struct vcpu *v)
{
	struct svm_vcpu *svm = to_svm(v);

	if (v->nmi_masked || v->int_shadow)
		return false;
	if (svm->iret_pending) {
		if (v->rip == svm->iret_rip)
			return false;
		svm->iret_pending = false;
	}
	return true;
}

static void svm_set_cr8_intercepts(struct vcpu *v)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;

	/* Some emulators die of a CR8 write that meets a V_IRQ. */
	vmcb_intercept(vmcb, INTERCEPT_CR_WRITE(8),
		       v->cr8_trapped || (vmcb->c.int_ctl & VINTR_IRQ));
	vmcb_intercept(vmcb, INTERCEPT_CR_READ(8), v->cr8_trapped);
}

static void svm_trap_cr8(struct vcpu *v, bool on)
{
	v->cr8_trapped = on;
	svm_set_cr8_intercepts(v);
}

/*
 * A virtual interrupt that is only a doorbell: with VINTR intercepted it exits
 * the moment RFLAGS.IF and the shadow allow (APM2 15.21.4). The interrupt
 * itself goes in through EVENTINJ, because some emulators misreport a V_IRQ
 * whose delivery faults.
 */
static void svm_request_irq_window(struct vcpu *v, bool on)
{
	struct vmcb *vmcb = to_svm(v)->vmcb;
	u64 bell = VINTR_IRQ | VINTR_IGN_TPR | VINTR_PRIO;

	vmcb_put(vmcb, c.int_ctl, on ? vmcb->c.int_ctl | bell : vmcb->c.int_ctl & ~bell);
	vmcb_intercept(vmcb, INTERCEPT_VINTR, on);
	svm_set_cr8_intercepts(v);
}

/*
 * Until the IRET that ends a handler exits; then past it, or past an interrupt
 * shadow or the delivery of another event, which is one instruction away whatever
 * RFLAGS.IF says: one step.
 */
static void svm_request_nmi_window(struct vcpu *v)
{
	if (v->nmi_masked)
		vmcb_intercept(to_svm(v)->vmcb, INTERCEPT_IRET, true);
	else
		to_svm(v)->nmi_step = true;
}

static struct vcpu_ops svm_ops __ro_after_init = {
	.owner = THIS_MODULE,
	.name = "svm",
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.load = svm_load,
	.put = svm_put,
	.enter = svm_enter,
	.handle_exit = svm_handle_exit,
	.request_irq_window = svm_request_irq_window,
	.request_nmi_window = svm_request_nmi_window,
	.trap_cr8 = svm_trap_cr8,
	.interrupt_allowed = svm_interrupt_allowed,
	.nmi_allowed = svm_nmi_allowed,
	.flush_tlb = svm_flush_tlb,
	.set_root = svm_set_root,
	.get_sregs = svm_get_sregs,
	.set_sregs = svm_set_sregs,
	.segment = svm_segment,
	.get_emul_segs = svm_get_emul_segs,
	.set_emul_segs = svm_set_emul_segs,
	.get_cpl = svm_get_cpl,
	.update_mode = svm_update_mode,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.update_cpuid = svm_update_cpuid,
	.update_debug = svm_update_debug,
	.vm_allow_ports = svm_vm_allow_ports,
	.vm_destroy = svm_vm_destroy,
	.debug_stepped = svm_debug_stepped,
};

/* ---- module ------------------------------------------------------------------------ */

static int svm_probe(void)
{
	u64 vm_cr;
	u32 edx;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		pr_err("svm: this CPU has no SVM; an AMD (or Hygon) CPU with virtualization enabled in the firmware is needed\n");
		return -EOPNOTSUPP;
	}
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err("svm: memory encryption (SME/SEV) is active, which is not supported: boot with mem_encrypt=off\n");
		return -EOPNOTSUPP;
	}
	rdmsrl(MSR_VM_CR, vm_cr);
	if (vm_cr & VM_CR_SVMDIS) {
		pr_err("svm: SVM is disabled by the firmware (VM_CR.SVMDIS); enable it in the setup\n");
		return -EOPNOTSUPP;
	}
	if (npt && !boot_cpu_has(X86_FEATURE_NPT)) {
		pr_err("svm: this CPU has no nested paging; load svm with npt=0 for shadow paging\n");
		return -EOPNOTSUPP;
	}
	if (npt && pgtable_l5_enabled()) {
		pr_err("svm: the host runs 5-level page tables, the guest table has 4 levels; boot with no5lvl\n");
		return -EOPNOTSUPP;
	}
	edx = cpuid_edx(SVM_LEAF);
	svm_features.asids = cpuid_ebx(SVM_LEAF);
	svm_features.nrip = edx & BIT(3);
	svm_features.tsc_ratio = edx & BIT(4);
	svm_features.clean_bits = edx & BIT(5);
	svm_features.flush_by_asid = edx & BIT(6);
	svm_features.decode_assist = edx & BIT(7);
	svm_features.pause_filter = edx & BIT(10);
	svm_features.pause_threshold = edx & BIT(12);
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, host_xss);
	return 0;
}

static void svm_free_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpus, cpu);

		free_page((unsigned long)c->host_save);
		free_page((unsigned long)c->host_vmcb);
	}
	free_pages((unsigned long)svm_iopm, IOPM_ORDER);
	free_pages((unsigned long)svm_msrpm, MSRPM_ORDER);
	free_pages((unsigned long)svm_msrpm_all, MSRPM_ORDER);
}

static int svm_alloc_pages(void)
{
	unsigned int i;
	int cpu;

	svm_iopm = (u8 *)__get_free_pages(GFP_KERNEL, IOPM_ORDER);
	svm_msrpm = (u8 *)__get_free_pages(GFP_KERNEL, MSRPM_ORDER);
	svm_msrpm_all = (u8 *)__get_free_pages(GFP_KERNEL, MSRPM_ORDER);
	if (!svm_iopm || !svm_msrpm || !svm_msrpm_all)
		return -ENOMEM;
	svm_iopm_pa = __pa(svm_iopm);
	permmap_deny_all(svm_iopm, PAGE_SIZE << IOPM_ORDER);
	permmap_deny_all(svm_msrpm, PAGE_SIZE << MSRPM_ORDER);
	permmap_deny_all(svm_msrpm_all, PAGE_SIZE << MSRPM_ORDER);
	for (i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		permmap_allow_msr(svm_msrpm, passed_msrs[i], true, true);

	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpus, cpu);

		c->host_save = (void *)get_zeroed_page(GFP_KERNEL);
		c->host_vmcb = (void *)get_zeroed_page(GFP_KERNEL);
		if (!c->host_save || !c->host_vmcb)
			return -ENOMEM;
		c->host_vmcb_pa = __pa(c->host_vmcb);
	}
	return 0;
}

static int __init svm_init(void)
{
	int err = svm_probe();

	if (err)
		return err;
	err = svm_alloc_pages();
	if (err)
		goto free;
	err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "backplane/svm:online",
				svm_enable_cpu, svm_disable_cpu);
	if (err < 0)
		goto free;
	svm_hp_state = err;
	svm_ops.shadow = !npt;
	svm_ops.scales_tsc = svm_features.tsc_ratio;
	err = vcpu_ops_register(&svm_ops);
	if (err) {
		pr_err("svm: kvm-core already has a backend\n");
		goto disable;
	}
	register_reboot_notifier(&svm_reboot_nb);
	register_syscore_ops(&svm_sleep);
	pr_info("svm: %s paging, %u ASIDs%s%s%s%s%s\n", npt ? "nested" : "shadow",
		svm_features.asids,
		svm_features.nrip ? ", next-RIP save" : "",
		svm_features.decode_assist ? ", decode assists" : "",
		svm_features.flush_by_asid ? ", flush by ASID" : "",
		svm_features.clean_bits ? ", clean bits" : "",
		svm_features.tsc_ratio ? ", TSC ratio" : "");
	return 0;

disable:
	cpuhp_remove_state(svm_hp_state);
free:
	svm_free_pages();
	return err;
}

static void __exit svm_exit(void)
{
	unregister_syscore_ops(&svm_sleep);
	unregister_reboot_notifier(&svm_reboot_nb);
	vcpu_ops_unregister(&svm_ops);
	cpuhp_remove_state(svm_hp_state);
	svm_free_pages();
}

module_init(svm_init);
module_exit(svm_exit);
