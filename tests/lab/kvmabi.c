// SPDX-License-Identifier: GPL-2.0
/*
 * kvmabi: /dev/kvm as its ABI describes it, tried without a VMM. Refusals
 * first (each with its errno), then tiny guests written in bytes: real-mode
 * port I/O, MMIO with an answer from user space, rep string I/O, a halt, a
 * triple fault, MSRs and CPUID by a guest in long mode; last what the rest of the
 * host sees of a busy one. TAP on stdout.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tap.h"

static int kvm;

/* ---- refusals ----------------------------------------------------------- */

static void bad_input(void)
{
	struct kvm_userspace_memory_region m = { .memory_size = 4096 };
	struct kvm_irq_level line = { .irq = 1, .level = 1 };
	struct kvm_cpuid2 cpuid = { .nent = 1 };
	struct kvm_msr_list list = { .nmsrs = 0 };
	struct kvm_enable_cap cap = { .cap = 9999 };
	struct kvm_mp_state mp = { .mp_state = 99 };
	struct kvm_irqchip chip = { .chip_id = 9 };
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int vm, vcpu;

	refused(ioctl(kvm, KVM_GET_API_VERSION, 1), EINVAL, "an argument to GET_API_VERSION");
	refused(ioctl(kvm, KVM_CREATE_VM, 77), EINVAL, "an unknown machine type");
	refused(ioctl(kvm, _IO(KVMIO, 0xff), 0), EINVAL, "an unknown system ioctl");
	refused(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), E2BIG, "a CPUID list too short");
	refused(ioctl(kvm, KVM_GET_MSR_INDEX_LIST, &list), E2BIG, "an MSR list too short");
	ok(list.nmsrs > 0, "and it says how long it should be (%u)", list.nmsrs);
	refused(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, (void *)8), EFAULT, "a bad pointer");
	ok(ioctl(kvm, KVM_CHECK_EXTENSION, 0x7fffffff) == 0, "an unknown capability is 0");

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	refused(ioctl(vm, _IO(KVMIO, 0xff), 0), ENOTTY, "an unknown VM ioctl");
	refused(ioctl(vm, KVM_ENABLE_CAP, &cap), EINVAL, "enabling an unknown capability");
	refused(ioctl(vm, KVM_IRQ_LINE, &line), ENXIO, "an interrupt line without a chip");
	refused(ioctl(vm, KVM_CREATE_VCPU, 4096), EINVAL, "a vCPU id out of range");
	m.userspace_addr = (uintptr_t)page + 1;
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EINVAL, "an unaligned memory slot");
	m.userspace_addr = (uintptr_t)page;
	m.slot = 60000;
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EINVAL, "a slot number out of range");
	m.slot = 0;
	m.flags = 0x80;
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EINVAL, "unknown slot flags");
	m.flags = 0;
	ok(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), "a good slot is accepted");
	m.slot = 1;
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EEXIST, "a slot over another");
	m.slot = 3;
	m.memory_size = 0;
	refused(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &m), EINVAL, "deleting what is not there");
	refused(ioctl(vm, KVM_GET_IRQCHIP, &chip), ENXIO, "the state of no chip");
	ok(!ioctl(vm, KVM_CREATE_IRQCHIP, 0), "interrupt controllers");
	refused(ioctl(vm, KVM_CREATE_IRQCHIP, 0), EEXIST, "a second set of them");
	refused(ioctl(vm, KVM_GET_IRQCHIP, &chip), EINVAL, "an unknown chip");

	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	ok(vcpu >= 0, "a vCPU");
	refused(ioctl(vm, KVM_CREATE_VCPU, 0), EEXIST, "a second one with its id");
	refused(ioctl(vcpu, KVM_SET_MP_STATE, &mp), EINVAL, "an unknown MP state");
	refused(ioctl(vcpu, KVM_RUN, 5), EINVAL, "an argument to RUN");
	refused(ioctl(vcpu, _IO(KVMIO, 0xff), 0), EINVAL, "an unknown vCPU ioctl");
	ioctl(vcpu, KVM_GET_SREGS, &sregs);
	sregs.efer = 0x500;		/* long mode without paging */
	refused(ioctl(vcpu, KVM_SET_SREGS, &sregs), EINVAL, "impossible registers");
	memset(&events, 0, sizeof(events));
	events.exception.injected = 1;
	events.exception.nr = 200;
	refused(ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events), EINVAL, "exception 200");
	close(vcpu);
	close(vm);
	munmap(page, 8192);
}

/* ---- small guests ---------------------------------------------------------- */

struct guest {
	int vm, vcpu;
	struct kvm_run *run;
	uint8_t *ram;
};

#define RAM_SIZE	(2UL << 20)
#define CODE		0x1000

static uint64_t no_exits;	/* KVM_X86_DISABLE_EXITS_* of guests from now on */

static void guest_open(struct guest *g, const uint8_t *code, size_t len)
{
	struct kvm_userspace_memory_region m = { .memory_size = RAM_SIZE };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsp = 0x8000 };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS,
				      .args = { no_exits } };
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_sregs s;

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	g->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.userspace_addr = (uintptr_t)g->ram;
	ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m);
	memcpy(g->ram + CODE, code, len);
	if (no_exits && ioctl(g->vm, KVM_ENABLE_CAP, &cap))
		perror("KVM_CAP_X86_DISABLE_EXITS");
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	g->run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
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
	munmap(g->ram, RAM_SIZE);
}

static int run(struct guest *g)
{
	int r;

	do
		r = ioctl(g->vcpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR && !g->run->immediate_exit);
	return r < 0 ? -errno : (int)g->run->exit_reason;
}

static uint64_t rax(struct guest *g)
{
	struct kvm_regs r;

	ioctl(g->vcpu, KVM_GET_REGS, &r);
	return r.rax;
}

static void *io_data(struct guest *g)
{
	return (char *)g->run + g->run->io.data_offset;
}

static void real_mode_io(void)
{
	static const uint8_t code[] = {
		0xba, 0xf1, 0x03,	/* mov dx, 3f1h */
		0xb0, 0x41,		/* mov al, 'A' */
		0xee,			/* out dx, al */
		0xed,			/* in ax, dx */
		0x40,			/* inc ax */
		0xf4,			/* hlt */
	};
	struct guest g;
	uint16_t v = 0x1233;

	guest_open(&g, code, sizeof(code));
	ok(run(&g) == KVM_EXIT_IO, "OUT leaves for user space");
	ok(g.run->io.direction == KVM_EXIT_IO_OUT && g.run->io.port == 0x3f1 &&
	   g.run->io.size == 1 && *(uint8_t *)io_data(&g) == 'A',
	   "with port, size and byte");
	ok(run(&g) == KVM_EXIT_IO && g.run->io.direction == KVM_EXIT_IO_IN &&
	   g.run->io.size == 2, "IN leaves for user space");
	memcpy(io_data(&g), &v, 2);
	ok(run(&g) == KVM_EXIT_HLT, "HLT leaves when there is no chip");
	ok((rax(&g) & 0xffff) == 0x1234, "and the answer arrived in AX (%lx)",
	   (long)rax(&g));
	guest_close(&g);
}

static void mmio(void)
{
	static const uint8_t code[] = {
		0xb8, 0x00, 0xf0,		/* mov ax, f000h */
		0x8e, 0xd8,			/* mov ds, ax */
		0x66, 0xa1, 0x10, 0x00,		/* mov eax, [10h] */
		0x66, 0x40,			/* inc eax */
		0x66, 0xa3, 0x20, 0x00,		/* mov [20h], eax */
		0xf4,
	};
	struct kvm_userspace_memory_region m = { .slot = 0, .memory_size = 0 };
	struct guest g;
	uint32_t v = 0xfffffffe;

	guest_open(&g, code, sizeof(code));
	/* RAM only up to 64 KiB: F0000h is a device. */
	ioctl(g.vm, KVM_SET_USER_MEMORY_REGION, &m);
	m.memory_size = 0x10000;
	m.userspace_addr = (uintptr_t)g.ram;
	ok(!ioctl(g.vm, KVM_SET_USER_MEMORY_REGION, &m), "RAM shrinks to 64 KiB");
	ok(run(&g) == KVM_EXIT_MMIO && !g.run->mmio.is_write &&
	   g.run->mmio.phys_addr == 0xf0010 && g.run->mmio.len == 4,
	   "a load from no RAM leaves for user space");
	memcpy(g.run->mmio.data, &v, 4);
	ok(run(&g) == KVM_EXIT_MMIO && g.run->mmio.is_write &&
	   g.run->mmio.phys_addr == 0xf0020, "so does a store");
	memcpy(&v, g.run->mmio.data, 4);
	ok(v == 0xffffffff, "of the loaded value plus one");
	ok(run(&g) == KVM_EXIT_HLT, "and the guest goes on");
	guest_close(&g);
}

static void string_io(void)
{
	static const uint8_t code[] = {
		0xfc,				/* cld */
		0xbe, 0x00, 0x20,		/* mov si, 2000h */
		0xb9, 0x03, 0x00,		/* mov cx, 3 */
		0xba, 0x50, 0x00,		/* mov dx, 50h */
		0xf3, 0x6e,			/* rep outsb */
		0xf4,
	};
	char got[4] = "";
	struct guest g;
	int i;

	guest_open(&g, code, sizeof(code));
	memcpy(g.ram + 0x2000, "abc", 3);
	for (i = 0; i < 3 && run(&g) == KVM_EXIT_IO; i++)
		got[i] = *(char *)io_data(&g);
	ok(!strcmp(got, "abc"), "REP OUTSB sends each byte once (\"%s\")", got);
	ok(run(&g) == KVM_EXIT_HLT, "and ends");
	guest_close(&g);
}

static void shutdown(void)
{
	static const uint8_t code[] = { 0x0f, 0x0b };	/* ud2 */
	struct kvm_sregs s;
	struct guest g;

	guest_open(&g, code, sizeof(code));
	ioctl(g.vcpu, KVM_GET_SREGS, &s);
	s.idt.limit = 0;
	ioctl(g.vcpu, KVM_SET_SREGS, &s);
	ok(run(&g) == KVM_EXIT_SHUTDOWN, "a triple fault is a shutdown");
	guest_close(&g);
}

/* Long mode, identity-mapped by one 2M page. */
static void long_mode(struct guest *g, const uint8_t *code, size_t len)
{
	uint64_t *pml4, *pdpt, *pd;
	struct kvm_sregs s;

	guest_open(g, code, len);
	pml4 = (void *)(g->ram + 0x10000);
	pdpt = (void *)(g->ram + 0x11000);
	pd = (void *)(g->ram + 0x12000);
	pml4[0] = 0x11000 | 3;
	pdpt[0] = 0x12000 | 3;
	pd[0] = 0x83;
	ioctl(g->vcpu, KVM_GET_SREGS, &s);
	s.cr3 = 0x10000;
	s.cr4 = 1 << 5;
	s.cr0 = 0x80000011;
	s.efer = 0x500;
	s.cs = (struct kvm_segment){ .selector = 8, .type = 11, .present = 1,
		.s = 1, .l = 1, .g = 1, .limit = 0xffffffff };
	s.ds = s.cs;
	s.ds.type = 3;
	s.ds.l = 0;
	s.ds.db = 1;
	s.ds.selector = 16;
	s.es = s.fs = s.gs = s.ss = s.ds;
	ioctl(g->vcpu, KVM_SET_SREGS, &s);
}

static void cpuid_and_msrs(void)
{
	static const uint8_t code[] = {
		0xb8, 0x00, 0x00, 0x00, 0x40,	/* mov eax, 40000000h */
		0x0f, 0xa2,			/* cpuid */
		0x89, 0xd8,			/* mov eax, ebx */
		0xe7, 0x10,			/* out 10h, eax */
		0xb9, 0x77, 0x02, 0x00, 0x00,	/* mov ecx, 277h */
		0x0f, 0x32,			/* rdmsr */
		0xe7, 0x11,			/* out 11h, eax */
		0x0f, 0x31,			/* rdtsc */
		0x0f, 0x01, 0xd9,		/* vmmcall */
		0xe7, 0x12,			/* out 12h, eax */
		0xf4,
	};
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[100];
	} c = { .head.nent = 100 };
	uint32_t seen[3] = { 0 };
	struct guest g;
	int i;

	long_mode(&g, code, sizeof(code));
	ok(!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &c) && c.head.nent > 10,
	   "%u CPUID leaves are offered", c.head.nent);
	ok(!ioctl(g.vcpu, KVM_SET_CPUID2, &c), "and can be given to a vCPU");
	for (i = 0; i < 3 && run(&g) == KVM_EXIT_IO; i++)
		memcpy(&seen[i], io_data(&g), 4);
	ok(seen[0] == 0x4b4d564b, "CPUID 40000000h answers in long mode (%x)", seen[0]);
	ok(seen[1] == 0x00070406, "RDMSR PAT reads its reset value (%x)", seen[1]);
	ok((int32_t)seen[2] == -1000, "an unknown hypercall says ENOSYS (%d)", (int)seen[2]);
	ok(run(&g) == KVM_EXIT_HLT, "and the guest halts");
	guest_close(&g);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A guest that loops for ever must not keep a signal waiting. */
static void signals(void)
{
	static const uint8_t code[] = { 0xeb, 0xfe };	/* jmp $ */
	struct itimerval t = { .it_value.tv_usec = 200000 };
	struct sigaction sa = { .sa_handler = on_alarm };
	struct guest g;
	int r;

	guest_open(&g, code, sizeof(code));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	r = ioctl(g.vcpu, KVM_RUN, 0);
	ok(r < 0 && errno == EINTR && g.run->exit_reason == KVM_EXIT_INTR,
	   "a signal ends KVM_RUN of a busy guest");
	g.run->immediate_exit = 1;
	r = ioctl(g.vcpu, KVM_RUN, 0);
	ok(r < 0 && errno == EINTR, "immediate_exit ends it before it began");
	guest_close(&g);
}

static pthread_t runner;

static void *send_when_it_runs(void *counter)
{
	while (!*(volatile uint8_t *)counter)
		usleep(1000);
	pthread_kill(runner, SIGCHLD);
	return NULL;
}

/* One that the process ignores, is blocked outside, and is let in by the mask. */
static void signal_mask(void)
{
	static const uint8_t code[] = { 0xfe, 0x06, 0x00, 0x30, 0xeb, 0xfa };
	struct { struct kvm_signal_mask head; uint8_t set[8]; } mask = { .head.len = 8 };
	struct timespec now = { 0 };
	pthread_t sender;
	struct guest g;
	sigset_t child;
	int r, err, got;

	guest_open(&g, code, sizeof(code));	/* counts at 3000h */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &child, NULL);
	memset(mask.set, 0xff, 8);
	mask.set[(SIGCHLD - 1) / 8] &= ~(1 << (SIGCHLD - 1) % 8);
	mask.set[(SIGALRM - 1) / 8] &= ~(1 << (SIGALRM - 1) % 8);
	ok(!ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &mask), "a signal mask for KVM_RUN");
	mask.head.len = 7;
	refused(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &mask), EINVAL, "one of 7 bytes");
	runner = pthread_self();
	pthread_create(&sender, NULL, send_when_it_runs, g.ram + 0x3000);
	alarm(30);
	r = ioctl(g.vcpu, KVM_RUN, 0);
	err = errno;
	got = sigtimedwait(&child, NULL, &now);
	ok(r < 0 && err == EINTR && got == SIGCHLD,
	   "what it lets in ends KVM_RUN and waits outside, ignored or not (%d)", got);
	ok(alarm(0) > 0, "the refused one has changed nothing");
	pthread_join(sender, NULL);
	pthread_sigmask(SIG_UNBLOCK, &child, NULL);
	guest_close(&g);
}

static volatile sig_atomic_t profiled;

static void on_profile(int sig)
{
	(void)sig;
	profiled++;
}

/* Field 43 of /proc/self/stat, in hundredths of a second. */
static long guest_ticks(void)
{
	char line[1024], *at = NULL;
	FILE *f = fopen("/proc/self/stat", "r");
	int i;

	if (f && fgets(line, sizeof(line), f))
		at = strrchr(line, ')');
	for (i = 2; at && i < 43; i++)
		at = strchr(at + 1, ' ');
	if (f)
		fclose(f);
	return at ? atol(at) : -1;
}

/*
 * A timer of CPU time runs out while the guest has the CPU and makes no exit: the
 * signal comes, though the thread never was on its way to user space.
 */
static void cpu_time(void)
{
	static const uint8_t code[] = { 0xeb, 0xfe };		/* jmp self */
	struct sigaction sa = { .sa_handler = on_profile };
	struct itimerval cpu = { .it_value.tv_usec = 200000 },
			 end = { .it_value.tv_sec = 20 }, none = { };
	long ticks = guest_ticks();
	struct guest g;
	int r, err;

	sigaction(SIGPROF, &sa, NULL);
	guest_open(&g, code, sizeof(code));
	setitimer(ITIMER_PROF, &cpu, NULL);
	setitimer(ITIMER_REAL, &end, NULL);
	r = ioctl(g.vcpu, KVM_RUN, 0);
	err = errno;
	setitimer(ITIMER_REAL, &none, NULL);
	ok(r < 0 && err == EINTR && profiled == 1,
	   "a timer of CPU time ends a guest that never leaves by itself");
	ticks = guest_ticks() - ticks;
	ok(ticks >= 10, "most of its 200 ms are accounted as a guest's (%ld0 ms)", ticks);
	guest_close(&g);
}

/* ---- what the rest of the host sees of a CPU that runs a guest -------------------------- */

static void spin_in_guest(void)
{
	static const uint8_t code[] = { 0xeb, 0xfe };		/* jmp self */
	struct guest g;

	guest_open(&g, code, sizeof(code));
	ioctl(g.vcpu, KVM_RUN, 0);
}

static void spin_in_user_space(void)
{
	for (;;)
		__asm__ volatile("");
}

static int by_size(const void *a, const void *b)
{
	return *(const long *)a < *(const long *)b ? -1 : 1;
}

/* Microseconds that an RCU grace period takes while CPU 1 does that: a median. */
static long grace_period(void (*spin)(void))
{
	struct timespec t0, t1;
	cpu_set_t one;
	long us[9];
	pid_t pid;
	int i;

	pid = fork();
	if (!pid) {
		CPU_ZERO(&one);
		CPU_SET(1, &one);
		sched_setaffinity(0, sizeof(one), &one);
		spin();
		_exit(1);
	}
	usleep(300000);
	for (i = 0; i < 9; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t0);
		syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		us[i] = (t1.tv_sec - t0.tv_sec) * 1000000L + (t1.tv_nsec - t0.tv_nsec) / 1000;
	}
	ok(!waitpid(pid, NULL, WNOHANG), "CPU 1 was busy all the time");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	qsort(us, 9, sizeof(us[0]), by_size);
	return us[4];
}

/* RCU waits for no guest: its CPU is as good as one in user space. */
static void grace_periods(void)
{
	long user, guest;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	user = grace_period(spin_in_user_space);
	guest = grace_period(spin_in_guest);
	ok(guest <= 3 * user + 20000,
	   "a grace period beside a busy guest takes about as long as beside a program (%ld, %ld us)",
	   guest, user);
}

/* A HLT that is the guest's own keeps its CPU, but not from a signal. */
static void halts_inside(void)
{
	static const uint8_t code[] = { 0xf4, 0xeb, 0xfd };	/* hlt; jmp back */
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS,
				      .args = { 1ULL << 31 } };
	struct itimerval t = { .it_value.tv_usec = 200000 };
	struct guest g;
	int r;

	ok(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS) &
	   KVM_X86_DISABLE_EXITS_HLT, "HLT can be left to the guest");
	no_exits = KVM_X86_DISABLE_EXITS_HLT;
	guest_open(&g, code, sizeof(code));
	no_exits = 0;
	refused(ioctl(g.vm, KVM_ENABLE_CAP, &cap), EINVAL, "an unknown exit to leave out");
	setitimer(ITIMER_REAL, &t, NULL);
	r = ioctl(g.vcpu, KVM_RUN, 0);
	ok(r < 0 && errno == EINTR && g.run->exit_reason == KVM_EXIT_INTR,
	   "such a HLT makes no exit, and a signal ends it");
	guest_close(&g);
}

/* State that goes in comes out. */
static void round_trips(void)
{
	static const uint8_t code[] = { 0xf4 };
	struct kvm_xsave *a = calloc(2, sizeof(*a)), *b = a + 1;
	struct kvm_debugregs d = { .db = { 1, 2, 3, 4 }, .dr6 = 0xffff0ff0,
				   .dr7 = 0x400 }, d2;
	struct kvm_fpu f, f2;
	struct guest g;

	guest_open(&g, code, sizeof(code));
	ok(!ioctl(g.vcpu, KVM_GET_FPU, &f), "the FPU's state can be read");
	f.fcw = 0x27f;
	f.xmm[3][5] = 0x5a;
	ok(!ioctl(g.vcpu, KVM_SET_FPU, &f) && !ioctl(g.vcpu, KVM_GET_FPU, &f2) &&
	   f2.fcw == 0x27f && f2.xmm[3][5] == 0x5a, "and written");
	ok(!ioctl(g.vcpu, KVM_GET_XSAVE, a) && !ioctl(g.vcpu, KVM_SET_XSAVE, a) &&
	   !ioctl(g.vcpu, KVM_GET_XSAVE, b) && !memcmp(a, b, sizeof(*a)),
	   "XSAVE goes in as it came out");
	ok(!ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d) &&
	   !ioctl(g.vcpu, KVM_GET_DEBUGREGS, &d2) && !memcmp(&d, &d2, sizeof(d)),
	   "debug registers too");
	guest_close(&g);
	free(a);
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (!ok(kvm >= 0, "/dev/kvm opens"))
		goto end;
	ok(ioctl(kvm, KVM_GET_API_VERSION, 0) == 12, "API version 12");
	bad_input();
	real_mode_io();
	mmio();
	string_io();
	shutdown();
	cpuid_and_msrs();
	signals();
	signal_mask();
	cpu_time();
	grace_periods();
	halts_inside();
	round_trips();
end:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
