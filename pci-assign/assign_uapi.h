/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What user space sees of pci-assign.
 *
 * A card bound to pci-assign has a node, /dev/backplane/<dddd:bb:dd.f>.
 * Permission on the node is permission to use the card; one open at a time
 * (-EBUSY names the holder in the kernel log). The node speaks
 * <linux/vfio.h>'s device conventions:
 *   VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO (with the sparse-mmap
 *   capability where the MSI-X table or PBA must be trapped),
 *   VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS (VFIO_PCI_ERR_IRQ_INDEX
 *   only: an eventfd signalled when a DMA fault was recorded, or irqs_lost or
 *   vectors_missing grew),
 *   VFIO_DEVICE_RESET (also the explicit recovery from quarantine),
 *   pread, pwrite, mmap at the offsets the region info gives.
 * Regions VFIO_PCI_BAR0..5, ROM and CONFIG are those of vfio-pci. The MSI and
 * MSI-X capabilities and the MSI-X table are mediated in the kernel: when the
 * guest enables them, host vectors are armed and the guest's own messages are
 * delivered to the VM to which the card was given.
 *
 * The card is given to a VM by the documented legacy ioctls on the VM's
 * descriptor (KVM_ASSIGN_PCI_DEVICE and friends): -EPERM unless the caller's
 * process holds the card's node open, or, if nobody does, may read and write
 * the sysfs file of each of the card's BARs, as those ioctls were documented
 * (a client of that time drives config space and BARs through sysfs). INTx needs KVM_ASSIGN_DEV_IRQ (the
 * kernel must know the guest's gsi). VMMs that emulate MSI-X tables
 * themselves use KVM_ASSIGN_SET_MSIX_NR/_ENTRY and KVM_ASSIGN_DEV_IRQ.
 */
#ifndef BACKPLANE_ASSIGN_UAPI_H
#define BACKPLANE_ASSIGN_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

/* ---- the legacy KVM assignment ABI; recent <linux/kvm.h> lost parts of it */
#ifndef KVM_ASSIGN_PCI_DEVICE
#define BP_KVMIO 0xAE
struct kvm_assigned_pci_dev {
	__u32 assigned_dev_id;
	__u32 busnr;
	__u32 devfn;
	__u32 flags;
	__u32 segnr;
	__u32 reserved[11];
};

struct kvm_assigned_irq {
	__u32 assigned_dev_id;
	__u32 host_irq;		/* ignored */
	__u32 guest_irq;
	__u32 flags;
	__u32 reserved[12];
};

struct kvm_assigned_msix_nr {
	__u32 assigned_dev_id;
	__u16 entry_nr;
	__u16 padding;
};

struct kvm_assigned_msix_entry {
	__u32 assigned_dev_id;
	__u32 gsi;
	__u16 entry;
	__u16 padding[3];
};

#define KVM_ASSIGN_PCI_DEVICE	 _IOR(BP_KVMIO, 0x69, struct kvm_assigned_pci_dev)
#define KVM_ASSIGN_DEV_IRQ	 _IOW(BP_KVMIO, 0x70, struct kvm_assigned_irq)
#define KVM_DEASSIGN_PCI_DEVICE	 _IOW(BP_KVMIO, 0x72, struct kvm_assigned_pci_dev)
#define KVM_ASSIGN_SET_MSIX_NR	 _IOW(BP_KVMIO, 0x73, struct kvm_assigned_msix_nr)
#define KVM_ASSIGN_SET_MSIX_ENTRY _IOW(BP_KVMIO, 0x74, struct kvm_assigned_msix_entry)
#define KVM_DEASSIGN_DEV_IRQ	 _IOW(BP_KVMIO, 0x75, struct kvm_assigned_irq)
#define KVM_ASSIGN_SET_INTX_MASK _IOW(BP_KVMIO, 0xa4, struct kvm_assigned_pci_dev)

#define KVM_DEV_ASSIGN_ENABLE_IOMMU	(1 << 0)
#define KVM_DEV_ASSIGN_PCI_2_3		(1 << 1)
#define KVM_DEV_ASSIGN_MASK_INTX	(1 << 2)
#define KVM_DEV_IRQ_HOST_INTX		(1 << 0)
#define KVM_DEV_IRQ_HOST_MSI		(1 << 1)
#define KVM_DEV_IRQ_HOST_MSIX		(1 << 2)
#define KVM_DEV_IRQ_GUEST_INTX		(1 << 8)
#define KVM_DEV_IRQ_GUEST_MSI		(1 << 9)
#define KVM_DEV_IRQ_GUEST_MSIX		(1 << 10)
#define KVM_DEV_IRQ_HOST_MASK		0x00ff
#define KVM_DEV_IRQ_GUEST_MASK		0xff00
#define KVM_MAX_MSIX_PER_DEV		256
#endif

#ifndef KVM_CAP_DEVICE_ASSIGNMENT
#define KVM_CAP_DEVICE_ASSIGNMENT	17
#endif
#ifndef KVM_CAP_IOMMU
#define KVM_CAP_IOMMU			18
#endif
#ifndef KVM_CAP_DEVICE_MSI
#define KVM_CAP_DEVICE_MSI		20
#endif
#ifndef KVM_CAP_DEVICE_DEASSIGNMENT
#define KVM_CAP_DEVICE_DEASSIGNMENT	27
#endif
#ifndef KVM_CAP_DEVICE_MSIX
#define KVM_CAP_DEVICE_MSIX		28
#endif
#ifndef KVM_CAP_ASSIGN_DEV_IRQ
#define KVM_CAP_ASSIGN_DEV_IRQ		29
#endif
#ifndef KVM_CAP_PCI_SEGMENT
#define KVM_CAP_PCI_SEGMENT		47
#endif
#ifndef KVM_CAP_PCI_2_3
#define KVM_CAP_PCI_2_3			75
#endif

/* ---- the node's two own regions, after VFIO_PCI_NUM_REGIONS (9) --------- */
#define BACKPLANE_REGION_FAULTS	9	/* pread: struct backplane_fault each,
					 * oldest first, consumed; 0 = none
					 */
#define BACKPLANE_REGION_STATUS	10	/* pread: struct backplane_status */

struct backplane_fault {
	__u64 addr;		/* guest-physical (DMA) address */
	__u64 count;		/* faults of this card so far */
	__u32 devid;		/* segment << 16 | bus << 8 | devfn */
	__u16 code;		/* AMD-Vi event code, 48882 2.5 */
	__u8 flags;
#define BACKPLANE_FAULT_WRITE		(1 << 0)
#define BACKPLANE_FAULT_PRESENT		(1 << 1)	/* permission lacked */
#define BACKPLANE_FAULT_INTERRUPT	(1 << 2)
#define BACKPLANE_FAULT_RESERVED_BITS	(1 << 3)
	__u8 state;		/* BACKPLANE_STATE_* after this fault */
	char reason[40];	/* one phrase, NUL-terminated */
};

#define BACKPLANE_STATE_BLOCKED		0	/* bound, no VM */
#define BACKPLANE_STATE_ATTACHED	1
#define BACKPLANE_STATE_QUARANTINED	2	/* fault storm: DMA and interrupts off */
#define BACKPLANE_STATE_BROKEN		3	/* a reset failed: refuses assignment */

struct backplane_status {
	__u32 size;		/* bytes filled in */
	__u32 state;
	__u64 faults;
	__u64 faults_dropped;	/* ring was full */
	__u64 irqs_hard;	/* delivered straight from the hard-irq handler */
	__u64 irqs_fallback;	/* through the worker */
	__u64 irqs_pended;	/* arrived while masked, kept pending */
	__u32 vm;		/* id of the VM, 0 = none */
	__u32 domain_id;
	char reset_method[16];	/* what the last reset used, "" = none offered */
	__u64 irqs_lost;	/* the VM had no place for them */
	__u32 vectors_missing;	/* host vectors the guest opened but has not */
	__u32 policy;		/* BACKPLANE_POLICY_*; may be written: pwrite of
				 * these four bytes, 0 again when the node closes
				 */
};

#define BACKPLANE_POLICY_STORM	0	/* a storm quarantines, by the module's
					 * parameters
					 */
#define BACKPLANE_POLICY_FIRST	1	/* the first fault quarantines */

#endif
