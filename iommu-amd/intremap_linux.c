// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt remapping (48882 2.2.5) for MSI and MSI-X. Two irq domains stand
 * between a PCI device and the CPU vectors:
 *
 *   "AMDVI-PCI-MSI"  writes the message into the device; the message names an
 *                    entry of the device's own remapping table
 *   "AMDVI-IR"       owns that entry: vector and CPU, changed by one store
 *   x86_vector_domain
 *
 * A device so gets the vectors that were allocated for it and no others; an
 * affinity change rewrites its entry and leaves the device alone. The domains
 * are set on a device before its first interrupt. Called by amdvi_linux.c and
 * by the kernel's irq core.
 *
 * Limits. The IOAPIC keeps its direct path: the kernel allocated its pins from
 * the vector domain at boot, and a module cannot put a layer under them. So do
 * functions that had interrupts before this module was loaded, and those that
 * share a requester id with one, or with the IOAPIC or the HPET: their device
 * table entry says "pass", amdvi_remaps_irqs() says no. Functions that share an id share its table.
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/slab.h>
#include <asm/apic.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>
#include <asm/msi.h>

#include "compat_linux.h"
#include "iommu-amd/amdvi_priv.h"

static struct fwnode_handle *ir_fwnode, *msi_fwnode;
static struct irq_domain *ir_domain, *msi_domain;
static void *irt_off;	/* zeros: no entry is on */

/* One interrupt of one device. */
struct ir_irq {
	struct amdvi_device *d;
	unsigned int index;
};

/* ---- entries ------------------------------------------------------------- */

static void irt_store(struct amdvi_device *d, unsigned int index,
		      const u64 new[2])
{
	u64 *entry;

	if (!d->unit->ga) {
		WRITE_ONCE(((u32 *)d->common->irt)[index], (u32)new[0]);
		return;
	}
	entry = (u64 *)d->common->irt + 2 * index;
	/* device->lock is held: we are the only writer of this entry. */
	compat_store128(entry, new[0], new[1]);
}

/* Store and make the unit forget the old entry. */
static int irt_change(struct ir_irq *ir, const u64 new[2])
{
	struct amdvi_device *d = ir->d;
	struct amdvi_cmd cmds[AMDVI_MAX_IDS];
	unsigned long flags;
	unsigned int i;
	int err;

	for (i = 0; i < d->n_ids; i++)
		cmds[i] = cmd_invalidate_irt(d->ids[i]);
	raw_spin_lock_irqsave(&d->lock, flags);
	irt_store(d, ir->index, new);
	err = amdvi_unit_run(d->unit, cmds, d->n_ids);
	if (err && !d->failed)
		amdvi_device_fail(d);
	raw_spin_unlock_irqrestore(&d->lock, flags);
	return err;
}

static int irt_enable(struct ir_irq *ir, const struct irq_cfg *cfg)
{
	struct irte_want want = {
		.vector = cfg->vector,
		.delivery = compat_apic_delivery(),
		.logical = apic->dest_mode_logical,
		.dest = cfg->dest_apicid,
	};
	u64 new[2] = { 0, 0 };
	u32 low;
	int err;

	if (ir->d->unit->ga) {
		err = irte128_build(&want, ir->d->unit->xt, new);
	} else {
		err = irte32_build(&want, &low);
		new[0] = low;
	}
	if (err) {
		dev_err(ir->d->dev, "iommu-amd: cannot remap an interrupt to vector %u of APIC %#x\n",
			cfg->vector, cfg->dest_apicid);
		return err;
	}
	return irt_change(ir, new);
}

static int irt_disable(struct ir_irq *ir)
{
	static const u64 off[2] = { 0, 0 };

	return irt_change(ir, off);
}

/* ---- the remapping chip -------------------------------------------------- */

static int ir_set_affinity(struct irq_data *data, const struct cpumask *mask,
			   bool force)
{
	struct irq_data *parent = data->parent_data;
	int ret = parent->chip->irq_set_affinity(parent, mask, force);

	if (ret < 0 || ret == IRQ_SET_MASK_OK_DONE)
		return ret;
	ret = irt_enable(irq_data_get_irq_chip_data(data), irqd_cfg(data));
	/* The message in the device still names the same entry. */
	return ret ? ret : IRQ_SET_MASK_OK_DONE;
}

static void ir_compose_msg(struct irq_data *data, struct msi_msg *msg)
{
	struct ir_irq *ir = irq_data_get_irq_chip_data(data);

	msg->address_hi = 0;
	msg->address_lo = IRTE_MSG_ADDRESS;
	msg->data = irte_msg_data(ir->index);
}

/* irq_chip_ack_parent also lets the vector layer drop the vector that an
 * affinity change left behind, on the first interrupt at the new one.
 */
static struct irq_chip ir_chip = {
	.name = "AMDVI-IR",
	.irq_ack = irq_chip_ack_parent,
	.irq_set_affinity = ir_set_affinity,
	.irq_compose_msi_msg = ir_compose_msg,
};

/* ---- the remapping domain ------------------------------------------------ */

/* @count neighbours; a multi-message MSI varies the low bits of its data. */
static int irt_alloc_indexes(struct amdvi_common *c, unsigned int count)
{
	unsigned int align = roundup_pow_of_two(count) - 1;
	unsigned long flags, at;

	raw_spin_lock_irqsave(&c->lock, flags);
	at = bitmap_find_next_zero_area(c->irt_used, IRTE_TABLE_ENTRIES, 0,
					count, align);
	if (at < IRTE_TABLE_ENTRIES)
		bitmap_set(c->irt_used, at, count);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return at < IRTE_TABLE_ENTRIES ? (int)at : -ENOSPC;
}

static void irt_free_index(struct amdvi_common *c, unsigned int index)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	bitmap_clear(c->irt_used, index, 1);
	raw_spin_unlock_irqrestore(&c->lock, flags);
}

static void ir_drop_irq(struct irq_data *data)
{
	struct ir_irq *ir = irq_data_get_irq_chip_data(data);

	if (!ir)
		return;
	irt_disable(ir);
	irt_free_index(ir->d->common, ir->index);
	amdvi_device_put(ir->d);
	kfree(ir);
	irq_domain_reset_irq_data(data);
}

static irq_hw_number_t ir_hwirq(const struct amdvi_device *d,
				unsigned int index)
{
	return ((irq_hw_number_t)d->unit->seg->id << 16 | d->devid) <<
	       IRTE_TABLE_ORDER | index;
}

static int ir_take_irq(struct irq_domain *domain, unsigned int virq,
		       struct amdvi_device *d, unsigned int index)
{
	struct ir_irq *ir = kzalloc(sizeof(*ir), GFP_KERNEL);
	int err;

	if (!ir)
		return -ENOMEM;
	ir->d = d;
	ir->index = index;
	err = irq_domain_set_hwirq_and_chip(domain, virq,
					    ir_hwirq(d, index), &ir_chip, ir);
	if (err) {
		kfree(ir);
		return err;
	}
	kref_get(&d->ref);
	/* The entry changes in one store: any context may move it. */
	irq_set_status_flags(virq, IRQ_MOVE_PCNTXT);
	return 0;
}

static int ir_alloc(struct irq_domain *domain, unsigned int virq,
		    unsigned int count, void *arg)
{
	struct irq_alloc_info *info = arg;
	struct amdvi_device *d;
	unsigned int i, left;
	int err, first;

	if (!info || !info->desc)
		return -EINVAL;
	d = amdvi_device_of(info->desc->dev);
	if (!d || !d->common->remaps)
		return -ENODEV;
	/* Neighbouring entries do, the vectors need not be neighbours. */
	compat_vectors_anywhere(info);
	err = irq_domain_alloc_irqs_parent(domain, virq, count, arg);
	if (err)
		return err;
	first = irt_alloc_indexes(d->common, count);
	if (first < 0) {
		dev_err(d->dev, "iommu-amd: all %u interrupt entries of the card are in use\n",
			IRTE_TABLE_ENTRIES);
		err = first;
		goto free_parent;
	}
	for (i = 0; i < count; i++) {
		err = ir_take_irq(domain, virq + i, d, first + i);
		if (err)
			goto free_taken;
	}
	return 0;

free_taken:
	for (left = i; left < count; left++)
		irt_free_index(d->common, first + left);
	while (i--)
		ir_drop_irq(irq_domain_get_irq_data(domain, virq + i));
free_parent:
	irq_domain_free_irqs_parent(domain, virq, count);
	return err;
}

static void ir_free(struct irq_domain *domain, unsigned int virq,
		    unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		ir_drop_irq(irq_domain_get_irq_data(domain, virq + i));
	irq_domain_free_irqs_parent(domain, virq, count);
}

static int ir_activate(struct irq_domain *domain, struct irq_data *data,
		       bool reserve)
{
	return irt_enable(irq_data_get_irq_chip_data(data), irqd_cfg(data));
}

static void ir_deactivate(struct irq_domain *domain, struct irq_data *data)
{
	irt_disable(irq_data_get_irq_chip_data(data));
}

static const struct irq_domain_ops ir_domain_ops = {
	.alloc = ir_alloc,
	.free = ir_free,
	.activate = ir_activate,
	.deactivate = ir_deactivate,
};

/* ---- the PCI/MSI domain -------------------------------------------------- */

static struct irq_chip msi_chip = {
	.name = "AMDVI-PCI-MSI",
	.irq_mask = pci_msi_mask_irq,
	.irq_unmask = pci_msi_unmask_irq,
	.irq_ack = irq_chip_ack_parent,
	.irq_retrigger = irq_chip_retrigger_hierarchy,
	.flags = IRQCHIP_SKIP_SET_WAKE | IRQCHIP_AFFINITY_PRE_STARTUP,
};

static struct msi_domain_ops msi_ops = {
	.msi_prepare = pci_msi_prepare,
};

static struct msi_domain_info msi_info = {
	.flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
		 MSI_FLAG_MULTI_PCI_MSI | MSI_FLAG_PCI_MSIX,
	.ops = &msi_ops,
	.chip = &msi_chip,
	.handler = handle_edge_irq,
	.handler_name = "edge",
};

/*
 * Not IntCtl = abort: a unit reports each interrupt that it aborts as an
 * invalid request, which no bit of the device's entry silences; one that its
 * table does not let through is a page fault, which IG silences.
 */
void amdvi_intremap_want_none(struct dte_want *want)
{
	want->irq = DTE_IRQ_BLOCK;
	want->irt = virt_to_phys(irt_off);
	want->irt_order = IRTE_OFF_ORDER;
}

int amdvi_intremap_init(void)
{
	irt_off = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
					   get_order(IRTE_OFF_BYTES));
	if (!irt_off)
		return -ENOMEM;
	ir_fwnode = irq_domain_alloc_named_fwnode("AMDVI-IR");
	msi_fwnode = irq_domain_alloc_named_fwnode("AMDVI-PCI-MSI");
	if (!ir_fwnode || !msi_fwnode)
		goto fail;
	ir_domain = irq_domain_create_hierarchy(x86_vector_domain, 0, 0,
						ir_fwnode, &ir_domain_ops,
						NULL);
	if (!ir_domain)
		goto fail;
	msi_domain = pci_msi_create_irq_domain(msi_fwnode, &msi_info,
					       ir_domain);
	if (!msi_domain)
		goto fail;
	ir_domain->flags |= COMPAT_ISOLATED_MSI;
	return 0;

fail:
	amdvi_intremap_free();
	return -ENOMEM;
}

void amdvi_intremap_free(void)
{
	if (msi_domain)
		irq_domain_remove(msi_domain);
	if (ir_domain)
		irq_domain_remove(ir_domain);
	if (msi_fwnode)
		irq_domain_free_fwnode(msi_fwnode);
	if (ir_fwnode)
		irq_domain_free_fwnode(ir_fwnode);
	free_pages((unsigned long)irt_off, get_order(IRTE_OFF_BYTES));
	irt_off = NULL;
	msi_domain = NULL;
	ir_domain = NULL;
	msi_fwnode = NULL;
	ir_fwnode = NULL;
}

/* ---- devices ------------------------------------------------------------- */

struct amdvi_common *amdvi_common_new(bool remaps)
{
	struct amdvi_common *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	kref_init(&c->ref);
	raw_spin_lock_init(&c->lock);
	c->remaps = remaps;
	if (!remaps)
		return c;
	c->irt = (void *)get_zeroed_page(GFP_KERNEL);
	if (c->irt)
		return c;
	kfree(c);
	return NULL;
}

static void common_release(struct kref *ref)
{
	struct amdvi_common *c = container_of(ref, struct amdvi_common, ref);

	free_page((unsigned long)c->irt);
	kfree(c);
}

void amdvi_common_put(struct amdvi_common *c)
{
	if (c)
		kref_put(&c->ref, common_release);
}

void amdvi_intremap_add(struct amdvi_device *d)
{
	if (amdvi_device_passes(d)) {
		dev_info(d->dev, "iommu-amd: firmware gives its id to the IOAPIC, the HPET or a device that only ACPI names, too; interrupts under it are not remapped\n");
		return;
	}
	if (!d->common->remaps) {
		dev_info(d->dev, "iommu-amd: it, or a function that shares its id, had interrupts before this module was loaded; they are not remapped\n");
		return;
	}
	d->old_msi_domain = dev_get_msi_domain(d->dev);
	dev_set_msi_domain(d->dev, msi_domain);
}

void amdvi_intremap_remove(struct amdvi_device *d)
{
	if (d->common->remaps)
		dev_set_msi_domain(d->dev, d->old_msi_domain);
}
