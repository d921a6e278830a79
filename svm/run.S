/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world switch (APM2 15.5, 15.6).
 *
 * void svm_run(u64 *regs, unsigned long guest_vmcb, unsigned long host_vmcb);
 *
 * regs: sixteen general registers in ModRM order; RAX and RSP travel in the
 * VMCB. Both addresses are physical. Called with interrupts off, GIF on;
 * returns the same. While GIF is off interrupts are "on" (RFLAGS.IF), so that
 * a host interrupt ends the guest's run instead of being held back by it; the
 * STI stands well before VMRUN because some emulators carry its shadow over.
 * FS, GS, TR, LDTR and the syscall MSRs go with VMLOAD and VMSAVE; the host's
 * copy was saved when the vCPU was loaded on this CPU.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>

#define RCX 8
#define RDX 16
#define RBX 24
#define RBP 40
#define RSI 48
#define RDI 56
#define R8  64
#define R9  72
#define R10 80
#define R11 88
#define R12 96
#define R13 104
#define R14 112
#define R15 120

	.text
SYM_FUNC_START(svm_run)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx			/* host VMCB, 8(%rsp) below */
	push	%rdi			/* register array, (%rsp) below */

	mov	%rsi, %rax
	clgi
	sti

	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	mov	R8(%rdi), %r8
	mov	R9(%rdi), %r9
	mov	R10(%rdi), %r10
	mov	R11(%rdi), %r11
	mov	R12(%rdi), %r12
	mov	R13(%rdi), %r13
	mov	R14(%rdi), %r14
	mov	R15(%rdi), %r15
	mov	RDI(%rdi), %rdi

	vmload	%rax
	VM_CLEAR_CPU_BUFFERS		/* what the host left there, on CPUs that tell (TSA) */
	vmrun	%rax
	vmsave	%rax			/* RAX and RSP are the host's again */

	mov	(%rsp), %rax
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rbx, RBX(%rax)
	mov	%rbp, RBP(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
	mov	%r8, R8(%rax)
	mov	%r9, R9(%rax)
	mov	%r10, R10(%rax)
	mov	%r11, R11(%rax)
	mov	%r12, R12(%rax)
	mov	%r13, R13(%rax)
	mov	%r14, R14(%rax)
	mov	%r15, R15(%rax)

	mov	8(%rsp), %rax
	vmload	%rax
	cli

	/* Nothing the guest left in registers and predictors may steer the
	 * host's speculation: refill the return stack (the kernel's loop of
	 * that takes twice the instructions), untrain returns where the CPU
	 * needs it, before the first; clear what is not restored.
	 */
	ALTERNATIVE "jmp .Lfilled", "", X86_FEATURE_RSB_VMEXIT
	.rept	RSB_CLEAR_LOOPS
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
	int3
1:
	.endr
	add	$(8 * RSB_CLEAR_LOOPS), %rsp
	lfence
.Lfilled:
#ifdef UNTRAIN_RET_VM
	UNTRAIN_RET_VM
#else
	UNTRAIN_RET
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
	stgi
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	add	$16, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(svm_run)
