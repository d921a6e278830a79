/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest of kvmcost: one loop per operation, in long mode, identity-mapped.
 * Each loop takes the time stamp, does the operation once, takes it again, and
 * stores the difference. Position-independent; kvmcost copies it to guest
 * memory and sets the registers:
 *
 *   r14  where the next sample goes     r15d  how many are still to be taken
 *   rdi  the local APIC's base          rbx, rcx, r8, r9  as the operation needs
 *
 * rax, rdx, r12, r13 are the loop's own, also in interrupt handlers. A loop
 * ends with an OUT to port F0h.
 */
#define DONE	0xf0
#define EOI	0xb0
#define ICR	0x300
#define ICR_DEST 0x310
#define X2_EOI	0x80b
#define X2_ICR	0x830
#define SELF	0x40000		/* ICR shorthand (APM2 16.5) */

	.section .rodata
	.balign 16
	.globl guest_begin, guest_end
guest_begin:

	.macro NOW reg
	rdtsc
	shl	$32, %rdx
	or	%rax, %rdx
	mov	%rdx, \reg
	.endm

	.macro SAMPLE
	NOW	%rax
	sub	%r13, %rax
	mov	%rax, (%r14)
	add	$8, %r14
	.endm

	.macro BEGIN name
	.globl op_\name
op_\name:
1:	NOW	%r13
	.endm

	.macro END
	SAMPLE
	dec	%r15d
	jnz	1b
	out	%al, $DONE
	.endm

/* ---- plain operations ------------------------------------------------------ */

	BEGIN empty
	END

	BEGIN cpuid
	mov	$1, %eax
	cpuid
	END

	BEGIN vmmcall
	mov	$1, %eax
	vmmcall
	END

	BEGIN rdmsr
	rdmsr
	END

	BEGIN wrmsr
	mov	%r8d, %eax
	mov	%r9d, %edx
	wrmsr
	END

	BEGIN pic
	in	$0x21, %al
	END

	BEGIN pit
	in	$0x40, %al
	END

	BEGIN user_pio
	in	$0xf1, %al
	END

	BEGIN load
	mov	(%rbx), %eax
	END

	BEGIN store
	mov	%eax, (%rbx)
	END

	BEGIN ioeventfd_pio
	out	%al, $0xe0
	END

	BEGIN cr0
	xor	$0x40000, %r8
	mov	%r8, %cr0
	END

	BEGIN cr4
	xor	$0x80, %r8
	mov	%r8, %cr4
	END

	BEGIN cr8
	xor	$1, %r8
	mov	%r8, %cr8
	END

	/* To the other of two address spaces, and a byte there. */
	BEGIN switch
	xor	%r9, %r8
	mov	%r8, %cr3
	movb	$1, (%rbx)
	END

	/* A byte into the next page, rcx bytes on. */
	BEGIN touch
	movb	$1, (%rbx)
	add	%rcx, %rbx
	END

	/* The same without taking the time. */
	.globl op_fill
op_fill:
1:	movb	$1, (%rbx)
	add	%rcx, %rbx
	dec	%r15d
	jnz	1b
	out	%al, $DONE

/* ---- interrupts ------------------------------------------------------------- */

	.globl op_enable
op_enable:				/* software-enable the APIC */
	movl	$0x1ff, 0xf0(%rdi)
	movl	$0x01000000, ICR_DEST(%rdi)	/* later IPIs go to APIC 1 */
	out	%al, $DONE

	/* Vector in r8d, shorthand included. */
	.globl op_self_ipi
op_self_ipi:
	sti
1:	mov	%r14, %r12
	NOW	%r13
	mov	%r8d, ICR(%rdi)
2:	cmp	%r14, %r12
	je	2b
	dec	%r15d
	jnz	1b
	cli
	out	%al, $DONE

	/* HLT with an interrupt already waiting. */
	.globl op_hlt
op_hlt:
1:	mov	%r8d, ICR(%rdi)
	NOW	%r13
	sti
	hlt
	cli
	dec	%r15d
	jnz	1b
	out	%al, $DONE

	/*
	 * From a card (e1000e: rbx is its BAR 0, r8d the cause) that is told to
	 * interrupt: interrupt mask, then cause. The card's own throttle lets
	 * one through in 128 us.
	 */
	.globl op_card
op_card:
	sti
1:	mov	%r14, %r12
	mov	%r8d, 0xd0(%rbx)
	NOW	%r13
	mov	%r8d, 0xc8(%rbx)
2:	cmp	%r14, %r12
	je	2b
	mov	$150000, %ecx
3:	dec	%ecx
	jnz	3b
	dec	%r15d
	jnz	1b
	cli
	out	%al, $DONE

	/* To the other vCPU and back, asleep in between. */
	.globl op_ipi
op_ipi:
1:	mov	%r14, %r12
	NOW	%r13
	mov	%r8d, ICR(%rdi)
2:	sti
	hlt
	cli
	cmp	%r14, %r12
	je	2b
	dec	%r15d
	jnz	1b
	out	%al, $DONE

	/* The other vCPU: sleep, and answer. */
	.globl op_echo
op_echo:
	movl	$0x1ff, 0xf0(%rdi)
	movl	$0, ICR_DEST(%rdi)
	out	%al, $DONE
	sti
1:	hlt
	jmp	1b

	.globl irq_echo
irq_echo:
	mov	%r8d, ICR(%rdi)
	movl	$0, EOI(%rdi)
	iretq

	/* How long from r13 to here. */
	.globl irq_sample
irq_sample:
	SAMPLE
	movl	$0, EOI(%rdi)
	iretq

	/* How long does EOI take. */
	.globl irq_eoi
irq_eoi:
	NOW	%r13
	movl	$0, EOI(%rdi)
	SAMPLE
	iretq

/* ---- the same by x2APIC (APM2 16.11) ----------------------------------------- */

	.globl op_x2apic
op_x2apic:
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	out	%al, $DONE

	.globl op_x2_self_ipi
op_x2_self_ipi:
	mov	$X2_ICR, %ecx
	sti
1:	mov	%r14, %r12
	NOW	%r13
	mov	%r8d, %eax
	xor	%edx, %edx
	wrmsr
2:	cmp	%r14, %r12
	je	2b
	dec	%r15d
	jnz	1b
	cli
	out	%al, $DONE

	.globl irq_x2_sample
irq_x2_sample:
	SAMPLE
	mov	$X2_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	mov	$X2_ICR, %ecx
	iretq

	.globl irq_x2_eoi
irq_x2_eoi:
	mov	$X2_EOI, %ecx
	NOW	%r13
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	SAMPLE
	mov	$X2_ICR, %ecx
	iretq
guest_end:
	.section .note.GNU-stack, "", @progbits
