/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stats: counters of each VM and of all, under /sys/kernel/debug/kvm with the
 * names that kvm_stat knows. A vCPU counts for itself; sums are made when asked,
 * and a VM that goes leaves its counts behind.
 */
#ifndef BACKPLANE_STATS_H
#define BACKPLANE_STATS_H

#include "kvm-core/vm.h"

enum stat_id {
	STAT_EXITS, STAT_IRQ_EXITS, STAT_IO_EXITS, STAT_MMIO_EXITS, STAT_NPF,
	STAT_HALTS, STAT_INJECTIONS, STAT_EMULATIONS, STAT_FAULT_4K,
	STAT_FAULT_2M, STAT_FAULT_1G, STAT_PINNED_PAGES, STAT_VMS,
	STAT_HYPERCALLS, STAT_YIELDS, STAT_IRQ_WINDOWS, STAT_MSR_EXITS,
	STAT_POLLS, STAT_POLLS_HIT, STAT_POLL_HIT_NS, STAT_POLL_MISS_NS,
	STAT_WAKEUPS, STAT_WAIT_NS, NR_STATS
};

extern const char *const stat_names[NR_STATS];

/* debugfs (stats_linux.c). @fd: what the caller's process will know @vm by. */
void stats_init(void);
void stats_exit(void);
void stats_vm_add(struct vm *vm, int fd);
void stats_vm_remove(struct vm *vm);

u64 stats_total(enum stat_id id);
/* Of one vCPU, of one VM with its vCPUs; 0 for what is not counted there. */
u64 stats_of_vcpu(const struct vcpu *v, enum stat_id id);
u64 stats_of_vm(struct vm *vm, enum stat_id id);
/* KVM_GET_STATS_FD (statsfd_linux.c): a new descriptor or an errno. @v NULL:
 * the VM's own.
 */
int stats_fd(struct vm *vm, struct vcpu *v);

#endif
