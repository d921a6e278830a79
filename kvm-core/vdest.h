/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vdest: which vCPUs does an interrupt message mean? (APM2 16.6.1, 16.12)
 *
 * Pure: a map from destination to a set of local APICs, rebuilt when an APIC
 * id, a logical id or an enable bit changes and read-only in between, so that
 * a lookup costs the same with one vCPU and with 64. A set is a word, one bit
 * per slot; the caller knows which vCPU is in which slot.
 *
 * Broadcast: FFh for an xAPIC target, and for an x2APIC target of a narrow
 * message; FFFF_FFFFh in a wide message for all.
 */
#ifndef BACKPLANE_VDEST_H
#define BACKPLANE_VDEST_H

#include "kvm-core/vlapic.h"

#define VDEST_SLOTS	64
#define VDEST_IDS	256	/* APIC ids are below this */

struct vdest {
	u64 xapic, x2apic;		/* the members by mode */
	u64 flat[8];			/* flat logical model: by bit */
	u64 cluster[16][4];		/* cluster model: by cluster and bit */
	const struct vlapic *apic[VDEST_SLOTS];
	u32 ids;			/* how many follow, at most VDEST_IDS */
	u64 phys[];			/* by APIC id */
};

/*
 * Empty a map with room for APIC ids below @ids; add a local APIC (nothing if
 * its base MSR disables it, or its id has no room).
 */
void vdest_init(struct vdest *d, u32 ids);
void vdest_add(struct vdest *d, const struct vlapic *a);

/* [any] The set @m goes to; @self is the sender's slot, -1 without one. */
u64 vdest_find(const struct vdest *d, const struct vchip_msg *m, int self);
/*
 * [any] Lowest priority: the member of @set that accepts fixed interrupts and
 * runs at the lowest processor priority; of equals the first at or after bit
 * @start. -1 if none accepts.
 */
int vdest_lowest(const struct vdest *d, u64 set, unsigned int start);

/* The same question as vdest_find's for one target, by definition. */
bool vdest_matches(const struct vlapic *a, const struct vchip_msg *m);

/*
 * Decode an MSI (APM2 16.6.6 and the PCI address format FEEx_xxxxh). @ids32:
 * bits 63:40 extend the destination. False if the address is no interrupt.
 */
bool vdest_decode_msi(u64 addr, u32 data, bool ids32, struct vchip_msg *m);

#endif
