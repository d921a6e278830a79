// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt destinations: AMD64 APM volume 2, 16.6.1 (physical, flat, cluster)
 * and 16.12 (x2APIC). irq_linux.c builds the map and publishes it; every MSI
 * and IPI looks its targets up here, from hard-irq context. vdest_matches says
 * the same slowly; a test compares the two.
 */
#include "kvm-core/vdest.h"

#define BROADCAST8	0xffU
#define BROADCAST32	0xffffffffU

#define MSI_WINDOW	0xfee00000U
#define MSI_WINDOW_MASK	0xfff00000U
#define MSI_LOGICAL	BIT(2)
#define MSI_REDIRECT	BIT(3)
#define MSI_DEST	0x000ff000U
#define MSI_DEST_EXT	0xffffff0000000000ULL
#define MSI_VECTOR	0x000000ffU
#define MSI_MODE	0x00000700U
#define MSI_LEVEL	BIT(15)

static u8 logical_id(const struct vlapic *a)
{
	return vlapic_peek(a, VLAPIC_LDR) >> 24;
}

/* APM2 16.6.1: DFR model 1111b is flat, anything else clusters. */
static bool is_flat(const struct vlapic *a)
{
	return vlapic_peek(a, VLAPIC_DFR) >> 28 == 0xf;
}

void vdest_init(struct vdest *d, u32 ids)
{
	memset(d, 0, sizeof(*d) + ids * sizeof(d->phys[0]));
	d->ids = ids;
}

static void add_logical(struct vdest *d, const struct vlapic *a)
{
	u8 id = logical_id(a);
	unsigned int bit;

	if (is_flat(a)) {
		for (bit = 0; bit < 8; bit++)
			if (id & (1U << bit))
				d->flat[bit] |= BIT_ULL(a->slot);
		return;
	}
	for (bit = 0; bit < 4; bit++)
		if (id & (1U << bit))
			d->cluster[id >> 4][bit] |= BIT_ULL(a->slot);
}

void vdest_add(struct vdest *d, const struct vlapic *a)
{
	u32 id = vlapic_apic_id(a);

	if (!vlapic_hw_enabled(a) || a->slot >= VDEST_SLOTS || id >= d->ids)
		return;
	d->apic[a->slot] = a;
	d->phys[id] |= BIT_ULL(a->slot);
	if (vlapic_is_x2apic(a)) {
		d->x2apic |= BIT_ULL(a->slot);
		return;
	}
	d->xapic |= BIT_ULL(a->slot);
	add_logical(d, a);
}

static u64 find_broadcast(const struct vdest *d, const struct vchip_msg *m)
{
	if (m->wide && m->dest == BROADCAST32)
		return d->xapic | d->x2apic;
	if (m->dest != BROADCAST8)
		return 0;
	return m->wide ? d->xapic : d->xapic | d->x2apic;
}

static u64 find_x2_logical(const struct vdest *d, u32 dest)
{
	u32 id = (dest >> 16) << 4, bits = dest & 0xffff;
	u64 set = 0;

	for (; bits && id < d->ids; bits >>= 1, id++)
		if (bits & 1)
			set |= d->phys[env_index_nospec(id, d->ids)];
	return set & d->x2apic;
}

static u64 find_logical(const struct vdest *d, u32 dest)
{
	u64 set = find_x2_logical(d, dest);
	unsigned int bit, group;

	if (dest > 0xff)
		return set;
	group = env_index_nospec(dest >> 4, ARRAY_SIZE(d->cluster));
	for (bit = 0; bit < 8; bit++)
		if (dest & (1U << bit))
			set |= d->flat[bit];
	for (bit = 0; bit < 4; bit++)
		if (dest & (1U << bit))
			set |= d->cluster[group][bit];
	return set;
}

u64 vdest_find(const struct vdest *d, const struct vchip_msg *m, int self)
{
	u64 all = d->xapic | d->x2apic;
	u64 me = self >= 0 ? BIT_ULL(self) : 0;

	switch (m->shorthand) {
	case VCHIP_TO_SELF:
		return me;
	case VCHIP_TO_ALL:
		return all;
	case VCHIP_TO_OTHERS:
		return all & ~me;
	}
	all = find_broadcast(d, m);
	if (m->logical)
		return all | find_logical(d, m->dest);
	if (m->dest < d->ids)
		all |= d->phys[env_index_nospec(m->dest, d->ids)];
	return all;
}

int vdest_lowest(const struct vdest *d, u64 set, unsigned int start)
{
	u32 best_ppr = U32_MAX;
	unsigned int i;
	int best = -1;

	for (i = 0; i < VDEST_SLOTS && set; i++) {
		unsigned int slot = (start + i) % VDEST_SLOTS;
		u32 ppr;

		if (!(set & BIT_ULL(slot)))
			continue;
		set &= ~BIT_ULL(slot);
		if (!d->apic[slot] || !vlapic_enabled(d->apic[slot]))
			continue;
		ppr = vlapic_peek(d->apic[slot], VLAPIC_PPR) & 0xff;
		if (ppr >= best_ppr)
			continue;
		best_ppr = ppr;
		best = slot;
	}
	return best;
}

static bool matches_broadcast(const struct vlapic *a, const struct vchip_msg *m)
{
	if (m->wide && m->dest == BROADCAST32)
		return true;
	return m->dest == BROADCAST8 && !(m->wide && vlapic_is_x2apic(a));
}

static bool matches_logical(const struct vlapic *a, u32 dest)
{
	u8 id = logical_id(a);

	if (vlapic_is_x2apic(a))
		return dest >> 16 == a->id >> 4 && (dest >> (a->id & 15) & 1);
	if (dest > 0xff)
		return false;
	if (is_flat(a))
		return dest & id;
	return dest >> 4 == id >> 4 && (dest & id & 0xf);
}

bool vdest_matches(const struct vlapic *a, const struct vchip_msg *m)
{
	if (!vlapic_hw_enabled(a))
		return false;
	if (matches_broadcast(a, m))
		return true;
	if (m->logical)
		return matches_logical(a, m->dest);
	return m->dest == vlapic_apic_id(a);
}

/*
 * The redirection hint asks for one of several logical targets, whatever the
 * delivery mode says about it.
 */
bool vdest_decode_msi(u64 addr, u32 data, bool ids32, struct vchip_msg *m)
{
	if (((u32)addr & MSI_WINDOW_MASK) != MSI_WINDOW)
		return false;
	*m = (struct vchip_msg) {
		.dest = FIELD_GET(MSI_DEST, (u32)addr),
		.logical = addr & MSI_LOGICAL,
		.vector = data & MSI_VECTOR,
		.mode = FIELD_GET(MSI_MODE, data),
		.level = data & MSI_LEVEL,
	};
	if (ids32 && (addr & MSI_DEST_EXT)) {
		m->dest |= FIELD_GET(MSI_DEST_EXT, addr) << 8;
		m->wide = true;
	}
	if (m->mode == VCHIP_FIXED && m->logical && (addr & MSI_REDIRECT))
		m->mode = VCHIP_LOWEST;
	return true;
}
