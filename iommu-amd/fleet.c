// SPDX-License-Identifier: GPL-2.0
/*
 * Flushes that concern several units (48882 2.4: a completion says something
 * about its own unit only). For unit_linux.c; knows of units only numbers.
 */
#include "iommu-amd/fleet.h"

u32 fleet_run(const struct fleet_ops *ops, void *ctx, u32 units,
	      const struct amdvi_cmd *cmds, unsigned int n)
{
	struct engine_ticket ticket[FLEET_MAX_UNITS];
	int err[FLEET_MAX_UNITS];
	u32 left, failed = 0;
	unsigned int i;

	for (i = 0, left = units; left; i++, left >>= 1)
		if (left & 1)
			err[i] = ops->submit(ctx, i, cmds, n, &ticket[i]);
	for (i = 0, left = units; left; i++, left >>= 1)
		if ((left & 1) && ops->finish(ctx, i, err[i], &ticket[i]))
			failed |= BIT(i);
	return failed;
}
