// SPDX-License-Identifier: GPL-2.0
/*
 * memload: memory under load, with a checksum. Runs in a guest that is saved,
 * restored and migrated meanwhile. Each process owns so many MiB, whose every
 * word is known from its place and the round; a round reads all of it, counts
 * words that are not as they were left, and writes the next round's. The
 * parent says "round N bad M back K": rounds all processes have done, wrong
 * words, and how often the clock went back. It ends only when it is killed.
 *
 * The parent is a real-time process. QEMU lets a guest's clock go on while its state is
 * on its way, so the scheduler takes all of that time for the running process's: another
 * would then wait for its turn for as long, and the rounds meanwhile would not be said.
 *
 *   memload PROCESSES MIB
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct shared {
	volatile uint64_t rounds, bad, back;
	uint64_t pad[5];		/* a cache line each */
};

static uint64_t word(uint64_t index, uint64_t round)
{
	return (index ^ round << 40) * 0x9e3779b97f4a7c15ULL;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void work(struct shared *s, uint64_t words)
{
	uint64_t *mem = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t i, bad, t, last = 0;

	if (mem == MAP_FAILED)
		_exit(1);
	for (i = 0; i < words; i++)
		mem[i] = word(i, 0);
	for (;;) {
		bad = 0;
		for (i = 0; i < words; i++) {
			bad += mem[i] != word(i, s->rounds);
			mem[i] = word(i, s->rounds + 1);
		}
		t = now_ns();
		s->back += t < last;
		last = t;
		s->bad += bad;
		s->rounds++;
	}
}

int main(int argc, char **argv)
{
	int i, n = argc > 1 ? atoi(argv[1]) : 1;
	uint64_t words = (argc > 2 ? atoi(argv[2]) : 16) * (1UL << 17);
	uint64_t said = 0, round, bad, back;
	struct shared *s;

	if (n < 1 || n > 16 || !words)
		return 2;
	s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n; i++)
		if (!fork())
			work(&s[i], words);
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 })) {
		perror("memload: SCHED_FIFO");
		return 1;
	}
	for (;;) {
		round = ~0ULL;
		bad = back = 0;
		for (i = 0; i < n; i++) {
			round = s[i].rounds < round ? s[i].rounds : round;
			bad += s[i].bad;
			back += s[i].back;
		}
		if (round > said) {
			printf("round %llu bad %llu back %llu\n",
			       (unsigned long long)round, (unsigned long long)bad,
			       (unsigned long long)back);
			fflush(stdout);
			said = round;
		}
		usleep(20000);
	}
}
