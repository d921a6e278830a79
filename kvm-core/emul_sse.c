// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers for SSE and AVX moves between registers and memory (APM4): what
 * compilers and memcpy use on device memory. Called from emul.c's table for
 * legacy and VEX encodings alike; registers come through ops.
 *
 * Known limits: SIMD arithmetic, masked and gathered accesses are EMUL_UNHANDLED;
 * MXCSR.MM is taken as clear; an x87 exception that waits is not looked at.
 */
#include "kvm-core/emul_run.h"

struct vector {
	struct emul_xmm lo, hi;
};

static_assert(sizeof(struct vector) == 32, "a YMM register is 32 bytes");

/* ---- common checks and register access --------------------------------------- */

/* #UD and #NM as in APM4's exception tables. */
static enum emul_verdict simd_enabled(struct emul_run *r)
{
	const struct emul_ctxt *c = r->c;
	bool on;

	if (!c->ops->get_xmm || !c->ops->set_xmm)
		return EMUL_UNHANDLED;
	if (r->i.coding == INSN_VEX)
		on = (c->cr4 & EMUL_CR4_OSXSAVE) && (c->xcr0 & 6) == 6;
	else
		on = (c->cr4 & EMUL_CR4_OSFXSR) && !(c->cr0 & EMUL_CR0_EM);
	if (!on)
		return emul_raise(r, EMUL_UD);
	return c->cr0 & EMUL_CR0_TS ? emul_raise(r, EMUL_NM) : EMUL_OKAY;
}

static struct vector get(struct emul_run *r, unsigned int n)
{
	struct vector x = { { 0, 0 }, { 0, 0 } };

	r->c->ops->get_xmm(r->c, n, &x.lo, &x.hi);
	return x;
}

static void set(struct emul_run *r, unsigned int n, const struct vector *x)
{
	r->c->ops->set_xmm(r->c, n, &x->lo, &x->hi, r->i.coding == INSN_VEX);
}

/* Legacy instructions keep the upper half of a YMM register, VEX clears it. */
static void set_low(struct emul_run *r, unsigned int n, const struct emul_xmm *lo)
{
	struct vector x = get(r, n);

	x.lo = *lo;
	if (r->i.coding == INSN_VEX)
		x.hi = (struct emul_xmm) { 0, 0 };
	set(r, n, &x);
}

static enum emul_verdict memory_access(struct emul_run *r, struct vector *x,
				       unsigned int len, bool aligned, bool store)
{
	u64 offset = emul_offset(r);
	enum emul_verdict v;
	gva_t la;

	v = emul_linear(r, r->i.seg, offset, len, store, &la);
	if (v != EMUL_OKAY)
		return v;
	if (aligned && (la & (len - 1)))
		return emul_raise_gp(r);
	return store ? emul_write(r, r->i.seg, offset, x, len) :
		       emul_read(r, r->i.seg, offset, x, len);
}

/* ---- whole registers and scalars ------------------------------------------------ */

struct move {
	u8 len;			/* 0: not ours */
	bool aligned, store, memory_only;
};

static unsigned int full(const struct insn *i)
{
	return i->coding == INSN_VEX && i->vex_l ? 32 : 16;
}

/* MOVUPS, MOVUPD, MOVSS, MOVSD: 10, 11 */
static struct move move_unaligned(const struct insn *i)
{
	struct move m = { .len = full(i), .store = i->opcode & 1 };

	if (i->pp == INSN_PP_F3)
		m.len = 4;
	else if (i->pp == INSN_PP_F2)
		m.len = 8;
	return m;
}

/* MOVAPS, MOVAPD: 28, 29; MOVNTPS, MOVNTPD, and SSE4A's scalars: 2B */
static struct move move_aligned(const struct insn *i)
{
	struct move m = {
		.len = full(i), .aligned = true,
		.store = i->opcode & 1, .memory_only = i->opcode == 0x2b,
	};

	if (i->pp > INSN_PP_66) {
		m.len = 0;
		if (m.memory_only && i->coding == INSN_LEGACY)
			m.len = i->pp == INSN_PP_F3 ? 4 : 8;
		m.aligned = false;
	}
	return m;
}

/* MOVDQA, MOVDQU: 6F, 7F */
static struct move move_integer(const struct insn *i)
{
	bool ours = i->pp == INSN_PP_66 || i->pp == INSN_PP_F3;

	return (struct move) {
		.len = ours ? full(i) : 0,
		.aligned = i->pp == INSN_PP_66,
		.store = i->opcode == 0x7f,
	};
}

/* MOVNTDQ E7, LDDQU F0, MOVNTDQA 38 2A */
static struct move move_special(const struct insn *i)
{
	enum insn_pp want = i->opcode == 0xf0 ? INSN_PP_F2 : INSN_PP_66;

	return (struct move) {
		.len = i->pp == want ? full(i) : 0,
		.aligned = i->opcode != 0xf0,
		.store = i->opcode == 0xe7,
		.memory_only = true,
	};
}

static struct move decode_move(const struct insn *i)
{
	switch (i->opcode) {
	case 0x10:
	case 0x11:
		return move_unaligned(i);
	case 0x28:
	case 0x29:
	case 0x2b:
		return move_aligned(i);
	case 0x6f:
	case 0x7f:
		return move_integer(i);
	default:
		return move_special(i);
	}
}

/* Between registers a scalar replaces only its part of the first source. */
static void merge_scalar(struct emul_run *r, struct vector *x, unsigned int dst,
			 unsigned int len)
{
	struct vector rest = get(r, r->i.coding == INSN_VEX ? r->i.vvvv : dst);

	if (len == 4)
		x->lo.lo = emul_merge(rest.lo.lo, x->lo.lo, 4);
	x->lo.hi = rest.lo.hi;
}

static enum emul_verdict move_registers(struct emul_run *r, const struct move *m)
{
	unsigned int dst = m->store ? r->i.rm : r->i.reg;
	struct vector x = get(r, m->store ? r->i.reg : r->i.rm);

	if (m->len < 16)
		merge_scalar(r, &x, dst, m->len);
	if (m->len == 32)
		set(r, dst, &x);
	else
		set_low(r, dst, &x.lo);
	return EMUL_OKAY;
}

static enum emul_verdict move_memory(struct emul_run *r, const struct move *m)
{
	struct vector x = { { 0, 0 }, { 0, 0 } };
	enum emul_verdict v;

	if (m->store)
		x = get(r, r->i.reg);
	v = memory_access(r, &x, m->len, m->aligned, m->store);
	if (v != EMUL_OKAY || m->store)
		return v;
	if (m->len == 32)
		set(r, r->i.reg, &x);
	else
		set_low(r, r->i.reg, &x.lo);
	return EMUL_OKAY;
}

/* ---- MMX: the same opcodes without a prefix ----------------------------------------- */

static bool is_mmx(const struct insn *i)
{
	return i->coding == INSN_LEGACY && i->pp == INSN_PP_NONE &&
	       (i->opcode == 0x6e || i->opcode == 0x7e || i->opcode == 0x6f ||
		i->opcode == 0x7f);
}

/* MOVQ 6F, 7F between MMX registers and memory; MOVD and MOVQ 6E, 7E with a general
 * register or memory. There are eight, whatever REX says.
 */
static enum emul_verdict mmx_move(struct emul_run *r)
{
	unsigned int reg = r->i.reg & 7, size = r->i.rex & INSN_REX_W ? 8 : 4;
	bool whole = r->i.opcode & 1, store = r->i.opcode & 0x10;
	const struct emul_ops *ops = r->c->ops;
	enum emul_verdict v = EMUL_OKAY;
	u64 x;

	if (!ops->get_mmx || !ops->set_mmx)
		return EMUL_UNHANDLED;
	if (r->c->cr0 & EMUL_CR0_EM)
		return emul_raise(r, EMUL_UD);
	if (r->c->cr0 & EMUL_CR0_TS)
		return emul_raise(r, EMUL_NM);
	if (whole && !r->i.mem) {
		x = ops->get_mmx(r->c, store ? reg : r->i.rm & 7);
		ops->set_mmx(r->c, store ? r->i.rm & 7 : reg, x);
		return EMUL_OKAY;
	}
	if (store)
		return emul_write_rm(r, whole ? 8 : size, ops->get_mmx(r->c, reg));
	v = emul_read_rm(r, whole ? 8 : size, &x);
	if (v == EMUL_OKAY)
		ops->set_mmx(r->c, reg, x);
	return v;
}

enum emul_verdict emul_sse_mov(struct emul_run *r)
{
	struct move m = decode_move(&r->i);
	bool two_sources = m.len < 16 && !r->i.mem;
	enum emul_verdict v;

	if (is_mmx(&r->i))
		return mmx_move(r);
	if (!m.len)
		return EMUL_UNHANDLED;
	if ((m.memory_only && !r->i.mem) || (r->i.vvvv && !two_sources))
		return emul_raise(r, EMUL_UD);
	v = simd_enabled(r);
	if (v != EMUL_OKAY)
		return v;
	return r->i.mem ? move_memory(r, &m) : move_registers(r, &m);
}

/* ---- half registers ---------------------------------------------------------------- */

/* MOVLPS, MOVLPD 12, 13; MOVHPS, MOVHPD 16, 17; MOVHLPS, MOVLHPS 12, 16 */
enum emul_verdict emul_sse_half(struct emul_run *r)
{
	bool store = r->i.opcode & 1, high = r->i.opcode & 4;
	struct vector x, half = { { 0, 0 }, { 0, 0 } };
	enum emul_verdict v;

	if (r->i.pp > INSN_PP_66 || (!r->i.mem && (store || r->i.pp)))
		return EMUL_UNHANDLED;
	if (r->i.vex_l || (store && r->i.vvvv))
		return emul_raise(r, EMUL_UD);
	v = simd_enabled(r);
	if (v != EMUL_OKAY)
		return v;
	x = get(r, r->i.coding == INSN_VEX && !store ? r->i.vvvv : r->i.reg);
	if (store) {
		half.lo.lo = high ? x.lo.hi : x.lo.lo;
		return memory_access(r, &half, 8, false, true);
	}
	if (r->i.mem) {
		v = memory_access(r, &half, 8, false, false);
		if (v != EMUL_OKAY)
			return v;
	} else {
		half = get(r, r->i.rm);
		half.lo.lo = high ? half.lo.lo : half.lo.hi;
	}
	if (high)
		x.lo.hi = half.lo.lo;
	else
		x.lo.lo = half.lo.lo;
	set_low(r, r->i.reg, &x.lo);
	return EMUL_OKAY;
}

/* ---- with general registers ----------------------------------------------------------- */

/* MOVQ: 66 D6 stores, F3 7E loads, the low half of another register or memory. */
static enum emul_verdict move_quad(struct emul_run *r, bool store)
{
	struct vector x = { { 0, 0 }, { 0, 0 } };
	enum emul_verdict v;

	if (r->i.mem) {
		if (store)
			x = get(r, r->i.reg);
		v = memory_access(r, &x, 8, false, store);
		if (v != EMUL_OKAY || store)
			return v;
	} else {
		x = get(r, store ? r->i.reg : r->i.rm);
	}
	x.lo.hi = 0;
	set_low(r, r->i.mem || !store ? r->i.reg : r->i.rm, &x.lo);
	return EMUL_OKAY;
}

/* MOVD, MOVQ: 66 6E loads, 66 7E stores a general register or memory. */
static enum emul_verdict move_gpr(struct emul_run *r)
{
	unsigned int size = r->i.rex & INSN_REX_W ? 8 : 4;
	struct emul_xmm x = { 0, 0 };
	enum emul_verdict v;

	if (r->i.opcode == 0x7e)
		return emul_write_rm(r, size, get(r, r->i.reg).lo.lo);
	v = emul_read_rm(r, size, &x.lo);
	if (v == EMUL_OKAY)
		set_low(r, r->i.reg, &x);
	return v;
}

enum emul_verdict emul_sse_gpr(struct emul_run *r)
{
	bool quad = r->i.opcode == 0xd6 || r->i.pp == INSN_PP_F3;
	enum emul_verdict v;

	if (is_mmx(&r->i))
		return mmx_move(r);
	if (r->i.pp != INSN_PP_66 && !(r->i.opcode == 0x7e && r->i.pp == INSN_PP_F3))
		return EMUL_UNHANDLED;
	if (r->i.vex_l || r->i.vvvv)
		return emul_raise(r, EMUL_UD);
	v = simd_enabled(r);
	if (v != EMUL_OKAY)
		return v;
	return quad ? move_quad(r, r->i.opcode == 0xd6) : move_gpr(r);
}
