// SPDX-License-Identifier: GPL-2.0
/*
 * Switches without access control (PCIe 6.12) and what they mix up. For
 * group_linux.c; knows of the machine only what group_ops tells.
 */
#include "iommu-amd/group.h"

#define GROUP_FUNCTIONS	256	/* of one bus */

bool group_port_isolates(const struct group_port *p)
{
	u16 needed = GROUP_ACS_ALL & p->acs_cap;

	return p->has_acs && (p->acs_ctrl & needed) == needed;
}

/* The switch's first port that routes by itself; -1 if there is none. */
static int switch_open_port(const struct group_ops *ops, void *upstream)
{
	unsigned int devfn;
	struct group_port p;

	for (devfn = 0; devfn < GROUP_FUNCTIONS; devfn++)
		if (ops->port(upstream, devfn, &p) && p.downstream &&
		    !group_port_isolates(&p))
			return (int)devfn;
	return -1;
}

/* From @fn up to the next open switch; @below is the function on its bus. */
static void *climb(const struct group_ops *ops, void *fn, void **below,
		   unsigned int *devfn)
{
	void *up;
	int port;

	for (up = ops->above(fn); up; fn = up, up = ops->above(up)) {
		port = ops->is_upstream(up) ? switch_open_port(ops, up) : -1;
		if (port < 0)
			continue;
		*below = fn;
		*devfn = (unsigned int)port;
		return up;
	}
	return NULL;
}

void *group_open_switch(const struct group_ops *ops, void *fn,
			unsigned int *devfn)
{
	void *below;

	return climb(ops, fn, &below, devfn);
}

void *group_anchor(const struct group_ops *ops, void *fn)
{
	unsigned int devfn;
	void *anchor = NULL;

	while (fn)
		fn = climb(ops, fn, &anchor, &devfn);
	return anchor;
}
