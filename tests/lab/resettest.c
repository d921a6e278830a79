// SPDX-License-Identifier: GPL-2.0
/*
 * resettest: what a reset of an assigned card does, seen in one of its own
 * registers, which is written before it and must be as it was after it. The
 * method is the one that the kernel was told to use (sysfs, reset_method), and
 * the card's node must name it. Prints TAP.
 *
 *   resettest BDF REGISTER METHOD   16 bits of BAR 0; "none": nothing resets it
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>
#include "pci-assign/assign_uapi.h"
#include "tap.h"

#define REGION(index)	((uint64_t)(index) << 40)
#define MARK		0x5a5a

static int node;

static uint16_t reg(off_t at)
{
	uint16_t v = 0;

	ok(pread(node, &v, sizeof(v), at) == sizeof(v), "its register reads");
	return v;
}

int main(int argc, char **argv)
{
	struct backplane_status s = { 0 };
	uint16_t before, mark = MARK, after;
	char path[64];
	off_t at;
	bool none;

	if (argc != 4)
		return 2;
	none = !strcmp(argv[3], "none");
	at = (off_t)(REGION(VFIO_PCI_BAR0_REGION_INDEX) + strtoul(argv[2], NULL, 0));
	snprintf(path, sizeof(path), "/dev/backplane/%s", argv[1]);
	node = open(path, O_RDWR);
	if (!ok(node >= 0, "%s opens", path))
		return 1;
	before = reg(at);
	ok(before != MARK, "it has a value of its own (%#x)", before);
	ok(pwrite(node, &mark, sizeof(mark), at) == sizeof(mark), "it is written");
	ok(reg(at) == MARK, "it keeps that");
	ok(!ioctl(node, VFIO_DEVICE_RESET), "the card is reset");
	after = reg(at);
	ok(after == (none ? MARK : before), "then it reads %#x", after);
	ok(pread(node, &s, sizeof(s), (off_t)REGION(BACKPLANE_REGION_STATUS)) ==
	   sizeof(s) && !strcmp(s.reset_method, none ? "" : argv[3]),
	   "the node says how: %s", s.reset_method[0] ? s.reset_method : "not at all");
	ok(s.state == BACKPLANE_STATE_BLOCKED, "and the card is usable");
	return bad > 0;
}
