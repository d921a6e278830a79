// SPDX-License-Identifier: GPL-2.0
/*
 * The counters in debugfs, where kvm_stat looks for them: /sys/kernel/debug/kvm has
 * a file for each, of all VMs there are and were, and a folder for each VM, named
 * by the process and the descriptor it has it by, with the same files of that VM
 * alone. Read-only. Called when the module and when a VM comes and goes.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "kvm-core/stats.h"
#include "kvm-core/vcpu.h"

static struct dentry *stats_dir;
static DEFINE_MUTEX(stats_lock);	/* from the look for a name to its folder */

static int total_get(void *data, u64 *value)
{
	*value = stats_total((enum stat_id)(unsigned long)data);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(total_fops, total_get, NULL, "%llu\n");

struct vm_stat {
	struct vm *vm;
	enum stat_id id;
};

/* The folder goes before the VM does, and waits for readers. */
static int vm_stat_get(void *data, u64 *value)
{
	const struct vm_stat *s = data;

	*value = stats_of_vm(s->vm, s->id);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(vm_stat_fops, vm_stat_get, NULL, "%llu\n");

/* NULL: there is one of that name, of a VM that outlived its descriptor. */
static struct dentry *vm_folder(int fd)
{
	struct dentry *dir = NULL, *other;
	char name[32];

	snprintf(name, sizeof(name), "%d-%d", task_pid_nr(current), fd);
	mutex_lock(&stats_lock);
	other = debugfs_lookup(name, stats_dir);
	if (other)
		dput(other);
	else
		dir = debugfs_create_dir(name, stats_dir);
	mutex_unlock(&stats_lock);
	return IS_ERR(dir) ? NULL : dir;
}

void stats_vm_add(struct vm *vm, int fd)
{
	struct vm_stat *stats = kcalloc(NR_STATS, sizeof(*stats), GFP_KERNEL_ACCOUNT);
	enum stat_id id;

	if (!stats)
		return;
	vm->stats = stats;
	vm->stats_dir = vm_folder(fd);
	if (!vm->stats_dir)
		return;
	for (id = 0; id < NR_STATS; id++) {
		stats[id] = (struct vm_stat){ .vm = vm, .id = id };
		if (id != STAT_VMS)
			debugfs_create_file_unsafe(stat_names[id], 0444, vm->stats_dir,
						   &stats[id], &vm_stat_fops);
	}
}

void stats_vm_remove(struct vm *vm)
{
	debugfs_remove_recursive(vm->stats_dir);
	kfree(vm->stats);
}

void stats_init(void)
{
	unsigned long i;

	stats_dir = debugfs_create_dir("kvm", NULL);
	for (i = 0; i < NR_STATS; i++)
		debugfs_create_file_unsafe(stat_names[i], 0444, stats_dir,
					   (void *)i, &total_fops);
}

void stats_exit(void)
{
	debugfs_remove_recursive(stats_dir);
}
