/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bare: out of 64-bit mode and back to who called, for start.S (real mode) and tasks.S
 * (32-bit protected mode).
 */
	.macro save_caller stack_at, idtr_at
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	cli
	mov %rsp, \stack_at
	sidt \idtr_at
	.endm

	.macro restore_caller
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.endm

/* In compatibility mode: paging off, and with it long mode. */
	.macro long_mode_off
	mov %cr0, %eax
	and $0x7fffffff, %eax
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	rdmsr
	and $~0x100, %eax
	wrmsr
	.endm

/* The next far jump to a 64-bit segment is back. */
	.macro set_long_mode
	mov $0xc0000080, %ecx
	rdmsr
	or $0x100, %eax
	wrmsr
	.endm

	.macro set_paging
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	.endm
