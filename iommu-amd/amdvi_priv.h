/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel-side files of iommu-amd share. Nobody outside this folder
 * includes it; amdvi.h is the door.
 *
 * Objects: a segment (PCI domain) has one device table; a unit (an IOMMU)
 * walks one segment's table and has rings of its own; a device is a PCI
 * function behind a unit; a domain is a table, or one of the two constants
 * "identity" and "blocked".
 *
 * Locks, outermost first. The IOMMU core's group mutex lies above all.
 *   device->fault_mutex   owner's fault callback (sleeps)
 *   unit->evt_mutex       one reader of the event log (sleeps)
 *   domain->lock          the gpm tree of a domain of ours
 *   amdvi_devices_lock    the list of devices
 *   device->lock          what the device table says about a device
 *   common->lock          the same for all that appear under one id, their IRT
 *   segment->lock         one writer of the device table
 *   unit->cmd_lock        the engine; not held while commands are awaited
 * The last five are raw: interrupt affinity changes take them under an irq
 * descriptor's raw lock.
 */
#ifndef BACKPLANE_AMDVI_PRIV_H
#define BACKPLANE_AMDVI_PRIV_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "gpm/gpm.h"
#include "iommu-amd/amdvi.h"
#include "iommu-amd/cmd.h"
#include "iommu-amd/dte.h"
#include "iommu-amd/engine.h"
#include "iommu-amd/evlog.h"
#include "iommu-amd/fleet.h"
#include "iommu-amd/irte.h"
#include "iommu-amd/ivrs.h"

#define AMDVI_MAX_UNITS		FLEET_MAX_UNITS
/* Requester ids one function may appear under (itself, bridges, phantoms). */
#define AMDVI_MAX_IDS		8

/* Domain ids every unit has from the start. */
#define AMDVI_DOMAIN_BLOCKED	0
#define AMDVI_DOMAIN_IDENTITY	1
#define AMDVI_DOMAIN_FIRST	2

struct amdvi_segment {
	struct list_head link;
	u16 id;
	raw_spinlock_t lock;
	struct dte *devtab;	/* AMDVI_DEVICES entries */
	u16 *alias;		/* id a device appears under, by device id */
	u8 *unit_of;		/* 1 + unit index, 0 = no unit, by device id */
	unsigned long *passes;	/* ids whose interrupts others than PCI
				 * functions send, past us: a bit each
				 */
};

struct amdvi_unit {
	struct iommu_device iommu;
	struct amdvi_segment *seg;
	unsigned int index;
	struct ivrs_unit info;
	struct pci_dev *pdev;	/* the unit's own function */
	void __iomem *mmio;
	u32 cap;		/* header of its PCI capability */
	u64 efr, efr2;
	bool ga, xt, np_cache;
	bool enabled;		/* pci_enable_device() on pdev */
	bool logging;		/* amdvi_events_init() succeeded */

	raw_spinlock_t cmd_lock;
	struct engine engine;
	u64 (*cmd)[2];		/* the command ring */
	u64 *sem;		/* completion-wait stores land here */

	struct mutex evt_mutex;
	struct evlog log;
	int irq;		/* 0: polling only */
	struct delayed_work poll;
	struct ratelimit_state evt_ratelimit;
	unsigned long evt_second;	/* jiffies at its start */
	unsigned int evt_in_second;
	bool evt_storm;		/* polled, no interrupts */

	atomic64_t events, overflows, storms, faults;
};

struct amdvi_domain {
	struct iommu_domain iommu;
	enum dte_dma dma;
	bool shared;		/* the tree is somebody else's */
	u16 id;
	u8 depth;
	hpa_t root;
	atomic_t unit_devs[AMDVI_MAX_UNITS];

	/* A tree of our own: */
	spinlock_t lock;
	struct gpm gpm;
	struct list_head pool;		/* pages ready to become tables */
	struct list_head retired;	/* tables waiting for a flush */
};

/*
 * What functions that appear under one requester id have in common (behind a
 * conventional bridge, IVRS aliases); most functions have one to themselves.
 */
struct amdvi_common {
	struct kref ref;
	raw_spinlock_t lock;
	unsigned int barred;	/* members that are quarantined or failed */
	bool remaps;		/* interrupts go through irt */
	void *irt;
	DECLARE_BITMAP(irt_used, IRTE_TABLE_ENTRIES);
};

struct amdvi_device {
	struct list_head link;
	struct kref ref;
	struct amdvi_common *common;
	struct device *dev;
	struct amdvi_unit *unit;
	u16 devid;
	unsigned int n_ids;
	u16 ids[AMDVI_MAX_IDS];

	raw_spinlock_t lock;
	struct amdvi_domain *domain;	/* NULL = blocked */
	bool released;			/* ... for good: it has no ids any more */
	bool quarantined;
	bool failed;			/* blocked after a flush timed out */
	bool bars;			/* counted in common->barred */

	struct irq_domain *old_msi_domain;

	struct mutex fault_mutex;
	amdvi_fault_fn fault_fn;
	void *fault_ctx;
	atomic64_t faults;
	struct ratelimit_state ratelimit;
};

/* ---- amdvi_linux.c ------------------------------------------------------- */
extern struct list_head amdvi_devices;
extern raw_spinlock_t amdvi_devices_lock;
extern struct amdvi_unit *amdvi_units[AMDVI_MAX_UNITS];
extern unsigned int amdvi_unit_count;

/* For who sees to it that @dev stays: its driver, or the IOMMU core at its probe. */
struct amdvi_device *amdvi_device_of(struct device *dev);
/*
 * With a reference, for calls about all of a group: 6.1's core lets go of a
 * function that the group still lists. NULL then, and if it is not ours.
 */
struct amdvi_device *amdvi_device_get(struct device *dev);
/*
 * By requester id, the function whose own id it is before one that borrows it;
 * NULL if nobody appears under it. amdvi_devices_lock is held.
 */
struct amdvi_device *amdvi_device_find_locked(struct amdvi_segment *seg,
					      u16 id);
/*
 * Who must hear of an event under @id: all that appear under it and have an
 * owner, @max at most; without any such, the one that
 * amdvi_device_find_locked() finds. Each with a reference. Returns how many.
 */
unsigned int amdvi_devices_under(struct amdvi_segment *seg, u16 id,
				 struct amdvi_device **found, unsigned int max);
void amdvi_device_put(struct amdvi_device *d);
/* Does firmware keep memory for DMA of a function of this one's group? */
const struct ivrs_memory *amdvi_group_memory(struct amdvi_device *d);
/* Do the IOAPIC, the HPET or the like send interrupts under an id of its? */
bool amdvi_device_passes(const struct amdvi_device *d);
/* Write what @d's state asks for into the device table. device->lock held. */
int amdvi_device_update(struct amdvi_device *d);
/* Block @d because its unit did not answer. device->lock held. */
void amdvi_device_fail(struct amdvi_device *d);

/* ---- unit_linux.c -------------------------------------------------------- */
int amdvi_unit_init(struct amdvi_unit *u);	/* memory and registers */
void amdvi_unit_free(struct amdvi_unit *u);
int amdvi_unit_start(struct amdvi_unit *u);	/* engine_start() */
void amdvi_unit_resume(struct amdvi_unit *u);	/* engine_resume() */
void amdvi_unit_stop(struct amdvi_unit *u);	/* everything passes again */
/* Run the commands and wait until they are done: 0 or -ETIMEDOUT. */
int amdvi_unit_run(struct amdvi_unit *u, const struct amdvi_cmd *cmds,
		   unsigned int n);
/* The same on several (a bit each by index), side by side. */
int amdvi_units_run(u32 units, const struct amdvi_cmd *cmds, unsigned int n);
int amdvi_unit_run_one(struct amdvi_unit *u, struct amdvi_cmd cmd);
/* After an event that halted the ring. */
void amdvi_unit_restart_commands(struct amdvi_unit *u);
/* Change one entry of the table in safe steps: 0 or -ETIMEDOUT. */
int amdvi_unit_write_dte(struct amdvi_unit *u, u16 id, const struct dte *new);
/* Change bits of the control register beside other writers of it. */
void amdvi_unit_control(struct amdvi_unit *u, u64 clear, u64 set);
u64 amdvi_unit_read(struct amdvi_unit *u, unsigned int reg);
void amdvi_unit_write(struct amdvi_unit *u, unsigned int reg, u64 value);

/* ---- group_linux.c ------------------------------------------------------- */
/* The IOMMU core's device_group: a reference, or ERR_PTR. */
struct iommu_group *amdvi_device_group(struct device *dev);

/* ---- domain_linux.c ------------------------------------------------------ */
extern const struct iommu_ops amdvi_ops;
extern const struct iommu_domain_ops amdvi_domain_ops;
struct iommu_domain *amdvi_domain_alloc(unsigned int type);

/* ---- fault_linux.c ------------------------------------------------------- */
extern const struct attribute_group *amdvi_unit_groups[];
int amdvi_events_init(struct amdvi_unit *u);
void amdvi_events_start(struct amdvi_unit *u);	/* the unit is running */
void amdvi_events_free(struct amdvi_unit *u);

/* ---- quiet_linux.c ------------------------------------------------------- */
int amdvi_quiet_init(void);
void amdvi_quiet_free(void);
/* Before the function's MSI is enabled; -EBUSY if somebody else drives it. */
int amdvi_quiet_bind(struct amdvi_unit *u);
void amdvi_quiet_unbind(struct amdvi_unit *u);
void amdvi_quiet_start(void);	/* from here on there are cards to quiet */

/* ---- intremap_linux.c ---------------------------------------------------- */
int amdvi_intremap_init(void);
void amdvi_intremap_free(void);
/* Interrupts refused, by a table of entries that are all off. */
void amdvi_intremap_want_none(struct dte_want *want);
/* NULL without memory. @remaps: with a table. */
struct amdvi_common *amdvi_common_new(bool remaps);
void amdvi_common_put(struct amdvi_common *c);
/* Before the device's first interrupt; d->common is set. */
void amdvi_intremap_add(struct amdvi_device *d);
void amdvi_intremap_remove(struct amdvi_device *d);	/* blocked already */

#endif
