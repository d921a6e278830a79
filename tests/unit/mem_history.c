// SPDX-License-Identifier: GPL-2.0
/*
 * The memory with a history, and the two walkers that stand for hardware. The
 * walkers use bit numbers from the manuals instead of gpm_fmt.h on purpose: a
 * wrong mask there must not make them agree.
 */
#include "tests/unit/check.h"
#include "tests/unit/mem_history.h"

#define WORDS 512

static struct mem_history_page *page_of(struct mem_history *h, const u64 *word)
{
	unsigned int i;

	for (i = 0; i < h->given; i++)
		if (word >= h->page[i].words && word < h->page[i].words + WORDS)
			return &h->page[i];
	return NULL;
}

static struct mem_history_page *page_at(struct mem_history *h, hpa_t hpa)
{
	u64 i = (hpa - MEM_HISTORY_BASE) >> 12;

	if (hpa < MEM_HISTORY_BASE || i >= h->given || (hpa & 0xfff))
		return NULL;
	return &h->page[i];
}

static bool bit(u64 word, unsigned int n)
{
	return word >> n & 1;
}

static u64 field(u64 word, unsigned int high, unsigned int low)
{
	return word >> low & (~0ULL >> (63 - (high - low)));
}

/* Follow next levels as an IOMMU would, so that no leaf is taken for a table. */
static void mark_reachable(struct mem_history *h, struct mem_history_page *p,
			   bool *mark)
{
	unsigned int i;

	mark[p - h->page] = true;
	for (i = 0; i < WORDS; i++) {
		struct mem_history_page *q;

		if (!bit(p->words[i], 0) || field(p->words[i], 11, 9) == 0)
			continue;
		q = page_at(h, field(p->words[i], 51, 12) << 12);
		assert_non_null(q);
		assert_false(q->retired);
		if (!mark[q - h->page])
			mark_reachable(h, q, mark);
	}
}

/* Nothing a reader can see may differ from what the stores made of it. */
static void check_unchanged(struct mem_history *h)
{
	unsigned int i;

	for (i = 0; i < h->given; i++)
		if (h->page[i].reachable)
			assert_memory_equal(h->page[i].words, h->page[i].seen, 4096);
}

static void look_again(struct mem_history *h)
{
	bool mark[MEM_HISTORY_PAGES] = { false };
	unsigned int i;

	if (h->root)
		mark_reachable(h, page_of(h, h->root), mark);
	for (i = 0; i < h->given; i++) {
		h->page[i].reachable = mark[i];
		if (mark[i])
			memcpy(h->page[i].seen, h->page[i].words, 4096);
	}
}

static void after_store(struct mem_history *h)
{
	h->stores++;
	look_again(h);
	if (h->on_store)
		h->on_store(h->arg);
}

static u64 *history_alloc(void *ctx)
{
	struct mem_history *h = ctx;
	struct mem_history_page *p = &h->page[h->given];

	if (++h->asked == h->fail_at)
		return NULL;
	assert_true(h->given < MEM_HISTORY_PAGES);
	p->words = aligned_alloc(4096, 4096);
	p->seen = malloc(4096);
	assert_true(p->words && p->seen);
	memset(p->words, 0, 4096);
	h->given++;
	return p->words;
}

static void history_retire(void *ctx, u64 *table)
{
	struct mem_history *h = ctx;
	struct mem_history_page *p = page_of(h, table);

	assert_non_null(p);
	assert_ptr_equal(p->words, table);
	assert_false(p->retired);
	assert_false(p->reachable);
	p->retired = true;
	h->retired++;
}

static hpa_t history_hpa(void *ctx, const u64 *table)
{
	struct mem_history *h = ctx;

	return MEM_HISTORY_BASE + ((hpa_t)(page_of(h, table) - h->page) << 12);
}

static u64 *history_at(void *ctx, hpa_t hpa)
{
	struct mem_history_page *p = page_at(ctx, hpa);

	assert_non_null(p);
	return p->words;
}

static void history_store(void *ctx, u64 *entry, u64 value)
{
	struct mem_history *h = ctx;

	check_unchanged(h);
	*entry = value;
	after_store(h);
}

static u64 history_swap(void *ctx, u64 *entry, u64 old, u64 value)
{
	struct mem_history *h = ctx;
	u64 found;

	check_unchanged(h);
	if (h->races) {
		h->races--;
		*entry |= h->race;
		look_again(h);
	}
	found = *entry;
	if (found != old)
		return found;
	*entry = value;
	after_store(h);
	return found;
}

const struct gpm_ops mem_history_ops = {
	.alloc_table = history_alloc,
	.retire_table = history_retire,
	.table_hpa = history_hpa,
	.table_at = history_at,
	.store = history_store,
	.swap = history_swap,
};

void mem_history_init(struct mem_history *h)
{
	memset(h, 0, sizeof(*h));
}

void mem_history_attach(struct mem_history *h, const u64 *root)
{
	h->root = root;
	look_again(h);
}

void mem_history_fini(struct mem_history *h)
{
	unsigned int i;

	assert_int_equal(h->given, h->retired);
	for (i = 0; i < h->given; i++) {
		free(h->page[i].words);
		free(h->page[i].seen);
	}
}

/* APM2 figures 5-20 to 5-26: long-mode tables, here as nested tables. */
struct mem_history_walk mem_history_cpu(struct mem_history *h, hpa_t root,
					unsigned int depth, gpa_t gpa)
{
	struct mem_history_walk out = { .r = true, .w = true, .x = true };
	hpa_t table = root;
	unsigned int level;

	for (level = depth; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		struct mem_history_page *p = page_at(h, table);
		u64 e;

		assert_non_null(p);
		e = p->words[gpa >> shift & 511];
		if (!bit(e, 0))
			return (struct mem_history_walk) { .ok = false };
		out.r &= bit(e, 2);		/* a nested access is a user's */
		out.w &= bit(e, 1) && bit(e, 2);
		out.x &= !bit(e, 63) && bit(e, 2);
		if (level > 1 && !bit(e, 7)) {
			table = field(e, 51, 12) << 12;
			continue;
		}
		/* PS above 1 GiB is reserved; so are the address bits of a big
		 * leaf below its size, PAT (bit 12) included by our rule.
		 */
		out.bad = level > 3 || (level > 1 && field(e, shift - 1, 12)) ||
			  (level == 1 && bit(e, 7));
		out.hpa = (field(e, 51, 12) << 12) + (gpa & ((1ULL << shift) - 1));
		out.uncached = bit(e, 3) && bit(e, 4);
		out.level = level - 1;
		out.ok = out.r && !out.bad;
		return out;
	}
	return out;
}

/* 48882 2.2.3, host tables: levels come from the entries, not from PS. */
struct mem_history_walk mem_history_iommu(struct mem_history *h, hpa_t root,
					  unsigned int mode, gpa_t gpa)
{
	struct mem_history_walk out = { .r = true, .w = true };
	unsigned int level = mode;
	hpa_t table = root;

	for (;;) {
		unsigned int shift = 12 + 9 * (level - 1), next;
		struct mem_history_page *p = page_at(h, table);
		u64 e;

		assert_non_null(p);
		e = p->words[gpa >> shift & 511];
		if (!bit(e, 0))
			return (struct mem_history_walk) { .ok = false };
		next = field(e, 11, 9);
		out.r &= bit(e, 61);
		out.w &= bit(e, 62);
		out.bad = field(e, 58, 52) != 0;
		if (next == 0) {
			out.bad |= level > 1 && field(e, shift - 1, 12) != 0;
			out.hpa = (field(e, 51, 12) << 12) +
				  (gpa & ((1ULL << shift) - 1));
			out.coherent = bit(e, 60);
			out.level = level - 1;
			out.ok = (out.r || out.w) && !out.bad;
			return out;
		}
		if (out.bad || next != level - 1)
			return (struct mem_history_walk) { .bad = true };
		table = field(e, 51, 12) << 12;
		level = next;
	}
}
