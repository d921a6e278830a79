/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a bare program starts: QEMU's -kernel loads it by the multiboot header
 * and enters it in 32-bit protected mode; this builds identity page tables of
 * 4 GiB, goes to long mode, and calls bare_main(). The second CPU comes the
 * same way from a start-up IPI. Also here: the interrupt entries, and the
 * world switch (APM2 15.5). All physical addresses are virtual ones.
 */
#define CR4_VALUE	(1 << 5 | 1 << 9 | 1 << 10)	/* PAE, OSFXSR, OSXMMEXCPT */
#define CR0_VALUE	(1 << 31 | 1 << 16 | 1 << 5 | 1 << 1 | 1)
#define EFER_VALUE	(1 << 12 | 1 << 11 | 1 << 8 | 1)	/* SVME NXE LME SCE */
#define STACK		16384
#define CPUS		2

	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, 0, -0x1badb002

	.text
	.code32
	.globl _start
_start:
	cli
	mov $boot_pml4, %edi
	mov $(boot_pdpt + 3), %eax
	mov %eax, (%edi)
	mov $boot_pdpt, %edi
	mov $(boot_pd + 3), %eax
	mov $4, %ecx
1:	mov %eax, (%edi)
	add $8, %edi
	add $4096, %eax
	loop 1b
	mov $boot_pd, %edi
	mov $0x83, %eax
	mov $2048, %ecx
2:	mov %eax, (%edi)
	add $8, %edi
	add $0x200000, %eax
	loop 2b
	xor %ebx, %ebx

enter_long:				/* EBX: the CPU's number */
	mov $CR4_VALUE, %eax
	mov %eax, %cr4
	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	mov $EFER_VALUE, %eax
	xor %edx, %edx
	wrmsr
	mov $CR0_VALUE, %eax
	mov %eax, %cr0
	lgdt gdt_register
	ljmp $0x08, $long_mode

	.code64
long_mode:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov %ebx, %edi
	lea 1(%rdi), %eax
	imul $STACK, %eax
	lea stacks(%rax), %rsp
	lidt idt_register
	call bare_main
3:	cli
	hlt
	jmp 3b

/* Copied to 8000h: where the second CPU starts, in real mode. */
	.globl trampoline, trampoline_end
trampoline:
	.code16
	cli
	lgdtl %cs:(trampoline_gdt - trampoline)
	mov $CR0_VALUE & 0x7fffffff, %eax
	mov %eax, %cr0
	ljmpl $0x18, $second_cpu
	.align 4
trampoline_gdt:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:
	.code32
second_cpu:
	mov $0x10, %eax
	mov %eax, %ds
	mov $1, %ebx
	jmp enter_long

/* 256 entries for each of two tables: the host's, and a guest's. */
	.code64
.macro entries table handler
	.align 16
	.globl \table
\table:
	vector = 0
	.rept 256
	.align 16
	.if vector != 8 && (vector < 10 || vector > 14) && vector != 17
	push $0
	.endif
	push $vector
	jmp \handler
	vector = vector + 1
	.endr
.endm
	entries host_entries, host_common
	entries guest_entries, guest_common

.macro common name function
\name:
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	cld
	call \function
	mov %rbp, %rsp
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq
.endm
	common host_common, host_trap
	common guest_common, guest_trap

/*
 * void vmrun(struct vmcb *vmcb, u64 *rbx_rcx_rdx): GIF off while the guest's
 * state is loaded, interrupts on, so that one ends the guest's run. Returns
 * with GIF off; the caller says stgi() when it is ready.
 */
	.globl vmrun
vmrun:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rsi
	mov %rdi, %rax
	clgi
	sti
	mov (%rsi), %rbx
	mov 8(%rsi), %rcx
	mov 16(%rsi), %rdx
	vmload %rax
	vmrun %rax
	vmsave %rax
	pop %rsi
	mov %rbx, (%rsi)
	mov %rcx, 8(%rsi)
	mov %rdx, 16(%rsi)
	cli
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	cld
	ret

	.data
	.align 8
	.globl gdt
gdt:	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
	.quad 0x00affb000000ffff, 0x00cff3000000ffff
	.globl gdt_end
gdt_end:
gdt_register:
	.word gdt_end - gdt - 1
	.quad gdt
	.globl idt_register
idt_register:
	.word 256 * 16 - 1
	.quad host_idt

	.bss
	.align 4096
	.globl boot_pml4, boot_pdpt, boot_pd
boot_pml4:	.skip 4096
boot_pdpt:	.skip 4096
boot_pd:	.skip 4096 * 4
stacks:		.skip STACK * CPUS
	.section .note.GNU-stack, "", @progbits
