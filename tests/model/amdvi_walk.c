// SPDX-License-Identifier: GPL-2.0
/*
 * What a card meets in the model: its device table entry (48882 2.2.2), the
 * page tables (2.2.3), the interrupt table (2.2.5), and the caches of all of
 * them, which keep what they have until they are told to forget it.
 */
#include <stdlib.h>

#include "tests/model/amdvi_model.h"

#define DTE_Q0_RESERVED	(GENMASK_ULL(6, 2) | BIT_ULL(63))
#define DTE_Q2_RESERVED	GENMASK_ULL(53, 52)
#define DTE_Q3_RESERVED	(GENMASK_ULL(14, 0) | GENMASK_ULL(53, 48))
#define DTE_PASS_INIT	BIT_ULL(56)
#define DTE_PASS_EXTINT	BIT_ULL(57)
#define DTE_PASS_NMI	BIT_ULL(58)
#define DTE_EX		BIT_ULL(40)	/* quad 1 */
#define EXCL_ENABLE	BIT_ULL(0)
#define EXCL_ALL	BIT_ULL(1)
#define DTE_INT_LEN_MAX	11

#define PTE_PR		BIT_ULL(0)
#define PTE_NEXT	GENMASK_ULL(11, 9)
#define PTE_ADDR	GENMASK_ULL(51, 12)
#define PTE_RESERVED	GENMASK_ULL(58, 52)
#define PDE_RESERVED	GENMASK_ULL(60, 52)
#define PTE_IR		BIT_ULL(61)
#define PTE_IW		BIT_ULL(62)

#define IRTE_SUP_IOPF	BIT_ULL(1)
#define IRTE_GUEST	BIT_ULL(7)

void model_log_request(struct amdvi_model *m, u64 code,
		       const struct model_request *r, u64 flags, u64 addr)
{
	flags |= (r->write ? EVT_RW : 0) | (r->interrupt ? EVT_I : 0);
	model_log(m, code, r->devid, r->domain, flags, addr);
}

/* ---- forgetting ---------------------------------------------------------- */

static void take_snapshot(struct amdvi_model *m)
{
	hpa_t at = (m->devtab & AMDVI_DEVTAB_BASE) +
		   (hpa_t)m->watched * AMDVI_DTE_SIZE;
	const u64 *q = model_at(m, at, AMDVI_DTE_SIZE);

	if (!q || m->snapshots == MODEL_SNAPSHOTS)
		abort();
	memcpy(m->snapshot[m->snapshots++], q, AMDVI_DTE_SIZE);
}

static void restart_watch(struct amdvi_model *m)
{
	m->snapshots = 0;
	take_snapshot(m);
}

void model_forget_dte(struct amdvi_model *m, u16 devid)
{
	m->dte_cache[devid].valid = false;
	if (m->watching && m->watched == devid)
		restart_watch(m);
}

void model_forget_irtes(struct amdvi_model *m, u16 devid)
{
	unsigned int i = 0;

	while (i < m->irtes) {
		if (m->irte[i].devid == devid)
			m->irte[i] = m->irte[--m->irtes];
		else
			i++;
	}
}

static u64 pde_span(unsigned int level)
{
	return 1ULL << (12 + 9 * level);
}

void model_forget_pages(struct amdvi_model *m, u16 domain, u64 start, u64 last,
			bool pde)
{
	unsigned int i = 0;

	while (i < m->tlbs) {
		struct model_tlb *t = &m->tlb[i];

		if (t->domain == domain && t->start <= last &&
		    t->start + (t->size - 1) >= start)
			*t = m->tlb[--m->tlbs];
		else
			i++;
	}
	for (i = 0; pde && i < m->pdes;) {
		struct model_pde *p = &m->pde[i];

		if (p->domain == domain && p->prefix <= last &&
		    p->prefix + (pde_span(p->level) - 1) >= start)
			*p = m->pde[--m->pdes];
		else
			i++;
	}
}

void model_forget_all(struct amdvi_model *m)
{
	unsigned int i;

	for (i = 0; i < AMDVI_DEVICES; i++)
		m->dte_cache[i].valid = false;
	m->tlbs = 0;
	m->pdes = 0;
	m->irtes = 0;
	if (m->watching)
		restart_watch(m);
}

/* ---- torn fetches -------------------------------------------------------- */

void model_watch(struct amdvi_model *m, u16 devid)
{
	m->watching = true;
	m->watched = devid;
	restart_watch(m);
}

void model_stored(struct amdvi_model *m)
{
	if (m->watching)
		take_snapshot(m);
}

void model_each_fetch(struct amdvi_model *m,
		      void (*fn)(void *ctx, struct amdvi_model *m,
				 const u64 q[4]), void *ctx)
{
	unsigned int n = m->snapshots, a, b, c, d;
	__typeof__(m->dte_cache[0]) saved = m->dte_cache[m->watched];

	for (a = 0; a < n * n * n * n; a++) {
		u64 q[4];

		b = a / n;
		c = b / n;
		d = c / n;
		q[0] = m->snapshot[a % n][0];
		q[1] = m->snapshot[b % n][1];
		q[2] = m->snapshot[c % n][2];
		q[3] = m->snapshot[d % n][3];
		m->dte_cache[m->watched].valid = true;
		m->dte_cache[m->watched].faulted = false;
		memcpy(m->dte_cache[m->watched].q, q, sizeof(q));
		fn(ctx, m, q);
	}
	m->dte_cache[m->watched] = saved;
}

/* ---- the device table entry ---------------------------------------------- */

static bool dte_is_bad(const u64 *q, bool interrupt)
{
	if (interrupt)
		return (q[2] & DTE_IV) &&
		       ((q[2] & DTE_Q2_RESERVED) || (q[3] & DTE_Q3_RESERVED) ||
			FIELD_GET(DTE_INT_LEN, q[2]) > DTE_INT_LEN_MAX ||
			FIELD_GET(DTE_INT_CTL, q[2]) == 3);
	return (q[0] & DTE_V) &&
	       ((q[0] & DTE_Q0_RESERVED) || (q[3] & DTE_Q3_RESERVED));
}

/* 2.5.2: illegal as well, but no reserved bit. */
static bool dte_mode_is_bad(const u64 *q, bool interrupt)
{
	return !interrupt && (q[0] & DTE_V) && (q[0] & DTE_TV) &&
	       FIELD_GET(DTE_MODE, q[0]) == 7;
}

bool model_fetch_dte(struct amdvi_model *m, struct model_request *r)
{
	u64 bytes = (FIELD_GET(AMDVI_DEVTAB_SIZE, m->devtab) + 1) * 4096;
	u64 offset = (u64)r->devid * AMDVI_DTE_SIZE;
	hpa_t at = (m->devtab & AMDVI_DEVTAB_BASE) + offset;
	const u64 *q;

	if (!m->dte_cache[r->devid].valid) {
		q = model_at(m, at, AMDVI_DTE_SIZE);
		if (offset >= bytes) {
			model_log_request(m, MODEL_ILLEGAL_DTE, r, 0, r->addr);
			return false;
		}
		if (!q) {
			model_log_request(m, MODEL_DEVTAB_HW, r,
					  MODEL_TYPE_ABORT, at);
			return false;
		}
		memcpy(m->dte_cache[r->devid].q, q, AMDVI_DTE_SIZE);
		m->dte_cache[r->devid].valid = true;
		m->dte_cache[r->devid].faulted = false;
	}
	r->dte = m->dte_cache[r->devid].q;
	if (dte_is_bad(r->dte, r->interrupt)) {
		model_log_request(m, MODEL_ILLEGAL_DTE, r, EVT_RZ, r->addr);
		return false;
	}
	if (dte_mode_is_bad(r->dte, r->interrupt)) {
		model_log_request(m, MODEL_ILLEGAL_DTE, r, 0, r->addr);
		return false;
	}
	r->domain = (u16)FIELD_GET(DTE_DOMAIN, r->dte[1]);
	return true;
}

/* ---- translation --------------------------------------------------------- */

/* SA: none is logged; SE: the first since the entry was fetched. */
static bool page_fault(struct amdvi_model *m, const struct model_request *r,
		       u64 flags)
{
	bool first = !m->dte_cache[r->devid].faulted;

	m->dte_cache[r->devid].faulted = true;
	if (!(r->dte[1] & DTE_SA) && (first || !(r->dte[1] & DTE_SE)))
		model_log_request(m, MODEL_PAGE_FAULT, r, flags, r->addr);
	return false;
}

static struct model_tlb *tlb_find(struct amdvi_model *m, u16 domain, u64 addr)
{
	unsigned int i;

	for (i = 0; i < m->tlbs; i++)
		if (m->tlb[i].domain == domain && addr >= m->tlb[i].start &&
		    addr - m->tlb[i].start < m->tlb[i].size)
			return &m->tlb[i];
	return NULL;
}

static void tlb_add(struct amdvi_model *m, const struct model_tlb *t)
{
	if (!t->present && !m->np_cache)
		return;
	if (m->tlbs == MODEL_CACHE)
		m->cache_full++;
	else
		m->tlb[m->tlbs++] = *t;
}

/* The deepest table that is cached for @addr; NULL: begin at the root. */
static struct model_pde *pde_find(struct amdvi_model *m, u16 domain, u64 addr)
{
	struct model_pde *best = NULL;
	unsigned int i;

	for (i = 0; i < m->pdes; i++) {
		struct model_pde *p = &m->pde[i];

		if (p->domain == domain && addr >= p->prefix &&
		    addr - p->prefix < pde_span(p->level) &&
		    (!best || p->level < best->level))
			best = p;
	}
	return best;
}

static void pde_add(struct amdvi_model *m, const struct model_pde *p)
{
	if (m->pdes == MODEL_CACHE)
		m->cache_full++;
	else
		m->pde[m->pdes++] = *p;
}

struct walk {
	hpa_t table;
	unsigned int level;	/* of the table: 1 is the last */
	bool read, write;
};

static void walk_begin(struct amdvi_model *m, const struct model_request *r,
		       struct walk *w)
{
	struct model_pde *p = pde_find(m, r->domain, r->addr);

	if (p) {
		*w = (struct walk){ p->table, p->level, p->read, p->write };
		return;
	}
	w->table = r->dte[0] & DTE_ROOT;
	w->level = (unsigned int)FIELD_GET(DTE_MODE, r->dte[0]);
	w->read = r->dte[0] & DTE_IR;
	w->write = r->dte[0] & DTE_IW;
}

/* Address bits that a pointer skips, or that lie beyond the root, must be 0. */
static bool skips_well(u64 addr, unsigned int from, unsigned int to)
{
	unsigned int low = 12 + 9 * to, high = min(64U, 12 + 9 * from);

	return low >= high || !(addr >> low & ((1ULL << (high - low)) - 1));
}

static bool walk_leaf(struct amdvi_model *m, const struct model_request *r,
		      const struct walk *w, u64 pte, struct model_tlb *t)
{
	t->size = pde_span(w->level - 1);
	t->start = r->addr & ~(t->size - 1);
	t->base = pte & PTE_ADDR;
	t->present = true;
	t->read = w->read && (pte & PTE_IR);
	t->write = w->write && (pte & PTE_IW);
	/* 2.2.3: a leaf's address is aligned to its size; NextLevel 7, which
	 * says otherwise, is not used by any software that this model serves.
	 */
	if ((pte & PTE_RESERVED) || (t->base & (t->size - 1)))
		return page_fault(m, r, EVT_PR | EVT_RZ);
	tlb_add(m, t);
	return true;
}

static bool walk(struct amdvi_model *m, const struct model_request *r,
		 struct model_tlb *t)
{
	unsigned int next;
	struct walk w;
	const u64 *at;
	hpa_t where;

	walk_begin(m, r, &w);
	if (12 + 9 * w.level < 64 && w.table == (r->dte[0] & DTE_ROOT) &&
	    w.level == FIELD_GET(DTE_MODE, r->dte[0]) &&
	    r->addr >> (12 + 9 * w.level))
		return page_fault(m, r, 0);
	for (;;) {
		where = w.table + 8 * (r->addr >> (12 + 9 * (w.level - 1)) & 511);
		at = model_at(m, where, 8);
		if (!at) {
			model_log_request(m, MODEL_PAGETAB_HW, r,
					  MODEL_TYPE_ABORT, where);
			return false;
		}
		if (!(*at & PTE_PR)) {
			*t = (struct model_tlb){ .domain = r->domain,
				.start = r->addr & ~0xfffULL, .size = 4096 };
			tlb_add(m, t);
			return page_fault(m, r, 0);
		}
		next = (unsigned int)FIELD_GET(PTE_NEXT, *at);
		if (!next)
			return walk_leaf(m, r, &w, *at, t);
		if (next >= w.level || (*at & PDE_RESERVED) ||
		    !skips_well(r->addr, w.level - 1, next))
			return page_fault(m, r, EVT_PR | EVT_RZ);
		w.read = w.read && (*at & PTE_IR);
		w.write = w.write && (*at & PTE_IW);
		w.table = *at & PTE_ADDR;
		w.level = next;
		pde_add(m, &(struct model_pde){ r->domain, (u8)next,
			r->addr & ~(pde_span(next) - 1), w.table, w.read,
			w.write });
	}
}

static bool translate(struct amdvi_model *m, const struct model_request *r,
		      hpa_t *hpa)
{
	struct model_tlb *hit = tlb_find(m, r->domain, r->addr), t;

	if (hit) {
		t = *hit;
		if (!t.present)
			return page_fault(m, r, 0);
	} else {
		t.domain = r->domain;
		if (!walk(m, r, &t))
			return false;
	}
	if (r->write ? !t.write : !t.read)
		return page_fault(m, r, EVT_PR | EVT_PE);
	*hpa = t.base + (r->addr - t.start);
	return true;
}

/* 2.2.1, 3.4.5: memory that is never translated, for all or for some. */
static bool excluded(const struct amdvi_model *m, const struct model_request *r)
{
	return (m->excl_base & EXCL_ENABLE) &&
	       ((m->excl_base & EXCL_ALL) || (r->dte[1] & DTE_EX)) &&
	       r->addr >= (m->excl_base & PTE_ADDR) &&
	       r->addr <= (m->excl_limit | 0xfff);
}

bool model_dma(struct amdvi_model *m, u16 devid, u64 addr, bool write,
	       hpa_t *hpa)
{
	struct model_request r = { .devid = devid, .write = write,
				   .addr = addr };
	u64 q0;

	*hpa = addr;
	if (!(m->control & AMDVI_CTRL_IOMMU_EN))
		return true;
	if (!model_fetch_dte(m, &r))
		return false;
	q0 = r.dte[0];
	if (!(q0 & DTE_V) || excluded(m, &r))
		return true;
	if (!(q0 & DTE_TV))
		return page_fault(m, &r, 0);
	if (!(q0 & (write ? DTE_IW : DTE_IR)))
		return page_fault(m, &r, EVT_PR | EVT_PE);
	return FIELD_GET(DTE_MODE, q0) ? translate(m, &r, hpa) : true;
}

/* ---- interrupts ---------------------------------------------------------- */

static enum model_irq_result irq_fault(struct amdvi_model *m,
				       const struct model_request *r, u64 flags)
{
	if (!(r->dte[2] & DTE_IG))
		model_log_request(m, MODEL_PAGE_FAULT, r, flags, r->addr);
	return MODEL_IRQ_REFUSED;
}

static enum model_irq_result irq_invalid(struct amdvi_model *m,
					 struct model_request *r, unsigned int type)
{
	r->domain = 0;
	model_log_request(m, MODEL_INVALID_REQ, r, MODEL_TYPE(type), r->addr);
	return MODEL_IRQ_REFUSED;
}

static bool irte_fetch(struct amdvi_model *m, const struct model_request *r,
		       u32 index, u64 q[2])
{
	bool ga = m->control & AMDVI_CTRL_GA;
	hpa_t at = (r->dte[2] & DTE_INT_ROOT) + index * (ga ? 16 : 4);
	const u8 *p = model_at(m, at, ga ? 16 : 4);
	unsigned int i;

	for (i = 0; i < m->irtes; i++) {
		if (m->irte[i].devid == r->devid && m->irte[i].index == index) {
			memcpy(q, m->irte[i].q, 16);
			return true;
		}
	}
	if (!p) {
		model_log_request(m, MODEL_PAGETAB_HW, r, MODEL_TYPE_ABORT, at);
		return false;
	}
	q[0] = q[1] = 0;
	memcpy(q, p, ga ? 16 : 4);
	if (m->irtes == MODEL_CACHE)
		m->cache_full++;
	else
		m->irte[m->irtes++] = (struct model_irte){ r->devid, index,
							   { q[0], q[1] } };
	return true;
}

static enum model_irq_result remap(struct amdvi_model *m,
				   const struct model_request *r, u32 index,
				   struct model_irq *irq)
{
	u64 q[2];

	if (index >= 1U << FIELD_GET(DTE_INT_LEN, r->dte[2]))
		return irq_fault(m, r, 0);
	if (!irte_fetch(m, r, index, q))
		return MODEL_IRQ_REFUSED;
	if (!(q[0] & IRTE_EN))
		return q[0] & IRTE_SUP_IOPF ? MODEL_IRQ_REFUSED :
					      irq_fault(m, r, 0);
	if ((q[0] & IRTE_GUEST) || FIELD_GET(IRTE_TYPE, q[0]) > 1)
		return irq_fault(m, r, EVT_PR | EVT_RZ);
	irq->type = (u8)FIELD_GET(IRTE_TYPE, q[0]);
	irq->logical = q[0] & IRTE_DM;
	if (m->control & AMDVI_CTRL_GA) {
		irq->vector = (u8)FIELD_GET(IRTE128_VECTOR, q[1]);
		irq->dest = (u32)FIELD_GET(IRTE128_DEST_LO, q[0]);
		if (m->control & AMDVI_CTRL_XT)
			irq->dest |= (u32)FIELD_GET(IRTE128_DEST_HI, q[1]) << 24;
		else
			irq->dest &= 0xff;
	} else {
		irq->vector = (u8)FIELD_GET(IRTE32_VECTOR, q[0]);
		irq->dest = (u32)FIELD_GET(IRTE32_DEST, q[0]);
	}
	return MODEL_IRQ_REMAPPED;
}

/* Kinds that no table decides: NMI, INIT and ExtINT have bits of their own. */
static enum model_irq_result special(struct amdvi_model *m,
				     struct model_request *r, unsigned int kind)
{
	u64 bit = kind == 4 ? DTE_PASS_NMI : kind == 5 ? DTE_PASS_INIT :
		  kind == 7 ? DTE_PASS_EXTINT : 0;

	if (!bit || (r->addr & 4))
		return irq_invalid(m, r, 6);
	return r->dte[2] & bit ? MODEL_IRQ_PASSED : irq_fault(m, r, 0);
}

enum model_irq_result model_interrupt(struct amdvi_model *m, u16 devid,
				      u32 addr, u32 data, struct model_irq *irq)
{
	struct model_request r = { .devid = devid, .interrupt = true,
				   .addr = addr };
	unsigned int kind = data >> 8 & 7;

	if (!(m->control & AMDVI_CTRL_IOMMU_EN))
		return MODEL_IRQ_PASSED;
	if (!model_fetch_dte(m, &r))
		return MODEL_IRQ_REFUSED;
	if (!(r.dte[2] & DTE_IV))
		return MODEL_IRQ_PASSED;
	if (kind > 1)
		return special(m, &r, kind);
	switch (FIELD_GET(DTE_INT_CTL, r.dte[2])) {
	case 1:
		return MODEL_IRQ_PASSED;
	case DTE_INT_CTL_REMAP:
		return remap(m, &r, data & 0x7ff, irq);
	}
	return irq_invalid(m, &r, 5);
}
