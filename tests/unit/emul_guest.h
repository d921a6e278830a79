/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest for the emulator's tests: 64 KB of memory at linear 0, a page that
 * must not be written (elsewhere #PF), a device page whose accesses are logged, ports, control, debug and
 * XMM registers. guest_run() decodes and executes, and asserts the promise
 * that holds for every instruction: a verdict other than OKAY and REP has
 * changed neither registers nor flags nor segments nor rip.
 *
 * fail_at makes the n-th access (counted from 1) give fail_with instead.
 */
#ifndef BACKPLANE_TESTS_EMUL_GUEST_H
#define BACKPLANE_TESTS_EMUL_GUEST_H

#include "tests/unit/check.h"
#include "kvm-core/emul.h"
#include "kvm-core/emul_alu.h"

#define GUEST_RAM	0x10000u
#define GUEST_DEVICE	0xd0000u	/* one page */
#define GUEST_READ_ONLY	0xe0000u	/* one page of zeros */
#define GUEST_CODE	0x7000u

#define CS16	0x009b
#define CS32	0x0c9b
#define CS64	0x0a9b
#define DATA	0x0c93

struct guest {
	struct emul_ctxt c;
	u8 ram[GUEST_RAM];
	struct emul_xmm xmm[16], ymm_high[16];
	u64 zmm_high[16];	/* something of what is above them */
	u64 cr[9], dr[8];
	u64 device;		/* what the device page reads as */
	unsigned int accesses, device_reads, device_writes, probes;
	u64 device_wrote;
	u16 port;
	u32 port_in, port_out;
	unsigned int port_len;
	bool port_refused;
	unsigned int fail_at;
	enum emul_access_result fail_with;
	u64 interfere;		/* another CPU's store before a cmpxchg, once */
	gva_t interfere_at, invalidated;
};

static inline struct guest *guest_of(struct emul_ctxt *c)
{
	return c->priv;
}

static inline enum emul_access_result guest_page_fault(struct emul_ctxt *c, gva_t la,
						       bool write)
{
	c->fault = (struct emul_fault) {
		.vector = 14, .has_error = true, .error = write ? 2 : 0, .cr2 = la,
	};
	return EMUL_ACC_FAULT;
}

/* The injected failure of this access, if it is its turn. */
static inline enum emul_access_result guest_turn(struct emul_ctxt *c, gva_t la)
{
	struct guest *g = guest_of(c);

	if (++g->accesses != g->fail_at)
		return EMUL_ACC_OKAY;
	if (g->fail_with == EMUL_ACC_FAULT)
		return guest_page_fault(c, la, false);
	return g->fail_with;
}

static inline bool guest_in(gva_t la, unsigned int len, gva_t start, gva_t size)
{
	return la >= start && la < start + size && len <= start + size - la;
}

static inline enum emul_access_result guest_read(struct emul_ctxt *c, gva_t la,
						 void *data, unsigned int len,
						 bool intent)
{
	struct guest *g = guest_of(c);
	enum emul_access_result r = guest_turn(c, la);

	assert_in_range(len, 1, 32);
	if (r != EMUL_ACC_OKAY)
		return r;
	if (guest_in(la, len, 0, GUEST_RAM)) {
		memcpy(data, g->ram + la, len);
		return EMUL_ACC_OKAY;
	}
	memset(data, 0, len);
	if (guest_in(la, len, GUEST_READ_ONLY, 4096) && !intent)
		return EMUL_ACC_OKAY;
	if (!guest_in(la, len, GUEST_DEVICE, 4096))
		return guest_page_fault(c, la, intent);
	g->device_reads++;
	memcpy(data, &g->device, len < 8 ? len : 8);
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_write(struct emul_ctxt *c, gva_t la,
						  const void *data, unsigned int len)
{
	struct guest *g = guest_of(c);
	enum emul_access_result r = guest_turn(c, la);

	assert_in_range(len, 1, 32);
	if (r != EMUL_ACC_OKAY)
		return r;
	if (guest_in(la, len, 0, GUEST_RAM)) {
		memcpy(g->ram + la, data, len);
		return EMUL_ACC_OKAY;
	}
	if (!guest_in(la, len, GUEST_DEVICE, 4096))
		return guest_page_fault(c, la, true);
	g->device_writes++;
	g->device_wrote = 0;
	memcpy(&g->device_wrote, data, len < 8 ? len : 8);
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_cmpxchg(struct emul_ctxt *c, gva_t la,
						    void *old, const void *new_value,
						    unsigned int len, bool *swapped)
{
	struct guest *g = guest_of(c);
	enum emul_access_result r = guest_turn(c, la);

	if (r != EMUL_ACC_OKAY)
		return r;
	if (!guest_in(la, len, 0, GUEST_RAM)) {
		*swapped = true;
		return guest_write(c, la, new_value, len);
	}
	if (g->interfere_at) {
		memcpy(g->ram + g->interfere_at, &g->interfere, len < 8 ? len : 8);
		g->interfere_at = 0;
	}
	*swapped = !memcmp(g->ram + la, old, len);
	if (*swapped)
		memcpy(g->ram + la, new_value, len);
	else
		memcpy(old, g->ram + la, len);
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_probe(struct emul_ctxt *c, gva_t la,
						  unsigned int len)
{
	guest_of(c)->probes++;
	if (guest_in(la, len, 0, GUEST_RAM) || guest_in(la, len, GUEST_DEVICE, 4096))
		return EMUL_ACC_OKAY;
	return guest_page_fault(c, la, true);
}

static inline enum emul_access_result guest_pio(struct emul_ctxt *c, u16 port,
						void *data, unsigned int len, bool in)
{
	struct guest *g = guest_of(c);
	enum emul_access_result r = guest_turn(c, port);

	if (r != EMUL_ACC_OKAY)
		return r;
	assert_true(len == 1 || len == 2 || len == 4);
	g->port = port;
	g->port_len = len;
	if (in) {
		memcpy(data, &g->port_in, len);
	} else {
		g->port_out = 0;
		memcpy(&g->port_out, data, len);
	}
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_general_protection(struct emul_ctxt *c)
{
	c->fault = (struct emul_fault) { .vector = 13, .has_error = true };
	return EMUL_ACC_FAULT;
}

static inline enum emul_access_result guest_pio_allowed(struct emul_ctxt *c, u16 port,
							unsigned int len)
{
	(void)port;
	(void)len;
	return guest_of(c)->port_refused ? guest_general_protection(c) :
					   EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_get_cr(struct emul_ctxt *c,
						   unsigned int n, u64 *v)
{
	assert_in_range(n, 0, 8);
	*v = guest_of(c)->cr[n];
	return EMUL_ACC_OKAY;
}

/* Bit 63 of any control register is reserved here. */
static inline enum emul_access_result guest_set_cr(struct emul_ctxt *c,
						   unsigned int n, u64 v)
{
	assert_in_range(n, 0, 8);
	if (v >> 63)
		return guest_general_protection(c);
	guest_of(c)->cr[n] = v;
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_get_dr(struct emul_ctxt *c,
						   unsigned int n, u64 *v)
{
	assert_in_range(n, 0, 7);
	*v = guest_of(c)->dr[n];
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_set_dr(struct emul_ctxt *c,
						   unsigned int n, u64 v)
{
	assert_in_range(n, 0, 7);
	guest_of(c)->dr[n] = v;
	return EMUL_ACC_OKAY;
}

static inline enum emul_access_result guest_invlpg(struct emul_ctxt *c, gva_t la)
{
	guest_of(c)->invalidated = la;
	return EMUL_ACC_OKAY;
}

static inline void guest_get_xmm(struct emul_ctxt *c, unsigned int n,
				 struct emul_xmm *lo, struct emul_xmm *hi)
{
	assert_in_range(n, 0, 15);
	*lo = guest_of(c)->xmm[n];
	*hi = guest_of(c)->ymm_high[n];
}

static inline void guest_set_xmm(struct emul_ctxt *c, unsigned int n,
				 const struct emul_xmm *lo, const struct emul_xmm *hi,
				 bool whole)
{
	assert_in_range(n, 0, 15);
	guest_of(c)->xmm[n] = *lo;
	guest_of(c)->ymm_high[n] = *hi;
	if (whole)
		guest_of(c)->zmm_high[n] = 0;
}

static const struct emul_ops guest_ops = {
	.read = guest_read,
	.write = guest_write,
	.cmpxchg = guest_cmpxchg,
	.probe_write = guest_probe,
	.pio = guest_pio,
	.pio_allowed = guest_pio_allowed,
	.get_cr = guest_get_cr,
	.set_cr = guest_set_cr,
	.get_dr = guest_get_dr,
	.set_dr = guest_set_dr,
	.invlpg = guest_invlpg,
	.get_xmm = guest_get_xmm,
	.set_xmm = guest_set_xmm,
};

static inline void guest_segments(struct guest *g, u16 code, u32 limit)
{
	unsigned int n;

	for (n = 0; n < EMUL_NR_SEGS; n++)
		g->c.seg[n] = (struct emul_segment) {
			.selector = 0x10, .attrib = DATA, .limit = limit,
		};
	g->c.seg[EMUL_CS].attrib = code;
	g->c.seg[EMUL_CS].selector = 8;
}

/* Kernel mode, flat, in 64-, 32- or 16-bit code; rsp = 8000h. */
static inline void guest_reset(struct guest *g, unsigned int bits)
{
	memset(g, 0, sizeof(*g));
	g->c.priv = g;
	g->c.ops = &guest_ops;
	g->c.cr0 = 0x80000011;
	g->c.cr4 = BIT(9) | BIT(18);
	g->c.xcr0 = 7;
	g->c.efer = bits == 64 ? 0x500 : 0;
	g->c.rip = GUEST_CODE;
	g->c.rflags = 2;
	g->c.regs[EMUL_RSP] = 0x8000;
	g->cr[0] = g->c.cr0;
	guest_segments(g, bits == 64 ? CS64 : bits == 32 ? CS32 : CS16, 0xffffffff);
}

/* Real mode: 64 KB segments at 0. */
static inline void guest_reset_real(struct guest *g)
{
	guest_reset(g, 16);
	guest_segments(g, 0x93, 0xffff);
	g->c.seg[EMUL_SS].attrib = 0x93;
	g->c.cr0 = 0x10;
	g->cr[0] = 0x10;
}

static inline enum emul_verdict guest_run(struct guest *g, const void *bytes,
					  unsigned int n)
{
	struct emul_ctxt before;
	enum emul_verdict v;

	assert_in_range(n, 1, 15);
	memset(g->c.bytes, 0x90, sizeof(g->c.bytes));
	memcpy(g->c.bytes, bytes, n);
	g->c.nbytes = n;
	g->accesses = 0;
	before = g->c;
	v = emul_step(&g->c);
	if (v != EMUL_OKAY && v != EMUL_REP) {
		assert_memory_equal(before.regs, g->c.regs, sizeof(before.regs));
		assert_memory_equal(before.seg, g->c.seg, sizeof(before.seg));
		assert_int_equal(before.rip, g->c.rip);
		assert_int_equal(before.rflags, g->c.rflags);
		assert_int_equal(g->c.seg_dirty, 0);
	}
	if (v == EMUL_REP)
		assert_int_equal(before.rip, g->c.rip);
	return v;
}

/* RUN(g, 0x48, 0x89, 0x03) */
#define RUN(g, ...) \
	guest_run(g, (u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))

#define assert_fault(g, want_vector, want_error, ...) do { \
	assert_int_equal(RUN(g, __VA_ARGS__), EMUL_FAULT); \
	assert_int_equal((g)->c.fault.vector, want_vector); \
	assert_int_equal((g)->c.fault.has_error, want_error); \
	assert_int_equal((g)->c.fault.error, 0); \
} while (0)

#define assert_done(g, ...) do { \
	assert_int_equal(RUN(g, __VA_ARGS__), EMUL_OKAY); \
	assert_int_equal((g)->c.length, sizeof((u8[]){ __VA_ARGS__ })); \
} while (0)

static inline u64 guest_peek(const struct guest *g, unsigned int at, unsigned int len)
{
	u64 v = 0;

	memcpy(&v, g->ram + at, len);
	return v;
}

static inline void guest_poke(struct guest *g, unsigned int at, u64 v, unsigned int len)
{
	memcpy(g->ram + at, &v, len);
}

#endif
