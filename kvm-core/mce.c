// SPDX-License-Identifier: GPL-2.0
/*
 * Logging a machine check into a bank (APM2 9.3.2). Called by cap_linux.c, which
 * delivers what comes of it.
 */
#include "kvm-core/mce.h"

enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC };

/* CTL is all ones or nothing; kernels leave single bits out for two models' sake. */
#define CTL_OPTIONAL	(BIT_ULL(0) | BIT_ULL(10))

bool mce_write_valid(unsigned int index, u64 value, bool all_status)
{
	switch (index % MCE_BANK_MSRS) {
	case BANK_CTL:
		return !value || (value | CTL_OPTIONAL) == ~0ULL;
	case BANK_STATUS:
		return !value || all_status;
	default:
		return true;
	}
}

static void fill_bank(u64 *bank, const struct mce_record *r)
{
	u64 overflow = bank[BANK_STATUS] & MCE_VALID ? MCE_OVERFLOW : 0;

	bank[BANK_STATUS] = r->status | overflow;
	bank[BANK_ADDR] = r->addr;
	bank[BANK_MISC] = r->misc;
}

/* MCG_CTL and the bank's own control are switched on by all ones. */
static bool masked(const struct mce_state *s)
{
	return ((s->cap & MCE_CTL_PRESENT) && s->ctl != ~0ULL) ||
	       s->bank[BANK_CTL] != ~0ULL;
}

static bool wants_action(const struct mce_record *r)
{
	return r->status & (MCE_CORRUPT | MCE_SIGNALED | MCE_ACTION);
}

static void log_corrected(u64 *bank, const struct mce_record *r)
{
	u64 worse = MCE_VALID | MCE_UNCORRECTED;

	if ((bank[BANK_STATUS] & worse) == worse)
		bank[BANK_STATUS] |= MCE_OVERFLOW;
	else
		fill_bank(bank, r);
}

enum mce_verdict mce_log(struct mce_state *s, const struct mce_record *r)
{
	if (!(r->status & MCE_UNCORRECTED)) {
		log_corrected(s->bank, r);
		return MCE_LOGGED;
	}
	if (!wants_action(r)) {
		fill_bank(s->bank, r);
		return MCE_LOGGED;
	}
	if (masked(s))
		return MCE_LOGGED;
	if ((*s->status & MCE_IN_PROGRESS) || !s->enabled)
		return MCE_SHUTDOWN;
	fill_bank(s->bank, r);
	*s->status = r->mcg_status;
	return MCE_RAISE;
}
