/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel-side files of pci-assign share. Nobody outside this folder
 * includes it; assign_uapi.h is the door.
 *
 * Objects: a card is a PCI function bound to us, from probe to the last close
 * of its node; a group is an IOMMU group of which we own the DMA; an assign_vm
 * is what one VM keeps with us (its domain and its list of cards).
 *
 * Locks, outermost first:
 *   assign_vm->lock    mutex: which cards a VM has; pinning; attach, detach
 *   card->lock         mutex: the card's life, models, host vectors, resets
 *   assign_lock        mutex, a leaf: list of cards, groups, card->avm
 *   card->map_lock     mutex, also taken in page faults (so under mmap_lock):
 *                      nothing that may fault is done under it
 *   card->irq_lock     spinlock, hard-irq safe: vector models, the command
 *                      register, the interrupt line, card->vm
 *   card->fault_lock   spinlock: ring of faults, fault rate, eventfd
 * Messages are sent under irq_lock, so that none arrives after the guest's
 * mask write has completed or after the card was taken from the VM.
 */
#ifndef BACKPLANE_PCI_ASSIGN_ASSIGN_H
#define BACKPLANE_PCI_ASSIGN_ASSIGN_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "iommu-amd/amdvi.h"
#include "kvm-core/vm.h"
#include "msi/vmsi.h"
#include "msi/vmsix.h"
#include "pci-assign/assign_uapi.h"
#include "pci-assign/storm.h"
#include "pci-assign/vcfg.h"

#define CARD_FAULTS		64
#define CARD_OFFSET_SHIFT	40	/* region index << this, as vfio-pci */

struct eventfd_ctx;

/* ---- VMs and groups ------------------------------------------------------ */

struct assign_vm {
	struct kref ref;
	struct mutex lock;
	struct vm *vm;			/* NULL once the VM took leave */
	struct list_head cards;		/* card->vm_link */
	struct iommu_domain *domain;	/* while cards is not empty */
	struct gpm_reader reader;
};

/* All cards of one group go to one VM. Under assign_lock. */
struct assign_group {
	struct list_head link;
	struct iommu_group *iommu;
	unsigned int cards;
	unsigned int attached;
	struct assign_vm *owner;	/* while attached > 0 or being attached */
};

/* ---- interrupts ---------------------------------------------------------- */

enum intr_mode { INTR_OFF, INTR_MSI, INTR_MSIX };

/* One host vector; its index is the guest's vector number. */
struct card_vector {
	struct card *card;
	unsigned int index;
	bool armed;			/* irq requested */
	u32 gsi;			/* legacy path; 0 = none */
	char name[36];
};

struct card_intr {
	enum intr_mode mode;		/* what the host has armed */
	unsigned int count;
	struct card_vector *vec;
	unsigned long *retry;		/* vectors the worker must send */
	struct work_struct worker;

	/* KVM_ASSIGN_DEV_IRQ: KVM_DEV_IRQ_{HOST,GUEST}_* or 0 */
	u32 host_type, guest_type;
	u32 guest_gsi;
	int source;			/* of the guest's line, or -1 */
	struct irq_ack_notifier ack;
	u32 *gsi;			/* per MSI-X entry; NULL before SET_NR */
	unsigned int gsi_slots;		/* entries the card has */
	unsigned int gsi_max;		/* entries that may be in use */

	/* The host's line. Under irq_lock. */
	int line_irq;			/* 0: the card has none */
	bool line_on;			/* handler requested */
	bool line_shared;		/* PCI 2.3 masking, else exclusive */
	bool line_off;			/* exclusive: irq disabled by us */
	bool held;			/* fired, awaiting the guest's EOI */
	bool user_masked;		/* KVM_ASSIGN_SET_INTX_MASK */
	bool level;			/* what the guest's line was set to */

	u64 hard, fallback, pended, undeliverable;
	unsigned int missing;		/* host vectors that were refused */
	unsigned long trouble_at;	/* jiffies: the user was told */
};

/* ---- the card ------------------------------------------------------------ */

struct card {
	struct pci_dev *pdev;
	struct device dev;		/* the node's */
	struct cdev cdev;
	struct list_head link;		/* all cards, assign_lock */
	struct assign_group *group;

	struct mutex lock;
	bool gone;			/* unbound: the node is dead */
	bool opened, closing;
	bool legacy;			/* by sysfs and ioctls alone, no node */
	bool legacy_stop;		/* ... and is on its way out */
	int regions;			/* claimed BARs, a bit each */
	bool ready;			/* enabled, models built */
	pid_t holder;
	char holder_comm[TASK_COMM_LEN];
	wait_queue_head_t closed;
	struct pci_saved_state *pristine;
	u32 pristine_bars[VBAR_COUNT];
	char reset_method[16];
	const char *broken;		/* why, or NULL */

	struct assign_vm *avm;		/* assign_lock */
	struct list_head vm_link;	/* assign_vm->lock */
	u32 vm_dev_id;
	bool pci_2_3;

	struct vcfg *cfg;
	struct vcfg_params params;
	struct vbar_msix msix_at;
	void __iomem *bar[VBAR_COUNT];
	unsigned long open_ports;	/* BARs the guest reaches without exits */
	struct resource page_rest[VBAR_COUNT];	/* behind a BAR below a page */

	struct mutex map_lock;
	bool mappable;
	struct address_space *mapping;

	spinlock_t irq_lock;
	struct vm *vm;			/* where interrupts go */
	u16 domain_id;			/* while there is a VM */
	u16 guest_command;
	bool quarantined;
	bool halted;		/* the host sleeps or shuts down */
	struct vmsi vmsi;
	struct vmsix vmsix;
	struct card_intr intr;

	spinlock_t fault_lock;
	struct storm storm;
	struct backplane_fault ring[CARD_FAULTS];
	unsigned int ring_first, ring_count;
	u64 faults, faults_dropped;
	u32 policy;			/* BACKPLANE_POLICY_* */
	struct eventfd_ctx *err_event;
};

static inline struct card *card_of_dev(struct device *dev)
{
	return container_of(dev, struct card, dev);
}

/*
 * Refusals: what, why, how to fix, in one line of the log. Rate-limited, as a
 * user of a node or a VM can provoke them. The driver core prefixes driver and
 * card.
 */
#define card_err(c, fmt, ...)	dev_err_ratelimited(&(c)->pdev->dev, fmt, ##__VA_ARGS__)
#define card_warn(c, fmt, ...)	dev_warn_ratelimited(&(c)->pdev->dev, fmt, ##__VA_ARGS__)
#define card_info(c, fmt, ...)	pci_info((c)->pdev, fmt, ##__VA_ARGS__)

/* BACKPLANE_STATE_*; any lock or none. */
u8 card_state(const struct card *c);

/* ---- assign_linux.c ------------------------------------------------------ */
extern struct mutex assign_lock;
extern struct class *assign_class;

/* The card at this address with a reference (put_device(&c->dev)), or NULL. */
struct card *assign_find(u32 segment, u32 bus, u32 devfn);
bool assign_is_bridge(const struct pci_dev *pdev);

/*
 * Enable the function, claim its regions, save its state, build the models.
 * card->lock. Errno with one line in the log.
 */
int card_power_up(struct card *c);
/* Undo it; the card must be detached. card->lock. */
void card_power_down(struct card *c);
/* The card's config space as the models reach it. */
struct vcfg_hw card_config(struct card *c);
/* Forget all the guest set: config space, vectors. card->lock; detaches no
 * interrupt assignment made by KVM_ASSIGN_DEV_IRQ.
 */
void card_reset_models(struct card *c);
/* Bring the real command register in line: bus mastering only for an attached,
 * healthy card whose guest asked for it; INTx as intr says. irq_lock.
 */
void card_update_command(struct card *c);

/* ---- node_linux.c, region_linux.c ---------------------------------------- */
extern const struct file_operations node_fops;
/* Does the calling process hold the node of @c open for reading and writing? */
bool node_held_by_caller(struct card *c);

/*
 * Between these two no BAR is mapped and a page fault on one waits (map_lock
 * is held): for resets, during which the card must not be touched.
 */
void node_suspend_maps(struct card *c);
void node_resume_maps(struct card *c);
/* May BARs be mapped at all? Taking that away removes every mapping; a later
 * access is a bus error for the process.
 */
void node_allow_maps(struct card *c, bool allow);

u64 region_size(const struct card *c, unsigned int index);
ssize_t region_rw(struct card *c, char __user *buf, size_t count, loff_t *pos,
		  bool write);
/* A snapshot of the card's counters; any context that may take fault_lock. */
void region_fill_status(struct card *c, struct backplane_status *s);
/*
 * The operator's reset: as VFIO_DEVICE_RESET on an open node; a card that
 * nobody has open is enabled for the time. card->lock. -ENODEV after unbind,
 * -EIO when the card stays quarantined or broken.
 */
int node_recover(struct card *c);

/* ---- legacy_linux.c ------------------------------------------------------ */
/* What the caller finds in sysfs as the files of a function's BARs. */
struct legacy_files {
	struct path bar[VBAR_COUNT];	/* all zero: nothing */
};

/* No lock held: it waits for whatever the caller has mounted. */
void legacy_look_up(struct legacy_files *f, u32 segment, u32 bus, u32 devfn);
void legacy_put_files(struct legacy_files *f);
/*
 * May the calling process give @c to a VM? It holds the node; or nobody does,
 * and it is permitted by sysfs. 0 or -EPERM. card->lock, a bound card.
 */
int legacy_permit(struct card *c, const struct legacy_files *f);
/*
 * After that, and of a card that is nobody else's: enable it for a caller
 * without a node, until legacy_release(). As card_power_up(). card->lock.
 */
int legacy_claim(struct card *c);
/* The card was detached: give back what legacy_claim() took, if it did. */
void legacy_release(struct card *c);

/* ---- sysfs_linux.c ------------------------------------------------------- */
extern const struct attribute_group *card_sysfs_groups[];

/* ---- intr_linux.c -------------------------------------------------------- */
void intr_init(struct card *c);
/*
 * The models changed: arm or disarm host vectors to match. card->lock. If the
 * host has none for them: its error, told to the operator already; mode is off.
 */
int intr_sync(struct card *c);
/* Entries of the MSI-X table were unmasked: arm them, send what is pending. */
void intr_opened(struct card *c, unsigned int first, unsigned int count);
/* Send what became deliverable in the MSI model. card->lock. */
void intr_kick_msi(struct card *c);
/* Guest line and host line follow their flags. irq_lock. */
void intr_update_line(struct card *c);
bool intr_wants_line(const struct card *c);	/* irq_lock */

/* KVM_ASSIGN_DEV_IRQ and relatives; card->lock, avm->lock. */
int intr_assign(struct card *c, u32 host, u32 guest, u32 gsi);
int intr_deassign(struct card *c, u32 host, u32 guest);
void intr_deassign_all(struct card *c);
int intr_set_msix_nr(struct card *c, unsigned int nr);
int intr_set_msix_entry(struct card *c, unsigned int entry, u32 gsi);
void intr_set_mask(struct card *c, bool mask);

/* ---- ports_linux.c ------------------------------------------------------- */
/* Open or close the I/O BARs for the guest as its config space says. card->lock. */
void ports_update(struct card *c);
/* Close them all; on return no vCPU reaches the card's ports. card->lock. */
void ports_close(struct card *c);

/* ---- reset_linux.c ------------------------------------------------------- */
/*
 * Stop bus mastering, wait for what is in flight, reset by the first method
 * the card offers, check and restore it. 0 (also when none is offered) or an
 * errno; then c->broken says why. BARs are unmapped for the time. card->lock.
 */
int reset_card(struct card *c);

/* ---- fault_linux.c ------------------------------------------------------- */
int fault_init(struct card *c);
int fault_check_params(void);
void fault_record(void *ctx, const struct amdvi_fault *f);
/* After a reset: lift the quarantine. card->lock. */
void fault_recover(struct card *c);
/* Oldest record into *out; false: none. */
bool fault_pop(struct card *c, struct backplane_fault *out);
/* Drop the records; counters stay. */
void fault_forget(struct card *c);
/* NULL removes it. Consumes the reference. */
/* What a fault does to the card: -EINVAL if unknown. */
int fault_set_policy(struct card *c, u32 policy);
void fault_set_event(struct card *c, struct eventfd_ctx *event);
void fault_signal(struct card *c);

/* ---- vmioctl_linux.c ----------------------------------------------------- */
int vmioctl_register(void);
/* Does it reach its own BARs by DMA (the parameter peer_dma)? */
bool vmioctl_needs_peer_dma(const struct pci_dev *pdev);
void vmioctl_unregister(void);
/* Take the card from whatever VM has it. No lock held. */
void vmioctl_release_card(struct card *c);

#endif
