// SPDX-License-Identifier: GPL-2.0
/*
 * The IVRS parser (48882 5.2) for amdvi_linux.c. It walks the blocks twice:
 * first the units (IVHD) with their device entries, then the memory blocks
 * (IVMD), so that every unit is known when memory is reported. It reads bytes
 * and calls back; it allocates nothing and knows no device.
 */
#include "iommu-amd/ivrs.h"

struct ivrs_parser {
	const u8 *table;
	size_t len;
	const struct ivrs_ops *ops;
	void *ctx;
	const char **why;
};

static u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static int ivrs_bad(const struct ivrs_parser *ps, const char *why)
{
	*ps->why = why;
	return -EINVAL;
}

static bool ivrs_is_ivhd(u8 type)
{
	return type == IVHD_TYPE_10 || type == IVHD_TYPE_11 ||
	       type == IVHD_TYPE_40;
}

static bool ivrs_is_ivmd(u8 type)
{
	return type >= IVMD_TYPE_ALL && type <= IVMD_TYPE_RANGE;
}

static size_t ivhd_header_size(u8 type)
{
	return type == IVHD_TYPE_10 ? 24 : 40;
}

/* ---- device entries ------------------------------------------------------ */

/* Size of the entry at @p with @left bytes after it begins; 0 if unknown. */
static size_t ivhd_entry_size(const u8 *p, size_t left)
{
	if (p[0] < 0x40)
		return 4;
	if (p[0] < 0x80)
		return 8;
	if (p[0] == IVHD_DEV_ACPI && left >= 22)
		return 22 + (size_t)p[21];
	return 0;
}

static int ivhd_report_range(const struct ivrs_parser *ps,
			     const struct ivrs_unit *unit,
			     const struct ivrs_range *range)
{
	if (range->last < range->first)
		return ivrs_bad(ps, "a device range ends before it begins");
	return ps->ops->range ? ps->ops->range(ps->ctx, unit, range) : 0;
}

static int ivhd_report_special(const struct ivrs_parser *ps,
			       const struct ivrs_unit *unit, const u8 *p)
{
	struct ivrs_special special = {
		.flags = p[3], .handle = p[4], .devid = get16(p + 5),
		.variety = p[7],
	};

	return ps->ops->special ? ps->ops->special(ps->ctx, unit, &special) : 0;
}

static int ivhd_report_named(const struct ivrs_parser *ps,
			     const struct ivrs_unit *unit, const u8 *p)
{
	struct ivrs_named named = { .devid = get16(p + 1), .flags = p[3] };

	if (unit->type != IVHD_TYPE_40)
		return ivrs_bad(ps, "an ACPI-named device outside a type 40h block");
	memcpy(named.hid, p + 4, 8);
	return ps->ops->named ? ps->ops->named(ps->ctx, unit, &named) : 0;
}

/* A range is open between its start entry and its end entry. */
struct ivhd_open {
	bool open;
	struct ivrs_range range;
};

static int ivhd_range_start(const struct ivrs_parser *ps,
			    struct ivhd_open *open, const u8 *p, bool alias)
{
	if (open->open)
		return ivrs_bad(ps, "a device range begins inside another");
	open->open = true;
	open->range = (struct ivrs_range){ .first = get16(p + 1),
					   .flags = p[3] };
	if (alias) {
		open->range.has_alias = true;
		open->range.alias = get16(p + 5);
	}
	return 0;
}

static int ivhd_range_end(const struct ivrs_parser *ps,
			  const struct ivrs_unit *unit,
			  struct ivhd_open *open, const u8 *p)
{
	if (!open->open)
		return ivrs_bad(ps, "a device range ends that never began");
	open->open = false;
	open->range.last = get16(p + 1);
	return ivhd_report_range(ps, unit, &open->range);
}

static int ivhd_select(const struct ivrs_parser *ps,
		       const struct ivrs_unit *unit, const u8 *p, bool alias)
{
	struct ivrs_range range = { .first = get16(p + 1),
				    .last = get16(p + 1), .flags = p[3] };

	if (alias) {
		range.has_alias = true;
		range.alias = get16(p + 5);
	}
	return ivhd_report_range(ps, unit, &range);
}

static int ivhd_entry(const struct ivrs_parser *ps,
		      const struct ivrs_unit *unit, struct ivhd_open *open,
		      const u8 *p)
{
	switch (p[0]) {
	case IVHD_DEV_ALL:
		return ivhd_report_range(ps, unit, &(struct ivrs_range){
					 .last = U16_MAX, .flags = p[3] });
	case IVHD_DEV_SELECT:
	case IVHD_DEV_EXT:
		return ivhd_select(ps, unit, p, false);
	case IVHD_DEV_ALIAS:
		return ivhd_select(ps, unit, p, true);
	case IVHD_DEV_RANGE:
	case IVHD_DEV_EXT_RANGE:
		return ivhd_range_start(ps, open, p, false);
	case IVHD_DEV_ALIAS_RANGE:
		return ivhd_range_start(ps, open, p, true);
	case IVHD_DEV_RANGE_END:
		return ivhd_range_end(ps, unit, open, p);
	case IVHD_DEV_SPECIAL:
		return ivhd_report_special(ps, unit, p);
	case IVHD_DEV_ACPI:
		return ivhd_report_named(ps, unit, p);
	}
	return 0;	/* padding and reserved types of known size */
}

static int ivhd_entries(const struct ivrs_parser *ps,
			const struct ivrs_unit *unit, const u8 *p, size_t left)
{
	struct ivhd_open open = { 0 };
	size_t size;
	int err;

	for (; left; p += size, left -= size) {
		size = ivhd_entry_size(p, left);
		if (!size)
			return ivrs_bad(ps, "a device entry of unknown type");
		if (size > left)
			return ivrs_bad(ps, "a device entry leaves its block");
		err = ivhd_entry(ps, unit, &open, p);
		if (err)
			return err;
	}
	return open.open ? ivrs_bad(ps, "a device range has no end") : 0;
}

/* ---- blocks -------------------------------------------------------------- */

static void ivhd_read(const u8 *p, struct ivrs_unit *unit)
{
	*unit = (struct ivrs_unit){
		.type = p[0], .flags = p[1], .devid = get16(p + 4),
		.cap = get16(p + 6), .base = get64(p + 8),
		.segment = get16(p + 16),
		.efr = p[0] == IVHD_TYPE_10 ? 0 : get64(p + 24),
	};
}

/* Length of the block at @off, or -EINVAL. */
static int ivrs_block(const struct ivrs_parser *ps, size_t off)
{
	size_t left = ps->len - off, len;

	if (left < 4)
		return ivrs_bad(ps, "a block's header leaves the table");
	len = get16(ps->table + off + 2);
	if (len < 4 || len > left)
		return ivrs_bad(ps, "a block leaves the table");
	if (ivrs_is_ivhd(ps->table[off]) &&
	    len < ivhd_header_size(ps->table[off]))
		return ivrs_bad(ps, "a unit's block is too short");
	if (ivrs_is_ivmd(ps->table[off]) && len < IVMD_SIZE)
		return ivrs_bad(ps, "a memory block is too short");
	return (int)len;
}

/* Does a later type describe the same unit again? */
static int ivhd_superseded(const struct ivrs_parser *ps,
			   const struct ivrs_unit *unit, size_t self)
{
	struct ivrs_unit other;
	size_t off;
	int len;

	for (off = IVRS_HEADER_SIZE; off < ps->len; off += (size_t)len) {
		len = ivrs_block(ps, off);
		if (len < 0)
			return len;
		if (!ivrs_is_ivhd(ps->table[off]) || off == self)
			continue;
		ivhd_read(ps->table + off, &other);
		if (other.segment != unit->segment ||
		    other.devid != unit->devid)
			continue;
		if (other.type == unit->type)
			return ivrs_bad(ps, "a unit is described twice");
		if (other.type > unit->type)
			return 1;
	}
	return 0;
}

static int ivrs_take_ivhd(const struct ivrs_parser *ps, size_t off, size_t len)
{
	const u8 *p = ps->table + off;
	size_t header = ivhd_header_size(p[0]);
	struct ivrs_unit unit;
	int err;

	ivhd_read(p, &unit);
	err = ivhd_superseded(ps, &unit, off);
	if (err)
		return err < 0 ? err : 0;
	if (!unit.base || (unit.base & (AMDVI_MMIO_SIZE - 1)))
		return ivrs_bad(ps, "a unit's register address is unusable");
	err = ps->ops->unit ? ps->ops->unit(ps->ctx, &unit) : 0;
	if (err)
		return err;
	return ivhd_entries(ps, &unit, p + header, len - header);
}

static int ivrs_take_ivmd(const struct ivrs_parser *ps, size_t off)
{
	const u8 *p = ps->table + off;
	struct ivrs_memory memory = {
		.flags = p[1], .segment = get16(p + 8),
		.first = get16(p + 4), .last = get16(p + 4),
		.start = get64(p + 16), .size = get64(p + 24),
	};

	if (p[0] == IVMD_TYPE_ALL) {
		memory.first = 0;
		memory.last = U16_MAX;
	} else if (p[0] == IVMD_TYPE_RANGE) {
		memory.last = get16(p + 6);
	}
	if (memory.last < memory.first)
		return ivrs_bad(ps, "a memory block's devices end before they begin");
	if (!memory.size || memory.start + memory.size < memory.start)
		return ivrs_bad(ps, "a memory block is empty or wraps");
	return ps->ops->memory ? ps->ops->memory(ps->ctx, &memory) : 0;
}

static int ivrs_walk(const struct ivrs_parser *ps, bool units)
{
	size_t off;
	int len, err = 0;

	for (off = IVRS_HEADER_SIZE; off < ps->len && !err;
	     off += (size_t)len) {
		len = ivrs_block(ps, off);
		if (len < 0)
			return len;
		if (units && ivrs_is_ivhd(ps->table[off]))
			err = ivrs_take_ivhd(ps, off, (size_t)len);
		else if (!units && ivrs_is_ivmd(ps->table[off]))
			err = ivrs_take_ivmd(ps, off);
	}
	return err;
}

static bool ivrs_sum_is_zero(const u8 *p, size_t len)
{
	u8 sum = 0;

	while (len--)
		sum = (u8)(sum + *p++);
	return !sum;
}

int ivrs_parse(const void *table, size_t len, const struct ivrs_ops *ops,
	       void *ctx, const char **why)
{
	struct ivrs_parser ps = { .table = table, .ops = ops, .ctx = ctx,
				  .why = why };
	int err;

	*why = "no reason";
	if (len < IVRS_HEADER_SIZE || memcmp(table, "IVRS", 4))
		return ivrs_bad(&ps, "it is no IVRS table");
	ps.len = get32(ps.table + 4);
	if (ps.len < IVRS_HEADER_SIZE || ps.len > len)
		return ivrs_bad(&ps, "its length is wrong");
	if (!ivrs_sum_is_zero(ps.table, ps.len))
		return ivrs_bad(&ps, "its checksum is wrong");
	err = ivrs_walk(&ps, true);
	return err ? err : ivrs_walk(&ps, false);
}

bool ivrs_memory_is_for(const struct ivrs_memory *m, u16 segment,
			const u16 *ids, unsigned int n_ids)
{
	unsigned int i;

	for (i = 0; i < n_ids; i++)
		if (m->segment == segment && ids[i] >= m->first &&
		    ids[i] <= m->last)
			return true;
	return false;
}
