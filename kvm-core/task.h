/* SPDX-License-Identifier: GPL-2.0 */
/*
 * task: the hardware task switch of legacy protected mode (APM2 12.2-12.3), for
 * CPUs that leave it to the hypervisor (#VMEXIT code 7Dh).
 *
 * Pure. Guest memory is read and written through linear addresses. Up to the
 * moment the old task is saved nothing has changed, and a fault belongs to the old
 * task and its instruction; afterwards the CPU is in the new one, and so is the fault.
 *
 * Known limits: the outgoing TSS is not checked against its limit; CALL and JMP by
 * way of a task gate are held against the DPL of the TSS, too.
 */
#ifndef BACKPLANE_TASK_H
#define BACKPLANE_TASK_H

#include <linux/kvm.h>
#include "addr.h"

enum task_reason {
	TASK_CALL,		/* far CALL; returns by IRET */
	TASK_JUMP,
	TASK_IRET,		/* to the task that this one is nested in */
	TASK_EVENT,		/* an interrupt or exception through a task gate */
};

struct task_request {
	enum task_reason reason;
	u16 selector;		/* of the incoming TSS */
	bool has_error;		/* push this on the new task's stack */
	u32 error;
	bool resume;		/* RFLAGS.RF in the outgoing TSS */
	u64 at;			/* where the old task's faults are: the instruction that
				 * switched, or rip if none did
				 */
};

/* Registers as enum emul_reg; cr0, cr3, segments and tables in @s. */
struct task_cpu {
	u64 regs[16];
	u64 rip, rflags;	/* rip: past the instruction that switched */
	u64 dr7;
	u8 cpl;
	bool debug_trap;	/* out: the new TSS asks for #DB, DR6.BT (APM2 13.1.4) */
	struct kvm_sregs s;
};

struct task_ops {
	/* @len bytes at linear @la as a system access, under @cr3. 0, or -EFAULT:
	 * the callee has noted the page fault.
	 */
	int (*read)(void *ctx, u32 cr3, gva_t la, void *data, unsigned int len);
	int (*write)(void *ctx, u32 cr3, gva_t la, const void *data, unsigned int len);
	void *ctx;
};

enum task_verdict {
	TASK_DONE,		/* @cpu is the new task */
	TASK_FAULT,		/* @cpu is whose fault it is: see struct task_fault */
	TASK_PAGE_FAULT,	/* likewise; ops noted it */
};

struct task_fault {
	u8 vector;
	u32 error;
};

enum task_verdict task_switch(struct task_cpu *cpu, const struct task_ops *ops,
			      const struct task_request *rq, struct task_fault *f);

#endif
