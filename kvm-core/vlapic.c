// SPDX-License-Identifier: GPL-2.0
/*
 * One vCPU's local APIC: AMD64 APM volume 2, chapter 16 (xAPIC 16.3-16.7,
 * x2APIC 16.8-16.12). irq_linux.c posts into it and lapic_linux.c carries out
 * what its accesses ask for; here nobody knows of other vCPUs, of guest memory
 * or of clocks. Everything that the guest can see is in the register page, so
 * saving it is a copy; the rest is the timer's phase and the base MSR.
 */
#include "kvm-core/vlapic_private.h"

#define SVR_VALID		0x3ffU		/* vector, enable, focus */
#define DFR_FIXED_ONES		0x0fffffffU

#define ICR_MODE		0x00000700U
#define ICR_LOGICAL		0x00000800U
#define ICR_ASSERT		0x00004000U
#define ICR_LEVEL		0x00008000U
#define ICR_SHORTHAND		0x000c0000U
#define ICR_BUSY		BIT(12)		/* never is: sent at once */
#define ICR_X2_RESERVED		0xfff32000U

/* Of some bits the highest; by XOR it is one instruction. */
static u32 top_bit(u32 bits)
{
	return 31 ^ (u32)__builtin_clz(bits);
}

/* @words: those of the bank that may hold something. */
static int highest_vector(const struct vlapic *a, u32 bank, u32 words)
{
	const u32 *row = &REG(a, bank);

	while (words) {
		u32 word = top_bit(words), bits = READ_ONCE(row[word]);

		if (bits)
			return (int)(word * 32 | top_bit(bits));
		words &= ~BIT(word);
	}
	return -1;
}

void vlapic_index_banks(struct vlapic *a)
{
	u32 word;

	a->isr_words = 0;
	/* Whoever requests from here on sees the bit clear, and sets it. */
	env_atomic_and(&a->irr_words, 0);
	for (word = 0; word < 8; word++) {
		if (REG(a, VLAPIC_ISR + word * 0x10))
			a->isr_words |= BIT(word);
		if (READ_ONCE(REG(a, VLAPIC_IRR + word * 0x10)))
			env_atomic_or(&a->irr_words, BIT(word));
	}
}

/* APM2 16.6.4: the higher of the task's and the running handler's class. */
void vlapic_update_ppr(struct vlapic *a)
{
	u32 tpr = REG(a, VLAPIC_TPR) & 0xff;
	int isr = highest_vector(a, VLAPIC_ISR, a->isr_words);
	u32 class = isr < 0 ? 0 : isr & 0xf0;

	WRITE_ONCE(REG(a, VLAPIC_PPR), (tpr & 0xf0) >= class ? tpr : class);
}

bool vlapic_enabled(const struct vlapic *a)
{
	return vlapic_hw_enabled(a) && vlapic_sw_enabled(a);
}

bool vlapic_accepts_pic(const struct vlapic *a)
{
	u32 lvt0 = READ_ONCE(REG(a, VLAPIC_LVT0));

	return !vlapic_hw_enabled(a) ||
	       (lvt0 & (LVT_MASKED | LVT_MODE)) == LVT_EXTINT;
}

u32 vlapic_apic_id(const struct vlapic *a)
{
	return vlapic_is_x2apic(a) ? a->id : READ_ONCE(REG(a, VLAPIC_ID)) >> 24;
}

/* ---- errors and posting [any context] ------------------------------------ */

static bool request(struct vlapic *a, u8 vector)
{
	u32 bit = BANK_BIT(vector), word = BIT(vector / 32);
	bool was = env_atomic_or(&REG(a, VLAPIC_IRR + BANK(vector)), bit) & bit;

	if (!(READ_ONCE(a->irr_words) & word))
		env_atomic_or(&a->irr_words, word);
	return was;
}

/* Whoever requests meanwhile finds the word's bit clear, or is seen here. */
static void withdraw(struct vlapic *a, u8 vector)
{
	u32 *irr = &REG(a, VLAPIC_IRR + BANK(vector)), word = BIT(vector / 32);

	env_atomic_and(irr, ~BANK_BIT(vector));
	if (READ_ONCE(*irr))
		return;
	env_atomic_and(&a->irr_words, ~word);
	if (READ_ONCE(*irr))
		env_atomic_or(&a->irr_words, word);
}

static void note_error(struct vlapic *a, u32 error)
{
	u32 lvt = READ_ONCE(REG(a, VLAPIC_LVTERR));

	env_atomic_or(&a->esr_pending, error);
	if (!(lvt & LVT_MASKED) && (lvt & LVT_VECTOR) >= 16)
		request(a, lvt & LVT_VECTOR);
}

enum vlapic_post vlapic_post(struct vlapic *a, u8 vector, bool level)
{
	u32 *tmr = &REG(a, VLAPIC_TMR + BANK(vector));
	u32 bit = BANK_BIT(vector);

	if (!vlapic_enabled(a))
		return VLAPIC_REFUSED;
	if (vector < 16) {
		note_error(a, VLAPIC_ESR_RECV_ILLEGAL);
		return VLAPIC_REFUSED;
	}
	if (level && !(READ_ONCE(*tmr) & bit))
		env_atomic_or(tmr, bit);
	if (!level && (READ_ONCE(*tmr) & bit))
		env_atomic_and(tmr, ~bit);
	return request(a, vector) ? VLAPIC_MERGED : VLAPIC_POSTED;
}

int vlapic_pending(const struct vlapic *a)
{
	int irr = highest_vector(a, VLAPIC_IRR, READ_ONCE(a->irr_words));
	u32 ppr = READ_ONCE(REG(a, VLAPIC_PPR));

	if (irr < 0 || !vlapic_hw_enabled(a) || (u32)(irr & 0xf0) <= (ppr & 0xf0))
		return -1;
	return irr;
}

bool vlapic_held_by_tpr(const struct vlapic *a)
{
	int irr = highest_vector(a, VLAPIC_IRR, READ_ONCE(a->irr_words));

	return irr >= 0 && (u32)(irr & 0xf0) <= (REG(a, VLAPIC_TPR) & 0xf0);
}

u32 vlapic_priorities(const struct vlapic *a)
{
	int irr = highest_vector(a, VLAPIC_IRR, READ_ONCE(a->irr_words));
	int isr = highest_vector(a, VLAPIC_ISR, a->isr_words);

	return (REG(a, VLAPIC_TPR) & 0xff) | ((u32)max(isr, 0) & 0xf0) << 8 |
	       (u32)max(irr, 0) << 24;
}

bool vlapic_requested_one(const struct vlapic *a)
{
	u32 words = READ_ONCE(a->irr_words), bits;

	if (!words || words & (words - 1))
		return false;
	bits = READ_ONCE(REG(a, VLAPIC_IRR + 16 * (31 - __builtin_clz(words))));
	return bits && !(bits & (bits - 1));
}

int vlapic_accept(struct vlapic *a)
{
	int vector = vlapic_pending(a);

	if (vector < 0)
		return -1;
	withdraw(a, vector);
	REG(a, VLAPIC_ISR + BANK(vector)) |= BANK_BIT(vector);
	a->isr_words |= BIT(vector / 32);
	vlapic_update_ppr(a);
	return vector;
}

static void end_of_interrupt(struct vlapic *a, struct vlapic_effect *e)
{
	int vector = highest_vector(a, VLAPIC_ISR, a->isr_words);

	if (vector < 0)
		return;
	REG(a, VLAPIC_ISR + BANK(vector)) &= ~BANK_BIT(vector);
	if (!REG(a, VLAPIC_ISR + BANK(vector)))
		a->isr_words &= ~BIT(vector / 32);
	vlapic_update_ppr(a);
	e->asks |= VLAPIC_DO_EVENT;
	e->level = READ_ONCE(REG(a, VLAPIC_TMR + BANK(vector))) & BANK_BIT(vector);
	e->vector = vector;
	if (!e->level || !(REG(a, VLAPIC_SVR) & VLAPIC_SVR_NO_BROADCAST))
		e->asks |= VLAPIC_DO_EOI;
}

/* ---- register access --------------------------------------------------------- */

static void write_svr(struct vlapic *a, u32 val, struct vlapic_effect *e)
{
	u32 valid = SVR_VALID | (a->directed_eoi ? VLAPIC_SVR_NO_BROADCAST : 0);
	bool was = vlapic_sw_enabled(a);
	u32 lvt;

	WRITE_ONCE(REG(a, VLAPIC_SVR), val & valid);
	if (was == vlapic_sw_enabled(a))
		return;
	e->asks |= VLAPIC_DO_MAP | VLAPIC_DO_TIMER;
	for (lvt = VLAPIC_LVTT; was && lvt <= VLAPIC_LVTERR; lvt += 0x10)
		REG(a, lvt) |= LVT_MASKED;
}

static void write_lvt(struct vlapic *a, u32 reg, u32 val, struct vlapic_effect *e)
{
	u32 valid = LVT_VECTOR | LVT_MASKED;

	reg = env_index_nospec(reg, VLAPIC_LVTERR + 1);
	if (reg != VLAPIC_LVTERR)
		valid |= LVT_MODE;
	if (reg == VLAPIC_LVT0 || reg == VLAPIC_LVT1)
		valid |= LVT_PIN;
	if (!vlapic_sw_enabled(a))
		val |= LVT_MASKED;
	WRITE_ONCE(REG(a, reg), val & valid);
	e->asks |= VLAPIC_DO_EVENT;
}

/*
 * APM2 16.5: decode what the ICR holds; false if nothing is to be sent. Its table of
 * shorthands has only fixed messages to self; software sends itself NMIs and SMIs so,
 * on Linux's KVM any.
 */
static bool decode_icr(struct vlapic *a, struct vchip_msg *m)
{
	u32 icr = REG(a, VLAPIC_ICR), icr2 = REG(a, VLAPIC_ICR2);

	*m = (struct vchip_msg) {
		.dest = vlapic_is_x2apic(a) ? icr2 : icr2 >> 24,
		.wide = vlapic_is_x2apic(a),
		.vector = icr & 0xff,
		.mode = FIELD_GET(ICR_MODE, icr),
		.shorthand = FIELD_GET(ICR_SHORTHAND, icr),
		.logical = icr & ICR_LOGICAL,
		.level = (icr & ICR_LEVEL) && (icr & ICR_ASSERT),
	};
	if (m->mode == VCHIP_REMOTE_READ || m->mode == VCHIP_EXTINT)
		return false;
	if (m->mode == VCHIP_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
		return false;		/* de-assert: no effect since P6, K7 */
	if (m->mode <= VCHIP_LOWEST && m->vector < 16) {
		note_error(a, VLAPIC_ESR_SENT_ILLEGAL);
		return false;
	}
	return true;
}

static void write_icr(struct vlapic *a, u32 val, struct vlapic_effect *e)
{
	REG(a, VLAPIC_ICR) = val & ~(u32)ICR_BUSY;
	e->asks |= decode_icr(a, &e->ipi) ? VLAPIC_DO_IPI : VLAPIC_DO_EVENT;
}

void vlapic_set_tpr(struct vlapic *a, u8 tpr, struct vlapic_effect *e)
{
	u32 old = REG(a, VLAPIC_PPR);

	REG(a, VLAPIC_TPR) = tpr;
	vlapic_update_ppr(a);
	if (REG(a, VLAPIC_PPR) < old)
		e->asks |= VLAPIC_DO_EVENT;
}

static bool reg_exists(u32 reg)
{
	return reg == VLAPIC_ID || reg == VLAPIC_VERSION ||
	       (reg >= VLAPIC_TPR && reg <= VLAPIC_ESR) ||
	       (reg >= VLAPIC_ICR && reg <= VLAPIC_TMCCT) || reg == VLAPIC_TDCR;
}

u32 vlapic_read(struct vlapic *a, u32 reg, const struct vlapic_time *now,
		struct vlapic_effect *e)
{
	if (!reg_exists(reg)) {
		note_error(a, VLAPIC_ESR_BAD_REGISTER);
		e->asks |= VLAPIC_DO_EVENT;
		return 0;
	}
	if (reg != VLAPIC_TMCCT)
		return READ_ONCE(REG(a, reg));
	vlapic_timer_settle(a, now, e);
	return vlapic_timer_count(a, now);
}

/* The registers that both forms have and write alike. */
static void write_common(struct vlapic *a, u32 reg, u32 val,
			 const struct vlapic_time *now, struct vlapic_effect *e)
{
	if (vlapic_reg_needs_time(reg))
		vlapic_timer_settle(a, now, e);
	switch (reg) {
	case VLAPIC_TPR:
		vlapic_set_tpr(a, val, e);
		break;
	case VLAPIC_EOI:
		end_of_interrupt(a, e);
		break;
	case VLAPIC_SVR:
		write_svr(a, val, e);
		break;
	case VLAPIC_ESR:
		REG(a, VLAPIC_ESR) = xchg(&a->esr_pending, 0);
		break;
	case VLAPIC_ICR:
		write_icr(a, val, e);
		break;
	case VLAPIC_LVTT:
	case VLAPIC_TMICT:
	case VLAPIC_TDCR:
		vlapic_timer_write(a, reg, val, now, e);
		break;
	case VLAPIC_LVTTHERM:
	case VLAPIC_LVTPC:
	case VLAPIC_LVT0:
	case VLAPIC_LVT1:
	case VLAPIC_LVTERR:
		write_lvt(a, reg, val, e);
		break;
	}
}

void vlapic_write(struct vlapic *a, u32 reg, u32 val,
		  const struct vlapic_time *now, struct vlapic_effect *e)
{
	if (!reg_exists(reg)) {
		note_error(a, VLAPIC_ESR_BAD_REGISTER);
		e->asks |= VLAPIC_DO_EVENT;
		return;
	}
	switch (reg) {
	case VLAPIC_ID:
	case VLAPIC_LDR:
		WRITE_ONCE(REG(a, reg), val & 0xff000000);
		e->asks |= VLAPIC_DO_MAP;
		break;
	case VLAPIC_DFR:
		WRITE_ONCE(REG(a, reg), val | DFR_FIXED_ONES);
		e->asks |= VLAPIC_DO_MAP;
		break;
	case VLAPIC_ICR2:
		REG(a, reg) = val & 0xff000000;
		break;
	default:
		write_common(a, reg, val, now, e);
	}
}

/* ---- x2APIC (APM2 16.11) ---------------------------------------------------- */

static bool x2_readable(u32 reg)
{
	return reg_exists(reg) && reg != VLAPIC_APR && reg != VLAPIC_EOI &&
	       reg != VLAPIC_RRR && reg != VLAPIC_DFR && reg != VLAPIC_ICR2;
}

static bool x2_write_ok(u32 reg, u64 val)
{
	switch (reg) {
	case VLAPIC_TPR:
	case VLAPIC_SELF_IPI:
		return val <= 0xff;
	case VLAPIC_EOI:
	case VLAPIC_ESR:
		return val == 0;
	case VLAPIC_ICR:
		return !(val & ICR_X2_RESERVED);
	case VLAPIC_SVR:
	case VLAPIC_TMICT:
	case VLAPIC_TDCR:
		return val <= U32_MAX;
	default:
		return val <= U32_MAX && reg >= VLAPIC_LVTT && reg <= VLAPIC_LVTERR;
	}
}

int vlapic_rdmsr(struct vlapic *a, u32 msr, u64 *val,
		 const struct vlapic_time *now, struct vlapic_effect *e)
{
	u32 reg = (msr - VLAPIC_MSR_FIRST) << 4;

	if (msr == VLAPIC_MSR_DEADLINE) {
		vlapic_timer_rdmsr(a, val, now, e);
		return 0;
	}
	if (msr < VLAPIC_MSR_FIRST || msr > VLAPIC_MSR_LAST ||
	    !vlapic_is_x2apic(a) || !x2_readable(reg))
		return -EINVAL;
	*val = vlapic_read(a, reg, now, e);
	if (reg == VLAPIC_ICR)
		*val |= (u64)REG(a, VLAPIC_ICR2) << 32;
	return 0;
}

int vlapic_wrmsr(struct vlapic *a, u32 msr, u64 val,
		 const struct vlapic_time *now, struct vlapic_effect *e)
{
	u32 reg = (msr - VLAPIC_MSR_FIRST) << 4;

	if (msr == VLAPIC_MSR_DEADLINE) {
		vlapic_timer_wrmsr(a, val, now, e);
		return 0;
	}
	if (msr < VLAPIC_MSR_FIRST || msr > VLAPIC_MSR_LAST ||
	    !vlapic_is_x2apic(a) || !x2_write_ok(reg, val))
		return -EINVAL;
	if (reg == VLAPIC_SELF_IPI) {
		vlapic_post(a, val, false);
		e->asks |= VLAPIC_DO_EVENT;
		return 0;
	}
	if (reg == VLAPIC_ICR)
		REG(a, VLAPIC_ICR2) = val >> 32;
	write_common(a, reg, val, now, e);
	return 0;
}
