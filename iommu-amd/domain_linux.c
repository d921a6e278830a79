// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: what a group of devices sees of memory. Five kinds come out of two
 * constants (identity, blocked) and a table (ours, filled through the kernel's
 * IOMMU API, or somebody else's gpm tree). Attaching is one device table write
 * and a flush, whatever the table's size. Called by the kernel's IOMMU core
 * and, for shared trees, by the module above; knows nothing of VMs.
 */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat_linux.h"
#include "iommu-amd/amdvi_priv.h"

#define DOMAIN_DEPTH	4	/* of trees of our own: 48 bits */
#define DOMAIN_POOL	8	/* pages; one leaf needs at most 2 splits */

static DEFINE_IDA(domain_ids);

static struct amdvi_domain *to_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct amdvi_domain, iommu);
}

/* ---- table pages --------------------------------------------------------- */

static struct page *list_pop_page(struct list_head *list)
{
	struct page *page = list_first_entry_or_null(list, struct page, lru);

	if (page)
		list_del(&page->lru);
	return page;
}

/* Under domain->lock, so it may not sleep; the pool was filled before. */
static u64 *table_alloc(void *ctx)
{
	struct amdvi_domain *dom = ctx;
	struct page *page = list_pop_page(&dom->pool);

	if (!page)
		page = alloc_page(GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN);
	return page ? page_address(page) : NULL;
}

static void table_retire(void *ctx, u64 *table)
{
	struct amdvi_domain *dom = ctx;

	list_add(&virt_to_page(table)->lru, &dom->retired);
}

static hpa_t table_hpa(void *ctx, const u64 *table)
{
	return virt_to_phys((void *)table);
}

static u64 *table_at(void *ctx, hpa_t hpa)
{
	return phys_to_virt(hpa);
}

static const struct gpm_ops domain_gpm_ops = {
	.alloc_table = table_alloc,
	.retire_table = table_retire,
	.table_hpa = table_hpa,
	.table_at = table_at,
};

static int domain_fill_pool(struct amdvi_domain *dom, gfp_t gfp)
{
	LIST_HEAD(fresh);
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < DOMAIN_POOL; i++) {
		struct page *page = alloc_page(gfp | __GFP_ZERO);

		if (!page)
			break;
		list_add(&page->lru, &fresh);
	}
	spin_lock_irqsave(&dom->lock, flags);
	list_splice(&fresh, &dom->pool);
	spin_unlock_irqrestore(&dom->lock, flags);
	return i ? 0 : -ENOMEM;
}

/* ---- flushing ------------------------------------------------------------ */

static void domain_block_devices(struct amdvi_domain *dom)
{
	struct amdvi_device *d;
	unsigned long flags;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(d, &amdvi_devices, link) {
		raw_spin_lock(&d->lock);
		if (d->domain == dom)
			amdvi_device_fail(d);
		raw_spin_unlock(&d->lock);
	}
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
}

/*
 * A device that attaches meanwhile raises its unit's count before its device
 * table entry is written, and we read the count after the table was changed:
 * either it is flushed, or it starts with the new table.
 */
static int flush_units(struct amdvi_domain *dom, struct amdvi_cmd cmd,
		       bool absent_only)
{
	unsigned int i;
	u32 readers = 0;
	int err;

	smp_mb();	/* table stores before reading unit_devs */
	for (i = 0; i < amdvi_unit_count; i++)
		if (atomic_read(&dom->unit_devs[i]) &&
		    (!absent_only || amdvi_units[i]->np_cache))
			readers |= BIT(i);
	if (!readers)
		return 0;
	err = readers & (readers - 1) ? amdvi_units_run(readers, &cmd, 1) :
		amdvi_unit_run_one(amdvi_units[__ffs(readers)], cmd);
	if (unlikely(err))
		domain_block_devices(dom);
	return err;
}

/* Most flushes are of one page, of whatever size. */
static struct amdvi_cmd flush_cmd(const struct amdvi_domain *dom, gpa_t start,
				  u64 size, bool walk)
{
	if (likely((size == SZ_4K || size == SZ_2M || size == SZ_1G) &&
		   !(start & (size - 1))))
		return cmd_invalidate_block(dom->id, start, size, walk);
	return cmd_invalidate_pages(dom->id, start, start + size, walk);
}

static int domain_flush(struct amdvi_domain *dom, gpa_t start, gpa_t end,
			bool walk)
{
	return flush_units(dom, flush_cmd(dom, start, end - start, walk), false);
}

int amdvi_domain_flush(struct iommu_domain *domain, gpa_t start, gpa_t end,
		       bool walk)
{
	return domain_flush(to_domain(domain), start, end, walk);
}
EXPORT_SYMBOL_GPL(amdvi_domain_flush);

bool amdvi_caches_absent(struct iommu_domain *domain)
{
	struct amdvi_domain *dom = to_domain(domain);
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++)
		if (atomic_read(&dom->unit_devs[i]) && amdvi_units[i]->np_cache)
			return true;
	return false;
}
EXPORT_SYMBOL_GPL(amdvi_caches_absent);

/* ---- attaching ----------------------------------------------------------- */

static void domain_count(struct amdvi_domain *dom, struct amdvi_device *d,
			 int by)
{
	if (dom)
		atomic_add(by, &dom->unit_devs[d->unit->index]);
}

/*
 * @dom NULL: block. The old domain counts the device until its new entry is
 * flushed. If the unit does not answer (it is broken then, for good), the
 * device is left blocked and both domains count it for ever: their flushes fail
 * and their tables are never reused, because the unit may still read the old
 * one, or have fetched the entry while it named the new one. To block succeeds
 * all the same, that is what the table says. One that was released meanwhile
 * has no entry to write.
 */
static int domain_switch(struct amdvi_device *d, struct amdvi_domain *dom)
{
	bool block = !dom || dom->dma == DTE_DMA_BLOCK;
	struct amdvi_domain *old;
	unsigned long flags;
	int err;

	domain_count(dom, d, 1);
	raw_spin_lock_irqsave(&d->lock, flags);
	if (d->released) {
		raw_spin_unlock_irqrestore(&d->lock, flags);
		domain_count(dom, d, -1);
		return 0;
	}
	old = d->domain;
	d->domain = dom;
	d->failed = false;
	err = amdvi_device_update(d);
	if (err) {
		d->domain = block ? dom : NULL;
		amdvi_device_fail(d);
	}
	raw_spin_unlock_irqrestore(&d->lock, flags);
	if (!err) {
		domain_count(old, d, -1);
		return 0;
	}
	dev_err(d->dev, "iommu-amd: the unit did not answer, the card stays blocked\n");
	return block ? 0 : err;
}

/*
 * Firmware relies on a card's DMA to its own memory (IVMD). A guest that had
 * the card would have that memory, and a card that is blocked could not reach
 * it: only the host's domains, which map it, are for such a card.
 */
static bool domain_suits_firmware(struct amdvi_device *d,
				  const struct amdvi_domain *dom)
{
	const struct ivrs_memory *m;

	if (dom->dma == DTE_DMA_IDENTITY || dom->iommu.type == IOMMU_DOMAIN_DMA)
		return true;
	m = amdvi_group_memory(d);
	if (m)
		dev_err(d->dev, "iommu-amd: firmware keeps memory [%#llx, %#llx) for DMA of this card or its group (IVMD), so it cannot be given to a guest; a firmware setting (legacy USB support, remote management) may release it\n",
			m->start, m->start + m->size);
	return !m;
}

static int domain_take(struct amdvi_domain *dom, struct amdvi_device *d)
{
	if (!domain_suits_firmware(d, dom))
		return -EPERM;
	/* HATS 0 is four levels (3.4.9). */
	if (dom->depth > 4 + FIELD_GET(AMDVI_EFR_HATS, d->unit->efr))
		return -EINVAL;
	return domain_switch(d, dom);
}

/* The core is not told of one that was released: it would leave out the rest of its group. */
static int domain_attach(struct iommu_domain *domain, struct device *dev)
{
	struct amdvi_device *d = amdvi_device_get(dev);
	int err;

	if (!d)
		return dev->iommu ? 0 : -ENODEV;
	err = domain_take(to_domain(domain), d);
	amdvi_device_put(d);
	return err;
}

static void __maybe_unused domain_detach(struct iommu_domain *domain, struct device *dev)
{
	struct amdvi_device *d = amdvi_device_get(dev);

	if (!d)
		return;
	domain_switch(d, NULL);
	amdvi_device_put(d);
}

/* ---- mapping (trees of our own) ------------------------------------------ */

static bool domain_is_ours(const struct amdvi_domain *dom)
{
	return dom->dma == DTE_DMA_TABLE && !dom->shared;
}

static int domain_level(size_t pgsize)
{
	switch (pgsize) {
	case SZ_4K:
		return 0;
	case SZ_2M:
		return 1;
	case SZ_1G:
		return 2;
	}
	return -EINVAL;
}

/* Retired tables leave the domain for @list; they may be reused only after
 * the next flush.
 */
static void domain_take_retired(struct amdvi_domain *dom,
				struct list_head *list)
{
	list_splice_init(&dom->retired, list);
}

/* As many leaves as one lock holds; *done of them are mapped. */
#define RUN_MAX		512

static int domain_map_run(struct amdvi_domain *dom, u64 iova, phys_addr_t pa,
			  int level, u32 perm, u64 count, u64 *done)
{
	LIST_HEAD(retired);
	unsigned long flags;
	int err, bits, flushed;

	spin_lock_irqsave(&dom->lock, flags);
	err = gpm_map_run(&dom->gpm, iova, pa, level, perm,
			  min_t(u64, count, RUN_MAX), done, &bits);
	if (unlikely(bits))
		domain_take_retired(dom, &retired);
	spin_unlock_irqrestore(&dom->lock, flags);
	if (likely(!bits))
		return err;
	/* It replaced something: nobody may use the old pages any more. */
	flushed = domain_flush(dom, iova, iova + (max(*done, 1ULL) << (12 + 9 * level)),
			       bits & GPM_FLUSH_WALK);
	if (!flushed)
		put_pages_list(&retired);
	return flushed ? flushed : err;
}

static u32 domain_perm(int prot)
{
	u32 perm = (prot & IOMMU_READ ? GPM_DMA_R : 0) |
		   (prot & IOMMU_WRITE ? GPM_DMA_W : 0);

	return perm ? perm | GPM_FORCE_COH : 0;
}

static noinline int domain_map_runs(struct amdvi_domain *dom, u64 iova,
				    phys_addr_t pa, int level, u32 perm,
				    u64 count, gfp_t gfp, size_t *mapped)
{
	int err = 0;
	u64 done;

	while (count && !err) {
		err = domain_map_run(dom, iova + *mapped, pa + *mapped, level,
				     perm, count, &done);
		count -= done;
		*mapped += done << (PAGE_SHIFT + 9 * level);
		if (err == -ENOMEM && gfpflags_allow_blocking(gfp))
			err = domain_fill_pool(dom, gfp);
	}
	return err;
}

static int domain_map_pages(struct iommu_domain *domain, unsigned long iova,
			    phys_addr_t pa, size_t pgsize, size_t pgcount,
			    int prot, gfp_t gfp, size_t *mapped)
{
	struct amdvi_domain *dom = to_domain(domain);
	int level = domain_level(pgsize);
	u32 perm = domain_perm(prot);

	*mapped = 0;
	if (level < 0 || !perm)
		return -EINVAL;
	if (!domain_is_ours(dom))
		return -EPERM;
	/* Callers that map and unmap side by side keep to ranges of their own. */
	if (pgcount == 1 && gpm_try_map(&dom->gpm, iova, pa, level, perm)) {
		*mapped = pgsize;
		return 0;
	}
	return domain_map_runs(dom, iova, pa, level, perm, pgcount, gfp, mapped);
}

static size_t domain_unmap_pages(struct iommu_domain *domain,
				 unsigned long iova, size_t pgsize,
				 size_t pgcount,
				 struct iommu_iotlb_gather *gather)
{
	struct amdvi_domain *dom = to_domain(domain);
	size_t size = pgsize * pgcount;
	unsigned long flags;
	int ret;

	if (!domain_is_ours(dom))
		return 0;
	if (gpm_try_unmap(&dom->gpm, iova, size)) {
		iommu_iotlb_gather_add_range(gather, iova, size);
		return size;
	}
	spin_lock_irqsave(&dom->lock, flags);
	ret = gpm_unmap(&dom->gpm, iova, iova + size);
	if (ret > 0)
		domain_take_retired(dom, &gather->freelist);
	spin_unlock_irqrestore(&dom->lock, flags);
	if (ret < 0)
		return 0;
	iommu_iotlb_gather_add_range(gather, iova, size);
	return size;
}

static void domain_iotlb_sync(struct iommu_domain *domain,
			      struct iommu_iotlb_gather *gather)
{
	struct amdvi_domain *dom = to_domain(domain);

	if (gather->start > gather->end)
		return;
	/* On a timeout the devices are blocked and the tables are not reused:
	 * the unit may still be walking them.
	 */
	if (domain_flush(dom, gather->start, (u64)gather->end + 1,
			 !list_empty(&gather->freelist)))
		INIT_LIST_HEAD(&gather->freelist);
	else if (!list_empty(&gather->freelist))
		put_pages_list(&gather->freelist);
}

static int domain_sync_map(struct iommu_domain *domain, unsigned long iova,
			   size_t size)
{
	struct amdvi_domain *dom = to_domain(domain);

	/* The pointers to new tables, too, may be cached as absent. */
	return flush_units(dom, flush_cmd(dom, iova, size, true), true);
}

COMPAT_SYNC_MAP_OP(domain_sync_map)

static void domain_flush_all(struct iommu_domain *domain)
{
	domain_flush(to_domain(domain), 0, 0, true);
}

static phys_addr_t domain_iova_to_phys(struct iommu_domain *domain,
				       dma_addr_t iova)
{
	struct amdvi_domain *dom = to_domain(domain);
	struct gpm_leaf leaf;
	unsigned long flags;

	if (dom->dma == DTE_DMA_IDENTITY)
		return iova;
	if (!domain_is_ours(dom))
		return 0;
	spin_lock_irqsave(&dom->lock, flags);
	leaf = gpm_lookup(&dom->gpm, iova);
	spin_unlock_irqrestore(&dom->lock, flags);
	return leaf.present ? leaf.hpa : 0;
}

/* FC is set in every entry of ours; of a shared tree its owner decides. */
static bool domain_enforce_coherency(struct iommu_domain *domain)
{
	return domain_is_ours(to_domain(domain));
}

/* ---- life ---------------------------------------------------------------- */

/* A reader is left: keep the table for ever rather than reuse it. */
static bool domain_is_read(struct amdvi_domain *dom)
{
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++) {
		if (!atomic_read(&dom->unit_devs[i]))
			continue;
		/* Only a unit that never confirmed a detach excuses it. */
		WARN_ON(!amdvi_units[i]->engine.broken);
		return true;
	}
	return false;
}

static void domain_free(struct iommu_domain *domain)
{
	struct amdvi_domain *dom = to_domain(domain);

	if (domain_is_read(dom))
		return;
	if (domain_is_ours(dom)) {
		gpm_destroy(&dom->gpm);
		put_pages_list(&dom->retired);
		put_pages_list(&dom->pool);
	}
	if (dom->id >= AMDVI_DOMAIN_FIRST)
		ida_free(&domain_ids, dom->id);
	kfree(dom);
}

const struct iommu_domain_ops amdvi_domain_ops = {
	.attach_dev = domain_attach,
	compat_detach_dev(domain_detach)
	.map_pages = domain_map_pages,
	.unmap_pages = domain_unmap_pages,
	.flush_iotlb_all = domain_flush_all,
	.iotlb_sync_map = domain_sync_map_op,
	.iotlb_sync = domain_iotlb_sync,
	.iova_to_phys = domain_iova_to_phys,
	.enforce_cache_coherency = domain_enforce_coherency,
	.free = domain_free,
};

static struct amdvi_domain *domain_new(enum dte_dma dma, unsigned int depth)
{
	struct amdvi_domain *dom = kzalloc(sizeof(*dom), GFP_KERNEL);

	if (!dom)
		return NULL;
	spin_lock_init(&dom->lock);
	INIT_LIST_HEAD(&dom->pool);
	INIT_LIST_HEAD(&dom->retired);
	dom->dma = dma;
	dom->depth = depth;
	dom->iommu.ops = &amdvi_domain_ops;
	dom->iommu.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G;
	dom->iommu.geometry.force_aperture = true;
	dom->iommu.geometry.aperture_end =
		dma == DTE_DMA_TABLE ? DMA_BIT_MASK(min(64U, 12 + 9 * depth)) :
				       DMA_BIT_MASK(64);
	dom->id = dma == DTE_DMA_IDENTITY ? AMDVI_DOMAIN_IDENTITY :
					    AMDVI_DOMAIN_BLOCKED;
	return dom;
}

static int domain_take_id(struct amdvi_domain *dom)
{
	int id = ida_alloc_range(&domain_ids, AMDVI_DOMAIN_FIRST, U16_MAX,
				 GFP_KERNEL);

	if (id < 0)
		return id;
	dom->id = id;
	return 0;
}

static struct iommu_domain *domain_new_tree(void)
{
	struct amdvi_domain *dom = domain_new(DTE_DMA_TABLE, DOMAIN_DEPTH);

	if (!dom)
		return NULL;
	if (domain_take_id(dom))
		goto free_domain;
	if (gpm_init(&dom->gpm, &domain_gpm_ops, dom, DOMAIN_DEPTH))
		goto free_id;
	dom->gpm.linear = PAGE_OFFSET;
	dom->root = gpm_root_hpa(&dom->gpm);
	return &dom->iommu;

free_id:
	ida_free(&domain_ids, dom->id);
free_domain:
	kfree(dom);
	return NULL;
}

/* Deferred flushing (DMA_FQ) is not offered: an unmap that returned is done. */
struct iommu_domain *amdvi_domain_alloc(unsigned int type)
{
	struct amdvi_domain *dom;

	switch (type) {
	case IOMMU_DOMAIN_UNMANAGED:
	case IOMMU_DOMAIN_DMA:
		return domain_new_tree();
	case IOMMU_DOMAIN_IDENTITY:
		dom = domain_new(DTE_DMA_IDENTITY, 0);
		break;
	case IOMMU_DOMAIN_BLOCKED:
		dom = domain_new(DTE_DMA_BLOCK, 0);
		break;
	default:
		return NULL;
	}
	return dom ? &dom->iommu : NULL;
}

struct iommu_domain *amdvi_shared_domain_alloc(hpa_t root, unsigned int depth)
{
	struct amdvi_domain *dom;
	int err;

	if (depth < 3 || depth > 6 || !root || (root & ~DTE_ROOT))
		return ERR_PTR(-EINVAL);
	dom = domain_new(DTE_DMA_TABLE, depth);
	if (!dom)
		return ERR_PTR(-ENOMEM);
	err = domain_take_id(dom);
	if (err) {
		kfree(dom);
		return ERR_PTR(err);
	}
	dom->shared = true;
	dom->root = root;
	dom->iommu.type = IOMMU_DOMAIN_UNMANAGED;
	compat_domain_set_owner(&dom->iommu, &amdvi_ops);
	return &dom->iommu;
}
EXPORT_SYMBOL_GPL(amdvi_shared_domain_alloc);

void amdvi_shared_domain_free(struct iommu_domain *domain)
{
	domain_free(domain);
}
EXPORT_SYMBOL_GPL(amdvi_shared_domain_free);

u16 amdvi_domain_id(struct iommu_domain *domain)
{
	return to_domain(domain)->id;
}
EXPORT_SYMBOL_GPL(amdvi_domain_id);
