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
 */
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/namei.h>

#include "pci-assign/assign.h"

static bool may_use_file(const struct path *at, const struct kernfs_node *own)
{
	const struct inode *inode = d_backing_inode(at->dentry);

	return inode->i_sb->s_magic == SYSFS_MAGIC && inode->i_private == own &&
	       !path_permission(at, MAY_READ | MAY_WRITE);
}

static bool may_use_bar(struct card *c, const char *dir, unsigned int bar)
{
	struct kernfs_node *own;
	struct path at;
	bool may = false;
	char *name;

	name = kasprintf(GFP_KERNEL, "/sys%s/resource%u", dir, bar);
	if (!name)
		return false;
	own = kernfs_find_and_get(c->pdev->dev.kobj.sd, kbasename(name));
	if (own && !kern_path(name, 0, &at)) {
		may = may_use_file(&at, own);
		path_put(&at);
	}
	kernfs_put(own);
	kfree(name);
	return may;
}

/* All of its BARs, and at least one. */
static bool may_use_bars(struct card *c)
{
	char *dir = kobject_get_path(&c->pdev->dev.kobj, GFP_KERNEL);
	unsigned int i, bars = 0;
	bool may = dir;

	for (i = 0; may && i < VBAR_COUNT; i++) {
		if (!pci_resource_len(c->pdev, i))
			continue;
		bars++;
		may = may_use_bar(c, dir, i);
	}
	kfree(dir);
	return may && bars;
}

static int claim(struct card *c)
{
	int err;

	if (c->opened || c->gone || !may_use_bars(c)) {
		card_err(c, "process %d does not hold its node open; open /dev/backplane/%s for reading and writing first (or, without a node, have permission on all of its resource files in sysfs)\n",
			 task_tgid_nr(current), pci_name(c->pdev));
		return -EPERM;
	}
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

int legacy_claim(struct card *c)
{
	int err = 0;

	mutex_lock(&c->lock);
	if (!node_held_by_caller(c))
		err = claim(c);
	mutex_unlock(&c->lock);
	return err;
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
