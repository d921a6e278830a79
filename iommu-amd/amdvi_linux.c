// SPDX-License-Identifier: GPL-2.0
/*
 * iommu-amd.ko: finds the IOMMU units that firmware describes, takes them
 * over, and offers them to the kernel's IOMMU core, so that every PCI function
 * has a group, a domain and its own interrupt table. Host devices stay in
 * pass-through; ids that no device has are blocked. amdvi.h is the door for
 * the module above; nothing here knows of VMs.
 *
 * The module is meant to be loaded before the cards' drivers and it stays: the
 * IOMMU core keeps pointers into a driver for ever, so there is no exit
 * function.
 *
 * Limits: SME hosts are refused (physical addresses would need the C-bit in
 * every table). Device-side translation caches (ATS), page requests (PRI) and
 * guest translation are not used. Functions that share a requester id, behind
 * a conventional PCI bridge, share one device table entry and one interrupt
 * table: they are one group, the last attach among them holds for all, and a
 * quarantine of one blocks that id for all of them until it ends.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/acpi.h>
#include <linux/cc_platform.h>
#include <linux/dma-map-ops.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat_linux.h"
#include "iommu-amd/amdvi_priv.h"

static bool allow_bound;
module_param(allow_bound, bool, 0444);
MODULE_PARM_DESC(allow_bound, "load although drivers are bound to cards; those cards stay in pass-through, and their drivers should not be unbound (default: refuse)");

static bool rebind;
module_param(rebind, bool, 0444);
MODULE_PARM_DESC(rebind, "take bound drivers off their cards, and give the cards back to them when the units run (default: refuse and name them)");

static bool take_over;
module_param(take_over, bool, 0444);
MODULE_PARM_DESC(take_over, "take a unit that is already enabled, as firmware with boot-time DMA protection or a crashed kernel leaves it (default: refuse)");

static bool translate_host;
module_param(translate_host, bool, 0444);
MODULE_PARM_DESC(translate_host, "give host devices translated DMA domains (default: pass-through)");

LIST_HEAD(amdvi_devices);
DEFINE_RAW_SPINLOCK(amdvi_devices_lock);
struct amdvi_unit *amdvi_units[AMDVI_MAX_UNITS];
unsigned int amdvi_unit_count;

static LIST_HEAD(amdvi_segments);
/* Memory that firmware keeps for devices (IVMD). */
struct amdvi_memory {
	struct list_head link;
	struct ivrs_memory m;
};
static LIST_HEAD(amdvi_memories);
static bool amdvi_ready;

/* ---- devices ------------------------------------------------------------- */

struct amdvi_device *amdvi_device_of(struct device *dev)
{
	if (!dev->iommu || !dev->iommu->iommu_dev ||
	    dev->iommu->iommu_dev->ops != &amdvi_ops)
		return NULL;
	return dev_iommu_priv_get(dev);
}

struct amdvi_device *amdvi_device_get(struct device *dev)
{
	struct amdvi_device *d;
	unsigned long flags;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	d = amdvi_device_of(dev);
	if (d)
		kref_get(&d->ref);
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return d;
}

static bool device_has_id(const struct amdvi_device *d, u16 id)
{
	unsigned int i;

	for (i = 0; i < d->n_ids; i++)
		if (d->ids[i] == id)
			return true;
	return false;
}

struct amdvi_device *amdvi_device_find_locked(struct amdvi_segment *seg,
					      u16 id)
{
	struct amdvi_device *d, *found = NULL;

	list_for_each_entry(d, &amdvi_devices, link) {
		if (d->unit->seg != seg || !device_has_id(d, id))
			continue;
		if (d->devid == id)
			return d;
		found = d;
	}
	return found;
}

unsigned int amdvi_devices_under(struct amdvi_segment *seg, u16 id,
				 struct amdvi_device **found, unsigned int max)
{
	struct amdvi_device *d;
	unsigned long flags;
	unsigned int n = 0, i;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(d, &amdvi_devices, link)
		if (n < max && d->unit->seg == seg && device_has_id(d, id) &&
		    READ_ONCE(d->fault_fn))
			found[n++] = d;
	if (!n) {
		found[0] = amdvi_device_find_locked(seg, id);
		n = found[0] ? 1 : 0;
	}
	for (i = 0; i < n; i++)
		kref_get(&found[i]->ref);
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return n;
}

static void device_release(struct kref *ref)
{
	struct amdvi_device *d = container_of(ref, struct amdvi_device, ref);

	amdvi_common_put(d->common);
	put_device(d->dev);
	kfree(d);
}

void amdvi_device_put(struct amdvi_device *d)
{
	kref_put(&d->ref, device_release);
}

static void device_want_dma(const struct amdvi_device *d, struct dte_want *want)
{
	const struct amdvi_domain *dom = d->domain;

	want->dma = DTE_DMA_BLOCK;
	want->domain_id = AMDVI_DOMAIN_BLOCKED;
	if (want->suppress || !dom)
		return;
	want->dma = dom->dma;
	want->domain_id = dom->id;
	want->depth = dom->depth;
	want->root = dom->root;
}

bool amdvi_device_passes(const struct amdvi_device *d)
{
	unsigned int i;

	for (i = 0; i < d->n_ids; i++)
		if (test_bit(d->ids[i], d->unit->seg->passes))
			return true;
	return false;
}

/* What is passed on behalf of others is passed whatever @d did. */
static void device_want_irq(const struct amdvi_device *d, struct dte_want *want)
{
	if (want->suppress && !amdvi_device_passes(d)) {
		amdvi_intremap_want_none(want);
		return;
	}
	want->irq = d->common->remaps ? DTE_IRQ_TABLE : DTE_IRQ_PASS;
	if (!d->common->remaps)
		return;
	want->irt = virt_to_phys(d->common->irt);
	want->irt_order = IRTE_TABLE_ORDER;
}

/* One barred member bars the ids that it shares. common->lock is held. */
static bool device_is_barred(struct amdvi_device *d)
{
	bool bars = d->quarantined || d->failed;

	if (bars != d->bars)
		d->common->barred += bars ? 1 : -1;
	d->bars = bars;
	return d->common->barred;
}

static int device_update(struct amdvi_device *d)
{
	struct dte_want want = { .suppress = device_is_barred(d) };
	struct dte dte;
	unsigned int i;
	int err = 0;

	device_want_dma(d, &want);
	device_want_irq(d, &want);
	/* A wish that cannot be built becomes a blocked entry. */
	if (WARN_ON(dte_build(&want, &dte)))
		err = -EINVAL;
	for (i = 0; i < d->n_ids; i++)
		if (amdvi_unit_write_dte(d->unit, d->ids[i], &dte))
			err = -ETIMEDOUT;
	return err;
}

int amdvi_device_update(struct amdvi_device *d)
{
	int err;

	raw_spin_lock(&d->common->lock);
	err = device_update(d);
	raw_spin_unlock(&d->common->lock);
	return err;
}

void amdvi_device_fail(struct amdvi_device *d)
{
	d->failed = true;
	amdvi_device_update(d);
}

/* ---- which ids a function appears under ---------------------------------- */

static void device_add_id(struct amdvi_device *d, u16 id, bool *full)
{
	if (device_has_id(d, id))
		return;
	if (d->n_ids == AMDVI_MAX_IDS)
		*full = true;
	else
		d->ids[d->n_ids++] = id;
}

/* A bridge between conventional PCI and PCI Express speaks for what lies
 * behind it: with the id of its secondary bus, or with its own.
 */
static void device_add_bridge_ids(struct amdvi_device *d, struct pci_dev *pdev,
				  bool *full)
{
	struct pci_bus *bus;

	for (bus = pdev->bus; !pci_is_root_bus(bus); bus = bus->parent) {
		struct pci_dev *br = bus->self;
		int type = br && pci_is_pcie(br) ? pci_pcie_type(br) : -1;

		if (!br || type == PCI_EXP_TYPE_ROOT_PORT ||
		    type == PCI_EXP_TYPE_UPSTREAM ||
		    type == PCI_EXP_TYPE_DOWNSTREAM)
			continue;
		if (type == PCI_EXP_TYPE_PCI_BRIDGE ||
		    (br->dev_flags & PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS))
			device_add_id(d, PCI_DEVID(br->subordinate->number, 0),
				      full);
		else
			device_add_id(d, pci_dev_id(br), full);
	}
}

/* -ENODEV: there are more than AMDVI_MAX_IDS. */
static int device_collect_ids(struct amdvi_device *d, struct pci_dev *pdev)
{
	bool full = false;
	unsigned int devfn;

	device_add_id(d, d->devid, &full);
	device_add_id(d, d->unit->seg->alias[d->devid], &full);
	if (pdev->dma_alias_mask)
		for_each_set_bit(devfn, pdev->dma_alias_mask, 256)
			device_add_id(d, PCI_DEVID(pdev->bus->number, devfn),
				      &full);
	device_add_bridge_ids(d, pdev, &full);
	return full ? -ENODEV : 0;
}

static struct amdvi_segment *segment_find(u16 id)
{
	struct amdvi_segment *seg;

	list_for_each_entry(seg, &amdvi_segments, link)
		if (seg->id == id)
			return seg;
	return NULL;
}

static struct amdvi_unit *unit_for(struct pci_dev *pdev)
{
	struct amdvi_segment *seg = segment_find(pci_domain_nr(pdev->bus));
	u8 index = seg ? seg->unit_of[pci_dev_id(pdev)] : 0;

	if (!index || amdvi_units[index - 1]->pdev == pdev)
		return NULL;
	return amdvi_units[index - 1];
}

static struct amdvi_device *device_new(struct amdvi_unit *u,
				       struct pci_dev *pdev)
{
	struct amdvi_device *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	kref_init(&d->ref);
	d->dev = get_device(&pdev->dev);
	d->unit = u;
	d->devid = pci_dev_id(pdev);
	raw_spin_lock_init(&d->lock);
	mutex_init(&d->fault_mutex);
	ratelimit_state_init(&d->ratelimit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	return d;
}

/* ---- functions with an id in common -------------------------------------- */

static bool devices_share_id(const struct amdvi_device *a,
			     const struct amdvi_device *b)
{
	unsigned int i;

	if (a->unit->seg != b->unit->seg)
		return false;
	for (i = 0; i < a->n_ids; i++)
		if (device_has_id(b, a->ids[i]))
			return true;
	return false;
}

/* Has @pdev interrupts that were set up before we came? */
static bool device_is_direct(struct pci_dev *pdev)
{
	struct amdvi_device *d = amdvi_device_of(&pdev->dev);

	return d ? !d->common->remaps : pdev->msi_enabled || pdev->msix_enabled;
}

/* Has @d, or one that shares an id with it, such interrupts, or an id under
 * which others send theirs? The id passes interrupts then.
 */
static bool device_meets_direct(const struct amdvi_device *d)
{
	struct amdvi_device other;
	struct pci_dev *pdev = NULL;

	if (device_is_direct(to_pci_dev(d->dev)) || amdvi_device_passes(d))
		return true;
	for_each_pci_dev(pdev) {
		memset(&other, 0, sizeof(other));
		other.dev = &pdev->dev;
		other.devid = pci_dev_id(pdev);
		other.unit = unit_for(pdev);
		if (!other.unit)
			continue;
		device_collect_ids(&other, pdev);
		if (!devices_share_id(d, &other) ||
		    !(device_is_direct(pdev) || amdvi_device_passes(&other)))
			continue;
		pci_dev_put(pdev);
		return true;
	}
	return false;
}

/* What those known already that share an id with @d have in common. */
static int device_find_common(const struct amdvi_device *d,
			      struct amdvi_common **found)
{
	struct amdvi_device *other;

	*found = NULL;
	list_for_each_entry(other, &amdvi_devices, link) {
		if (!devices_share_id(d, other))
			continue;
		if (*found && other->common != *found)
			return -ENODEV;
		*found = other->common;
	}
	return 0;
}

/* Joins those that share an id with it, and the list of devices. */
static int device_join(struct amdvi_device *d)
{
	struct amdvi_common *fresh, *found;
	unsigned long flags;
	int err;

	fresh = amdvi_common_new(!device_meets_direct(d));
	if (!fresh)
		return -ENOMEM;
	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	err = device_find_common(d, &found);
	if (!err) {
		d->common = found ? found : fresh;
		kref_get(&d->common->ref);
		list_add_tail(&d->link, &amdvi_devices);
	}
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	amdvi_common_put(fresh);
	if (err)
		dev_err(d->dev, "iommu-amd: it shares ids with functions that share none with each other; it cannot be assigned\n");
	return err;
}

/* ---- the kernel's IOMMU API ---------------------------------------------- */

static struct iommu_device *amdvi_probe_device(struct device *dev)
{
	struct amdvi_device *d;
	struct amdvi_unit *u;
	int err;

	if (!dev_is_pci(dev) || !amdvi_ready)
		return ERR_PTR(-ENODEV);
	u = unit_for(to_pci_dev(dev));
	/* A unit's registration walks all functions: those of the units that
	 * come after it are asked for again when theirs is registered.
	 */
	if (!u || !u->iommu.ops)
		return ERR_PTR(-ENODEV);
	d = device_new(u, to_pci_dev(dev));
	if (!d)
		return ERR_PTR(-ENOMEM);
	err = device_collect_ids(d, to_pci_dev(dev));
	if (err)
		dev_err(dev, "iommu-amd: appears under more than %u ids, it stays blocked\n",
			AMDVI_MAX_IDS);
	else
		err = device_join(d);
	if (err) {
		amdvi_device_put(d);
		return ERR_PTR(err);
	}
	amdvi_intremap_add(d);
	dev_iommu_priv_set(dev, d);
	return &u->iommu;
}

/* Blocks the ids that no other function appears under. The lock is held. */
static int device_abandon_ids(struct amdvi_device *d)
{
	struct amdvi_segment *seg = d->unit->seg;
	struct dte dte;
	unsigned int i;
	int err = 0;

	for (i = 0; i < d->n_ids; i++) {
		struct dte_want none = { .irq = DTE_IRQ_PASS };

		if (amdvi_device_find_locked(seg, d->ids[i]))
			continue;
		if (!test_bit(d->ids[i], seg->passes))
			amdvi_intremap_want_none(&none);
		dte_build(&none, &dte);
		if (amdvi_unit_write_dte(d->unit, d->ids[i], &dte))
			err = -ETIMEDOUT;
	}
	return err;
}

/* What @d barred is open again for those that share it, and so are their own
 * ids. The lock is held.
 */
static void device_update_sharers(struct amdvi_device *d)
{
	struct amdvi_device *other;

	list_for_each_entry(other, &amdvi_devices, link) {
		if (other == d || other->common != d->common)
			continue;
		raw_spin_lock(&other->lock);
		if (amdvi_device_update(other))
			amdvi_device_fail(other);
		raw_spin_unlock(&other->lock);
	}
}

/* The lock is held, @d is no more in the list. */
static void device_unbar(struct amdvi_device *d)
{
	raw_spin_lock(&d->common->lock);
	d->quarantined = false;
	d->failed = false;
	device_is_barred(d);
	raw_spin_unlock(&d->common->lock);
	device_update_sharers(d);
}

static void amdvi_release_device(struct device *dev)
{
	struct amdvi_device *d = dev_iommu_priv_get(dev);
	unsigned long flags;
	bool barred;

	if (!d)
		return;
	amdvi_set_fault_handler(dev, NULL, NULL);
	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_del(&d->link);
	dev_iommu_priv_set(dev, NULL);
	raw_spin_lock(&d->lock);
	d->released = true;
	/* A unit that does not answer may read the tables for ever. */
	if (device_abandon_ids(d))
		kref_get(&d->common->ref);
	else if (d->domain)
		atomic_dec(&d->domain->unit_devs[d->unit->index]);
	d->domain = NULL;
	barred = d->bars;
	raw_spin_unlock(&d->lock);
	if (barred)
		device_unbar(d);
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	amdvi_intremap_remove(d);
	amdvi_device_put(d);
}

static void amdvi_probe_finalize(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (!domain || domain->type != IOMMU_DOMAIN_DMA)
		return;
	compat_setup_dma_ops(dev, domain->geometry.aperture_end);
}

/* A driver that is bound already has addresses in flight. */
static int amdvi_def_domain_type(struct device *dev)
{
	return translate_host && !dev->driver ? IOMMU_DOMAIN_DMA :
						IOMMU_DOMAIN_IDENTITY;
}

static bool amdvi_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY ||
	       (compat_asks_intr_remap(cap) && amdvi_remaps_irqs(dev));
}

static void resv_add(struct list_head *head, u64 start, u64 size, int prot,
		     enum iommu_resv_type type)
{
	struct iommu_resv_region *region;

	region = iommu_alloc_resv_region(start, size, prot, type, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, head);
}

static const struct ivrs_memory *device_memory(const struct amdvi_device *d)
{
	struct amdvi_memory *mem;

	list_for_each_entry(mem, &amdvi_memories, link)
		if (ivrs_memory_is_for(&mem->m, d->unit->seg->id, d->ids,
				       d->n_ids))
			return &mem->m;
	return NULL;
}

const struct ivrs_memory *amdvi_group_memory(struct amdvi_device *d)
{
	const struct ivrs_memory *m = device_memory(d);
	struct amdvi_device *other;
	unsigned long flags;

	if (list_empty(&amdvi_memories))
		return NULL;
	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(other, &amdvi_devices, link)
		if (!m && other->dev->iommu_group == d->dev->iommu_group)
			m = device_memory(other);
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return m;
}

#define HT_START	0xfd00000000ULL	/* HyperTransport's own addresses */
#define HT_SIZE		0x0300000000ULL

static void amdvi_get_resv_regions(struct device *dev, struct list_head *head)
{
	struct amdvi_device *d = amdvi_device_get(dev);
	struct amdvi_memory *mem;

	if (!d)
		return;
	list_for_each_entry(mem, &amdvi_memories, link) {
		int prot = (mem->m.flags & IVMD_FLAG_READ ? IOMMU_READ : 0) |
			   (mem->m.flags & IVMD_FLAG_WRITE ? IOMMU_WRITE : 0);

		if (mem->m.flags & IVMD_FLAG_EXCLUSION || !prot)
			prot = IOMMU_READ | IOMMU_WRITE;
		if (ivrs_memory_is_for(&mem->m, d->unit->seg->id, d->ids,
				       d->n_ids))
			resv_add(head, mem->m.start, mem->m.size, prot,
				 IOMMU_RESV_DIRECT);
	}
	resv_add(head, GPM_MSI_START, GPM_MSI_END - GPM_MSI_START, 0,
		 IOMMU_RESV_MSI);
	resv_add(head, HT_START, HT_SIZE, 0, IOMMU_RESV_RESERVED);
	amdvi_device_put(d);
}

const struct iommu_ops amdvi_ops = {
	.capable = amdvi_capable,
	.domain_alloc = amdvi_domain_alloc,
	.probe_device = amdvi_probe_device,
	.release_device = amdvi_release_device,
	.probe_finalize = amdvi_probe_finalize,
	.device_group = amdvi_device_group,
	.get_resv_regions = amdvi_get_resv_regions,
	.def_domain_type = amdvi_def_domain_type,
	.default_domain_ops = &amdvi_domain_ops,
	.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G,
	.owner = THIS_MODULE,
};

/* ---- for the module above ------------------------------------------------ */

bool amdvi_covers(struct device *dev)
{
	return amdvi_device_of(dev) != NULL;
}
EXPORT_SYMBOL_GPL(amdvi_covers);

bool amdvi_remaps_irqs(struct device *dev)
{
	struct amdvi_device *d = amdvi_device_get(dev);
	bool remaps = d && d->common->remaps;

	if (d)
		amdvi_device_put(d);
	return remaps;
}
EXPORT_SYMBOL_GPL(amdvi_remaps_irqs);

bool amdvi_firmware_uses(struct device *dev)
{
	struct amdvi_device *d = amdvi_device_of(dev);

	return d && amdvi_group_memory(d);
}
EXPORT_SYMBOL_GPL(amdvi_firmware_uses);

static int device_set_quarantine(struct amdvi_device *d, bool on)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&d->lock, flags);
	d->quarantined = on;
	err = amdvi_device_update(d);
	if (err)
		amdvi_device_fail(d);
	raw_spin_unlock_irqrestore(&d->lock, flags);
	return err;
}

int amdvi_quarantine(struct device *dev)
{
	struct amdvi_device *d = amdvi_device_of(dev);

	return d ? device_set_quarantine(d, true) : -ENODEV;
}
EXPORT_SYMBOL_GPL(amdvi_quarantine);

int amdvi_unquarantine(struct device *dev)
{
	struct amdvi_device *d = amdvi_device_of(dev);
	unsigned long flags;
	int err;

	if (!d)
		return -ENODEV;
	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	err = device_set_quarantine(d, false);
	device_update_sharers(d);
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return err;
}
EXPORT_SYMBOL_GPL(amdvi_unquarantine);

/* ---- what firmware says -------------------------------------------------- */

static void segment_set(struct amdvi_segment *seg, u16 id, enum dte_dma dma,
			enum dte_irq irq)
{
	struct dte_want want = {
		.dma = dma, .irq = irq,
		.domain_id = dma == DTE_DMA_IDENTITY ? AMDVI_DOMAIN_IDENTITY :
						       AMDVI_DOMAIN_BLOCKED,
	};

	if (irq == DTE_IRQ_BLOCK)
		amdvi_intremap_want_none(&want);
	dte_build(&want, &seg->devtab[id]);
}

static void segment_free(struct amdvi_segment *seg)
{
	free_pages((unsigned long)seg->devtab,
		   get_order(AMDVI_DEVICES * AMDVI_DTE_SIZE));
	vfree(seg->alias);
	vfree(seg->unit_of);
	bitmap_free(seg->passes);
	kfree(seg);
}

/* Every id begins blocked, interrupts too. */
static struct amdvi_segment *segment_new(u16 id)
{
	struct amdvi_segment *seg = kzalloc(sizeof(*seg), GFP_KERNEL);
	unsigned int i;

	if (!seg)
		return NULL;
	raw_spin_lock_init(&seg->lock);
	seg->id = id;
	seg->devtab = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
				get_order(AMDVI_DEVICES * AMDVI_DTE_SIZE));
	seg->alias = vzalloc(AMDVI_DEVICES * sizeof(*seg->alias));
	seg->unit_of = vzalloc(AMDVI_DEVICES);
	seg->passes = bitmap_zalloc(AMDVI_DEVICES, GFP_KERNEL);
	if (!seg->devtab || !seg->alias || !seg->unit_of || !seg->passes) {
		segment_free(seg);
		return NULL;
	}
	for (i = 0; i < AMDVI_DEVICES; i++) {
		seg->alias[i] = i;
		segment_set(seg, i, DTE_DMA_BLOCK, DTE_IRQ_BLOCK);
	}
	list_add_tail(&seg->link, &amdvi_segments);
	return seg;
}

static int found_unit(void *ctx, const struct ivrs_unit *info)
{
	struct amdvi_segment *seg = segment_find(info->segment);
	struct amdvi_unit *u;
	int err;

	if (!seg)
		seg = segment_new(info->segment);
	if (!seg)
		return -ENOMEM;
	if (amdvi_unit_count == AMDVI_MAX_UNITS) {
		pr_err("more than %u units\n", AMDVI_MAX_UNITS);
		return -E2BIG;
	}
	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (!u)
		return -ENOMEM;
	u->seg = seg;
	u->info = *info;
	u->index = amdvi_unit_count;
	amdvi_units[amdvi_unit_count++] = u;
	err = amdvi_unit_init(u);
	if (err)
		return err;
	if (!(amdvi_unit_read(u, AMDVI_REG_CONTROL) & AMDVI_CTRL_IOMMU_EN) ||
	    take_over)
		return 0;
	pci_err(u->pdev, "iommu-amd: the unit is enabled already. If firmware protects memory during boot, or the last kernel crashed, load with take_over=1\n");
	return -EBUSY;
}

static struct amdvi_unit *last_unit(void)
{
	return amdvi_units[amdvi_unit_count - 1];
}

static int found_range(void *ctx, const struct ivrs_unit *info,
		       const struct ivrs_range *range)
{
	struct amdvi_unit *u = last_unit();
	unsigned int id;

	for (id = range->first; id <= range->last; id++) {
		u->seg->unit_of[id] = u->index + 1;
		if (range->has_alias)
			u->seg->alias[id] = range->alias;
	}
	return 0;
}

/* Firmware may give them the id of a PCI function that is there too. */
static void segment_pass(struct amdvi_segment *seg, u16 id, enum dte_dma dma)
{
	__set_bit(id, seg->passes);
	segment_set(seg, id, dma, DTE_IRQ_PASS);
}

/* The IOAPIC and the HPET send interrupts, and the kernel routed them before
 * we came: they pass. Neither does DMA.
 */
static int found_special(void *ctx, const struct ivrs_unit *info,
			 const struct ivrs_special *special)
{
	segment_pass(last_unit()->seg, special->devid, DTE_DMA_BLOCK);
	return 0;
}

/* Devices that only ACPI knows have drivers that know nothing of us. */
static int found_named(void *ctx, const struct ivrs_unit *info,
		       const struct ivrs_named *named)
{
	pr_info("%s (id %04x) stays in pass-through\n", named->hid,
		named->devid);
	segment_pass(last_unit()->seg, named->devid, DTE_DMA_IDENTITY);
	return 0;
}

static int found_memory(void *ctx, const struct ivrs_memory *m)
{
	struct amdvi_memory *mem = kzalloc(sizeof(*mem), GFP_KERNEL);

	if (!mem)
		return -ENOMEM;
	mem->m = *m;
	list_add_tail(&mem->link, &amdvi_memories);
	pr_info("firmware keeps [%#llx, %#llx) for devices %04x-%04x\n",
		m->start, m->start + m->size, m->first, m->last);
	return 0;
}

static const struct ivrs_ops ivrs_found = {
	.unit = found_unit,
	.range = found_range,
	.special = found_special,
	.named = found_named,
	.memory = found_memory,
};

static int read_firmware(void)
{
	struct acpi_table_header *table;
	const char *why;
	int err;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_IVRS, 0, &table))) {
		pr_err("firmware has no IVRS table: no AMD IOMMU here, or it is disabled in the firmware's setup\n");
		return -ENODEV;
	}
	err = ivrs_parse(table, table->length, &ivrs_found, NULL, &why);
	acpi_put_table(table);
	if (err == -EINVAL)
		pr_err("firmware's IVRS table is unusable: %s\n", why);
	if (!err && !amdvi_unit_count) {
		pr_err("firmware's IVRS table names no unit\n");
		err = -ENODEV;
	}
	return err;
}

/* ---- drivers that came before us ----------------------------------------- */

struct amdvi_bound {
	struct list_head link;
	struct pci_dev *pdev;
};
static LIST_HEAD(amdvi_bound);

static bool driver_minds(struct pci_dev *pdev)
{
	return pdev->driver && !pdev->driver->driver_managed_dma;
}

static int unbind_driver(struct pci_dev *pdev)
{
	struct amdvi_bound *bound = kzalloc(sizeof(*bound), GFP_KERNEL);

	if (!bound)
		return -ENOMEM;
	bound->pdev = pci_dev_get(pdev);
	list_add_tail(&bound->link, &amdvi_bound);
	pci_info(pdev, "iommu-amd: driver %s is taken off while the units start (rebind=1)\n",
		 pdev->driver->name);
	device_release_driver(&pdev->dev);
	return 0;
}

/* Whether we start or not, the cards get their drivers back. */
static void rebind_drivers(void)
{
	struct amdvi_bound *bound, *next;

	list_for_each_entry_safe(bound, next, &amdvi_bound, link) {
		if (device_attach(&bound->pdev->dev) <= 0)
			pci_warn(bound->pdev, "iommu-amd: no driver took it back\n");
		pci_dev_put(bound->pdev);
		kfree(bound);
	}
	INIT_LIST_HEAD(&amdvi_bound);
}

/*
 * The IOMMU core does not count a driver that was bound before we came as a
 * user of its group, and warns when it is unbound later.
 */
static int check_bound_drivers(void)
{
	struct pci_dev *pdev = NULL;
	unsigned int bound = 0;
	int err;

	for_each_pci_dev(pdev) {
		if (!unit_for(pdev) || !driver_minds(pdev))
			continue;
		if (rebind) {
			err = unbind_driver(pdev);
			if (!err)
				continue;
			pci_dev_put(pdev);
			return err;
		}
		bound++;
		pci_warn(pdev, "iommu-amd: driver %s was bound before iommu-amd was loaded\n",
			 pdev->driver->name);
	}
	if (!bound || allow_bound)
		return 0;
	pr_err("%u cards have drivers already. Load iommu-amd first (in the initramfs), let it take them off and on again with rebind=1 (not if the root file system is on one), or load with allow_bound=1 to keep them in pass-through\n",
	       bound);
	return -EBUSY;
}

/* ---- taking over --------------------------------------------------------- */

/* Everything that exists keeps working from the moment a unit is enabled. */
static void pass_existing_devices(void)
{
	struct amdvi_device probe;
	struct pci_dev *pdev = NULL;
	unsigned int i;

	for_each_pci_dev(pdev) {
		struct amdvi_segment *seg =
			segment_find(pci_domain_nr(pdev->bus));

		if (!seg)
			continue;
		memset(&probe, 0, sizeof(probe));
		probe.dev = &pdev->dev;
		probe.devid = pci_dev_id(pdev);
		probe.unit = unit_for(pdev);
		if (!probe.unit) {	/* a unit's own function */
			segment_set(seg, probe.devid, DTE_DMA_BLOCK,
				    DTE_IRQ_PASS);
			continue;
		}
		device_collect_ids(&probe, pdev);
		for (i = 0; i < probe.n_ids; i++)
			segment_set(seg, probe.ids[i], DTE_DMA_IDENTITY,
				    DTE_IRQ_PASS);
	}
}

static int start_units(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < amdvi_unit_count; i++) {
		struct amdvi_unit *u = amdvi_units[i];

		err = amdvi_events_init(u);
		if (!err)
			err = amdvi_unit_start(u);
		if (err) {
			pci_err(u->pdev, "iommu-amd: the unit does not start (%d)\n",
				err);
			return err;
		}
		amdvi_events_start(u);
		pci_info(u->pdev, "iommu-amd: unit %u at %#llx, segment %u, features %#llx, %s remapping entries%s\n",
			 i, u->info.base, u->seg->id, u->efr,
			 u->ga ? "128-bit" : "32-bit",
			 u->np_cache ? ", caches absent entries" : "");
	}
	return 0;
}

static void undo_all(void)
{
	struct amdvi_segment *seg, *next_seg;
	struct amdvi_memory *mem, *next_mem;
	unsigned int i;

	for (i = 0; i < amdvi_unit_count; i++) {
		struct amdvi_unit *u = amdvi_units[i];

		if (u->iommu.dev)
			iommu_device_sysfs_remove(&u->iommu);
		amdvi_unit_stop(u);
		amdvi_events_free(u);
		amdvi_unit_free(u);
		kfree(u);
	}
	amdvi_unit_count = 0;
	list_for_each_entry_safe(seg, next_seg, &amdvi_segments, link)
		segment_free(seg);
	list_for_each_entry_safe(mem, next_mem, &amdvi_memories, link)
		kfree(mem);
}

/*
 * From the first registration on the core points at our operations for ever:
 * after a failure we stay loaded, with everything in pass-through.
 */
static void register_units(void)
{
	unsigned int i;
	int err;

	amdvi_ready = true;
	for (i = 0; i < amdvi_unit_count; i++) {
		err = iommu_device_register(&amdvi_units[i]->iommu, &amdvi_ops,
					    NULL);
		if (!err)
			continue;
		amdvi_ready = false;
		pr_err("the kernel's IOMMU core refused unit %u (%d); the module stays loaded, host devices pass through, nothing can be assigned\n",
		       i, err);
		return;
	}
}

static int add_sysfs(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < amdvi_unit_count && !err; i++) {
		struct amdvi_unit *u = amdvi_units[i];

		err = iommu_device_sysfs_add(&u->iommu, &u->pdev->dev,
					     amdvi_unit_groups, "amdvi%u", i);
		if (err)
			u->iommu.dev = NULL;
	}
	return err;
}

/* ---- start ---------------------------------------------------------------- */

static int check_host(void)
{
	if (iommu_present(&pci_bus_type)) {
		pr_err("another IOMMU driver owns the PCI bus: boot with amd_iommu=off\n");
		return -EBUSY;
	}
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err("memory encryption (SME/SEV) is active, which is not supported: boot with mem_encrypt=off\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int __init amdvi_init(void)
{
	int err = check_host();

	if (err)
		return err;
	err = amdvi_intremap_init();
	if (err)
		return err;
	err = amdvi_quiet_init();
	if (err)
		goto free_intremap;
	err = read_firmware();
	if (!err)
		err = check_bound_drivers();
	if (err)
		goto undo;
	pass_existing_devices();
	err = start_units();
	if (!err)
		err = add_sysfs();
	if (err)
		goto undo;
	amdvi_quiet_start();
	register_units();
	rebind_drivers();
	return 0;

undo:
	undo_all();
	amdvi_quiet_free();
	amdvi_intremap_free();
	rebind_drivers();
	return err;

free_intremap:
	amdvi_intremap_free();
	return err;
}
module_init(amdvi_init);

MODULE_DESCRIPTION("Backplane: AMD IOMMU driver");
MODULE_LICENSE("GPL");
