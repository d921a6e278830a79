/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The five address spaces, and nothing else.
 *
 *   gva  guest virtual     what a guest instruction names
 *   gpa  guest physical    after the guest's own page tables; also what an
 *                          assigned card puts on the bus
 *   hva  host virtual      where the VMM (QEMU) mapped the guest's RAM
 *   hpa  host physical     after gpm, the shared table
 *   _fn  frame number      an address without its low 12 bits
 *
 * Ranges are [start, end); sizes are in bytes unless the name says pages.
 */
#ifndef BACKPLANE_ADDR_H
#define BACKPLANE_ADDR_H

#include "env.h"

typedef unsigned long gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;
typedef u64 hpa_t;

#define BP_PAGE_SHIFT	12
#define BP_PAGE_SIZE	(1UL << BP_PAGE_SHIFT)
#define BP_PAGE_MASK	(~(BP_PAGE_SIZE - 1))

#endif
