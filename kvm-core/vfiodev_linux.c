// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CREATE_DEVICE and its one device here, KVM_DEV_TYPE_VFIO, as
 * Documentation/virt/kvm/devices/vfio.rst has it: user space that gives a VM cards
 * through stock vfio-pci names the groups that belong to the VM; QEMU does without
 * where it must, not every VMM may. The device keeps each group's file from release
 * while the VM may use it. Coherency, which other vendors' nested tables need to
 * know of, changes nothing in AMD's.
 *
 * Called by the VM's ioctl; the file holds the VM. Knows nothing of cards.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include "kvm-core/vcpu.h"
#include "compat_linux.h"

#define MAX_GROUPS	64

struct vfiodev {
	struct vm *vm;
	struct mutex lock;		/* of the groups */
	struct file *groups[MAX_GROUPS];
};

/* vfio need not be loaded: then no file is its group. */
static bool is_group(struct file *f)
{
	bool (*ask)(struct file *f) = symbol_get(compat_vfio_file_is_valid);
	bool is = ask && ask(f);

	if (ask)
		symbol_put(compat_vfio_file_is_valid);
	return is;
}

static int find(struct vfiodev *d, const struct file *f)
{
	int i;

	for (i = 0; i < MAX_GROUPS; i++)
		if (d->groups[i] == f)
			return i;
	return -ENOENT;
}

static int group_add(struct vfiodev *d, struct file *f)
{
	int slot;

	if (!is_group(f))
		return -EINVAL;
	if (find(d, f) >= 0)
		return -EEXIST;
	slot = find(d, NULL);
	if (slot < 0)
		return -ENOSPC;
	d->groups[slot] = get_file(f);
	return 0;
}

static int group_del(struct vfiodev *d, struct file *f)
{
	int slot = find(d, f);

	if (slot < 0)
		return slot;
	d->groups[slot] = NULL;
	fput(f);
	return 0;
}

static bool has_attr(const struct kvm_device_attr *a)
{
	return a->group == KVM_DEV_VFIO_GROUP &&
	       (a->attr == KVM_DEV_VFIO_GROUP_ADD || a->attr == KVM_DEV_VFIO_GROUP_DEL);
}

static int set_attr(struct vfiodev *d, const struct kvm_device_attr *a)
{
	struct file *f;
	s32 fd;
	int err;

	if (!has_attr(a))
		return -ENXIO;
	if (get_user(fd, (s32 __user *)(unsigned long)a->addr))
		return -EFAULT;
	f = fget(fd);
	if (!f)
		return -EBADF;
	mutex_lock(&d->lock);
	err = a->attr == KVM_DEV_VFIO_GROUP_ADD ? group_add(d, f) : group_del(d, f);
	mutex_unlock(&d->lock);
	fput(f);
	return err;
}

static long vfiodev_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct vfiodev *d = f->private_data;
	struct kvm_device_attr a;

	if (current->mm != d->vm->mm || READ_ONCE(d->vm->dead))
		return -EIO;
	if (cmd != KVM_SET_DEVICE_ATTR && cmd != KVM_GET_DEVICE_ATTR &&
	    cmd != KVM_HAS_DEVICE_ATTR)
		return -ENOTTY;
	if (cmd == KVM_GET_DEVICE_ATTR)		/* there is nothing to read */
		return -EPERM;
	if (copy_from_user(&a, (void __user *)arg, sizeof(a)))
		return -EFAULT;
	if (cmd == KVM_HAS_DEVICE_ATTR)
		return has_attr(&a) ? 0 : -ENXIO;
	return set_attr(d, &a);
}

static int vfiodev_release(struct inode *inode, struct file *f)
{
	struct vfiodev *d = f->private_data;
	int i;

	for (i = 0; i < MAX_GROUPS; i++)
		if (d->groups[i])
			fput(d->groups[i]);
	clear_bit(0, &d->vm->has_vfiodev);
	vm_put(d->vm);
	kfree(d);
	return 0;
}

static const struct file_operations vfiodev_fops = {
	.owner = THIS_MODULE,
	.release = vfiodev_release,
	.unlocked_ioctl = vfiodev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* A descriptor, or an errno. */
static int vfiodev_create(struct vm *vm)
{
	struct vfiodev *d;
	int fd;

	if (test_and_set_bit(0, &vm->has_vfiodev))
		return -EBUSY;
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	fd = -ENOMEM;
	if (!d)
		goto none;
	d->vm = vm;
	mutex_init(&d->lock);
	vm_get(vm);
	fd = anon_inode_getfd("kvm-vfio", &vfiodev_fops, d, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	vm_put(vm);
	kfree(d);
none:
	clear_bit(0, &vm->has_vfiodev);
	return fd;
}

int vm_create_device(struct vm *vm, void __user *argp)
{
	struct kvm_create_device cd;
	int fd;

	if (copy_from_user(&cd, argp, sizeof(cd)))
		return -EFAULT;
	if (cd.type != KVM_DEV_TYPE_VFIO)
		return -ENODEV;
	if (cd.flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	/* Where the answer goes, before there is something to answer. */
	if (put_user(-1, &((struct kvm_create_device __user *)argp)->fd))
		return -EFAULT;
	fd = vfiodev_create(vm);
	if (fd < 0)
		return fd;
	return put_user(fd, &((struct kvm_create_device __user *)argp)->fd) ? -EFAULT : 0;
}
