// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI driver: which cards may be bound, what binding does to them, and
 * their way back. A card is bound by driver_override only (there is no id
 * table), sits in the IOMMU's blocked domain from probe to remove unless a VM
 * has it, and gets a node in /dev/backplane. The PCI core calls probe and
 * remove with the device lock held.
 *
 * Unbinding never hangs: the node's user is told through its eventfd, has
 * unbind_wait_ms to let go, and is then cut off. After that its accesses to a
 * mapped BAR are bus errors, so a VMM should let go in time.
 */
#include <linux/idr.h>
#include <linux/module.h>

#include "compat_linux.h"
#include "pci-assign/assign.h"

#define CARD_MINORS	1024

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0444);
MODULE_PARM_DESC(allow_unsafe_interrupts, "Accept cards whose interrupts are not remapped: such a card can raise any interrupt on the host");

static unsigned int unbind_wait_ms = 1000;
module_param(unbind_wait_ms, uint, 0644);
MODULE_PARM_DESC(unbind_wait_ms, "How long an unbind waits for the node's user (default 1000, at most 60000)");

DEFINE_MUTEX(assign_lock);
struct class *assign_class;

static LIST_HEAD(cards);
static LIST_HEAD(groups);
static DEFINE_IDA(minors);
static dev_t first_devt;
static struct pci_driver assign_driver;

u8 card_state(const struct card *c)
{
	if (READ_ONCE(c->quarantined))
		return BACKPLANE_STATE_QUARANTINED;
	if (READ_ONCE(c->broken))
		return BACKPLANE_STATE_BROKEN;
	return READ_ONCE(c->vm) ? BACKPLANE_STATE_ATTACHED :
				  BACKPLANE_STATE_BLOCKED;
}

struct card *assign_find(u32 segment, u32 bus, u32 devfn)
{
	struct card *c, *found = NULL;

	mutex_lock(&assign_lock);
	list_for_each_entry(c, &cards, link)
		if (pci_domain_nr(c->pdev->bus) == segment &&
		    c->pdev->bus->number == bus && c->pdev->devfn == devfn)
			found = c;
	if (found)
		get_device(&found->dev);
	mutex_unlock(&assign_lock);
	return found;
}

/* ---- groups -------------------------------------------------------------- */

/* Does its driver keep guests out of the group? A port's driver does no DMA. */
static bool is_hindrance(struct device_driver *drv)
{
	return drv && drv != &assign_driver.driver &&
	       !to_pci_driver(drv)->driver_managed_dma;
}

/* Each other member that stands in the way, with what takes it out of it. */
static int name_member(struct device *dev, void *arg)
{
	struct device_driver *drv = READ_ONCE(dev->driver);
	struct pci_dev *self = arg;

	if (dev == &self->dev)
		return 0;
	if (!is_hindrance(drv)) {
		pci_err(self, "its group also has %s, bound to %s, which is no hindrance\n",
			dev_name(dev), drv ? drv->name : "nothing");
		return 0;
	}
	pci_err(self, "its group also has %s, bound to %s; as root: echo %s > /sys/bus/pci/drivers/%s/unbind\n",
		dev_name(dev), drv->name, dev_name(dev), drv->name);
	return 0;
}

#define ACS_NEEDED	(PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* Access control that a port or function has and uses (PCIe 7.7.11). */
static bool is_isolating(struct pci_dev *pdev)
{
	u16 pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ACS);
	u16 cap, ctrl;

	if (!pos)
		return false;
	pci_read_config_word(pdev, pos + PCI_ACS_CAP, &cap);
	pci_read_config_word(pdev, pos + PCI_ACS_CTRL, &ctrl);
	return !(~ctrl & cap & ACS_NEEDED);
}

/* A port of a switch opens all of it, whichever port the card is below. */
static bool name_open_port(struct pci_dev *self)
{
	struct pci_dev *port = amdvi_open_port(self);

	if (port)
		pci_err(self, "bridge %s, a port of the switch above it, lacks access control (ACS): all cards below that switch go together; a slot outside it separates them\n",
			pci_name(port));
	pci_dev_put(port);
	return port;
}

/* The first bridge above that mixes cards up. */
static void name_bridge(struct pci_dev *self)
{
	struct pci_dev *br;

	for (br = pci_upstream_bridge(self); br; br = pci_upstream_bridge(br)) {
		if (!pci_is_pcie(br) ||
		    pci_pcie_type(br) == PCI_EXP_TYPE_PCI_BRIDGE) {
			pci_err(self, "all cards behind the conventional bridge %s appear under one id; another slot separates them\n",
				pci_name(br));
			return;
		}
		if (!is_isolating(br) &&
		    pci_pcie_type(br) != PCI_EXP_TYPE_UPSTREAM) {
			pci_err(self, "bridge %s above it lacks access control (ACS); a slot below one that has it separates them\n",
				pci_name(br));
			return;
		}
	}
}

/* Why the members are in one group. */
static void name_cause(struct pci_dev *self)
{
	if (self->multifunction && !is_isolating(self))
		pci_err(self, "the functions of this card are not isolated from each other (no ACS)\n");
	if (!name_open_port(self))
		name_bridge(self);
}

static struct assign_group *group_find(struct iommu_group *iommu)
{
	struct assign_group *g;

	list_for_each_entry(g, &groups, link)
		if (g->iommu == iommu)
			return g;
	return NULL;
}

static struct assign_group *group_claim(struct pci_dev *pdev,
					struct iommu_group *iommu)
{
	struct assign_group *g = kzalloc(sizeof(*g), GFP_KERNEL);
	int err;

	if (!g)
		return ERR_PTR(-ENOMEM);
	err = iommu_group_claim_dma_owner(iommu, &assign_driver);
	/* The kernel says EINVAL when there is no memory for a blocked domain. */
	if (err == -ENOMEM || err == -EINVAL) {
		kfree(g);
		return ERR_PTR(-ENOMEM);
	}
	if (err) {
		pci_err(pdev, "IOMMU group %d is in use by another driver (%d); functions of one group can reach each other, so bind them all to pci-assign or unbind them\n",
			iommu_group_id(iommu), err);
		iommu_group_for_each_dev(iommu, pdev, name_member);
		name_cause(pdev);
		kfree(g);
		return ERR_PTR(-EBUSY);
	}
	g->iommu = iommu;
	list_add(&g->link, &groups);
	return g;
}

/* Consumes a reference of the iommu group; the group struct keeps one. */
static struct assign_group *group_get(struct pci_dev *pdev)
{
	struct iommu_group *iommu = iommu_group_get(&pdev->dev);
	struct assign_group *g;

	if (!iommu)
		return ERR_PTR(-ENODEV);
	mutex_lock(&assign_lock);
	g = group_find(iommu);
	if (g)
		iommu_group_put(iommu);
	else
		g = group_claim(pdev, iommu);
	if (IS_ERR(g))
		iommu_group_put(iommu);
	else
		g->cards++;
	mutex_unlock(&assign_lock);
	return g;
}

static void group_put(struct assign_group *g)
{
	mutex_lock(&assign_lock);
	if (--g->cards == 0) {
		list_del(&g->link);
		iommu_group_release_dma_owner(g->iommu);
		iommu_group_put(g->iommu);
		kfree(g);
	}
	mutex_unlock(&assign_lock);
}

/* ---- models -------------------------------------------------------------- */

/* Config accesses that wait while somebody resets the function. */
static u32 cfg_read(void *ctx, unsigned int off, unsigned int len)
{
	struct pci_dev *pdev = ctx;
	u32 value = U32_MAX;
	u16 word = U16_MAX;
	u8 byte = U8_MAX;

	switch (len) {
	case 1:
		pci_user_read_config_byte(pdev, off, &byte);
		return byte;
	case 2:
		pci_user_read_config_word(pdev, off, &word);
		return word;
	default:
		pci_user_read_config_dword(pdev, off, &value);
		return value;
	}
}

static void cfg_write(void *ctx, unsigned int off, unsigned int len, u32 value)
{
	struct pci_dev *pdev = ctx;

	switch (len) {
	case 1:
		pci_user_write_config_byte(pdev, off, (u8)value);
		break;
	case 2:
		pci_user_write_config_word(pdev, off, (u16)value);
		break;
	default:
		pci_user_write_config_dword(pdev, off, value);
	}
}

struct vcfg_hw card_config(struct card *c)
{
	return (struct vcfg_hw) { cfg_read, cfg_write, c->pdev };
}

static struct vbar bar_of(struct pci_dev *pdev, unsigned int i)
{
	unsigned long flags = pci_resource_flags(pdev, i);
	struct vbar b = { .size = pci_resource_len(pdev, i) };

	if (!b.size)
		return b;
	b.prefetch = flags & IORESOURCE_PREFETCH;
	b.kind = flags & IORESOURCE_IO ? VBAR_IO :
		 flags & IORESOURCE_MEM_64 ? VBAR_MEM64 : VBAR_MEM32;
	return b;
}

/* The rest of the page becomes ours, so that it can be mapped with the BAR. */
static bool take_page_rest(struct card *c, unsigned int i)
{
	struct resource *bar = &c->pdev->resource[i];
	struct resource *rest = &c->page_rest[i];

	*rest = (struct resource) {
		.name = "pci-assign",
		.start = bar->end + 1,
		.end = bar->start + PAGE_SIZE - 1,
		.flags = bar->flags,
	};
	return bar->parent && !request_resource(bar->parent, rest);
}

static void give_page_rests(struct card *c)
{
	unsigned int i;

	for (i = 0; i < VBAR_COUNT; i++)
		if (c->page_rest[i].parent)
			release_resource(&c->page_rest[i]);
}

/*
 * A BAR below a page that the card itself must reach by DMA: the guest sees the
 * whole page, which then can be mapped for both.
 */
static void widen_bar(struct card *c, unsigned int i)
{
	struct vbar *b = &c->params.bars[i];

	if (b->kind == VBAR_NONE || b->kind == VBAR_IO || b->size >= PAGE_SIZE)
		return;
	if (vbar_begins_page(b, pci_resource_start(c->pdev, i)) &&
	    take_page_rest(c, i))
		b->size = PAGE_SIZE;
	else
		card_warn(c, "BAR %u shares its page with others', so the card cannot reach it by DMA, as its programs may have to; boot with pci=resource_alignment=pci:%04x:%04x\n",
			  i, c->pdev->vendor, c->pdev->device);
}

static void find_bars(struct card *c)
{
	unsigned int i;

	memset(c->params.bars, 0, sizeof(c->params.bars));
	for (i = 0; i < VBAR_COUNT; i++) {
		c->params.bars[i] = bar_of(c->pdev, i);
		if (!c->legacy && vmioctl_needs_peer_dma(c->pdev))
			widen_bar(c, i);
		if (c->params.bars[i].kind == VBAR_MEM64 && i + 1 < VBAR_COUNT)
			c->params.bars[++i].kind = VBAR_UPPER;
	}
	c->params.rom_size = pci_resource_len(c->pdev, PCI_ROM_RESOURCE);
}

/* Where the card says its MSI-X table is; hidden if that makes no sense. */
static unsigned int find_msix(struct card *c)
{
	u8 pos = c->pdev->msix_cap;
	u32 table, pba;
	u16 ctrl;

	c->params.msix = false;
	c->msix_at = (struct vbar_msix) { .table_bar = 0xff, .pba_bar = 0xff };
	if (!pos)
		return 0;
	pci_read_config_word(c->pdev, pos + PCI_MSIX_FLAGS, &ctrl);
	pci_read_config_dword(c->pdev, pos + PCI_MSIX_TABLE, &table);
	pci_read_config_dword(c->pdev, pos + PCI_MSIX_PBA, &pba);
	c->msix_at = vbar_find_msix(table, pba, (ctrl & VMSIX_CTRL_SIZE) + 1U);
	if (!vbar_msix_fits(&c->msix_at, c->params.bars)) {
		card_warn(c, "its MSI-X table lies outside its BARs; MSI-X is hidden from the guest\n");
		c->msix_at.table_bar = 0xff;
		c->msix_at.pba_bar = 0xff;
		return 0;
	}
	c->params.msix = true;
	return (ctrl & VMSIX_CTRL_SIZE) + 1U;
}

/* How many MSI vectors can the host give? Asked by taking them for a moment. */
static s8 find_msi(struct pci_dev *pdev)
{
	int want = pci_msi_vec_count(pdev), got;

	if (want < 1)
		return -1;
	got = pci_alloc_irq_vectors(pdev, 1, want, PCI_IRQ_MSI);
	if (got < 1)
		return -1;
	pci_free_irq_vectors(pdev);
	return (s8)ilog2(got);
}

static int alloc_msix(struct card *c, unsigned int count)
{
	struct vmsix_entry *table;
	u64 *pending;

	table = kvcalloc(max(count, 1U), sizeof(*table), GFP_KERNEL_ACCOUNT);
	pending = kcalloc(vmsix_pba_words(count) + 1, sizeof(*pending),
			  GFP_KERNEL_ACCOUNT);
	if (!table || !pending) {
		kvfree(table);
		kfree(pending);
		return -ENOMEM;
	}
	vmsix_init(&c->vmsix, table, pending, count);
	return 0;
}

static void free_msix(struct card *c)
{
	kvfree(c->vmsix.table);
	kfree(c->vmsix.pending);
	memset(&c->vmsix, 0, sizeof(c->vmsix));
}

void card_reset_models(struct card *c)
{
	struct vcfg_hw hw = card_config(c);
	unsigned long flags;

	lockdep_assert_held(&c->lock);
	/* Cannot fail: the same card and parameters built it before. */
	if (vcfg_build(c->cfg, &hw, &c->params))
		card_warn(c, "its config space changed under a reset\n");
	spin_lock_irqsave(&c->irq_lock, flags);
	c->guest_command = 0;
	vmsi_init(&c->vmsi, c->params.msi_log2 < 0 ? 0 : c->params.msi_log2,
		  c->cfg->msi_maskable);
	vmsix_init(&c->vmsix, c->vmsix.table, c->vmsix.pending,
		   c->vmsix.count);
	c->intr.held = false;
	intr_update_line(c);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
	ports_update(c);
	intr_sync(c);
}

static int build_models(struct card *c)
{
	struct vcfg_hw hw = card_config(c);
	unsigned int count;
	int err;

	find_bars(c);
	count = find_msix(c);
	c->params.size = c->pdev->cfg_size > VCFG_LEGACY_SIZE ?
			 VCFG_SIZE : VCFG_LEGACY_SIZE;
	c->params.vendor = c->pdev->vendor;
	c->params.device = c->pdev->device;
	c->params.intx = c->pdev->pin && c->intr.line_irq;
	c->params.msi_log2 = find_msi(c->pdev);
	c->cfg = kvzalloc(sizeof(*c->cfg), GFP_KERNEL_ACCOUNT);
	if (!c->cfg)
		return -ENOMEM;
	err = alloc_msix(c, count);
	if (err)
		goto free_cfg;
	err = vcfg_build(c->cfg, &hw, &c->params);
	if (err) {
		card_err(c, "its BARs or header are not of a kind that can be shown to a guest\n");
		goto free_table;
	}
	card_reset_models(c);
	return 0;

free_table:
	free_msix(c);
free_cfg:
	kvfree(c->cfg);
	c->cfg = NULL;
	return err;
}

/* ---- power --------------------------------------------------------------- */

/*
 * The state to come back to has the card's line masked: nobody on the host
 * listens to it, and a guest may leave it raised.
 */
static int save_pristine(struct card *c)
{
	unsigned int i;
	int err;

	if (!pci_device_is_present(c->pdev)) {	/* it would be all ones */
		card_err(c, "it does not answer; write 1 to the function's sysfs file 'reset' or power-cycle the machine\n");
		return -EIO;
	}
	if (pci_intx_mask_supported(c->pdev))
		pci_intx(c->pdev, 0);
	err = pci_save_state(c->pdev);
	if (err)
		return err;
	c->pristine = pci_store_saved_state(c->pdev);
	if (!c->pristine)
		return -ENOMEM;
	for (i = 0; i < VBAR_COUNT; i++)
		pci_read_config_dword(c->pdev, PCI_BASE_ADDRESS_0 + i * 4,
				      &c->pristine_bars[i]);
	return 0;
}

static bool has_unset_bar(struct card *c)
{
	unsigned int i;

	for (i = 0; i < VBAR_COUNT; i++)
		if (pci_resource_len(c->pdev, i) &&
		    (pci_resource_flags(c->pdev, i) & IORESOURCE_UNSET))
			return true;
	return false;
}

int card_power_up(struct card *c)
{
	int err;

	lockdep_assert_held(&c->lock);
	if (has_unset_bar(c)) {
		card_err(c, "the host gave no address to one of its BARs; boot with pci=realloc or move the card to another slot\n");
		return -EBUSY;
	}
	err = pci_enable_device(c->pdev);
	if (err) {
		card_err(c, "it cannot be enabled (%d); see the messages of the PCI core above\n",
			 err);
		return err;
	}
	pci_clear_master(c->pdev);
	/*
	 * A legacy user maps the BARs through sysfs, which the kernel allows
	 * only while nobody claims the memory.
	 */
	c->regions = pci_select_bars(c->pdev, c->legacy ? IORESOURCE_IO :
				     IORESOURCE_IO | IORESOURCE_MEM);
	err = pci_request_selected_regions(c->pdev, c->regions, "pci-assign");
	if (err) {
		card_err(c, "its BARs are in use by something else (%d); see /proc/iomem and /proc/ioports, a firmware framebuffer is a usual holder\n",
			 err);
		goto disable;
	}
	err = save_pristine(c);
	if (err)
		goto release;
	c->intr.line_irq = c->pdev->irq && c->pdev->irq != IRQ_NOTCONNECTED ?
			   (int)c->pdev->irq : 0;
	err = build_models(c);
	if (err)
		goto free_pristine;
	c->ready = true;
	node_allow_maps(c, true);
	return 0;

free_pristine:
	give_page_rests(c);
	kfree(c->pristine);
	c->pristine = NULL;
release:
	pci_release_selected_regions(c->pdev, c->regions);
disable:
	pci_disable_device(c->pdev);
	return err;
}

static void unmap_bars(struct card *c)
{
	unsigned int i;

	for (i = 0; i < VBAR_COUNT; i++)
		if (c->bar[i]) {
			pci_iounmap(c->pdev, c->bar[i]);
			c->bar[i] = NULL;
		}
}

void card_power_down(struct card *c)
{
	lockdep_assert_held(&c->lock);
	if (!c->ready)
		return;
	c->ready = false;
	node_allow_maps(c, false);
	card_reset_models(c);
	unmap_bars(c);
	give_page_rests(c);
	if (!pci_load_and_free_saved_state(c->pdev, &c->pristine))
		pci_restore_state(c->pdev);
	pci_release_selected_regions(c->pdev, c->regions);
	pci_disable_device(c->pdev);
	free_msix(c);
	kvfree(c->cfg);
	c->cfg = NULL;
}

/* A legacy user writes the register itself, through sysfs: nothing else tells us. */
static void note_legacy_command(struct card *c)
{
	u16 now;

	/* A halted card's register says what we made of it. */
	if (!c->legacy || !c->vm || c->legacy_stop || c->halted)
		return;
	pci_read_config_word(c->pdev, PCI_COMMAND, &now);
	c->guest_command = now & PCI_COMMAND_MASTER;
}

static void write_command(struct card *c)
{
	bool master;
	u16 old, new;

	pci_read_config_word(c->pdev, PCI_COMMAND, &old);
	master = (c->guest_command & PCI_COMMAND_MASTER) && c->vm &&
		 !c->quarantined && !c->broken && !c->halted;
	new = old & ~PCI_COMMAND_MASTER;
	if (master)
		new |= PCI_COMMAND_MASTER;
	if (pci_intx_mask_supported(c->pdev) && c->intr.mode == INTR_OFF) {
		new &= ~PCI_COMMAND_INTX_DISABLE;
		if (!intr_wants_line(c))
			new |= PCI_COMMAND_INTX_DISABLE;
	}
	if (new != old)
		pci_write_config_word(c->pdev, PCI_COMMAND, new);
}

void card_update_command(struct card *c)
{
	lockdep_assert_held(&c->irq_lock);
	note_legacy_command(c);
	write_command(c);
}

/* ---- binding ------------------------------------------------------------- */

/* By shape or by class: host and ISA bridges have an ordinary header. */
bool assign_is_bridge(const struct pci_dev *pdev)
{
	return pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	       pdev->class >> 16 == PCI_BASE_CLASS_BRIDGE;
}

static int check_assignable(struct pci_dev *pdev)
{
	if (assign_is_bridge(pdev)) {
		pci_err(pdev, "a bridge cannot be assigned (class %06x, header type %u); bind the card behind it\n",
			pdev->class, pdev->hdr_type);
		return -EINVAL;
	}
	if (!amdvi_covers(&pdev->dev)) {
		pci_err(pdev, "no IOMMU of iommu-amd covers it, its DMA could reach all memory; load iommu-amd (kernel parameter amd_iommu=off) before binding\n");
		return -ENODEV;
	}
	if (amdvi_firmware_uses(&pdev->dev)) {
		pci_err(pdev, "firmware keeps memory for DMA of this card or of its group (IVMD), which a guest would reach through it, so it cannot be assigned; a firmware setting (legacy USB support, remote management) may release it\n");
		return -EPERM;
	}
	if (amdvi_remaps_irqs(&pdev->dev))
		return 0;
	if (!allow_unsafe_interrupts) {
		pci_err(pdev, "its interrupts are not remapped, so it could raise any interrupt on the host; enable interrupt remapping in firmware, or load pci-assign with allow_unsafe_interrupts=1 and accept that\n");
		return -EPERM;
	}
	pci_warn(pdev, "UNSAFE: bound without interrupt remapping because allow_unsafe_interrupts=1\n");
	return 0;
}

static void card_release(struct device *dev)
{
	struct card *c = card_of_dev(dev);

	ida_free(&minors, MINOR(dev->devt) - MINOR(first_devt));
	kfree(c);
}

static struct card *card_alloc(struct pci_dev *pdev)
{
	struct card *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int minor;

	if (!c)
		return ERR_PTR(-ENOMEM);
	minor = ida_alloc_max(&minors, CARD_MINORS - 1, GFP_KERNEL);
	if (minor < 0) {
		kfree(c);
		return ERR_PTR(minor);
	}
	c->pdev = pdev;
	mutex_init(&c->lock);
	mutex_init(&c->map_lock);
	spin_lock_init(&c->irq_lock);
	init_waitqueue_head(&c->closed);
	INIT_LIST_HEAD(&c->link);
	INIT_LIST_HEAD(&c->vm_link);
	intr_init(c);
	device_initialize(&c->dev);
	c->dev.class = assign_class;
	c->dev.parent = &pdev->dev;
	c->dev.release = card_release;
	c->dev.devt = MKDEV(MAJOR(first_devt), MINOR(first_devt) + minor);
	cdev_init(&c->cdev, &node_fops);
	c->cdev.owner = THIS_MODULE;
	return c;
}

static int assign_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct card *c;
	int err = check_assignable(pdev);

	if (err)
		return err;
	c = card_alloc(pdev);
	if (IS_ERR(c))
		return PTR_ERR(c);
	err = fault_init(c);
	if (err)
		goto put_card;
	err = dev_set_name(&c->dev, "%s", pci_name(pdev));
	if (err)
		goto put_card;
	c->group = group_get(pdev);
	if (IS_ERR(c->group)) {
		err = PTR_ERR(c->group);
		goto put_card;
	}
	pci_clear_master(pdev);
	err = amdvi_set_fault_handler(&pdev->dev, fault_record, c);
	if (err)
		goto put_group;
	pci_set_drvdata(pdev, c);
	err = cdev_device_add(&c->cdev, &c->dev);
	if (err)
		goto unset_handler;
	mutex_lock(&assign_lock);
	list_add_tail(&c->link, &cards);
	mutex_unlock(&assign_lock);
	card_info(c, "bound, blocked; node /dev/backplane/%s\n", pci_name(pdev));
	return 0;

unset_handler:
	amdvi_set_fault_handler(&pdev->dev, NULL, NULL);
put_group:
	group_put(c->group);
put_card:
	put_device(&c->dev);
	return err;
}

/* Give the user a moment to let go, then take the card from it. */
static void evict(struct card *c)
{
	unsigned int wait = min(unbind_wait_ms, 60000U);

	mutex_lock(&c->lock);
	c->gone = true;
	mutex_unlock(&c->lock);
	fault_signal(c);
	if (!wait_event_timeout(c->closed, !READ_ONCE(c->opened),
				msecs_to_jiffies(wait)))
		card_warn(c, "process %d (%s) did not let go within %u ms of the unbind; the card is taken from it, its accesses to mapped BARs are bus errors now\n",
			  c->holder, c->holder_comm, wait);
	vmioctl_release_card(c);
	mutex_lock(&c->lock);
	card_power_down(c);
	mutex_unlock(&c->lock);
}

static void halt_card(struct pci_dev *pdev, bool halted)
{
	struct card *c = pci_get_drvdata(pdev);
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	note_legacy_command(c);
	c->halted = halted;
	write_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

/*
 * Programs still run and the IOMMU is about to be switched off, for a reboot or
 * for the next kernel: no VM makes its card a bus master any more.
 */
static void assign_shutdown(struct pci_dev *pdev)
{
	halt_card(pdev, true);
}

/*
 * The kernel restores what configuration space said; bus mastership is as the
 * guest wants it again when the IOMMU is back.
 */
static int assign_suspend(struct device *dev)
{
	halt_card(to_pci_dev(dev), true);
	return 0;
}

static int assign_resume(struct device *dev)
{
	halt_card(to_pci_dev(dev), false);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(assign_pm, assign_suspend, assign_resume);

static void assign_remove(struct pci_dev *pdev)
{
	struct card *c = pci_get_drvdata(pdev);

	mutex_lock(&assign_lock);
	list_del_init(&c->link);
	mutex_unlock(&assign_lock);
	evict(c);
	amdvi_set_fault_handler(&pdev->dev, NULL, NULL);
	fault_recover(c);
	fault_set_event(c, NULL);
	cdev_device_del(&c->cdev, &c->dev);
	group_put(c->group);
	pci_set_drvdata(pdev, NULL);
	put_device(&c->dev);
}

static struct pci_driver assign_driver = {
	.name = "pci-assign",
	.probe = assign_probe,
	.remove = assign_remove,
	.shutdown = assign_shutdown,
	.driver.pm = pm_sleep_ptr(&assign_pm),
	.driver_managed_dma = true,
};

/* ---- module -------------------------------------------------------------- */

/*
 * No mode: devtmpfs then gives the node to root alone (0600), and udev leaves
 * alone what the operator makes of it.
 */
static char *assign_devnode(compat_class_devnode_arg *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "backplane/%s", dev_name(dev));
}

static int __init assign_init(void)
{
	int err = fault_check_params();

	if (err)
		return err;
	assign_class = compat_class_create("backplane");
	if (IS_ERR(assign_class))
		return PTR_ERR(assign_class);
	assign_class->devnode = assign_devnode;
	assign_class->dev_groups = card_sysfs_groups;
	err = alloc_chrdev_region(&first_devt, 0, CARD_MINORS, "backplane");
	if (err)
		goto destroy_class;
	err = vmioctl_register();
	if (err)
		goto free_region;
	err = pci_register_driver(&assign_driver);
	if (err)
		goto unregister_ioctls;
	return 0;

unregister_ioctls:
	vmioctl_unregister();
free_region:
	unregister_chrdev_region(first_devt, CARD_MINORS);
destroy_class:
	class_destroy(assign_class);
	return err;
}

static void __exit assign_exit(void)
{
	pci_unregister_driver(&assign_driver);
	vmioctl_unregister();
	unregister_chrdev_region(first_devt, CARD_MINORS);
	class_destroy(assign_class);
	ida_destroy(&minors);
}

module_init(assign_init);
module_exit(assign_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Backplane: gives real PCI cards to virtual machines");
