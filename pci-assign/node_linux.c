// SPDX-License-Identifier: GPL-2.0
/*
 * A card's node, /dev/backplane/<dddd:bb:dd.f>: open, ioctls and mmap by
 * <linux/vfio.h>'s device conventions. One process has it open at a time.
 * Opening enables the function (its real memory and I/O decoding stay on until
 * close; what the guest writes to those bits is a model), closing takes the
 * card from its VM and disables it.
 *
 * A BAR is mapped by page fault, uncached, never a page that holds the MSI-X
 * table or pending bits, and never a BAR smaller than a page (its neighbours
 * in that page are somebody else's): those go through pread and pwrite.
 */
#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>

#include "compat_linux.h"
#include "pci-assign/assign.h"

#define FAULT_AROUND	(512 * PAGE_SIZE)	/* pages mapped per fault */

/* ---- open and close ------------------------------------------------------ */

static int claim(struct card *c, struct file *f)
{
	int err;

	if (c->gone)
		return -ENODEV;
	if (c->opened) {
		card_err(c, "its node is open already, by process %d (%s); one user at a time: end that process or use another card\n",
			 c->holder, c->holder_comm);
		return -EBUSY;
	}
	c->mapping = f->f_mapping;
	err = card_power_up(c);
	if (err)
		return err;
	c->opened = true;
	c->closing = false;
	c->holder = task_tgid_nr(current);
	get_task_comm(c->holder_comm, current);
	return 0;
}

static int node_open(struct inode *inode, struct file *f)
{
	struct card *c = container_of(inode->i_cdev, struct card, cdev);
	int err;

	if ((f->f_mode & (FMODE_READ | FMODE_WRITE)) !=
	    (FMODE_READ | FMODE_WRITE))
		return -EACCES;
	mutex_lock(&c->lock);
	err = claim(c, f);
	mutex_unlock(&c->lock);
	if (!err)
		f->private_data = c;
	return err;
}

static int node_release(struct inode *inode, struct file *f)
{
	struct card *c = f->private_data;

	mutex_lock(&c->lock);
	c->closing = true;	/* no VM may take it from here on */
	mutex_unlock(&c->lock);
	vmioctl_release_card(c);
	fault_set_event(c, NULL);
	fault_forget(c);
	mutex_lock(&c->lock);
	card_power_down(c);
	c->mapping = NULL;
	c->opened = false;
	mutex_unlock(&c->lock);
	wake_up_all(&c->closed);
	return 0;
}

static int is_node_of(const void *arg, struct file *f, unsigned int fd)
{
	return f->f_op == &node_fops && f->private_data == arg;
}

bool node_held_by_caller(struct card *c)
{
	return current->files && iterate_fd(current->files, 0, is_node_of, c);
}

/* ---- mmap ---------------------------------------------------------------- */

static void zap(struct card *c)
{
	if (c->mapping)
		unmap_mapping_range(c->mapping, 0, 0, true);
}

void node_suspend_maps(struct card *c)
{
	mutex_lock(&c->map_lock);
	zap(c);
}

void node_resume_maps(struct card *c)
{
	mutex_unlock(&c->map_lock);
}

void node_allow_maps(struct card *c, bool allow)
{
	mutex_lock(&c->map_lock);
	c->mappable = allow;
	if (!allow)
		zap(c);
	mutex_unlock(&c->map_lock);
}

static unsigned int bar_of_vma(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff >> (CARD_OFFSET_SHIFT - PAGE_SHIFT);
}

static u64 offset_in_bar(const struct vm_area_struct *vma, unsigned long addr)
{
	u64 page = vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);

	return (page << PAGE_SHIFT) & (BIT_ULL(CARD_OFFSET_SHIFT) - 1);
}

static vm_fault_t insert(struct vm_area_struct *vma, struct card *c,
			 unsigned long addr)
{
	u64 at = pci_resource_start(c->pdev, bar_of_vma(vma)) +
		 offset_in_bar(vma, addr);

	return vmf_insert_pfn(vma, addr, at >> PAGE_SHIFT);
}

/* The page asked for, then its neighbours: a driver touches many registers. */
static vm_fault_t node_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct card *c = vma->vm_private_data;
	unsigned long addr, first, end;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	first = max(vma->vm_start, vmf->address & ~(FAULT_AROUND - 1));
	end = min(vma->vm_end, (vmf->address | (FAULT_AROUND - 1)) + 1);
	mutex_lock(&c->map_lock);
	if (c->mappable)
		ret = insert(vma, c, vmf->address & PAGE_MASK);
	for (addr = first; ret == VM_FAULT_NOPAGE && addr < end;
	     addr += PAGE_SIZE)
		if (insert(vma, c, addr) != VM_FAULT_NOPAGE)
			break;
	mutex_unlock(&c->map_lock);
	return ret;
}

static const struct vm_operations_struct node_vm_ops = {
	.fault = node_fault,
};

static int node_mmap(struct file *f, struct vm_area_struct *vma)
{
	struct card *c = f->private_data;
	unsigned int bar = bar_of_vma(vma);
	u64 start = offset_in_bar(vma, vma->vm_start);
	u64 end = start + (vma->vm_end - vma->vm_start);
	enum vbar_kind kind;

	if (!(vma->vm_flags & VM_SHARED) || bar >= VBAR_COUNT)
		return -EINVAL;
	kind = c->params.bars[bar].kind;
	if ((kind != VBAR_MEM32 && kind != VBAR_MEM64) ||
	    !vbar_may_map(&c->msix_at, bar, c->params.bars[bar].size, start, end))
		return -EINVAL;
	vma->vm_private_data = c;
	vma->vm_ops = &node_vm_ops;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	compat_vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND |
			    VM_DONTDUMP | VM_DONTCOPY);
	return 0;
}

/* ---- ioctls -------------------------------------------------------------- */

static long get_info(void __user *arg)
{
	struct vfio_device_info info;
	const size_t size = offsetofend(struct vfio_device_info, num_irqs);

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = BACKPLANE_REGION_STATUS + 1;
	info.num_irqs = VFIO_PCI_ERR_IRQ_INDEX + 1;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

struct sparse_cap {
	struct vfio_region_info info;
	struct vfio_region_info_cap_sparse_mmap cap;
	struct vfio_region_sparse_mmap_area areas[VBAR_MAX_AREAS];
};

/* Which parts of a memory BAR may be mapped, as a sparse-mmap capability. */
static size_t describe_areas(struct card *c, unsigned int bar,
			     struct sparse_cap *out)
{
	struct vbar_area a[VBAR_MAX_AREAS];
	unsigned int n = vbar_mappable(&c->msix_at, bar, out->info.size, a), i;

	if (!n)
		return sizeof(out->info);
	out->info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (n == 1 && a[0].start == 0 && a[0].end == out->info.size)
		return sizeof(out->info);
	out->info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
	out->cap.header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	out->cap.header.version = 1;
	out->cap.nr_areas = n;
	for (i = 0; i < n; i++) {
		out->areas[i].offset = a[i].start;
		out->areas[i].size = a[i].end - a[i].start;
	}
	return offsetof(struct sparse_cap, areas) + n * sizeof(out->areas[0]);
}

static long get_region_info(struct card *c, void __user *arg)
{
	const size_t min_size = sizeof(struct vfio_region_info);
	struct sparse_cap out = { };
	enum vbar_kind kind;
	size_t size = min_size;
	u32 index, argsz;

	if (copy_from_user(&out.info, arg, min_size))
		return -EFAULT;
	index = out.info.index;
	argsz = out.info.argsz;
	if (argsz < min_size || index > BACKPLANE_REGION_STATUS)
		return -EINVAL;
	out.info.flags = 0;
	out.info.cap_offset = 0;
	out.info.size = region_size(c, index);
	out.info.offset = (u64)index << CARD_OFFSET_SHIFT;
	if (out.info.size)
		out.info.flags = VFIO_REGION_INFO_FLAG_READ;
	if (out.info.size && (index <= VFIO_PCI_BAR5_REGION_INDEX ||
			      index == VFIO_PCI_CONFIG_REGION_INDEX ||
			      index == BACKPLANE_REGION_STATUS))
		out.info.flags |= VFIO_REGION_INFO_FLAG_WRITE;
	if (index < VBAR_COUNT) {
		kind = c->params.bars[index].kind;
		if (kind == VBAR_MEM32 || kind == VBAR_MEM64)
			size = describe_areas(c, index, &out);
	}
	if (argsz < size) {	/* say how much room is needed */
		out.info.argsz = size;
		size = min_size;
	} else if (size > min_size) {
		out.info.cap_offset = offsetof(struct sparse_cap, cap);
	}
	return copy_to_user(arg, &out, size) ? -EFAULT : 0;
}

/* Only faults are told by eventfd; the others are delivered by the kernel. */
static long get_irq_info(struct card *c, void __user *arg)
{
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info.flags = 0;
	switch (info.index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		info.count = c->params.intx;
		break;
	case VFIO_PCI_MSI_IRQ_INDEX:
		info.count = c->params.msi_log2 < 0 ? 0 :
			     1U << c->params.msi_log2;
		break;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		info.count = c->vmsix.count;
		break;
	case VFIO_PCI_ERR_IRQ_INDEX:
		info.count = 1;
		info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long set_error_event(struct card *c, s32 fd)
{
	struct eventfd_ctx *event = NULL;

	if (fd >= 0) {
		event = eventfd_ctx_fdget(fd);
		if (IS_ERR(event))
			return PTR_ERR(event);
	}
	fault_set_event(c, event);
	return 0;
}

static long set_irqs(struct card *c, void __user *arg)
{
	const size_t size = offsetof(struct vfio_irq_set, data);
	struct vfio_irq_set set;
	s32 fd;

	if (copy_from_user(&set, arg, size))
		return -EFAULT;
	if (set.argsz < size || set.index != VFIO_PCI_ERR_IRQ_INDEX ||
	    set.start || set.count > 1)
		return -EINVAL;
	if (set.flags == (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER))
		return set.count ? -EINVAL : set_error_event(c, -1);
	if (set.flags != (VFIO_IRQ_SET_DATA_EVENTFD |
			  VFIO_IRQ_SET_ACTION_TRIGGER) ||
	    set.count != 1 || set.argsz < size + sizeof(fd))
		return -EINVAL;
	if (copy_from_user(&fd, arg + size, sizeof(fd)))
		return -EFAULT;
	return set_error_event(c, fd);
}

/* Also the explicit way out of quarantine and of a failed reset. */
static long reset(struct card *c)
{
	int err;

	card_reset_models(c);
	err = reset_card(c);
	if (err)
		return err;
	fault_recover(c);
	card_reset_models(c);
	return c->quarantined ? -EIO : 0;
}

int node_recover(struct card *c)
{
	bool idle = !c->ready;
	long err;

	lockdep_assert_held(&c->lock);
	if (c->gone)
		return -ENODEV;
	if (idle) {
		err = card_power_up(c);
		if (err)
			return err;
	}
	err = reset(c);
	fault_signal(c);	/* its user does not know of this reset */
	if (idle)
		card_power_down(c);
	return err;
}

static long describe(struct card *c, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(c, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(c, arg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(c, arg);
	default:
		return -ENOTTY;
	}
}

/* What describes the card is fixed while it is open and needs no lock. */
static long node_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct card *c = f->private_data;
	long ret = -ENODEV;

	if (cmd != VFIO_DEVICE_RESET)
		return READ_ONCE(c->gone) ? -ENODEV :
		       describe(c, cmd, (void __user *)arg);
	mutex_lock(&c->lock);
	if (c->ready && !c->gone)
		ret = reset(c);
	mutex_unlock(&c->lock);
	return ret;
}

static ssize_t node_read(struct file *f, char __user *buf, size_t count,
			 loff_t *pos)
{
	return region_rw(f->private_data, buf, count, pos, false);
}

static ssize_t node_write(struct file *f, const char __user *buf, size_t count,
			  loff_t *pos)
{
	return region_rw(f->private_data, (char __user *)buf, count, pos, true);
}

static loff_t node_llseek(struct file *f, loff_t off, int whence)
{
	return fixed_size_llseek(f, off, whence, (loff_t)
				 (BACKPLANE_REGION_STATUS + 1) <<
				 CARD_OFFSET_SHIFT);
}

const struct file_operations node_fops = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.read = node_read,
	.write = node_write,
	.llseek = node_llseek,
	.unlocked_ioctl = node_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = node_mmap,
};
