// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's timer (APM2 16.4.1; the TSC deadline as Intel's SDM 3A
 * 11.5.4.1 states it): one-shot, periodic, deadline. Nothing ticks here. The
 * phase is the time at which the count began; each call that is given a time
 * settles what has fallen due since, and the caller asks when to call again.
 * A periodic timer whose vCPU came late delivers once, like the hardware whose
 * request merges; so one that is too fast to be served is served at a pace that
 * leaves its guest time to run.
 */
#include "kvm-core/vlapic_private.h"

#define TDCR_VALID		0xbU
#define PERIOD_SERVED		200000U	/* ns: not more often */

/* How long one count takes. APM2 16.4.1: 0 divides by 2, ... 6 by 128, 7 by 1. */
static u64 count_ns(const struct vlapic *a)
{
	u32 tdcr = REG(a, VLAPIC_TDCR);
	u32 code = (tdcr & 3) | ((tdcr >> 1) & 4);

	return (u64)a->bus_ns << ((code + 1) & 7);
}

static u64 timer_period(const struct vlapic *a)
{
	return REG(a, VLAPIC_TMICT) * count_ns(a);
}

/* How long after the count began the timer is to be looked at. */
static u64 timer_served(const struct vlapic *a)
{
	u64 period = timer_period(a);

	return vlapic_timer_mode(a) == TIMER_PERIODIC && period < PERIOD_SERVED ?
	       PERIOD_SERVED : period;
}

u32 vlapic_timer_count(const struct vlapic *a, const struct vlapic_time *now)
{
	u64 period = timer_period(a), elapsed = now->ns - a->timer_start;

	if (!a->timer_on || !period || elapsed >= period)
		return 0;
	return (period - elapsed) / count_ns(a);
}

void vlapic_timer_resume(struct vlapic *a, u32 count,
			 const struct vlapic_time *now)
{
	u64 left = count * count_ns(a);

	a->timer_start = now->ns - (timer_period(a) - left);
}

static void timer_fire(struct vlapic *a, struct vlapic_effect *e)
{
	u32 lvtt = REG(a, VLAPIC_LVTT);

	e->asks |= VLAPIC_DO_TIMER;
	if (lvtt & LVT_MASKED)
		return;
	vlapic_post(a, lvtt & LVT_VECTOR, false);
	e->asks |= VLAPIC_DO_EVENT;
}

void vlapic_timer_settle(struct vlapic *a, const struct vlapic_time *now,
			 struct vlapic_effect *e)
{
	u64 period = timer_period(a), elapsed = now->ns - a->timer_start;

	if (a->tsc_deadline && now->tsc >= a->tsc_deadline) {
		a->tsc_deadline = 0;
		timer_fire(a, e);
	}
	if (!a->timer_on || elapsed < period)
		return;
	if (vlapic_timer_mode(a) == TIMER_PERIODIC)
		a->timer_start += elapsed - elapsed % period;
	else
		a->timer_on = false;
	timer_fire(a, e);
}

u64 vlapic_timer_due(const struct vlapic *a, const struct vlapic_time *now)
{
	u64 left, elapsed;

	if (REG(a, VLAPIC_LVTT) & LVT_MASKED)
		return U64_MAX;
	if (a->timer_on) {
		left = timer_served(a);
		/* By what is left: the count may have begun before the clock did. */
		elapsed = now->ns - a->timer_start;
		left -= min(left, elapsed);
		return left > U64_MAX - now->ns ? U64_MAX : now->ns + left;
	}
	if (!a->tsc_deadline || !now->tsc_khz)
		return U64_MAX;
	left = a->tsc_deadline > now->tsc ? a->tsc_deadline - now->tsc : 0;
	if (left / now->tsc_khz > U64_MAX / 4000000)
		return U64_MAX;
	return now->ns + left / now->tsc_khz * 1000000 +
	       (left % now->tsc_khz * 1000000 + now->tsc_khz - 1) / now->tsc_khz;
}

void vlapic_timer_stop(struct vlapic *a)
{
	a->timer_on = false;
	a->tsc_deadline = 0;
}

static void write_lvtt(struct vlapic *a, u32 val)
{
	u32 valid = LVT_VECTOR | LVT_MASKED | 1 << 17 |
		    (a->has_deadline ? 1 << 18 : 0);
	bool was_deadline = vlapic_timer_mode(a) == TIMER_DEADLINE;

	REG(a, VLAPIC_LVTT) = val & valid;
	if (was_deadline == (vlapic_timer_mode(a) == TIMER_DEADLINE))
		return;
	vlapic_timer_stop(a);
	REG(a, VLAPIC_TMICT) = 0;
}

void vlapic_timer_write(struct vlapic *a, u32 reg, u32 val,
			const struct vlapic_time *now, struct vlapic_effect *e)
{
	u32 count = vlapic_timer_count(a, now);

	e->asks |= VLAPIC_DO_TIMER;
	switch (reg) {
	case VLAPIC_LVTT:
		write_lvtt(a, vlapic_sw_enabled(a) ? val : val | LVT_MASKED);
		break;
	case VLAPIC_TMICT:
		if (vlapic_timer_mode(a) == TIMER_DEADLINE)
			break;
		REG(a, VLAPIC_TMICT) = val;
		a->timer_start = now->ns;
		a->timer_on = val != 0;
		break;
	case VLAPIC_TDCR:
		REG(a, VLAPIC_TDCR) = val & TDCR_VALID;
		if (a->timer_on)
			vlapic_timer_resume(a, count, now);
		break;
	}
}

void vlapic_timer_rdmsr(struct vlapic *a, u64 *val,
			const struct vlapic_time *now, struct vlapic_effect *e)
{
	vlapic_timer_settle(a, now, e);
	*val = a->tsc_deadline;
}

void vlapic_timer_wrmsr(struct vlapic *a, u64 val,
			const struct vlapic_time *now, struct vlapic_effect *e)
{
	if (vlapic_timer_mode(a) != TIMER_DEADLINE)
		return;
	vlapic_timer_settle(a, now, e);
	a->tsc_deadline = val;
	e->asks |= VLAPIC_DO_TIMER;
	vlapic_timer_settle(a, now, e);
}
