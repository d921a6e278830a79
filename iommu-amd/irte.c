// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt remapping entries (48882 2.2.5) for intremap_linux.c. Knows bits,
 * neither irq domains nor where the table lies.
 */
#include "iommu-amd/irte.h"

static bool irte_sane(const struct irte_want *want, bool wide)
{
	return want->vector >= 16 && want->delivery <= 1 &&
	       (wide || want->dest <= 0xff);
}

static u64 irte_low(const struct irte_want *want)
{
	return IRTE_EN | FIELD_PREP(IRTE_TYPE, want->delivery) |
	       (want->logical ? IRTE_DM : 0);
}

int irte32_build(const struct irte_want *want, u32 *out)
{
	*out = 0;
	if (!irte_sane(want, false))
		return -EINVAL;
	*out = (u32)(irte_low(want) | FIELD_PREP(IRTE32_DEST, want->dest) |
		     FIELD_PREP(IRTE32_VECTOR, want->vector));
	return 0;
}

int irte128_build(const struct irte_want *want, bool wide, u64 out[2])
{
	out[0] = 0;
	out[1] = 0;
	if (!irte_sane(want, wide))
		return -EINVAL;
	out[0] = irte_low(want) |
		 FIELD_PREP(IRTE128_DEST_LO, want->dest & 0xffffff);
	out[1] = FIELD_PREP(IRTE128_VECTOR, want->vector) |
		 FIELD_PREP(IRTE128_DEST_HI, want->dest >> 24);
	return 0;
}

u32 irte_msg_data(unsigned int index)
{
	return index;
}
