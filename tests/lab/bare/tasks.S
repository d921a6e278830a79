/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bare: to 32-bit protected mode, where tasks are switched, and back (APM2 12.3,
 * 14.6); the programs of the tasks. task.c lays out what they find.
 */
#include "layout.h"
#include "leave.h"

	.globl task_run, task_body, task_cr3, task_cr0, task_gdtr, task_idtr
	.globl task_stubs, task_got, task_seen, task_skip, task_has_error, task_mark_at
	.globl task_stack_end, task_main, task_prog, task_prog_jump, task_prog_16, task_prog_16_end
	.globl body_call, body_jump, body_gate, body_int, body_ud, body_pf, body_iret, body_16
	.globl body_iret_at, body_self, body_none, body_cx8, body_cx8_fault

	.bss
	.align 16
	.skip 4096
task_stack_end:
	.align 8
task_rsp: .skip 8
task_saved_idtr: .skip 16
task_esp: .skip 4
task_cr4: .skip 4
task_body: .skip 8
task_cr3: .skip 8
task_cr0: .skip 8
task_gdtr: .skip 16
task_idtr: .skip 16
task_skip: .skip 4
task_has_error: .skip 4
task_mark_at: .skip 8
task_main: .skip 128		/* the TSS that runs first */
	/* vector, error, eip, tr, cr2, dr6, ebx after the body */
task_got: .skip 64
	/* count, tr, flags, msw, cs, error, mark */
task_seen: .skip 64

	.text
	.code64
task_run:
	save_caller task_rsp, task_saved_idtr
	mov %cr4, %rax
	mov %eax, task_cr4
	ljmp *to_task32
	.data
to_task32: .long task32
	.word 0x18
	.text
	.code32
task32:	long_mode_off
	mov $0x618, %eax		/* DE, PSE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov task_cr3, %eax
	mov %eax, %cr3
	lgdt task_gdtr
	lidt task_idtr
	ljmp $0x08, $1f
1:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	lldt %ax
	mov $task_stack_end, %esp
	mov %cr0, %eax
	or task_cr0, %eax
	mov %eax, %cr0
	jmp 1f
1:	mov $TASK_MAIN, %eax
	ltr %ax
	mov %esp, task_esp
	mov $0x5a5a1234, %ebx
	call *task_body
	mov %ebx, task_got + 24
	str task_got + 12
task_leave:
	mov %cr0, %eax
	and $0x7ffffff7, %eax		/* PG, TS */
	mov %eax, %cr0
	mov task_cr4, %eax
	mov %eax, %cr4
	mov $pml4, %eax
	mov %eax, %cr3
	set_long_mode
	lgdt gdtr32
	set_paging
	ljmp $0x08, $1f
	.code64
1:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov task_rsp, %rsp
	lgdt gdtr
	lidt task_saved_idtr
	andb $~2, gdt + 0x55		/* CPU 0's TSS is free */
	mov $0x50, %eax
	ltr %ax
	restore_caller

/* An exception: what and where, and out of here. */
	.code32
	.align 16
task_stubs:
	.set n, 0
	.rept 32
	.align 16
	.if n == 8 || (n >= 10 && n <= 14) || n == 17
	.else
	pushl $0
	.endif
	pushl $n
	jmp task_fault
	.set n, n + 1
	.endr
task_fault:
	mov $0x10, %eax
	mov %eax, %ds
	popl task_got
	popl task_got + 4
	popl task_got + 8
	str task_got + 12
	mov %cr2, %eax
	mov %eax, task_got + 16
	mov %dr6, %eax
	mov %eax, task_got + 20
	mov $0x10, %eax
	mov %eax, %es
	mov %eax, %ss
	mov task_esp, %esp
	pushl $2			/* no NT */
	popfl
	jmp task_leave

/* ---- what the first task does --------------------------------------------------- */
body_call: lcall $TASK_NEW, $0
	ret
body_jump: ljmp $TASK_NEW, $0
	ret
body_gate: lcall $TASK_GATE, $0
	ret
body_16: lcall $TASK_NEW16, $0
	ret
body_self: lcall $TASK_MAIN, $0
	ret
body_int: int $0x40
	ret
body_ud: ud2
	ret
body_pf: mov TASK_HOLE, %eax		/* five bytes */
	ret
body_iret:
	pushfl
	orl $0x4000, (%esp)
	popfl
body_iret_at:
	iret
body_none:
	ret
/* CMPXCHG8B of what is at EDI, task_mark_at: once equal, once not */
body_cx8:
	mov task_mark_at, %edi
	movl $1, (%edi)
	movl $2, 4(%edi)
	mov $1, %eax
	mov $2, %edx
	mov $3, %ebx
	mov $4, %ecx
	lock cmpxchg8b (%edi)
	sete task_seen
	cmpxchg8b (%edi)
	setne task_seen + 4
	mov %eax, task_seen + 8
	mov %edx, task_seen + 12
	mov (%edi), %eax
	mov %eax, task_seen + 16
	mov 4(%edi), %eax
	mov %eax, task_seen + 20
	ret
body_cx8_fault:
	mov $TASK_HOLE - 4, %edi
	mov $5, %eax
	mov $6, %edx
	lock cmpxchg8b (%edi)
	ret

/* ---- what the second does, each time it is entered -------------------------------- */
	.macro look
	incl task_seen
	str task_seen + 4
	pushfl
	popl task_seen + 8
	smsw task_seen + 12
	mov %cs, task_seen + 16
	mov task_mark_at, %eax
	mov (%eax), %eax
	mov %eax, task_seen + 24
	mov task_skip, %eax
	add %eax, task_main + 0x20
	.endm
task_prog:
	cmpl $0, task_has_error
	je 1f
	popl task_seen + 20
1:	look
	iret
	jmp task_prog
task_prog_jump:
	look
	ljmp $TASK_MAIN, $0
	jmp task_prog_jump
/* Copied below 64 KiB: a 16-bit TSS has no more */
task_prog_16:
	incl task_seen
	iret
	jmp task_prog_16
task_prog_16_end:
