// SPDX-License-Identifier: GPL-2.0
/*
 * sleepvm: a guest that computes while the machine goes to sleep and wakes up, on
 * the CPU that is never taken off line. It counts, and looks whether its TSC goes
 * back. /tmp/sleepvm.up appears when it runs; once /tmp/sleepvm.woke is there it
 * must go on. TAP on stdout.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include "smallvm.h"

#define COUNT	0x100000	/* what the guest counts; behind it its last TSC */

static const uint8_t code[] = {
	0x48, 0xc7, 0xc3, 0x00, 0x00, 0x10, 0x00,	/* mov rbx, COUNT */
	0x0f, 0x31,					/* rdtsc */
	0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0,	/* shl rdx, 32; or rax, rdx */
	0x48, 0x3b, 0x43, 0x08, 0x72, 0x09,		/* cmp rax, [rbx + 8]; jb out */
	0x48, 0x89, 0x43, 0x08, 0x48, 0xff, 0x03,	/* mov [rbx + 8], rax; inc [rbx] */
	0xeb, 0xe8,					/* jmp rdtsc */
	0xe6, 0x81,					/* out 81h, al */
};

static void on_alarm(int sig)
{
	(void)sig;
}

static void stay_on_cpu_0(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* Up to two minutes, and half a second after the machine woke: the last exit. */
static int run(struct smallvm *g, const volatile uint64_t *count, uint64_t *at_wake)
{
	int r = -EINTR, turns, left = 10;

	for (turns = 0; turns < 2400 && left && r == -EINTR; turns++) {
		r = smallvm_run(g);
		if (turns == 10)
			close(open("/tmp/sleepvm.up", O_CREAT | O_WRONLY, 0600));
		if (access("/tmp/sleepvm.woke", F_OK))
			continue;
		if (left == 10)
			*at_wake = *count;
		left--;
	}
	return left ? r : -EINTR;
}

int main(void)
{
	struct itimerval often = { .it_interval.tv_usec = 50000, .it_value.tv_usec = 50000 };
	struct sigaction sa = { .sa_handler = on_alarm };
	uint64_t at_wake = 0;
	struct smallvm g = { .vm = -1 };
	int r;

	kvm = open("/dev/kvm", O_RDWR);
	stay_on_cpu_0();
	if (!ok(kvm >= 0 && smallvm_open(&g, code, sizeof(code), true), "a VM"))
		return 1;
	smallvm_long(&g, VM_CODE);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	r = run(&g, (uint64_t *)(g.ram + COUNT), &at_wake);
	ok(r == -EINTR, "its TSC never went back, and it never stopped (%d)", r);
	ok(at_wake && *(uint64_t *)(g.ram + COUNT) > at_wake,
	   "it went on counting after the machine woke (%llu, %llu)",
	   (unsigned long long)at_wake, *(unsigned long long *)(g.ram + COUNT));
	smallvm_close(&g);
	printf("1..%d\n", points);
	return bad != 0;
}
