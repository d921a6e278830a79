// SPDX-License-Identifier: GPL-2.0
/*
 * A VM: its life, its file descriptor, its ioctls, and what acts on all of
 * its vCPUs at once (kick, flush, kill).
 *
 * A VM's file and its vCPUs' files hold references; devices above may hold
 * more. When the last file goes, assigned cards are given back first, then
 * interrupts stop, then memory goes. Knows extensions only as vm_ext_ops.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/syscore_ops.h>
#include <linux/uaccess.h>
#include "compat_linux.h"
#include "kvm-core/stats.h"
#include "kvm-core/vcpu.h"

static LIST_HEAD(vms);
static DEFINE_MUTEX(vms_lock);
static unsigned int next_vm_id = 1;
static u64 past[NR_STATS];		/* counts of VMs that are gone */

static const struct file_operations vm_fops;

#define VM_NR_EXT	4
static const struct vm_ext_ops *exts[VM_NR_EXT];
static DEFINE_MUTEX(exts_lock);

/* ---- statistics ------------------------------------------------------------------ */

const char *const stat_names[NR_STATS] = {
	[STAT_EXITS] = "exits",
	[STAT_IRQ_EXITS] = "irq_exits",
	[STAT_IO_EXITS] = "io_exits",
	[STAT_MMIO_EXITS] = "mmio_exits",
	[STAT_NPF] = "pf_taken",
	[STAT_HALTS] = "halt_exits",
	[STAT_INJECTIONS] = "irq_injections",
	[STAT_EMULATIONS] = "insn_emulation",
	[STAT_FAULT_4K] = "pages_4k",
	[STAT_FAULT_2M] = "pages_2m",
	[STAT_FAULT_1G] = "pages_1g",
	[STAT_PINNED_PAGES] = "pinned_pages",
	[STAT_VMS] = "vms",
	[STAT_HYPERCALLS] = "hypercalls",
	[STAT_YIELDS] = "directed_yield_successful",
	[STAT_IRQ_WINDOWS] = "irq_window_exits",
	[STAT_MSR_EXITS] = "msr_exits",
	[STAT_POLLS] = "halt_attempted_poll",
	[STAT_POLLS_HIT] = "halt_successful_poll",
	[STAT_POLL_HIT_NS] = "halt_poll_success_ns",
	[STAT_POLL_MISS_NS] = "halt_poll_fail_ns",
	[STAT_WAKEUPS] = "halt_wakeup",
	[STAT_WAIT_NS] = "halt_wait_ns",
};

u64 stats_of_vcpu(const struct vcpu *v, enum stat_id id)
{
	switch (id) {
	case STAT_EXITS:
		return v->stat_exits;
	case STAT_IRQ_EXITS:
		return v->stat_irq_exits;
	case STAT_IO_EXITS:
		return v->stat_io_exits;
	case STAT_MMIO_EXITS:
		return v->stat_mmio_exits;
	case STAT_NPF:
		return v->stat_npf;
	case STAT_HALTS:
		return v->stat_halts;
	case STAT_INJECTIONS:
		return v->stat_injections;
	case STAT_EMULATIONS:
		return v->stat_emulations;
	case STAT_HYPERCALLS:
		return v->stat_hypercalls;
	case STAT_YIELDS:
		return v->stat_yields;
	case STAT_IRQ_WINDOWS:
		return v->stat_irq_windows;
	case STAT_MSR_EXITS:
		return v->stat_msr_exits;
	case STAT_POLLS:
		return v->stat_polls;
	case STAT_POLLS_HIT:
		return v->stat_polls_hit;
	case STAT_POLL_HIT_NS:
		return v->stat_poll_hit_ns;
	case STAT_POLL_MISS_NS:
		return v->stat_poll_miss_ns;
	case STAT_WAKEUPS:
		return v->stat_wakeups;
	case STAT_WAIT_NS:
		return v->stat_wait_ns;
	default:
		return 0;
	}
}

u64 stats_of_vm(struct vm *vm, enum stat_id id)
{
	struct vcpu *v;
	u64 sum = 0;
	int i;

	switch (id) {
	case STAT_FAULT_4K:
		return vm->mem.stat_fault_4k;
	case STAT_FAULT_2M:
		return vm->mem.stat_fault_2m;
	case STAT_FAULT_1G:
		return vm->mem.stat_fault_1g;
	case STAT_PINNED_PAGES:
		return vm->mem.pinned_pages;
	case STAT_VMS:
		return 1;
	default:
		break;
	}
	vm_for_each_vcpu(i, v, vm)
		sum += stats_of_vcpu(v, id);
	return sum;
}

u64 stats_total(enum stat_id id)
{
	struct vm *vm;
	u64 sum;

	mutex_lock(&vms_lock);
	sum = past[id];
	list_for_each_entry(vm, &vms, link)
		sum += stats_of_vm(vm, id);
	mutex_unlock(&vms_lock);
	return sum;
}

static void vm_unlist(struct vm *vm)
{
	enum stat_id id;

	mutex_lock(&vms_lock);
	for (id = 0; id < NR_STATS; id++)
		if (id != STAT_PINNED_PAGES && id != STAT_VMS)
			past[id] += stats_of_vm(vm, id);
	list_del(&vm->link);
	mutex_unlock(&vms_lock);
}

/* ---- the machine sleeps ------------------------------------------------------------ */

static u64 asleep_since;	/* TSC */

static int vms_suspend(void)
{
	asleep_since = rdtsc();
	return 0;
}

/* All tasks are frozen on their way to user space, so nobody holds vms_lock. */
static void vms_resume(void)
{
	u64 now = rdtsc(), lost = now < asleep_since ? asleep_since - now : 0;
	struct vm *vm;

	list_for_each_entry(vm, &vms, link)
		vm_clock_woke(vm, lost);
}

static struct syscore_ops vms_sleep = {
	.suspend = vms_suspend,
	.resume = vms_resume,
};

void vms_sleep_init(void)
{
	register_syscore_ops(&vms_sleep);
}

void vms_sleep_exit(void)
{
	unregister_syscore_ops(&vms_sleep);
}

/* ---- extensions ------------------------------------------------------------------- */

int vm_ext_register(const struct vm_ext_ops *ops)
{
	int i, err = -EBUSY;

	mutex_lock(&exts_lock);
	for (i = 0; i < VM_NR_EXT && err; i++) {
		if (exts[i])
			continue;
		exts[i] = ops;
		err = 0;
	}
	mutex_unlock(&exts_lock);
	return err;
}
EXPORT_SYMBOL_GPL(vm_ext_register);

void vm_ext_unregister(const struct vm_ext_ops *ops)
{
	int i;

	mutex_lock(&exts_lock);
	for (i = 0; i < VM_NR_EXT; i++)
		if (exts[i] == ops)
			exts[i] = NULL;
	mutex_unlock(&exts_lock);
}
EXPORT_SYMBOL_GPL(vm_ext_unregister);

/* The extension in slot @i with its module held, or NULL. */
static const struct vm_ext_ops *ext_get(int i)
{
	const struct vm_ext_ops *ops;

	mutex_lock(&exts_lock);
	ops = exts[i];
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	mutex_unlock(&exts_lock);
	return ops;
}

int vm_ext_check(u32 cap)
{
	const struct vm_ext_ops *ops;
	int i, r = 0;

	for (i = 0; i < VM_NR_EXT && !r; i++) {
		ops = ext_get(i);
		if (!ops)
			continue;
		r = ops->check_extension(cap);
		module_put(ops->owner);
	}
	return r;
}

/* State that an extension keeps in a VM holds the extension's module. */
long vm_ext_ioctl(struct vm *vm, unsigned int cmd, unsigned long arg)
{
	const struct vm_ext_ops *ops;
	long r = -ENOTTY;
	int i;

	for (i = 0; i < VM_NR_EXT && r == -ENOTTY; i++) {
		ops = ext_get(i);
		if (!ops)
			continue;
		r = ops->ioctl(vm, &vm->ext[i], cmd, arg);
		/* Of two first callers at once, one leaves its reference. */
		if (!vm->ext[i] || test_and_set_bit(i, &vm->ext_held))
			module_put(ops->owner);
	}
	return r;
}

void vm_ext_destroy(struct vm *vm)
{
	int i;

	for (i = 0; i < VM_NR_EXT; i++) {
		struct vm_ext *ext = vm->ext[i];

		if (!ext)
			continue;
		vm->ext[i] = NULL;
		exts[i]->destroy(vm, ext);
		module_put(exts[i]->owner);
	}
}

/* ---- life --------------------------------------------------------------------------- */

static void buses_free(struct vm *vm)
{
	int i;

	for (i = 0; i < VM_NR_BUSES; i++)
		kvfree(rcu_dereference_protected(vm->buses[i], 1));
}

static struct vm *vm_create(void)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int err;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	refcount_set(&vm->refs, 1);
	vm->owner_pid = task_tgid_nr(current);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	mutex_init(&vm->lock);
	mutex_init(&vm->bus_lock);
	vm_clock_init(vm);
	err = vcpu_ops_get();
	if (err)
		goto drop_mm;
	err = vm_coalesced_init(vm);
	if (err)
		goto put_module;
	err = vm_mem_init(vm);
	if (err)
		goto free_coalesced;
	err = vm_irq_init(vm);
	if (err)
		goto free_mem;
	mutex_lock(&vms_lock);
	vm->id = next_vm_id++;
	list_add_tail(&vm->link, &vms);
	mutex_unlock(&vms_lock);
	preempt_notifier_inc();
	return vm;

free_mem:
	vm_mem_destroy(vm);
free_coalesced:
	vm_coalesced_destroy(vm);
put_module:
	module_put(vcpu_ops->owner);
drop_mm:
	mmdrop(vm->mm);
	kfree(vm);
	return ERR_PTR(err);
}

static void vm_destroy(struct vm *vm)
{
	struct vcpu *v;
	int i;

	vm_ext_destroy(vm);
	vm_irq_shutdown(vm);
	vm_irq_forget_vcpus(vm);
	preempt_notifier_dec();
	stats_vm_remove(vm);
	vm_unlist(vm);
	vm_mem_stop(vm);
	if (vm->smm_space)
		vm_mem_stop(vm->smm_space);
	vm_for_each_vcpu(i, v, vm)
		vcpu_destroy(v);
	atomic_set(&vm->nr_vcpus, 0);	/* what follows may flush all there are */
	vcpu_ops->vm_destroy(vm);
	vm_irq_destroy(vm);
	vm_space_destroy(vm);
	vm_mem_destroy(vm);
	buses_free(vm);
	vm_coalesced_destroy(vm);
	vm_msr_filter_destroy(vm);
	module_put(vcpu_ops->owner);
	mmdrop(vm->mm);
	kfree(vm);
}

void vm_get(struct vm *vm)
{
	refcount_inc(&vm->refs);
}
EXPORT_SYMBOL_GPL(vm_get);

void vm_put(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		vm_destroy(vm);
}
EXPORT_SYMBOL_GPL(vm_put);

struct vm *vm_from_fd(int fd)
{
	struct fd f = fdget(fd);
	struct vm *vm = ERR_PTR(-EBADF);

	if (fd_file(f) && fd_file(f)->f_op == &vm_fops) {
		vm = fd_file(f)->private_data;
		vm_get(vm);
	}
	fdput(f);
	return vm;
}
EXPORT_SYMBOL_GPL(vm_from_fd);

void vm_kill(struct vm *vm, const char *reason)
{
	struct vcpu *v;
	int i;

	if (cmpxchg(&vm->dead, NULL, reason))
		return;
	pr_err("kvm-core: VM %u of process %d stopped: %s\n", vm->id,
	       vm->owner_pid, reason);
	vm_for_each_vcpu(i, v, vm)
		vcpu_request(v, VCPU_REQ_VM_DEAD);
}
EXPORT_SYMBOL_GPL(vm_kill);

/* ---- kick and flush -------------------------------------------------------------------- */

void vcpu_kick(struct vcpu *v)
{
	int cpu, me;

	/* Pairs with the barrier between mode and requests in run_linux.c. */
	smp_mb();
	if (READ_ONCE(v->mode) == VCPU_OUTSIDE) {
		/* The barrier above orders the caller's change before this look. */
		if (rcuwait_active(&v->wait))
			rcuwait_wake_up(&v->wait);
		return;
	}
	me = get_cpu();
	cpu = READ_ONCE(v->cpu);
	if (cpu != me && cpu >= 0)
		smp_send_reschedule(cpu);
	put_cpu();
}
EXPORT_SYMBOL_GPL(vcpu_kick);

void vcpu_request(struct vcpu *v, enum vcpu_request r)
{
	set_bit(r, &v->requests);
	vcpu_kick(v);
}
EXPORT_SYMBOL_GPL(vcpu_request);

static void nothing(void *unused)
{
}

/* A vCPU that is in the guest leaves it by the interrupt itself, and sees the
 * request before it enters again. One outside needs no interrupt.
 */
/* Not on the stack: a kilobyte, and the kernel clears stacks. */
static DEFINE_PER_CPU(struct cpumask, flush_masks);

void vm_flush_tlb(struct vm *vm)
{
	struct cpumask *mask;
	struct vcpu *v;
	int i, cpu, me;

	if (vm->outer)		/* a second address space: the same vCPUs */
		vm = vm->outer;
	me = get_cpu();
	mask = this_cpu_ptr(&flush_masks);
	cpumask_clear(mask);
	vm_for_each_vcpu(i, v, vm) {
		set_bit(VCPU_REQ_TLB_FLUSH, &v->requests);
		smp_mb__after_atomic();	/* request, then mode */
		cpu = READ_ONCE(v->cpu);
		if (READ_ONCE(v->mode) != VCPU_OUTSIDE && cpu >= 0 && cpu != me)
			cpumask_set_cpu(cpu, mask);
	}
	if (!cpumask_empty(mask))
		smp_call_function_many(mask, nothing, NULL, true);
	put_cpu();
}
EXPORT_SYMBOL_GPL(vm_flush_tlb);

int vm_allow_ports(struct vm *vm, u16 first, unsigned int count, bool allow)
{
	int err = vcpu_ops->vm_allow_ports(vm, first, count, allow);

	vm_flush_tlb(vm);
	return err;
}
EXPORT_SYMBOL_GPL(vm_allow_ports);

/* ---- buses ------------------------------------------------------------------------------- */

static void bus_publish(struct vm *vm, int which, struct bus *next)
{
	static atomic64_t stamps = ATOMIC64_INIT(0);
	struct bus *old = rcu_dereference_protected(vm->buses[which],
						    lockdep_is_held(&vm->bus_lock));

	next->stamp = atomic64_inc_return(&stamps);
	rcu_assign_pointer(vm->buses[which], next);
	synchronize_rcu_expedited();	/* vm_bus_del()'s caller frees the device */
	kvfree(old);
}

int vm_bus_add(struct vm *vm, int which, gpa_t start, u64 size, struct bus_dev *dev)
{
	struct bus_range r = { .start = start, .size = size, .dev = dev };
	struct bus *old, *next;
	int err = 0;

	mutex_lock(&vm->bus_lock);
	old = rcu_dereference_protected(vm->buses[which], 1);
	if (!bus_has_room(old, dev)) {
		err = -ENOSPC;
		goto unlock;
	}
	next = kvzalloc(bus_bytes((old ? old->count : 0) + 1), GFP_KERNEL_ACCOUNT);
	if (!next) {
		err = -ENOMEM;
		goto unlock;
	}
	bus_copy_with(next, old, r);
	bus_publish(vm, which, next);
unlock:
	mutex_unlock(&vm->bus_lock);
	return err;
}

void vm_bus_del(struct vm *vm, int which, struct bus_dev *dev)
{
	struct bus *old, *next;

	mutex_lock(&vm->bus_lock);
	old = rcu_dereference_protected(vm->buses[which], 1);
	if (old) {
		/* Without the memory for a smaller copy there would be no way
		 * to say no: this allocation must succeed. Only single pages may be
		 * waited for so.
		 */
		next = kvzalloc(bus_bytes(old->count), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		bus_copy_without(next, old, dev);
		bus_publish(vm, which, next);
	}
	mutex_unlock(&vm->bus_lock);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int manual_protect(struct vm *vm, u64 flags)
{
	int err = vm_mem_manual_protect(vm, flags);

	if (!err && vm->smm_space)
		err = vm_mem_manual_protect(vm->smm_space, flags);
	return err;
}

/* The address space that a slot's number names in its upper half, which goes. */
static struct vm *slot_space(struct vm *vm, u32 *slot)
{
	unsigned int id = *slot >> 16;

	*slot &= 0xffff;
	return id < VM_NR_SPACES ? vm_space(vm, id) : ERR_PTR(-EINVAL);
}

static int set_region(struct vm *vm, struct kvm_userspace_memory_region *r)
{
	struct vm *space = slot_space(vm, &r->slot);

	return IS_ERR(space) ? PTR_ERR(space) : vm_mem_set_region(space, r);
}

/* The same with a place for guest_memfd, whose flag no slot here may have. */
static int set_region2(struct vm *vm, struct kvm_userspace_memory_region2 *r2)
{
	struct kvm_userspace_memory_region r;

	static_assert(offsetof(struct kvm_userspace_memory_region2, guest_memfd_offset) ==
		      sizeof(r), "one is a prefix of the other");
	memcpy(&r, r2, sizeof(r));
	return set_region(vm, &r);
}

static int get_dirty_log(struct vm *vm, struct kvm_dirty_log *log)
{
	struct vm *space = slot_space(vm, &log->slot);

	return IS_ERR(space) ? PTR_ERR(space) : vm_mem_get_dirty_log(space, log);
}

static int clear_dirty_log(struct vm *vm, struct kvm_clear_dirty_log *log)
{
	struct vm *space = slot_space(vm, &log->slot);

	return IS_ERR(space) ? PTR_ERR(space) : vm_mem_clear_dirty_log(space, log);
}

/* For vCPUs that are made or reset from now on; none gets such an exit back. What this
 * host cannot leave to guests is no error.
 */
static int disable_exits(struct vm *vm, u64 which)
{
	int err = -EINVAL;

	mutex_lock(&vm->lock);
	if (!(which & ~(u64)KVM_X86_DISABLE_VALID_EXITS)) {
		WRITE_ONCE(vm->no_exits, vm->no_exits | (which & vm_exits_to_disable()));
		err = 0;
	}
	mutex_unlock(&vm->lock);
	return err;
}

static int create_split(struct vm *vm, u64 pins)
{
	int r;

	mutex_lock(&vm->lock);		/* no vCPU comes meanwhile */
	r = vm_irq_create_split(vm, pins);
	mutex_unlock(&vm->lock);
	return r;
}

static int enable_cap(struct vm *vm, struct kvm_enable_cap *cap)
{
	if (cap->flags)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_SPLIT_IRQCHIP:
		return create_split(vm, cap->args[0]);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		if (cap->args[0] & ~(u64)(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
					  KVM_DIRTY_LOG_INITIALLY_SET))
			return -EINVAL;
		return manual_protect(vm, cap->args[0]);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return vm_mem_ring_enable(vm, cap->args[0]);
	case KVM_CAP_X2APIC_API:
		return vm_irq_x2apic_api(vm, cap->args[0]);
	case KVM_CAP_X86_USER_SPACE_MSR:
		return vm_user_space_msr(vm, cap->args[0]);
	case KVM_CAP_X86_DISABLE_EXITS:
		return disable_exits(vm, cap->args[0]);
	default:
		return vm_enable_cap(vm, cap);
	}
}

static int irq_line(struct vm *vm, void __user *argp, bool status)
{
	struct kvm_irq_level l;
	int r;

	if (copy_from_user(&l, argp, sizeof(l)))
		return -EFAULT;
	if (vm_irq_mode(vm) == IRQCHIP_NONE)
		return -ENXIO;
	r = vm_irq_set(vm, VM_IRQ_SOURCE_USERSPACE, l.irq, l.level);
	if (!status)
		return 0;
	l.status = r;
	return copy_to_user(argp, &l, sizeof(l)) ? -EFAULT : 0;
}

/* Copy a fixed-size argument in, call, and copy it back out. */
#define IOCTL_IN(type, call) ({						\
	type a_;							\
	copy_from_user(&a_, argp, sizeof(a_)) ? -EFAULT : (call)(vm, &a_); \
})

static long irqchip_ioctl(struct vm *vm, unsigned int cmd, void __user *argp)
{
	struct kvm_irqchip *chip = memdup_user(argp, sizeof(*chip));
	long r;

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	if (cmd == KVM_SET_IRQCHIP) {
		r = vm_irq_set_chip(vm, chip);
	} else {
		r = vm_irq_get_chip(vm, chip);
		if (!r && copy_to_user(argp, chip, sizeof(*chip)))
			r = -EFAULT;
	}
	kfree(chip);
	return r;
}

/* The old PIT state is the new one without its flags word. */
static long pit_ioctl(struct vm *vm, unsigned int cmd, void __user *argp)
{
	struct kvm_pit_state2 ps = { };
	size_t bytes = cmd == KVM_GET_PIT || cmd == KVM_SET_PIT ?
		sizeof(struct kvm_pit_state) : sizeof(ps);
	long r;

	static_assert(offsetof(struct kvm_pit_state2, flags) ==
		      sizeof(struct kvm_pit_state), "old is a prefix of new");
	if (cmd == KVM_SET_PIT || cmd == KVM_SET_PIT2)
		return copy_from_user(&ps, argp, bytes) ? -EFAULT :
			vm_irq_set_pit(vm, &ps);
	r = vm_irq_get_pit(vm, &ps);
	if (!r && copy_to_user(argp, &ps, bytes))
		r = -EFAULT;
	return r;
}

static int create_pit(struct vm *vm, void __user *argp)
{
	struct kvm_pit_config cfg = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (argp && copy_from_user(&cfg, argp, sizeof(cfg)))
		return -EFAULT;
	return vm_irq_create_pit(vm, &cfg);
}

static int create_irqchip(struct vm *vm)
{
	int r;

	mutex_lock(&vm->lock);		/* no vCPU comes meanwhile */
	r = vm_irq_create_chip(vm);
	mutex_unlock(&vm->lock);
	return r;
}

long vm_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	struct vm *vm = f->private_data;
	u64 addr;

	if (current->mm != vm->mm)
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return vcpu_create(vm, arg);
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(vm, arg);
	case KVM_ENABLE_CAP:
		return IOCTL_IN(struct kvm_enable_cap, enable_cap);
	case KVM_SET_USER_MEMORY_REGION:
		return IOCTL_IN(struct kvm_userspace_memory_region, set_region);
	case KVM_SET_USER_MEMORY_REGION2:
		return IOCTL_IN(struct kvm_userspace_memory_region2, set_region2);
	case KVM_GET_DIRTY_LOG:
		return IOCTL_IN(struct kvm_dirty_log, get_dirty_log);
	case KVM_CLEAR_DIRTY_LOG:
		return IOCTL_IN(struct kvm_clear_dirty_log, clear_dirty_log);
	case KVM_RESET_DIRTY_RINGS:
		return vm_mem_ring_reset(vm);
	case KVM_SET_TSS_ADDR:
		/* Three pages below 4 GiB, for CPUs without real mode under virtualization. */
		return arg > SZ_4G - 3 * PAGE_SIZE ? -EINVAL : 0;
	case KVM_SET_IDENTITY_MAP_ADDR:
		if (atomic_read(&vm->nr_vcpus))
			return -EINVAL;
		return copy_from_user(&addr, argp, sizeof(addr)) ? -EFAULT : 0;
	case KVM_SET_NR_MMU_PAGES:
		/* A bound for what is bounded anyway (shadow_pages). */
		if (arg < 64)
			return -EINVAL;
		vm->nr_mmu_pages = arg;
		return 0;
	case KVM_GET_NR_MMU_PAGES:
		return vm->nr_mmu_pages;
	case KVM_SET_BOOT_CPU_ID:
		return vm_set_boot_id(vm, arg);
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm);
	case KVM_GET_IRQCHIP:
	case KVM_SET_IRQCHIP:
		return irqchip_ioctl(vm, cmd, argp);
	case KVM_CREATE_PIT:
		return create_pit(vm, NULL);
	case KVM_CREATE_PIT2:
		return create_pit(vm, argp);
	case KVM_GET_PIT:
	case KVM_SET_PIT:
	case KVM_GET_PIT2:
	case KVM_SET_PIT2:
		return pit_ioctl(vm, cmd, argp);
	case KVM_REINJECT_CONTROL:
		return IOCTL_IN(struct kvm_reinject_control, vm_irq_reinject);
	case KVM_IRQ_LINE:
		return irq_line(vm, argp, false);
	case KVM_IRQ_LINE_STATUS:
		return irq_line(vm, argp, true);
	case KVM_SET_GSI_ROUTING:
		return vm_irq_set_routing(vm, argp);
	case KVM_SIGNAL_MSI:
		return IOCTL_IN(struct kvm_msi, vm_irq_signal_msi);
	case KVM_IRQFD:
		return IOCTL_IN(struct kvm_irqfd, vm_irq_irqfd);
	case KVM_REGISTER_COALESCED_MMIO:
		return IOCTL_IN(struct kvm_coalesced_mmio_zone, vm_coalesced_register);
	case KVM_UNREGISTER_COALESCED_MMIO:
		return IOCTL_IN(struct kvm_coalesced_mmio_zone, vm_coalesced_unregister);
	case KVM_X86_SET_MSR_FILTER:
		return IOCTL_IN(struct kvm_msr_filter, vm_set_msr_filter);
	case KVM_CREATE_DEVICE:
		return vm_create_device(vm, argp);
	case KVM_GET_STATS_FD:
		return stats_fd(vm, NULL);
	case KVM_IOEVENTFD:
		return IOCTL_IN(struct kvm_ioeventfd, vm_irq_ioeventfd);
	case KVM_GET_CLOCK:
	case KVM_SET_CLOCK:
	case KVM_SET_TSC_KHZ:
	case KVM_GET_TSC_KHZ:
		return vm_clock_ioctl(vm, cmd, argp);
	default:
		return vm_ext_ioctl(vm, cmd, arg);
	}
}

/* ---- programs of 32 bits: structures with pointers have their own layout ------------------ */

#ifdef CONFIG_COMPAT
struct filter_range32 {
	u32 flags, nmsrs, base;
	compat_uptr_t bitmap;
};

struct filter32 {
	u32 flags;
	struct filter_range32 ranges[KVM_MSR_FILTER_MAX_RANGES];
};

#define SET_MSR_FILTER32	_IOW(KVMIO, _IOC_NR(KVM_X86_SET_MSR_FILTER), struct filter32)

static int msr_filter32(struct vm *vm, void __user *argp)
{
	struct kvm_msr_filter f = { };
	struct filter32 in;
	unsigned int i;

	if (copy_from_user(&in, argp, sizeof(in)))
		return -EFAULT;
	f.flags = in.flags;
	for (i = 0; i < ARRAY_SIZE(f.ranges); i++)
		f.ranges[i] = (struct kvm_msr_filter_range){
			.flags = in.ranges[i].flags, .nmsrs = in.ranges[i].nmsrs,
			.base = in.ranges[i].base,
			.bitmap = (__force __u8 *)compat_ptr(in.ranges[i].bitmap),
		};
	return vm_set_msr_filter(vm, &f);
}

/* Half of the pointer's place is the caller's pointer, the other is nobody's. */
static int dirty_log32(struct vm *vm, struct kvm_dirty_log *log)
{
	log->dirty_bitmap = compat_ptr((compat_uptr_t)log->padding2);
	return get_dirty_log(vm, log);
}

static int clear_dirty_log32(struct vm *vm, struct kvm_clear_dirty_log *log)
{
	log->dirty_bitmap = compat_ptr((compat_uptr_t)log->padding2);
	return clear_dirty_log(vm, log);
}

static long vm_compat_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	void __user *argp = compat_ptr(arg);
	struct vm *vm = f->private_data;

	if (current->mm != vm->mm)
		return -EIO;
	switch (cmd) {
	case KVM_GET_DIRTY_LOG:
		return IOCTL_IN(struct kvm_dirty_log, dirty_log32);
	case KVM_CLEAR_DIRTY_LOG:
		return IOCTL_IN(struct kvm_clear_dirty_log, clear_dirty_log32);
	case SET_MSR_FILTER32:
		return msr_filter32(vm, argp);
	default:
		return vm_ioctl(f, cmd, (unsigned long)argp);
	}
}
#else
#define vm_compat_ioctl NULL
#endif

static int vm_release(struct inode *inode, struct file *f)
{
	struct vm *vm = f->private_data;

	/* Cards go back now, not when the last vCPU's file is closed. */
	vm_ext_destroy(vm);
	vm_irq_close(vm);
	vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = vm_compat_ioctl,
	.llseek = noop_llseek,
};

int vm_create_fd(void)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;
	struct vm *vm;

	if (fd < 0)
		return fd;
	vm = vm_create();
	if (IS_ERR(vm)) {
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}
	file = anon_inode_getfile("kvm-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		vm_put(vm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	stats_vm_add(vm, fd);
	fd_install(fd, file);
	return fd;
}
