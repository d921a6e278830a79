// SPDX-License-Identifier: GPL-2.0
/*
 * stateabi: a vCPU's state as the ABI tells and takes it, tried without a VMM:
 * what a VMM asks for before it starts, sregs2, xsave2, events with payloads,
 * what others sent to a vCPU that has not run since, every listed MSR there and
 * back, feature MSRs. TAP on stdout; the in-tree stack passes the same points.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tap.h"

static int kvm;

/* ---- capabilities ----------------------------------------------------------- */

/* What QEMU, kvmtool, Firecracker, cloud-hypervisor and crosvm ask for. */
static const int wanted[] = {
	KVM_CAP_USER_MEMORY, KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
	KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_INTERNAL_ERROR_DATA,
	KVM_CAP_IOEVENTFD, KVM_CAP_IOEVENTFD_ANY_LENGTH, KVM_CAP_SET_TSS_ADDR,
	KVM_CAP_EXT_CPUID, KVM_CAP_MP_STATE, KVM_CAP_SIGNAL_MSI,
	KVM_CAP_IRQ_ROUTING, KVM_CAP_DEBUGREGS, KVM_CAP_XSAVE,
	KVM_CAP_VCPU_EVENTS, KVM_CAP_X86_ROBUST_SINGLESTEP, KVM_CAP_MCE,
	KVM_CAP_ADJUST_CLOCK, KVM_CAP_SET_IDENTITY_MAP_ADDR, KVM_CAP_PIT2,
	KVM_CAP_IRQCHIP, KVM_CAP_HLT, KVM_CAP_IRQ_INJECT_STATUS, KVM_CAP_IRQFD,
	KVM_CAP_PIT_STATE2, KVM_CAP_XCRS, KVM_CAP_GET_TSC_KHZ,
	KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_SPLIT_IRQCHIP,
	KVM_CAP_TSC_DEADLINE_TIMER, KVM_CAP_USER_NMI, KVM_CAP_SREGS2,
	KVM_CAP_GET_MSR_FEATURES, KVM_CAP_EXCEPTION_PAYLOAD,
	KVM_CAP_X86_TRIPLE_FAULT_EVENT, KVM_CAP_SET_GUEST_DEBUG,
	KVM_CAP_ENABLE_CAP, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
};

static void capabilities(void)
{
	unsigned int i, have = 0, n = sizeof(wanted) / sizeof(*wanted);

	for (i = 0; i < n; i++) {
		if (ioctl(kvm, KVM_CHECK_EXTENSION, wanted[i]) > 0)
			have++;
		else
			printf("# capability %d is missing\n", wanted[i]);
	}
	ok(have == n, "all %u capabilities that VMMs ask for (%u)", n, have);
	ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2) >= 4096,
	   "XSAVE2 says how long its state is");
	ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API) == 3,
	   "both flags of X2APIC_API");
}

/* ---- a VM -------------------------------------------------------------------- */

struct machine {
	int vm, vcpu, ap;
};

static int enable(int vm, int cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };

	return ioctl(vm, KVM_ENABLE_CAP, &c);
}

static void machine_open(struct machine *m)
{
	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ok(!ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "a VM with interrupt controllers");
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	m->ap = ioctl(m->vm, KVM_CREATE_VCPU, 1);
	ok(m->vcpu >= 0 && m->ap >= 0, "two vCPUs");
}

static void machine_close(struct machine *m)
{
	close(m->ap);
	close(m->vcpu);
	close(m->vm);
}

/* ---- registers ----------------------------------------------------------------- */

static void sregs2(struct machine *m)
{
	struct kvm_sregs2 s2, again;
	struct kvm_sregs s;

	ok(!ioctl(m->vcpu, KVM_GET_SREGS, &s) &&
	   !ioctl(m->vcpu, KVM_GET_SREGS2, &s2), "SREGS and SREGS2 can be read");
	ok(!memcmp(&s, &s2, offsetof(struct kvm_sregs2, flags)), "they agree");
	ok(s2.flags == 0, "no PDPTEs in real mode");
	s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	refused(ioctl(m->vcpu, KVM_SET_SREGS2, &s2), EINVAL, "PDPTEs without PAE paging");
	s2.flags = 0x80;
	refused(ioctl(m->vcpu, KVM_SET_SREGS2, &s2), EINVAL, "an unknown flag of SREGS2");
	s2.flags = 0;
	s2.cr2 = 0x12345678;
	s2.ldt.base = 0x5000;
	ok(!ioctl(m->vcpu, KVM_SET_SREGS2, &s2) &&
	   !ioctl(m->vcpu, KVM_GET_SREGS2, &again) &&
	   again.cr2 == 0x12345678 && again.ldt.base == 0x5000,
	   "SREGS2 go in and come back");
}

static void xsave2(struct machine *m)
{
	int bytes = ioctl(m->vm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	uint32_t *one, *two;

	one = calloc(1, bytes < 4096 ? 4096 : bytes);
	two = calloc(1, bytes < 4096 ? 4096 : bytes);
	ok(!ioctl(m->vcpu, KVM_GET_XSAVE, one), "XSAVE can be read");
	one[160 / 4] = 0xfeedface;		/* XMM0 */
	one[512 / 4] |= 3;			/* header: x87, SSE */
	ok(!ioctl(m->vcpu, KVM_SET_XSAVE, one), "and written");
	ok(!ioctl(m->vcpu, KVM_GET_XSAVE2, two) && two[160 / 4] == 0xfeedface,
	   "XSAVE2 tells what was written");
	free(one);
	free(two);
}

/* ---- events ---------------------------------------------------------------------- */

static int set_events(int vcpu, struct kvm_vcpu_events *e)
{
	return ioctl(vcpu, KVM_SET_VCPU_EVENTS, e);
}

static void events(struct machine *m)
{
	struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_PAYLOAD };

	refused(set_events(m->vcpu, &e), EINVAL, "a payload that was not enabled");
	e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	refused(set_events(m->vcpu, &e), EINVAL, "a triple fault that was not enabled");
	ok(!enable(m->vm, KVM_CAP_EXCEPTION_PAYLOAD, 1) &&
	   !enable(m->vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1), "both are enabled");

	memset(&e, 0, sizeof(e));
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	e.exception.pending = 1;
	e.exception.injected = 1;
	e.exception.nr = 14;
	ok(!set_events(m->vcpu, &e) && !ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   e.exception.pending && !e.exception.injected,
	   "pending and injected at once: it is pending");
	e.exception.injected = 0;
	e.exception.nr = 2;
	refused(set_events(m->vcpu, &e), EINVAL, "an NMI as an exception");
	e.exception.nr = 14;
	e.exception.has_error_code = 1;
	e.exception.error_code = 2;
	e.exception_has_payload = 1;
	e.exception_payload = 0xabc000;
	ok(!set_events(m->vcpu, &e), "a pending page fault with its address");
	memset(&e, 0, sizeof(e));
	ok(!ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) && e.exception.pending &&
	   !e.exception.injected && e.exception.nr == 14 &&
	   e.exception.error_code == 2 && e.exception_has_payload &&
	   e.exception_payload == 0xabc000, "comes back as it went in");
	memset(&e, 0, sizeof(e));
	ok(!set_events(m->vcpu, &e) && !ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   !e.exception.pending && !e.exception.injected, "and is taken back");

	e.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	e.triple_fault.pending = 1;
	ok(!set_events(m->vcpu, &e) && !ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   e.triple_fault.pending, "a triple fault waits");
	e.triple_fault.pending = 0;
	ok(!set_events(m->vcpu, &e), "no more");
}

/* The state is told before the vCPU has run again. Linux 6.1's own KVM says
 * UNINITIALIZED of a CPU that got an INIT and has never run.
 */
static void arrivals(struct machine *m)
{
	struct kvm_msi init = {
		.address_lo = 0xfee01000,	/* APIC id 1 */
		.data = 5 << 8 | 1 << 14,	/* INIT, asserted */
	};
	struct kvm_msi sipi = {
		.address_lo = 0xfee01000,
		.data = 6 << 8 | 1 << 14 | 0x10,
	};
	struct kvm_vcpu_events e;
	struct kvm_mp_state mp;

	ok(!ioctl(m->vcpu, KVM_NMI, 0) && !ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   e.nmi.pending, "an NMI that was sent is told");
	/* Newer kernels' own says how many; nobody forgets that there is one. */
	ok(!ioctl(m->vcpu, KVM_NMI, 0) && !ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) &&
	   (e.nmi.pending == 2 || access("/sys/module/svm", F_OK)) &&
	   !set_events(m->vcpu, &e) && !ioctl(m->vcpu, KVM_GET_VCPU_EVENTS, &e) && e.nmi.pending,
	   "two of them travel (%u)", e.nmi.pending);
	ok(!ioctl(m->ap, KVM_GET_MP_STATE, &mp) &&
	   mp.mp_state == KVM_MP_STATE_UNINITIALIZED, "the second vCPU has not begun");
	ok(ioctl(m->vm, KVM_SIGNAL_MSI, &init) >= 0 &&
	   !ioctl(m->ap, KVM_GET_MP_STATE, &mp) &&
	   (mp.mp_state == KVM_MP_STATE_INIT_RECEIVED || access("/sys/module/svm", F_OK)),
	   "an INIT that was sent to it is told (%u)", mp.mp_state);
	ioctl(m->vm, KVM_SIGNAL_MSI, &init);
	ioctl(m->vm, KVM_SIGNAL_MSI, &sipi);
	ioctl(m->vm, KVM_SIGNAL_MSI, &init);
	ok(!ioctl(m->ap, KVM_GET_MP_STATE, &mp) && mp.mp_state != KVM_MP_STATE_RUNNABLE &&
	   mp.mp_state != KVM_MP_STATE_SIPI_RECEIVED,
	   "an INIT takes back the SIPI before it (%u)", mp.mp_state);
}

/* ---- MSRs ------------------------------------------------------------------------- */

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry e;
};

static struct kvm_msr_list *list(unsigned long cmd, const char *what)
{
	struct kvm_msr_list head = { .nmsrs = 0 }, *l;

	refused(ioctl(kvm, cmd, &head), E2BIG, what);
	l = calloc(1, sizeof(*l) + head.nmsrs * sizeof(l->indices[0]));
	l->nmsrs = head.nmsrs;
	ok(!ioctl(kvm, cmd, l) && l->nmsrs > 0, "with room it is given (%u)", l->nmsrs);
	return l;
}

static void msrs(struct machine *m)
{
	struct kvm_msr_list *l = list(KVM_GET_MSR_INDEX_LIST, "a list of MSRs without room");
	struct one_msr x = { .head = { .nmsrs = 1 } };
	unsigned int i, lost = 0;

	for (i = 0; i < l->nmsrs; i++) {
		x.e.index = l->indices[i];
		if (ioctl(m->vcpu, KVM_GET_MSRS, &x) == 1 &&
		    ioctl(m->vcpu, KVM_SET_MSRS, &x) == 1)
			continue;
		printf("# MSR %x does not go there and back\n", l->indices[i]);
		lost++;
	}
	ok(!lost, "every listed MSR goes there and back");
	free(l);
}

static void features(void)
{
	struct kvm_msr_list *l = list(KVM_GET_MSR_FEATURE_INDEX_LIST,
				      "a list of feature MSRs without room");
	struct one_msr x = { .head = { .nmsrs = 1 } };
	unsigned int i, read = 0;

	for (i = 0; i < l->nmsrs; i++) {
		x.e.index = l->indices[i];
		read += ioctl(kvm, KVM_GET_MSRS, &x) == 1;
	}
	ok(read == l->nmsrs, "each is read without a vCPU");
	x.e.index = 0x8b;
	ok(ioctl(kvm, KVM_GET_MSRS, &x) == 1 && x.e.data == 0x01000065,
	   "the microcode revision is %llx", (unsigned long long)x.e.data);
	x.e.index = 0x10;
	ok(ioctl(kvm, KVM_GET_MSRS, &x) == 0, "the TSC is no feature");
	free(l);
}

int main(void)
{
	struct machine m;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (!ok(kvm >= 0, "/dev/kvm opens"))
		goto end;
	capabilities();
	machine_open(&m);
	sregs2(&m);
	xsave2(&m);
	events(&m);
	arrivals(&m);
	msrs(&m);
	features();
	machine_close(&m);
end:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
