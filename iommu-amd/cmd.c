// SPDX-License-Identifier: GPL-2.0
/*
 * Command encoding (48882 2.4) for unit_linux.c. Knows bits, not rings.
 */
#include "iommu-amd/cmd.h"

/* 2.4.3: this address with S = 1 stands for everything. */
#define CMD_EVERYTHING 0x7ffffffffffff000ULL

static struct amdvi_cmd cmd_make(u64 code, u64 q0, u64 q1)
{
	return (struct amdvi_cmd){ { FIELD_PREP(CMD_CODE, code) | q0, q1 } };
}

struct amdvi_cmd cmd_completion_wait(hpa_t where, u64 value)
{
	return cmd_make(CMD_COMPLETION_WAIT,
			CMD_WAIT_STORE | (where & CMD_WAIT_ADDR), value);
}

struct amdvi_cmd cmd_invalidate_dte(u16 devid)
{
	return cmd_make(CMD_INV_DEVTAB, FIELD_PREP(CMD_DEVID, devid), 0);
}

struct amdvi_cmd cmd_invalidate_irt(u16 devid)
{
	return cmd_make(CMD_INV_INT_TABLE, FIELD_PREP(CMD_DEVID, devid), 0);
}

struct amdvi_cmd cmd_invalidate_all(void)
{
	return cmd_make(CMD_INV_ALL, 0, 0);
}

static struct amdvi_cmd cmd_pages(u16 domain, u64 addr, bool s, bool walk)
{
	return cmd_make(CMD_INV_PAGES, FIELD_PREP(CMD_DOMAIN, domain),
			(addr & CMD_PAGES_ADDR) | (s ? CMD_PAGES_S : 0) |
			(walk ? CMD_PAGES_PDE : 0));
}

struct amdvi_cmd cmd_invalidate_domain(u16 domain)
{
	return cmd_pages(domain, CMD_EVERYTHING, true, true);
}

/*
 * With S = 1 the size is told by the lowest clear address bit from bit 12 up:
 * clear bit 12 is 8 KiB, clear bit 13 (12 set) is 16 KiB, and so on. The
 * range sent is the smallest aligned power of two that holds the one asked.
 */
struct amdvi_cmd cmd_invalidate_pages(u16 domain, gpa_t start, gpa_t end,
				      bool walk)
{
	gpa_t first = start & ~(gpa_t)(BP_PAGE_SIZE - 1);
	gpa_t last = (end - 1) | (BP_PAGE_SIZE - 1);
	u64 differ, below;
	unsigned int top;

	if (end <= start)
		return cmd_invalidate_domain(domain);
	differ = (first ^ last) >> BP_PAGE_SHIFT;
	if (!differ)
		return cmd_pages(domain, first, false, walk);
	top = 63 - (unsigned int)__builtin_clzll(differ) + BP_PAGE_SHIFT;
	if (top > 50)
		return cmd_pages(domain, CMD_EVERYTHING, true, walk);
	/* Bits below @top set, @top clear: a range of 2^(top + 1). */
	below = BIT_ULL(top) - 1;
	return cmd_pages(domain, (first & ~(BIT_ULL(top) | below)) | below,
			 true, walk);
}
