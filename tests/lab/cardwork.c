// SPDX-License-Identifier: GPL-2.0
/*
 * cardwork: what the card matrix (tests/lab/cards) does with cards that a shell
 * cannot drive by itself. Runs in the guest, but for the last command.
 *
 *   cardwork testdev BDF          pci-testdev: count writes through its memory
 *                                 BAR and through its I/O BAR (QEMU's
 *                                 docs/specs/pci-testdev)
 *   cardwork ports BDF BAR COUNT  read the first port of an I/O BAR COUNT times
 *   cardwork play DSP FILE RATE   play FILE (16 bit, stereo, RATE Hz) on an OSS
 *                                 device and wait until it was heard
 *   cardwork same BDF BAR OFFSET FILE
 *                                 is FILE in the memory BAR at OFFSET?
 *   cardwork fill BDF BAR OFFSET FILE
 *                                 put it there, and look
 *   cardwork nvme-vf CTRL STEP    NVMe virtualization management (NVMe 1.4
 *                                 8.5.3) on the physical function's character
 *                                 device: "free" its flexible resources,
 *                                 "give" them to secondary controller 1 and
 *                                 bring that online
 *
 * Exit 0: done, and the bytes are right; 1: not; 2: usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/nvme_ioctl.h>
#include <linux/soundcard.h>

#define TESTDEV_WRITES	100
#define TESTDEV_BYTES	64

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_resource(const char *bdf, unsigned int bar)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%u", bdf, bar);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		fail(path);
	return fd;
}

static volatile uint8_t *map_bar(const char *bdf, unsigned int bar, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			open_resource(bdf, bar), 0);

	if (at == MAP_FAILED)
		fail("mmap of a BAR");
	return at;
}

static void enable(const char *bdf)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", bdf);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		fail(path);
	close(fd);
}

/* ---- pci-testdev ---------------------------------------------------------- */

/* Byte accesses to one of its BARs: memory if @mem, else ports through sysfs. */
struct testdev {
	volatile uint8_t *mem;
	int ports;
};

static uint8_t get(const struct testdev *t, unsigned int off)
{
	uint8_t b;

	if (t->mem)
		return t->mem[off];
	if (pread(t->ports, &b, 1, off) != 1)
		fail("port read");
	return b;
}

static void put(const struct testdev *t, unsigned int off, uint8_t b)
{
	if (t->mem)
		t->mem[off] = b;
	else if (pwrite(t->ports, &b, 1, off) != 1)
		fail("port write");
}

static uint32_t get32(const struct testdev *t, unsigned int off)
{
	return get(t, off) | get(t, off + 1) << 8 | get(t, off + 2) << 16 |
	       (uint32_t)get(t, off + 3) << 24;
}

/* Test 0 counts writes of one value at one offset; its header tells them. */
static int testdev_bar(const struct testdev *t, const char *wanted)
{
	char name[32] = "";
	uint32_t offset, count;
	unsigned int i;

	put(t, 0, 0);
	for (i = 0; i < sizeof(name) - 1; i++)
		if (!(name[i] = (char)get(t, 16 + i)))
			break;
	offset = get32(t, 4);
	count = get32(t, 12);
	printf("%s: test 0 is '%s', at %x\n", wanted, name, offset);
	if (strncmp(name, wanted, strlen(wanted)) || offset >= 4096)
		return 1;
	for (i = 0; i < TESTDEV_WRITES; i++)
		put(t, offset, get(t, 8));
	count = get32(t, 12) - count;
	printf("%s: %u of %u writes counted\n", wanted, count, TESTDEV_WRITES);
	return count != TESTDEV_WRITES;
}

static int testdev(const char *bdf)
{
	struct testdev mem = { .ports = -1 }, ports = { 0 };

	enable(bdf);
	mem.mem = map_bar(bdf, 0, 4096);
	ports.ports = open_resource(bdf, 1);
	return testdev_bar(&mem, "mmio") | testdev_bar(&ports, "portio");
}

/* By the instruction itself: sysfs would add a system call to each. */
static int ports(const char *bdf, unsigned int bar, unsigned long count)
{
	unsigned long long first = 0;
	unsigned int seen = 0;
	char path[96];
	FILE *f;

	enable(bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	f = fopen(path, "r");
	if (!f)
		fail(path);
	do {
		if (fscanf(f, "%llx %*x %*x", &first) != 1)
			fail(path);
	} while (bar--);
	fclose(f);
	if (!first || first > 0xffff || iopl(3))
		fail("reaching the ports");
	while (count--)
		seen |= inb((unsigned short)first);
	printf("ports at %llx, bits seen %02x\n", first, seen);
	return 0;
}

/* ---- sound ---------------------------------------------------------------- */

static int play(const char *dsp, const char *file, int wanted)
{
	int fmt = AFMT_S16_LE, channels = 2, rate = wanted, out, in;
	char buf[4096];
	ssize_t n;

	out = open(dsp, O_WRONLY);
	if (out < 0)
		fail(dsp);
	if (ioctl(out, SNDCTL_DSP_SETFMT, &fmt) || fmt != AFMT_S16_LE ||
	    ioctl(out, SNDCTL_DSP_CHANNELS, &channels) || channels != 2 ||
	    ioctl(out, SNDCTL_DSP_SPEED, &rate) || rate != wanted)
		fail("setting the sound's format");
	in = open(file, O_RDONLY);
	if (in < 0)
		fail(file);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			fail("playing");
	if (ioctl(out, SNDCTL_DSP_SYNC, NULL))
		fail("waiting for the sound's end");
	return 0;
}

/* ---- the bytes of a BAR ---------------------------------------------------- */

static int same(const char *bdf, unsigned int bar, unsigned long off,
		const char *file, int fill)
{
	volatile uint8_t *mem;
	struct stat st;
	uint8_t *want;
	off_t i;
	int fd = open(file, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		fail(file);
	want = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (want == MAP_FAILED)
		fail(file);
	mem = map_bar(bdf, bar, off + (size_t)st.st_size);
	for (i = 0; fill && i < st.st_size; i++)
		mem[off + (size_t)i] = want[i];
	for (i = 0; i < st.st_size; i++)
		if (mem[off + (size_t)i] != want[i]) {
			printf("byte %lx of the BAR is %02x, not %02x\n",
			       off + (unsigned long)i, mem[off + (size_t)i], want[i]);
			return 1;
		}
	return st.st_size == 0;
}

/* ---- NVMe virtual functions ------------------------------------------------ */

enum { ACT_FREE = 1, ACT_ONLINE = 9, ACT_GIVE = 8 };
enum { RES_QUEUE, RES_INTERRUPT };

static void manage(int fd, unsigned int ctrl, unsigned int res, unsigned int act, unsigned int n)
{
	struct nvme_admin_cmd cmd = {
		.opcode = 0x1c,
		.cdw10 = ctrl << 16 | res << 8 | act,
		.cdw11 = n,
	};
	int status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);

	if (status) {
		fprintf(stderr, "virtualization management %x,%u: status %x\n",
			cmd.cdw10, n, status);
		exit(1);
	}
}

static int nvme_vf(const char *ctrl, const char *step)
{
	int fd = open(ctrl, O_RDWR);

	if (fd < 0)
		fail(ctrl);
	if (!strcmp(step, "free")) {
		manage(fd, 0, RES_INTERRUPT, ACT_FREE, 0);
		manage(fd, 0, RES_QUEUE, ACT_FREE, 0);
		return 0;
	}
	manage(fd, 1, RES_INTERRUPT, ACT_GIVE, 1);
	manage(fd, 1, RES_QUEUE, ACT_GIVE, 2);
	manage(fd, 1, RES_QUEUE, ACT_ONLINE, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "testdev"))
		return testdev(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "ports"))
		return ports(argv[2], (unsigned int)strtoul(argv[3], NULL, 0),
			     strtoul(argv[4], NULL, 0));
	if (argc == 5 && !strcmp(argv[1], "play"))
		return play(argv[2], argv[3], atoi(argv[4]));
	if (argc == 6 && (!strcmp(argv[1], "same") || !strcmp(argv[1], "fill")))
		return same(argv[2], (unsigned int)strtoul(argv[3], NULL, 0),
			    strtoul(argv[4], NULL, 0), argv[5], *argv[1] == 'f');
	if (argc == 4 && !strcmp(argv[1], "nvme-vf"))
		return nvme_vf(argv[2], argv[3]);
	fprintf(stderr, "usage: see the head of tests/lab/cardwork.c\n");
	return 2;
}
