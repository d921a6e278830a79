// SPDX-License-Identifier: GPL-2.0
/*
 * Giving cards to VMs: the documented legacy ioctls on the VM's descriptor
 * (KVM_ASSIGN_PCI_DEVICE and relatives; errors in README.md), registered with
 * kvm-core as an extension. One VM has one shared-root domain: its root is the
 * VM's own guest-physical table, so attaching a card costs the same however
 * much RAM the guest has.
 *
 * Attach: pin guest memory, reset the card while it is blocked, attach its
 * group, open it to interrupts. Release, in the order that never lets a card
 * write where it no longer may: bus mastering off, interrupts off, reset,
 * detach (blocked again), unpin. The node's close, unbinding, and the VM's end
 * all come through the same release.
 */
#include <linux/moduleparam.h>
#include <linux/uaccess.h>

#include "pci-assign/assign.h"

#define KNOWN_ASSIGN_FLAGS	(KVM_DEV_ASSIGN_ENABLE_IOMMU | \
				 KVM_DEV_ASSIGN_PCI_2_3 | \
				 KVM_DEV_ASSIGN_MASK_INTX)
#define KNOWN_HOST_IRQ		(KVM_DEV_IRQ_HOST_INTX | KVM_DEV_IRQ_HOST_MSI | \
				 KVM_DEV_IRQ_HOST_MSIX)
#define KNOWN_GUEST_IRQ		(KVM_DEV_IRQ_GUEST_INTX | KVM_DEV_IRQ_GUEST_MSI | \
				 KVM_DEV_IRQ_GUEST_MSIX)

static char *peer_dma = "1000:0001,1000:0012";
module_param(peer_dma, charp, 0444);
MODULE_PARM_DESC(peer_dma, "vendor:device,... of cards whose programs reach their own BARs by DMA (default 1000:0001,1000:0012: lsi53c810, lsi53c895a)");

/* ---- a VM's state -------------------------------------------------------- */

/* kvm-core keeps our state under an opaque name of its own. */
static struct assign_vm *avm_of(struct vm_ext *ext)
{
	return (struct assign_vm *)ext;
}

static void avm_free(struct kref *ref)
{
	kfree(container_of(ref, struct assign_vm, ref));
}

static void avm_put(struct assign_vm *avm)
{
	kref_put(&avm->ref, avm_free);
}

/* A permission of the guest's table shrank: the IOMMUs must know. */
static int avm_flush(struct gpm_reader *r, gpa_t start, gpa_t end, bool walk)
{
	struct assign_vm *avm = container_of(r, struct assign_vm, reader);

	return amdvi_domain_flush(avm->domain, start, end, walk);
}

static bool avm_caches_absent(struct gpm_reader *r)
{
	return amdvi_caches_absent(container_of(r, struct assign_vm, reader)->domain);
}

/* The VM's state, made on first use. Two threads may come at once. */
static struct assign_vm *avm_get(struct vm *vm, struct vm_ext **ext)
{
	struct assign_vm *avm;

	mutex_lock(&assign_lock);
	avm = avm_of(*ext);
	if (avm)
		goto out;
	avm = kzalloc(sizeof(*avm), GFP_KERNEL_ACCOUNT);
	if (!avm)
		goto out;
	kref_init(&avm->ref);
	mutex_init(&avm->lock);
	INIT_LIST_HEAD(&avm->cards);
	avm->vm = vm;
	avm->reader.flush = avm_flush;
	avm->reader.caches_absent = avm_caches_absent;
	*ext = (struct vm_ext *)avm;
out:
	mutex_unlock(&assign_lock);
	return avm;
}

static struct card *avm_find(struct assign_vm *avm, u32 id)
{
	struct card *c;

	list_for_each_entry(c, &avm->cards, vm_link)
		if (c->vm_dev_id == id)
			return c;
	return NULL;
}

/* ---- memory and domain --------------------------------------------------- */

static int domain_start(struct assign_vm *avm)
{
	struct vm *vm = avm->vm;
	int err;

	if (avm->domain)
		return 0;
	avm->domain = amdvi_shared_domain_alloc(vm_mem_root(vm),
						vm->mem.gpm.depth);
	if (IS_ERR(avm->domain)) {
		err = PTR_ERR(avm->domain);
		avm->domain = NULL;
		pr_err_ratelimited("pci-assign: VM %u: no IOMMU domain (%d)\n", vm->id, err);
		return err;
	}
	err = vm_mem_pin(vm, &avm->reader);
	if (err) {
		pr_err_ratelimited("pci-assign: VM %u: its memory cannot be pinned (%d)%s\n",
		       vm->id, err, err == -ENOMEM ?
		       "; raise the memlock limit (ulimit -l, LimitMEMLOCK=) to the guest's RAM size and a little more" : "");
		amdvi_shared_domain_free(avm->domain);
		avm->domain = NULL;
	}
	return err;
}

static void domain_stop(struct assign_vm *avm)
{
	if (!avm->domain || !list_empty(&avm->cards))
		return;
	vm_mem_unpin(avm->vm, &avm->reader);
	amdvi_shared_domain_free(avm->domain);
	avm->domain = NULL;
}

/* ---- ownership ----------------------------------------------------------- */

/*
 * The card and its group become this VM's, if they are nobody else's. card->lock;
 * not an unbound card, whose group may be gone: unbinding says so under that
 * lock and waits for owners only after it.
 */
static int own(struct assign_vm *avm, struct card *c)
{
	struct assign_group *g = c->group;
	int err = -EBUSY;

	mutex_lock(&assign_lock);
	if (c->avm)
		card_err(c, "it is assigned to VM %u already; release it there first\n",
			 READ_ONCE(c->avm->vm) ? c->avm->vm->id : 0);
	else if (g->owner && g->owner != avm)
		card_err(c, "another function of its IOMMU group %d belongs to VM %u; functions of one group can reach each other and go to one VM; backplane status shows which has which\n",
			 iommu_group_id(g->iommu),
			 READ_ONCE(g->owner->vm) ? g->owner->vm->id : 0);
	else
		err = 0;
	if (!err) {
		g->owner = avm;
		c->avm = avm;
		kref_get(&avm->ref);
		get_device(&c->dev);
	}
	mutex_unlock(&assign_lock);
	return err;
}

static void disown(struct assign_vm *avm, struct card *c)
{
	struct assign_group *g = c->group;
	struct card *other;
	bool last = true;

	mutex_lock(&assign_lock);
	c->avm = NULL;
	list_for_each_entry(other, &avm->cards, vm_link)
		last &= other == c || other->group != g;
	if (last)
		g->owner = NULL;
	mutex_unlock(&assign_lock);
	put_device(&c->dev);
	avm_put(avm);
}

/* ---- attach and detach: avm->lock ---------------------------------------- */

static int group_attach(struct assign_vm *avm, struct assign_group *g)
{
	int err;

	if (g->attached) {
		g->attached++;
		return 0;
	}
	err = iommu_attach_group(avm->domain, g->iommu);
	if (!err)
		g->attached = 1;
	return err;
}

static void group_detach(struct assign_vm *avm, struct assign_group *g)
{
	if (--g->attached == 0)
		iommu_detach_group(avm->domain, g->iommu);
}

static void set_vm(struct card *c, struct vm *vm)
{
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	WRITE_ONCE(c->vm, vm);
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

/*
 * Some cards run programs that reach the card's own BARs by DMA. Named ones may:
 * their VM's cards then reach the VM's BARs, which are the VM's own anyway.
 */
bool vmioctl_needs_peer_dma(const struct pci_dev *pdev)
{
	char id[sizeof("ffff:ffff")], *at;

	snprintf(id, sizeof(id), "%04x:%04x", pdev->vendor, pdev->device);
	at = peer_dma ? strstr(peer_dma, id) : NULL;
	return at && (at[sizeof(id) - 1] == ',' || !at[sizeof(id) - 1]);
}

static void allow_peer_dma(struct assign_vm *avm, struct card *c)
{
	if (!vmioctl_needs_peer_dma(c->pdev))
		return;
	vm_mem_allow_device_dma(avm->vm);
	card_info(c, "peer_dma: cards of VM %u may reach its BARs by DMA\n",
		  avm->vm->id);
}

/* May this card be given to a VM now? card->lock. */
static int check_usable(struct card *c)
{
	if (!c->ready || c->closing || c->gone)
		return -EPERM;
	if (c->broken) {
		card_err(c, "refused: its last reset failed (%s); VFIO_DEVICE_RESET on its node tries again\n",
			 c->broken);
		return -EIO;
	}
	if (c->quarantined) {
		card_err(c, "refused: it is quarantined after a storm of DMA faults; VFIO_DEVICE_RESET on its node recovers it\n");
		return -EIO;
	}
	return 0;
}

static int attach_locked(struct assign_vm *avm, struct card *c)
{
	int err = check_usable(c);

	if (err)
		return err;
	card_reset_models(c);
	err = reset_card(c);
	if (err)
		return -EIO;
	err = group_attach(avm, c->group);
	if (err) {
		card_err(c, "the IOMMU refused to attach group %d (%d)\n",
			 iommu_group_id(c->group->iommu), err);
		return err;
	}
	allow_peer_dma(avm, c);
	c->domain_id = amdvi_domain_id(avm->domain);
	set_vm(c, avm->vm);
	card_info(c, "attached to VM %u; reset: %s\n", avm->vm->id,
		  c->reset_method[0] ? c->reset_method : "none offered");
	return 0;
}

/* First the right to it, then whose it is. card->lock. */
static int claim(struct assign_vm *avm, struct card *c,
		 const struct legacy_files *files)
{
	int err;

	if (c->gone)	/* unbound since it was found */
		return -ENODEV;
	err = legacy_permit(c, files);
	if (!err)
		err = own(avm, c);
	if (err)
		return err;
	err = legacy_claim(c);
	if (err)
		disown(avm, c);
	return err;
}

static int attach(struct assign_vm *avm, struct card *c,
		  const struct kvm_assigned_pci_dev *a,
		  const struct legacy_files *files)
{
	int err;

	mutex_lock(&c->lock);
	err = claim(avm, c, files);
	mutex_unlock(&c->lock);
	if (err)
		return err;
	err = domain_start(avm);
	if (err)
		goto unclaim;
	mutex_lock(&c->lock);
	c->pci_2_3 = (a->flags & KVM_DEV_ASSIGN_PCI_2_3) &&
		     pci_intx_mask_supported(c->pdev);
	intr_set_mask(c, a->flags & KVM_DEV_ASSIGN_MASK_INTX);
	err = attach_locked(avm, c);
	mutex_unlock(&c->lock);
	if (err)
		goto stop_domain;
	c->vm_dev_id = a->assigned_dev_id;
	list_add_tail(&c->vm_link, &avm->cards);
	return 0;

stop_domain:
	domain_stop(avm);
unclaim:
	legacy_release(c);
	disown(avm, c);
	return err;
}

static void stop_mastering(struct card *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->irq_lock, flags);
	c->legacy_stop = true;
	c->guest_command = 0;
	card_update_command(c);
	spin_unlock_irqrestore(&c->irq_lock, flags);
}

static void detach(struct assign_vm *avm, struct card *c)
{
	mutex_lock(&c->lock);
	stop_mastering(c);
	intr_deassign_all(c);
	ports_close(c);
	set_vm(c, NULL);
	if (c->ready) {
		card_reset_models(c);
		reset_card(c);	/* a failure is kept in c->broken */
	}
	group_detach(avm, c->group);
	mutex_unlock(&c->lock);
	legacy_release(c);
	card_info(c, "released by VM %u, blocked\n", avm->vm->id);
	disown(avm, c);
}

/* Off the list first: disown() and domain_stop() look at who is left. */
static void release(struct assign_vm *avm, struct card *c)
{
	list_del_init(&c->vm_link);
	detach(avm, c);
	domain_stop(avm);
}

void vmioctl_release_card(struct card *c)
{
	struct assign_vm *avm;

	mutex_lock(&assign_lock);
	avm = c->avm;
	if (avm)
		kref_get(&avm->ref);
	mutex_unlock(&assign_lock);
	if (!avm)
		return;
	mutex_lock(&avm->lock);
	if (c->avm == avm && !list_empty(&c->vm_link))
		release(avm, c);
	mutex_unlock(&avm->lock);
	avm_put(avm);
}

/*
 * What any of the ioctls is given. Read before a lock is taken: the caller's
 * memory may be a page that another program of its serves, or never does.
 */
union assign_arg {
	struct kvm_assigned_pci_dev dev;
	struct kvm_assigned_irq irq;
	struct kvm_assigned_msix_nr nr;
	struct kvm_assigned_msix_entry entry;
};

/* ---- KVM_ASSIGN_PCI_DEVICE ------------------------------------------------ */

/* No card of ours at that address: say what is there instead. */
static int explain_absent(const struct kvm_assigned_pci_dev *a)
{
	struct pci_dev *pdev = pci_get_domain_bus_and_slot(a->segnr, a->busnr,
							   a->devfn);
	struct device_driver *drv;
	int err;

	if (!pdev) {
		pr_err_ratelimited("pci-assign: no PCI function %04x:%02x:%02x.%x; lspci -D lists them\n",
		       a->segnr, a->busnr, PCI_SLOT(a->devfn),
		       PCI_FUNC(a->devfn));
		return -EINVAL;
	}
	drv = READ_ONCE(pdev->dev.driver);
	if (assign_is_bridge(pdev)) {
		dev_err_ratelimited(&pdev->dev, "pci-assign: a bridge cannot be assigned; assign the card behind it\n");
		err = -EPERM;
	} else if (drv) {
		dev_err_ratelimited(&pdev->dev, "pci-assign: bound to %s, not to pci-assign; unbind it, write pci-assign to its driver_override and reprobe\n",
			drv->name);
		err = -EBUSY;
	} else {
		dev_err_ratelimited(&pdev->dev, "pci-assign: not bound to pci-assign; write pci-assign to its driver_override and reprobe\n");
		err = -ENODEV;
	}
	pci_dev_put(pdev);
	return err;
}

static int check_address(const struct kvm_assigned_pci_dev *a)
{
	if (a->flags & ~KNOWN_ASSIGN_FLAGS)
		return -EINVAL;
	if (!(a->flags & KVM_DEV_ASSIGN_ENABLE_IOMMU)) {
		pr_err_ratelimited("pci-assign: assignment without an IOMMU (dma=none) would let the guest write all of the host's memory; it is not offered\n");
		return -EINVAL;
	}
	return a->busnr > 0xff || a->devfn > 0xff || a->segnr > 0xffff ?
	       -EINVAL : 0;
}

static long assign_device(struct assign_vm *avm,
			  const struct kvm_assigned_pci_dev *a,
			  const struct legacy_files *files)
{
	struct card *c;
	int err;

	if (avm_find(avm, a->assigned_dev_id))
		return -EEXIST;
	c = assign_find(a->segnr, a->busnr, a->devfn);
	if (!c)
		return explain_absent(a);
	err = attach(avm, c, a, files);
	put_device(&c->dev);
	return err;
}

/* Where files lie is asked without a lock. */
static long look_up_and_assign(struct assign_vm *avm,
			       const struct kvm_assigned_pci_dev *a)
{
	struct legacy_files files;
	long err = check_address(a);

	if (err)
		return err;
	legacy_look_up(&files, a->segnr, a->busnr, a->devfn);
	mutex_lock(&avm->lock);
	err = assign_device(avm, a, &files);
	mutex_unlock(&avm->lock);
	legacy_put_files(&files);
	return err;
}

static long deassign_device(struct assign_vm *avm,
			    const struct kvm_assigned_pci_dev *a)
{
	struct card *c = avm_find(avm, a->assigned_dev_id);

	if (!c)
		return -EINVAL;
	release(avm, c);
	return 0;
}

static long set_intx_mask(struct assign_vm *avm,
			  const struct kvm_assigned_pci_dev *a)
{
	struct card *c = avm_find(avm, a->assigned_dev_id);

	if (!c)
		return -ENODEV;
	mutex_lock(&c->lock);
	intr_set_mask(c, a->flags & KVM_DEV_ASSIGN_MASK_INTX);
	mutex_unlock(&c->lock);
	return 0;
}

/* ---- interrupts ---------------------------------------------------------- */

static int check_irq_flags(struct assign_vm *avm, u32 flags)
{
	u32 host = flags & KVM_DEV_IRQ_HOST_MASK;
	u32 guest = flags & KVM_DEV_IRQ_GUEST_MASK;

	if (vm_irq_mode(avm->vm) == IRQCHIP_NONE)
		return -EINVAL;
	if (flags & ~(KNOWN_HOST_IRQ | KNOWN_GUEST_IRQ))
		return -EINVAL;
	/* One type per side, and at least one side. */
	if ((host & (host - 1)) || (guest & (guest - 1)) || !flags)
		return -EINVAL;
	return 0;
}

static long dev_irq(struct assign_vm *avm, const struct kvm_assigned_irq *a,
		    bool assign)
{
	u32 host = a->flags & KVM_DEV_IRQ_HOST_MASK;
	u32 guest = a->flags & KVM_DEV_IRQ_GUEST_MASK;
	int err = check_irq_flags(avm, a->flags);
	struct card *c;

	if (err)
		return err;
	c = avm_find(avm, a->assigned_dev_id);
	if (!c)
		return -ENODEV;
	mutex_lock(&c->lock);
	err = assign ? intr_assign(c, host, guest, a->guest_irq) :
		       intr_deassign(c, host, guest);
	mutex_unlock(&c->lock);
	return err;
}

static long set_msix_nr(struct assign_vm *avm,
			const struct kvm_assigned_msix_nr *a)
{
	struct card *c = avm_find(avm, a->assigned_dev_id);
	int err;

	if (!c)
		return -EINVAL;
	mutex_lock(&c->lock);
	err = intr_set_msix_nr(c, a->entry_nr);
	mutex_unlock(&c->lock);
	return err;
}

static long set_msix_entry(struct assign_vm *avm,
			   const struct kvm_assigned_msix_entry *a)
{
	struct card *c = avm_find(avm, a->assigned_dev_id);
	int err;

	if (!c)
		return -EINVAL;
	mutex_lock(&c->lock);
	err = intr_set_msix_entry(c, a->entry, a->gsi);
	mutex_unlock(&c->lock);
	return err;
}

/* ---- the extension ------------------------------------------------------- */

static long dispatch(struct assign_vm *avm, unsigned int cmd,
		     const union assign_arg *a)
{
	switch (cmd) {
	case KVM_DEASSIGN_PCI_DEVICE:
		return deassign_device(avm, &a->dev);
	case KVM_ASSIGN_DEV_IRQ:
		return dev_irq(avm, &a->irq, true);
	case KVM_DEASSIGN_DEV_IRQ:
		return dev_irq(avm, &a->irq, false);
	case KVM_ASSIGN_SET_MSIX_NR:
		return set_msix_nr(avm, &a->nr);
	case KVM_ASSIGN_SET_MSIX_ENTRY:
		return set_msix_entry(avm, &a->entry);
	case KVM_ASSIGN_SET_INTX_MASK:
		return set_intx_mask(avm, &a->dev);
	default:
		return -ENOTTY;
	}
}

static bool is_ours(unsigned int cmd)
{
	switch (cmd) {
	case KVM_ASSIGN_PCI_DEVICE:
	case KVM_DEASSIGN_PCI_DEVICE:
	case KVM_ASSIGN_DEV_IRQ:
	case KVM_DEASSIGN_DEV_IRQ:
	case KVM_ASSIGN_SET_MSIX_NR:
	case KVM_ASSIGN_SET_MSIX_ENTRY:
	case KVM_ASSIGN_SET_INTX_MASK:
		return true;
	default:
		return false;
	}
}

/* Deprecated before the others came; same number, other direction. */
#define KVM_ASSIGN_IRQ_OLD	_IOR(0xAE, 0x70, struct kvm_assigned_irq)

static long ext_ioctl(struct vm *vm, struct vm_ext **ext, unsigned int cmd,
		      unsigned long arg)
{
	struct assign_vm *avm;
	union assign_arg a;
	long ret;

	if (cmd == KVM_ASSIGN_IRQ_OLD)
		return -EOPNOTSUPP;
	if (!is_ours(cmd))
		return -ENOTTY;
	if (copy_from_user(&a, (void __user *)arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	avm = avm_get(vm, ext);
	if (!avm)
		return -ENOMEM;
	if (cmd == KVM_ASSIGN_PCI_DEVICE)
		return look_up_and_assign(avm, &a.dev);
	mutex_lock(&avm->lock);
	ret = dispatch(avm, cmd, &a);
	mutex_unlock(&avm->lock);
	return ret;
}

/* The VM leaves: every card of its goes back. */
static void ext_destroy(struct vm *vm, struct vm_ext *ext)
{
	struct assign_vm *avm = avm_of(ext);

	mutex_lock(&avm->lock);
	while (!list_empty(&avm->cards))
		release(avm, list_first_entry(&avm->cards, struct card,
					      vm_link));
	WRITE_ONCE(avm->vm, NULL);
	mutex_unlock(&avm->lock);
	avm_put(avm);
}

static int ext_check(u32 cap)
{
	switch (cap) {
	case KVM_CAP_DEVICE_ASSIGNMENT:
	case KVM_CAP_IOMMU:
	case KVM_CAP_DEVICE_MSI:
	case KVM_CAP_DEVICE_DEASSIGNMENT:
	case KVM_CAP_DEVICE_MSIX:
	case KVM_CAP_ASSIGN_DEV_IRQ:
	case KVM_CAP_PCI_SEGMENT:
	case KVM_CAP_PCI_2_3:
		return 1;
	default:
		return 0;
	}
}

static const struct vm_ext_ops ext_ops = {
	.owner = THIS_MODULE,
	.name = "pci-assign",
	.check_extension = ext_check,
	.ioctl = ext_ioctl,
	.destroy = ext_destroy,
};

int vmioctl_register(void)
{
	int err = vm_ext_register(&ext_ops);

	if (err)
		pr_err("pci-assign: kvm-core takes no further extension (%d)\n",
		       err);
	return err;
}

void vmioctl_unregister(void)
{
	vm_ext_unregister(&ext_ops);
}
