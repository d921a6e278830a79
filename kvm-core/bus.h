/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bus: address range -> in-kernel device, for ports and for MMIO.
 *
 * Pure: a sorted array of ranges. Readers look up with preemption off, which is
 * RCU's read side; writers build a new array and publish it. A device answers or
 * says "not mine", and then the access leaves to user space.
 */
#ifndef BACKPLANE_BUS_H
#define BACKPLANE_BUS_H

#include "addr.h"

struct vcpu;
struct bus_dev;

/* Neither sleeps: an access may come with interrupts and preemption off. */
struct bus_dev_ops {
	/* 0: done. -EOPNOTSUPP: not mine, ask the next or user space. */
	int (*read)(struct bus_dev *dev, struct vcpu *vcpu, gpa_t addr,
		    unsigned int len, void *data);
	int (*write)(struct bus_dev *dev, struct vcpu *vcpu, gpa_t addr,
		     unsigned int len, const void *data);
};

/* Embedded in the device that answers. */
struct bus_dev {
	const struct bus_dev_ops *ops;
	bool uncounted;		/* of BUS_MAX_COUNTED, as ioeventfds are */
};

/* How many of the others a bus takes, the ABI's number, and how many of all: more than
 * VMMs have queues, and a number that fits 16 bits (bus_count's callers keep it so).
 */
#define BUS_MAX_COUNTED	1000
#define BUS_MAX		0xffff

struct bus_range {
	gpa_t start;
	u64 size;		/* 0 = any length at exactly start (ioeventfd) */
	struct bus_dev *dev;
};

struct bus {
	u64 stamp;		/* the publisher's: no two buses have the same */
	unsigned int count, counted;
	struct bus_range ranges[];	/* sorted by start, then by age */
};

/* Is there room for @dev beside those in @bus, which may be NULL? */
bool bus_has_room(const struct bus *bus, const struct bus_dev *dev);
/* Bytes needed for a bus of @count ranges. */
size_t bus_bytes(unsigned int count);
/* @dst (room for src->count + 1) = @src plus one range. @src may be NULL. */
void bus_copy_with(struct bus *dst, const struct bus *src, struct bus_range r);
/* @dst = @src without every range of @dev. */
void bus_copy_without(struct bus *dst, const struct bus *src,
		      const struct bus_dev *dev);
/* How many devices may answer [addr, addr+len); *dev is one of them, or NULL. */
unsigned int bus_count(const struct bus *bus, gpa_t addr, unsigned int len,
		       struct bus_dev **dev);
/* Try the devices whose range contains [addr, addr+len); -EOPNOTSUPP if none. */
int bus_read(const struct bus *bus, struct vcpu *vcpu, gpa_t addr,
	     unsigned int len, void *data);
int bus_write(const struct bus *bus, struct vcpu *vcpu, gpa_t addr,
	      unsigned int len, const void *data);

#endif
