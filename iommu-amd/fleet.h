/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands to several IOMMU units at once. A domain may have devices behind
 * more than one unit, each with caches of its own; what it forgets, all of
 * them must forget before a page is used again.
 */
#ifndef BACKPLANE_FLEET_H
#define BACKPLANE_FLEET_H

#include "iommu-amd/engine.h"

#define FLEET_MAX_UNITS	32

struct fleet_ops {
	/* engine_submit() with the unit's lock. */
	int (*submit)(void *ctx, unsigned int unit,
		      const struct amdvi_cmd *cmds, unsigned int n,
		      struct engine_ticket *ticket);
	/* engine_wait() and engine_settle(); @err is what submit said. */
	int (*finish)(void *ctx, unsigned int unit, int err,
		      const struct engine_ticket *ticket);
};

/*
 * Give the commands to each of @units (a bit each), then wait for each, so
 * that they work side by side. A unit that fails stops nobody. Returns the
 * units that did not confirm: 0 if all is done.
 */
u32 fleet_run(const struct fleet_ops *ops, void *ctx, u32 units,
	      const struct amdvi_cmd *cmds, unsigned int n);

#endif
