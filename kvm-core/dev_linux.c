// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/kvm: the system half of Linux's KVM ABI, the backend's registration,
 * and the module itself.
 *
 * The device appears when a backend (svm) registers, and goes when it leaves.
 * Knows the ABI's system ioctls; VMs are vm_linux.c's, vCPUs vcpu_linux.c's.
 */
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/stat.h>
#include <linux/uaccess.h>
#include "kvm-core/vcpu.h"
#include "kvm-core/vcpuid.h"
#include "compat_linux.h"
#include "kvm-core/slots.h"
#include "kvm-core/stats.h"

MODULE_LICENSE("GPL");
MODULE_AUTHOR("Backplane maintainers");
MODULE_DESCRIPTION("Hypervisor core behind Linux's KVM ABI");

const struct vcpu_ops *vcpu_ops;
EXPORT_SYMBOL_GPL(vcpu_ops);

static DEFINE_MUTEX(ops_lock);

/* ---- capabilities that do not depend on a VM ----------------------------------- */

static const struct {
	u32 cap;
	int value;
} capabilities[] = {
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_VAPIC, 1 },
	{ KVM_CAP_USER_MEMORY, 1 },
	{ KVM_CAP_USER_MEMORY2, 1 },
	{ KVM_CAP_VM_TYPES, 1 },		/* type 0 alone */
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_EXT_EMUL_CPUID, 1 },
	{ KVM_CAP_CLOCKSOURCE, 1 },
	{ KVM_CAP_NR_VCPUS, 0 },	/* online CPUs, below */
	{ KVM_CAP_MAX_VCPUS, VM_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, VM_MAX_VCPU_IDS },
	{ KVM_CAP_NR_MEMSLOTS, SLOTS_MAX },
	{ KVM_CAP_PIT, 1 },
	{ KVM_CAP_NOP_IO_DELAY, 1 },
	{ KVM_CAP_MMU_SHADOW_CACHE_CONTROL, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_SYNC_MMU, 1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG2, VCPU_GUEST_DEBUG },
	{ KVM_CAP_REINJECT_CONTROL, 1 },
	{ KVM_CAP_IRQ_ROUTING, 4096 },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ KVM_CAP_MCE, 32 },
	{ KVM_CAP_IRQFD, 1 },
	{ KVM_CAP_IRQFD_RESAMPLE, 1 },
	{ KVM_CAP_PIT2, 1 },
	{ KVM_CAP_PIT_STATE2, 1 },
	{ KVM_CAP_IOEVENTFD, 1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
				KVM_CLOCK_HOST_TSC },
	{ KVM_CAP_ASYNC_PF, 1 },
	{ KVM_CAP_ASYNC_PF_INT, 1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_XCRS, 1 },
	{ KVM_CAP_GET_TSC_KHZ, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 1 },
	{ KVM_CAP_SIGNAL_MSI, 1 },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_KVMCLOCK_CTRL, 1 },
	{ KVM_CAP_ENABLE_CAP, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_SPLIT_IRQCHIP, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET },
	{ KVM_CAP_DIRTY_LOG_RING, DRING_MAX_ENTRIES * sizeof(struct kvm_dirty_gfn) },
	{ KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
	  DRING_MAX_ENTRIES * sizeof(struct kvm_dirty_gfn) },
	{ KVM_CAP_X86_SMM, 1 },
	{ KVM_CAP_MULTI_ADDRESS_SPACE, VM_NR_SPACES },
	{ KVM_CAP_DEVICE_CTRL, 1 },
	{ KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS |
			      KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	{ KVM_CAP_COALESCED_MMIO, VCPU_COALESCED_PAGE },
	{ KVM_CAP_COALESCED_PIO, 1 },
	{ KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_INVAL |
				      KVM_MSR_EXIT_REASON_UNKNOWN |
				      KVM_MSR_EXIT_REASON_FILTER },
	{ KVM_CAP_X86_MSR_FILTER, 1 },
	{ KVM_CAP_BINARY_STATS_FD, 1 },
	{ KVM_CAP_SREGS2, 1 },
	{ KVM_CAP_XSAVE2, sizeof(struct kvm_xsave) },
	{ KVM_CAP_GET_MSR_FEATURES, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1 },
	{ KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1 },
	{ KVM_CAP_EXIT_HYPERCALL, VM_EXIT_HYPERCALLS },
	{ KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1 },
	{ KVM_CAP_SYNC_REGS, KVM_SYNC_X86_VALID_FIELDS },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_MSR_PLATFORM_INFO, 1 },
	{ KVM_CAP_DISABLE_QUIRKS, 1 },
	{ KVM_CAP_DISABLE_QUIRKS2, VM_QUIRKS },
	{ KVM_CAP_HALT_POLL, 1 },
	{ KVM_CAP_IOAPIC_POLARITY_IGNORED, 1 },
	{ KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1 },	/* the default */
	{ KVM_CAP_VCPU_ATTRIBUTES, 1 },
	{ KVM_CAP_SYS_ATTRIBUTES, 1 },
	{ KVM_CAP_LAST_CPU, 1 },	/* fail_entry.cpu */
	{ KVM_CAP_SYSTEM_EVENT_DATA, 1 },	/* with events, of which there are none */
	{ KVM_CAP_X86_GUEST_MODE, 1 },	/* said of nested guests: never */
	{ KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1 },
};

/* @vm may be NULL: asked on /dev/kvm itself. */
int vm_check_extension(struct vm *vm, long cap)
{
	unsigned int i;

	if (cap == KVM_CAP_NR_VCPUS)
		return min_t(int, num_online_cpus(), VM_MAX_VCPUS);
	if (cap == KVM_CAP_X86_DISABLE_EXITS)
		return vm_exits_to_disable();
	if (cap == KVM_CAP_STEAL_TIME)
		return sched_info_on();
	if (cap == KVM_CAP_TSC_CONTROL || cap == KVM_CAP_VM_TSC_CONTROL)
		return vcpu_ops->scales_tsc;
	/* Nested paging knows the host's width alone. */
	if (cap == KVM_CAP_SMALLER_MAXPHYADDR)
		return vcpu_ops->shadow;
	if (cap == KVM_CAP_PRE_FAULT_MEMORY)
		return !vcpu_ops->shadow;
	for (i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (capabilities[i].cap == cap)
			return capabilities[i].value;
	return vm_ext_check(cap);
}

/* What KVM_GET_DEVICE_ATTR tells of the whole: the XSAVE features for guests. */
static int dev_attr(unsigned int cmd, const void __user *argp)
{
	struct kvm_device_attr attr;
	u64 xcr0 = vcpu_xcr0_possible();

	if (copy_from_user(&attr, argp, sizeof(attr)))
		return -EFAULT;
	if (attr.group || attr.attr != KVM_X86_XCOMP_GUEST_SUPP)
		return -ENXIO;
	if (cmd == KVM_HAS_DEVICE_ATTR)
		return 0;
	return put_user(xcr0, (u64 __user *)attr.addr) ? -EFAULT : 0;
}

static long dev_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	u64 mce_cap;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		/* Machine type 0 is the only one x86 has. */
		return arg ? -EINVAL : vm_create_fd();
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
	case KVM_GET_SUPPORTED_CPUID:
		return cpuid_get_supported(argp, false);
	case KVM_GET_EMULATED_CPUID:
		return cpuid_get_supported(argp, true);
	case KVM_GET_MSR_INDEX_LIST:
		return msr_index_list(argp);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return msr_feature_list(argp);
	case KVM_GET_MSRS:
		return msr_feature_io(argp);
	case KVM_GET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		return dev_attr(cmd, argp);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		mce_cap = VCPU_MCG_CAP;
		return copy_to_user(argp, &mce_cap, sizeof(mce_cap)) ? -EFAULT : 0;
	default:
		return -EINVAL;
	}
}

/*
 * Its answers are the backend's, so an open file holds that. misc_open() keeps
 * misc_deregister() waiting: there is a backend now.
 */
static int dev_open(struct inode *inode, struct file *f)
{
	return try_module_get(vcpu_ops->owner) ? 0 : -ENODEV;
}

static int dev_release(struct inode *inode, struct file *f)
{
	module_put(vcpu_ops->owner);
	return 0;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.release = dev_release,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kvm_dev = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &dev_fops,
	.mode = 0666,
};

/* ---- the backend ----------------------------------------------------------------- */

DEFINE_STATIC_CALL_NULL(vcpu_enter, void(struct vcpu *v));
DEFINE_STATIC_CALL_NULL(vcpu_handle_exit, enum run_verdict(struct vcpu *v));
DEFINE_STATIC_CALL_NULL(vcpu_segment,
			const struct emul_segment *(struct vcpu *v, enum emul_seg which));
DEFINE_STATIC_CALL_NULL(vcpu_get_cpl, u8(struct vcpu *v));

/* While there is no backend there is no vCPU that would call. */
static void set_calls(const struct vcpu_ops *ops)
{
	static_call_update(vcpu_enter, ops->enter);
	static_call_update(vcpu_handle_exit, ops->handle_exit);
	static_call_update(vcpu_segment, ops->segment);
	static_call_update(vcpu_get_cpl, ops->get_cpl);
}

int vcpu_ops_register(const struct vcpu_ops *ops)
{
	int err = -EBUSY;

	mutex_lock(&ops_lock);
	if (!vcpu_ops) {
		vcpu_ops = ops;
		set_calls(ops);
		err = misc_register(&kvm_dev);
		if (!err) {
			standins_add();
		} else {
			vcpu_ops = NULL;
			pr_err("kvm-core: cannot offer /dev/kvm (%d): the in-tree kvm module has it; rmmod kvm_amd kvm, then load svm again\n",
			       err);
		}
	}
	mutex_unlock(&ops_lock);
	return err;
}
EXPORT_SYMBOL_GPL(vcpu_ops_register);

void vcpu_ops_unregister(const struct vcpu_ops *ops)
{
	mutex_lock(&ops_lock);
	if (vcpu_ops == ops) {
		standins_remove();
		misc_deregister(&kvm_dev);
		vcpu_ops = NULL;
	}
	mutex_unlock(&ops_lock);
}
EXPORT_SYMBOL_GPL(vcpu_ops_unregister);

/* Hold the backend for one VM; -ENODEV: it has gone. */
int vcpu_ops_get(void)
{
	int err = -ENODEV;

	mutex_lock(&ops_lock);
	if (vcpu_ops && try_module_get(vcpu_ops->owner))
		err = 0;
	mutex_unlock(&ops_lock);
	return err;
}

static int __init kvm_core_init(void)
{
	int err = apf_start();

	if (err)
		return err;
	cpuid_init();
	stats_init();
	vms_sleep_init();
	return 0;
}

static void __exit kvm_core_exit(void)
{
	vms_sleep_exit();
	stats_exit();
	apf_stop();
}

module_init(kvm_core_init);
module_exit(kvm_core_exit);
