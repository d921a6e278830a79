// SPDX-License-Identifier: GPL-2.0
/*
 * The permission tables: what a guest may read and write of each word of the
 * type-0 header and of each capability, and why. Data only, in the order of
 * PCI 3.0 chapter 6 and PCIe 4.0 chapter 7. Columns: offset, effect, virt,
 * write, w1c, copy, ones (see vcfg.h). What no line names is hidden, and so is
 * every capability that is not listed. BARs and the MSI capability are built
 * by code (vbar.c, vcfg.c), as their shape depends on the card.
 */
#include <linux/pci_regs.h>
#include "msi/vmsix.h"
#include "pci-assign/vcfg.h"

#define ALL		0xffffffffU
#define HI(bits)	((u32)(bits) << 16)

#define COMMAND_GUEST	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | \
			 PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE | \
			 PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
			 PCI_COMMAND_INTX_DISABLE)
#define STATUS_ERRORS	HI(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | \
			   PCI_STATUS_REC_TARGET_ABORT | \
			   PCI_STATUS_REC_MASTER_ABORT | \
			   PCI_STATUS_SIG_SYSTEM_ERROR | \
			   PCI_STATUS_DETECTED_PARITY)

const struct vcfg_line vcfg_header[] = {
	{ PCI_VENDOR_ID, 0, ALL, 0, 0, 0, 0,
	  "a virtual function's own register reads FFFFh" },
	{ PCI_COMMAND, VCFG_DID_COMMAND,
	  0xffff | HI(PCI_STATUS_CAP_LIST), COMMAND_GUEST | STATUS_ERRORS,
	  STATUS_ERRORS, 0, 0,
	  "decoding, bus mastering and INTx are granted by the host; error status is the card's" },
	{ PCI_CLASS_REVISION, 0, 0, 0, 0, 0, 0, "read-only by nature" },
	{ PCI_CACHE_LINE_SIZE, 0, ALL, 0xffff, 0, 0x7f0000, 0,
	  "cache line and latency belong to the real bus; BIST would upset the host; the VMM decides the multifunction bit" },
	{ PCI_SUBSYSTEM_VENDOR_ID, 0, 0, 0, 0, 0, 0, "read-only by nature" },
	{ PCI_CAPABILITY_LIST, 0, ALL, 0, 0, 0, 0,
	  "the list is rewritten to skip what is hidden" },
	{ PCI_INTERRUPT_LINE, 0, ALL, 0xff, 0, 0xffffff00, 0,
	  "the line is the guest's scratch; the pin is shown if it can be delivered" },
};
const unsigned int vcfg_header_count = ARRAY_SIZE(vcfg_header);

static const struct vcfg_line pm_lines[] = {
	{ 0, 0, ALL, 0, 0, HI(PCI_PM_CAP_VER_MASK), 0,
	  "no PME and no D1, D2: the host owns the card's power" },
	{ PCI_PM_CTRL, 0, ALL, PCI_PM_CTRL_STATE_MASK, 0, 0,
	  PCI_PM_CTRL_NO_SOFT_RESET,
	  "the power state is a model that keeps all settings" },
};

static const struct vcfg_line msix_lines[] = {
	{ 0, VCFG_DID_MSIX, ALL, HI(VMSIX_CTRL_ENABLE | VMSIX_CTRL_FUNC_MASK),
	  0, HI(VMSIX_CTRL_SIZE), 0,
	  "the host arms real vectors when the guest enables" },
	{ PCI_MSIX_TABLE, 0, ALL, 0, 0, ALL, 0, "read-only by nature" },
	{ PCI_MSIX_PBA, 0, ALL, 0, 0, ALL, 0, "read-only by nature" },
};

/* The real Message Control never shows through: see open_msi() in vcfg.c. */
static const struct vcfg_line msi_lines[] = {
	{ 0, VCFG_DID_MSI, ALL, 0, 0, 0, 0,
	  "the host arms real vectors when the guest enables" },
};

#define DEVSTA_ERRORS	HI(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | \
			   PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)
#define DEVCTL2_GUEST	(PCI_EXP_DEVCTL2_COMP_TIMEOUT | \
			 PCI_EXP_DEVCTL2_COMP_TMOUT_DIS)
#define DEVCAP2_SHOWN	(PCI_EXP_DEVCAP2_COMP_TMOUT_DIS | 0xfU)

static const struct vcfg_line pcie_lines[] = {
	{ 0, 0, HI(PCI_EXP_FLAGS_SLOT | PCI_EXP_FLAGS_IRQ), 0, 0, 0, 0,
	  "no slot, no interrupt of the port" },
	{ PCI_EXP_DEVCAP, 0, PCI_EXP_DEVCAP_PHANTOM, 0, 0, 0, 0,
	  "phantom functions would send under ids nobody was given" },
	{ PCI_EXP_DEVCTL, 0, 0xffff, 0xffff | DEVSTA_ERRORS, DEVSTA_ERRORS,
	  0xffff & ~PCI_EXP_DEVCTL_BCR_FLR, 0,
	  "payload and request sizes must match the host's bridges; a reset is done by the host" },
	{ PCI_EXP_LNKCAP, 0, 0, 0, 0, 0, 0, "read-only by nature" },
	{ PCI_EXP_LNKCTL, 0, 0, 0, HI(0xc000), 0, 0,
	  "the link is shared with the host's port" },
	{ PCI_EXP_SLTCAP, 0, ALL, 0, 0, 0, 0, "an endpoint has no slot" },
	{ PCI_EXP_SLTCTL, 0, ALL, 0, 0, 0, 0, "an endpoint has no slot" },
	{ PCI_EXP_RTCTL, 0, ALL, 0, 0, 0, 0, "an endpoint is no root port" },
	{ PCI_EXP_RTSTA, 0, ALL, 0, 0, 0, 0, "an endpoint is no root port" },
	{ PCI_EXP_DEVCAP2, 0, ~DEVCAP2_SHOWN, 0, 0, 0, 0,
	  "atomics, LTR, OBFF and prefixes concern the path to the root" },
	{ PCI_EXP_DEVCTL2, 0, ALL, DEVCTL2_GUEST, 0, DEVCTL2_GUEST, 0,
	  "timeouts are kept as the host set them" },
	{ PCI_EXP_LNKCAP2, 0, 0, 0, 0, 0, 0, "read-only by nature" },
	{ PCI_EXP_LNKCTL2, 0, 0, 0, HI(0x20), 0, 0,
	  "the link is shared with the host's port" },
	{ PCI_EXP_SLTCAP2, 0, ALL, 0, 0, 0, 0, "an endpoint has no slot" },
	{ PCI_EXP_SLTCTL2, 0, ALL, 0, 0, 0, 0, "an endpoint has no slot" },
};

/* AF: word 1 is control (8 bits) and status (8 bits). */
static const struct vcfg_line af_lines[] = {
	{ 0, 0, 0, 0, 0, 0, 0, "read-only by nature" },
	{ PCI_AF_CTRL, 0, 0xffff00ff, PCI_AF_CTRL_FLR, 0, 0, 0,
	  "a reset is done by the host; transactions pending is the card's" },
};

static const struct vcfg_line readable[] = {
	{ 0, 0, 0, 0, 0, 0, 0, "described by the card, never written" },
};

/* Ids newer than the 6.1 headers (PCI Code and ID Assignment 1.16, 2 and 3). */
enum {
	CAP_ID_FPB = 0x15,
	EXT_CAP_ID_LNR = 0x1c,
	EXT_CAP_ID_MPHY = 0x20,
	EXT_CAP_ID_FRS = 0x21,
	EXT_CAP_ID_RTR = 0x22,
	EXT_CAP_ID_VF_REBAR = 0x24,
	EXT_CAP_ID_LMR = 0x27,
	EXT_CAP_ID_HIER,
	EXT_CAP_ID_NPEM,
	EXT_CAP_ID_PL_32GT,
	EXT_CAP_ID_ALT,
	EXT_CAP_ID_SFI,
	EXT_CAP_ID_SHADOW,
	EXT_CAP_ID_DOE,
	EXT_CAP_ID_DEV3,
	EXT_CAP_ID_IDE,
	EXT_CAP_ID_PL_64GT,
	EXT_CAP_ID_FLIT_LOG,
	EXT_CAP_ID_FLIT_PERF,
	EXT_CAP_ID_FLIT_ERR,
	EXT_CAP_ID_SVC,
	EXT_CAP_ID_MRBL,
};

#define SHOW(id, len, lines, name, why) \
	{ id, len, ARRAY_SIZE(lines), lines, name, why }
#define HIDE(id, name, why) { id, 0, 0, NULL, name, why }

const struct vcfg_cap vcfg_caps[] = {
	SHOW(PCI_CAP_ID_PM, PCI_PM_SIZEOF, pm_lines, "power management",
	     "modelled"),
	SHOW(PCI_CAP_ID_MSI, 0, msi_lines, "MSI", "modelled"),
	SHOW(PCI_CAP_ID_VNDR, 0, readable, "vendor-specific",
	     "drivers find their registers by it"),
	SHOW(PCI_CAP_ID_EXP, PCI_EXP_SLTSTA2 + 2, pcie_lines, "PCI Express",
	     "link and sizes shown, nothing of the path changed"),
	SHOW(PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, msix_lines, "MSI-X",
	     "modelled"),
	SHOW(PCI_CAP_ID_SATA, 8, readable, "SATA index and data",
	     "says where the pair is"),
	SHOW(PCI_CAP_ID_AF, PCI_CAP_AF_SIZEOF, af_lines, "advanced features",
	     "reset is done by the host"),
	HIDE(PCI_CAP_ID_AGP, "AGP", "its window is translated by the host bridge"),
	HIDE(PCI_CAP_ID_VPD, "vital product data",
	     "its write side can change the card for good"),
	HIDE(PCI_CAP_ID_SLOTID, "slot identification", "bridges only"),
	HIDE(PCI_CAP_ID_CHSWP, "CompactPCI hot swap", "the host's to handle"),
	HIDE(PCI_CAP_ID_PCIX, "PCI-X", "split transactions depend on the host's bridge"),
	HIDE(PCI_CAP_ID_HT, "HyperTransport",
	     "can redirect interrupts past their remapping"),
	HIDE(PCI_CAP_ID_DBG, "debug port", "the host's console may be there"),
	HIDE(PCI_CAP_ID_CCRC, "CompactPCI resource control", "the host's to handle"),
	HIDE(PCI_CAP_ID_SHPC, "hot-plug controller", "bridges only"),
	HIDE(PCI_CAP_ID_SSVID, "bridge subsystem id", "bridges only"),
	HIDE(PCI_CAP_ID_AGP3, "AGP bridge", "bridges only"),
	HIDE(PCI_CAP_ID_SECDEV, "secure device", "IOMMUs only"),
	HIDE(PCI_CAP_ID_EA, "enhanced allocation",
	     "names host addresses that the guest must not use"),
	HIDE(CAP_ID_FPB, "flattening portal bridge", "bridges only"),
};
const unsigned int vcfg_caps_count = ARRAY_SIZE(vcfg_caps);

const struct vcfg_cap vcfg_ext_caps[] = {
	SHOW(PCI_EXT_CAP_ID_ERR, 0x2c, readable, "advanced error reporting",
	     "errors are the host's to handle; the guest may look"),
	SHOW(PCI_EXT_CAP_ID_DSN, 12, readable, "serial number",
	     "drivers read it"),
	SHOW(PCI_EXT_CAP_ID_VNDR, 0, readable, "vendor-specific",
	     "drivers find their registers by it"),
	HIDE(PCI_EXT_CAP_ID_VC, "virtual channels", "the path to the root is the host's"),
	HIDE(PCI_EXT_CAP_ID_PWR, "power budgeting", "the host owns the card's power"),
	HIDE(PCI_EXT_CAP_ID_RCLD, "root complex links", "root complexes only"),
	HIDE(PCI_EXT_CAP_ID_RCILC, "root complex link control", "root complexes only"),
	HIDE(PCI_EXT_CAP_ID_RCEC, "root event collector", "root complexes only"),
	HIDE(PCI_EXT_CAP_ID_MFVC, "multi-function channels", "shared with other functions"),
	HIDE(PCI_EXT_CAP_ID_VC9, "virtual channels", "the path to the root is the host's"),
	HIDE(PCI_EXT_CAP_ID_RCRB, "root complex registers", "root complexes only"),
	HIDE(PCI_EXT_CAP_ID_CAC, "configuration access", "obsolete"),
	HIDE(PCI_EXT_CAP_ID_ACS, "access control", "isolation is not the guest's to change"),
	HIDE(PCI_EXT_CAP_ID_ARI, "alternative routing id", "functions are placed by the VMM"),
	HIDE(PCI_EXT_CAP_ID_ATS, "address translation", "a card that translates by itself escapes the IOMMU's checks"),
	HIDE(PCI_EXT_CAP_ID_SRIOV, "virtual functions", "new functions would appear on the host"),
	HIDE(PCI_EXT_CAP_ID_MRIOV, "multi-root", "the host's to handle"),
	HIDE(PCI_EXT_CAP_ID_MCAST, "multicast", "reaches other cards"),
	HIDE(PCI_EXT_CAP_ID_PRI, "page requests", "faults are not resolved, but reported"),
	HIDE(PCI_EXT_CAP_ID_AMD_XXX, "AMD reserved", "not documented"),
	HIDE(PCI_EXT_CAP_ID_REBAR, "resizable BAR", "BAR sizes are fixed while assigned"),
	HIDE(PCI_EXT_CAP_ID_DPA, "power allocation", "the host owns the card's power"),
	HIDE(PCI_EXT_CAP_ID_TPH, "processing hints", "names host CPUs and caches"),
	HIDE(PCI_EXT_CAP_ID_LTR, "latency tolerance", "the path to the root is the host's"),
	HIDE(PCI_EXT_CAP_ID_SECPCI, "second link set", "the link is shared with the host's port"),
	HIDE(PCI_EXT_CAP_ID_PMUX, "protocol multiplexing", "the link is shared with the host's port"),
	HIDE(PCI_EXT_CAP_ID_PASID, "process address spaces", "the table given to the card knows none"),
	HIDE(PCI_EXT_CAP_ID_DPC, "port containment", "ports only"),
	HIDE(PCI_EXT_CAP_ID_L1SS, "L1 substates", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_LNR, "LN requester", "deprecated; caches lines of host memory"),
	HIDE(PCI_EXT_CAP_ID_PTM, "precision time", "the path to the root is the host's"),
	HIDE(EXT_CAP_ID_MPHY, "PCI Express over M-PHY", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_FRS, "function readiness", "its messages go to the host's root port"),
	HIDE(EXT_CAP_ID_RTR, "readiness times", "resets are done, and waited for, by the host"),
	HIDE(EXT_CAP_ID_VF_REBAR, "resizable VF BAR", "no virtual functions are made by a guest"),
	HIDE(PCI_EXT_CAP_ID_DVSEC, "designated vendor-specific", "may hold doors to other parts"),
	HIDE(PCI_EXT_CAP_ID_DLF, "data link features", "the link is shared with the host's port"),
	HIDE(PCI_EXT_CAP_ID_PL_16GT, "16 GT/s link", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_LMR, "lane margining", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_HIER, "hierarchy id", "names the place of the card on the host"),
	HIDE(EXT_CAP_ID_NPEM, "enclosure management", "lights and slots are the host's"),
	HIDE(EXT_CAP_ID_PL_32GT, "32 GT/s link", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_ALT, "alternate protocol", "CXL would reach memory past the IOMMU"),
	HIDE(EXT_CAP_ID_SFI, "system firmware intermediary", "ports only"),
	HIDE(EXT_CAP_ID_SHADOW, "shadow functions", "would send under ids nobody was given"),
	HIDE(EXT_CAP_ID_DOE, "data object exchange", "speaks with the card's firmware, attestation and keys included"),
	HIDE(EXT_CAP_ID_DEV3, "device 3", "the path to the root is the host's"),
	HIDE(EXT_CAP_ID_IDE, "link encryption", "keys of the link are the host's"),
	HIDE(EXT_CAP_ID_PL_64GT, "64 GT/s link", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_FLIT_LOG, "flit logging", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_FLIT_PERF, "flit performance", "the link is shared with the host's port"),
	HIDE(EXT_CAP_ID_FLIT_ERR, "flit error injection", "would break the host's link"),
	HIDE(EXT_CAP_ID_SVC, "streamlined virtual channels", "the path to the root is the host's"),
	HIDE(EXT_CAP_ID_MRBL, "register block locator", "may name blocks for the host's management"),
};
const unsigned int vcfg_ext_caps_count = ARRAY_SIZE(vcfg_ext_caps);

const struct vcfg_cap *vcfg_find_cap(u16 id, bool extended)
{
	const struct vcfg_cap *c = extended ? vcfg_ext_caps : vcfg_caps;
	unsigned int n = extended ? vcfg_ext_caps_count : vcfg_caps_count;

	for (; n; n--, c++)
		if (c->id == id)
			return c;
	return NULL;
}
