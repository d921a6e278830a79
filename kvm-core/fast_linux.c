// SPDX-License-Identifier: GPL-2.0
/*
 * The short ways of an exit: which instruction stands at rip, a plain load or
 * store on a device register, MOV to a control register.
 *
 * The pages that instructions were last fetched from are remembered, each together
 * with every page-table entry that led there. Before one is used again the entries
 * are read again and compared, which makes it as good as a new walk of the
 * guest's tables (APM2 5.3) at a fraction of the cost; so are the decoded
 * instructions, each beside the bytes it was decoded from. All of it is read
 * through the process's own mapping: a page that the host took back faults in,
 * or the long way is gone. Whatever does not fit goes the long way too
 * (mmio_linux.c), which gives the same result.
 *
 * Called by svm's exit handlers, in the vCPU's thread, interrupts on.
 *
 * The quick way (vcpu_quick_*) answers the simplest of these exits between two
 * entries, before the run loop hears of them, with interrupts and preemption off:
 * nothing there sleeps, takes mmu_lock (its holder may wait for this CPU) or
 * faults a page in. It answers an exit whole or leaves it untouched, and then
 * the run loop's way gives the same result.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include "kvm-core/emul.h"
#include "kvm-core/emul_move.h"
#include "kvm-core/gwalk.h"
#include "kvm-core/trace.h"
#include "kvm-core/vcpu.h"

/* ---- the page that rip is in ------------------------------------------------------ */

/* What decides a translation besides cr3 and the tables: CR0.PG, EFER, bits of
 * CR4 (PGE is none: guests toggle it to flush), and whether it is the user's.
 * All fit one word.
 */
#define CR4_WALK (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57 | X86_CR4_SMEP | \
		  X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_PCIDE)

static u64 walk_mode(const struct vcpu *v, bool user)
{
	return (v->cr4 & CR4_WALK) | v->efer << 32 | (v->cr0 & X86_CR0_PG) << 31 |
	       (u64)user << 63;
}

struct recorder {
	struct vcpu *v;
	struct code_window *w;
	bool unfit;		/* more, or smaller, entries than are remembered */
};

static int record_read(void *ctx, gpa_t gpa, void *data, unsigned int len)
{
	struct recorder *r = ctx;
	struct code_window *w = r->w;
	u64 __user *at = (u64 __user *)vm_mem_gpa_to_hva(vcpu_space(r->v), gpa, NULL);
	u64 pte;

	if (len != sizeof(pte) || w->n == ARRAY_SIZE(w->walk))
		r->unfit = true;
	if (r->unfit || !at || get_user(pte, at)) {
		r->unfit = true;
		return -EFAULT;
	}
	w->walk[w->n].at = at;
	w->walk[w->n++].pte = pte;
	*(u64 *)data = pte;
	return 0;
}

static bool window_walk(struct vcpu *v, struct code_window *w, gva_t la,
			bool user, gpa_t *gpa)
{
	struct gwalk_mode mode = {
		.cr0 = v->cr0, .cr3 = v->cr3, .cr4 = v->cr4, .efer = v->efer,
		.rflags = v->rflags, .phys_bits = v->phys_bits,
	};
	struct recorder rec = { .v = v, .w = w };
	/* No cmpxchg: the CPU set the accessed bits when it fetched. */
	struct gwalk_mem mem = {
		.read = record_read, .ctx = &rec,
	};
	struct gwalk_result r;

	w->n = 0;
	*gpa = la;
	if (!(v->cr0 & X86_CR0_PG))
		return true;
	r = gwalk_translate(&mode, &mem, la, GWALK_I | (user ? GWALK_U : 0), false);
	*gpa = r.gpa;
	return r.ok && !rec.unfit;
}

void vcpu_forget_code(struct vcpu *v)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(v->window); i++)
		v->window[i].page = ~0ULL;
	v->code = v->window;
}

/* Look up the page of @la anew. False: not one that can be remembered. */
static bool window_fill(struct vcpu *v, struct code_window *w, gva_t la, bool user)
{
	gpa_t gpa;
	hva_t hva;

	w->page = ~0ULL;
	w->slots = READ_ONCE(vcpu_space(v)->mem.generation);
	smp_rmb();	/* pairs with slots_publish: the slots are read after it */
	if (!window_walk(v, w, la & PAGE_MASK, user, &gpa))
		return false;
	hva = vm_mem_gpa_to_hva(vcpu_space(v), gpa, NULL);
	if (!hva)
		return false;
	w->host = (const u8 __user *)(hva & PAGE_MASK);
	w->cr3 = v->cr3;
	w->mode = walk_mode(v, user);
	w->page = la & PAGE_MASK;
	return true;
}

static bool window_holds(const struct vcpu *v, const struct code_window *w, gva_t la,
			 bool user)
{
	return w->page == (la & PAGE_MASK) && w->cr3 == v->cr3 &&
	       w->mode == walk_mode(v, user) &&
	       w->slots == READ_ONCE(vcpu_space(v)->mem.generation);
}

/* Is it another than the last that was used? A guest's kernel is fetched from in
 * many address spaces. If none, the oldest is to be filled.
 */
static noinline bool window_find(struct vcpu *v, gva_t la, bool user)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(v->window); i++) {
		v->code = &v->window[i];
		if (window_holds(v, v->code, la, user))
			return true;
	}
	v->code = &v->window[v->window_next++ % ARRAY_SIZE(v->window)];
	return false;
}

/* 16 bytes at @la. False: the entries are not what they were, or a fault. */
static bool window_read(const struct code_window *w, gva_t la, u64 *bytes)
{
	const u64 __user *from = (const u64 __user *)(w->host + offset_in_page(la));
	unsigned int i;
	u64 pte;

	if (!user_access_begin(from, 16))
		return false;
	for (i = 0; i < w->n; i++) {
		unsafe_get_user(pte, w->walk[i].at, no);
		if (unlikely(pte != w->walk[i].pte))
			goto no;
	}
	unsafe_get_user(bytes[0], from, no);
	unsafe_get_user(bytes[1], from + 1, no);
	user_access_end();
	return true;
no:
	user_access_end();
	return false;
}

/* @quick: only from what is remembered (a fault in window_read() fails, then). */
static bool fetch(struct vcpu *v, gva_t la, u64 *bytes, bool quick)
{
	bool user = static_call(vcpu_get_cpl)(v) == 3;

	if (offset_in_page(la) > PAGE_SIZE - 16)
		return false;
	if ((likely(window_holds(v, v->code, la, user)) || window_find(v, la, user)) &&
	    window_read(v->code, la, bytes))
		return true;
	if (quick)
		return false;
	return window_fill(v, v->code, la, user) && window_read(v->code, la, bytes);
}

/* ---- the instruction at rip --------------------------------------------------------- */

static unsigned int code_bits(const struct vcpu *v, const struct emul_segment *cs)
{
	if ((v->efer & EFER_LMA) && (cs->attrib & BIT(9)))
		return 64;
	if (v->rflags & X86_EFLAGS_VM)
		return 16;
	return cs->attrib & BIT(10) ? 32 : 16;
}

/* NULL: not at hand in the short way. Valid until the next call. @given: its 15
 * bytes, where the CPU has told them, or NULL.
 */
static __always_inline const struct insn *insn_at_rip(struct vcpu *v, bool quick,
						      const u8 *given)
{
	const struct emul_segment *cs = static_call(vcpu_segment)(v, EMUL_CS);
	unsigned int bits = code_bits(v, cs);
	gva_t la = bits == 64 ? v->rip : (u32)(cs->base + v->rip);
	struct known_insn *k = &v->known[la % ARRAY_SIZE(v->known)];
	u64 bytes[2] = { };

	if (given)
		memcpy(bytes, given, 15);
	else if (!fetch(v, la, bytes, quick))
		return NULL;
	if (k->bytes[0] == bytes[0] && k->bytes[1] == bytes[1] &&
	    k->insn.bits == bits)
		return &k->insn;
	if (insn_decode(&k->insn, (const u8 *)bytes, 15, bits) != INSN_OKAY) {
		k->insn.bits = 0;	/* nobody's */
		return NULL;
	}
	k->bytes[0] = bytes[0];
	k->bytes[1] = bytes[1];
	return &k->insn;
}

unsigned int vcpu_insn_length(struct vcpu *v)
{
	const struct insn *i = insn_at_rip(v, false, NULL);

	return likely(i) ? i->length : vcpu_insn_length_slow(v);
}
EXPORT_SYMBOL_GPL(vcpu_insn_length);

unsigned int vcpu_quick_insn_length(struct vcpu *v)
{
	const struct insn *i = insn_at_rip(v, true, NULL);

	return likely(i) ? i->length : 0;
}
EXPORT_SYMBOL_GPL(vcpu_quick_insn_length);

/* ---- a plain load or store ------------------------------------------------------------ */

static u64 next_rip(const struct vcpu *v, const struct insn *i)
{
	u64 next = v->rip + i->length;

	return i->bits == 64 ? next : (u32)next;
}

/* Does the operand begin at @gpa's place in its page, and end in the page? The
 * CPU has translated it to @gpa then.
 */
static bool operand_is_at(struct vcpu *v, const struct insn *i, u8 size, gpa_t gpa)
{
	u64 at = emul_move_offset(i, v->regs, next_rip(v, i));

	if (i->bits != 64 || i->seg >= EMUL_FS)
		at += static_call(vcpu_segment)(v, i->seg)->base;
	return offset_in_page(at) == offset_in_page(gpa) &&
	       offset_in_page(gpa) + size <= PAGE_SIZE;
}

static void finish(struct vcpu *v, u64 next)
{
	v->rip = next;
	v->rflags &= ~(u64)X86_EFLAGS_RF;
	v->int_shadow = false;
}

/* The plain move at rip that accesses @gpa, if it is one. */
static __always_inline const struct insn *move_at_rip(struct vcpu *v, gpa_t gpa,
						      bool write, bool quick,
						      const u8 *given,
						      struct emul_move *m)
{
	const struct insn *i = insn_at_rip(v, quick, given);

	if (!i || !emul_move_find(i, m) || m->load == write ||
	    !operand_is_at(v, i, m->size, gpa))
		return NULL;
	return i;
}

static void finish_move(struct vcpu *v, const struct insn *i,
			const struct emul_move *m, gpa_t gpa, u64 value)
{
	trace_kvm_mmio(!m->load, m->size, gpa, value);
	if (m->load)
		emul_move_loaded(m, v->regs, value);
	finish(v, next_rip(v, i));
}

bool vcpu_quick_mmio(struct vcpu *v, gpa_t gpa, bool write)
{
	struct vcpu_mmio_entry e = { .addr = gpa, .write = write };
	const struct insn *i;
	struct emul_move m;
	u64 value = 0;

	if (gpa >> PAGE_SHIFT != v->device_gfn || v->mmio.n ||
	    v->device_slots != READ_ONCE(v->vm->mem.generation) ||
	    !vcpu_irq_quick_page(v, gpa, write))
		return false;
	i = move_at_rip(v, gpa, write, true, NULL, &m);
	if (!i)
		return false;
	e.len = m.size;
	if (write)
		value = emul_move_stored(&m, v->regs);
	if (vcpu_kernel_device(v, &e, &value)) {
		v->user_gfn = gpa >> PAGE_SHIFT;
		return false;
	}
	finish_move(v, i, &m, gpa, value);
	return true;
}
EXPORT_SYMBOL_GPL(vcpu_quick_mmio);

enum run_verdict vcpu_mmio(struct vcpu *v, gpa_t gpa, bool write, const u8 *given)
{
	struct vcpu_mmio_entry e = { .addr = gpa, .write = write };
	const struct insn *i;
	struct emul_move m;
	u64 value = 0;

	i = v->mmio.n ? NULL : move_at_rip(v, gpa, write, false, given, &m);
	if (!i)
		return vcpu_emulate(v);
	e.len = m.size;
	if (write)
		value = emul_move_stored(&m, v->regs);
	if (!vcpu_kernel_device(v, &e, &value)) {
		finish_move(v, i, &m, gpa, value);
		return RUN_AGAIN;
	}
	if (write) {		/* done for the guest; user space has the rest */
		trace_kvm_mmio(true, e.len, gpa, value);
		memcpy(e.data, &value, sizeof(e.data));
		finish(v, next_rip(v, i));
	} else {
		v->load.active = true;
		v->load.move = m;
		v->load.next = next_rip(v, i);
	}
	vcpu_exit_to_user(v, &e);
	return RUN_USER;
}
EXPORT_SYMBOL_GPL(vcpu_mmio);

void vcpu_complete_load(struct vcpu *v)
{
	u64 value = 0;

	v->load.active = false;
	memcpy(&value, v->run->mmio.data, v->load.move.size);
	trace_kvm_mmio(false, v->load.move.size, v->run->mmio.phys_addr, value);
	emul_move_loaded(&v->load.move, v->regs, value);
	finish(v, v->load.next);
}

/* ---- MOV to a control register ---------------------------------------------------------- */

/* The CPU has tested the privilege before it exited (APM2 table 15-7). */
enum run_verdict vcpu_write_cr(struct vcpu *v, unsigned int cr, unsigned int gpr,
			       u64 next)
{
	u64 value = v->regs[gpr], tpr = v->cr8;

	if (code_bits(v, static_call(vcpu_segment)(v, EMUL_CS)) != 64)
		value = (u32)value;
	if (vcpu_set_cr(v, cr, value)) {
		vcpu_queue_gp(v);
		return RUN_AGAIN;
	}
	finish(v, next);
	/* User space's controllers may have held back what gets through now. */
	if (v->vlapic || tpr <= v->cr8)
		return RUN_AGAIN;
	v->run->exit_reason = KVM_EXIT_SET_TPR;
	return RUN_USER;
}
EXPORT_SYMBOL_GPL(vcpu_write_cr);

enum run_verdict vcpu_mov_to_cr(struct vcpu *v)
{
	const struct insn *i = insn_at_rip(v, false, NULL);

	if (!i || insn_op(i) != INSN_OP_MOV_CR || i->opcode != 0x22 || i->lock)
		return vcpu_emulate(v);
	return vcpu_write_cr(v, i->reg, i->rm, next_rip(v, i));
}
EXPORT_SYMBOL_GPL(vcpu_mov_to_cr);

static bool control_register(const struct vcpu *v, unsigned int n, u64 *value)
{
	switch (n) {
	case 0:
		*value = v->cr0;
		return true;
	case 2:
		*value = v->cr2;
		return true;
	case 3:
		*value = v->cr3;
		return true;
	case 4:
		*value = v->cr4;
		return true;
	default:
		return false;
	}
}

enum run_verdict vcpu_mov_from_cr(struct vcpu *v)
{
	const struct insn *i = insn_at_rip(v, false, NULL);
	u64 value;

	if (!i || insn_op(i) != INSN_OP_MOV_CR || i->opcode != 0x20 || i->lock ||
	    !control_register(v, i->reg, &value))
		return vcpu_emulate(v);
	v->regs[i->rm] = i->bits == 64 ? value : (u32)value;
	finish(v, next_rip(v, i));
	return RUN_AGAIN;
}
EXPORT_SYMBOL_GPL(vcpu_mov_from_cr);

/* ---- INVLPG -------------------------------------------------------------------------------- */

enum run_verdict vcpu_invlpg(struct vcpu *v)
{
	const struct insn *i = insn_at_rip(v, false, NULL);
	u64 la;

	if (!i || insn_op(i) != INSN_OP_INVLPG)
		return vcpu_emulate(v);
	la = emul_move_offset(i, v->regs, next_rip(v, i));
	if (i->bits != 64 || i->seg >= EMUL_FS)
		la += static_call(vcpu_segment)(v, i->seg)->base;
	vcpu_shadow_invlpg(v, i->bits == 64 ? la : (u32)la);
	finish(v, next_rip(v, i));
	return RUN_AGAIN;
}
EXPORT_SYMBOL_GPL(vcpu_invlpg);
