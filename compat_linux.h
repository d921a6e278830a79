/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where Debian's 6.1 and 6.12 kernels differ. Every difference that a module
 * meets is settled here, by the name the newer kernel has or by a small
 * function of ours (compat_*), so that no other file asks for a version. Only
 * *_linux.c includes it, after the kernel's own headers.
 */
#ifndef BACKPLANE_COMPAT_LINUX_H
#define BACKPLANE_COMPAT_LINUX_H

#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/version.h>
#include <asm/apic.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>

#define COMPAT_OLD	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0))

#if COMPAT_OLD
#define fd_file(f)			((f).file)
#define compat_eventfd_signal(ctx)	((void)eventfd_signal(ctx, 1))
#define compat_class_create(name)	class_create(THIS_MODULE, name)
#define compat_class_devnode_arg	struct device
#define compat_immediate_exit(run)	READ_ONCE((run)->immediate_exit)
#define compat_hypercall_mode(run)	((run)->hypercall.longmode)
#define compat_vfio_file_is_valid	vfio_file_is_group
#else
#include <trace/events/ipi.h>		/* smp_send_reschedule() is traced */
#define compat_eventfd_signal(ctx)	eventfd_signal(ctx)
#define compat_class_create(name)	class_create(name)
#define compat_class_devnode_arg	const struct device
#define compat_immediate_exit(run)	READ_ONCE((run)->immediate_exit__unsafe)
#define compat_hypercall_mode(run)	((run)->hypercall.flags)
#define compat_vfio_file_is_valid	vfio_file_is_valid
#endif

/* ---- KVM's ABI: what newer VMMs and tests ask for ------------------------------ */

#if COMPAT_OLD
#define KVM_CAP_USER_MEMORY2	231
#define KVM_CAP_VM_TYPES	235
#define KVM_CAP_PRE_FAULT_MEMORY 236
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS 237
#define KVM_CAP_X86_GUEST_MODE	238
#define KVM_X86_QUIRK_SLOT_ZAP_ALL	BIT(7)
/* The first four members are the older structure; the rest names guest_memfd's. */
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define KVM_SET_USER_MEMORY_REGION2 \
	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};
#define KVM_PRE_FAULT_MEMORY	_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

/* ---- memory --------------------------------------------------------------- */

static inline void compat_vm_flags_set(struct vm_area_struct *vma,
				       vm_flags_t flags)
{
#if COMPAT_OLD
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

/* What the host's page table says of device memory. */
struct compat_pfn {
	u64 pfn;
	bool writable, uncached;
};

/* @hva in @vma, a mapping of frames without pages; under mmap_lock. */
static inline int compat_pfn_look(struct vm_area_struct *vma, unsigned long hva,
				  struct compat_pfn *out)
{
#if COMPAT_OLD
	spinlock_t *lock;
	pte_t *ptep, pte;
	int err = follow_pte(vma->vm_mm, hva, &ptep, &lock);

	if (err)
		return err;
	__acquire(lock);	/* by follow_pte, which does not say so */
	pte = *ptep;
	pte_unmap_unlock(ptep, lock);
	out->pfn = pte_pfn(pte);
	out->writable = pte_write(pte);
	out->uncached = pte_flags(pte) & _PAGE_CACHE_MASK;
#else
	struct follow_pfnmap_args at = { .vma = vma, .address = hva };
	int err = follow_pfnmap_start(&at);

	if (err)
		return err;
	out->pfn = at.pfn;
	out->writable = at.writable;
	out->uncached = pgprot_val(at.pgprot) & _PAGE_CACHE_MASK;
	follow_pfnmap_end(&at);
#endif
	return 0;
}

/* ---- the IOMMU API --------------------------------------------------------- */

/*
 * 6.12 wants to know whether iotlb_sync_map worked, has no detach_dev (a group
 * always has a domain) and sets up the DMA API itself; what 6.1 asks by
 * IOMMU_CAP_INTR_REMAP it reads from the interrupt domain's flags.
 */
#if COMPAT_OLD
#define COMPAT_SYNC_MAP_OP(fn)						\
static void fn##_op(struct iommu_domain *domain, unsigned long iova,	\
		    size_t size)					\
{									\
	fn(domain, iova, size);						\
}
#define compat_detach_dev(fn)	.detach_dev = fn,
#define compat_asks_intr_remap(cap)	((cap) == IOMMU_CAP_INTR_REMAP)
#define COMPAT_ISOLATED_MSI	0
#else
#define COMPAT_SYNC_MAP_OP(fn)						\
static int fn##_op(struct iommu_domain *domain, unsigned long iova,	\
		   size_t size)						\
{									\
	return fn(domain, iova, size);					\
}
#define compat_detach_dev(fn)
#define compat_asks_intr_remap(cap)	false
#define COMPAT_ISOLATED_MSI	IRQ_DOMAIN_FLAG_ISOLATED_MSI
#endif

/* Of a domain that the core did not allocate: 6.12 compares before it attaches. */
static inline void compat_domain_set_owner(struct iommu_domain *domain,
					   const struct iommu_ops *ops)
{
#if !COMPAT_OLD
	domain->owner = ops;
#endif
}

/* A domain of one's own and a mapping in it, as clients of the API make them. */
static inline struct iommu_domain *compat_domain_alloc(struct device *dev)
{
#if COMPAT_OLD
	return iommu_domain_alloc(dev->bus);
#else
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	return IS_ERR(domain) ? NULL : domain;
#endif
}

static inline int compat_domain_map(struct iommu_domain *domain,
				    unsigned long iova, phys_addr_t at,
				    size_t size, int prot)
{
#if COMPAT_OLD
	return iommu_map(domain, iova, at, size, prot);
#else
	return iommu_map(domain, iova, at, size, prot, GFP_KERNEL);
#endif
}

static inline void compat_setup_dma_ops(struct device *dev, u64 end)
{
#if COMPAT_OLD
	set_dma_ops(dev, NULL);
	iommu_setup_dma_ops(dev, 0, end);
#endif
}

/* ---- drivers --------------------------------------------------------------- */

/* Only @driver binds to @pdev from now on; "": any that fits. 0 or -errno. */
static inline int compat_set_override(struct pci_dev *pdev, const char *driver)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 95)
	return driver_set_override(&pdev->dev, &pdev->driver_override, driver,
				   strlen(driver));
#else
	return device_set_driver_override(&pdev->dev, driver);
#endif
}

/* ---- interrupts ------------------------------------------------------------ */

/* The vectors of a multi-message MSI need not be neighbours. */
static inline void compat_vectors_anywhere(struct irq_alloc_info *info)
{
#if COMPAT_OLD
	info->flags &= ~X86_IRQ_ALLOC_CONTIGUOUS_VECTORS;
#endif
}

static inline unsigned int compat_apic_delivery(void)
{
#if COMPAT_OLD
	return apic->delivery_mode;
#else
	return APIC_DELIVERY_MODE_FIXED;
#endif
}

/* ---- two words in one store (CMPXCHG16B) ---------------------------------- */

static inline bool compat_has_store128(void)
{
	return boot_cpu_has(X86_FEATURE_CX16);
}

/* The caller is the only writer of @at, 16-byte aligned: one try is enough. */
static inline void compat_store128(u64 *at, u64 low, u64 high)
{
#if COMPAT_OLD
	cmpxchg_double(&at[0], &at[1], at[0], at[1], low, high);
#else
	u128 old = (u128)at[1] << 64 | at[0];

	cmpxchg128((u128 *)at, old, (u128)high << 64 | low);
#endif
}

#endif
