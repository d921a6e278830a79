// SPDX-License-Identifier: GPL-2.0
/*
 * dmacost.ko: what the kernel's IOMMU API costs, whichever driver is behind it.
 * Loading it makes a domain, attaches one function to it (the edu card, which
 * does no DMA meanwhile), maps and unmaps SAMPLES times, and prints to the
 * kernel log, each line after "dmacost: ":
 *
 *   cost NAME N     instructions of one call, the median (the time stamp counts
 *                   them under -icount)
 *   value NAME N    commands that one unmap gave to the IOMMU, and how many of
 *                   them invalidate something; read from the unit's own
 *                   registers and ring (AMD 48882, 2.4 and 3.4)
 *
 * With only=PIECE times=N it maps and unmaps that piece N times SAMPLES, for a
 * profile (tests/bench/profile).
 *
 * The function must have no driver. Nothing is left when it is loaded; unload
 * it to load it again.
 */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/sort.h>
#include <asm/msr.h>
#include "compat_linux.h"

#define SAMPLES		101
#define IOVA(n)		((1UL + (n)) << 32)
#define FRAME		0x40000000UL	/* only mapped, never reached */

#define IVHD_AT		48		/* in IVRS: the first block (5.2.2) */
#define IVHD_BASE	8
#define REGISTERS	0x4000
#define CMD_BASE	0x8		/* 3.4.2 */
#define CMD_BASE_MASK	GENMASK_ULL(51, 12)
#define CMD_TAIL	0x2008
#define CMD_SIZE	16
#define CMD_WAIT	1		/* opcode of COMPLETION_WAIT, bits 63:60 */

static char *bdf = "0000:00:05.0";
module_param(bdf, charp, 0444);
MODULE_PARM_DESC(bdf, "the function to attach");

static char *only;
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "one piece: 4k, 2m, 1g, 2m_small");

static unsigned int times = 1;
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "how often to measure each piece");

struct unit {
	void __iomem *regs;
	u64 *ring;
	u32 bytes;
};

struct piece {
	const char *name;
	size_t size;
	phys_addr_t at;
};

/* The fourth has the third's size and lies so that only small pages fit. */
static const struct piece pieces[] = {
	{ "4k", SZ_4K, FRAME },
	{ "2m", SZ_2M, FRAME },
	{ "1g", SZ_1G, FRAME },
	{ "2m_small", SZ_2M, FRAME + SZ_4K },
};

static u64 samples[2][SAMPLES];

static int unit_find(struct unit *u)
{
	struct acpi_table_header *ivrs;
	u64 base;

	if (ACPI_FAILURE(acpi_get_table("IVRS", 0, &ivrs)))
		return -ENODEV;
	memcpy(&base, (char *)ivrs + IVHD_AT + IVHD_BASE, sizeof(base));
	acpi_put_table(ivrs);
	u->regs = ioremap(base, REGISTERS);
	if (!u->regs)
		return -ENOMEM;
	base = readq(u->regs + CMD_BASE);
	u->ring = phys_to_virt(base & CMD_BASE_MASK);
	u->bytes = CMD_SIZE << (base >> 56 & 0xf);
	return 0;
}

/* Commands from @from to the tail, and how many are more than a wait. */
static void unit_count(struct unit *u, u32 from, unsigned int *all,
		       unsigned int *invalidations)
{
	u32 to = readl(u->regs + CMD_TAIL);

	*all = 0;
	*invalidations = 0;
	for (; from != to; from = (from + CMD_SIZE) % u->bytes) {
		++*all;
		*invalidations += u->ring[from / 8] >> 60 != CMD_WAIT;
	}
}

static int by_size(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 median(u64 *t)
{
	sort(t, SAMPLES, sizeof(*t), by_size, NULL);
	return t[SAMPLES / 2];
}

static int measure(struct iommu_domain *domain, struct unit *u,
		   const struct piece *r, bool tell)
{
	unsigned long iova = IOVA(r - pieces);
	unsigned int i, all = 0, invalidations = 0;
	u64 t0, t1, t2;
	u32 tail;
	int err;

	for (i = 0; i < SAMPLES; i++) {
		t0 = rdtsc_ordered();
		err = compat_domain_map(domain, iova, r->at, r->size,
					IOMMU_READ | IOMMU_WRITE);
		t1 = rdtsc_ordered();
		if (err || domain->ops->iova_to_phys(domain, iova) != r->at) {
			pr_err("dmacost: %s: no mapping (%d)\n", r->name, err);
			return err ? err : -EIO;
		}
		tail = readl(u->regs + CMD_TAIL);
		t2 = rdtsc_ordered();
		if (iommu_unmap(domain, iova, r->size) != r->size)
			return -EIO;
		samples[1][i] = rdtsc_ordered() - t2;
		samples[0][i] = t1 - t0;
		unit_count(u, tail, &all, &invalidations);
	}
	if (!tell)
		return 0;
	pr_info("dmacost: cost iommu_map_%s %llu\n", r->name, median(samples[0]));
	pr_info("dmacost: cost iommu_unmap_%s %llu\n", r->name, median(samples[1]));
	pr_info("dmacost: value unmap_commands_%s %u\n", r->name, all);
	pr_info("dmacost: value unmap_invalidations_%s %u\n", r->name, invalidations);
	return 0;
}

static int measure_pieces(struct iommu_domain *domain, struct unit *u)
{
	unsigned int i, n;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(pieces); i++)
		for (n = 0; n < times && !err; n++)
			if (!only || !strcmp(only, pieces[i].name))
				err = measure(domain, u, &pieces[i], n == 0);
	return err;
}

static int attach_and_measure(struct device *dev, struct unit *u)
{
	struct iommu_domain *domain = compat_domain_alloc(dev);
	int err;

	if (!domain)
		return -ENOMEM;
	err = iommu_attach_device(domain, dev);
	if (err)
		goto free;
	err = measure_pieces(domain, u);
	iommu_detach_device(domain, dev);
free:
	iommu_domain_free(domain);
	return err;
}

static int __init dmacost_init(void)
{
	unsigned int seg, bus, slot, fn;
	struct unit unit = { };
	struct pci_dev *pdev;
	int err;

	if (sscanf(bdf, "%x:%x:%x.%x", &seg, &bus, &slot, &fn) != 4)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(seg, bus, PCI_DEVFN(slot, fn));
	if (!pdev)
		return -ENODEV;
	err = unit_find(&unit);
	if (!err)
		err = attach_and_measure(&pdev->dev, &unit);
	if (unit.regs)
		iounmap(unit.regs);
	pci_dev_put(pdev);
	return err;
}

static void __exit dmacost_exit(void)
{
}

module_init(dmacost_init);
module_exit(dmacost_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("Backplane maintainers");
MODULE_DESCRIPTION("What the IOMMU API costs");
