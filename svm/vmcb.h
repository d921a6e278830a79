/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmcb: the page through which software and the CPU's SVM unit talk
 * (APM2 appendix B): a control area, and the guest's saved state at 400h.
 *
 * The layout is a struct with every offset asserted. Intercept bits are
 * numbered through the six intercept words, so one number names one
 * intercept everywhere.
 */
#ifndef BACKPLANE_VMCB_H
#define BACKPLANE_VMCB_H

#include "env.h"

/* Intercept numbers: word * 32 + bit (APM2 table B-1). */
#define INTERCEPT_CR_READ(n)	(0 + (n))
#define INTERCEPT_CR_WRITE(n)	(16 + (n))
#define INTERCEPT_DR_READ(n)	(32 + (n))
#define INTERCEPT_DR_WRITE(n)	(48 + (n))
#define INTERCEPT_EXCEPTION(n)	(64 + (n))
enum {
	INTERCEPT_INTR = 96, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	INTERCEPT_VINTR, INTERCEPT_CR0_SEL_WRITE, INTERCEPT_IDTR_READ,
	INTERCEPT_GDTR_READ, INTERCEPT_LDTR_READ, INTERCEPT_TR_READ,
	INTERCEPT_IDTR_WRITE, INTERCEPT_GDTR_WRITE, INTERCEPT_LDTR_WRITE,
	INTERCEPT_TR_WRITE, INTERCEPT_RDTSC, INTERCEPT_RDPMC, INTERCEPT_PUSHF,
	INTERCEPT_POPF, INTERCEPT_CPUID, INTERCEPT_RSM, INTERCEPT_IRET,
	INTERCEPT_INTN, INTERCEPT_INVD, INTERCEPT_PAUSE, INTERCEPT_HLT,
	INTERCEPT_INVLPG, INTERCEPT_INVLPGA, INTERCEPT_IOIO, INTERCEPT_MSR,
	INTERCEPT_TASK_SWITCH, INTERCEPT_FERR_FREEZE, INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN = 128, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE, INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_RDTSCP, INTERCEPT_ICEBP, INTERCEPT_WBINVD, INTERCEPT_MONITOR,
	INTERCEPT_MWAIT, INTERCEPT_MWAIT_ARMED, INTERCEPT_XSETBV,
	INTERCEPT_RDPRU,
	INTERCEPT_INVPCID = 162,
};

#define VMCB_INTERCEPT_WORDS	6

/* Exit codes (APM2 appendix C). */
enum {
	EXIT_CR_READ = 0x000, EXIT_CR_WRITE = 0x010,
	EXIT_DR_READ = 0x020, EXIT_DR_WRITE = 0x030,
	EXIT_EXCP = 0x040,
	EXIT_INTR = 0x060, EXIT_NMI, EXIT_SMI, EXIT_INIT, EXIT_VINTR,
	EXIT_CR0_SEL_WRITE, EXIT_IDTR_READ, EXIT_GDTR_READ, EXIT_LDTR_READ,
	EXIT_TR_READ, EXIT_IDTR_WRITE, EXIT_GDTR_WRITE, EXIT_LDTR_WRITE,
	EXIT_TR_WRITE, EXIT_RDTSC, EXIT_RDPMC, EXIT_PUSHF, EXIT_POPF,
	EXIT_CPUID, EXIT_RSM, EXIT_IRET, EXIT_SWINT, EXIT_INVD, EXIT_PAUSE,
	EXIT_HLT, EXIT_INVLPG, EXIT_INVLPGA, EXIT_IOIO, EXIT_MSR,
	EXIT_TASK_SWITCH, EXIT_FERR_FREEZE, EXIT_SHUTDOWN,
	EXIT_VMRUN = 0x080, EXIT_VMMCALL, EXIT_VMLOAD, EXIT_VMSAVE, EXIT_STGI,
	EXIT_CLGI, EXIT_SKINIT, EXIT_RDTSCP, EXIT_ICEBP, EXIT_WBINVD,
	EXIT_MONITOR, EXIT_MWAIT, EXIT_MWAIT_ARMED, EXIT_XSETBV, EXIT_RDPRU,
	EXIT_INVPCID = 0x0a2,
	EXIT_NPF = 0x400,
};

/* Stored as -1 in 64 bits by silicon, in 32 bits by some emulators. */
#define EXIT_INVALID_LOW	0xffffffffU

/* int_ctl, offset 60h (APM2 15.21) */
#define VINTR_TPR		GENMASK_ULL(7, 0)
#define VINTR_IRQ		BIT_ULL(8)
#define VINTR_PRIO		GENMASK_ULL(19, 16)
#define VINTR_IGN_TPR		BIT_ULL(20)
#define VINTR_MASKING		BIT_ULL(24)
#define VINTR_VECTOR		GENMASK_ULL(39, 32)

/* EVENTINJ and EXITINTINFO (APM2 15.20, 15.7.2) */
#define EVENT_VECTOR		GENMASK_ULL(7, 0)
#define EVENT_TYPE		GENMASK_ULL(10, 8)
#define EVENT_TYPE_INTR		0
#define EVENT_TYPE_NMI		2
#define EVENT_TYPE_EXCEPTION	3
#define EVENT_TYPE_SOFT		4
#define EVENT_EV		BIT_ULL(11)
#define EVENT_VALID		BIT_ULL(31)
#define EVENT_ERROR		GENMASK_ULL(63, 32)

/* TLB_CONTROL (APM2 15.16) */
#define TLB_CONTROL_NONE	0
#define TLB_CONTROL_ALL		1
#define TLB_CONTROL_ASID	3

/* EXITINFO1 of MOV to or from a control register (APM2 15.8.1) */
#define MOV_CR_GPR		GENMASK_ULL(3, 0)
#define MOV_CR_VALID		BIT_ULL(63)

/* EXITINFO1 of an IOIO exit (APM2 15.10.2) */
#define IOIO_IN			BIT_ULL(0)
#define IOIO_STRING		BIT_ULL(2)
#define IOIO_REP		BIT_ULL(3)
#define IOIO_SIZE		GENMASK_ULL(6, 4)
#define IOIO_PORT		GENMASK_ULL(31, 16)

/* EXITINFO2 of a task switch; EXITINFO1 has the selector (APM2 15.14.1) */
#define TASK_ERROR		GENMASK_ULL(31, 0)
#define TASK_BY_IRET		BIT_ULL(36)
#define TASK_BY_JUMP		BIT_ULL(38)
#define TASK_HAS_ERROR		BIT_ULL(44)
#define TASK_RF			BIT_ULL(48)

/* EXITINFO1 of a nested page fault (APM2 15.25.6) */
#define NPF_PRESENT		BIT_ULL(0)
#define NPF_WRITE		BIT_ULL(1)
#define NPF_RSVD		BIT_ULL(3)
#define NPF_FETCH		BIT_ULL(4)
#define NPF_FINAL		BIT_ULL(32)
#define NPF_GUEST_WALK		BIT_ULL(33)

/* Clean bits (APM2 15.15.3): 0 = the CPU must reload the group. */
#define CLEAN_INTERCEPTS	BIT(0)
#define CLEAN_PERMMAP		BIT(1)
#define CLEAN_ASID		BIT(2)
#define CLEAN_INTR		BIT(3)
#define CLEAN_NPT		BIT(4)
#define CLEAN_CR		BIT(5)
#define CLEAN_DR		BIT(6)
#define CLEAN_DT		BIT(7)
#define CLEAN_SEG		BIT(8)
#define CLEAN_CR2		BIT(9)
#define CLEAN_LBR		BIT(10)

struct vmcb_seg {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
} __packed;

struct vmcb_control {
	u32 intercept[VMCB_INTERCEPT_WORDS];	/* 000 */
	u8 reserved_18[0x3c - 0x18];
	u16 pause_threshold;			/* 03C */
	u16 pause_count;			/* 03E */
	u64 iopm_base;				/* 040 */
	u64 msrpm_base;				/* 048 */
	u64 tsc_offset;				/* 050 */
	u32 asid;				/* 058 */
	u8 tlb_control;				/* 05C */
	u8 reserved_5d[3];
	u64 int_ctl;				/* 060 */
	u64 int_state;				/* 068 */
	u64 exit_code;				/* 070 */
	u64 exit_info1;				/* 078 */
	u64 exit_info2;				/* 080 */
	u64 exit_int_info;			/* 088 */
	u64 np_enable;				/* 090 */
	u64 avic_apic_bar;			/* 098 */
	u64 ghcb;				/* 0A0 */
	u64 event_inj;				/* 0A8 */
	u64 n_cr3;				/* 0B0 */
	u64 lbr_virt;				/* 0B8 */
	u64 clean;				/* 0C0 */
	u64 next_rip;				/* 0C8 */
	u8 insn_len;				/* 0D0 */
	u8 insn_bytes[15];			/* 0D1 */
	u8 reserved_e0[0x400 - 0xe0];
} __packed;

struct vmcb_save {				/* offsets from 400h */
	struct vmcb_seg es, cs, ss, ds, fs, gs;	/* 000 */
	struct vmcb_seg gdtr, ldtr, idtr, tr;	/* 060 */
	u8 reserved_a0[0xcb - 0xa0];
	u8 cpl;					/* 0CB */
	u32 reserved_cc;
	u64 efer;				/* 0D0 */
	u8 reserved_d8[0x148 - 0xd8];
	u64 cr4, cr3, cr0, dr7, dr6;		/* 148 */
	u64 rflags, rip;			/* 170 */
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;				/* 1D8 */
	u64 s_cet, ssp, isst;			/* 1E0 */
	u64 rax;				/* 1F8 */
	u64 star, lstar, cstar, sfmask;		/* 200 */
	u64 kernel_gs_base;			/* 220 */
	u64 sysenter_cs, sysenter_esp, sysenter_eip;	/* 228 */
	u64 cr2;				/* 240 */
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat;				/* 268 */
	u64 dbgctl, br_from, br_to, excp_from, excp_to;	/* 270 */
	u8 reserved_298[0x2e0 - 0x298];
	u64 spec_ctrl;				/* 2E0 */
	u8 reserved_2e8[0xc00 - 0x2e8];
} __packed;

struct vmcb {
	struct vmcb_control c;
	struct vmcb_save s;
} __packed;

static_assert(sizeof(struct vmcb) == 4096, "a VMCB is one page");
static_assert(sizeof(struct vmcb_control) == 0x400, "save area at 400h");
#define VMCB_AT(field, off) \
	static_assert(offsetof(struct vmcb, field) == (off), #field)
VMCB_AT(c.pause_threshold, 0x03c);
VMCB_AT(c.iopm_base, 0x040);
VMCB_AT(c.asid, 0x058);
VMCB_AT(c.tlb_control, 0x05c);
VMCB_AT(c.int_ctl, 0x060);
VMCB_AT(c.exit_code, 0x070);
VMCB_AT(c.exit_int_info, 0x088);
VMCB_AT(c.np_enable, 0x090);
VMCB_AT(c.event_inj, 0x0a8);
VMCB_AT(c.n_cr3, 0x0b0);
VMCB_AT(c.clean, 0x0c0);
VMCB_AT(c.next_rip, 0x0c8);
VMCB_AT(c.insn_bytes, 0x0d1);
VMCB_AT(s.gdtr, 0x460);
VMCB_AT(s.tr, 0x490);
VMCB_AT(s.cpl, 0x4cb);
VMCB_AT(s.efer, 0x4d0);
VMCB_AT(s.cr4, 0x548);
VMCB_AT(s.dr6, 0x568);
VMCB_AT(s.rflags, 0x570);
VMCB_AT(s.rip, 0x578);
VMCB_AT(s.rsp, 0x5d8);
VMCB_AT(s.rax, 0x5f8);
VMCB_AT(s.star, 0x600);
VMCB_AT(s.kernel_gs_base, 0x620);
VMCB_AT(s.sysenter_eip, 0x638);
VMCB_AT(s.cr2, 0x640);
VMCB_AT(s.g_pat, 0x668);
VMCB_AT(s.excp_to, 0x690);
VMCB_AT(s.spec_ctrl, 0x6e0);

static inline void vmcb_intercept(struct vmcb *vmcb, unsigned int n, bool on)
{
	u32 bit = 1U << (n % 32);

	if (!(vmcb->c.intercept[n / 32] & bit) == !on)
		return;
	vmcb->c.intercept[n / 32] ^= bit;
	vmcb->c.clean &= ~(u64)CLEAN_INTERCEPTS;
}

#endif
