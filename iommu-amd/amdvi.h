/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What iommu-amd offers to a module above it (pci-assign).
 *
 * iommu-amd knows devices and tables, never VMs. Ownership follows the
 * kernel's IOMMU API: the caller claims the group (iommu_group_claim_dma_owner,
 * which attaches our blocked domain), then attaches a shared-root domain to it
 * with iommu_attach_group(), and detaches with iommu_detach_group(), which
 * puts the blocked domain back. So a card goes blocked -> attached -> blocked
 * and never through pass-through.
 */
#ifndef BACKPLANE_AMDVI_H
#define BACKPLANE_AMDVI_H

#include "addr.h"

struct device;
struct pci_dev;
struct iommu_domain;

/* Event codes of the log (48882 2.5), as decoded. */
enum amdvi_event_code {
	AMDVI_EV_NONE = 0x0,
	AMDVI_EV_ILLEGAL_DEV_TABLE = 0x1,
	AMDVI_EV_IO_PAGE_FAULT = 0x2,
	AMDVI_EV_DEV_TAB_HW_ERROR = 0x3,
	AMDVI_EV_PAGE_TAB_HW_ERROR = 0x4,
	AMDVI_EV_ILLEGAL_COMMAND = 0x5,
	AMDVI_EV_COMMAND_HW_ERROR = 0x6,
	AMDVI_EV_IOTLB_INV_TIMEOUT = 0x7,
	AMDVI_EV_INVALID_DEVICE_REQUEST = 0x8,
};

/* One decoded fault. */
struct amdvi_fault {
	u8 code;		/* enum amdvi_event_code */
	u16 segment;
	u16 devid;		/* bus << 8 | devfn of the requester */
	u16 domain_id;
	gpa_t addr;		/* DMA address; for interrupts the MSI address */
	bool write;		/* RW */
	bool present;		/* PR: the page was mapped, permission lacked */
	bool interrupt;		/* I: an interrupt request, not memory */
	bool translation;	/* TR */
	bool reserved_bits;	/* RZ: a reserved bit or level was wrong */
	u64 time_ns;		/* when it was read from the log, for all alike */
	const char *reason;	/* one static phrase for a person */
};

/*
 * Called from the event thread (process context, may sleep) once per event
 * of the device, after it was counted.
 */
typedef void (*amdvi_fault_fn)(void *ctx, const struct amdvi_fault *fault);

/*
 * A domain whose table is somebody else's gpm tree: @root is the table's host
 * address, @depth its depth (the device table's Mode). The caller owns the
 * table and keeps it alive until the domain is freed. ERR_PTR(-EINVAL) on a
 * bad depth, -ENOSPC without a free domain id, -ENOMEM. Process context.
 */
struct iommu_domain *amdvi_shared_domain_alloc(hpa_t root, unsigned int depth);
/*
 * No group may be attached any more. If a unit never confirmed a detach, it
 * may still read the table: amdvi_domain_flush() then says -ETIMEDOUT even
 * with no group attached. Ask it before unpinning what the table maps.
 */
void amdvi_shared_domain_free(struct iommu_domain *domain);
/* Its id in the device table and in events. */
u16 amdvi_domain_id(struct iommu_domain *domain);

/*
 * Make every IOMMU that has a device of @domain forget [start, end) (and
 * cached table pointers if @walk), and wait until it has. May be called
 * under a spinlock; the wait is bounded. 0, or -ETIMEDOUT: the hardware did
 * not answer, the domain's devices are now blocked, and the pages must stay
 * pinned.
 */
int amdvi_domain_flush(struct iommu_domain *domain, gpa_t start, gpa_t end,
		       bool walk);

/*
 * May an IOMMU of this domain's devices remember that an address was NOT
 * mapped (NpCache: emulated units say so)? Then a range that becomes mapped
 * after the attach must be flushed as well.
 */
bool amdvi_caches_absent(struct iommu_domain *domain);

/* Is @dev behind an IOMMU of ours, with interrupt remapping? */
bool amdvi_covers(struct device *dev);
bool amdvi_remaps_irqs(struct device *dev);

/*
 * The port without access control (ACS) of the nearest switch above @pdev,
 * which puts all below that switch into one group; NULL if no switch above
 * has one. A reference: pci_dev_put(). Process context.
 */
struct pci_dev *amdvi_open_port(struct pci_dev *pdev);

/*
 * Does firmware keep memory for DMA of @dev or of one of its group (IVMD)? Such
 * a card is attached to domains of the host only.
 */
bool amdvi_firmware_uses(struct device *dev);

/* One owner per device; -EBUSY if there is one, -ENODEV if the device is not
 * behind an IOMMU of ours. NULL removes it (and waits for a callback in flight
 * to end). Process context, and not from the callback itself.
 */
int amdvi_set_fault_handler(struct device *dev, amdvi_fault_fn fn, void *ctx);

/*
 * Block the device's DMA and interrupts in the device table and suppress its
 * events at the source, whatever domain it is in; and the reverse. Any
 * context that may take a spinlock. 0 or -ETIMEDOUT (blocked all the same).
 */
int amdvi_quarantine(struct device *dev);
int amdvi_unquarantine(struct device *dev);

/* Faults of this device since it was found. */
u64 amdvi_fault_count(struct device *dev);

#endif
