/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vpit: the PC's interval timer (Intel 8254) and port 61h beside it.
 *
 * Pure. Nothing counts: a channel remembers when its count was loaded, and
 * time, in nanoseconds of one monotonic clock, comes with every access (it is
 * what KVM's count_load_time counts). Channel 0 interrupts by gsi 0; the
 * caller arms a timer to vpit_irq_next, again and again.
 *
 * Re-injection: a tick that found the one before still pending is owed, and
 * paid when the guest ends an interrupt; a tick that found the line masked is
 * not. The caller keeps the account, at most VPIT_MAX_OWED.
 *
 * Known limits: BCD counting is stored and counts in binary, as in QEMU; a
 * count loaded in mode 2 or 3 takes effect at once; a low gate starts the
 * count anew when it rises (modes 1 2 3 5) but does not stop it.
 */
#ifndef BACKPLANE_VPIT_H
#define BACKPLANE_VPIT_H

#include <linux/kvm.h>
#include "addr.h"

#define VPIT_HZ		1193182
#define VPIT_MAX_OWED	65536

struct vpit {
	struct kvm_pit_state2 s;
};

void vpit_reset(struct vpit *p, u64 now);

/* One-byte access to ports 40h..43h; 43h reads 0. True if channel 0's timer
 * must be re-armed.
 */
u8 vpit_read(struct vpit *p, u16 port, u64 now);
/* The same without the time, where something is latched or nothing counts. False:
 * it takes the time, and nothing was read.
 */
bool vpit_try_read(struct vpit *p, u16 port, u8 *val);
bool vpit_write(struct vpit *p, u16 port, u8 val, u64 now);

/* Port 61h: gate and output of channel 2, speaker, refresh toggle. */
u8 vpit_read_61(struct vpit *p, u64 now);
void vpit_write_61(struct vpit *p, u8 val, u64 now);

/* Output pin of a channel. */
bool vpit_out(const struct vpit *p, unsigned int channel, u64 now);

/*
 * Channel 0: when it next interrupts after @now (U64_MAX = never); every how
 * many ns (0 = once); how many times since @from up to @to (1 if once).
 */
u64 vpit_irq_next(const struct vpit *p, u64 now);
u64 vpit_irq_period(const struct vpit *p);
u64 vpit_irq_ticks(const struct vpit *p, u64 from, u64 to);

/* KVM_GET_PIT2: never a count of 0, which VMMs divide by. */
void vpit_get_state(const struct vpit *p, struct kvm_pit_state2 *s);
/*
 * KVM_SET_PIT2; the state is QEMU's or our own, so odd values are tamed. One saved on a
 * host that was up for longer has counts loaded after @now: they begin now.
 */
void vpit_set_state(struct vpit *p, const struct kvm_pit_state2 *s, u64 now);

/* How many of @ticks are owed after raising the line returned @sent. */
static inline u64 vpit_owed(u64 ticks, int sent)
{
	return sent < 0 ? 0 : sent ? ticks - 1 : ticks;
}

#endif
