// SPDX-License-Identifier: GPL-2.0
/*
 * canary: a page of host memory that nobody else should write. Prints its
 * physical address, which is at or above ABOVE (a C number), waits for a line
 * on standard input, and says whether any byte changed.
 *
 *   canary ABOVE    exit 0: intact, 1: changed, 2: no page that high
 *
 * A guest whose memory ends below ABOVE has no such guest-physical address:
 * a card that it owns must not reach the page.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE		4096UL
#define BYTES		(64UL << 20)	/* pages to choose from */

static uint64_t phys_of(int pagemap, const uint8_t *page)
{
	uint64_t entry;

	if (pread(pagemap, &entry, 8, (uintptr_t)page / PAGE * 8) != 8)
		return 0;
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

int main(int argc, char **argv)
{
	uint64_t above = argc > 1 ? strtoull(argv[1], NULL, 0) : 0, phys = 0;
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	uint8_t *area, *page = NULL, expected[PAGE];
	char line[8];
	size_t i;

	area = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (pagemap < 0 || area == MAP_FAILED) {
		perror("canary");
		return 2;
	}
	memset(area, 1, BYTES);
	for (i = 0; i < BYTES && !page; i += PAGE) {
		phys = phys_of(pagemap, area + i);
		if (phys && phys >= above)
			page = area + i;
	}
	if (!page) {
		fprintf(stderr, "canary: no page of mine is at or above %#" PRIx64 "\n", above);
		return 2;
	}
	for (i = 0; i < PAGE; i++)
		expected[i] = (uint8_t)(i * 37 + 11);
	memcpy(page, expected, PAGE);
	printf("%#" PRIx64 "\n", phys);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		fprintf(stderr, "canary: standard input closed; looking now\n");
	if (memcmp(page, expected, PAGE)) {
		printf("canary changed\n");
		return 1;
	}
	printf("canary intact\n");
	return 0;
}
