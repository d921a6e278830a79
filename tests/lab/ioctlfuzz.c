// SPDX-License-Identifier: GPL-2.0
/*
 * ioctlfuzz: random calls to /dev/kvm and every descriptor it gives out, by
 * several threads of several processes at once. Arguments are random bytes,
 * structures read back from the kernel and changed a little, bad pointers,
 * small numbers. Meanwhile descriptors are closed and memory is unmapped
 * underneath, guests run whatever bytes there are, and some processes are
 * killed at a random moment.
 *
 *   ioctlfuzz SEED CALLS [PROCESSES]
 *
 * CALLS are shared among PROCESSES, one after another; those that were killed are
 * replaced by more of them until CALLS have been made. The same seed makes the same
 * calls per thread. The verdict is the kernel's log, and that modules unload; this
 * prints how many calls were made and how many succeeded, and fails if none did, if
 * they did not come together, or if a process never ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "newkvm.h"

#define THREADS		3
#define VMS		2
#define VCPUS		3
#define RAM_BYTES	(1UL << 20)
#define ARG_BYTES	8192

struct tally {
	atomic_ulong calls, good;
};

static struct tally *tally;		/* shared by all processes */

struct world {
	int kvm, vm[VMS], vcpu[VMS][VCPUS], other[4];
	uint8_t *ram[VMS];
	pthread_t threads[THREADS];
	atomic_int alive;
	unsigned long calls;
	uint64_t seed;
};

struct rng {
	uint64_t s;
};

static uint64_t rnd(struct rng *r)
{
	uint64_t x = r->s += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static unsigned int below(struct rng *r, unsigned int n)
{
	return rnd(r) % n;
}

/* ---- what may be called --------------------------------------------------------- */

static const unsigned long sys_cmds[] = {
	KVM_GET_API_VERSION, KVM_CHECK_EXTENSION, KVM_GET_VCPU_MMAP_SIZE,
	KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID, KVM_GET_MSR_INDEX_LIST,
	KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSRS, KVM_X86_GET_MCE_CAP_SUPPORTED,
	KVM_GET_DEVICE_ATTR,
};

static const unsigned long vm_cmds[] = {
	KVM_CREATE_VCPU, KVM_CHECK_EXTENSION, KVM_ENABLE_CAP,
	KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION, KVM_GET_DIRTY_LOG,
	KVM_CLEAR_DIRTY_LOG, KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR,
	KVM_CREATE_IRQCHIP, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, KVM_CREATE_PIT,
	KVM_CREATE_PIT2, KVM_GET_PIT, KVM_SET_PIT, KVM_GET_PIT2, KVM_SET_PIT2,
	KVM_REINJECT_CONTROL, KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS,
	KVM_SET_GSI_ROUTING, KVM_SIGNAL_MSI, KVM_IRQFD, KVM_IOEVENTFD,
	KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ,
	KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO,
	KVM_X86_SET_MSR_FILTER, KVM_GET_STATS_FD, KVM_CREATE_DEVICE,
	KVM_RESET_DIRTY_RINGS, KVM_SET_BOOT_CPU_ID,
};

static const unsigned long vcpu_cmds[] = {
	KVM_RUN, KVM_RUN, KVM_RUN, KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS,
	KVM_SET_SREGS, KVM_GET_SREGS2, KVM_SET_SREGS2, KVM_GET_FPU, KVM_SET_FPU,
	KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XSAVE2, KVM_GET_XCRS, KVM_SET_XCRS,
	KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, KVM_GET_DEBUGREGS,
	KVM_SET_DEBUGREGS, KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_GET_LAPIC,
	KVM_SET_LAPIC, KVM_SET_GUEST_DEBUG, KVM_INTERRUPT, KVM_X86_SETUP_MCE,
	KVM_X86_SET_MCE, KVM_GET_MSRS, KVM_SET_MSRS, KVM_SET_CPUID,
	KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_TRANSLATE, KVM_SET_SIGNAL_MASK,
	KVM_NMI, KVM_SMI, KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ, KVM_SET_VAPIC_ADDR,
	KVM_TPR_ACCESS_REPORTING, KVM_KVMCLOCK_CTRL, KVM_GET_STATS_FD,
	KVM_GET_NESTED_STATE, KVM_SET_NESTED_STATE, KVM_ENABLE_CAP,
	KVM_PRE_FAULT_MEMORY,
};

/* The set call that takes what the get call gave. */
static const struct { unsigned long get, set; } pairs[] = {
	{ KVM_GET_REGS, KVM_SET_REGS }, { KVM_GET_SREGS, KVM_SET_SREGS },
	{ KVM_GET_SREGS2, KVM_SET_SREGS2 }, { KVM_GET_FPU, KVM_SET_FPU },
	{ KVM_GET_XSAVE, KVM_SET_XSAVE }, { KVM_GET_XCRS, KVM_SET_XCRS },
	{ KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS },
	{ KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS },
	{ KVM_GET_MP_STATE, KVM_SET_MP_STATE }, { KVM_GET_LAPIC, KVM_SET_LAPIC },
	{ KVM_GET_IRQCHIP, KVM_SET_IRQCHIP }, { KVM_GET_PIT2, KVM_SET_PIT2 },
	{ KVM_GET_CLOCK, KVM_SET_CLOCK },
};

/* ---- calls ------------------------------------------------------------------------- */

static int call(int fd, unsigned long cmd, void *arg)
{
	int r = ioctl(fd, cmd, arg);

	atomic_fetch_add(&tally->calls, 1);
	if (r >= 0)
		atomic_fetch_add(&tally->good, 1);
	return r;
}

static void mutate(struct rng *r, uint8_t *arg, size_t bytes)
{
	unsigned int n = below(r, 4);

	while (n--)
		arg[below(r, bytes)] ^= 1 << below(r, 8);
}

static void scramble(struct rng *r, uint8_t *arg)
{
	unsigned int i;

	if (below(r, 3))
		memset(arg, 0, ARG_BYTES);
	for (i = 0; i < 64; i += 1 + below(r, 8))
		arg[i] = below(r, 4) ? below(r, 16) : rnd(r);
}

/* Mostly good values where a call needs some to get anywhere. */
static void sensible(struct rng *r, struct world *w, unsigned long cmd, uint8_t *arg)
{
	struct kvm_userspace_memory_region *m = (void *)arg;
	struct kvm_enable_cap *cap = (void *)arg;
	struct kvm_irqfd *irqfd = (void *)arg;
	struct kvm_msrs *msrs = (void *)arg;
	static const uint32_t caps[] = { 121, 168, 129, 164, 218, 188, 192, 3 };
	static const uint32_t some[] = { 0x10, 0x1b, 0x3b, 0x6e0, 0x8b, 0x277,
					 0x4b564d01, 0x12, 0xc0000080, 0x830 };

	switch (cmd) {
	case KVM_SET_USER_MEMORY_REGION:
		m->slot = below(r, 4);
		m->flags = below(r, 4);
		m->guest_phys_addr = below(r, 8) * RAM_BYTES / 2;
		m->memory_size = below(r, 5) ? RAM_BYTES / (1 + below(r, 2)) : 0;
		m->userspace_addr = (uintptr_t)w->ram[below(r, VMS)];
		break;
	case KVM_ENABLE_CAP:
		memset(arg, 0, sizeof(*cap));
		cap->cap = caps[below(r, 8)];
		cap->args[0] = below(r, 32);
		break;
	case KVM_IRQFD:
	case KVM_IOEVENTFD:
		irqfd->fd = w->other[below(r, 4)];
		break;
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		msrs->nmsrs = 1 + below(r, 3);
		for (uint32_t i = 0; i < msrs->nmsrs; i++)
			msrs->entries[i].index = some[below(r, 10)];
		break;
	default:
		break;
	}
}

static void *argument(struct rng *r, struct world *w, unsigned long cmd, uint8_t *buf)
{
	switch (below(r, 12)) {
	case 0:
		return NULL;
	case 1:
		return (void *)(uintptr_t)below(r, 300);
	case 2:
		return (void *)(uintptr_t)rnd(r);
	default:
		break;
	}
	scramble(r, buf);
	if (below(r, 8))
		sensible(r, w, cmd, buf);
	/* The signal that ends KVM_RUN must come through. */
	if (cmd == KVM_SET_SIGNAL_MASK)
		buf[sizeof(uint32_t) + SIGUSR1 / 8] = 0;
	return _IOC_DIR(cmd) || below(r, 6) ? buf : (void *)(uintptr_t)below(r, 4);
}

static int some_fd(struct rng *r, struct world *w)
{
	unsigned int vm = below(r, VMS);

	switch (below(r, 8)) {
	case 0:
		return w->kvm;
	case 1:
	case 2:
		return w->vm[vm];
	case 3:
		return below(r, 40);	/* whatever has that number now */
	default:
		return w->vcpu[vm][below(r, VCPUS)];
	}
}

static unsigned long some_cmd(struct rng *r, int fd, struct world *w)
{
	int i;

	if (!below(r, 20))
		return _IOC(below(r, 4), KVMIO, below(r, 256), below(r, 4096));
	for (i = 0; i < VMS; i++)
		if (fd == w->vm[i])
			return vm_cmds[below(r, sizeof(vm_cmds) / sizeof(*vm_cmds))];
	if (fd == w->kvm)
		return sys_cmds[below(r, sizeof(sys_cmds) / sizeof(*sys_cmds))];
	return vcpu_cmds[below(r, sizeof(vcpu_cmds) / sizeof(*vcpu_cmds))];
}

static void there_and_back(struct rng *r, struct world *w, uint8_t *buf)
{
	unsigned int i = below(r, sizeof(pairs) / sizeof(*pairs));
	int fd = some_fd(r, w);

	memset(buf, 0, ARG_BYTES);
	if (call(fd, pairs[i].get, buf) < 0)
		return;
	if (below(r, 3))
		mutate(r, buf, _IOC_SIZE(pairs[i].get));
	call(fd, pairs[i].set, buf);
}

/* ---- the world under the calls --------------------------------------------------------- */

static void vm_make(struct rng *r, struct world *w, unsigned int i)
{
	struct kvm_userspace_memory_region m = { .memory_size = RAM_BYTES };
	int j;

	struct kvm_enable_cap ring = { .cap = KVM_CAP_DIRTY_LOG_RING, .args = { 4096 } };

	w->vm[i] = ioctl(w->kvm, KVM_CREATE_VM, 0);
	if (!below(r, 3)) {
		call(w->vm[i], KVM_ENABLE_CAP, &ring);
		m.flags = KVM_MEM_LOG_DIRTY_PAGES;
	}
	m.userspace_addr = (uintptr_t)w->ram[i];
	call(w->vm[i], KVM_SET_USER_MEMORY_REGION, &m);
	if (below(r, 3))
		call(w->vm[i], KVM_CREATE_IRQCHIP, NULL);
	for (j = 0; j < VCPUS; j++)
		w->vcpu[i][j] = ioctl(w->vm[i], KVM_CREATE_VCPU, j);
}

/*
 * What a vCPU shares (kvm_run, the coalesced ring; its dirty ring) is anybody's.
 * The kernel writes there for us: where nothing is, it says so.
 */
static void scribble(struct rng *r, int vcpu)
{
	off_t at = below(r, 2) * KVM_DIRTY_LOG_PAGE_OFFSET * 4096;
	size_t bytes = at ? 4096 : 3 * 4096;
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, at);

	if (p == MAP_FAILED)
		return;
	if (getrandom(p + below(r, bytes - 64), 1 + below(r, 64), 0) < 0 && errno != EFAULT)
		perror("getrandom");
	munmap(p, bytes);
}

static void disturb(struct rng *r, struct world *w)
{
	unsigned int i = below(r, VMS), j;

	switch (below(r, 8)) {
	case 0:
		close(w->vcpu[i][below(r, VCPUS)]);
		break;
	case 1:
		close(w->vm[i]);
		break;
	case 2:
		for (j = 0; j < VCPUS; j++)
			close(w->vcpu[i][j]);
		close(w->vm[i]);
		vm_make(r, w, i);
		break;
	case 3:
		munmap(w->ram[i] + below(r, 256) * 4096, 4096 * (1 + below(r, 16)));
		break;
	case 4:
		mmap(w->ram[i], RAM_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (j = 0; j < RAM_BYTES; j += 8)
			*(uint64_t *)(w->ram[i] + j) = rnd(r);
		break;
	case 5:
	case 6:
		scribble(r, w->vcpu[i][below(r, VCPUS)]);
		break;
	default:
		/* What leaked out of random calls goes, in use or not. */
		close_range(100, ~0U, 0);
		break;
	}
}

struct job {
	struct world *w;
	unsigned int number;
};

static void *work(void *arg)
{
	struct job *job = arg;
	struct world *w = job->w;
	struct rng r = { .s = w->seed * 1000003 + job->number };
	uint8_t *buf = calloc(1, ARG_BYTES);
	unsigned long n;
	unsigned long cmd;
	int fd;

	for (n = 0; n < w->calls; n++) {
		if (!below(&r, 40))
			disturb(&r, w);
		if (!below(&r, 4)) {
			there_and_back(&r, w, buf);
			continue;
		}
		fd = some_fd(&r, w);
		cmd = some_cmd(&r, fd, w);
		call(fd, cmd, argument(&r, w, cmd, buf));
	}
	free(buf);
	atomic_fetch_sub(&w->alive, 1);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* One process: its threads, and a signal every few ms that ends KVM_RUN. */
static void process(uint64_t seed, unsigned long calls)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct job jobs[THREADS];
	struct rng r = { .s = seed };
	struct world w = { .seed = seed, .calls = calls / THREADS + 1 };
	int i;

	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGBUS, SIG_DFL);
	w.kvm = open("/dev/kvm", O_RDWR);
	for (i = 0; i < 4; i++)
		w.other[i] = eventfd(0, EFD_NONBLOCK);
	for (i = 0; i < VMS; i++) {
		w.ram[i] = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		vm_make(&r, &w, i);
	}
	w.alive = THREADS;
	for (i = 0; i < THREADS; i++) {
		jobs[i] = (struct job) { &w, i };
		pthread_create(&w.threads[i], NULL, work, &jobs[i]);
	}
	while (w.alive > 0) {
		usleep(3000);
		for (i = 0; i < THREADS; i++)
			pthread_kill(w.threads[i], SIGUSR1);
	}
	_exit(0);
}

/* A process that has not ended in 120 s hangs: it is killed, and said. */
static int reap(pid_t pid, unsigned int kill_after_ms)
{
	unsigned int ms;
	int status;

	for (ms = 0; ms < 120000; ms += 5) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 0;
		if (kill_after_ms && ms >= kill_after_ms)
			kill(pid, SIGKILL);
		usleep(5000);
	}
	kill(pid, SIGKILL);
	return 1;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned long calls = argc > 2 ? strtoul(argv[2], NULL, 0) : 20000;
	unsigned int n = argc > 3 ? strtoul(argv[3], NULL, 0) : 8, i, hung = 0;
	struct rng r = { .s = seed };
	pid_t pid;

	tally = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n || (i < 8 * n && tally->calls < calls); i++) {
		pid = fork();
		if (!pid)
			process(seed * 4096 + i, calls / n);
		/* every third is killed somewhere in the middle */
		hung += reap(pid, i % 3 == 2 ? 1 + below(&r, 400) : 0);
	}
	printf("calls %lu, accepted %lu, processes %u, hung %u\n",
	       (unsigned long)tally->calls, (unsigned long)tally->good, i, hung);
	return hung || !tally->good || tally->calls < calls;
}
