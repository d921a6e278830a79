/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which functions a switch mixes up. What a card sends to another card below
 * the same switch reaches the IOMMU only if the switch redirects it (access
 * control, ACS: PCIe 6.12). A port without it routes by address at once, to
 * any other port of the switch, whether that one has ACS or not. So one such
 * port makes the whole switch one group: all its ports, all that is below.
 * The kernel's pci_device_group() looks at each port by itself and misses that.
 */
#ifndef BACKPLANE_GROUP_H
#define BACKPLANE_GROUP_H

#include "env.h"

#define GROUP_ACS_SV	BIT(0)	/* source validation (PCIe 7.7.11.2) */
#define GROUP_ACS_RR	BIT(2)	/* requests to others go up */
#define GROUP_ACS_CR	BIT(3)	/* so do completions */
#define GROUP_ACS_UF	BIT(4)	/* and what comes back up is not turned here */
#define GROUP_ACS_ALL	(GROUP_ACS_SV | GROUP_ACS_RR | GROUP_ACS_CR | GROUP_ACS_UF)

/* A function of a switch's inner bus. */
struct group_port {
	bool downstream;	/* a downstream port */
	bool has_acs;
	u16 acs_cap, acs_ctrl;
};

/* Functions are opaque here; the caller keeps them alive. */
struct group_ops {
	/* The bridge above @fn, NULL on a root bus. */
	void *(*above)(void *fn);
	/* Is it the upstream port of a switch? */
	bool (*is_upstream)(void *bridge);
	/* Fill in function @devfn of the bus below @bridge; false: none there. */
	bool (*port)(void *bridge, unsigned int devfn, struct group_port *p);
};

/* Does the port send everything up? Flags that it has not got are hard-wired on. */
bool group_port_isolates(const struct group_port *p);

/*
 * The nearest switch above @fn that has a downstream port without access
 * control: its upstream port, and the port's number in @devfn. NULL: none.
 */
void *group_open_switch(const struct group_ops *ops, void *fn,
			unsigned int *devfn);

/*
 * Whose bus decides on @fn's group: the function (@fn, or a bridge above it)
 * on the inner bus of the topmost open switch. All functions of that bus are
 * one group, and all below them. NULL: no switch above @fn is open.
 */
void *group_anchor(const struct group_ops *ops, void *fn);

#endif
