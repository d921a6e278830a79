// SPDX-License-Identifier: GPL-2.0
/*
 * gpm, exhaustively in the small: tables of two entries instead of 512, three
 * levels, eight pages of guest memory. Every tree that two maps of any size can
 * make meets every change there is, with the memory running out at every
 * point. After each single store each page is walked as the CPU and as the
 * IOMMU would, and must translate as before the change or as after it (DESIGN
 * rule 2). gpm.c is compiled in here with its own table size.
 */
#define GPM_FMT_INDEX_BITS 1
#include "tests/unit/check.h"
#include "gpm/gpm.c"

#define DEPTH	3
#define PAGES	8
#define TABLES	24

/* Address and permission as each walker sees them; 0: none. */
struct view {
	u64 cpu, dma;
};

struct small {
	struct gpm g;
	u64 memory[TABLES][GPM_FMT_ENTRIES];
	bool retired[TABLES];
	unsigned int given, fail_at, asked;
	bool watching;
	struct view before[PAGES], now[PAGES];
	bool changed[PAGES];
};

static unsigned long histories;

static struct view walk(struct small *s, gpa_t gpa)
{
	u64 *table = s->g.root, e, address, rights = 3ULL << 61;
	struct view v = { 0, 0 };
	unsigned int level;

	for (level = DEPTH - 1;; level--) {
		unsigned int i;

		e = table[gpa >> (12 + level) & 1];
		if (!(e & 1))
			return v;
		rights &= e;
		/* The IOMMU goes by next level, the CPU by PS: they agree. */
		assert_int_equal(e >> 9 & 7, level && !(e & 0x80) ? level : 0);
		assert_int_equal(e >> 52 & 0x7f, 0);
		if (!(e >> 9 & 7))
			break;
		i = (e >> 12) & 0xff;
		assert_true(i < s->given && !s->retired[i]);
		table = s->memory[i];
	}
	address = (e & 0xffffffffff000ULL) + (gpa & ((0x1000ULL << level) - 1));
	if (e & 4)
		v.cpu = address | (e & (1ULL << 63 | 6));
	if (rights)
		v.dma = address | rights;
	return v;
}

static bool same(struct view a, struct view b)
{
	return a.cpu == b.cpu && a.dma == b.dma;
}

/* From the old translation to one other, and to no third. */
static void after_store(struct small *s)
{
	unsigned int i;

	for (i = 0; s->watching && i < PAGES; i++) {
		struct view v = walk(s, i * 0x1000);

		if (s->changed[i])
			assert_true(same(v, s->now[i]));
		else if (!same(v, s->before[i]))
			s->changed[i] = true;
		s->now[i] = v;
	}
}

static u64 *small_alloc(void *ctx)
{
	struct small *s = ctx;

	if (++s->asked == s->fail_at)
		return NULL;
	assert_true(s->given < TABLES);
	return s->memory[s->given++];
}

static void small_retire(void *ctx, u64 *table)
{
	struct small *s = ctx;
	unsigned int i = (table - s->memory[0]) / GPM_FMT_ENTRIES;

	assert_false(s->retired[i]);
	s->retired[i] = true;
	after_store(s);		/* a walk that still meets it fails */
}

static hpa_t small_hpa(void *ctx, const u64 *table)
{
	struct small *s = ctx;

	return (hpa_t)((table - s->memory[0]) / GPM_FMT_ENTRIES) << 12;
}

static u64 *small_at(void *ctx, hpa_t hpa)
{
	struct small *s = ctx;

	return s->memory[hpa >> 12];
}

static void small_store(void *ctx, u64 *e, u64 value)
{
	*e = value;
	after_store(ctx);
}

static u64 small_swap(void *ctx, u64 *e, u64 old, u64 value)
{
	u64 found = *e;

	if (found == old)
		small_store(ctx, e, value);
	return found;
}

static const struct gpm_ops small_ops = {
	.alloc_table = small_alloc, .retire_table = small_retire,
	.table_hpa = small_hpa, .table_at = small_at,
	.store = small_store, .swap = small_swap,
};

/* ---- all changes, numbered ------------------------------------------------ */

static const u32 perms[] = {
	GPM_CPU_RWX | GPM_DMA_RW, GPM_CPU_R, GPM_DMA_R,
};

static const u32 clears[] = { GPM_CPU_W, GPM_DMA_RW, GPM_CPU_RWX };

/* 8 small, 4 middle, 2 big leaves; three permissions. */
#define NR_MAPS		(14 * 3)
#define NR_RANGES	36
#define NR_CHANGES	(NR_MAPS + NR_RANGES * (1 + 3 + 2))

/* @salt gives each map of a history memory of its own, or the same. */
static int do_map(struct small *s, unsigned int n, unsigned int salt)
{
	unsigned int where = n % 14, level = where < 8 ? 0 : where < 12 ? 1 : 2;
	gpa_t gpa = level == 0 ? where : level == 1 ? (where - 8) * 2 :
		    (where - 12) * 4;

	return gpm_map(&s->g, gpa << 12, (0x100000 * salt) + (gpa << 12), level,
		       perms[n / 14]);
}

static void range_of(unsigned int n, gpa_t *start, gpa_t *end)
{
	unsigned int from = 0, length = PAGES;

	while (n >= length) {
		n -= length--;
		from++;
	}
	*start = from * 0x1000;
	*end = *start + (n + 1) * 0x1000;
}

struct change {
	int rc;
	bool whole;		/* rc < 0 means that nothing happened */
	gpa_t start, end;	/* outside of it nothing changes */
};

static struct change do_change(struct small *s, unsigned int n)
{
	struct change c = { .whole = n < NR_MAPS, .end = PAGES * 0x1000 };
	unsigned int kind;

	if (c.whole) {
		c.rc = do_map(s, n, 1 + n % 2 * 2);
		return c;
	}
	n -= NR_MAPS;
	kind = n / NR_RANGES;
	range_of(n % NR_RANGES, &c.start, &c.end);
	if (kind == 0)
		c.rc = gpm_unmap(&s->g, c.start, c.end);
	else if (kind <= 3)
		c.rc = gpm_protect(&s->g, c.start, c.end, clears[kind - 1], 0);
	else if (kind == 4)
		c.rc = gpm_reclaim(&s->g, c.start, c.end);
	else
		c.rc = gpm_write_protect(&s->g, c.start, c.end);
	if (kind >= 4) {	/* whole leaves, so at most their neighbours */
		c.start = 0;
		c.end = PAGES * 0x1000;
		assert_true(c.rc >= 0);
	}
	return c;
}

/* What was lost must have been announced. */
static void check_end(const struct small *s, const struct change *c)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		struct view was = s->before[i], is = s->now[i];

		if (!s->changed[i])
			continue;
		assert_false(c->rc < 0 && c->whole);
		assert_true(i * 0x1000 >= c->start && i * 0x1000 < c->end);
		if (c->rc == GPM_DONE)
			assert_true(!was.dma || was.dma == is.dma);
		if (c->rc == GPM_DONE && was.cpu)
			assert_int_equal(was.cpu & ~2ULL, is.cpu & ~2ULL);
	}
}

/* The number of allocations that the change asked for. */
static unsigned int run_history(unsigned int first, unsigned int second,
				unsigned int last, unsigned int fail)
{
	struct small s = { .fail_at = 0 };
	struct change c;
	unsigned int i, asked;

	assert_int_equal(gpm_init(&s.g, &small_ops, &s, DEPTH), 0);
	assert_true(do_map(&s, first, 1) >= 0);
	assert_true(do_map(&s, second, 2) >= 0);
	for (i = 0; i < PAGES; i++)
		s.before[i] = s.now[i] = walk(&s, i * 0x1000);
	asked = s.asked;
	s.fail_at = fail ? asked + fail : 0;
	s.watching = true;
	c = do_change(&s, last);
	asked = s.asked - asked;
	check_end(&s, &c);
	s.watching = false;
	gpm_destroy(&s.g);
	for (i = 0; i < s.given; i++)
		assert_true(s.retired[i]);
	histories++;
	return asked;
}

static void test_every_short_history_shows_only_old_or_new(void **state)
{
	unsigned int first, second, last, fail, asked;

	for (first = 0; first < NR_MAPS; first++)
		for (second = 0; second < NR_MAPS; second++)
			for (last = 0; last < NR_CHANGES; last++) {
				asked = run_history(first, second, last, 0);
				for (fail = 1; fail <= asked; fail++)
					run_history(first, second, last, fail);
			}
	assert_true(histories > 400000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_short_history_shows_only_old_or_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
