// SPDX-License-Identifier: GPL-2.0
/*
 * bounce: vCPUs that are called back from the guest, as gVisor does it. Each runs in a
 * thread with all signals blocked but by KVM_SET_SIGNAL_MASK; whoever wants it sends
 * a signal, the thread injects an interrupt as soon as the guest takes one (without a
 * chip: KVM_INTERRUPT, or the window first), and the guest's handler halts. Meanwhile
 * the guests change and flush tables that they share, and the host takes their pages
 * away. A call that is never answered is a lost wake-up, a lost interrupt or a guest
 * that does not get on. TAP on stdout.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include "smallvm.h"

#define VCPUS	3
#define CALLS	600
#define VECTOR	0x20
#define COUNTS	0x3000		/* by vCPU: turns of its loop */
#define PT	0x13000
#define DATA	0x400000	/* 64 pages, each vCPU writes all */

extern const uint8_t code[], irq[], code_end[];

asm(".pushsection .rodata\n"
"code: sti\n"
"1: incq 0x3000(,%r15,8)\n"
" mov 0x3000(,%r15,8), %rax\n"
" mov %rax, %r8\n and $63, %r8\n"
" mov %r8, %rcx\n shl $12, %rcx\n"
" mov %rax, 0x400000(%rcx)\n"
" test $15, %al\n jnz 2f\n"
" mov %cr3, %rdx\n mov %rdx, %cr3\n"
"2: test $7, %al\n jnz 1b\n"
" cli\n mov $100, %ecx\n"
"3: loop 3b\n"
" lock btcq $9, 0x13000(,%r8,8)\n"	/* a bit for software */
" shl $12, %r8\n invlpg 0x400000(%r8)\n"
" sti\n jmp 1b\n"
"irq: hlt\n iretq\n"
"code_end:\n"
".popsection\n");

struct runner {
	struct smallvm g;
	pthread_t thread;
	atomic_uint answers;	/* halts */
	atomic_bool end;
	int wrong;		/* an exit that should not be, or -errno */
};

static struct runner runners[VCPUS];
static sigset_t called;

static void interrupt(struct runner *r)
{
	struct kvm_interrupt i = { .irq = VECTOR };

	if (ioctl(r->g.vcpu, KVM_INTERRUPT, &i))
		r->wrong = -errno;
	r->g.run->request_interrupt_window = 0;
}

static void take_call(struct runner *r)
{
	struct timespec now = { 0 };

	if (sigtimedwait(&called, NULL, &now) < 0)
		return;
	if (r->g.run->ready_for_interrupt_injection)
		interrupt(r);
	else
		r->g.run->request_interrupt_window = 1;
}

static void *run(void *arg)
{
	struct runner *r = arg;
	int what;

	while (!r->end && !r->wrong) {
		what = smallvm_run(&r->g);
		if (what == -EINTR)
			take_call(r);
		else if (what == KVM_EXIT_IRQ_WINDOW_OPEN)
			interrupt(r);
		else if (what == KVM_EXIT_HLT)
			r->answers++;
		else
			r->wrong = what;
	}
	return NULL;
}

static bool start(struct runner *r, unsigned int i)
{
	struct { struct kvm_signal_mask head; uint8_t set[8]; } mask = { .head.len = 8 };
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_regs regs;

	r->g = runners[0].g;
	if (i) {
		r->g.vcpu = ioctl(r->g.vm, KVM_CREATE_VCPU, i);
		r->g.run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
				r->g.vcpu, 0);
	}
	if (r->g.vcpu < 0 || r->g.run == MAP_FAILED)
		return false;
	smallvm_long(&r->g, VM_CODE);
	ioctl(r->g.vcpu, KVM_GET_REGS, &regs);
	regs.r15 = i;
	regs.rsp -= i * 0x400;
	memset(mask.set, 0xff, 8);
	mask.set[(SIGUSR1 - 1) / 8] &= ~(1 << (SIGUSR1 - 1) % 8);
	return !ioctl(r->g.vcpu, KVM_SET_REGS, &regs) &&
	       !ioctl(r->g.vcpu, KVM_SET_SIGNAL_MASK, &mask);
}

static void share_tables(struct smallvm *g)
{
	uint64_t *pd = (void *)(g->ram + VM_TABLES + 0x2000), *pt = (void *)(g->ram + PT);
	unsigned int i;

	for (i = 0; i < 512; i++)
		pt[i] = (DATA + i * 0x1000) | 3;
	pd[DATA >> 21] = PT | 3;
}

/* In turn, and the host takes a page of the guest's each time. */
static unsigned int call_all(void)
{
	struct smallvm *g = &runners[0].g;
	unsigned int n, before, wait;
	struct runner *r;

	for (n = 0; n < CALLS; n++) {
		r = &runners[n % VCPUS];
		before = r->answers;
		pthread_kill(r->thread, SIGUSR1);
		madvise(g->ram + DATA + n % 64 * 4096, 4096, MADV_DONTNEED);
		for (wait = 0; r->answers == before && wait < 20000 && !r->wrong; wait++)
			usleep(wait < 100 ? 100 : 1000);
		if (r->answers == before)
			break;
	}
	return n;
}

static void end(struct runner *r)
{
	r->end = true;
	pthread_kill(r->thread, SIGUSR1);
	pthread_join(r->thread, NULL);
}

int main(void)
{
	uint64_t *counts;
	unsigned int i, n, good = 0;

	sigemptyset(&called);
	sigaddset(&called, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &called, NULL);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (!ok(kvm >= 0, "/dev/kvm opens") ||
	    !ok(smallvm_open(&runners[0].g, code, code_end - code, false), "a VM"))
		goto out;
	for (i = 0; i < VCPUS; i++)
		good += start(&runners[i], i);
	ok(good == VCPUS, "%u vCPUs", good);
	share_tables(&runners[0].g);
	smallvm_gate(&runners[0].g, VECTOR, VM_CODE + (irq - code));
	for (i = 0; i < VCPUS; i++)
		pthread_create(&runners[i].thread, NULL, run, &runners[i]);
	n = call_all();
	ok(n == CALLS, "%u of %u calls were answered", n, CALLS);
	for (i = 0; i < VCPUS; i++)
		end(&runners[i]);
	counts = (void *)(runners[0].g.ram + COUNTS);
	for (i = good = 0; i < VCPUS; i++) {
		good += counts[i] && !runners[i].wrong;
		printf("# vCPU %u: %lu turns, %u answers, %d\n", i,
		       (unsigned long)counts[i], runners[i].answers, runners[i].wrong);
	}
	ok(good == VCPUS, "%u vCPUs did their work and nothing else", good);
out:
	printf("1..%d\n", points);
	return bad ? 1 : 0;
}
