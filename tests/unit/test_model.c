// SPDX-License-Identifier: GPL-2.0
/*
 * The strict model itself, as far as no other test leans on it, and the shared
 * table before it: random maps, unmaps and protections, with exactly the
 * flushes that gpm asks for, never leave the unit with a right that the table
 * does not give; with one flush less, or one shortened, the model notices.
 */
#include "tests/unit/check.h"
#include "tests/model/bench.h"

#define CARD	0x0028
#define DOMAIN	7

struct fixture {
	struct bench b;
	struct gpm g;
	u64 seed;
	enum mutation { NONE, NO_FLUSH, NO_PDE, SHORT_RANGE } mutation;
	unsigned int wrong;
};

static void down(struct bench *b)
{
	if (b->m->complaint)
		fail_msg("the unit complains: %s", b->m->complaint);
	bench_down(b);
}

static struct dte_want tree_want(struct bench *b, const struct gpm *g)
{
	struct dte_want want = bench_blocked(b, false);

	want.dma = DTE_DMA_TABLE;
	want.domain_id = DOMAIN;
	want.depth = (u8)g->depth;
	want.root = gpm_root_hpa(g);
	return want;
}

static void attach(struct bench *b, struct gpm *g)
{
	struct dte_want want = tree_want(b, g);

	assert_int_equal(bench_write_dte(b, CARD, &want), 0);
}

/* ---- the shared table --------------------------------------------------------- */

#define SPAN	(4ULL << 21)	/* what the campaign maps: 8 MiB at 1 GiB */
#define START	(1ULL << 30)

static u32 draw(struct fixture *f, u32 below)
{
	f->seed = f->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(f->seed >> 33) % below;
}

static void flush(struct fixture *f, u64 start, u64 end, int result)
{
	bool walk = (result & GPM_FLUSH_WALK) && f->mutation != NO_PDE;
	struct amdvi_cmd cmd;

	if (!(result & GPM_FLUSH) || f->mutation == NO_FLUSH)
		return;
	if (f->mutation == SHORT_RANGE && end - start > 4096)
		end = start + 4096;
	cmd = cmd_invalidate_pages(DOMAIN, start, end, walk);
	assert_int_equal(engine_run(&f->b.e, &cmd, 1), 0);
}

static void change(struct fixture *f)
{
	u32 perms[] = { GPM_DMA_R, GPM_DMA_RW, GPM_DMA_RW | GPM_CPU_RWX,
			GPM_CPU_RWX };
	u64 start = START + (u64)draw(f, SPAN >> 12) * 4096, end;
	unsigned int level = draw(f, 4) == 0;
	int r;

	switch (draw(f, 3)) {
	case 0:
		if (level)
			start &= ~((1ULL << 21) - 1);
		end = start + (4096ULL << 9 * level);
		r = gpm_map(&f->g, start, MODEL_RAM + ((u64)draw(f, 4) << 21) +
			    (level ? 0 : (u64)draw(f, 512) << 12), level,
			    perms[draw(f, 4)]);
		break;
	case 1:
		end = min(start + ((u64)draw(f, 1500) + 1) * 4096, START + SPAN);
		r = gpm_unmap(&f->g, start, end);
		break;
	default:
		end = min(start + ((u64)draw(f, 1500) + 1) * 4096, START + SPAN);
		r = gpm_protect(&f->g, start, end, GPM_DMA_W, 0);
	}
	assert_true(r >= 0);
	flush(f, start, end, r);
}

/* One access; the unit must do what the table says now. */
static void access_once(struct fixture *f)
{
	u64 addr = START + (u64)draw(f, SPAN >> 12) * 4096 + draw(f, 4096);
	struct gpm_leaf leaf = gpm_lookup(&f->g, addr);
	bool write = draw(f, 2), may, got;
	hpa_t hpa;

	may = leaf.present && (leaf.perm & (write ? GPM_DMA_W : GPM_DMA_R));
	got = model_dma(f->b.m, CARD, addr, write, &hpa);
	if (got != may || (got && hpa != leaf.hpa))
		f->wrong++;
}

static unsigned int campaign(enum mutation mutation, bool np_cache)
{
	struct fixture f = { .seed = 4, .mutation = mutation };
	unsigned int i, j;

	bench_up(&f.b);
	f.b.m->np_cache = np_cache;
	assert_int_equal(gpm_init(&f.g, &bench_gpm_ops, f.b.m, 4), 0);
	attach(&f.b, &f.g);
	for (i = 0; i < 600; i++) {
		change(&f);
		for (j = 0; j < 20; j++)
			access_once(&f);
		bench_drain(&f.b);
		/* Full caches would hide what is stale. */
		if (f.b.m->tlbs > MODEL_CACHE / 2) {
			model_forget_pages(f.b.m, DOMAIN, 0, ~0ULL, true);
			assert_int_equal(f.b.m->cache_full, 0);
		}
	}
	down(&f.b);
	return f.wrong;
}

static void test_the_flushes_that_gpm_asks_for_suffice(void **state)
{
	(void)state;
	assert_int_equal(campaign(NONE, false), 0);
}

/* What becomes mapped must be flushed too (amdvi_caches_absent()). */
static void test_a_unit_that_caches_absence_needs_more(void **state)
{
	(void)state;
	assert_true(campaign(NONE, true) > 0);
}

static void test_a_missing_flush_is_noticed(void **state)
{
	(void)state;
	assert_true(campaign(NO_FLUSH, false) > 0);
}

static void test_a_flush_without_pde_is_noticed(void **state)
{
	(void)state;
	assert_true(campaign(NO_PDE, false) > 0);
}

static void test_a_flush_of_one_page_for_many_is_noticed(void **state)
{
	(void)state;
	assert_true(campaign(SHORT_RANGE, false) > 0);
}

static void test_each_range_command_reaches_every_page_of_it(void **state)
{
	u64 seed = 1, start, end;
	struct fixture f = { .seed = seed };
	unsigned int i;

	(void)state;
	bench_up(&f.b);
	for (i = 0; i < 2000; i++) {
		struct amdvi_cmd cmd;
		u64 at;

		start = (u64)draw(&f, 1U << 30) << draw(&f, 22);
		start &= ~0xfffULL;
		end = start + (((u64)draw(&f, 1U << 20) + 1) << 12);
		at = start + draw(&f, (u32)((end - start) >> 12)) * 4096ULL;
		f.b.m->tlbs = 1;
		f.b.m->tlb[0] = (struct model_tlb){ .domain = DOMAIN,
			.start = at, .size = 4096, .present = true };
		cmd = cmd_invalidate_pages(DOMAIN, start, end, false);
		assert_int_equal(engine_run(&f.b.e, &cmd, 1), 0);
		assert_int_equal(f.b.m->tlbs, 0);
	}
	down(&f.b);
}

/* ---- the walk ------------------------------------------------------------------- */

static u64 *entry_at(struct bench *b, hpa_t root, u64 addr, unsigned int to)
{
	hpa_t table = root;
	unsigned int level;
	u64 *e;

	for (level = 3;; level--) {
		e = (u64 *)model_at(b->m, table, 4096) +
		    (addr >> (12 + 9 * level) & 511);
		if (level == to)
			return e;
		table = *e & GENMASK_ULL(51, 12);
	}
}

static void test_malformed_entries_are_faults_with_rz(void **state)
{
	struct { unsigned int level; u64 set, clear; } bad[] = {
		{ 0, BIT_ULL(52), 0 }, { 0, BIT_ULL(58), 0 },	/* reserved */
		{ 1, BIT_ULL(55), 0 }, { 1, BIT_ULL(60), 0 },
		{ 1, 7ULL << 9, 0 },			/* level rises */
		{ 2, 4ULL << 9, 0 },
		{ 1, 0, 7ULL << 9 },			/* leaf, unaligned */
	};
	struct bench b;
	struct gpm g;
	unsigned int i;
	hpa_t hpa;
	u64 *e, keep;

	(void)state;
	bench_up(&b);
	assert_int_equal(gpm_init(&g, &bench_gpm_ops, b.m, 4), 0);
	gpm_map(&g, START, MODEL_RAM, 0, GPM_DMA_RW);
	attach(&b, &g);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		e = entry_at(&b, gpm_root_hpa(&g), START, bad[i].level);
		keep = *e;
		*e = (*e & ~bad[i].clear) | bad[i].set;
		if (bad[i].clear)
			*e |= 0x1000;
		model_forget_all(b.m);
		assert_false(model_dma(b.m, CARD, START, false, &hpa));
		assert_int_equal(bench_drain(&b), 1);
		assert_int_equal(b.event[0][0] & (EVT_PR | EVT_RZ | EVT_PE),
				 EVT_PR | EVT_RZ);
		*e = keep;
		model_forget_all(b.m);
		assert_true(model_dma(b.m, CARD, START, false, &hpa));
	}
	assert_false(model_dma(b.m, CARD, START + (1ULL << 48), false, &hpa));
	assert_int_equal(bench_drain(&b), 1);
	down(&b);
}

static void test_a_malformed_device_table_entry_blocks(void **state)
{
	struct { unsigned int quad; u64 set; bool irq; } bad[] = {
		{ 0, BIT_ULL(2), false }, { 0, BIT_ULL(63), false },
		{ 0, 7ULL << 9, false }, { 3, 1, false },
		{ 2, 3ULL << 60, true }, { 2, 15ULL << 1, true },
		{ 2, BIT_ULL(53), true },
	};
	struct model_irq irq;
	struct bench b;
	unsigned int i;
	hpa_t hpa;

	(void)state;
	bench_up(&b);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct dte keep = b.devtab[CARD];

		b.devtab[CARD].q[bad[i].quad] |= bad[i].set;
		model_forget_all(b.m);
		if (bad[i].irq)
			model_interrupt(b.m, CARD, 0xfee00000, 1, &irq);
		else
			model_dma(b.m, CARD, 0, true, &hpa);
		assert_int_equal(bench_drain(&b), 1);
		assert_int_equal(FIELD_GET(EVT_CODE, b.event[0][0]),
				 MODEL_ILLEGAL_DTE);
		/* RZ: a reserved bit, or else a level that none is */
		assert_int_equal(!(b.event[0][0] & EVT_RZ),
				 bad[i].set == 7ULL << 9);
		b.devtab[CARD] = keep;
	}
	down(&b);
}

static void test_memory_that_cannot_be_read_is_a_hardware_error(void **state)
{
	struct dte_want want;
	struct bench b;
	hpa_t hpa;

	(void)state;
	bench_up(&b);
	want = bench_blocked(&b, false);
	want.dma = DTE_DMA_TABLE;
	want.depth = 4;
	want.root = 1ULL << 40;
	want.domain_id = DOMAIN;
	bench_write_dte(&b, CARD, &want);
	assert_false(model_dma(b.m, CARD, 0x1000, false, &hpa));
	assert_int_equal(bench_drain(&b), 1);
	assert_int_equal(FIELD_GET(EVT_CODE, b.event[0][0]), MODEL_PAGETAB_HW);
	down(&b);
}

/* 4 to 6 levels, and 3: all of the reach is translated, nothing beyond it. */
static void test_every_depth_is_walked_to_its_end(void **state)
{
	unsigned int depth;
	struct bench b;
	struct gpm g;
	hpa_t hpa;

	(void)state;
	for (depth = 3; depth <= 6; depth++) {
		unsigned int bits = min(12 + 9 * depth, 52U);
		u64 last = (1ULL << bits) - BP_PAGE_SIZE;

		bench_up(&b);
		assert_int_equal(gpm_init(&g, &bench_gpm_ops, b.m, depth), 0);
		assert_int_equal(gpm_map(&g, last, MODEL_RAM, 0, GPM_DMA_RW), 0);
		attach(&b, &g);
		assert_true(model_dma(b.m, CARD, last + 5, true, &hpa));
		assert_int_equal(hpa, MODEL_RAM + 5);
		assert_false(model_dma(b.m, CARD, last - 1, true, &hpa));
		assert_int_equal(bench_drain(&b), 1);
		assert_false(model_dma(b.m, CARD, last + (1ULL << bits), true,
				       &hpa));
		assert_int_equal(bench_drain(&b), 1);
		assert_int_equal(FIELD_GET(EVT_CODE, b.event[0][0]),
				 MODEL_PAGE_FAULT);
		down(&b);
	}
}

/* What firmware or a crashed kernel left in the registers opens nothing. */
static void test_an_exclusion_range_does_not_outlive_a_take_over(void **state)
{
	struct bench b;
	hpa_t hpa;

	(void)state;
	bench_init(&b);
	model_write(b.m, AMDVI_REG_EXCL_BASE, 0x100000 | 3);
	model_write(b.m, AMDVI_REG_EXCL_LIMIT, 0x1ff000);
	assert_int_equal(engine_start(&b.e), 0);
	assert_false(model_dma(b.m, CARD, 0x100000, true, &hpa));
	/* It would have: */
	model_write(b.m, AMDVI_REG_EXCL_BASE, 0x100000 | 3);
	model_write(b.m, AMDVI_REG_EXCL_LIMIT, 0x1ff000);
	assert_true(model_dma(b.m, CARD, 0x100000, true, &hpa));
	assert_true(model_dma(b.m, CARD, 0x1fffff, true, &hpa));
	assert_false(model_dma(b.m, CARD, 0x200000, true, &hpa));
	assert_false(model_dma(b.m, CARD, 0xfffff, true, &hpa));
	/* Bit 1 is "all cards"; without it the entry decides, ours says no. */
	model_write(b.m, AMDVI_REG_EXCL_BASE, 0x100000 | 1);
	assert_false(model_dma(b.m, CARD, 0x100000, true, &hpa));
	down(&b);
}

/* ATS is not given to any card: blocked, attached or the host's own. */
static void test_no_card_may_say_that_its_address_is_translated(void **state)
{
	enum dte_dma kinds[] = { DTE_DMA_BLOCK, DTE_DMA_IDENTITY, DTE_DMA_TABLE };
	struct bench b;
	struct gpm g;
	unsigned int i;

	(void)state;
	bench_up(&b);
	assert_int_equal(gpm_init(&g, &bench_gpm_ops, b.m, 4), 0);
	assert_int_equal(gpm_map(&g, 0x1000, MODEL_RAM, 0, GPM_DMA_RW), 0);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct dte_want want = tree_want(&b, &g);

		want.dma = kinds[i];
		assert_int_equal(bench_write_dte(&b, CARD, &want), 0);
		assert_false(model_translated(b.m, CARD, MODEL_RAM, true));
		assert_int_equal(bench_drain(&b), 1);
		assert_int_equal(FIELD_GET(EVT_CODE, b.event[0][0]),
				 MODEL_INVALID_REQ);
		assert_int_equal(b.event[0][1], MODEL_RAM);
	}
	/* The bit that would permit it. */
	b.devtab[CARD].q[1] |= BIT_ULL(32);
	model_forget_all(b.m);
	assert_true(model_translated(b.m, CARD, MODEL_RAM, true));
	down(&b);
}

/* V = 0 is the one entry that must never be: the model shows why. */
static void test_an_invalid_entry_lets_everything_through(void **state)
{
	struct model_irq irq;
	struct bench b;
	hpa_t hpa;

	(void)state;
	bench_up(&b);
	memset(&b.devtab[CARD], 0, sizeof(b.devtab[CARD]));
	assert_true(model_dma(b.m, CARD, 0x1000, true, &hpa));
	assert_int_equal(model_interrupt(b.m, CARD, 0xfee00000, 1, &irq),
			 MODEL_IRQ_PASSED);
	down(&b);
}

/* ---- interrupts ------------------------------------------------------------------- */

static void give_table(struct bench *b, void *irt, unsigned int order)
{
	struct dte_want want = bench_blocked(b, false);

	want.irq = DTE_IRQ_TABLE;
	want.irt = model_hpa(b->m, irt);
	want.irt_order = (u8)order;
	assert_int_equal(bench_write_dte(b, CARD, &want), 0);
}

static void check_remapping(struct bench *b, bool ga)
{
	struct irte_want want = { .vector = 0x51, .dest = 3 };
	struct amdvi_cmd cmd = cmd_invalidate_irt(CARD);
	u64 *irt = model_alloc(b->m, 4096, 4096), wide[2];
	struct model_irq irq;
	u32 narrow;

	give_table(b, irt, IRTE_TABLE_ORDER);
	/* Deny by default. */
	assert_int_equal(model_interrupt(b->m, CARD, 0xfee00000, 9, &irq),
			 MODEL_IRQ_REFUSED);
	assert_int_equal(irte128_build(&want, false, wide), 0);
	assert_int_equal(irte32_build(&want, &narrow), 0);
	if (ga)
		memcpy(&irt[2 * 9], wide, 16);
	else
		((u32 *)irt)[9] = narrow;
	/* The entry that is off is remembered until it is invalidated. */
	assert_int_equal(model_interrupt(b->m, CARD, 0xfee00000, 9, &irq),
			 MODEL_IRQ_REFUSED);
	assert_int_equal(engine_run(&b->e, &cmd, 1), 0);
	assert_int_equal(model_interrupt(b->m, CARD, 0xfee00000, 9, &irq),
			 MODEL_IRQ_REMAPPED);
	assert_int_equal(irq.vector, 0x51);
	assert_int_equal(irq.dest, 3);
	/* Its neighbours, and what lies beyond its table, stay refused. */
	assert_int_equal(model_interrupt(b->m, CARD, 0xfee00000, 8, &irq),
			 MODEL_IRQ_REFUSED);
	assert_int_equal(model_interrupt(b->m, CARD, 0xfee00000, 256, &irq),
			 MODEL_IRQ_REFUSED);
}

static void test_a_card_raises_what_its_table_gives_and_no_more(void **state)
{
	struct bench b;

	(void)state;
	bench_up(&b);
	check_remapping(&b, true);
	down(&b);
	bench_init(&b);
	b.e.at.control = 0;	/* entries of 32 bits */
	assert_int_equal(engine_start(&b.e), 0);
	check_remapping(&b, false);
	down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_flushes_that_gpm_asks_for_suffice),
		cmocka_unit_test(test_a_unit_that_caches_absence_needs_more),
		cmocka_unit_test(test_a_missing_flush_is_noticed),
		cmocka_unit_test(test_a_flush_without_pde_is_noticed),
		cmocka_unit_test(test_a_flush_of_one_page_for_many_is_noticed),
		cmocka_unit_test(test_each_range_command_reaches_every_page_of_it),
		cmocka_unit_test(test_malformed_entries_are_faults_with_rz),
		cmocka_unit_test(test_a_malformed_device_table_entry_blocks),
		cmocka_unit_test(test_memory_that_cannot_be_read_is_a_hardware_error),
		cmocka_unit_test(test_every_depth_is_walked_to_its_end),
		cmocka_unit_test(test_an_exclusion_range_does_not_outlive_a_take_over),
		cmocka_unit_test(test_no_card_may_say_that_its_address_is_translated),
		cmocka_unit_test(test_an_invalid_entry_lets_everything_through),
		cmocka_unit_test(test_a_card_raises_what_its_table_gives_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
