// SPDX-License-Identifier: GPL-2.0
/*
 * pkeys [SECONDS]: a process that uses protection keys and addresses above 47
 * bits, in a guest and on its host at once. What PKRU forbids must fault, and each
 * thread must find its own PKRU again, whoever ran on its CPU meanwhile.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "tap.h"

#ifndef SEGV_PKUERR
#define SEGV_PKUERR	4
#endif
#define THREADS		4

static sigjmp_buf back;
static volatile int fault_code;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_code = info->si_code;
	siglongjmp(back, 1);
}

/* The si_code of the fault that an access gives, 0: none. */
static int touch(volatile char *at, bool write)
{
	fault_code = 0;
	if (!sigsetjmp(back, 1)) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	return fault_code;
}

static void keys(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int key = pkey_alloc(0, 0);

	if (!ok(key > 0, "a protection key (%d)", key))
		return;
	*page = 1;
	ok(!pkey_mprotect(page, 4096, PROT_READ | PROT_WRITE, key), "a page has it");
	ok(!touch(page, false) && !touch(page, true), "the page can be used");
	pkey_set(key, PKEY_DISABLE_WRITE);
	ok(!touch(page, false) && touch(page, true) == SEGV_PKUERR, "only read");
	pkey_set(key, PKEY_DISABLE_ACCESS);
	ok(touch(page, false) == SEGV_PKUERR && touch(page, true) == SEGV_PKUERR, "not at all");
	pkey_set(key, 0);
	ok(!touch(page, true), "used again");
}

static time_t end;

/* Its own PKRU: key 0 free, the others by the thread's number. */
static void *keep(void *number)
{
	uint32_t mine = (uint32_t)((uintptr_t)number * 0x11111114u & ~3u), now, c = 0, d = 0;
	unsigned long wrong = 0;

	asm volatile("wrpkru" : : "a"(mine), "c"(0), "d"(0));
	while (time(NULL) < end) {
		sched_yield();
		asm volatile("rdpkru" : "=a"(now), "=d"(d) : "c"(c));
		wrong += now != mine;
	}
	return (void *)wrong;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	pthread_t t[THREADS];
	unsigned long wrong = 0;
	uintptr_t i;
	void *r;
	char *high;

	sigaction(SIGSEGV, &act, NULL);
	high = mmap((void *)(1UL << 52), 1 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("# an address that was asked for above 47 bits: %p\n", (void *)high);
	if (getenv("LA57"))
		ok((uintptr_t)high >> 47 && !touch(high + 4096, true) && high[4096] == 1,
		   "memory above 47 bits");
	keys();
	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, keep, (void *)(i + 1));
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		wrong += (unsigned long)r;
	}
	ok(!wrong, "each thread keeps its own PKRU (%lu times not)", wrong);
	printf("1..%d\n", points);
	return bad != 0;
}
