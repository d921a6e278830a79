// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator under libFuzzer. The input is a machine (mode, registers,
 * segments, which callbacks exist), an instruction, and a stream of answers
 * that the callbacks consume: each access succeeds, faults, exits or asks for
 * a retry. The callbacks assert what emul.h promises them, and after each step
 * the promises to the caller are asserted: state is untouched unless the
 * verdict says otherwise, lengths agree, rip stays in the code size.
 *
 * tests/fuzz/run-emul builds and runs it for a bounded time; without clang,
 * with the generator at the end of this file.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvm-core/emul.h"
#include "kvm-core/emul_alu.h"
#include "kvm-core/insn.h"

#define STEPS	8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stream {
	const u8 *at;
	size_t left;
	bool in_xmm;
};

static u8 next_byte(struct stream *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->at++;
}

static void fill(struct stream *s, void *to, size_t n)
{
	size_t k;

	for (k = 0; k < n; k++)
		((u8 *)to)[k] = next_byte(s);
}

/* ---- the callbacks: what they are promised, and their answer ---------------- */

static enum emul_access_result answer(struct emul_ctxt *c)
{
	u8 pick = next_byte(c->priv) & 15;

	if (pick == 1) {
		c->fault = (struct emul_fault) { .vector = 14, .has_error = true };
		return EMUL_ACC_FAULT;
	}
	return pick == 2 ? EMUL_ACC_EXIT : pick == 3 ? EMUL_ACC_RETRY : EMUL_ACC_OKAY;
}

static void check_linear(const struct emul_ctxt *c, gva_t la, unsigned int len)
{
	unsigned int shift = c->cr4 & BIT(12) ? 7 : 16;

	assert(len >= 1 && len <= 32);
	if (emul_code_bits(c) != 64)
		assert(la <= 0xffffffff);
	else
		assert((u64)((s64)(la << shift) >> shift) == la);
}

static enum emul_access_result op_read(struct emul_ctxt *c, gva_t la, void *data,
				       unsigned int len, bool intent)
{
	(void)intent;
	check_linear(c, la, len);
	fill(c->priv, data, len);
	return answer(c);
}

static enum emul_access_result op_write(struct emul_ctxt *c, gva_t la,
					const void *data, unsigned int len)
{
	static volatile u8 sink;
	unsigned int k;

	check_linear(c, la, len);
	for (k = 0; k < len; k++)
		sink = ((const u8 *)data)[k];
	(void)sink;
	return answer(c);
}

static enum emul_access_result op_cmpxchg(struct emul_ctxt *c, gva_t la, void *old,
					  const void *new_value, unsigned int len,
					  bool *swapped)
{
	(void)new_value;
	check_linear(c, la, len);
	assert(len <= 16 && !(len & (len - 1)));
	assert(len < 16 || !(la & 15));
	*swapped = next_byte(c->priv) & 1;
	if (!*swapped)
		fill(c->priv, old, len);
	return answer(c);
}

static enum emul_access_result op_probe(struct emul_ctxt *c, gva_t la,
					unsigned int len)
{
	check_linear(c, la, len);
	return answer(c);
}

static enum emul_access_result op_pio(struct emul_ctxt *c, u16 port, void *data,
				      unsigned int len, bool in)
{
	(void)port;
	assert(len == 1 || len == 2 || len == 4);
	if (in)
		fill(c->priv, data, len);
	return answer(c);
}

static enum emul_access_result op_pio_allowed(struct emul_ctxt *c, u16 port,
					      unsigned int len)
{
	(void)port;
	assert(len == 1 || len == 2 || len == 4);
	assert(c->cr0 & 1);
	return answer(c);
}

static enum emul_access_result op_get_cr(struct emul_ctxt *c, unsigned int n, u64 *v)
{
	assert(n == 0 || n == 2 || n == 3 || n == 4 || n == 8);
	fill(c->priv, v, 8);
	return answer(c);
}

static enum emul_access_result op_set_cr(struct emul_ctxt *c, unsigned int n, u64 v)
{
	(void)v;
	assert(n == 0 || n == 2 || n == 3 || n == 4 || n == 8);
	assert(c->cpl == 0);
	return answer(c);
}

static enum emul_access_result op_get_dr(struct emul_ctxt *c, unsigned int n, u64 *v)
{
	assert(n < 8 && c->cpl == 0);
	fill(c->priv, v, 8);
	return answer(c);
}

static enum emul_access_result op_set_dr(struct emul_ctxt *c, unsigned int n, u64 v)
{
	(void)v;
	assert(n < 8 && c->cpl == 0);
	return answer(c);
}

static enum emul_access_result op_invlpg(struct emul_ctxt *c, gva_t la)
{
	assert(emul_code_bits(c) == 64 || la <= 0xffffffff);
	assert(c->cpl == 0);
	return answer(c);
}

static void op_get_xmm(struct emul_ctxt *c, unsigned int n, struct emul_xmm *lo,
		       struct emul_xmm *hi)
{
	assert(n < 16);
	fill(c->priv, lo, sizeof(*lo));
	fill(c->priv, hi, sizeof(*hi));
}

static void op_set_xmm(struct emul_ctxt *c, unsigned int n, const struct emul_xmm *lo,
		       const struct emul_xmm *hi, bool whole)
{
	(void)lo;
	(void)hi;
	(void)whole;
	assert(n < 16 && !(c->cr0 & BIT(3)));
}

static void op_get_table(struct emul_ctxt *c, enum emul_table t, struct emul_segment *s)
{
	assert(t <= EMUL_TR);
	memset(s, 0, sizeof(*s));
	fill(c->priv, &s->selector, sizeof(s->selector));
	fill(c->priv, &s->base, 4);
	s->limit = next_byte(c->priv) << 8 | 0xff;
	s->attrib = next_byte(c->priv);
}

static void op_set_table(struct emul_ctxt *c, enum emul_table t,
			 const struct emul_segment *s)
{
	assert(t <= EMUL_TR && c->cpl == 0);
	assert(t <= EMUL_IDTR || !s->attrib || (s->attrib & 0x90) == 0x80);
}

static u64 op_get_mmx(struct emul_ctxt *c, unsigned int n)
{
	assert(n < 8 && !(c->cr0 & BIT(3)));
	return next_byte(c->priv);
}

static void op_set_mmx(struct emul_ctxt *c, unsigned int n, u64 value)
{
	(void)value;
	assert(n < 8 && !(c->cr0 & BIT(3)));
}

/* A callback that the input switches off is NULL. */
static struct emul_ops callbacks(u8 off)
{
	struct emul_ops ops = {
		.read = op_read, .write = op_write, .probe_write = op_probe,
		.cmpxchg = op_cmpxchg, .pio = op_pio, .pio_allowed = op_pio_allowed,
		.get_cr = op_get_cr, .set_cr = op_set_cr, .get_dr = op_get_dr,
		.set_dr = op_set_dr, .invlpg = op_invlpg, .get_xmm = op_get_xmm,
		.set_xmm = op_set_xmm, .get_table = op_get_table,
		.set_table = op_set_table, .get_mmx = op_get_mmx,
		.set_mmx = op_set_mmx,
	};

	switch (off) {
	case 1:
		ops.read = NULL;
		break;
	case 2:
		ops.write = NULL;
		break;
	case 3:
		ops.cmpxchg = NULL;
		break;
	case 4:
		ops.probe_write = NULL;
		break;
	case 5:
		ops.pio = NULL;
		break;
	case 6:
		ops.pio_allowed = NULL;
		break;
	case 7:
		ops.get_cr = NULL;
		ops.get_dr = NULL;
		break;
	case 8:
		ops.set_cr = NULL;
		ops.set_dr = NULL;
		break;
	case 9:
		ops.invlpg = NULL;
		ops.get_xmm = NULL;
		break;
	case 10:
		ops.get_table = NULL;
		ops.get_mmx = NULL;
		break;
	case 11:
		ops.set_table = NULL;
		ops.set_mmx = NULL;
		break;
	}
	return ops;
}

/* ---- one run -------------------------------------------------------------------- */

/* Mostly addresses that pass the checks; sometimes anything. */
static void make_machine(struct emul_ctxt *c, struct stream *s)
{
	u8 mode = next_byte(s), n;

	for (n = 0; n < EMUL_NR_REGS; n++)
		fill(s, &c->regs[n], mode & 0x80 ? 8 : 2);
	c->rip = mode & 0x40 ? 0x7000 : (u64)next_byte(s) << 24;
	fill(s, &c->rflags, 3);
	c->rflags = (c->rflags & 0x3f7fd5) | 2;
	fill(s, &c->cr0, 4);
	fill(s, &c->cr4, 3);
	c->xcr0 = next_byte(s);
	for (n = 0; n < EMUL_NR_SEGS; n++) {
		c->seg[n].attrib = mode & 0x20 ? 0x0c93 :
				   next_byte(s) | next_byte(s) << 8;
		c->seg[n].limit = mode & 0x10 ? 0xffffffff : next_byte(s) << 8;
		c->seg[n].base = next_byte(s) << 4;
	}
	c->cpl = mode & 4 ? 3 : 0;
	switch (mode & 3) {
	case 0:		/* 64-bit */
		c->efer = 0x500;
		c->cr0 |= 0x80000001;
		c->rflags &= ~EMUL_VM;
		c->seg[EMUL_CS].attrib = 0x0a9b;
		break;
	case 1:
		c->seg[EMUL_CS].attrib = 0x0c9b;
		c->cr0 |= 1;
		break;
	case 2:
		c->seg[EMUL_CS].attrib = 0x009b;
		break;
	default:	/* real mode */
		c->cr0 &= ~1ULL;
		c->rflags &= ~EMUL_VM;
		c->cpl = 0;
		break;
	}
	if (c->rflags & EMUL_VM)
		c->cpl = 3;
}

static void check_unchanged(const struct emul_ctxt *a, const struct emul_ctxt *b)
{
	assert(!memcmp(a->regs, b->regs, sizeof(a->regs)));
	assert(!memcmp(a->seg, b->seg, sizeof(a->seg)));
	assert(a->rip == b->rip && a->rflags == b->rflags);
	assert(b->seg_dirty == 0);
}

static void check_verdict(enum emul_verdict v, const struct emul_ctxt *before,
			  const struct emul_ctxt *c)
{
	assert(v <= EMUL_RETRY);
	assert(c->length <= 15 && c->length <= c->nbytes);
	if (v == EMUL_OKAY || v == EMUL_REP) {
		assert(c->length && c->length == emul_insn_length(before));
		assert(v == EMUL_OKAY || c->rip == before->rip);
		assert(c->rflags & 2);
		assert(c->cpl == before->cpl);
		assert(emul_code_bits(before) == 64 || c->rip <= 0xffffffff);
	} else {
		check_unchanged(before, c);
	}
	if (v == EMUL_FAULT)
		assert(c->fault.vector <= 17 &&
		       (c->fault.has_error || !c->fault.error));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = { .at = data, .left = size };
	struct emul_ctxt c = { .priv = &s }, before;
	struct emul_ops ops = callbacks(next_byte(&s) & 31);
	enum emul_verdict v;
	unsigned int n;

	c.ops = &ops;
	c.nbytes = next_byte(&s) & 15;
	fill(&s, c.bytes, sizeof(c.bytes));
	make_machine(&c, &s);
	for (n = 0; n < STEPS; n++) {
		before = c;
		v = emul_step(&c);
		check_verdict(v, &before, &c);
		if (v == EMUL_UNHANDLED || v == EMUL_FAULT || !s.left)
			break;
	}
	return 0;
}

#ifdef WITHOUT_LIBFUZZER
/* Fixed-seed inputs, for machines without clang: argv[1] says how many. */
int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, n;
	u64 x = 0x9e3779b97f4a7c15;
	u8 input[256];
	size_t k;

	for (n = 0; n < runs; n++) {
		for (k = 0; k < sizeof(input); k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			input[k] = x >> 24;
		}
		LLVMFuzzerTestOneInput(input, sizeof(input));
	}
	printf("%lu inputs\n", runs);
	return 0;
}
#endif
