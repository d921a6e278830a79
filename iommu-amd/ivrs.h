/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACPI table IVRS (48882 5.2): which IOMMU units exist, which device ids
 * each of them serves, and which memory firmware keeps for a device.
 *
 * The table is firmware's, so nothing in it is trusted: every length is
 * checked against what surrounds it, and the first inconsistency ends the
 * parse with a phrase that says which.
 */
#ifndef BACKPLANE_AMDVI_IVRS_H
#define BACKPLANE_AMDVI_IVRS_H

#include "env.h"
#include "iommu-amd/amdvi_fmt.h"

/* One unit. Firmware may describe it several times, in older and newer
 * block types; the newest one we know is reported, once.
 */
struct ivrs_unit {
	u16 segment;
	u16 devid;	/* the unit's own PCI function */
	u16 cap;	/* offset of its capability there */
	u8 flags;	/* IVHD_FLAG_* */
	u8 type;	/* IVHD_TYPE_* */
	u64 base;	/* of the registers */
	u64 efr;	/* image of the feature register; 0 in type 10h */
};

/* Device ids first..last belong to the unit. With an alias they appear on
 * the bus under that id.
 */
struct ivrs_range {
	u16 first, last;
	u8 flags;	/* LINT, NMI ... pass bits firmware recommends */
	bool has_alias;
	u16 alias;
};

enum ivrs_variety {
	IVRS_IOAPIC = 1,
	IVRS_HPET = 2,
};

/* An interrupt source that is no PCI device. */
struct ivrs_special {
	u8 variety;	/* enum ivrs_variety, or unknown */
	u8 handle;	/* IOAPIC id or HPET number */
	u8 flags;
	u16 devid;
};

/* A device that only ACPI names. */
struct ivrs_named {
	u16 devid;
	u8 flags;
	char hid[9];
};

/* Memory that devices first..last must reach at its own address. */
struct ivrs_memory {
	u16 segment;
	u16 first, last;
	u8 flags;	/* IVMD_FLAG_* */
	u64 start, size;
};

/* Is @m kept for a function of that segment that appears under @ids? */
bool ivrs_memory_is_for(const struct ivrs_memory *m, u16 segment,
			const u16 *ids, unsigned int n_ids);

/* A callback that returns non-zero ends the parse with that value; any may
 * be NULL. @unit is the one reported last.
 */
struct ivrs_ops {
	int (*unit)(void *ctx, const struct ivrs_unit *unit);
	int (*range)(void *ctx, const struct ivrs_unit *unit,
		     const struct ivrs_range *range);
	int (*special)(void *ctx, const struct ivrs_unit *unit,
		       const struct ivrs_special *special);
	int (*named)(void *ctx, const struct ivrs_unit *unit,
		     const struct ivrs_named *named);
	int (*memory)(void *ctx, const struct ivrs_memory *memory);
};

/*
 * @len bytes are readable at @table. 0, a callback's value, or -EINVAL with
 * @why set to a phrase.
 */
int ivrs_parse(const void *table, size_t len, const struct ivrs_ops *ops,
	       void *ctx, const char **why);

#endif
