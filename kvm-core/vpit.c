// SPDX-License-Identifier: GPL-2.0
/*
 * The interval timer: Intel 8254 data sheet; port 61h as in the PC/AT manual.
 * irq_linux.c gives it ports and the clock and turns its ticks into gsi 0. The
 * channels are kept in KVM's state structure: count 65536 stands for 0 written,
 * rw_mode 1 low byte, 2 high byte, 3 low then high; read_state and write_state
 * 1 and 2 for single bytes, 3 and 4 for the halves of a word.
 */
#include "kvm-core/vpit.h"

#define NS		1000000000ULL
#define CHANNELS	3
#define STATUS_NULL	BIT(6)	/* no count has been written since the mode */

#define CTRL_CHANNEL(v)	((v) >> 6)
#define CTRL_RW(v)	((v) >> 4 & 3)
#define CTRL_MODE(v)	((v) >> 1 & 7)
#define READ_BACK	3
#define READ_BACK_NO_COUNT	BIT(5)
#define READ_BACK_NO_STATUS	BIT(4)

enum { BYTE_LOW = 1, BYTE_HIGH, WORD_LOW, WORD_HIGH };

#define P61_GATE	BIT(0)
#define P61_SPEAKER	BIT(1)
#define P61_REFRESH	BIT(4)
#define P61_OUT		BIT(5)
#define REFRESH_NS	15085

static u64 ns_to_counts(u64 ns)
{
	return ns / NS * VPIT_HZ + ns % NS * VPIT_HZ / NS;
}

/* Rounded up, so that the count has passed by then. */
static u64 counts_to_ns(u64 counts)
{
	return counts / VPIT_HZ * NS +
	       (counts % VPIT_HZ * NS + VPIT_HZ - 1) / VPIT_HZ;
}

static bool periodic(const struct kvm_pit_channel_state *c)
{
	return c->mode == 2 || c->mode == 3;
}

static u64 elapsed(const struct kvm_pit_channel_state *c, u64 now)
{
	s64 ns = now - (u64)c->count_load_time;

	return ns > 0 ? ns_to_counts(ns) : 0;
}

/* Modes 1 and 5 count only once their gate has risen; channel 0's never does. */
static bool idle(const struct vpit *p, unsigned int n)
{
	const struct kvm_pit_channel_state *c = &p->s.channels[n];

	return !c->count || (n == 0 && (c->mode == 1 || c->mode == 5));
}

static u32 current_count(const struct kvm_pit_channel_state *c, u64 now)
{
	u64 d;

	if (!c->count)
		return 0;
	d = elapsed(c, now);
	if (c->mode == 3)	/* counts by two, twice per period */
		return c->count - (d * 2) % c->count;
	if (c->mode == 2)
		return c->count - d % c->count;
	return (c->count - d) & 0xffff;
}

bool vpit_out(const struct vpit *p, unsigned int channel, u64 now)
{
	const struct kvm_pit_channel_state *c = &p->s.channels[channel];
	u64 d = elapsed(c, now);

	if (!c->count)
		return false;
	switch (c->mode) {
	case 0:
	case 1:
		return d >= c->count;
	case 2:
		return d % c->count != c->count - 1;
	case 3:
		return d % c->count < (c->count + 1) / 2;
	default:
		return d != c->count;
	}
}

/* ---- loading and latching --------------------------------------------------------- */

static void load(struct kvm_pit_channel_state *c, u32 count, u64 now)
{
	c->count = count ? count : 65536;
	c->count_load_time = now;
}

static void latch_count(struct kvm_pit_channel_state *c, u64 now)
{
	if (c->count_latched)
		return;
	c->latched_count = current_count(c, now);
	c->count_latched = c->rw_mode;
}

static void latch_status(struct vpit *p, unsigned int n, u64 now)
{
	struct kvm_pit_channel_state *c = &p->s.channels[n];

	if (c->status_latched)
		return;
	c->status = (vpit_out(p, n, now) ? BIT(7) : 0) |
		    (c->count ? 0 : STATUS_NULL) | c->rw_mode << 4 |
		    c->mode << 1 | c->bcd;
	c->status_latched = 1;
}

static void read_back(struct vpit *p, u8 val, u64 now)
{
	unsigned int n;

	for (n = 0; n < CHANNELS; n++) {
		if (!(val & (2U << n)))
			continue;
		if (!(val & READ_BACK_NO_COUNT))
			latch_count(&p->s.channels[n], now);
		if (!(val & READ_BACK_NO_STATUS))
			latch_status(p, n, now);
	}
}

/* A new mode stops the channel until a count is written. */
static void set_mode(struct kvm_pit_channel_state *c, u8 val)
{
	c->rw_mode = CTRL_RW(val);
	c->read_state = c->rw_mode;
	c->write_state = c->rw_mode;
	c->mode = CTRL_MODE(val) > 5 ? CTRL_MODE(val) - 4 : CTRL_MODE(val);
	c->bcd = val & 1;
	c->count_latched = 0;
	c->status_latched = 0;
	c->count = 0;
}

static bool write_control(struct vpit *p, u8 val, u64 now)
{
	unsigned int n = CTRL_CHANNEL(val);

	if (n == READ_BACK) {
		read_back(p, val, now);
		return false;
	}
	if (CTRL_RW(val) == 0) {
		latch_count(&p->s.channels[n], now);
		return false;
	}
	set_mode(&p->s.channels[n], val);
	return n == 0;
}

/* ---- ports ---------------------------------------------------------------------------- */

static bool write_count(struct kvm_pit_channel_state *c, u8 val, u64 now)
{
	switch (c->write_state) {
	case BYTE_LOW:
		load(c, val, now);
		return true;
	case BYTE_HIGH:
		load(c, val << 8, now);
		return true;
	case WORD_LOW:
		c->write_latch = val;
		c->write_state = WORD_HIGH;
		return false;
	default:
		load(c, c->write_latch | val << 8, now);
		c->write_state = WORD_LOW;
		return true;
	}
}

bool vpit_write(struct vpit *p, u16 port, u8 val, u64 now)
{
	unsigned int n = port & 3;

	if (n == 3)
		return write_control(p, val, now);
	return write_count(&p->s.channels[n], val, now) && n == 0;
}

static u8 read_latched(struct kvm_pit_channel_state *c)
{
	switch (c->count_latched) {
	case BYTE_LOW:
		c->count_latched = 0;
		return c->latched_count;
	case WORD_LOW:
		c->count_latched = WORD_HIGH;
		return c->latched_count;
	default:
		c->count_latched = 0;
		return c->latched_count >> 8;
	}
}

static u8 read_count(struct kvm_pit_channel_state *c, u64 now)
{
	u32 count = current_count(c, now);

	switch (c->read_state) {
	case BYTE_LOW:
		return count;
	case WORD_LOW:
		c->read_state = WORD_HIGH;
		return count;
	case WORD_HIGH:
		c->read_state = WORD_LOW;
		return count >> 8;
	default:
		return count >> 8;
	}
}

bool vpit_try_read(struct vpit *p, u16 port, u8 *val)
{
	struct kvm_pit_channel_state *c = &p->s.channels[port & 3];

	if (unlikely((port & 3) == 3)) {
		*val = 0;
	} else if (likely(!(c->status_latched | c->count_latched))) {
		if (c->count)
			return false;
		*val = read_count(c, 0);
	} else if (c->status_latched) {
		c->status_latched = 0;
		*val = c->status;
	} else {
		*val = read_latched(c);
	}
	return true;
}

u8 vpit_read(struct vpit *p, u16 port, u64 now)
{
	u8 val;

	return vpit_try_read(p, port, &val) ? val :
	       read_count(&p->s.channels[port & 3], now);
}

u8 vpit_read_61(struct vpit *p, u64 now)
{
	return (p->s.channels[2].gate ? P61_GATE : 0) |
	       (p->s.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON ? P61_SPEAKER : 0) |
	       (now / REFRESH_NS & 1 ? P61_REFRESH : 0) |
	       (vpit_out(p, 2, now) ? P61_OUT : 0);
}

void vpit_write_61(struct vpit *p, u8 val, u64 now)
{
	struct kvm_pit_channel_state *c = &p->s.channels[2];
	bool gate = val & P61_GATE;

	/* Modes 0 and 4 only pause by their gate; the others start anew. */
	if (gate && !c->gate && c->mode != 0 && c->mode != 4)
		c->count_load_time = now;
	c->gate = gate;
	p->s.flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (val & P61_SPEAKER)
		p->s.flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
}

/* ---- channel 0's interrupt ------------------------------------------------------------- */

u64 vpit_irq_period(const struct vpit *p)
{
	const struct kvm_pit_channel_state *c = &p->s.channels[0];

	return periodic(c) ? (u64)c->count * NS / VPIT_HZ : 0;
}

u64 vpit_irq_ticks(const struct vpit *p, u64 from, u64 to)
{
	const struct kvm_pit_channel_state *c = &p->s.channels[0];

	if (!c->count || !periodic(c))
		return 1;
	return elapsed(c, to) / c->count - elapsed(c, from) / c->count;
}

u64 vpit_irq_next(const struct vpit *p, u64 now)
{
	const struct kvm_pit_channel_state *c = &p->s.channels[0];
	u64 d = elapsed(c, now);

	if (idle(p, 0) || p->s.flags & KVM_PIT_FLAGS_HPET_LEGACY)
		return U64_MAX;
	if (!periodic(c) && d >= c->count)
		return U64_MAX;
	d = periodic(c) ? d - d % c->count : 0;
	return c->count_load_time + counts_to_ns(d + c->count);
}

void vpit_reset(struct vpit *p, u64 now)
{
	unsigned int n;

	memset(p, 0, sizeof(*p));
	for (n = 0; n < CHANNELS; n++) {
		p->s.channels[n].mode = 3;
		p->s.channels[n].gate = n != 2;
		p->s.channels[n].rw_mode = 3;
		p->s.channels[n].read_state = WORD_LOW;
		p->s.channels[n].write_state = WORD_LOW;
		p->s.channels[n].count_load_time = now;
	}
}

/* A stopped channel (count 0 here) goes out as user space knows it: the full
 * count in a mode that is none. VMMs divide by the count.
 */
/* A status byte that is not latched has no other use: it says of a count of
 * 65536 that none was written.
 */
void vpit_get_state(const struct vpit *p, struct kvm_pit_state2 *s)
{
	struct kvm_pit_channel_state *c;

	*s = p->s;
	for (c = s->channels; c < s->channels + CHANNELS; c++) {
		if (!c->status_latched)
			c->status = c->count ? 0 : STATUS_NULL;
		if (!c->count)
			c->count = 65536;
	}
}

void vpit_set_state(struct vpit *p, const struct kvm_pit_state2 *s, u64 now)
{
	unsigned int n;

	p->s = *s;
	p->s.flags &= KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	memset(p->s.reserved, 0, sizeof(p->s.reserved));
	for (n = 0; n < CHANNELS; n++) {
		struct kvm_pit_channel_state *c = &p->s.channels[n];

		if ((s64)(now - (u64)c->count_load_time) < 0)
			c->count_load_time = now;
		if (c->count > 65536)
			c->count = 65536;
		/* Unless user space gave it one, and left the rest as it was. */
		if (!c->status_latched && (c->status & STATUS_NULL) && c->count == 65536)
			c->count = 0;
		if (c->mode > 5) {
			c->mode = 3;
			c->count = 0;
		}
		c->rw_mode &= 3;
		c->bcd &= 1;
	}
}
