// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target for the config-space model: a card whose config space is any
 * bytes at all, built into a model, then written and read by a guest at any
 * offset and length. Whatever happens:
 *   - a write that reaches the card is one to the error bits of Status or of
 *     PCI Express Device Status, and every other bit it carries is the card's
 *     own value, or 0 where a 1 would clear;
 *   - accesses of the card are aligned and inside its space;
 *   - the lists that the guest walks end, and hold shown capabilities only.
 *
 * The input: two bytes of parameters, then runs of "where, length, bytes" that
 * fill the card's space, a run of length 0, then accesses of the same form.
 */
#include <stdio.h>
#include <stdlib.h>
#include <linux/pci_regs.h>

#include "pci-assign/vcfg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STATUS_ERRORS	0xf900U
#define DEVSTA_ERRORS	0x000fU

struct card {
	u8 reg[VCFG_SIZE];
	unsigned int size;
	const struct vcfg *model;
};

struct input {
	const u8 *at, *end;
};

static void require(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static u8 next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static void check_access(const struct card *c, unsigned int off, unsigned int len)
{
	require(len == 1 || len == 2 || len == 4, "1, 2 or 4 bytes");
	require(off % len == 0, "aligned");
	require(off + len <= c->size, "inside the card's space");
}

static u32 card_read(void *ctx, unsigned int off, unsigned int len)
{
	struct card *c = ctx;
	u32 v = 0;

	check_access(c, off, len);
	memcpy(&v, c->reg + off, len);
	return v;
}

/* Write-1-to-clear bits that may be written at byte @off; 0: none may. */
static u8 may_clear(const struct card *c, unsigned int off)
{
	unsigned int devsta = c->model->pcie + (unsigned int)PCI_EXP_DEVSTA;

	if (off == PCI_STATUS || off == PCI_STATUS + 1)
		return (u8)(STATUS_ERRORS >> (off - PCI_STATUS) * 8);
	if (c->model->pcie && (off == devsta || off == devsta + 1))
		return (u8)(DEVSTA_ERRORS >> (off - devsta) * 8);
	return 0;
}

static void card_write(void *ctx, unsigned int off, unsigned int len, u32 value)
{
	struct card *c = ctx;
	unsigned int i, allowed = 0;

	check_access(c, off, len);
	for (i = 0; i < len; i++, value >>= 8) {
		u8 clear = may_clear(c, off + i);

		allowed |= clear;
		require((((u8)value ^ c->reg[off + i]) & ~clear) == 0,
			"bits that may not be written are written as they were");
		c->reg[off + i] &= (u8)~(clear & value);
	}
	require(allowed, "only error status is ever written");
}

static void fill(struct card *c, struct input *in)
{
	for (;;) {
		unsigned int at = (next(in) | next(in) << 8) % VCFG_SIZE;
		unsigned int len = next(in);

		if (!len)
			return;
		for (; len && at < VCFG_SIZE; len--, at++)
			c->reg[at] = next(in);
	}
}

static u32 guest_read(const struct vcfg *v, const struct vcfg_hw *hw,
		      unsigned int off)
{
	u8 buf[4];

	vcfg_read(v, hw, off, 4, buf);
	return buf[0] | buf[1] << 8 | buf[2] << 16 | (u32)buf[3] << 24;
}

static void walk(const struct vcfg *v, const struct vcfg_hw *hw)
{
	unsigned int pos = 0, steps = 0;
	u32 head = guest_read(v, hw, PCI_COMMAND);

	if (head >> 16 & PCI_STATUS_CAP_LIST)
		pos = guest_read(v, hw, PCI_CAPABILITY_LIST) & 0xff;
	while (pos) {
		require(pos >= PCI_STD_HEADER_SIZEOF && pos % 4 == 0 &&
			++steps <= 48, "the list ends");
		head = guest_read(v, hw, pos);
		require(vcfg_find_cap(head & 0xff, false) &&
			vcfg_find_cap(head & 0xff, false)->lines,
			"only shown capabilities are in the list");
		pos = head >> 8 & 0xff;
	}
	if (v->size != VCFG_SIZE)
		return;
	for (pos = VCFG_LEGACY_SIZE, steps = 0; pos; pos = head >> 20) {
		require(pos >= VCFG_LEGACY_SIZE && ++steps <= VCFG_WORDS,
			"the extended list ends");
		head = guest_read(v, hw, pos);
		require(!(head & 0xffff) ||
			(vcfg_find_cap(head & 0xffff, true) &&
			 vcfg_find_cap(head & 0xffff, true)->lines),
			"only shown extended capabilities are in the list");
	}
}

static void access_all(struct vcfg *v, const struct vcfg_hw *hw, struct input *in)
{
	u8 buf[256];
	unsigned int i;

	while (in->at < in->end) {
		unsigned int where = next(in) | next(in) << 8;
		unsigned int len = next(in);

		if (where & 0x8000) {
			vcfg_read(v, hw, where % (VCFG_SIZE + 16), len, buf);
			continue;
		}
		for (i = 0; i < len; i++)
			buf[i] = next(in);
		vcfg_write(v, hw, where % (VCFG_SIZE + 16), len, buf);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vcfg v;
	static struct card c;
	struct input in = { data, data + size };
	struct vcfg_hw hw = { card_read, card_write, &c };
	u8 flags = next(&in), kinds = next(&in);
	struct vcfg_params p = {
		.size = flags & 1 ? VCFG_SIZE : VCFG_LEGACY_SIZE,
		.vendor = 0x8086, .device = 0x10d3,
		.intx = flags & 2, .msix = flags & 4,
		.msi_log2 = (s8)((flags >> 3 & 7) - 1),
		.rom_size = flags & 0x40 ? 65536 : 0,
		.bars = { { kinds & 1 ? VBAR_MEM32 : VBAR_IO, false,
			    1ULL << (4 + (kinds >> 1 & 7)) } },
	};

	memset(&c, 0, sizeof(c));
	c.size = p.size;
	c.model = &v;
	fill(&c, &in);
	c.reg[PCI_HEADER_TYPE] &= 0x80;
	if (vcfg_build(&v, &hw, &p))
		return 0;
	walk(&v, &hw);
	access_all(&v, &hw, &in);
	walk(&v, &hw);
	return 0;
}

#ifdef WITHOUT_LIBFUZZER
/* Fixed-seed inputs, for machines without clang: argv[1] says how many. Runs
 * are kept short, so that an input has many.
 */
int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, n;
	u64 x = 0x9e3779b97f4a7c15;
	u8 input[512];
	size_t k;

	for (n = 0; n < runs; n++) {
		for (k = 0; k < sizeof(input); k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			input[k] = (u8)(x >> 24 & (x >> 60 ? 0x0f : 0xff));
		}
		LLVMFuzzerTestOneInput(input, sizeof(input));
	}
	printf("%lu inputs\n", runs);
	return 0;
}
#endif
