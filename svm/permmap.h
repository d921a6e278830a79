/* SPDX-License-Identifier: GPL-2.0 */
/*
 * permmap: the I/O and MSR permission maps (APM2 15.10.1, 15.11).
 *
 * A set bit means "exit". Both maps start fully set: deny by default.
 */
#ifndef BACKPLANE_PERMMAP_H
#define BACKPLANE_PERMMAP_H

#include "env.h"

#define IOPM_BYTES	(3 * 4096)
#define MSRPM_BYTES	(2 * 4096)

/* Every port, every MSR: exit. */
void permmap_deny_all(u8 *map, size_t bytes);
/* Ports [first, first + count) reach the machine (or not) directly. */
void permmap_allow_ports(u8 *iopm, u16 first, unsigned int count, bool allow);
/* false: the MSR is in none of the three ranges and always exits. */
bool permmap_allow_msr(u8 *msrpm, u32 msr, bool read, bool write);
bool permmap_port_exits(const u8 *iopm, u16 port, unsigned int size);

#endif
