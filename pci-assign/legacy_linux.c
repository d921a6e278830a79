// SPDX-License-Identifier: GPL-2.0
/*
 * Users that know nothing of nodes. When the assignment ioctls were new, a VMM
 * drove a card through sysfs (config, resource<N>) and gave it to the VM by
 * KVM_ASSIGN_PCI_DEVICE alone; whoever could read and write the file of each of
 * the card's BARs was permitted to. Such a client still works: the ioctl claims
 * the card in its process's name, as an open of the node would, and the card
 * goes back when it is taken from the VM. What it writes to config space by
 * sysfs reaches the card unmediated, as any such write of root's does: the
 * IOMMU, not config space, is what keeps the host safe.
 *
 * The file is looked up under /sys, as the client did, and believed only if it
 * is the very file of this card: a mount of the caller's own proves nothing.
 * Such a mount can also keep the look-up waiting for ever, so that is done
 * before any lock is taken; what was found is judged under card->lock.
 */
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/namei.h>

#include "pci-assign/assign.h"

static void look_up_bar(struct path *at, const char *dir, unsigned int bar)
{
	char *name = kasprintf(GFP_KERNEL, "/sys%s/resource%u", dir, bar);

	if (!name || kern_path(name, 0, at))
		*at = (struct path) { };
	kfree(name);
}

void legacy_look_up(struct legacy_files *f, u32 segment, u32 bus, u32 devfn)
{
	struct pci_dev *pdev = pci_get_domain_bus_and_slot(segment, bus, devfn);
	char *dir = pdev ? kobject_get_path(&pdev->dev.kobj, GFP_KERNEL) : NULL;
	unsigned int i;

	memset(f, 0, sizeof(*f));
	for (i = 0; dir && i < VBAR_COUNT; i++)
		if (pci_resource_len(pdev, i))
			look_up_bar(&f->bar[i], dir, i);
	kfree(dir);
	pci_dev_put(pdev);
}

void legacy_put_files(struct legacy_files *f)
{
	unsigned int i;

	for (i = 0; i < VBAR_COUNT; i++)
		path_put(&f->bar[i]);
}

/* A foreign file is asked nothing: whoever serves it may never answer. */
static bool may_use_file(const struct path *at, const struct kernfs_node *own)
{
	const struct inode *inode = d_backing_inode(at->dentry);

	return inode->i_sb->s_magic == SYSFS_MAGIC && inode->i_private == own &&
	       !path_permission(at, MAY_READ | MAY_WRITE);
}

static bool may_use_bar(struct card *c, const struct path *at, unsigned int bar)
{
	char name[sizeof("resource0")];
	struct kernfs_node *own;
	bool may;

	snprintf(name, sizeof(name), "resource%u", bar);
	own = kernfs_find_and_get(c->pdev->dev.kobj.sd, name);
	may = own && at->dentry && may_use_file(at, own);
	kernfs_put(own);
	return may;
}

/* All of its BARs, and at least one. */
static bool may_use_bars(struct card *c, const struct legacy_files *f)
{
	unsigned int i, bars = 0;

	for (i = 0; i < VBAR_COUNT; i++) {
		if (!pci_resource_len(c->pdev, i))
			continue;
		bars++;
		if (!may_use_bar(c, &f->bar[i], i))
			return false;
	}
	return bars;
}

int legacy_permit(struct card *c, const struct legacy_files *f)
{
	lockdep_assert_held(&c->lock);
	if (node_held_by_caller(c))
		return 0;
	/* A claimed card is assigned: that is the answer to who could claim it. */
	if ((!c->opened || c->legacy) && may_use_bars(c, f))
		return 0;
	card_err(c, "process %d does not hold its node open; open /dev/backplane/%s for reading and writing first (or, without a node, have permission on all of its resource files in sysfs)\n",
		 task_tgid_nr(current), pci_name(c->pdev));
	return -EPERM;
}

int legacy_claim(struct card *c)
{
	int err;

	lockdep_assert_held(&c->lock);
	if (c->opened)
		return 0;
	c->legacy = true;
	c->legacy_stop = false;
	err = card_power_up(c);
	if (err) {
		c->legacy = false;
		return err;
	}
	c->opened = true;
	c->closing = false;
	c->holder = task_tgid_nr(current);
	get_task_comm(c->holder_comm, current);
	return 0;
}

void legacy_release(struct card *c)
{
	mutex_lock(&c->lock);
	if (c->legacy) {
		fault_forget(c);
		card_power_down(c);
		c->legacy = false;
		c->opened = false;
	}
	mutex_unlock(&c->lock);
	wake_up_all(&c->closed);
}
