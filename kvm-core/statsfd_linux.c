// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_STATS_FD: a file that describes and gives the counters of one VM or
 * one vCPU, as Documentation/virt/kvm/api.rst lays it out: a header, a name, a
 * descriptor per counter, the counters. Readers such as QEMU's query-stats
 * learn the names from it; ours are those the in-tree module uses.
 *
 * The file is made anew for each read, so that every read is of one moment.
 * Called by the VM's and the vCPU's ioctls; the file holds the VM.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include "kvm-core/stats.h"
#include "kvm-core/vcpu.h"

#define NAME_BYTES	48

struct stats_file {
	struct vm *vm;
	struct vcpu *vcpu;		/* NULL: of the VM itself */
};

/* struct kvm_stats_desc with its name. */
struct stats_desc {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u32 bucket_size;
	char name[NAME_BYTES];
};

static const enum stat_id vm_ids[] = {
	STAT_FAULT_4K, STAT_FAULT_2M, STAT_FAULT_1G, STAT_PINNED_PAGES,
};
static const enum stat_id vcpu_ids[] = {
	STAT_EXITS, STAT_IRQ_EXITS, STAT_IO_EXITS, STAT_MMIO_EXITS, STAT_NPF,
	STAT_HALTS, STAT_INJECTIONS, STAT_EMULATIONS, STAT_POLLS, STAT_POLLS_HIT,
	STAT_POLL_HIT_NS, STAT_POLL_MISS_NS, STAT_WAKEUPS, STAT_WAIT_NS,
};

#define MAX_IDS	ARRAY_SIZE(vcpu_ids)

struct stats_image {
	struct kvm_stats_header head;
	char name[NAME_BYTES];
	struct stats_desc desc[MAX_IDS];
	u64 data[MAX_IDS];
};

static_assert(ARRAY_SIZE(vm_ids) <= MAX_IDS, "the image has room for both");
/* Newer kernels have a name in it, by their own length. */
static_assert(offsetof(struct stats_desc, name) ==
	      offsetof(struct kvm_stats_desc, name), "no hole before the name");
static_assert(offsetof(struct stats_desc, offset) ==
	      offsetof(struct kvm_stats_desc, offset), "as the ABI has it");

static bool is_time(enum stat_id id)
{
	return id == STAT_POLL_HIT_NS || id == STAT_POLL_MISS_NS ||
	       id == STAT_WAIT_NS;
}

static u32 kind(enum stat_id id)
{
	bool instant = id == STAT_PINNED_PAGES;

	return (instant ? KVM_STATS_TYPE_INSTANT : KVM_STATS_TYPE_CUMULATIVE) |
	       (is_time(id) ? KVM_STATS_UNIT_SECONDS : KVM_STATS_UNIT_NONE) |
	       KVM_STATS_BASE_POW10;
}

static void fill(const struct stats_file *s, struct stats_image *im)
{
	const enum stat_id *ids = s->vcpu ? vcpu_ids : vm_ids;
	u32 i, n = s->vcpu ? ARRAY_SIZE(vcpu_ids) : ARRAY_SIZE(vm_ids);

	im->head = (struct kvm_stats_header) {
		.name_size = NAME_BYTES, .num_desc = n,
		.id_offset = offsetof(struct stats_image, name),
		.desc_offset = offsetof(struct stats_image, desc),
		.data_offset = offsetof(struct stats_image, data),
	};
	if (s->vcpu)
		snprintf(im->name, sizeof(im->name), "kvm-%d/vcpu-%u",
			 s->vm->owner_pid, s->vcpu->id);
	else
		snprintf(im->name, sizeof(im->name), "kvm-%d", s->vm->owner_pid);
	for (i = 0; i < n; i++) {
		im->desc[i].flags = kind(ids[i]);
		im->desc[i].exponent = is_time(ids[i]) ? -9 : 0;
		im->desc[i].size = 1;
		im->desc[i].offset = i * sizeof(im->data[0]);
		strscpy(im->desc[i].name, stat_names[ids[i]], NAME_BYTES);
		im->data[i] = s->vcpu ? stats_of_vcpu(s->vcpu, ids[i]) :
					stats_of_vm(s->vm, ids[i]);
	}
}

static ssize_t stats_read(struct file *f, char __user *buf, size_t count, loff_t *pos)
{
	struct stats_image *im = kzalloc(sizeof(*im), GFP_KERNEL);
	const struct stats_file *s = f->private_data;
	size_t n = s->vcpu ? ARRAY_SIZE(vcpu_ids) : ARRAY_SIZE(vm_ids);
	ssize_t r;

	if (!im)
		return -ENOMEM;
	fill(s, im);
	r = simple_read_from_buffer(buf, count, pos, im,
				    offsetof(struct stats_image, data) + n * sizeof(u64));
	kfree(im);
	return r;
}

static int stats_release(struct inode *inode, struct file *f)
{
	struct stats_file *s = f->private_data;

	vm_put(s->vm);
	kfree(s);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

int stats_fd(struct vm *vm, struct vcpu *v)
{
	struct stats_file *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	struct file *f;
	int fd;

	if (!s)
		return -ENOMEM;
	s->vm = vm;
	s->vcpu = v;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto free;
	f = anon_inode_getfile(v ? "kvm-vcpu-stats" : "kvm-vm-stats",
			       &stats_fops, s, O_RDONLY);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		fd = PTR_ERR(f);
		goto free;
	}
	f->f_mode |= FMODE_PREAD;	/* readers ask for the data alone */
	vm_get(vm);
	fd_install(fd, f);
	return fd;

free:
	kfree(s);
	return fd;
}
