/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmsix: the MSI-X table and pending bits that a guest sees (PCI 3.0 6.8.2).
 *
 * Pure. The real table belongs to the kernel and is never shown; the guest's
 * reads and writes of the table and of Message Control come here, and a host
 * interrupt is put to vmsix_fire(). As with vmsi: all calls on one struct
 * under one lock, and what fire or take returned is sent before the lock is
 * let go.
 *
 * A vector that fires while its entry or the whole function is masked sets
 * its pending bit and is handed out by vmsix_take() once, when it is
 * unmasked. Entries start masked (6.8.2.9). Disabling forgets pending bits.
 */
#ifndef BACKPLANE_MSI_VMSIX_H
#define BACKPLANE_MSI_VMSIX_H

#include "msi/msg.h"

#define VMSIX_MAX_ENTRIES	2048U
#define VMSIX_ENTRY_SIZE	16

/* Message Control. */
#define VMSIX_CTRL_SIZE		0x07ffU	/* entries - 1 */
#define VMSIX_CTRL_FUNC_MASK	0x4000U
#define VMSIX_CTRL_ENABLE	0x8000U

/* Words of an entry. */
#define VMSIX_ADDR_LO		0
#define VMSIX_ADDR_HI		1
#define VMSIX_DATA		2
#define VMSIX_VECTOR_CTRL	3
#define VMSIX_VECTOR_MASKED	1U

struct vmsix_entry {
	u32 word[4];
};

struct vmsix {
	struct vmsix_entry *table;	/* the caller's, @count entries */
	u64 *pending;			/* the caller's, vmsix_pba_words() */
	u16 count;
	bool enabled;
	bool func_masked;
};

/* Verdict bits. */
#define VMSIX_NOTHING	0U
#define VMSIX_START	1U	/* arm host vectors of unmasked entries */
#define VMSIX_STOP	2U	/* take all host vectors away */
#define VMSIX_OPENED	4U	/* entries were unmasked: arm them if they are
				 * not, then vmsix_take() until false
				 */

/* 64-bit words of the pending bit array for @count vectors. */
unsigned int vmsix_pba_words(unsigned int count);

/* All entries zero and masked, function disabled. */
void vmsix_init(struct vmsix *v, struct vmsix_entry *table, u64 *pending,
		unsigned int count);

/* Guest wrote Message Control. */
u32 vmsix_set_control(struct vmsix *v, u16 control);

/* 32-bit word at byte @offset (a multiple of 4) of the table; 0 past it. */
u32 vmsix_read(const struct vmsix *v, u32 offset);
/* The bits of @value under @lanes replace the word's. Past the table: nothing.
 * The entry concerned is offset / VMSIX_ENTRY_SIZE.
 */
u32 vmsix_write(struct vmsix *v, u32 offset, u32 value, u32 lanes);

/* 32-bit word at byte @offset of the pending bit array; 0 past it. */
u32 vmsix_read_pba(const struct vmsix *v, u32 offset);

/* May entry @index signal now? */
bool vmsix_is_open(const struct vmsix *v, unsigned int index);

/* Host vector @index fired. */
enum msg_verdict vmsix_fire(struct vmsix *v, unsigned int index,
			    struct msg *msg);

/* The next pending and unmasked vector at or after *cursor: clears its bit,
 * fills *msg, moves *cursor. False: none left. Start with *cursor = 0.
 */
bool vmsix_take(struct vmsix *v, unsigned int *cursor, struct msg *msg);

#endif
