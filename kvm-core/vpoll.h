/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vpoll: how long a vCPU that halted looks for work before its thread sleeps.
 *
 * Pure. What wakes a vCPU soon is cheaper to wait for than to be woken by: no
 * scheduler, no interrupt to this CPU, no cold caches. What takes long is not.
 * So each vCPU has a time of its own that follows how long its last halt was.
 * The four parameters are those of Linux's KVM (Documentation/virt/kvm/
 * halt-polling.rst), by the same names. Called by wait_linux.c.
 */
#ifndef BACKPLANE_VPOLL_H
#define BACKPLANE_VPOLL_H

#include "env.h"

struct vpoll_params {
	u32 max;		/* ns; 0: a halted vCPU sleeps at once */
	u32 grow;		/* times as long, after one that was too short; 0: never */
	u32 grow_start;		/* ns, the first time that is not 0 */
	u32 shrink;		/* so many times shorter, after a long halt; 0: to nothing */
};

/*
 * The next time to poll, in ns, after one of @ns and a halt that was @halted ns long
 * from its beginning to its end. At most p->max.
 */
u32 vpoll_next(const struct vpoll_params *p, u32 ns, u64 halted);

#endif
