/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands we give to a unit (48882 2.4), each as its two quads.
 *
 * INVALIDATE_IOTLB_PAGES is missing on purpose: no device table entry of ours
 * lets a card keep its own translation cache (ATS), so there is none to empty.
 */
#ifndef BACKPLANE_AMDVI_CMD_H
#define BACKPLANE_AMDVI_CMD_H

#include "addr.h"
#include "iommu-amd/amdvi_fmt.h"

struct amdvi_cmd {
	u64 q[2];
};
static_assert(sizeof(struct amdvi_cmd) == AMDVI_CMD_SIZE, "two quads");

/* Store @value at @where (8-byte aligned) when all before it is done. */
struct amdvi_cmd cmd_completion_wait(hpa_t where, u64 value);
struct amdvi_cmd cmd_invalidate_dte(u16 devid);
struct amdvi_cmd cmd_invalidate_irt(u16 devid);
struct amdvi_cmd cmd_invalidate_all(void);
/*
 * Forget at least [start, end) of a domain; an empty or backward range means
 * all of it. @walk: cached pointers to tables as well.
 */
struct amdvi_cmd cmd_invalidate_pages(u16 domain, gpa_t start, gpa_t end,
				      bool walk);
struct amdvi_cmd cmd_invalidate_domain(u16 domain);

/* cmd_invalidate_pages() of an aligned power of two, a page to 2^50 bytes. */
static inline struct amdvi_cmd cmd_invalidate_block(u16 domain, gpa_t start,
						    u64 size, bool walk)
{
	u64 below = (size / 2 - 1) & CMD_PAGES_ADDR;

	return (struct amdvi_cmd){ {
		FIELD_PREP(CMD_CODE, (u64)CMD_INV_PAGES) |
		FIELD_PREP(CMD_DOMAIN, (u64)domain),
		start | below | (size > BP_PAGE_SIZE ? CMD_PAGES_S : 0) |
		(walk ? CMD_PAGES_PDE : 0) } };
}

#endif
