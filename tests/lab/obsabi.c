// SPDX-License-Identifier: GPL-2.0
/*
 * obsabi: what a VMM, a debugger or a reader of statistics sees of a guest,
 * tried without a VMM: coalesced writes, MSRs that user space answers,
 * statistics by descriptor, single steps and breakpoints. TAP on stdout; the
 * in-tree stack passes the same points (STACK=intree leaves out INT3, which
 * the emulated CPU reports in a way that only ours takes).
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kvmstat.h"
#include "tap.h"

#define RAM_BYTES	0x10000
#define CODE		0x1000
#define PAGE		4096

static int kvm;

struct guest {
	int vm, vcpu;
	struct kvm_run *run;
	uint8_t *ram;
};

/* Real mode, at CODE, without interrupt controllers. */
static void guest_open(struct guest *g, const uint8_t *code, size_t len)
{
	struct kvm_userspace_memory_region m = { .memory_size = RAM_BYTES };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsp = 0x8000 };
	struct kvm_sregs s;

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	g->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(g->ram + CODE, code, len);
	m.userspace_addr = (uintptr_t)g->ram;
	ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m);
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	g->run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		      PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	ioctl(g->vcpu, KVM_GET_SREGS, &s);
	s.cs.base = 0;
	s.cs.selector = 0;
	ioctl(g->vcpu, KVM_SET_SREGS, &s);
	ioctl(g->vcpu, KVM_SET_REGS, &regs);
}

static void guest_close(struct guest *g)
{
	munmap(g->run, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(g->vcpu);
	close(g->vm);
	munmap(g->ram, RAM_BYTES);
}

static uint32_t go(struct guest *g)
{
	return ioctl(g->vcpu, KVM_RUN, 0) < 0 ? ~0U : g->run->exit_reason;
}

/* ---- coalesced writes ---------------------------------------------------------------- */

static void coalesced(void)
{
	static const uint8_t code[] = {
		0xb8, 0x00, 0x20,		/* mov ax, 2000h */
		0x8e, 0xd8,			/* mov ds, ax */
		0xb0, 0x41, 0xa2, 0x10, 0x00,	/* [10h] = 41h */
		0xb0, 0x42, 0xa2, 0x11, 0x00,	/* [11h] = 42h */
		0xe6, 0x70,			/* out 70h, al */
		0xf4,
	};
	struct kvm_coalesced_mmio_zone mmio = { .addr = 0x20000, .size = 0x1000 };
	struct kvm_coalesced_mmio_zone pio = { .addr = 0x70, .size = 1, .pio = 1 };
	struct kvm_coalesced_mmio_zone bad_zone = { .addr = 0, .size = 1, .pio = 7 };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_coalesced_mmio_ring *ring;
	struct guest g;
	int page = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	guest_open(&g, code, sizeof(code));
	ok(page > 0 && ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO) == 1,
	   "coalesced writes are offered, their ring is page %d", page);
	refused(ioctl(g.vm, KVM_REGISTER_COALESCED_MMIO, &bad_zone), EINVAL, "a zone of no kind");
	ok(!ioctl(g.vm, KVM_REGISTER_COALESCED_MMIO, &mmio) &&
	   !ioctl(g.vm, KVM_REGISTER_COALESCED_MMIO, &pio), "two zones");
	ring = (void *)((uint8_t *)g.run + page * PAGE);
	ok(go(&g) == KVM_EXIT_HLT, "three writes cost no exit");
	ok(ring->first == 0 && ring->last == 3, "they are in the ring (%u)", ring->last);
	ok(ring->coalesced_mmio[0].phys_addr == 0x20010 &&
	   ring->coalesced_mmio[0].data[0] == 0x41 &&
	   ring->coalesced_mmio[1].phys_addr == 0x20011 &&
	   ring->coalesced_mmio[1].data[0] == 0x42 &&
	   ring->coalesced_mmio[2].phys_addr == 0x70 &&
	   ring->coalesced_mmio[2].pio == 1, "in their order");
	ring->first = (ring->last + 1) % ((PAGE - 8) / sizeof(ring->coalesced_mmio[0]));
	ioctl(g.vcpu, KVM_SET_REGS, &regs);
	ok(go(&g) == KVM_EXIT_MMIO, "a full ring makes it an exit");
	ring->first = ring->last;
	ok(!ioctl(g.vm, KVM_UNREGISTER_COALESCED_MMIO, &mmio), "a zone goes");
	ok(go(&g) == KVM_EXIT_MMIO, "and its writes are exits again");
	guest_close(&g);
}

/* ---- MSRs ------------------------------------------------------------------------------ */

static void msrs(void)
{
	static const uint8_t code[] = {
		0x66, 0xb9, 0x10, 0, 0, 0,		/* mov ecx, 10h */
		0x0f, 0x32,				/* rdmsr */
		0x66, 0xb9, 0x34, 0x12, 0x00, 0x40,	/* mov ecx, 40001234h */
		0x0f, 0x30,				/* wrmsr */
		0xf4,
	};
	static uint8_t nothing[8];
	struct kvm_msr_filter f = { .ranges[0] = {
		.flags = KVM_MSR_FILTER_READ, .nmsrs = 1, .base = 0x10, .bitmap = nothing } };
	struct kvm_msr_filter all = { .flags = KVM_MSR_FILTER_DEFAULT_DENY };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { 0x80 } };
	struct kvm_regs regs;
	struct guest g;

	guest_open(&g, code, sizeof(code));
	refused(ioctl(g.vm, KVM_ENABLE_CAP, &cap), EINVAL, "an unknown reason for MSR exits");
	cap.args[0] = KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN;
	ok(!ioctl(g.vm, KVM_ENABLE_CAP, &cap), "MSR exits for two reasons");
	refused(ioctl(g.vm, KVM_X86_SET_MSR_FILTER, &all), EINVAL, "a filter that denies all");
	f.ranges[0].flags = 0;
	refused(ioctl(g.vm, KVM_X86_SET_MSR_FILTER, &f), EINVAL, "one for neither reads nor writes");
	f.ranges[0].flags = KVM_MSR_FILTER_READ;
	ok(!ioctl(g.vm, KVM_X86_SET_MSR_FILTER, &f), "a filter for one MSR");
	ok(go(&g) == KVM_EXIT_X86_RDMSR && g.run->msr.index == 0x10 &&
	   g.run->msr.reason == KVM_MSR_EXIT_REASON_FILTER, "its read is an exit");
	g.run->msr.error = 0;
	g.run->msr.data = 0x1122334455667788ULL;
	ok(go(&g) == KVM_EXIT_X86_WRMSR && g.run->msr.index == 0x40001234 &&
	   g.run->msr.reason == KVM_MSR_EXIT_REASON_UNKNOWN, "so is a write to an unknown one");
	ok(g.run->msr.data == 0x1122334455667788ULL, "with what was answered to the read");
	g.run->msr.error = 0;
	ok(go(&g) == KVM_EXIT_HLT, "both instructions end");
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	ok(regs.rip == CODE + sizeof(code) && (uint32_t)regs.rax == 0x55667788,
	   "at the right place, with the right value");
	guest_close(&g);
}

/* ---- statistics --------------------------------------------------------------------------- */

/* The value of a counter, or -1. */
static int64_t counter(int fd, const char *name)
{
	struct kvm_stats_header h;
	struct kvm_stats_desc *d;
	int64_t value = -1;
	size_t bytes;
	uint32_t i;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || !h.name_size)
		return -1;
	bytes = sizeof(*d) + h.name_size;
	d = malloc(bytes);
	for (i = 0; i < h.num_desc && value < 0; i++)
		if (pread(fd, d, bytes, h.desc_offset + i * bytes) != (ssize_t)bytes ||
		    (!strcmp(d->name, name) &&
		     pread(fd, &value, 8, h.data_offset + d->offset) != 8))
			break;
	free(d);
	return value;
}

static void statistics(void)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xe6, 0x80, 0xf4 };
	struct guest g;
	char c = 0;
	int vm, vcpu;

	guest_open(&g, code, sizeof(code));
	vm = ioctl(g.vm, KVM_GET_STATS_FD, 0);
	vcpu = ioctl(g.vcpu, KVM_GET_STATS_FD, 0);
	ok(vm >= 0 && vcpu >= 0, "descriptors with statistics");
	ok(counter(vcpu, "exits") == 0, "no exit before the first run");
	ok(go(&g) == KVM_EXIT_IO && go(&g) == KVM_EXIT_HLT, "a guest runs");
	ok(counter(vcpu, "exits") >= 3 && counter(vcpu, "io_exits") >= 1 &&
	   counter(vcpu, "halt_exits") >= 1, "its exits are counted (%lld)",
	   (long long)counter(vcpu, "exits"));
	ok(counter(vm, "pages_4k") >= 0, "its pages are");
	ok(counter(vm, "no such counter") == -1, "what is not counted is not there");
	ok(write(vcpu, &c, 1) < 0, "nobody writes them");
	guest_close(&g);
	ok(counter(vcpu, "exits") >= 3, "they outlive the guest's descriptors");
	close(vm);
	close(vcpu);
}

/* A counter of one VM in debugfs, as kvm_stat reads it; -1: there is none. */
static long counter_of(int vm, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "%d-%d/%s", getpid(), vm, name);
	return kvm_stat(path);
}

static void folders(void)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xe6, 0x80, 0xf4 };
	char path[40], name[40] = "";
	struct guest g, other;
	int vcpu, again;

	guest_open(&g, code, sizeof(code));
	guest_open(&other, code, sizeof(code));
	ok(counter_of(g.vm, "exits") == 0, "a VM has a folder in debugfs");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", g.vcpu);
	ok(readlink(path, name, sizeof(name) - 1) > 0 && !strcmp(name, "anon_inode:kvm-vcpu:0"),
	   "a vCPU's descriptor tells which it is (%s)", name);
	ok(go(&g) == KVM_EXIT_IO && counter_of(g.vm, "exits") >= 2 &&
	   counter_of(g.vm, "io_exits") == 1, "its exits are counted there (%ld)",
	   counter_of(g.vm, "exits"));
	ok(counter_of(other.vm, "exits") == 0, "another's are not");
	ok(counter_of(g.vm, "no such counter") == -1, "what is not counted is not there");
	guest_close(&other);
	vcpu = dup(g.vcpu);
	again = g.vm;
	guest_close(&g);
	ok(counter_of(again, "io_exits") == 1, "it is there as long as a vCPU's descriptor is");
	close(vcpu);
	ok(counter_of(again, "io_exits") == -1, "and gone then");
}

/* ---- a debugger ------------------------------------------------------------------------------ */

static const uint8_t steps[] = {
	0x90,			/* 1000 nop */
	0x40,			/* 1001 inc ax */
	0xe6, 0x80,		/* 1002 out 80h, al: leaves for user space */
	0x0f, 0xa2,		/* 1004 cpuid: the hypervisor's */
	0xe4, 0x81,		/* 1006 in al, 81h */
	0x90,			/* 1008 nop */
	0xf4,			/* 1009 hlt */
};

static int debug(struct guest *g, uint32_t control, uint64_t at)
{
	struct kvm_guest_debug d = { .control = control };

	d.arch.debugreg[0] = at;
	d.arch.debugreg[7] = 0x402;
	return ioctl(g->vcpu, KVM_SET_GUEST_DEBUG, &d);
}

static bool stopped_at(struct guest *g, uint64_t pc)
{
	uint32_t why = go(g);

	if (why == KVM_EXIT_DEBUG && g->run->debug.arch.pc == pc)
		return true;
	printf("# exit %u, pc %llx, dr6 %llx\n", why,
	       (unsigned long long)g->run->debug.arch.pc,
	       (unsigned long long)g->run->debug.arch.dr6);
	return false;
}

static void single_step(void)
{
	struct kvm_regs regs;
	struct guest g;

	guest_open(&g, steps, sizeof(steps));
	ok(!debug(&g, 0x80000000, 0), "an unknown way to debug is ignored");
	ok(!debug(&g, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0), "single steps are asked for");
	ok(stopped_at(&g, 0x1001) && (g.run->debug.arch.dr6 & 0x4000), "one step");
	ok(stopped_at(&g, 0x1002), "another");
	ok(go(&g) == KVM_EXIT_IO, "a step that user space answers");
	ok(stopped_at(&g, 0x1004), "ends when it has");
	ok(stopped_at(&g, 0x1006), "one that the hypervisor answers");
	ok(go(&g) == KVM_EXIT_IO && stopped_at(&g, 0x1008), "a read from user space");
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	ok(!(regs.rflags & 0x100), "the guest's flags show no trap");
	ok(!debug(&g, 0, 0) && go(&g) == KVM_EXIT_HLT, "without the debugger it runs on");
	guest_close(&g);
}

/* A guest that steps by itself, after a debugger did: its first step is its own. */
static void own_step_afterwards(void)
{
	static const uint8_t code[] = { 0x90, 0x90, 0x90, 0x90, 0xf4 };
	struct kvm_regs regs;
	struct guest g;

	guest_open(&g, code, sizeof(code));
	memcpy(g.ram + 4, "\x00\x20\x00\x00", 4);
	memcpy(g.ram + 0x2000, "\x58\xe7\x80", 3);	/* pop ax; out 80h, ax */
	debug(&g, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP, 0);
	ok(stopped_at(&g, 0x1001) && !debug(&g, 0, 0), "a debugger steps once, and goes");
	ioctl(g.vcpu, KVM_GET_REGS, &regs);
	regs.rflags |= 0x100;
	ioctl(g.vcpu, KVM_SET_REGS, &regs);
	ok(go(&g) == KVM_EXIT_IO && *(uint16_t *)((char *)g.run + g.run->io.data_offset) == 0x1002,
	   "the guest's own trap flag stops it after one instruction");
	guest_close(&g);
}

/* The handler of @vector in real mode: mov al, 55h; iret. */
static void open_with_handler(struct guest *g, const uint8_t *code, size_t len,
			      unsigned int vector)
{
	guest_open(g, code, len);
	memcpy(g->ram + vector * 4, "\x00\x20\x00\x00", 4);
	memcpy(g->ram + 0x2000, "\xb0\x55\xcf", 3);
	debug(g, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0);
}

static bool out_says(struct guest *g, uint8_t value)
{
	uint32_t why = go(g);

	return why == KVM_EXIT_IO && g->run->io.port == 0x80 &&
	       *((uint8_t *)g->run + g->run->io.data_offset) == value;
}

/*
 * What a guest raises by itself under a debugger. The table, the stack and the
 * handler were never touched: deliveries end in nested faults and begin again.
 */
static void own_events(void)
{
	static const uint8_t soft[] = { 0x90, 0xcd, 0x20, 0xe6, 0x80, 0xf4 };
	static const uint8_t int3[] = { 0x90, 0xcc, 0xe6, 0x80, 0xf4 };
	struct kvm_vcpu_events e;
	struct guest g;

	open_with_handler(&g, soft, sizeof(soft), 0x20);
	ok(out_says(&g, 0x55), "the guest's INT n is its own, and returns behind");
	guest_close(&g);

	open_with_handler(&g, int3, sizeof(int3), 3);
	ok(stopped_at(&g, 0x1001), "the guest's own INT3 stops it");
	ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e);
	e.exception.injected = 1;
	e.exception.nr = 3;
	ok(!ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) && out_says(&g, 0x55),
	   "given back by the debugger, it returns behind");
	guest_close(&g);
}

static void breakpoints(void)
{
	const char *stack = getenv("STACK");
	struct kvm_debugregs regs;
	struct guest g;

	guest_open(&g, steps, sizeof(steps));
	ok(!debug(&g, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, 0x1001) &&
	   stopped_at(&g, 0x1001) && (g.run->debug.arch.dr6 & 1) &&
	   g.run->debug.arch.exception == 1, "a hardware breakpoint");
	ioctl(g.vcpu, KVM_GET_DEBUGREGS, &regs);
	ok(!regs.db[0] && regs.dr7 == 0x400, "the guest's debug registers are its own");
	guest_close(&g);
	if (stack && !strcmp(stack, "intree"))
		return;
	guest_open(&g, steps, sizeof(steps));
	g.ram[0x1001] = 0xcc;
	ok(!debug(&g, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP, 0) &&
	   stopped_at(&g, 0x1001) && g.run->debug.arch.exception == 3,
	   "a breakpoint in the code");
	g.ram[0x1001] = 0x40;
	ok(go(&g) == KVM_EXIT_IO, "taken out, the guest runs on");
	guest_close(&g);
	own_events();
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (ok(kvm >= 0, "/dev/kvm opens")) {
		coalesced();
		msrs();
		statistics();
	folders();
		single_step();
		own_step_afterwards();
		breakpoints();
	}
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
