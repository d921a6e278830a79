// SPDX-License-Identifier: GPL-2.0
/*
 * kvmmem: guest memory through /dev/kvm, without a VMM. The guest is a few
 * bytes that read and write the addresses it is told over a port, so that each
 * test can say "guest, write there" and look at the memory from the other side:
 * faults of every kind, the host taking pages back, slots that come, go and
 * move, read-only slots, the dirty log in its three modes. TAP on stdout. The
 * in-tree stack passes the same points.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <poll.h>
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
#include <sys/wait.h>
#include <unistd.h>
#include "kvmstat.h"
#include "tap.h"

#define PAGE	4096UL
#define M2	(2UL << 20)
#define CODE	0x1000UL		/* in slot 0, which holds nothing else */
#define BASE	(64UL << 20)		/* where the tests put slot 1 */

static int kvm;

/* ---- the guest ------------------------------------------------------------- */

/* 32-bit, flat, no paging. */
static const uint8_t agent[] = {
	0xba, 0x10, 0x00, 0x00, 0x00,	/*	mov edx, 10h		*/
	0xed,				/* 5:	in eax, dx: address	*/
	0x89, 0xc3,			/*	mov ebx, eax		*/
	0xed,				/*	in eax, dx: value or 0	*/
	0x85, 0xc0,			/*	test eax, eax		*/
	0x74, 0x04,			/*	jz 17			*/
	0x89, 0x03,			/*	mov [ebx], eax		*/
	0xeb, 0xf4,			/*	jmp 5			*/
	0x8b, 0x03,			/* 17:	mov eax, [ebx]		*/
	0xef,				/*	out dx, eax		*/
	0xeb, 0xef,			/*	jmp 5			*/
};

struct guest {
	int vm, vcpu;
	struct kvm_run *run;
	void *code;
};

static void *anon(size_t size)
{
	/* Aligned as the guest's addresses are, so that big leaves fit. */
	char *p = mmap(NULL, size + M2, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (void *)(((uintptr_t)p + M2 - 1) & ~(M2 - 1));
}

static int set_slot(struct guest *g, unsigned int slot, unsigned int flags,
		    uint64_t gpa, uint64_t size, void *at)
{
	struct kvm_userspace_memory_region m = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa,
		.memory_size = size, .userspace_addr = (uintptr_t)at,
	};

	return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m);
}

static void flat_segment(struct kvm_segment *s, bool code)
{
	memset(s, 0, sizeof(*s));
	s->limit = 0xffffffff;
	s->selector = code ? 8 : 16;
	s->type = code ? 11 : 3;
	s->present = s->db = s->g = s->s = 1;
}

/* Up to its first question. */
static bool guest_open(struct guest *g)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs s;

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	g->code = anon(M2);
	memcpy((char *)g->code + CODE, agent, sizeof(agent));
	set_slot(g, 0, 0, 0, M2, g->code);
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	g->run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
		      PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	ioctl(g->vcpu, KVM_GET_SREGS, &s);
	flat_segment(&s.cs, true);
	flat_segment(&s.ds, false);
	s.es = s.ss = s.ds;
	s.cr0 |= 1;
	ioctl(g->vcpu, KVM_SET_SREGS, &s);
	ioctl(g->vcpu, KVM_SET_REGS, &regs);
	return !ioctl(g->vcpu, KVM_RUN, 0) && g->run->exit_reason == KVM_EXIT_IO;
}

static void guest_close(struct guest *g)
{
	munmap(g->run, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(g->vcpu);
	close(g->vm);
}

static uint32_t *io_data(struct guest *g)
{
	return (uint32_t *)((char *)g->run + g->run->io.data_offset);
}

/* 0: it asks or answers. Else the exit reason, or an errno below zero. */
static int step(struct guest *g)
{
	int r;

	do
		r = ioctl(g->vcpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return g->run->exit_reason == KVM_EXIT_IO ? 0 : (int)g->run->exit_reason;
}

/* The guest waits for an address; tell it that and the value (0: read). */
static int tell(struct guest *g, uint32_t gpa, uint32_t value)
{
	int r;

	*io_data(g) = gpa;
	r = step(g);
	if (r)
		return r;
	*io_data(g) = value;
	return step(g);
}

/* As step(). After MMIO the caller may look at run->mmio; then call step(). */
static int guest_write(struct guest *g, uint32_t gpa, uint32_t value)
{
	return tell(g, gpa, value);
}

static int guest_read(struct guest *g, uint32_t gpa, uint32_t *value)
{
	int r = tell(g, gpa, 0);

	if (r)
		return r;
	*value = *io_data(g);
	return step(g);		/* to the next question */
}

static bool reads(struct guest *g, uint32_t gpa, uint32_t want)
{
	uint32_t got = ~want;

	return guest_read(g, gpa, &got) == 0 && got == want;
}

/* An access without RAM: leaves with MMIO, then goes on. */
static bool is_hole(struct guest *g, uint32_t gpa)
{
	if (guest_write(g, gpa, 0x55) != KVM_EXIT_MMIO)
		return false;
	return g->run->mmio.phys_addr == gpa && g->run->mmio.is_write &&
	       g->run->mmio.len == 4 && !step(g);
}

/* ---- faults ------------------------------------------------------------------ */

static void demand(void)
{
	size_t size = 8 * M2, at;
	uint32_t *ram = anon(size), wrong = 0;
	long big = kvm_stat("pages_2m");
	struct guest g;

	madvise(ram, size, MADV_HUGEPAGE);
	ok(guest_open(&g), "the guest asks for its first order");
	set_slot(&g, 1, 0, BASE, size, ram);
	ram[5] = 0x1234567;
	ok(reads(&g, BASE + 20, 0x1234567), "it reads what the host wrote");
	ok(!guest_write(&g, BASE + 24, 77) && ram[6] == 77,
	   "the host reads what it wrote");
	ok(reads(&g, BASE + size - 4, 0), "memory that nobody touched reads 0");
	for (at = 0; at < size; at += 9 * PAGE)
		if (guest_write(&g, BASE + at, at + 1))
			break;
	for (at = 0; at < size; at += 9 * PAGE)
		wrong += ram[at / 4] != at + 1;
	ok(at >= size && !wrong, "all over 16 MiB");
	ok(kvm_stat("pages_2m") > big, "a huge page is mapped as one");
	ok(is_hole(&g, BASE + size) && is_hole(&g, BASE - 4),
	   "beside the slot there is no memory");
	guest_close(&g);
	munmap(ram, size);
}

/* ---- the host takes pages back -------------------------------------------------- */

static void host_discards(struct guest *g, uint32_t *ram)
{
	guest_write(g, BASE, 1);
	guest_write(g, BASE + PAGE, 2);
	madvise(ram, PAGE, MADV_DONTNEED);
	ok(reads(g, BASE, 0), "a page that the host discarded reads 0");
	ok(reads(g, BASE + PAGE, 2), "the page beside it does not");
	guest_write(g, BASE, 3);
	ok(ram[0] == 3, "and a new page is shared again");
}

/* After a fork the guest's next write must not reach the child's copy. */
static void copy_on_write(struct guest *g, uint32_t *ram)
{
	int go[2], status;
	char c = 0;
	pid_t pid;

	guest_write(g, BASE + 2 * PAGE, 10);
	if (pipe(go))
		return;
	pid = fork();
	if (!pid) {
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(ram[2 * PAGE / 4] == 10 ? 0 : 1);
	}
	guest_write(g, BASE + 2 * PAGE, 11);
	if (write(go[1], &c, 1) != 1)
		return;
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status),
	   "after a fork the guest's write does not reach the child");
	ok(ram[2 * PAGE / 4] == 11 && reads(g, BASE + 2 * PAGE, 11),
	   "but it reaches the parent and the guest");
	close(go[0]);
	close(go[1]);
}

/*
 * Freed lazily, a page stays until the host is short of memory, and for good if it is
 * written before. The kernel does what it was asked to in batches of each CPU, which
 * the next call of that kind ends.
 */
static void freed_lazily(struct guest *g)
{
	enum { PAGES = 64 };	/* the first half is written again */
	char *ram = anon(M2), *other = anon(PAGE);
	unsigned int i, lost = 0, gone = 0;
	cpu_set_t old, one;

	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	madvise(ram, M2, MADV_NOHUGEPAGE);
	*other = 1;
	set_slot(g, 2, 0, 2 * BASE, M2, ram);
	for (i = 0; i < PAGES; i++)
		guest_write(g, 2 * BASE + i * PAGE, 7);
	madvise(ram, PAGES * PAGE, MADV_FREE);
	madvise(other, PAGE, MADV_COLD);
	for (i = 0; i < PAGES / 2; i++)
		guest_write(g, 2 * BASE + i * PAGE, 100 + i);
	madvise(ram, PAGES * PAGE, MADV_PAGEOUT);
	for (i = 0; i < PAGES / 2; i++)
		lost += !reads(g, 2 * BASE + i * PAGE, 100 + i);
	for (; i < PAGES; i++)
		gone += *(volatile uint32_t *)(ram + i * PAGE) == 0;
	ok(!lost, "what the guest writes to pages freed lazily stays (%u lost; of the others %u of %u are gone)",
	   lost, gone, PAGES / 2);
	set_slot(g, 2, 0, 0, 0, NULL);
	munmap(ram, M2);
	sched_setaffinity(0, sizeof(old), &old);
}

static void host_protects(struct guest *g, uint32_t *ram)
{
	guest_write(g, BASE + 3 * PAGE, 20);
	mprotect(ram + 3 * PAGE / 4, PAGE, PROT_READ);
	ok(reads(g, BASE + 3 * PAGE, 20), "memory that the host made read-only reads");
	ok(guest_write(g, BASE + 3 * PAGE, 21) == -EFAULT &&
	   ram[3 * PAGE / 4] == 20, "a write to it ends KVM_RUN with EFAULT");
	mprotect(ram + 3 * PAGE / 4, PAGE, PROT_READ | PROT_WRITE);
	ok(!step(g) && ram[3 * PAGE / 4] == 21, "made writable, it goes on");
	munmap(ram + 4 * PAGE / 4, PAGE);
	ok(guest_write(g, BASE + 4 * PAGE, 1) == -EFAULT,
	   "so does a write to memory that is not there");
	mmap(ram + 4 * PAGE / 4, PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ok(!step(g) && ram[4 * PAGE / 4] == 1, "there again, it goes on");
}

static void shared_file(struct guest *g)
{
	int fd = memfd_create("ram", 0);
	uint32_t *one, *two;

	if (ftruncate(fd, 16 * PAGE))
		return;
	one = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	two = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	set_slot(g, 2, 0, 2 * BASE, 16 * PAGE, one);
	guest_write(g, 2 * BASE, 5);
	ok(two[0] == 5, "a file's page is shared with its other mapping");
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
	ok(reads(g, 2 * BASE, 0), "a hole punched into the file reads 0");
	guest_write(g, 2 * BASE, 6);
	ok(two[0] == 6, "and is filled again");
	set_slot(g, 2, 0, 0, 0, NULL);
	munmap(one, 16 * PAGE);
	munmap(two, 16 * PAGE);
	close(fd);
}

/* ---- memory that fails ------------------------------------------------------------ */

static volatile siginfo_t failed;
static volatile int failures;

/* What a VMM does: other memory in its place (and a machine check for the guest). */
static void memory_failed(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	failed = *info;
	failures++;
	mmap(info->si_addr, PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* By a child that has it, too: newer kernels send the signal at once to who does it. */
static bool poison(void *page)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		_exit(!!madvise(page, PAGE, MADV_HWPOISON));
	}
	if (waitpid(pid, &status, 0) != pid)
		return false;
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGBUS : !WEXITSTATUS(status);
}

static void host_memory_fails(struct guest *g, uint32_t *ram)
{
	struct sigaction old, sa = {
		.sa_sigaction = memory_failed, .sa_flags = SA_SIGINFO,
	};
	uint32_t *bad_page = ram + 8 * PAGE / 4;

	guest_write(g, BASE + 8 * PAGE, 30);
	guest_write(g, BASE + 9 * PAGE, 31);
	sigaction(SIGBUS, &sa, &old);
	ok(poison(bad_page) && !failures,
	   "a page fails while nobody uses it");
	ok(reads(g, BASE + 8 * PAGE, 0) && failures == 1,
	   "the guest's read of it is a SIGBUS, then it reads what is there instead");
	ok(failed.si_code == BUS_MCEERR_AR && failed.si_addr == bad_page &&
	   failed.si_addr_lsb == 12, "the signal names the page");
	ok(reads(g, BASE + 9 * PAGE, 31), "the page beside it is as it was");
	sigaction(SIGBUS, &old, NULL);
}

static void host_changes(void)
{
	uint32_t *ram = anon(M2);
	struct guest g;

	guest_open(&g);
	set_slot(&g, 1, 0, BASE, M2, ram);
	host_discards(&g, ram);
	freed_lazily(&g);
	copy_on_write(&g, ram);
	host_protects(&g, ram);
	host_memory_fails(&g, ram);
	shared_file(&g);
	guest_close(&g);
	munmap(ram, M2);
}

/* ---- slots ------------------------------------------------------------------- */

static void slots(void)
{
	uint32_t *ram = anon(2 * M2);
	struct guest g;

	guest_open(&g);
	set_slot(&g, 1, 0, BASE, M2, ram);
	guest_write(&g, BASE + 8, 99);
	ok(!set_slot(&g, 1, 0, 0, 0, NULL), "a slot is deleted");
	ok(is_hole(&g, BASE + 8) && ram[2] == 99, "and its memory is out of reach");
	ok(!set_slot(&g, 1, 0, BASE, M2, ram) && reads(&g, BASE + 8, 99),
	   "made again, it is there as it was");
	ok(!set_slot(&g, 1, 0, BASE + M2, M2, ram), "a slot moves");
	ok(is_hole(&g, BASE + 8) && reads(&g, BASE + M2 + 8, 99),
	   "and its memory with it");
	refused(set_slot(&g, 1, 0, BASE + M2, 2 * M2, ram), EINVAL, "a new size");
	refused(set_slot(&g, 1, 0, BASE + M2, M2, ram + 1024), EINVAL, "new memory");
	refused(set_slot(&g, 1, KVM_MEM_READONLY, BASE + M2, M2, ram), EINVAL,
		"making it read-only");

	ok(!set_slot(&g, 2, KVM_MEM_READONLY, BASE, M2, ram + M2 / 4),
	   "a read-only slot");
	ram[M2 / 4] = 123;
	ok(reads(&g, BASE, 123), "is read like memory");
	ok(guest_write(&g, BASE, 456) == KVM_EXIT_MMIO && g.run->mmio.is_write &&
	   !memcmp(g.run->mmio.data, &(uint32_t){ 456 }, 4) && !step(&g),
	   "a write to it leaves as MMIO");
	ok(ram[M2 / 4] == 123 && reads(&g, BASE, 123), "and changes nothing");
	guest_close(&g);
	munmap(ram, 2 * M2);
}

/* ---- a slot on its way out ---------------------------------------------------------- */

#define COUNTER	(CODE + 0x100)
#define PLACE	0x10000UL		/* in slot 0 */

/* Counts in two places. */
static const uint8_t counter[] = {
	0x40,				/* 0:	inc eax			*/
	0x89, 0x03,			/*	mov [ebx], eax		*/
	0x89, 0x01,			/*	mov [ecx], eax		*/
	0xeb, 0xf9,			/*	jmp 0			*/
};

static bool second_vcpu(struct guest *g, struct guest *two)
{
	struct kvm_regs regs = { .rip = COUNTER, .rflags = 2, .rbx = BASE, .rcx = PLACE };
	struct kvm_sregs s;

	*two = *g;
	two->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 1);
	two->run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
			PROT_READ | PROT_WRITE, MAP_SHARED, two->vcpu, 0);
	memcpy((char *)g->code + COUNTER, counter, sizeof(counter));
	return !ioctl(g->vcpu, KVM_GET_SREGS, &s) &&
	       !ioctl(two->vcpu, KVM_SET_SREGS, &s) &&
	       !ioctl(two->vcpu, KVM_SET_REGS, &regs);
}

static void *run_counter(void *two)
{
	step(two);
	return NULL;
}

static void *write_far(void *g)
{
	guest_write(g, 2 * BASE, 1);
	return NULL;
}

static void *delete_slot(void *g)
{
	set_slot(g, 1, 0, 0, 0, NULL);
	return NULL;
}

/* A page whose first touch waits until user space gives it. */
static int page_that_waits(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	return fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	       ioctl(fd, UFFDIO_REGISTER, &reg) ? -1 : fd;
}

static bool counts_on(volatile uint32_t *place)
{
	uint32_t was = *place;

	usleep(200 * 1000);
	return *place - was > 1;
}

/*
 * The deletion of a slot waits for a fault that is under way in another one. What
 * the host takes back of the slot meanwhile the guest must not write any more.
 */
static void slot_leaves(void)
{
	uint32_t *ram = anon(M2), *far = anon(M2), *place;
	struct uffdio_copy copy = { .dst = (uintptr_t)far, .src = (uintptr_t)(ram + 8192),
				    .len = PAGE };
	pthread_t runs, waits, deletes;
	struct guest g, two;
	struct pollfd fd;

	madvise(ram, M2, MADV_NOHUGEPAGE);
	guest_open(&g);
	place = (uint32_t *)((char *)g.code + PLACE);
	set_slot(&g, 1, 0, BASE, M2, ram);
	set_slot(&g, 2, 0, 2 * BASE, M2, far);
	fd = (struct pollfd){ .fd = page_that_waits(far), .events = POLLIN };
	if (!ok(fd.fd >= 0 && second_vcpu(&g, &two), "a second vCPU, and a page that waits"))
		return;
	pthread_create(&runs, NULL, run_counter, &two);
	while (!*(volatile uint32_t *)place)
		usleep(1000);
	pthread_create(&waits, NULL, write_far, &g);
	ok(poll(&fd, 1, 60000) == 1, "the first waits for it");
	pthread_create(&deletes, NULL, delete_slot, &g);
	ok(counts_on(place), "the second counts on in a slot that is being deleted");
	madvise(ram, PAGE, MADV_DONTNEED);
	ok(!counts_on(place), "but not in a page that the host has taken back");
	ok(!*ram, "whose place is empty");
	ioctl(fd.fd, UFFDIO_COPY, &copy);
	pthread_join(waits, NULL);
	pthread_join(deletes, NULL);
	pthread_join(runs, NULL);
	ok(two.run->exit_reason == KVM_EXIT_MMIO && two.run->mmio.phys_addr == BASE,
	   "then there is no memory");
	close(fd.fd);
	guest_close(&two);
	close(g.vcpu);
	munmap(ram, M2);
	munmap(far, M2);
}

/* ---- the dirty log ---------------------------------------------------------------- */

#define LOG_PAGES	1024

static int get_log(struct guest *g, uint64_t *map)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = map };

	return ioctl(g->vm, KVM_GET_DIRTY_LOG, &log);
}

/* Exactly these pages, in rising order, end with -1. */
static bool log_is(const uint64_t *map, const int *page)
{
	int i;

	for (i = 0; i < LOG_PAGES; i++) {
		bool want = *page == i;

		if (!!(map[i / 64] >> (i % 64) & 1) != want) {
			printf("# page %d is %s\n", i, want ? "missing" : "extra");
			return false;
		}
		page += want;
	}
	return true;
}

#define LOG_IS(map, ...) log_is(map, (const int[]) { __VA_ARGS__, -1 })

static int clear_log(struct guest *g, uint64_t *map, uint64_t first, uint32_t n)
{
	struct kvm_clear_dirty_log log = {
		.slot = 1, .first_page = first, .num_pages = n, .dirty_bitmap = map,
	};

	return ioctl(g->vm, KVM_CLEAR_DIRTY_LOG, &log);
}

static void manual(struct guest *g, uint64_t flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags },
	};

	ok(!ioctl(g->vm, KVM_ENABLE_CAP, &cap), "manual protection, mode %lu",
	   (unsigned long)flags);
}

static void write_page(struct guest *g, int page)
{
	guest_write(g, BASE + page * PAGE + 4, page + 1);
}

static void automatic_log(uint32_t *ram)
{
	uint64_t map[LOG_PAGES / 64];
	struct guest g;

	guest_open(&g);
	set_slot(&g, 1, 0, BASE, LOG_PAGES * PAGE, ram);
	write_page(&g, 3);	/* a big leaf, before anybody logs */
	write_page(&g, 600);
	refused(get_log(&g, map), ENOENT, "the log of a slot without one");
	ok(!set_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, BASE, LOG_PAGES * PAGE, ram),
	   "logging is switched on under a guest that runs");
	ok(!get_log(&g, map) && LOG_IS(map, -1), "nothing is dirty yet");
	write_page(&g, 3);
	write_page(&g, 64);
	write_page(&g, 64);
	write_page(&g, 1023);
	reads(&g, BASE + 5 * PAGE, 0);
	ok(!get_log(&g, map) && LOG_IS(map, 3, 64, 1023),
	   "the log has the pages that were written and no other");
	ok(!get_log(&g, map) && LOG_IS(map, -1), "once");
	write_page(&g, 64);
	ok(!get_log(&g, map) && LOG_IS(map, 64), "and again when written again");
	refused(get_log(&g, (void *)8), EFAULT, "a log to nowhere");
	ok(ram[64 * PAGE / 4 + 1] == 65 && ram[1023 * PAGE / 4 + 1] == 1024,
	   "what was written arrived");
	ok(!set_slot(&g, 1, 0, BASE, LOG_PAGES * PAGE, ram), "logging off");
	write_page(&g, 7);
	ok(reads(&g, BASE + 7 * PAGE + 4, 8), "the guest goes on");
	guest_close(&g);
}

static void manual_log(uint32_t *ram)
{
	uint64_t map[LOG_PAGES / 64], none[LOG_PAGES / 64] = { 0 };
	struct guest g;

	guest_open(&g);
	manual(&g, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	set_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, BASE, LOG_PAGES * PAGE, ram);
	write_page(&g, 1);
	write_page(&g, 2);
	write_page(&g, 200);
	ok(!get_log(&g, map) && LOG_IS(map, 1, 2, 200) &&
	   !get_log(&g, map) && LOG_IS(map, 1, 2, 200),
	   "reading the log leaves it as it is");
	refused(clear_log(&g, map, 1, 64), EINVAL, "to clear from page 1");
	refused(clear_log(&g, map, 0, 63), EINVAL, "to clear 63 pages");
	refused(clear_log(&g, map, 0, LOG_PAGES + 64), EINVAL,
		"to clear more than the slot");
	ok(!clear_log(&g, none, 0, LOG_PAGES) && !get_log(&g, map) &&
	   LOG_IS(map, 1, 2, 200), "clearing no page clears no page");
	none[0] = 1 << 1;
	ok(!clear_log(&g, none, 0, 64) && !get_log(&g, map) &&
	   LOG_IS(map, 2, 200), "clearing one clears one");
	write_page(&g, 1);
	ok(!get_log(&g, map) && LOG_IS(map, 1, 2, 200), "until it is written");
	ok(!clear_log(&g, map, 0, LOG_PAGES) && !get_log(&g, map) &&
	   LOG_IS(map, -1), "clearing all clears all");
	guest_close(&g);
}

static void initially_set_log(uint32_t *ram)
{
	uint64_t map[LOG_PAGES / 64];
	struct guest g;
	int i, all = 0;

	guest_open(&g);
	manual(&g, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
	       KVM_DIRTY_LOG_INITIALLY_SET);
	set_slot(&g, 1, 0, BASE, LOG_PAGES * PAGE, ram);
	write_page(&g, 9);
	set_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, BASE, LOG_PAGES * PAGE, ram);
	get_log(&g, map);
	for (i = 0; i < LOG_PAGES / 64; i++)
		all += map[i] == ~0ULL;
	ok(all == LOG_PAGES / 64, "at first every page is dirty");
	memset(map, 0, sizeof(map));
	map[0] = ~0ULL;
	clear_log(&g, map, 0, 64);
	write_page(&g, 9);
	ok(!get_log(&g, map) && map[0] == 1 << 9 && map[1] == ~0ULL,
	   "cleared and written, one page of the first 64 is");
	memset(map, 0xff, sizeof(map));
	clear_log(&g, map, 0, LOG_PAGES);
	write_page(&g, 9);
	write_page(&g, 10);
	write_page(&g, 777);
	ok(!get_log(&g, map) && LOG_IS(map, 9, 10, 777), "then the log is exact");
	set_slot(&g, 1, 0, 0, 0, NULL);
	set_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, BASE, 70 * PAGE, ram);
	ok(!get_log(&g, map) && map[0] == ~0ULL && map[1] == 0x3f,
	   "of a slot of 70 pages 70 are dirty at first");
	guest_close(&g);
}

/* What is mapped for a read becomes writable with it where the host's page is. */
static void read_log(uint32_t *ram)
{
	uint64_t map[LOG_PAGES / 64];
	struct guest g;

	guest_open(&g);
	set_slot(&g, 1, KVM_MEM_LOG_DIRTY_PAGES, BASE, LOG_PAGES * PAGE, ram);
	ram[30 * PAGE / 4] = 77;
	ok(reads(&g, BASE + 30 * PAGE, 77) && !get_log(&g, map) && LOG_IS(map, 30),
	   "the first read of a page that is writable is logged");
	ok(reads(&g, BASE + 30 * PAGE, 77) && !get_log(&g, map) && LOG_IS(map, -1),
	   "the next is not");
	guest_close(&g);
}

static void dirty_log(void)
{
	uint32_t *ram = anon(LOG_PAGES * PAGE);

	madvise(ram, LOG_PAGES * PAGE, MADV_HUGEPAGE);
	automatic_log(ram);
	manual_log(ram);
	initially_set_log(ram);
	read_log(ram);
	munmap(ram, LOG_PAGES * PAGE);
}

/* ---- all at once ------------------------------------------------------------------ */

static struct guest busy;
static uint32_t *busy_ram;
static volatile bool stop;

/* Discard, protect, log and delete what is beside the memory under test. */
static void *disturb(void *arg)
{
	char *other = (char *)busy_ram + 2 * M2;
	uint64_t map[M2 / PAGE / 64];
	struct kvm_dirty_log log = { .slot = 2, .dirty_bitmap = map };
	unsigned int n = 0;

	for (; !stop; n++) {
		madvise(other + (n % 512) * PAGE, PAGE, MADV_DONTNEED);
		mprotect(other, M2, n & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
		set_slot(&busy, 2, n & 2 ? KVM_MEM_LOG_DIRTY_PAGES : 0,
			 BASE + 2 * M2, M2, other);
		if (n & 2)
			ioctl(busy.vm, KVM_GET_DIRTY_LOG, &log);
		if (n % 16 == 7)
			set_slot(&busy, 2, 0, 0, 0, NULL);
	}
	*(unsigned int *)arg = n;
	return NULL;
}

/* A write beside it may meet RAM, a hole, or protected memory: all may pass. */
static void poke_other(unsigned int n)
{
	int r = guest_write(&busy, BASE + 2 * M2 + n * 40 % M2 / 4 * 4, n + 1);

	while (r == KVM_EXIT_MMIO || r == -EFAULT)
		r = step(&busy);
}

static void everything_at_once(void)
{
	unsigned int n, wrong = 0, turns = 0;
	pthread_t thread;

	busy_ram = anon(3 * M2);
	guest_open(&busy);
	set_slot(&busy, 1, 0, BASE, 2 * M2, busy_ram);
	pthread_create(&thread, NULL, disturb, &turns);
	for (n = 0; n < 3000; n++) {
		uint32_t at = n * 7919 * 64 % (2 * M2);

		wrong += guest_write(&busy, BASE + at, n + 1) != 0;
		wrong += busy_ram[at / 4] != n + 1;
		wrong += !reads(&busy, BASE + at, n + 1);
		if (n % 3 == 0)
			poke_other(n);
	}
	stop = true;
	pthread_join(thread, NULL);
	ok(!wrong, "3000 accesses beside %u disturbances: %u wrong", turns, wrong);
	ok(turns > 10, "there were disturbances");
	guest_close(&busy);
	munmap(busy_ram, 3 * M2);
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (ok(kvm >= 0, "/dev/kvm opens")) {
		demand();
		host_changes();
		slots();
		slot_leaves();
		dirty_log();
		everything_at_once();
	}
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
