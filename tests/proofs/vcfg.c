// SPDX-License-Identifier: GPL-2.0
/*
 * Proofs for pci-assign/vcfg.c: no guest write reaches the card outside the
 * bits that the permission masks allow, whatever the masks, the card's
 * registers and the value of the write are. Whole writes are proved for every
 * alignment and every length up to 8 bytes; longer ones are the same loop
 * again. tests/proofs/run reads the next line.
 *
 * cbmc: --unwind 18 pci-assign/vcfg.c pci-assign/vcfg_tab.c pci-assign/vbar.c
 */
#include <assert.h>
#include "pci-assign/vcfg.h"

u32 nondet_u32(void);

/* One word, one write: the decision itself. */
void proof_merge_changes_only_permitted_bits(void)
{
	struct vcfg_perm p = { nondet_u32(), nondet_u32(), nondet_u32() };
	u32 shadow = nondet_u32(), host = nondet_u32();
	u32 value = nondet_u32(), lanes = nondet_u32();
	struct vcfg_merged m = vcfg_merge(&p, shadow, host, value, lanes);
	u32 hard = p.write & ~p.virt & lanes, soft = p.write & p.virt & lanes;

	/* What the guest may write arrives; the rest stays, or is a 0 where a
	 * 1 would clear.
	 */
	assert((m.host & hard) == (value & hard));
	assert((m.host & ~hard) == (host & ~hard & ~p.w1c));
	assert((m.shadow & soft) == (value & soft));
	assert((m.shadow & ~soft) == (shadow & ~soft));
	assert(m.to_host == (hard != 0));
}

/* ---- whole writes, seen at the card ---------------------------------------- */

#define WINDOW	0x60	/* any place: the code does not look at offsets */
#define WORDS	3

static struct vcfg model;
static u32 before[WORDS], card[WORDS];

static u32 card_read(void *ctx, unsigned int off, unsigned int len)
{
	unsigned int shift = (off & 3) * 8;

	(void)ctx;
	assert(len == 1 || len == 2 || len == 4);
	assert(off % len == 0);
	assert(off >= WINDOW && off + len <= WINDOW + WORDS * 4);
	return (card[(off - WINDOW) / 4] >> shift) &
	       (len == 4 ? U32_MAX : (1U << len * 8) - 1);
}

/* A card whose write-1-to-clear bits are those the masks name. */
static void card_write(void *ctx, unsigned int off, unsigned int len, u32 value)
{
	unsigned int i = (off - WINDOW) / 4, shift = (off & 3) * 8;
	u32 lanes = (len == 4 ? U32_MAX : (1U << len * 8) - 1) << shift;
	u32 w1c = model.perm[off / 4].w1c, v = value << shift;

	(void)ctx;
	assert(len == 1 || len == 2 || len == 4);
	assert(off % len == 0);
	assert(off >= WINDOW && off + len <= WINDOW + WORDS * 4);
	card[i] = (card[i] & ~lanes) |
		  (lanes & ((card[i] & w1c & ~v) | (v & ~w1c)));
}

static void free_window(void)
{
	unsigned int i;

	model.size = VCFG_LEGACY_SIZE;
	for (i = 0; i < WORDS; i++) {
		struct vcfg_perm *p = &model.perm[WINDOW / 4 + i];

		*p = (struct vcfg_perm) { nondet_u32(), nondet_u32(),
					  nondet_u32() };
		model.shadow[WINDOW / 4 + i] = nondet_u32();
		before[i] = card[i] = nondet_u32();
	}
}

static void check_write(unsigned int off, unsigned int len)
{
	struct vcfg_hw hw = { card_read, card_write, NULL };
	u32 raw[2] = { nondet_u32(), nondet_u32() };
	unsigned int i;
	u8 buf[8];

	memcpy(buf, raw, sizeof(buf));
	free_window();
	vcfg_write(&model, &hw, off, len, buf);
	for (i = 0; i < WORDS; i++) {
		const struct vcfg_perm *p = &model.perm[WINDOW / 4 + i];
		u32 changed = before[i] ^ card[i];

		assert((changed & ~(p->write & ~p->virt)) == 0);
		/* and bits that a 1 clears are never set */
		assert((card[i] & p->w1c & ~before[i]) == 0);
	}
}

void proof_no_write_reaches_the_card_outside_the_masks(void)
{
	unsigned int off, len;

	for (off = WINDOW; off < WINDOW + 4; off++)
		for (len = 1; len <= 8; len++)
			check_write(off, len);
}

static u32 never_read(void *ctx, unsigned int off, unsigned int len)
{
	(void)ctx, (void)off, (void)len;
	assert(0);
	return 0;
}

static void never_write(void *ctx, unsigned int off, unsigned int len, u32 value)
{
	(void)ctx, (void)off, (void)len, (void)value;
	assert(0);
}

static void check_untouched(unsigned int off, unsigned int len)
{
	struct vcfg_hw hw = { never_read, never_write, NULL };
	u32 raw[2] = { nondet_u32(), nondet_u32() };
	u8 buf[8], out[8];
	unsigned int i;

	memcpy(buf, raw, sizeof(buf));
	free_window();
	for (i = 0; i < WORDS; i++)
		model.perm[WINDOW / 4 + i].virt = U32_MAX;
	vcfg_write(&model, &hw, off, len, buf);
	vcfg_read(&model, &hw, off, len, out);
}

/* A word that is wholly virtual is never even read from the card. */
void proof_hidden_words_are_not_touched(void)
{
	unsigned int off, len;

	for (off = WINDOW; off < WINDOW + 4; off++)
		for (len = 1; len <= 8; len++)
			check_untouched(off, len);
}
