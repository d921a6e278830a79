/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bare: from a multiboot loader's 32-bit code, or an AP's 16-bit start, to C in long
 * mode (APM2 14.6, 16.5); entries of interrupts; the way to CPL 3 and back; the way
 * to real mode and back.
 */
#include "layout.h"
#include "leave.h"

#define STACK		16384

	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, 0, -0x1badb002

	.bss
	.align 4096
	.globl pml4
pml4:	.skip 4096
pdpt:	.skip 4096
pds:	.skip 4 * 4096
	.align 16
stacks:	.skip NR_CPUS * STACK
	.globl multiboot_info
multiboot_info: .skip 8
kernel_rsp: .skip 8

	.data
	.align 16
	.globl gdt, gdtr, gdtr32, next_cpu
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.quad 0x00cf9b000000ffff	/* 18: 32-bit code */
	.quad 0x00affb000000ffff	/* 20: user's 64-bit code */
	.quad 0x00cff3000000ffff	/* 28: user's data */
	.quad 0x00009b000000ffff	/* 30: 16-bit code */
	.quad 0x000093000000ffff	/* 38: 16-bit data */
	.quad 0, 0			/* 40: what a test wants */
	.skip NR_CPUS * 16		/* 50: a TSS for each CPU */
gdt_end:
	.skip 8
gdtr:	.word gdt_end - gdt - 1
	.quad gdt
gdtr32:	.word gdt_end - gdt - 1
	.long gdt
real_idtr: .word 0x3ff
	.long 0
	.align 4
next_cpu: .long 1

	.text
	.code32
	.globl start
start:	cli
	mov %ebx, multiboot_info
	mov $pds, %edi			/* 4 GiB in pages of 2 MiB */
	mov $0xe3, %eax
	mov $2048, %ecx
1:	mov %eax, (%edi)
	movl $0, 4(%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b
	mov $pds + 7, %eax
	mov $4, %ecx
	mov $pdpt, %edi
2:	mov %eax, (%edi)
	add $4096, %eax
	add $8, %edi
	loop 2b
	movl $pdpt + 7, pml4
	xor %ebp, %ebp
	lgdt gdtr32
	ljmp $0x18, $to_long

to_long:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $pml4, %eax
	mov %eax, %cr3
	mov $0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	rdmsr
	or $0x900, %eax			/* LME, NXE */
	wrmsr
	mov $0x80010033, %eax		/* PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	ljmp $0x08, $in_long

	.code64
in_long:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov %ebp, %edi
	lea 1(%rdi), %eax
	imul $STACK, %eax, %eax
	lea stacks(%rax), %rsp
	xor %ebp, %ebp
	call cpu_start
1:	hlt
	jmp 1b

/* Copied below 1 MiB: where a SIPI begins. */
	.code16
	.globl ap_code, ap_code_end
ap_code:
	cli
	xor %ax, %ax
	mov %ax, %ds
	lgdtl AP_BASE + ap_gdtr - ap_code
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl $0x18, $ap_protected
ap_gdtr: .word gdt_end - gdt - 1
	.long gdt
ap_code_end:

	.code32
ap_protected:
	mov $0x10, %eax
	mov %eax, %ds
	mov $1, %ebp
	lock xadd %ebp, next_cpu
	jmp to_long

/* Copied to WAKE_BASE: where firmware begins after a sleep, in real mode. */
	.code16
	.globl wake_code, wake_code_end
wake_code:
	mov %cs, %ax
	mov %ax, %ds
	mov $(wake_text - wake_code), %si
	mov $0x3f8, %dx
1:	lodsb
	or %al, %al
	jz 2f
	out %al, %dx
	mov $10000, %cx			/* firmware may have slowed the line down */
	loop .
	jmp 1b
2:	mov $0xf4, %dx
	out %al, %dx
	hlt
wake_text: .asciz "pass a wake from S3\n"
wake_code_end:

/* ---- interrupts ---------------------------------------------------------------- */
	.code64
	.altmacro
	.macro entry n
	.align 16
	.if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17 || \n == 21
	.else
	pushq $0
	.endif
	pushq $\n
	jmp common
	.endm
	.align 16
	.globl entries
entries:
	.set n, 0
	.rept 256
	entry %n
	.set n, n + 1
	.endr

common:	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %rdi
	cld
	mov %rsp, %rbp
	and $-16, %rsp
	call trap
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
	iretq

/* user_enter(rip, rsp, rdi): returns by user_leave() */
	.globl user_enter, user_leave
user_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, kernel_rsp
	pushq $0x2b
	push %rsi
	pushfq
	pushq $0x23
	push %rdi
	mov %rdx, %rdi
	iretq
user_leave:
	mov kernel_rsp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/*
 * sysenter_try(): SYSENTER in 32-bit code of long mode, in 64-bit code (which leaves
 * its rsp in sysenter_rsp) SYSEXIT to USER32, which comes back by user_leave().
 */
	.globl sysenter_try, sysenter_target, sysenter_rsp
	.bss
sysenter_rsp: .skip 8
	.data
to_sysenter: .long 1f
	.word 0x18
	.text
sysenter_try:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, kernel_rsp
	ljmp *to_sysenter
	.code32
1:	sysenter
	ud2
	.code64
sysenter_target:
	mov %rsp, sysenter_rsp
	mov $USER32, %edx
	mov $USER32 + 0x800, %ecx
	.byte 0x0f, 0x35			/* SYSEXIT, to 32-bit code */
	ud2

/*
 * real_call(): runs what lies at REAL_CODE in big real mode (ES, DS, FS, GS reach 4
 * GiB), which comes back by a near jump to REAL_BACK with CS 0. Its registers are
 * taken from and left at REAL_REGS: eax ecx edx ebx esp ebp esi edi, eflags before,
 * eflags after.
 */
	.globl real_call, real_stub, real_stub_end
	.bss
	.align 8
real_rsp: .skip 8
	.text
real_call:
	save_caller real_rsp, real_saved_idtr
	ljmp *to_compat
	.data
to_compat: .long compat
	.word 0x18
real_saved_idtr: .skip 16
	.text
	.code32
compat:	long_mode_off
	lidt real_idtr
	ljmp $0x30, $REAL_STUB
/* Copied to REAL_STUB */
	.code16
real_stub:
	mov $0x10, %ax			/* flat: the limits stay */
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %fs
	mov %ax, %gs
	mov $0x38, %ax
	mov %ax, %ss
	mov %cr0, %eax
	and $~1, %eax
	mov %eax, %cr0
	ljmp $0, $(REAL_STUB + 1f - real_stub)
1:	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %fs
	mov %ax, %gs
	mov %ax, %ss
	mov $REAL_STACK, %sp
	pushl REAL_REGS + 32
	popfl
	mov REAL_REGS, %eax
	mov REAL_REGS + 4, %ecx
	mov REAL_REGS + 8, %edx
	mov REAL_REGS + 12, %ebx
	mov REAL_REGS + 16, %esp
	mov REAL_REGS + 20, %ebp
	mov REAL_REGS + 24, %esi
	mov REAL_REGS + 28, %edi
	jmp *%cs:(REAL_STUB + 2f - real_stub)
2:	.word REAL_CODE
	.org real_stub + REAL_BACK - REAL_STUB
	mov %eax, %cs:REAL_REGS
	mov %esp, %cs:(REAL_REGS + 16)
	mov $0, %ax			/* the flags stay what they are */
	mov %ax, %ss
	mov $REAL_STACK, %esp
	pushfl
	popl %cs:(REAL_REGS + 36)
	mov %ecx, %cs:(REAL_REGS + 4)
	mov %edx, %cs:(REAL_REGS + 8)
	mov %ebx, %cs:(REAL_REGS + 12)
	mov %ebp, %cs:(REAL_REGS + 20)
	mov %esi, %cs:(REAL_REGS + 24)
	mov %edi, %cs:(REAL_REGS + 28)
	cli
	cld
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl $0x18, $real_done
real_stub_end:
	.code32
real_done:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	set_long_mode
	set_paging
	ljmp $0x08, $1f
	.code64
1:	mov real_rsp, %rsp
	lidt real_saved_idtr
	mov $0x10, %eax
	mov %eax, %fs
	mov %eax, %gs
	restore_caller

/* Programs for CPL 3; each comes back by INT 20h. */
	.globl user_read, user_write, user_end
	.align 4096
user_read:
	mov (%rdi), %al
	int $0x20
user_write:
	movb $0x5a, (%rdi)
	int $0x20
user_end:
	.align 4096
