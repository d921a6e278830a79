// SPDX-License-Identifier: GPL-2.0
/*
 * The groups of functions: those that share a requester id, those that a
 * switch without access control mixes up (group.c), and else what the kernel
 * says of topology and aliases. Called by the kernel's IOMMU core when a
 * function appears: bridges before what is below them.
 */
#include <linux/iommu.h>
#include <linux/pci.h>

#include "iommu-amd/amdvi_priv.h"
#include "iommu-amd/group.h"

static void *above(void *fn)
{
	return pci_upstream_bridge(fn);
}

static bool is_upstream(void *bridge)
{
	return pci_is_pcie(bridge) &&
	       pci_pcie_type(bridge) == PCI_EXP_TYPE_UPSTREAM;
}

static bool read_port(void *bridge, unsigned int devfn, struct group_port *p)
{
	struct pci_bus *bus = ((struct pci_dev *)bridge)->subordinate;
	struct pci_dev *pdev = bus ? pci_get_slot(bus, devfn) : NULL;
	u16 pos;

	if (!pdev)
		return false;
	*p = (struct group_port){};
	p->downstream = pci_is_pcie(pdev) &&
			pci_pcie_type(pdev) == PCI_EXP_TYPE_DOWNSTREAM;
	pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ACS);
	if (pos) {
		p->has_acs = true;
		pci_read_config_word(pdev, pos + PCI_ACS_CAP, &p->acs_cap);
		pci_read_config_word(pdev, pos + PCI_ACS_CTRL, &p->acs_ctrl);
	}
	pci_dev_put(pdev);
	return true;
}

static const struct group_ops group_ops = {
	.above = above,
	.is_upstream = is_upstream,
	.port = read_port,
};

struct pci_dev *amdvi_open_port(struct pci_dev *pdev)
{
	unsigned int devfn;
	struct pci_dev *up = group_open_switch(&group_ops, pdev, &devfn);

	return up ? pci_get_slot(up->subordinate, devfn) : NULL;
}
EXPORT_SYMBOL_GPL(amdvi_open_port);

static struct iommu_group *group_of_function(int segment, u8 bus, u8 devfn)
{
	struct pci_dev *pdev = pci_get_domain_bus_and_slot(segment, bus, devfn);
	struct iommu_group *group = pdev ? iommu_group_get(&pdev->dev) : NULL;

	pci_dev_put(pdev);
	return group;
}

/* Of whichever function of the bus has one already. */
static struct iommu_group *group_of_bus(struct pci_bus *bus)
{
	struct iommu_group *group = NULL;
	unsigned int devfn;

	for (devfn = 0; devfn < 256 && !group; devfn++)
		group = group_of_function(pci_domain_nr(bus), bus->number,
					  devfn);
	return group;
}

/* Of a function that shares an id with @d, whether or not a function is there
 * whose own id that is.
 */
static struct iommu_group *group_of_sharer(const struct amdvi_device *d)
{
	struct iommu_group *group = NULL;
	struct amdvi_device *other;
	unsigned long flags;

	raw_spin_lock_irqsave(&amdvi_devices_lock, flags);
	list_for_each_entry(other, &amdvi_devices, link) {
		if (other == d || other->common != d->common)
			continue;
		group = iommu_group_get(other->dev);
		if (group)
			break;
	}
	raw_spin_unlock_irqrestore(&amdvi_devices_lock, flags);
	return group;
}

struct iommu_group *amdvi_device_group(struct device *dev)
{
	struct amdvi_device *d = amdvi_device_of(dev);
	struct iommu_group *group;
	struct pci_dev *anchor;

	if (!d)
		return ERR_PTR(-ENODEV);
	anchor = group_anchor(&group_ops, to_pci_dev(dev));
	group = group_of_sharer(d);
	if (!group && anchor)
		group = group_of_bus(anchor->bus);
	return group ? group : pci_device_group(dev);
}
