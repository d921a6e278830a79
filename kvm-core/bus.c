// SPDX-License-Identifier: GPL-2.0
/*
 * bus: finding the in-kernel device behind a port or an MMIO address. Pure.
 * vm_linux.c publishes new arrays; mmio_linux.c and the port exits look up.
 * Knows no device but by its two operations.
 */
#include "kvm-core/bus.h"

bool bus_has_room(const struct bus *bus, const struct bus_dev *dev)
{
	return !bus || (bus->count < BUS_MAX &&
			(dev->uncounted || bus->counted < BUS_MAX_COUNTED));
}

size_t bus_bytes(unsigned int count)
{
	return sizeof(struct bus) + count * sizeof(struct bus_range);
}

/* A new range goes behind those with the same start: the older answers first. */
void bus_copy_with(struct bus *dst, const struct bus *src, struct bus_range r)
{
	unsigned int i = 0, n = src ? src->count : 0;

	for (; i < n && src->ranges[i].start <= r.start; i++)
		dst->ranges[i] = src->ranges[i];
	dst->ranges[i] = r;
	for (; i < n; i++)
		dst->ranges[i + 1] = src->ranges[i];
	dst->count = n + 1;
	dst->counted = (src ? src->counted : 0) + !r.dev->uncounted;
}

void bus_copy_without(struct bus *dst, const struct bus *src,
		      const struct bus_dev *dev)
{
	unsigned int i, n = 0, counted = 0;

	for (i = 0; i < src->count; i++) {
		if (src->ranges[i].dev == dev)
			continue;
		counted += !src->ranges[i].dev->uncounted;
		dst->ranges[n++] = src->ranges[i];
	}
	dst->count = n;
	dst->counted = counted;
}

static bool contains(const struct bus_range *r, gpa_t addr, unsigned int len)
{
	if (!r->size)
		return addr == r->start;
	return addr >= r->start && addr - r->start < r->size &&
	       len <= r->size - (addr - r->start);
}

/* First range that starts after @addr: all that contain it lie before. */
static unsigned int upper_bound(const struct bus *bus, gpa_t addr)
{
	unsigned int lo = 0, hi = bus->count, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (bus->ranges[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Index of the first of the ranges that start where range @i does. */
static unsigned int same_start(const struct bus *bus, unsigned int i)
{
	while (i && bus->ranges[i - 1].start == bus->ranges[i].start)
		i--;
	return i;
}

/*
 * The closest start below wins, and among equals the oldest; a device that
 * says "not mine" passes the access on to the next.
 */
static int bus_access(const struct bus *bus, struct vcpu *vcpu, gpa_t addr,
		      unsigned int len, void *in, const void *out)
{
	unsigned int end = upper_bound(bus, addr), first, i;
	const struct bus_dev_ops *ops;
	int r;

	for (; end; end = first) {
		first = same_start(bus, end - 1);
		for (i = first; i < end; i++) {
			if (!contains(&bus->ranges[i], addr, len))
				continue;
			ops = bus->ranges[i].dev->ops;
			r = in ? ops->read(bus->ranges[i].dev, vcpu, addr, len, in) :
				 ops->write(bus->ranges[i].dev, vcpu, addr, len, out);
			if (r != -EOPNOTSUPP)
				return r;
		}
	}
	return -EOPNOTSUPP;
}

unsigned int bus_count(const struct bus *bus, gpa_t addr, unsigned int len,
		       struct bus_dev **dev)
{
	unsigned int i = upper_bound(bus, addr), n = 0;

	*dev = NULL;
	while (i--) {
		if (!contains(&bus->ranges[i], addr, len))
			continue;
		*dev = bus->ranges[i].dev;
		n++;
	}
	return n;
}

int bus_read(const struct bus *bus, struct vcpu *vcpu, gpa_t addr,
	     unsigned int len, void *data)
{
	return bus_access(bus, vcpu, addr, len, data, NULL);
}

int bus_write(const struct bus *bus, struct vcpu *vcpu, gpa_t addr,
	      unsigned int len, const void *data)
{
	return bus_access(bus, vcpu, addr, len, NULL, data);
}
