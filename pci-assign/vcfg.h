/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vcfg: the config space that a guest sees of an assigned card.
 *
 * Pure. Every bit of config space has exactly one of these natures, given by
 * three masks per 32-bit word and stated, with its reason, in vcfg_tab.c:
 *
 *   virt  write  a read gives        a guest write
 *    0     0     the card's bit      is dropped
 *    0     1     the card's bit      reaches the card
 *    1     0     the shadow's bit    is dropped
 *    1     1     the shadow's bit    changes the shadow only
 *
 * "Hidden" is virt without write and a shadow of 0. Bits in w1c are of the
 * kind that a 1 clears: when a word is written for other bits' sake they are
 * written as 0, so that nothing is cleared that the guest did not ask for.
 * Everything starts hidden; a line of the tables opens it. A capability the
 * tables do not name is not in the list that the guest walks.
 *
 * Reads and writes of any offset and length within the space are split into
 * naturally aligned accesses. What a write means beyond the bits (arm
 * interrupts, reset, bus mastering) is the caller's to do: vcfg_write()
 * returns VCFG_DID_* bits, and the caller reads the registers back from the
 * shadow.
 *
 * Locks: the caller serialises all calls on one struct vcfg.
 */
#ifndef BACKPLANE_PCI_ASSIGN_VCFG_H
#define BACKPLANE_PCI_ASSIGN_VCFG_H

#include "pci-assign/vbar.h"

#define VCFG_SIZE		4096
#define VCFG_LEGACY_SIZE	256
#define VCFG_WORDS		(VCFG_SIZE / 4)

struct vcfg_perm {
	u32 virt;
	u32 write;
	u32 w1c;
};

/* Bits of vcfg_write()'s result: registers of this kind were written. */
#define VCFG_DID_COMMAND	BIT(0)
#define VCFG_DID_BAR		BIT(1)
#define VCFG_DID_MSI		BIT(2)
#define VCFG_DID_MSIX		BIT(3)
#define VCFG_DID_RESET		BIT(4)	/* the guest asked for a function reset */

/* The card's config space: aligned accesses of 1, 2 or 4 bytes. */
struct vcfg_hw {
	u32 (*read)(void *ctx, unsigned int off, unsigned int len);
	void (*write)(void *ctx, unsigned int off, unsigned int len, u32 value);
	void *ctx;
};

/* What the config space alone cannot tell. */
struct vcfg_params {
	unsigned int size;		/* 256 or 4096 */
	u16 vendor, device;		/* a VF's own registers read FFFFh */
	bool intx;			/* the host can deliver its pin */
	bool msix;			/* its table lies inside a BAR */
	s8 msi_log2;			/* vectors the host can give, log2;
					 * < 0: none, MSI is hidden
					 */
	u64 rom_size;
	struct vbar bars[VBAR_COUNT];
};

struct vcfg {
	unsigned int size;
	u8 pm, msi, msix, pcie, af;	/* offsets of what is shown; 0 none */
	bool msi_64, msi_maskable;
	struct vcfg_perm perm[VCFG_WORDS];
	u8 did[VCFG_WORDS];		/* VCFG_DID_* of a write to the word */
	u32 shadow[VCFG_WORDS];
};

/* One line of a permission table: a 32-bit word at @off of its structure. */
struct vcfg_line {
	u16 off;
	u8 did;
	u32 virt;
	u32 write;
	u32 w1c;
	u32 copy;		/* bits of the shadow that start as the card's */
	u32 ones;		/* bits of the shadow that start as 1 */
	const char *why;
};

/* A capability; @lines NULL: hidden, and @why says why. */
struct vcfg_cap {
	u16 id;
	u16 len;		/* bytes opened; 0: the structure tells it */
	u8 count;
	const struct vcfg_line *lines;
	const char *name;
	const char *why;
};

/* vcfg_tab.c: data only. */
extern const struct vcfg_line vcfg_header[];
extern const unsigned int vcfg_header_count;
extern const struct vcfg_cap vcfg_caps[];
extern const unsigned int vcfg_caps_count;
extern const struct vcfg_cap vcfg_ext_caps[];
extern const unsigned int vcfg_ext_caps_count;
/* Entry for capability @id, or NULL if the tables do not know it. */
const struct vcfg_cap *vcfg_find_cap(u16 id, bool extended);

/*
 * Build the model from the card's present config space and the tables. 0;
 * -EINVAL: bad size, BARs that vbar_valid() refuses, or not a type-0 header.
 * A capability list with a loop or an overlap is shown up to that point.
 */
int vcfg_build(struct vcfg *v, const struct vcfg_hw *hw,
	       const struct vcfg_params *p);

/* The one place where permission is decided. @lanes: bits written to. */
struct vcfg_merged {
	u32 shadow;
	u32 host;		/* valid under @lanes only */
	bool to_host;
};
struct vcfg_merged vcfg_merge(const struct vcfg_perm *p, u32 shadow, u32 host,
			      u32 value, u32 lanes);

/* Guest accesses. Bytes past the end read FFh and drop writes. */
void vcfg_read(const struct vcfg *v, const struct vcfg_hw *hw,
	       unsigned int off, unsigned int len, u8 *buf);
u32 vcfg_write(struct vcfg *v, const struct vcfg_hw *hw, unsigned int off,
	       unsigned int len, const u8 *buf);

/* The shadow's 16 or 32 bits at an aligned offset: what the guest set. */
u16 vcfg_get16(const struct vcfg *v, unsigned int off);
u32 vcfg_get32(const struct vcfg *v, unsigned int off);
/* Change shadow bits that the caller models (reset, pending bits). */
void vcfg_set32(struct vcfg *v, unsigned int off, u32 value);

/* Offsets inside the MSI capability, which has four layouts; 0 if absent. */
unsigned int vcfg_msi_data_off(const struct vcfg *v);
unsigned int vcfg_msi_mask_off(const struct vcfg *v);
unsigned int vcfg_msi_pending_off(const struct vcfg *v);

#endif
