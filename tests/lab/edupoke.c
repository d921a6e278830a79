// SPDX-License-Identifier: GPL-2.0
/*
 * edupoke: drives QEMU's edu card from user space, so that a guest (or the
 * host) can make a card read or write any DMA address. edu's registers are in
 * QEMU's docs/specs/edu: it moves bytes between memory and its own buffer at
 * 40000h. Our own bytes reach that buffer from a page whose physical address
 * /proc/self/pagemap tells.
 *
 *   edupoke BDF write ADDR VALUE   DMA the 4 bytes VALUE to ADDR
 *   edupoke BDF read ADDR          DMA 4 bytes from ADDR and print them
 *   edupoke BDF look COUNT         read the card's identity register COUNT times
 *   edupoke BDF self               write to and read from our own page; fails
 *                                  unless the bytes make the round trip
 *   edupoke BDF stray COUNT        aim its MSI at no interrupt, and send COUNT
 *
 * ADDR and VALUE are C numbers; BDF is 0000:00:05.0. A refused DMA is
 * invisible to the card: a refused write changes nothing, a refused read
 * returns zeros (edu's buffer is filled with ones before, so that bytes left
 * alone show). Exit 0: the card did its work,
 * 1: self found a difference, 2: usage or no such card, 3: the card hung.
 * Known limit: edu's buffer takes at most 4095 bytes; we use 4,
 * which is one bus transaction, and so one fault when it is refused.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EDU_ID		0x00
#define EDU_RAISE	0x60
#define EDU_ACK		0x64
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_START	1
#define EDU_DMA_TO_RAM	2
#define EDU_BUFFER	0x40000
#define WIDTH		4
#define EDU_PAUSE_US	1000
#define EDU_POLLS	5000

static volatile uint8_t *bar;

static void fail(int status, const char *what)
{
	perror(what);
	exit(status);
}

static void reg_write(unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(bar + reg) = value;
}

static void dma(uint64_t src, uint64_t dst, uint64_t count, uint64_t flags)
{
	int i;

	reg_write(EDU_DMA_SRC, src);
	reg_write(EDU_DMA_DST, dst);
	reg_write(EDU_DMA_COUNT, count);
	reg_write(EDU_DMA_CMD, EDU_DMA_START | flags);
	for (i = 0; i < EDU_POLLS; i++) {
		if (!(*(volatile uint64_t *)(bar + EDU_DMA_CMD) & EDU_DMA_START))
			return;
		usleep(EDU_PAUSE_US);
	}
	fprintf(stderr, "edupoke: the card did not finish its DMA in 5 s\n");
	exit(3);
}

static void open_card(const char *bdf)
{
	char path[128];
	uint8_t command[2];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", bdf);
	fd = open(path, O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			perror(path);
		close(fd);
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0 || pread(fd, command, 2, 4) != 2)
		fail(2, path);
	command[0] |= 0x06;		/* memory space, bus master */
	if (pwrite(fd, command, 2, 4) != 2)
		fail(2, path);
	close(fd);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		fail(2, path);
	bar = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		fail(2, path);
	if ((*(volatile uint32_t *)(bar + EDU_ID) & 0xff) != 0xed) {
		fprintf(stderr, "edupoke: %s is no edu card\n", bdf);
		exit(2);
	}
}

static int open_config(const char *bdf)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0)
		fail(2, path);
	return fd;
}

/* Its MSI capability's message: an address outside the interrupt window. */
static void aim_astray(const char *bdf, uint16_t enable)
{
	uint32_t addr[2] = { 0x1000, 0 };
	int fd = open_config(bdf);
	uint8_t at = 0x34, id = 0;
	int i;

	for (i = 0; i < 48 && id != 5; i++) {
		if (pread(fd, &at, 1, i ? at + 1 : at) != 1 ||
		    pread(fd, &id, 1, at) != 1)
			fail(2, "capabilities");
	}
	if (id != 5 || pwrite(fd, addr, 8, at + 4) != 8 ||
	    pwrite(fd, &enable, 2, at + 2) != 2)
		fail(2, "MSI");
	close(fd);
}

static void stray(const char *bdf, uint64_t count)
{
	aim_astray(bdf, 1);
	for (; count; count--) {
		*(volatile uint32_t *)(bar + EDU_RAISE) = 1;
		usleep(EDU_PAUSE_US);
		*(volatile uint32_t *)(bar + EDU_ACK) = 1;
	}
	aim_astray(bdf, 0);
}

static volatile uint32_t *own_page(uint64_t *phys)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	uint64_t entry;
	int fd;

	if (page == MAP_FAILED)
		fail(2, "mmap");
	memset(page, 0, 4096);
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)page / 4096 * 8) != 8)
		fail(2, "/proc/self/pagemap");
	close(fd);
	*phys = (entry & ((1ULL << 55) - 1)) << 12;
	if (!*phys) {
		fprintf(stderr, "edupoke: pagemap hides the address: run as root\n");
		exit(2);
	}
	return page;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (*end || end == text) {
		fprintf(stderr, "edupoke: '%s' is no number\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	volatile uint32_t *page;
	uint64_t phys, addr;

	if (!((argc == 5 && !strcmp(what, "write")) ||
	      (argc == 4 && !strcmp(what, "read")) ||
	      (argc == 4 && !strcmp(what, "look")) ||
	      (argc == 4 && !strcmp(what, "stray")) ||
	      (argc == 3 && !strcmp(what, "self")))) {
		fprintf(stderr, "usage: edupoke BDF write ADDR VALUE | read ADDR | look COUNT | stray COUNT | self\n");
		return 2;
	}
	open_card(argv[1]);
	if (!strcmp(what, "look")) {
		for (addr = number(argv[3]); addr; addr--)
			if ((*(volatile uint32_t *)(bar + EDU_ID) & 0xff) != 0xed)
				return 1;
		return 0;
	}
	if (!strcmp(what, "stray")) {
		stray(argv[1], number(argv[3]));
		return 0;
	}
	page = own_page(&phys);
	if (!strcmp(what, "self")) {
		page[0] = 0x12345678;
		dma(phys, EDU_BUFFER, WIDTH, 0);
		dma(EDU_BUFFER, phys + 64, WIDTH, EDU_DMA_TO_RAM);
		printf("self: wrote %08" PRIx32 " at %#" PRIx64 ", got %08" PRIx32 "\n",
		       page[0], phys, page[16]);
		return page[16] == page[0] ? 0 : 1;
	}
	addr = number(argv[3]);
	if (!strcmp(what, "write")) {
		page[0] = number(argv[4]);
		dma(phys, EDU_BUFFER, WIDTH, 0);
		dma(EDU_BUFFER, addr, WIDTH, EDU_DMA_TO_RAM);
		printf("wrote %08" PRIx32 " to %#" PRIx64 "\n", page[0], addr);
	} else {
		page[0] = 0xffffffff;
		dma(phys, EDU_BUFFER, WIDTH, 0);
		dma(addr, EDU_BUFFER, WIDTH, 0);
		dma(EDU_BUFFER, phys, WIDTH, EDU_DMA_TO_RAM);
		printf("read %08" PRIx32 " from %#" PRIx64 "\n", page[0], addr);
	}
	return 0;
}
