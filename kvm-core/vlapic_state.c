// SPDX-License-Identifier: GPL-2.0
/*
 * A local APIC's life as a whole: power-on, INIT, the base MSR and its modes
 * (APM2 16.3.1, 16.9), saving and restoring. The accesses are in vlapic.c.
 * Called by lapic_linux.c in the vCPU's thread.
 */
#include "kvm-core/vlapic_private.h"

#define VERSION_VALUE		0x00050014U	/* version 14h, six LVTs */
#define VERSION_DIRECTED_EOI	0x01000000U
#define SVR_RESET		0xffU
#define DFR_RESET		0xffffffffU
#define BASE_MODE		(VLAPIC_BASE_EN | VLAPIC_BASE_X2)

static void update_x2_ids(struct vlapic *a)
{
	if (!vlapic_is_x2apic(a))
		return;
	REG(a, VLAPIC_ID) = a->id;
	REG(a, VLAPIC_LDR) = (a->id >> 4) << 16 | 1U << (a->id & 15);
}

static void update_version(struct vlapic *a)
{
	REG(a, VLAPIC_VERSION) = VERSION_VALUE |
		(a->directed_eoi ? VERSION_DIRECTED_EOI : 0);
}

static void reset_regs(struct vlapic *a)
{
	u32 lvt;

	memset(a->regs, 0, sizeof(a->regs));
	vlapic_index_banks(a);
	a->esr_pending = 0;
	vlapic_timer_stop(a);
	REG(a, VLAPIC_DFR) = DFR_RESET;
	REG(a, VLAPIC_SVR) = SVR_RESET;
	for (lvt = VLAPIC_LVTT; lvt <= VLAPIC_LVTERR; lvt += 0x10)
		REG(a, lvt) = LVT_MASKED;
	update_version(a);
}

/*
 * The boot processor's LINT0 passes the PIC on, as firmware would leave it:
 * VMMs that boot a kernel directly rely on it.
 */
void vlapic_reset(struct vlapic *a, bool init)
{
	u32 id = REG(a, VLAPIC_ID);

	if (!init) {
		a->base = VLAPIC_DEFAULT_BASE | VLAPIC_BASE_EN |
			  (a->bsp ? VLAPIC_BASE_BSP : 0);
		id = a->id << 24;
	}
	reset_regs(a);
	REG(a, VLAPIC_ID) = id;
	update_x2_ids(a);
	if (a->bsp)
		REG(a, VLAPIC_LVT0) = LVT_EXTINT;
}

void vlapic_mask_lint0(struct vlapic *a)
{
	REG(a, VLAPIC_LVT0) = LVT_MASKED;
}

void vlapic_init(struct vlapic *a, u32 id, bool bsp, bool directed_eoi)
{
	memset(a, 0, sizeof(*a));
	a->id = id;
	a->bus_ns = 1;
	a->bsp = bsp;
	a->directed_eoi = directed_eoi;
	vlapic_reset(a, false);
}

/* APM2 16.9: x2APIC is entered from xAPIC and left by disabling. */
static bool transition_ok(u64 from, u64 to)
{
	from &= BASE_MODE;
	to &= BASE_MODE;
	if (from == to || to == 0)
		return true;
	return from == 0 ? to == VLAPIC_BASE_EN : from == VLAPIC_BASE_EN;
}

static bool base_valid(u64 base, bool has_x2apic, u8 phys_bits)
{
	u64 valid = VLAPIC_BASE_BSP | BASE_MODE |
		    (((1ULL << phys_bits) - 1) & BP_PAGE_MASK);

	if ((base & ~valid) || (base & BASE_MODE) == VLAPIC_BASE_X2)
		return false;
	return !(base & VLAPIC_BASE_X2) || has_x2apic;
}

bool vlapic_base_allowed(u64 old, u64 base, bool has_x2apic, u8 phys_bits, bool host)
{
	return base_valid(base, has_x2apic, phys_bits) &&
	       (host || transition_ok(old, base));
}

int vlapic_set_base(struct vlapic *a, u64 base, u8 phys_bits, bool host,
		    struct vlapic_effect *e)
{
	u64 old = a->base;

	if (!vlapic_base_allowed(old, base, a->has_x2apic, phys_bits, host))
		return -EINVAL;
	WRITE_ONCE(a->base, base);
	if (!((old ^ base) & BASE_MODE))
		return 0;
	e->asks |= VLAPIC_DO_MAP | VLAPIC_DO_TIMER | VLAPIC_DO_EVENT;
	if (!(base & VLAPIC_BASE_EN))
		reset_regs(a);
	if (base & VLAPIC_BASE_X2)
		update_x2_ids(a);
	else
		REG(a, VLAPIC_ID) = a->id << 24;
	return 0;
}

void vlapic_get_state(struct vlapic *a, struct kvm_lapic_state *s, bool ids32,
		      const struct vlapic_time *now)
{
	struct vlapic_effect unused = {};
	u32 id = a->id << 24;
	unsigned int i;

	vlapic_timer_settle(a, now, &unused);
	REG(a, VLAPIC_TMCCT) = vlapic_timer_count(a, now);
	memset(s->regs, 0, sizeof(s->regs));
	for (i = 0; i < ARRAY_SIZE(a->regs); i++)
		memcpy(s->regs + i * VLAPIC_STEP, &a->regs[i], sizeof(u32));
	if (vlapic_is_x2apic(a) && !ids32)
		memcpy(s->regs + VLAPIC_ID, &id, sizeof(id));
}

/* The counter goes on from the count saved; see the header for its absence. */
static void restore_timer(struct vlapic *a, const struct vlapic_time *now)
{
	u32 mode = vlapic_timer_mode(a);
	u32 initial = REG(a, VLAPIC_TMICT);
	u32 count = min(REG(a, VLAPIC_TMCCT), initial);

	if (mode != TIMER_DEADLINE)
		a->tsc_deadline = 0;
	a->timer_on = initial && mode != TIMER_DEADLINE;
	if (!a->timer_on)
		return;
	if (!count && mode == TIMER_PERIODIC)
		count = initial;
	vlapic_timer_resume(a, count, now);
}

int vlapic_set_state(struct vlapic *a, const struct kvm_lapic_state *s,
		     bool ids32, const struct vlapic_time *now,
		     struct vlapic_effect *e)
{
	unsigned int i;
	u32 id;

	memcpy(&id, s->regs + VLAPIC_ID, sizeof(id));
	if (vlapic_is_x2apic(a) && ids32 && id != a->id)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(a->regs); i++)
		memcpy(&a->regs[i], s->regs + i * VLAPIC_STEP, sizeof(u32));
	vlapic_index_banks(a);
	update_version(a);
	update_x2_ids(a);
	vlapic_update_ppr(a);
	a->esr_pending = 0;
	restore_timer(a, now);
	e->asks |= VLAPIC_DO_MAP | VLAPIC_DO_TIMER | VLAPIC_DO_EVENT;
	return 0;
}
