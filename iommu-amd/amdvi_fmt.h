/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The formats of the AMD IOMMU: registers, tables, commands, events, and the
 * firmware table that describes the units. Section numbers are those of AMD's
 * specification 48882. Everything is a little-endian word and masks; the
 * asserts say that the masks of one word neither overlap nor leave it.
 */
#ifndef BACKPLANE_AMDVI_FMT_H
#define BACKPLANE_AMDVI_FMT_H

#include "env.h"

/* Masks that share no bit: the sum of them is the union of them. */
#define FMT_DISJOINT2(a, b)	(((a) + (b)) == ((a) | (b)))

/* ---- MMIO registers (3.4) ------------------------------------------------ */
#define AMDVI_MMIO_SIZE		0x4000
#define AMDVI_REG_DEVTAB	0x0000
#define AMDVI_REG_CMD_BASE	0x0008
#define AMDVI_REG_EVT_BASE	0x0010
#define AMDVI_REG_CONTROL	0x0018
#define AMDVI_REG_EXCL_BASE	0x0020
#define AMDVI_REG_EXCL_LIMIT	0x0028
#define AMDVI_REG_EFR		0x0030
#define AMDVI_REG_EFR2		0x01a0
#define AMDVI_REG_CMD_HEAD	0x2000
#define AMDVI_REG_CMD_TAIL	0x2008
#define AMDVI_REG_EVT_HEAD	0x2010
#define AMDVI_REG_EVT_TAIL	0x2018
#define AMDVI_REG_STATUS	0x2020

#define AMDVI_DEVTAB_BASE	GENMASK_ULL(51, 12)
#define AMDVI_DEVTAB_SIZE	GENMASK_ULL(8, 0)	/* 4 KiB pages - 1 */
#define AMDVI_RING_BASE		GENMASK_ULL(51, 12)
#define AMDVI_RING_LEN		GENMASK_ULL(59, 56)	/* log2 of entries */
#define AMDVI_RING_PTR		GENMASK_ULL(18, 4)	/* byte offset */

#define AMDVI_CTRL_IOMMU_EN	BIT_ULL(0)
#define AMDVI_CTRL_HT_TUN	BIT_ULL(1)
#define AMDVI_CTRL_EVT_LOG	BIT_ULL(2)
#define AMDVI_CTRL_EVT_INT	BIT_ULL(3)
#define AMDVI_CTRL_INV_TIMEOUT	GENMASK_ULL(7, 5)
#define AMDVI_INV_TIMEOUT_1S	4
#define AMDVI_CTRL_PASS_PW	BIT_ULL(8)
#define AMDVI_CTRL_RES_PASS_PW	BIT_ULL(9)
#define AMDVI_CTRL_COHERENT	BIT_ULL(10)
#define AMDVI_CTRL_ISOC		BIT_ULL(11)
#define AMDVI_CTRL_CMD_BUF	BIT_ULL(12)
#define AMDVI_CTRL_GA		BIT_ULL(17)	/* 128-bit remapping entries */
#define AMDVI_CTRL_XT		BIT_ULL(50)	/* 32-bit destinations */

#define AMDVI_STATUS_EVT_OVF	BIT_ULL(0)	/* write 1 to clear */
#define AMDVI_STATUS_EVT_INT	BIT_ULL(1)	/* write 1 to clear */
#define AMDVI_STATUS_EVT_RUN	BIT_ULL(3)
#define AMDVI_STATUS_CMD_RUN	BIT_ULL(4)

#define AMDVI_EFR_XT		BIT_ULL(2)
#define AMDVI_EFR_IA		BIT_ULL(6)	/* INVALIDATE_ALL exists */
#define AMDVI_EFR_GA		BIT_ULL(7)
#define AMDVI_EFR_HATS		GENMASK_ULL(11, 10)	/* 4, 5 or 6 levels */

/* Capability header in PCI configuration space (3.2). */
#define AMDVI_CAP_EXT		BIT(28)	/* a second feature register */
#define AMDVI_CAP_NP_CACHE	BIT(26)	/* may cache absent entries */

/* ---- device table entry (2.2.2.1) ---------------------------------------- */
#define AMDVI_DTE_SIZE		32
#define AMDVI_DEVICES		65536	/* ids of one segment */
/* quad 0 */
#define DTE_V			BIT_ULL(0)	/* 0 means pass everything! */
#define DTE_TV			BIT_ULL(1)
#define DTE_MODE		GENMASK_ULL(11, 9)	/* table depth; 0 identity */
#define DTE_ROOT		GENMASK_ULL(51, 12)
#define DTE_IR			BIT_ULL(61)
#define DTE_IW			BIT_ULL(62)
/* quad 1 */
#define DTE_DOMAIN		GENMASK_ULL(15, 0)
#define DTE_SE			BIT_ULL(33)	/* log the first fault only */
#define DTE_SA			BIT_ULL(34)	/* log no DMA fault */
/* quad 2 */
#define DTE_IV			BIT_ULL(0)	/* 0 means pass interrupts */
#define DTE_INT_LEN		GENMASK_ULL(4, 1)	/* log2 of entries */
#define DTE_IG			BIT_ULL(5)	/* log no interrupt fault */
#define DTE_INT_ROOT		GENMASK_ULL(51, 6)
#define DTE_INT_CTL		GENMASK_ULL(61, 60)
#define DTE_INT_CTL_ABORT	0
#define DTE_INT_CTL_REMAP	2

#define DTE_Q0_USED (DTE_V | DTE_TV | DTE_MODE | DTE_ROOT | DTE_IR | DTE_IW)
#define DTE_Q1_USED (DTE_DOMAIN | DTE_SE | DTE_SA)
#define DTE_Q2_USED (DTE_IV | DTE_INT_LEN | DTE_IG | DTE_INT_ROOT | DTE_INT_CTL)

static_assert(DTE_Q0_USED == DTE_V + DTE_TV + DTE_MODE + DTE_ROOT + DTE_IR +
	      DTE_IW, "quad 0: masks overlap");
static_assert(DTE_Q1_USED == DTE_DOMAIN + DTE_SE + DTE_SA,
	      "quad 1: masks overlap");
static_assert(DTE_Q2_USED == DTE_IV + DTE_INT_LEN + DTE_IG + DTE_INT_ROOT +
	      DTE_INT_CTL, "quad 2: masks overlap");

struct dte {
	u64 q[4];
};
static_assert(sizeof(struct dte) == AMDVI_DTE_SIZE, "a DTE is 256 bits");

/* ---- commands (2.4): two quads ------------------------------------------- */
#define AMDVI_CMD_SIZE		16
#define CMD_CODE		GENMASK_ULL(63, 60)
#define CMD_COMPLETION_WAIT	1
#define CMD_INV_DEVTAB		2
#define CMD_INV_PAGES		3
#define CMD_INV_INT_TABLE	5
#define CMD_INV_ALL		8

#define CMD_WAIT_STORE		BIT_ULL(0)
#define CMD_WAIT_ADDR		GENMASK_ULL(51, 3)
#define CMD_DEVID		GENMASK_ULL(15, 0)
#define CMD_DOMAIN		GENMASK_ULL(47, 32)
#define CMD_PAGES_S		BIT_ULL(0)	/* a power-of-two range */
#define CMD_PAGES_PDE		BIT_ULL(1)	/* cached pointers too */
#define CMD_PAGES_ADDR		GENMASK_ULL(63, 12)

static_assert(FMT_DISJOINT2(CMD_CODE | CMD_WAIT_STORE, CMD_WAIT_ADDR),
	      "completion wait: masks overlap");
static_assert(FMT_DISJOINT2(CMD_CODE | CMD_DEVID, CMD_DOMAIN),
	      "invalidate: masks overlap");

/* ---- event log (2.5): two quads ------------------------------------------ */
#define AMDVI_EVT_SIZE		16
#define EVT_DEVID		GENMASK_ULL(15, 0)
#define EVT_DOMAIN		GENMASK_ULL(47, 32)
#define EVT_I			BIT_ULL(51)	/* an interrupt request */
#define EVT_PR			BIT_ULL(52)	/* the page was present */
#define EVT_RW			BIT_ULL(53)	/* a write */
#define EVT_PE			BIT_ULL(54)	/* permission was lacking */
#define EVT_RZ			BIT_ULL(55)	/* a reserved bit was set */
#define EVT_TR			BIT_ULL(56)	/* a translation request */
#define EVT_CODE		GENMASK_ULL(63, 60)

static_assert((EVT_DEVID | EVT_DOMAIN | EVT_I | EVT_PR | EVT_RW | EVT_PE |
	       EVT_RZ | EVT_TR | EVT_CODE) ==
	      EVT_DEVID + EVT_DOMAIN + EVT_I + EVT_PR + EVT_RW + EVT_PE +
	      EVT_RZ + EVT_TR + EVT_CODE, "event: masks overlap");

/* ---- interrupt remapping entries (2.2.5) --------------------------------- */
/* 32-bit form */
#define IRTE_EN			BIT_ULL(0)
#define IRTE_TYPE		GENMASK_ULL(4, 2)	/* 0 fixed, 1 lowest */
#define IRTE_DM			BIT_ULL(6)	/* logical destination */
#define IRTE32_DEST		GENMASK_ULL(15, 8)
#define IRTE32_VECTOR		GENMASK_ULL(23, 16)
/* 128-bit form: the low bits are the same */
#define IRTE128_DEST_LO		GENMASK_ULL(31, 8)	/* quad 0: id 23:0 */
#define IRTE128_VECTOR		GENMASK_ULL(7, 0)	/* quad 1 */
#define IRTE128_DEST_HI		GENMASK_ULL(63, 56)	/* quad 1: id 31:24 */

static_assert((IRTE_EN | IRTE_TYPE | IRTE_DM | IRTE32_DEST | IRTE32_VECTOR) ==
	      IRTE_EN + IRTE_TYPE + IRTE_DM + IRTE32_DEST + IRTE32_VECTOR,
	      "32-bit IRTE: masks overlap");
static_assert(FMT_DISJOINT2(IRTE_EN | IRTE_TYPE | IRTE_DM, IRTE128_DEST_LO),
	      "128-bit IRTE: masks overlap");

/* ---- the ACPI table IVRS (5.2) ------------------------------------------- */
#define IVRS_HEADER_SIZE	48
#define IVHD_TYPE_10		0x10	/* 24-byte header */
#define IVHD_TYPE_11		0x11	/* 40-byte header, EFR image */
#define IVHD_TYPE_40		0x40	/* as 11h, plus ACPI-named devices */
#define IVMD_TYPE_ALL		0x20
#define IVMD_TYPE_ONE		0x21
#define IVMD_TYPE_RANGE		0x22
#define IVMD_SIZE		32

#define IVHD_FLAG_HT_TUN	BIT(0)
#define IVHD_FLAG_PASS_PW	BIT(1)
#define IVHD_FLAG_RES_PASS_PW	BIT(2)
#define IVHD_FLAG_ISOC		BIT(3)
#define IVHD_FLAG_COHERENT	BIT(5)

#define IVHD_DEV_PAD		0x00
#define IVHD_DEV_ALL		0x01
#define IVHD_DEV_SELECT		0x02
#define IVHD_DEV_RANGE		0x03
#define IVHD_DEV_RANGE_END	0x04
#define IVHD_DEV_ALIAS		0x42
#define IVHD_DEV_ALIAS_RANGE	0x43
#define IVHD_DEV_EXT		0x46
#define IVHD_DEV_EXT_RANGE	0x47
#define IVHD_DEV_SPECIAL	0x48
#define IVHD_DEV_ACPI		0xf0

#define IVMD_FLAG_UNITY		BIT(0)
#define IVMD_FLAG_READ		BIT(1)
#define IVMD_FLAG_WRITE		BIT(2)
#define IVMD_FLAG_EXCLUSION	BIT(3)

#endif
