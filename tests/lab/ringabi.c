// SPDX-License-Identifier: GPL-2.0
/*
 * ringabi: the dirty ring (KVM_CAP_DIRTY_LOG_RING) without a VMM: what it refuses,
 * that each page written is in it once, that it stops a guest that fills it,
 * that nothing is lost over many rounds, and that a thread which goes to sleep may
 * fill it. TAP on stdout. Written from the documentation; the in-tree stack has to
 * pass the same points.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "tests/lab/smallvm.h"

#define BYTES	4096U
#define ENTRIES	(BYTES / sizeof(struct kvm_dirty_gfn))
#define SLOT	1
#define BASE	(8UL << 20)	/* of the logged slot, as the guest sees it */
#define PAGES	512U

/* Writes one word to each page of the slot, round and round; a word says which
 * round. OUT after each.
 */
asm(".pushsection .rodata\n"
    "ring_code: .code64\n"
    "	mov $1, %eax\n"
    "1:	mov $0x800000, %rbx\n"
    "	mov $512, %ecx\n"
    "2:	mov %eax, (%rbx)\n"
    "	add $4096, %rbx\n"
    "	dec %ecx\n"
    "	jnz 2b\n"
    "	out %eax, $0x10\n"
    "	inc %eax\n"
    "	jmp 1b\n"
    "ring_code_end:\n"
    ".popsection");
extern const uint8_t ring_code[], ring_code_end[];

/* Counts at MAILBOX that it is ready, waits for a number, writes so many pages of the
 * slot, and halts with interrupts off until an NMI.
 */
asm(".pushsection .rodata\n"
    "halt_code: .code64\n"
    "	mov $0x20000, %esi\n"
    "1:	incl (%rsi)\n"
    "2:	pause\n"
    "	mov 4(%rsi), %ecx\n"
    "	test %ecx, %ecx\n"
    "	jz 2b\n"
    "	movl $0, 4(%rsi)\n"
    "	mov $0x800000, %ebx\n"
    "3:	mov %ecx, (%rbx)\n"
    "	add $4096, %rbx\n"
    "	dec %ecx\n"
    "	jnz 3b\n"
    "	hlt\n"
    "	jmp 1b\n"
    "halt_nmi: iretq\n"
    "halt_code_end:\n"
    ".popsection");
extern const uint8_t halt_code[], halt_nmi[], halt_code_end[];
#define MAILBOX		0x20000
#define STEAL_TIME	0x4b564d03
#define STEAL_PAGE	(PAGES - 1)

static struct kvm_dirty_gfn *ring;
static unsigned int next;		/* entry to be looked at */
static uint8_t seen[PAGES];		/* since the last reset of it */
static unsigned int strange;		/* entries that must not be */

static int enable_ring(int vm, uint64_t bytes)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DIRTY_LOG_RING, .args = { bytes } };

	return ioctl(vm, KVM_ENABLE_CAP, &cap);
}

/* What is dirty is noted and marked; how many. */
static unsigned int collect(void)
{
	struct kvm_dirty_gfn *e;
	unsigned int n = 0;

	for (; n < ENTRIES; n++, next++) {
		e = &ring[next % ENTRIES];
		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) != KVM_DIRTY_GFN_F_DIRTY)
			break;
		if (e->slot != SLOT || e->offset >= PAGES)
			strange++;
		else
			seen[e->offset]++;
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
	}
	return n;
}

static void what_it_refuses(void)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int max = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING);

	ok(max >= (int)BYTES, "dirty rings are offered, up to %d bytes", max);
	refused(enable_ring(vm, 0), EINVAL, "a ring of no bytes");
	refused(enable_ring(vm, BYTES + 16), EINVAL, "a ring that is no power of two");
	refused(enable_ring(vm, 1024), EINVAL, "a ring of less than a page");
	refused(enable_ring(vm, 2UL * max), E2BIG, "a ring above the most");
	refused(ioctl(vm, KVM_RESET_DIRTY_RINGS, 0), EINVAL, "a reset without rings");
	ok(!enable_ring(vm, BYTES), "a ring of a page is taken");
	refused(enable_ring(vm, BYTES), EINVAL, "a second time");
	close(vm);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	close(ioctl(vm, KVM_CREATE_VCPU, 0));
	refused(enable_ring(vm, BYTES), EINVAL, "rings after the first vCPU");
	close(vm);
}

static bool start(struct smallvm *g, void **ram, const uint8_t *code, size_t len, bool chip)
{
	struct kvm_userspace_memory_region m = { .memory_size = VM_RAM };
	long at = KVM_DIRTY_LOG_PAGE_OFFSET * 4096L;
	uint64_t *pd;
	int i;

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	g->ram = mmap(NULL, VM_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*ram = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.userspace_addr = (uintptr_t)g->ram;
	if (enable_ring(g->vm, BYTES) || (chip && ioctl(g->vm, KVM_CREATE_IRQCHIP, 0)) ||
	    ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m))
		return false;
	m = (struct kvm_userspace_memory_region){ .slot = SLOT, .guest_phys_addr = BASE,
		.flags = KVM_MEM_LOG_DIRTY_PAGES, .memory_size = PAGES * 4096,
		.userspace_addr = (uintptr_t)*ram };
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &m))
		return false;
	memcpy(g->ram + VM_CODE, code, len);
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	g->run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		      MAP_SHARED, g->vcpu, 0);
	ring = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, at);
	if (ring == MAP_FAILED || g->run == MAP_FAILED)
		return false;
	smallvm_long(g, VM_CODE);
	pd = (void *)(g->ram + VM_TABLES + 0x2000);
	for (i = 4; i < 6; i++)
		pd[i] = (uint64_t)i << 21 | 0x83;
	return true;
}

static void how_it_is_mapped(struct smallvm *g)
{
	long at = KVM_DIRTY_LOG_PAGE_OFFSET * 4096L;

	refused(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, g->vcpu, at) ==
		MAP_FAILED ? -1 : 0, EINVAL, "a private map of the ring");
	refused(mmap(NULL, BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, g->vcpu, at) ==
		MAP_FAILED ? -1 : 0, EINVAL, "an executable map of the ring");
}

/* A round of the guest's, with as many stops as it takes; how many. */
static int round_of(struct smallvm *g, unsigned int *full, unsigned int *reset)
{
	int r;

	for (;;) {
		r = smallvm_run(g);
		if (r != KVM_EXIT_DIRTY_RING_FULL)
			return r;
		++*full;
		if (!collect())
			return -ENODATA;
		*reset += ioctl(g->vm, KVM_RESET_DIRTY_RINGS, 0);
		if (*full > 1000)
			return -ELOOP;
	}
}

static void rounds(struct smallvm *g, void *ram)
{
	unsigned int i, n, full = 0, reset = 0, missing = 0, stale = 0, word;
	int r, round;

	r = smallvm_run(g);
	ok(r == KVM_EXIT_DIRTY_RING_FULL, "a guest that writes %u pages fills it (exit %d)", PAGES, r);
	r = smallvm_run(g);
	ok(r == KVM_EXIT_DIRTY_RING_FULL, "and is not run on while it is full (exit %d)", r);
	n = collect();
	ok(n && n <= ENTRIES && !strange, "%u pages are in it, all of the logged slot", n);
	r = ioctl(g->vm, KVM_RESET_DIRTY_RINGS, 0);
	ok(r == (int)n, "all are taken back (%d)", r);
	ok(ioctl(g->vm, KVM_RESET_DIRTY_RINGS, 0) == 0, "once");
	for (round = 1; round <= 50; round++) {
		r = round_of(g, &full, &reset);
		if (r != KVM_EXIT_IO)
			break;
		collect();
		for (i = 0; i < PAGES; i++) {
			missing += !seen[i];
			memcpy(&word, (char *)ram + i * 4096UL, 4);
			stale += word != (unsigned int)round;
		}
		memset(seen, 0, sizeof(seen));
		ioctl(g->vm, KVM_RESET_DIRTY_RINGS, 0);
	}
	ok(round == 51, "50 rounds over all pages end (%d, exit %d), %u stops for a full ring", round - 1, r, full);
	ok(!missing, "every page written was in the ring in each round (%u were not)", missing);
	ok(!stale && !strange, "and memory was as the guest had written it");
}

static void what_user_space_may_do(struct smallvm *g)
{
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = seen };
	unsigned int i;
	int r;

	refused(ioctl(g->vm, KVM_GET_DIRTY_LOG, &log), ENXIO, "the bitmap beside the ring");
	for (i = 0; i < ENTRIES; i++)
		ring[i] = (struct kvm_dirty_gfn){ .flags = ~0U, .slot = i * 0x01010101, .offset = ~0ULL << i % 64 };
	r = ioctl(g->vm, KVM_RESET_DIRTY_RINGS, 0);
	ok(r >= 0 && r <= (int)ENTRIES, "a scribbled ring harms nobody (%d taken)", r);
	r = smallvm_run(g);
	ok(r == KVM_EXIT_DIRTY_RING_FULL || r == KVM_EXIT_IO, "and the guest runs on (exit %d)", r);
}

/*
 * Pages that are there already become writable, and dirty, as they are mapped: twice as
 * many as the ring has room for. It may stop for that, but it comes to an end, and it
 * fills the ring of the vCPU that was asked alone.
 */
static void mapped_ahead(void)
{
	struct kvm_pre_fault_memory p = { .gpa = BASE, .size = PAGES * 4096 };
	struct kvm_dirty_gfn *first;
	unsigned int tries = 0;
	struct smallvm g;
	int second;
	void *ram;

	next = 0;
	if (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_PRE_FAULT_MEMORY) <= 0)
		return;
	if (!ok(start(&g, &ram, ring_code, ring_code_end - ring_code, false), "a VM with a ring"))
		return;
	first = ring;
	second = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	ring = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, second,
		    KVM_DIRTY_LOG_PAGE_OFFSET * 4096L);
	if (!ok(ring != MAP_FAILED, "and another vCPU's"))
		return;
	memset(ram, 1, PAGES * 4096);
	alarm(60);
	while (p.size && tries++ < 100) {
		if (ioctl(second, KVM_PRE_FAULT_MEMORY, &p) && errno != EAGAIN)
			break;
		collect();
		ioctl(g.vm, KVM_RESET_DIRTY_RINGS, 0);
	}
	alarm(0);
	ok(!p.size, "more than the ring holds is mapped before it is asked for (%u calls)", tries);
	ok(!first->flags, "nothing of it is in another vCPU's ring");
	close(second);
	smallvm_close(&g);
}

/* ---- a thread that goes to sleep --------------------------------------------------- */

static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile bool ended;

static void empty_ring(struct smallvm *g)
{
	pthread_mutex_lock(&ring_lock);
	collect();
	ioctl(g->vm, KVM_RESET_DIRTY_RINGS, 0);
	pthread_mutex_unlock(&ring_lock);
}

static void *run_on(void *arg)
{
	struct smallvm *g = arg;
	int r = 0;

	while (!ended) {
		r = smallvm_run(g);
		if (r == KVM_EXIT_DIRTY_RING_FULL)
			empty_ring(g);
		else if (r != -EINTR)
			break;
	}
	if (!ended)
		printf("# KVM_RUN ended with %d\n", r);
	return NULL;
}

static unsigned int times_ready(struct smallvm *g)
{
	return *(volatile uint32_t *)(g->ram + MAILBOX);
}

/* An NMI wakes the vCPU, at the latest after some: it need not have halted yet. */
static bool wake(struct smallvm *g, unsigned int was)
{
	struct kvm_msi nmi = { .address_lo = 0xfee00000, .data = 4 << 8 };
	int i;

	for (i = 0; i < 1000 && times_ready(g) == was; i++) {
		ioctl(g->vm, KVM_SIGNAL_MSI, &nmi);
		usleep(10000);
	}
	return times_ready(g) != was;
}

/*
 * When its thread goes to sleep the hypervisor writes to the vCPU's steal time: with
 * the ring nearly full, that fills it. @n pages are in it before.
 */
static bool sleep_with(struct smallvm *g, unsigned int n, unsigned int *unseen)
{
	unsigned int was = times_ready(g);

	empty_ring(g);
	memset(seen, 0, sizeof(seen));
	*(volatile uint32_t *)(g->ram + MAILBOX + 4) = n;
	usleep(50000);		/* to write them, and fall asleep */
	if (!wake(g, was))
		return false;
	empty_ring(g);
	*unseen += !seen[STEAL_PAGE];
	return true;
}

/* Only an APIC that was written to has to be found by messages. */
static bool enable_apic(struct smallvm *g)
{
	struct kvm_lapic_state s;

	if (ioctl(g->vcpu, KVM_GET_LAPIC, &s))
		return false;
	*(uint32_t *)(s.regs + 0xf0) = 0x1ff;
	return !ioctl(g->vcpu, KVM_SET_LAPIC, &s);
}

/* A thread that is lost cannot be waited for. */
static void asleep(void)
{
	unsigned int n = 0, round, unseen = 0;
	struct smallvm g;
	pthread_t thread;
	void *ram;

	next = 0;
	strange = 0;
	if (!ok(start(&g, &ram, halt_code, halt_code_end - halt_code, true) && enable_apic(&g) &&
		smallvm_set_msr(&g, STEAL_TIME, (BASE + STEAL_PAGE * 4096) | 1) == 1,
		"a VM with a local APIC, whose vCPU has its steal time in the logged slot"))
		return;
	smallvm_gate(&g, 2, VM_CODE + (halt_nmi - halt_code));
	pthread_create(&thread, NULL, run_on, &g);
	for (n = 0; n < 1000 && !times_ready(&g); n++)
		usleep(10000);
	for (round = 0; round < 3; round++)
		for (n = ENTRIES - 64 - 5; n <= ENTRIES - 64 + 2; n++)
			if (!sleep_with(&g, n, &unseen))
				goto out;
out:
	ok(round == 3, "it sleeps and wakes with a ring as full as may be (round %u, %u pages)", round, n);
	if (round < 3) {
		printf("# it was ready %u times\n", times_ready(&g));
		return;
	}
	ok(!unseen && !strange, "and the page of its steal time is in the ring each time (%u are missing)", unseen);
	ended = true;
	while (pthread_tryjoin_np(thread, NULL)) {
		pthread_kill(thread, SIGALRM);
		usleep(10000);
	}
	smallvm_close(&g);
}

int main(void)
{
	struct smallvm g;
	void *ram;

	smallvm_begin();
	what_it_refuses();
	if (ok(start(&g, &ram, ring_code, ring_code_end - ring_code, false),
	       "a VM with a ring of %lu entries", ENTRIES)) {
		how_it_is_mapped(&g);
		rounds(&g, ram);
		what_user_space_may_do(&g);
	}
	mapped_ahead();
	asleep();
	printf("1..%d\n", points);
	return bad != 0;
}
