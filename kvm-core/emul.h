/* SPDX-License-Identifier: GPL-2.0 */
/*
 * emul: execute one guest instruction in software.
 *
 * Called when the hardware cannot finish an instruction: MMIO (nested page
 * fault on an address without RAM), string port I/O, CR/DR/INVLPG moves on
 * CPUs without decode assists, writes to read-only slots. APM3 is the
 * reference for every opcode; APM2 4.8-4.12 for segments, 8.2 for faults.
 *
 * Pure and restartable. State and memory come through struct emul_ctxt; the
 * emulator changes ctxt registers only when the instruction (or one iteration
 * of a rep string instruction) has completed, so after any other verdict the
 * same call can be made again. A memory or port access that must be answered
 * by user space makes ops->read/write return EMUL_ACC_EXIT; the caller goes
 * to user space, records the answer, and calls again: the ops replay the
 * answers already given, in order.
 */
#ifndef BACKPLANE_EMUL_H
#define BACKPLANE_EMUL_H

#include "addr.h"

enum emul_verdict {
	EMUL_OKAY,		/* done; regs, rip, rflags are the new ones */
	EMUL_REP,		/* one rep iteration done, rip unchanged and RF
				 * set, as its breakpoint was met: call again
				 * after looking for interrupts
				 */
	EMUL_UNHANDLED,		/* not an instruction we know: internal error */
	EMUL_FAULT,		/* ctxt->fault holds the exception to inject */
	EMUL_EXIT,		/* an access went to user space: see above */
	EMUL_RETRY,		/* run the guest again, nothing changed */
};

enum emul_access_result {
	EMUL_ACC_OKAY,
	EMUL_ACC_FAULT,		/* ops filled ctxt->fault */
	EMUL_ACC_EXIT,
	EMUL_ACC_RETRY,
};

enum emul_seg { EMUL_ES, EMUL_CS, EMUL_SS, EMUL_DS, EMUL_FS, EMUL_GS,
		EMUL_NR_SEGS };

/* Register numbers as in ModRM: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. */
enum emul_reg { EMUL_RAX, EMUL_RCX, EMUL_RDX, EMUL_RBX, EMUL_RSP, EMUL_RBP,
		EMUL_RSI, EMUL_RDI, EMUL_NR_REGS = 16 };

/* Registers of the system's own (APM2 4.6): GDTR and IDTR have base and limit only. */
enum emul_table { EMUL_GDTR, EMUL_IDTR, EMUL_LDTR, EMUL_TR };

/* attr is the VMCB's form: descriptor bits 55:52 and 47:40 (APM2 15.5.1). */
struct emul_segment {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
};

struct emul_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;		/* of a #PF */
};

struct emul_xmm {
	u64 lo, hi;
};

struct emul_ctxt;

struct emul_ops {
	/*
	 * Guest-virtual data access at linear address @la, @len 1..32 bytes
	 * (split by the emulator at no boundary: the ops split at pages).
	 * @write_intent on a read: a locked or read-modify-write read, so
	 * write permission is checked first.
	 */
	enum emul_access_result (*read)(struct emul_ctxt *c, gva_t la,
					void *data, unsigned int len,
					bool write_intent);
	enum emul_access_result (*write)(struct emul_ctxt *c, gva_t la,
					 const void *data, unsigned int len);
	/* Atomic compare-and-exchange of @len bytes (1, 2, 4, 8, 16; any
	 * alignment below 16), for LOCKed RAM; on a mismatch *old gets the
	 * memory's value and *swapped is false. On a device, which @read has
	 * just read, it is a plain write and *swapped is true.
	 */
	enum emul_access_result (*cmpxchg)(struct emul_ctxt *c, gva_t la,
					   void *old, const void *new_value,
					   unsigned int len, bool *swapped);
	enum emul_access_result (*pio)(struct emul_ctxt *c, u16 port,
				       void *data, unsigned int len, bool in);
	/* XMM/YMM file: @index 0..15. Only when an SSE/AVX move needs it. @whole:
	 * a VEX move, what the register has above bit 255 becomes 0 (it stays
	 * otherwise).
	 */
	void (*get_xmm)(struct emul_ctxt *c, unsigned int index,
			struct emul_xmm *lo, struct emul_xmm *hi);
	void (*set_xmm)(struct emul_ctxt *c, unsigned int index,
			const struct emul_xmm *lo, const struct emul_xmm *hi,
			bool whole);
	/* May #GP through ctxt->fault. Control registers 0 2 3 4 8; debug
	 * registers 0..7. EMUL_ACC_* as above.
	 */
	enum emul_access_result (*get_cr)(struct emul_ctxt *c, unsigned int n, u64 *v);
	enum emul_access_result (*set_cr)(struct emul_ctxt *c, unsigned int n, u64 v);
	enum emul_access_result (*get_dr)(struct emul_ctxt *c, unsigned int n, u64 *v);
	enum emul_access_result (*set_dr)(struct emul_ctxt *c, unsigned int n, u64 v);
	enum emul_access_result (*invlpg)(struct emul_ctxt *c, gva_t la);
	/* Where descriptors are found. May be NULL: then what needs them is
	 * EMUL_UNHANDLED. set_table is an instruction's last act.
	 */
	void (*get_table)(struct emul_ctxt *c, enum emul_table t,
			  struct emul_segment *s);
	void (*set_table)(struct emul_ctxt *c, enum emul_table t,
			  const struct emul_segment *s);
	/* MMX registers 0..7, which are the x87's: a write makes all of them valid
	 * and the stack's top 0. May be NULL.
	 */
	u64 (*get_mmx)(struct emul_ctxt *c, unsigned int index);
	void (*set_mmx)(struct emul_ctxt *c, unsigned int index, u64 value);
	/* IOPL / TSS bitmap permission for @len ports: fills #GP if refused. */
	enum emul_access_result (*pio_allowed)(struct emul_ctxt *c, u16 port,
					       unsigned int len);
	/*
	 * Would a write of @len bytes at @la fault? Changes nothing but the
	 * accessed and dirty bits, never leaves to user space, is not
	 * recorded for replay. Asked before a source with side effects (a
	 * port, a device register) is read for a memory destination: INS,
	 * MOVS, PUSH and CALL. May be NULL: then a fault on the destination
	 * loses what the source gave.
	 */
	enum emul_access_result (*probe_write)(struct emul_ctxt *c, gva_t la,
					       unsigned int len);
};

struct emul_ctxt {
	/* in and out */
	u64 regs[EMUL_NR_REGS];
	u64 rip;
	u64 rflags;
	/* in */
	struct emul_segment seg[EMUL_NR_SEGS];
	u64 cr0, cr4, efer;
	u64 xcr0;		/* AVX is #UD unless bits 1 and 2 are set */
	u8 cpl;
	u8 bytes[15];		/* the instruction, fetched by the caller */
	u8 nbytes;		/* how many are valid; may be fewer than 15 */
	const struct emul_ops *ops;
	void *priv;		/* the caller's */
	/* out */
	struct emul_fault fault;
	bool int_shadow;	/* instruction sets the interrupt shadow */
	u16 ahead;		/* while ops->pio reads: elements that the
				 * instruction could take in a row, 1 or more
				 */
	u8 length;		/* of the instruction, once decoded */
	u8 seg_dirty;		/* BIT(enum emul_seg): what changed in ->seg;
				 * write it back on EMUL_OKAY
				 */
};

/*
 * Decode and execute the instruction in ctxt->bytes. If more bytes are needed
 * than ctxt->nbytes (the next page could not be read), EMUL_FAULT with a #PF
 * is the caller's matter: the verdict is EMUL_UNHANDLED with length 0.
 */
enum emul_verdict emul_step(struct emul_ctxt *ctxt);

/*
 * Length in bytes of the instruction in ctxt->bytes, 0 if unknown. For exits
 * that know what they are but not how long (no next-RIP save).
 */
unsigned int emul_insn_length(const struct emul_ctxt *ctxt);

/* Current code size: 16, 32 or 64, from cr0, efer, rflags.VM and CS. */
unsigned int emul_code_bits(const struct emul_ctxt *ctxt);

#endif
