// SPDX-License-Identifier: GPL-2.0
/*
 * pci-assign/vcfg.c: what a guest reads of a card, and that no write of any
 * size and alignment reaches the card outside the table's bits.
 */
#include "tests/unit/check.h"
#include <linux/pci_regs.h>
#include "msi/vmsix.h"
#include "pci-assign/vcfg.h"

/* A card's config space in memory, and a record of what was written. */
struct card {
	u8 reg[VCFG_SIZE];
	u32 w1c[VCFG_WORDS];	/* the card's own write-1-to-clear bits */
	unsigned int reads, writes;
	unsigned int last_off, last_len;
};

static u32 card_read(void *ctx, unsigned int off, unsigned int len)
{
	struct card *c = ctx;
	u32 v = 0;

	assert_true(len == 1 || len == 2 || len == 4);
	assert_int_equal(off % len, 0);
	assert_true(off + len <= VCFG_SIZE);
	c->reads++;
	memcpy(&v, c->reg + off, len);
	return v;
}

static void card_write(void *ctx, unsigned int off, unsigned int len, u32 value)
{
	struct card *c = ctx;
	unsigned int i;

	assert_true(len == 1 || len == 2 || len == 4);
	assert_int_equal(off % len, 0);
	assert_true(off + len <= VCFG_SIZE);
	c->writes++;
	c->last_off = off;
	c->last_len = len;
	for (i = 0; i < len; i++, value >>= 8) {
		u8 w1c = (u8)(c->w1c[(off + i) / 4] >> (off + i) % 4 * 8);
		u8 *r = &c->reg[off + i];

		*r = (*r & w1c & ~(u8)value) | ((u8)value & ~w1c);
	}
}

static void put32(struct card *c, unsigned int off, u32 v)
{
	memcpy(c->reg + off, &v, 4);
}

static u32 get32(const struct card *c, unsigned int off)
{
	u32 v;

	memcpy(&v, c->reg + off, 4);
	return v;
}

static u32 guest_read(const struct vcfg *v, const struct vcfg_hw *hw,
		      unsigned int off, unsigned int len)
{
	u8 buf[4] = { 0 };
	u32 value;

	vcfg_read(v, hw, off, len, buf);
	memcpy(&value, buf, 4);
	return value;
}

static u32 guest_write(struct vcfg *v, const struct vcfg_hw *hw,
		       unsigned int off, unsigned int len, u32 value)
{
	u8 buf[4];

	memcpy(buf, &value, 4);
	return vcfg_write(v, hw, off, len, buf);
}

/*
 * A network card: PM at C8h, MSI at D0h (64-bit, maskable, 4 vectors), PCIe
 * at 60h, VPD (hidden) at 98h, MSI-X at A0h, vendor at B0h;
 * extended: AER, hidden ACS, DSN.
 */
struct fixture {
	struct card card;
	struct vcfg v;
	struct vcfg_hw hw;
	struct vcfg_params p;
};

static void make_card(struct card *c)
{
	memset(c, 0, sizeof(*c));
	put32(c, 0x00, 0x10d38086);
	put32(c, 0x04, 0x00100547);	/* status: list; command: as left */
	put32(c, 0x08, 0x02000000);
	put32(c, 0x0c, 0x00800010);	/* multifunction */
	put32(c, 0x10, 0xfebc0000);
	put32(c, 0x2c, 0x00008086);
	put32(c, 0x34, 0x000000c8);
	put32(c, 0x3c, 0x0000010b);
	put32(c, 0xc8, 0xc822d001);	/* PM: PME, D1, D2, version 2 */
	put32(c, 0xcc, 0x00008103);	/* PME status and enable, D3 */
	put32(c, 0xd0, 0x01859805);	/* left enabled */
	put32(c, 0x98, 0x00006003);	/* VPD, hidden */
	put32(c, 0x9c, 0xdeadbeef);
	put32(c, 0x60, 0x0002b010);	/* PCIe version 2 */
	put32(c, 0x64, 0x10008fc1);
	put32(c, 0x68, 0x00092810);	/* status CED; control */
	put32(c, 0x84, 0x0000001f);
	put32(c, 0xb0, 0x0010a009);	/* vendor-specific, 16 bytes */
	put32(c, 0xb4, 0x11223344);
	put32(c, 0xa0, 0x80040011);	/* MSI-X, 5 entries, left enabled */
	put32(c, 0xa4, 0x00000003);
	put32(c, 0x100, 0x13010001);	/* AER -> 130h */
	put32(c, 0x104, 0x00000020);
	put32(c, 0x130, 0x1401000d);	/* ACS, hidden -> 140h */
	put32(c, 0x134, 0x0000001f);
	put32(c, 0x140, 0x00010003);	/* DSN */
	put32(c, 0x144, 0xaabbccdd);
	c->w1c[0x04 / 4] = 0xf9000000;
	c->w1c[0x68 / 4] = 0x000f0000;
}

static void build(struct fixture *f)
{
	make_card(&f->card);
	f->hw = (struct vcfg_hw) { card_read, card_write, &f->card };
	f->p = (struct vcfg_params) {
		.size = VCFG_SIZE, .vendor = 0x8086, .device = 0x10d3,
		.intx = true, .msix = true, .msi_log2 = 5,
		.bars = { { VBAR_MEM32, 0, 0x20000 },
			  [2] = { VBAR_IO, 0, 32 },
			  [3] = { VBAR_MEM32, 0, 0x4000 } },
	};
	assert_int_equal(vcfg_build(&f->v, &f->hw, &f->p), 0);
	f->card.reads = 0;
	f->card.writes = 0;
}

/* ---- refusals ------------------------------------------------------------ */

static void test_bridges_and_bad_shapes_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	f.card.reg[PCI_HEADER_TYPE] = 1;
	assert_int_equal(vcfg_build(&f.v, &f.hw, &f.p), -EINVAL);
	f.card.reg[PCI_HEADER_TYPE] = 0;
	f.p.size = 512;
	assert_int_equal(vcfg_build(&f.v, &f.hw, &f.p), -EINVAL);
	f.p.size = VCFG_SIZE;
	f.p.bars[0].size = 3;
	assert_int_equal(vcfg_build(&f.v, &f.hw, &f.p), -EINVAL);
}

static void test_past_the_end_reads_ones_and_drops_writes(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	f.p.size = VCFG_LEGACY_SIZE;
	vcfg_build(&f.v, &f.hw, &f.p);
	f.card.reads = 0;
	assert_int_equal(guest_read(&f.v, &f.hw, 0x100, 4), 0xffffffff);
	assert_int_equal(guest_write(&f.v, &f.hw, 0x100, 4, 0), 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xfff, 4) & 0xff, 0xff);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xffffffc, 4), 0xffffffff);
	assert_int_equal(f.card.reads + f.card.writes, 0);
}

/* Is a capability nobody described invisible, list and bytes? */
static void test_unknown_and_hidden_capabilities_are_not_there(void **state)
{
	static const u8 list[] = { 0xc8, 0xd0, 0x60, 0xb0, 0xa0 };
	struct fixture f;
	unsigned int pos, n = 0;

	(void)state;
	build(&f);
	/* D0h -> 98h (VPD) -> 60h: the guest must step from D0h to 60h. */
	for (pos = guest_read(&f.v, &f.hw, 0x34, 1); pos;
	     pos = guest_read(&f.v, &f.hw, pos + 1, 1)) {
		assert_true(n < ARRAY_SIZE(list));
		assert_int_equal(pos, list[n++]);
	}
	assert_int_equal(n, ARRAY_SIZE(list));
	assert_int_equal(guest_read(&f.v, &f.hw, 0x98, 4), 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x9c, 4), 0);
	guest_write(&f.v, &f.hw, 0x9c, 4, 0x12345678);
	guest_write(&f.v, &f.hw, 0x9a, 2, 0x8000);
	assert_int_equal(f.card.writes, 0);
	assert_int_equal(get32(&f.card, 0x9c), 0xdeadbeef);
}

static void test_a_card_without_a_shown_capability_has_no_list(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	f.card.reg[0x34] = 0x98;
	f.card.reg[0x99] = 0;
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x34, 1), 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x06, 2) & PCI_STATUS_CAP_LIST,
			 0);
}

/* Loops, overlaps and lengths past the end: does the build stay sane? */
static void test_a_malicious_list_ends(void **state)
{
	struct fixture f;
	unsigned int pos, n = 0;

	(void)state;
	build(&f);
	f.card.reg[0xa1] = 0xc8;		/* back to the start */
	put32(&f.card, 0xb0, 0x00fca009);	/* longer than the space */
	vcfg_build(&f.v, &f.hw, &f.p);
	for (pos = guest_read(&f.v, &f.hw, 0x34, 1); pos;
	     pos = guest_read(&f.v, &f.hw, pos + 1, 1))
		assert_true(++n <= 4);
	assert_int_equal(n, 4);

	make_card(&f.card);
	put32(&f.card, 0xb0, 0x0020a809);
	put32(&f.card, 0xa8, 0x0020b009);	/* covers B0h and C0h */
	vcfg_build(&f.v, &f.hw, &f.p);
	for (n = 0, pos = guest_read(&f.v, &f.hw, 0x34, 1); pos;
	     pos = guest_read(&f.v, &f.hw, pos + 1, 1))
		assert_true(++n <= 5);

	/* every byte of the space a pointer or id of its own */
	for (pos = 0x40; pos < 0x100; pos++)
		f.card.reg[pos] = (u8)(pos * 37);
	assert_int_equal(vcfg_build(&f.v, &f.hw, &f.p), 0);
	for (pos = 0x100; pos < 0x1000; pos++)
		f.card.reg[pos] = (u8)(pos * 41 + pos / 256);
	assert_int_equal(vcfg_build(&f.v, &f.hw, &f.p), 0);
}

/* A card with two PCI Express structures: whose error bits may be cleared? */
static void test_of_two_capabilities_of_a_kind_the_first_counts(void **state)
{
	struct fixture f;
	unsigned int pos, n = 0;

	(void)state;
	build(&f);
	put32(&f.card, 0xa0, 0x8004e811);	/* MSI-X -> E8h, a second one */
	put32(&f.card, 0xe8, 0x00010010);
	vcfg_build(&f.v, &f.hw, &f.p);
	for (pos = guest_read(&f.v, &f.hw, 0x34, 1); pos;
	     pos = guest_read(&f.v, &f.hw, pos + 1, 1), n++)
		assert_int_not_equal(pos, 0xe8);
	assert_int_equal(n, 5);
	assert_int_equal(f.v.pcie, 0x60);
	guest_write(&f.v, &f.hw, 0xf2, 2, 0xf);	/* the second's status */
	assert_int_equal(f.card.writes, 0);
	guest_write(&f.v, &f.hw, 0x6a, 2, 0x1);
	assert_int_equal(f.card.writes, 1);
}

static void test_the_extended_list_skips_what_is_hidden(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x100, 4), 0x14010001);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x104, 4), 0x20);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x130, 4), 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x134, 4), 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x140, 4), 0x00010003);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x144, 4), 0xaabbccdd);
	put32(&f.card, 0x100, 0x1301000d);	/* now the first is hidden */
	put32(&f.card, 0x130, 0x14010015);
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x100, 4), 0x14000000);
	put32(&f.card, 0x140, 0x00010010);	/* and the last: none left */
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x100, 4), 0);
}

/* ---- single registers ---------------------------------------------------- */

static void test_the_command_register_never_reaches_the_card(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_int_equal(guest_read(&f.v, &f.hw, 4, 2), 0);
	assert_int_equal(guest_write(&f.v, &f.hw, 4, 2, 0xffff),
			 VCFG_DID_COMMAND);
	assert_int_equal(guest_read(&f.v, &f.hw, 4, 2), 0x0557);
	assert_int_equal(f.card.writes, 0);
}

/* Does clearing an error leave the command register alone? */
static void test_error_status_clears_without_touching_command(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	put32(&f.card, 4, 0xa0100547);
	guest_write(&f.v, &f.hw, 4, 4, 0x20000007);
	assert_int_equal(get32(&f.card, 4), 0x80100547);
	assert_int_equal(f.card.last_off, 6);
	assert_int_equal(f.card.last_len, 2);
}

static void test_device_status_clears_only_what_was_asked(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	put32(&f.card, 0x68, 0x000f2810);
	guest_write(&f.v, &f.hw, 0x68, 4, 0x0002ffff & ~0x8000U);
	assert_int_equal(get32(&f.card, 0x68), 0x000d2810);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x68, 2), 0x7fff);
}

static void test_a_reset_bit_asks_and_reads_zero(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_int_equal(guest_write(&f.v, &f.hw, 0x68, 2, 0xa810),
			 VCFG_DID_RESET);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x68, 2), 0x2810);
	assert_int_equal(f.card.writes, 0);

	put32(&f.card, 0xb0, 0x0306a013);	/* AF: FLR and TP */
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(guest_write(&f.v, &f.hw, 0xb4, 1, 1), VCFG_DID_RESET);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xb4, 1), 0);
	assert_int_equal(f.card.writes, 0);
}

static void test_bars_size_and_place_in_the_shadow(void **state)
{
	struct fixture f;
	unsigned int i;

	(void)state;
	build(&f);
	for (i = 0; i < 6; i++)
		assert_int_equal(guest_write(&f.v, &f.hw, 0x10 + i * 4, 4,
					     0xffffffff), VCFG_DID_BAR);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x10, 4), 0xfffe0000);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x14, 4), 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x18, 4), 0xffffffe1);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x1c, 4), 0xffffc000);
	guest_write(&f.v, &f.hw, 0x10, 4, 0xe0012345);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x10, 4), 0xe0000000);
	assert_int_equal(get32(&f.card, 0x10), 0xfebc0000);
	assert_int_equal(f.card.writes, 0);
}

static void test_power_management_is_a_model(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xca, 2), 0x0002);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xcc, 4), 0x00000008);
	guest_write(&f.v, &f.hw, 0xcc, 4, 0xffffffff);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xcc, 4), 0x0000000b);
	assert_int_equal(f.card.writes, 0);
}

static void test_msi_offers_what_the_host_can_give(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	f.p.msi_log2 = 1;
	vcfg_build(&f.v, &f.hw, &f.p);
	/* 64-bit and maskable as the card, 2 of 4 vectors, disabled. */
	assert_int_equal(guest_read(&f.v, &f.hw, 0xd2, 2), 0x0182);
	assert_int_equal(guest_write(&f.v, &f.hw, 0xd2, 2, 0xffff),
			 VCFG_DID_MSI);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xd2, 2), 0x01f3);
	assert_int_equal(vcfg_msi_data_off(&f.v), 0xdc);
	assert_int_equal(vcfg_msi_mask_off(&f.v), 0xe0);
	assert_int_equal(vcfg_msi_pending_off(&f.v), 0xe4);
	guest_write(&f.v, &f.hw, 0xe0, 4, 0xffffffff);
	guest_write(&f.v, &f.hw, 0xe4, 4, 0xffffffff);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xe0, 4), 3);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xe4, 4), 0);
	assert_int_equal(f.card.writes, 0);
	f.p.msi_log2 = -1;
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(f.v.msi, 0);
	assert_int_equal(vcfg_msi_data_off(&f.v), 0);
}

static void test_msix_control_is_a_model_that_starts_off(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xa2, 2), 4);
	assert_int_equal(guest_write(&f.v, &f.hw, 0xa2, 2, 0xffff),
			 VCFG_DID_MSIX);
	assert_int_equal(vcfg_get16(&f.v, 0xa2), 0xc004);
	guest_write(&f.v, &f.hw, 0xa4, 4, 0);
	assert_int_equal(guest_read(&f.v, &f.hw, 0xa4, 4), 3);
	assert_int_equal(f.card.writes, 0);
	f.p.msix = false;
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(f.v.msix, 0);
}

static void test_an_undeliverable_pin_is_not_shown(void **state)
{
	struct fixture f;

	(void)state;
	build(&f);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x3d, 1), 1);
	f.p.intx = false;
	vcfg_build(&f.v, &f.hw, &f.p);
	assert_int_equal(guest_read(&f.v, &f.hw, 0x3d, 1), 0);
}

/* ---- everything ---------------------------------------------------------- */

/* Do accesses of each size and alignment agree byte by byte? */
static void test_every_size_and_alignment_reads_the_same(void **state)
{
	struct fixture f;
	u8 whole[VCFG_SIZE], part[32];
	unsigned int off, len;

	(void)state;
	build(&f);
	for (off = 0; off < VCFG_SIZE; off++)
		vcfg_read(&f.v, &f.hw, off, 1, &whole[off]);
	for (off = 0; off < 0x160; off++)
		for (len = 1; len <= sizeof(part); len++) {
			vcfg_read(&f.v, &f.hw, off, len, part);
			assert_memory_equal(part, whole + off, len);
		}
}

/*
 * Random writes of any size, offset and value: does any bit of the card change
 * that its line does not allow? The allowance is taken from the tables, not
 * from the code under test.
 */
static u32 allowed(const struct fixture *f, unsigned int word)
{
	u32 off = word * 4;

	if (off == PCI_COMMAND)
		return 0xf9000000;
	if (off == f->v.pcie + 8U)
		return 0x000f0000;
	return 0;
}

static void test_random_writes_stay_within_the_table(void **state)
{
	struct fixture f;
	struct card before;
	u32 seed = 99, step, i, cleared = 0;

	(void)state;
	build(&f);
	for (step = 0; step < 200000; step++) {
		u8 buf[16];
		unsigned int off, len;

		for (i = 0; i < sizeof(buf); i++) {
			seed = seed * 1664525 + 1013904223;
			buf[i] = (u8)(seed >> 24);
		}
		off = seed >> 8 & (seed & 1 ? 0xff : 0xfff);
		len = 1 + (seed >> 20) % sizeof(buf);
		if (off + len > VCFG_SIZE)
			continue;
		put32(&f.card, 4, 0xf9100547);
		put32(&f.card, 0x68, 0x000f2810);
		before = f.card;
		vcfg_write(&f.v, &f.hw, off, len, buf);
		for (i = off / 4; i <= (off + len - 1) / 4; i++) {
			u32 was = get32(&before, i * 4);
			u32 is = get32(&f.card, i * 4);

			assert_int_equal((was ^ is) & ~allowed(&f, i), 0);
			cleared += was != is;
		}
	}
	assert_true(cleared > 1000);	/* the test saw writes arrive */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bridges_and_bad_shapes_are_refused),
		cmocka_unit_test(test_past_the_end_reads_ones_and_drops_writes),
		cmocka_unit_test(test_unknown_and_hidden_capabilities_are_not_there),
		cmocka_unit_test(test_a_card_without_a_shown_capability_has_no_list),
		cmocka_unit_test(test_a_malicious_list_ends),
		cmocka_unit_test(test_of_two_capabilities_of_a_kind_the_first_counts),
		cmocka_unit_test(test_the_extended_list_skips_what_is_hidden),
		cmocka_unit_test(test_the_command_register_never_reaches_the_card),
		cmocka_unit_test(test_error_status_clears_without_touching_command),
		cmocka_unit_test(test_device_status_clears_only_what_was_asked),
		cmocka_unit_test(test_a_reset_bit_asks_and_reads_zero),
		cmocka_unit_test(test_bars_size_and_place_in_the_shadow),
		cmocka_unit_test(test_power_management_is_a_model),
		cmocka_unit_test(test_msi_offers_what_the_host_can_give),
		cmocka_unit_test(test_msix_control_is_a_model_that_starts_off),
		cmocka_unit_test(test_an_undeliverable_pin_is_not_shown),
		cmocka_unit_test(test_every_size_and_alignment_reads_the_same),
		cmocka_unit_test(test_random_writes_stay_within_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
