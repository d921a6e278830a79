// SPDX-License-Identifier: GPL-2.0
/*
 * gwalk: a software walk of the guest's own page tables (APM2 5.2-5.6). Pure:
 * memory comes through callbacks. mmio_linux.c calls it for every address the
 * emulator touches. Each table level is one row of a layout; the three modes
 * differ only in their rows.
 */
#include "kvm-core/gwalk.h"

#define RFLAGS_AC	BIT_ULL(18)

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)
#define PTE_PKEY_SHIFT	59

struct layout {
	unsigned int levels;	/* tables walked */
	unsigned int size;	/* bytes of an entry */
	unsigned int index_bits;
	unsigned int top_bits;	/* index bits of the topmost table */
};

static const struct layout layout_32 = { 2, 4, 10, 10 };
static const struct layout layout_pae = { 3, 8, 9, 2 };
static const struct layout layout_4 = { 4, 8, 9, 9 };
static const struct layout layout_5 = { 5, 8, 9, 9 };

struct walk {
	const struct gwalk_mode *mode;
	const struct gwalk_mem *mem;
	const struct layout *layout;
	gva_t gva;
	u32 access;
	bool implicit;
	/* rights gathered on the way down */
	bool w, u, nx;
};

static const struct layout *layout_of(const struct gwalk_mode *m)
{
	if (!(m->cr4 & CR4_PAE))
		return &layout_32;
	if (!(m->efer & EFER_LMA_BIT))
		return &layout_pae;
	return m->cr4 & CR4_LA57 ? &layout_5 : &layout_4;
}

static struct gwalk_result fault(const struct walk *w, u32 code)
{
	struct gwalk_result r = { .ok = false };
	bool fetch_reported = (w->mode->efer & EFER_NXE) ||
			      (w->mode->cr4 & CR4_SMEP);

	r.error = code | (w->access & (GWALK_W | GWALK_U));
	if (w->access & GWALK_I && fetch_reported)
		r.error |= GWALK_I;
	return r;
}

static unsigned int level_shift(const struct walk *w, unsigned int level)
{
	return BP_PAGE_SHIFT + level * w->layout->index_bits;
}

static unsigned int index_at(const struct walk *w, unsigned int level)
{
	unsigned int bits = level + 1 == w->layout->levels ?
		w->layout->top_bits : w->layout->index_bits;

	return (unsigned int)(w->gva >> level_shift(w, level)) & ((1U << bits) - 1);
}

/* Bits that must be 0 in a present entry. */
static u64 reserved_bits(const struct walk *w, unsigned int level, u64 pte, bool leaf)
{
	const struct gwalk_mode *m = w->mode;
	u64 high = m->phys_bits < 52 ? GENMASK_ULL(51, m->phys_bits) : 0;
	u64 rsvd;

	if (w->layout == &layout_32) {
		/* A 4M page takes physical bits 39:32 from bits 20:13. */
		return leaf && level == 1 ? BIT_ULL(21) : 0;
	}
	rsvd = high;
	if (w->layout == &layout_pae) {
		/* PDPTE: bits 2:1, 8:5 and 63:52 (APM2 5.2.3). */
		if (level == 2)
			return rsvd | GENMASK_ULL(63, 52) | GENMASK_ULL(8, 5) |
			       GENMASK_ULL(2, 1);
		rsvd |= GENMASK_ULL(62, 52);
	}
	if (!(m->efer & EFER_NXE))
		rsvd |= PTE_NX;
	if (leaf && level)
		rsvd |= GENMASK_ULL(level_shift(w, level) - 1, 13);
	/* No big pages above 1 GiB. */
	if (level >= 3 && (pte & PTE_PS))
		rsvd |= PTE_PS;
	return rsvd;
}

static bool is_leaf(const struct walk *w, unsigned int level, u64 pte)
{
	if (!level)
		return true;
	if (!(pte & PTE_PS) || level > 2)
		return false;
	if (w->layout == &layout_32)
		return w->mode->cr4 & CR4_PSE;
	return w->layout != &layout_pae || level == 1;
}

static gpa_t leaf_base(const struct walk *w, unsigned int level, u64 pte)
{
	if (w->layout == &layout_32 && level == 1)
		return (pte & 0xffc00000U) | ((pte & 0x1fe000U) << 19);
	return pte & GENMASK_ULL(51, level_shift(w, level));
}

/* Protection keys restrict user-accessible pages, data only (APM2 5.6.7). */
static bool pkey_denies(const struct walk *w, u64 pte)
{
	unsigned int shift = (unsigned int)(pte >> PTE_PKEY_SHIFT & 0xf) * 2;
	u32 rights = w->mode->pkru >> shift & 3;

	if (!(w->mode->cr4 & CR4_PKE) || !(w->mode->efer & EFER_LMA_BIT) ||
	    !w->u || (w->access & GWALK_I))
		return false;
	if (rights & 1)
		return true;
	if (!(w->access & GWALK_W) || !(rights & 2))
		return false;
	return (w->access & GWALK_U) || (w->mode->cr0 & CR0_WP);
}

/* SMAP: a supervisor's data access to a user page needs AC (APM2 5.6.6). */
static bool smap_denies(const struct walk *w)
{
	return (w->mode->cr4 & CR4_SMAP) && w->u &&
	       !(w->access & (GWALK_U | GWALK_I)) &&
	       (w->implicit || !(w->mode->rflags & RFLAGS_AC));
}

static bool rights_deny(const struct walk *w)
{
	if ((w->access & GWALK_U) && !w->u)
		return true;
	if (w->access & GWALK_I)
		return w->nx || (!(w->access & GWALK_U) && w->u &&
				 (w->mode->cr4 & CR4_SMEP));
	if ((w->access & GWALK_W) && !w->w &&
	    ((w->access & GWALK_U) || (w->mode->cr0 & CR0_WP)))
		return true;
	return smap_denies(w);
}

/* 0, -EAGAIN: the entry changed under us. */
static int set_bits(const struct walk *w, gpa_t at, u64 *pte, u64 bits)
{
	int err;

	if ((*pte & bits) == bits || !w->mem->cmpxchg)
		return 0;
	err = (w->mem->cmpxchg)(w->mem->ctx, at, *pte, *pte | bits, w->layout->size);
	if (!err)
		*pte |= bits;
	return err == -EAGAIN ? err : 0;
}

static void note(const struct walk *w, unsigned int level, u64 pte)
{
	if (w->mem->trace)
		w->mem->trace[level] = pte;
}

static struct gwalk_result found(const struct walk *w, unsigned int level, u64 pte)
{
	gpa_t offset = w->gva & (BIT_ULL(level_shift(w, level)) - 1);

	return (struct gwalk_result){
		.ok = true, .level = (u8)level, .pte = pte,
		.gpa = leaf_base(w, level, pte) | offset,
	};
}

/* One walk; *again if an entry changed while its A or D bit was set. */
static struct gwalk_result walk_once(struct walk *w, bool *again)
{
	unsigned int level = w->layout->levels;
	gpa_t table, at = 0;
	bool leaf, pdpte;
	u64 pte = 0, bits;

	table = w->layout == &layout_pae ? w->mode->cr3 & 0xffffffe0U :
		w->layout == &layout_32 ? w->mode->cr3 & 0xfffff000U :
		w->mode->cr3 & GENMASK_ULL(51, 12);
	w->w = true;
	w->u = true;
	w->nx = false;
	*again = false;

	while (level--) {
		at = table + index_at(w, level) * w->layout->size;
		pte = 0;
		/* A table that lies in no memory reads as not present. */
		if (w->mem->read(w->mem->ctx, at, &pte, w->layout->size) ||
		    !(pte & PTE_P))
			return fault(w, 0);
		leaf = is_leaf(w, level, pte);
		if (pte & reserved_bits(w, level, pte, leaf))
			return fault(w, GWALK_P | GWALK_RSVD);

		pdpte = w->layout == &layout_pae && level == 2;
		if (!pdpte) {
			w->w &= !!(pte & PTE_W);
			w->u &= !!(pte & PTE_U);
			w->nx |= w->layout != &layout_32 && (pte & PTE_NX);
		}
		if (leaf)
			break;
		if (!pdpte && set_bits(w, at, &pte, PTE_A)) {
			*again = true;
			return fault(w, 0);
		}
		note(w, level, pte);
		table = w->layout == &layout_32 ? pte & 0xfffff000U :
			pte & GENMASK_ULL(51, 12);
	}

	if (pkey_denies(w, pte))	/* told whatever else forbids it */
		return fault(w, GWALK_P | GWALK_PK);
	if (rights_deny(w))
		return fault(w, GWALK_P);
	bits = PTE_A | (w->access & GWALK_W ? PTE_D : 0);
	*again = set_bits(w, at, &pte, bits);
	note(w, level, pte);
	return found(w, level, pte);
}

/* Bits above the walk's reach must repeat its top bit. */
static bool canonical(const struct walk *w)
{
	unsigned int bits = w->layout->levels == 5 ? 57 : 48;

	if (w->layout->levels < 4)
		return true;
	return (s64)((u64)w->gva << (64 - bits)) >> (64 - bits) == (s64)w->gva;
}

struct gwalk_result gwalk_translate(const struct gwalk_mode *mode,
				    const struct gwalk_mem *mem, gva_t gva,
				    u32 access, bool implicit)
{
	struct walk w = {
		.mode = mode, .mem = mem, .layout = layout_of(mode),
		.gva = gva, .access = access, .implicit = implicit,
	};
	struct gwalk_result r;
	unsigned int tries;
	bool again = true;

	if (!(mode->cr0 & CR0_PG))
		return (struct gwalk_result){ .ok = true, .gpa = gva };
	if (!canonical(&w))
		return fault(&w, 0);
	if (w.layout->levels < 4)
		w.gva = (u32)gva;
	/* Another CPU may race for the A bit; it can win only so often. */
	for (tries = 0; again && tries < 16; tries++)
		r = walk_once(&w, &again);
	return r;
}
