// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's clocks on Linux: the paravirtual clock page of each vCPU, the wall
 * clock, the guest's TSC, and the ioctls that save and restore them.
 *
 * The guest clock starts from the host's CLOCK_BOOTTIME. Where the host's TSCs
 * agree and all vCPUs share one offset, it runs by the TSC from one moment on:
 * all pages say the same, and are flagged stable, so guests need not keep them
 * monotonic themselves. Its rate is then the TSC's own, without the host's NTP
 * corrections. Otherwise a page is rewritten from the boottime whenever a vCPU
 * comes to another CPU.
 *
 * A guest's TSC is the host's, scaled if the CPU can and user space asks for another
 * rate (APM2 15.30.5), plus an offset.
 */
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include <asm/kvm_para.h>
#include "kvm-core/vclock.h"
#include "kvm-core/vcpu.h"

static s64 boot_ns(void)
{
	return ktime_to_ns(ktime_get_with_offset(TK_OFFS_BOOT));
}

void vm_clock_init(struct vm *vm)
{
	raw_spin_lock_init(&vm->clock_lock);
	vm->clock_offset = -boot_ns();
}

static u64 ticks_to_ns(u64 ticks)
{
	u32 mul = 0;
	s8 shift = 0;

	vclock_scale((u64)tsc_khz * 1000, &mul, &shift);
	return vclock_to_ns(ticks, mul, shift);
}

/* clock_lock held: the guest's clock when the host's TSC is @tsc, which is now. */
static u64 clock_at(struct vm *vm, u64 tsc)
{
	if (!vm->clock_stable)
		return boot_ns() + vm->clock_offset;
	return vm->clock_boot + ticks_to_ns(tsc - vm->clock_tsc) + vm->clock_offset;
}

static u64 vm_clock_ns(struct vm *vm)
{
	unsigned long flags;
	u64 ns;

	raw_spin_lock_irqsave(&vm->clock_lock, flags);
	ns = clock_at(vm, rdtsc_ordered());
	raw_spin_unlock_irqrestore(&vm->clock_lock, flags);
	return ns;
}

static bool tscs_agree(struct vm *vm)
{
	struct vcpu *v;
	int i;

	vm_for_each_vcpu(i, v, vm)
		if (READ_ONCE(v->tsc_offset) != vm->tsc_base_offset ||
		    READ_ONCE(v->tsc_ratio) != vm->tsc_base_ratio)
			return false;
	return true;
}

/* clock_lock held. True: it changed, and every page must be written anew. */
static bool clock_restyle(struct vm *vm)
{
	bool stable = !check_tsc_unstable() && tscs_agree(vm);
	u64 ns;

	if (stable == vm->clock_stable)
		return false;
	ns = clock_at(vm, rdtsc_ordered());	/* goes on from here */
	vm->clock_stable = stable;
	vm->clock_boot = boot_ns();
	vm->clock_tsc = rdtsc_ordered();
	vm->clock_offset = ns - vm->clock_boot;
	return true;
}

/* ---- pages in the guest ------------------------------------------------------------ */

/* The guest reads version, fields, version: odd or changed means try again. */
void vcpu_clock_update(struct vcpu *v)
{
	struct pvclock_vcpu_time_info old = { }, info = { };
	gpa_t gpa = v->msr.kvm_clock & ~1ULL;
	struct vcpu *other;
	unsigned long flags;
	bool restyled;
	u64 tsc;
	int i;

	if (!(v->msr.kvm_clock & 1) ||
	    !vclock_scale((u64)vcpu_tsc_rate(v) * 1000, &info.tsc_to_system_mul,
			  &info.tsc_shift))
		return;

	/* Its own version goes on, on another host, too: a reader may be between its looks. */
	vm_mem_read(v->vm, gpa, &old, sizeof(old));
	info.version = (old.version + 1) | 1;
	if (vm_mem_write(v->vm, gpa, &info.version, sizeof(info.version)))
		return;
	smp_wmb();	/* the odd version before the fields */

	raw_spin_lock_irqsave(&v->vm->clock_lock, flags);
	restyled = clock_restyle(v->vm);
	tsc = v->vm->clock_stable ? v->vm->clock_tsc : rdtsc_ordered();
	info.system_time = clock_at(v->vm, tsc);
	info.flags = v->vm->clock_stable ? PVCLOCK_TSC_STABLE_BIT : 0;
	raw_spin_unlock_irqrestore(&v->vm->clock_lock, flags);
	info.tsc_timestamp = vcpu_scale_tsc(v, tsc) + v->tsc_offset;
	info.flags |= old.flags & PVCLOCK_GUEST_STOPPED;	/* until the guest has seen it */
	if (v->clock_paused) {
		info.flags |= PVCLOCK_GUEST_STOPPED;
		v->clock_paused = false;
	}
	vm_mem_write(v->vm, gpa, &info, sizeof(info));
	smp_wmb();	/* the fields before the even version */
	info.version++;
	vm_mem_write(v->vm, gpa, &info.version, sizeof(info.version));
	if (!restyled)
		return;
	vm_for_each_vcpu(i, other, v->vm)
		if (other != v)
			vcpu_request(other, VCPU_REQ_CLOCK);
}

bool vcpu_clock_pair(struct vcpu *v, s64 *sec, s64 *nsec, u64 *tsc)
{
	struct timespec64 now;
	unsigned long flags;
	bool stable;

	raw_spin_lock_irqsave(&v->vm->clock_lock, flags);
	stable = v->vm->clock_stable;
	ktime_get_real_ts64(&now);
	*tsc = vcpu_scale_tsc(v, rdtsc_ordered()) + v->tsc_offset;
	raw_spin_unlock_irqrestore(&v->vm->clock_lock, flags);
	*sec = now.tv_sec;
	*nsec = now.tv_nsec;
	return stable;
}

/* Wall-clock time at which the guest's clock was zero. */
static void write_wall_clock(struct vcpu *v, gpa_t gpa)
{
	struct pvclock_wall_clock wc = { };
	u64 ns = ktime_get_real_ns() - vm_clock_ns(v->vm);
	u32 rem;

	if (vm_mem_read(v->vm, gpa, &wc.version, sizeof(wc.version)))
		return;
	wc.version |= 1;	/* odd while it changes: another vCPU may be reading it */
	if (vm_mem_write(v->vm, gpa, &wc.version, sizeof(wc.version)))
		return;
	smp_wmb();	/* the odd version before the time */
	wc.sec = (u32)div_u64_rem(ns, NSEC_PER_SEC, &rem);
	wc.nsec = rem;
	vm_mem_write(v->vm, gpa, &wc, sizeof(wc));
	smp_wmb();	/* the time before the even version */
	wc.version++;
	vm_mem_write(v->vm, gpa, &wc.version, sizeof(wc.version));
}

int vcpu_clock_set_msr(struct vcpu *v, u32 msr, u64 data)
{
	switch (msr) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		v->vm->wall_clock = data;
		if (data)
			write_wall_clock(v, data);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		v->msr.kvm_clock = data;
		set_bit(VCPU_REQ_CLOCK, &v->requests);
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- TSC ------------------------------------------------------------------------------ */

/*
 * Two hosts' measurements of one rate differ by a little: no reason to scale, nor to
 * refuse where that cannot be.
 */
#define TSC_TOLERANCE_PPM	250

static bool find_ratio(u32 khz, u64 *ratio)
{
	u64 apart = abs((s64)khz - (s64)tsc_khz);

	*ratio = VCLOCK_RATIO_ONE;
	return apart * 1000000 <= (u64)tsc_khz * TSC_TOLERANCE_PPM ||
	       (vcpu_ops->scales_tsc && vclock_ratio(khz, tsc_khz, ratio));
}

int vcpu_set_tsc_khz(struct vcpu *v, u32 khz)
{
	u64 ratio;

	khz = khz ?: tsc_khz;
	if (!find_ratio(khz, &ratio))
		return -EINVAL;
	v->tsc_khz = khz;
	if (ratio == v->tsc_ratio)
		return 0;
	vcpu_put(v);
	v->tsc_ratio = ratio;
	vcpu_load(v);
	vcpu_tsc_changed(v);
	return 0;
}

static int vm_set_tsc_khz(struct vm *vm, u32 khz)
{
	u64 ratio;

	if (khz && !find_ratio(khz, &ratio))
		return -EINVAL;
	WRITE_ONCE(vm->tsc_khz, khz);
	return 0;
}

/*
 * vCPUs that are given the same TSC within a second of each other are meant to
 * agree: they share one offset. So are those that start from 0, however long it
 * takes to make them all.
 */
void vcpu_write_tsc(struct vcpu *v, u64 tsc)
{
	struct vm *vm = v->vm;
	u64 offset = tsc - vcpu_scale_tsc(v, rdtsc()), apart;
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->clock_lock, flags);
	apart = offset - vm->tsc_base_offset;
	if ((s64)apart < 0)
		apart = -apart;
	if (vm->tsc_base_offset && vm->tsc_base_ratio == v->tsc_ratio &&
	    (!tsc || apart < (u64)vcpu_tsc_rate(v) * 1000))
		offset = vm->tsc_base_offset;
	vm->tsc_base_offset = offset;
	vm->tsc_base_ratio = v->tsc_ratio;
	raw_spin_unlock_irqrestore(&vm->clock_lock, flags);
	v->tsc_offset = offset;
	vcpu_tsc_changed(v);
}

/* To the tick: whoever sets it (KVM_VCPU_TSC_OFFSET) sets it in all vCPUs. */
void vcpu_set_tsc_offset(struct vcpu *v, u64 offset)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&v->vm->clock_lock, flags);
	v->vm->tsc_base_offset = offset;
	v->vm->tsc_base_ratio = v->tsc_ratio;
	raw_spin_unlock_irqrestore(&v->vm->clock_lock, flags);
	v->tsc_offset = offset;
	vcpu_tsc_changed(v);
}

/* ---- after the machine has slept ------------------------------------------------------------ */

void vm_clock_woke(struct vm *vm, u64 lost)
{
	struct vcpu *v;
	int i;

	vm->clock_stable = false;	/* from the boottime, which has passed */
	if (vm->tsc_base_offset)
		vm->tsc_base_offset += vclock_scale_ticks(lost, vm->tsc_base_ratio);
	vm_for_each_vcpu(i, v, vm) {
		v->tsc_offset += vcpu_scale_tsc(v, lost);
		set_bit(VCPU_REQ_CLOCK, &v->requests);
	}
}

/* ---- ioctls -------------------------------------------------------------------------------- */

static void update_pages(struct vm *vm)
{
	struct vcpu *v;
	int i;

	vm_for_each_vcpu(i, v, vm)
		vcpu_request(v, VCPU_REQ_CLOCK);
}

static int clock_get(struct vm *vm, void __user *argp)
{
	struct kvm_clock_data data = { };
	unsigned long flags;
	bool restyled;

	raw_spin_lock_irqsave(&vm->clock_lock, flags);
	restyled = clock_restyle(vm);	/* though no vCPU has run yet */
	data.host_tsc = rdtsc_ordered();
	data.clock = clock_at(vm, data.host_tsc);
	if (vm->clock_stable) {
		data.realtime = ktime_get_real_ns();
		data.flags = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
			     KVM_CLOCK_HOST_TSC;
	} else {
		data.host_tsc = 0;
	}
	raw_spin_unlock_irqrestore(&vm->clock_lock, flags);
	if (restyled)
		update_pages(vm);
	return copy_to_user(argp, &data, sizeof(data)) ? -EFAULT : 0;
}

static int clock_set(struct vm *vm, void __user *argp)
{
	struct kvm_clock_data data;
	unsigned long flags;
	u64 now;

	if (copy_from_user(&data, argp, sizeof(data)))
		return -EFAULT;
	if (data.flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC))
		return -EINVAL;
	/* The time since it was read goes on: the VM was on its way. */
	now = ktime_get_real_ns();
	if ((data.flags & KVM_CLOCK_REALTIME) && now > data.realtime)
		data.clock += now - data.realtime;
	raw_spin_lock_irqsave(&vm->clock_lock, flags);
	vm->clock_offset += data.clock - clock_at(vm, rdtsc_ordered());
	raw_spin_unlock_irqrestore(&vm->clock_lock, flags);
	update_pages(vm);
	return 0;
}

long vm_clock_ioctl(struct vm *vm, unsigned int cmd, void __user *argp)
{
	switch (cmd) {
	case KVM_GET_CLOCK:
		return clock_get(vm, argp);
	case KVM_SET_CLOCK:
		return clock_set(vm, argp);
	case KVM_GET_TSC_KHZ:
		return READ_ONCE(vm->tsc_khz) ?: tsc_khz;
	case KVM_SET_TSC_KHZ:
		return vm_set_tsc_khz(vm, (unsigned long)argp);
	default:
		return -ENOTTY;
	}
}
