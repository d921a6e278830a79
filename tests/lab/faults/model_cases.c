// SPDX-License-Identifier: GPL-2.0
/*
 * The part of `make faults` that needs hardware to be broken: what an honest
 * unit never does to honest software is injected into the strict model of
 * tests/model, with the driver's own engine and event log on it. Prints TAP
 * and the same "case {...}" lines as faultlab.c. Its shares: between the injected
 * accesses a card of the host's (pass-through) and one of another VM's go on
 * with accesses that they may; the part of them that is served during the case.
 * Before it all are, or the case fails.
 */
#include <inttypes.h>
#include <stdio.h>

#include "iommu-amd/event.h"
#include "tests/model/bench.h"

#define CARD	0x0030
#define DOMAIN	5
#define HOST_CARD	0x0050
#define NEIGHBOUR	0x0058
#define NEIGHBOUR_DOMAIN 7
#define PAGE_AT	0x7000ULL

static struct bench b;
static struct gpm tree, neighbours;
static u64 injected, caught, attributed, outside;
static u64 tried, host_served, neighbour_served;
static int failed;

static void give(u16 card, u16 domain, const struct gpm *g)
{
	struct dte_want want = bench_blocked(&b, false);

	want.dma = g ? DTE_DMA_TABLE : DTE_DMA_IDENTITY;
	want.domain_id = domain;
	want.depth = g ? 4 : 0;
	want.root = g ? gpm_root_hpa(g) : 0;
	bench_write_dte(&b, card, &want);
}

/* Those who do nothing wrong go on. */
static void beside(void)
{
	u64 at = MODEL_RAM + 0x8000 + tried % 4096;
	hpa_t hpa;

	host_served += model_dma(b.m, HOST_CARD, at, tried & 1, &hpa) &&
		       hpa == at;
	neighbour_served += model_dma(b.m, NEIGHBOUR, PAGE_AT + tried % 4096,
				      tried & 1, &hpa) && hpa == at;
	tried++;
}

static void begin(void)
{
	bench_up(&b);
	gpm_init(&tree, &bench_gpm_ops, b.m, 4);
	gpm_map(&tree, PAGE_AT, MODEL_RAM, 0, GPM_DMA_RW);
	give(CARD, DOMAIN, &tree);
	gpm_init(&neighbours, &bench_gpm_ops, b.m, 4);
	gpm_map(&neighbours, PAGE_AT, MODEL_RAM + 0x8000, 0, GPM_DMA_RW);
	give(NEIGHBOUR, NEIGHBOUR_DOMAIN, &neighbours);
	give(HOST_CARD, 1, NULL);
	tried = host_served = neighbour_served = 0;
	while (tried < 100)
		beside();
	injected = caught = attributed = 0;
	outside = 200 - host_served - neighbour_served;
	tried = host_served = neighbour_served = 0;
}

static void end(const char *name)
{
	bool good = injected && injected == caught && caught == attributed &&
		    !outside && !b.m->complaint && tried &&
		    host_served == tried && neighbour_served == tried;

	printf("case {\"name\":\"model: %s\",\"injected\":%" PRIu64
	       ",\"caught\":%" PRIu64 ",\"attributed\":%" PRIu64
	       ",\"changed_outside\":%" PRIu64
	       ",\"host_share\":%.2f,\"neighbour_share\":%.2f}\n",
	       name, injected, caught, attributed, outside,
	       (double)host_served / (double)tried,
	       (double)neighbour_served / (double)tried);
	printf("%s - model: %s: %" PRIu64 " injected, %" PRIu64
	       " caught, %" PRIu64 " attributed%s%s\n", good ? "ok" : "not ok",
	       name, injected, caught, attributed,
	       b.m->complaint ? "; " : "", b.m->complaint ? b.m->complaint : "");
	failed |= !good;
	bench_down(&b);
}

/* Reads the log: @n reports of @code about @devid are right. */
static void read_log(u8 code, u16 devid, unsigned int n)
{
	struct amdvi_fault f;
	unsigned int i;

	bench_drain(&b);
	caught += b.events;
	for (i = 0; i < b.events && i < n; i++)
		if (i >= ARRAY_SIZE(b.event) ||
		    (!event_decode(b.event[i], 0, &f) && f.code == code &&
		     f.devid == devid))
			attributed++;
}

/* One access that must be refused; what lets it through changes memory. */
static void refused(u64 addr, bool write)
{
	hpa_t hpa;

	injected++;
	outside += model_dma(b.m, CARD, addr, write, &hpa);
	beside();
}

static void bad_device_table_entries(void)
{
	static const struct { unsigned int quad; u64 set; } bad[] = {
		{ 0, 1 << 2 }, { 0, 1 << 6 }, { 0, 1ULL << 63 }, { 0, 7 << 9 },
		{ 3, 1 }, { 3, 1ULL << 48 },
	};
	struct dte keep;
	unsigned int i;

	begin();
	keep = b.devtab[CARD];
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		b.devtab[CARD].q[bad[i].quad] |= bad[i].set;
		model_forget_all(b.m);
		refused(PAGE_AT, i & 1);
		read_log(AMDVI_EV_ILLEGAL_DEV_TABLE, CARD, 1);
		b.devtab[CARD] = keep;
	}
	end("reserved bits and modes in a device table entry");
}

/* The entry for PAGE_AT in the table of @level. */
static u64 *entry(unsigned int level)
{
	u64 *table = tree.root;
	unsigned int l;

	for (l = 3; l > level; l--)
		table = model_at(b.m, table[PAGE_AT >> (12 + 9 * l) & 511] &
				 GENMASK_ULL(51, 12), 4096);
	return &table[PAGE_AT >> (12 + 9 * level) & 511];
}

static void bad_page_table_entries(void)
{
	unsigned int level, bit;
	u64 keep;

	begin();
	for (level = 0; level < 4; level++)
		for (bit = 52; bit <= 58; bit++) {
			keep = *entry(level);
			*entry(level) |= BIT_ULL(bit);
			model_forget_all(b.m);
			refused(PAGE_AT, bit & 1);
			read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 1);
			*entry(level) = keep;
		}
	end("reserved bits in page table entries");
	begin();
	for (level = 1; level < 4; level++)
		for (bit = level + 1; bit <= 7; bit++) {
			keep = *entry(level);
			*entry(level) = (keep & ~(7ULL << 9)) | (u64)bit << 9;
			model_forget_all(b.m);
			refused(PAGE_AT, bit & 1);
			read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 1);
			*entry(level) = keep;
		}
	end("levels that do not fall");
}

static void permissions(void)
{
	unsigned int i;

	begin();
	gpm_map(&tree, 0x9000, MODEL_RAM + 0x1000, 0, GPM_DMA_W);
	gpm_map(&tree, 0xa000, MODEL_RAM + 0x2000, 0, GPM_DMA_R);
	gpm_map(&tree, 0xb000, MODEL_RAM + 0x3000, 0, GPM_CPU_RWX);
	for (i = 0; i < 50; i++) {
		refused(0x9000 + i, false);
		refused(0xa000 + i, true);
		refused(0xb000 + i, i & 1);
	}
	read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 150);
	end("write-only, read-only and CPU-only pages");
}

/* A page shrinks or goes; from the flush on no access is let through. */
static void while_the_table_changes(void)
{
	struct amdvi_cmd cmd;
	unsigned int i;
	hpa_t hpa;
	int r;

	begin();
	for (i = 0; i < 300; i++) {
		u64 at = 0x200000ULL * (1 + i % 3);
		u64 page = at + 0x1000ULL * (i % 512);

		gpm_map(&tree, at, MODEL_RAM + 0x400000, 1, GPM_DMA_RW);
		model_forget_all(b.m);
		model_dma(b.m, CARD, page, true, &hpa);
		r = gpm_unmap(&tree, page, page + 4096);	/* a split */
		cmd = cmd_invalidate_pages(DOMAIN, page, page + 4096,
					   r & GPM_FLUSH_WALK);
		engine_run(&b.e, &cmd, 1);
		refused(page, true);
		refused(page + 1, false);
		read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 2);
		outside += !model_dma(b.m, CARD, page ^ 0x1000, true, &hpa);
	}
	end("while big pages are split and unmapped");
}

static void bad_commands(void)
{
	static const struct amdvi_cmd bad[] = {
		{ { 0, 0 } }, { { 9ULL << 60, 0 } }, { { 15ULL << 60, 0 } },
		{ { 2ULL << 60 | 1 << 16, 0 } }, { { 3ULL << 60, 8 } },
		{ { 8ULL << 60 | 1, 0 } },
	};
	unsigned int i;

	begin();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		injected++;
		if (engine_run(&b.e, &bad[i], 1) || b.e.restarts != i + 1)
			outside++;
		beside();
		read_log(AMDVI_EV_ILLEGAL_COMMAND, 0, 1);
	}
	end("illegal commands");
}

static void unreadable_ring(void)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct dte_want none;
	hpa_t hpa;

	begin();
	b.m->cmd_base = (1ULL << 40) | FIELD_PREP(AMDVI_RING_LEN, 9);
	injected++;
	if (engine_run(&b.e, &cmd, 1) != -ETIMEDOUT || !b.e.broken)
		outside++;
	beside();
	bench_drain(&b);
	/* Once for the ring, once for its restart. */
	caught += b.events > 0;
	attributed += FIELD_GET(EVT_CODE, b.event[0][0]) ==
		      AMDVI_EV_COMMAND_HW_ERROR;
	/* Fails closed: the table blocks the card, as soon as it is read. */
	none = bench_blocked(&b, true);
	bench_write_dte(&b, CARD, &none);
	b.m->dte_cache[CARD].valid = false;
	outside += model_dma(b.m, CARD, PAGE_AT, true, &hpa);
	end("a command ring that cannot be read");
}

static void lost_completions(void)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	int kind;

	for (kind = 0; kind < 3; kind++) {
		begin();
		b.m->lose_stores = kind == 0;
		b.m->dead = kind == 1;
		b.m->hang = b.m->no_stop = kind == 2;
		injected++;
		caught += engine_run(&b.e, &cmd, 1) == -ETIMEDOUT;
		attributed += b.e.broken;
		beside();
		end(kind == 0 ? "a completion that never comes" :
		    kind == 1 ? "a unit that hangs for good" :
				"a ring that does not stop");
	}
}

/* Caught: known as an overflow. Attributed: the next fault is reported. */
static void overflow(void)
{
	unsigned int i, n;
	hpa_t hpa;

	begin();
	for (i = 0; i < 100; i++) {
		for (n = 0; n < 2 * ENGINE_RING_ENTRIES; n++)
			outside += model_dma(b.m, CARD, 1ULL << 30 | n << 13,
					     n & 1, &hpa);
		injected++;
		beside();
		bench_drain(&b);
		caught += evlog_overflowed(&b.e) &&
			  b.events == ENGINE_RING_ENTRIES - 1;
		evlog_restart(&b.log, &b.e);
		outside += model_dma(b.m, CARD, 1ULL << 31 | i, true, &hpa);
		bench_drain(&b);
		attributed += b.events == 1 &&
			      b.event[0][1] == (1ULL << 31 | i) &&
			      FIELD_GET(EVT_DEVID, b.event[0][0]) == CARD;
	}
	end("overflow of the event log, a hundred times");
}

static void storm(void)
{
	struct dte_want none;
	u64 n;

	begin();
	for (n = 0; n < 1000000; n++) {
		refused(1ULL << 30 | n << 12, n & 1);
		/* The policy of the module above: cut off after 32. */
		if (n == 31) {
			read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 32);
			none = bench_blocked(&b, true);
			bench_write_dte(&b, CARD, &none);
		}
	}
	bench_drain(&b);
	if (b.events)	/* it was to be silent */
		outside++;
	/* The rest is refused without a word. */
	injected -= 1000000 - 32;
	end("a storm of a million faults, silent after the 32nd");
}

static void forgery(void)
{
	struct dte_want want;
	u64 *irt;
	struct irte_want vector = { .vector = 0x41 };
	struct model_irq irq;
	unsigned int i;

	begin();
	irt = model_alloc(b.m, 4096, 4096);
	irte128_build(&vector, false, &irt[2 * 3]);
	want = bench_blocked(&b, false);
	want.irq = DTE_IRQ_TABLE;
	want.irt = model_hpa(b.m, irt);
	want.irt_order = IRTE_TABLE_ORDER;
	bench_write_dte(&b, CARD, &want);
	for (i = 0; i < 512; i++) {
		if (i == 3)
			continue;
		injected++;
		outside += model_interrupt(b.m, CARD, 0xfee00000, i, &irq) !=
			   MODEL_IRQ_REFUSED;
		beside();
		read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 1);
	}
	outside += model_interrupt(b.m, CARD, 0xfee00000, 3, &irq) !=
		   MODEL_IRQ_REMAPPED;
	end("interrupts that the card was not given");
}

/* A card with a translation cache of its own makes addresses up. */
static void pretranslated(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < 100; i++) {
		injected++;
		outside += model_translated(b.m, CARD, MODEL_RAM + i * 4096,
					    i & 1);
		beside();
		read_log(AMDVI_EV_INVALID_DEVICE_REQUEST, CARD, 1);
	}
	end("addresses that the card says are translated");
}

/*
 * Two cards of two VMs, each given one page at the same device address, reach
 * for the other's page by its device address and by its host address.
 */
static void each_other(void)
{
	struct gpm other;
	unsigned int i;
	hpa_t hpa;

	begin();
	gpm_init(&other, &bench_gpm_ops, b.m, 4);
	gpm_map(&other, PAGE_AT, MODEL_RAM + 0x1000, 0, GPM_DMA_RW);
	gpm_map(&other, 0x20000, MODEL_RAM + 0x2000, 0, GPM_DMA_RW);
	give(CARD + 8, DOMAIN + 1, &other);
	for (i = 0; i < 100; i++) {
		/* Each warms the caches with its own right. */
		outside += !model_dma(b.m, CARD, PAGE_AT + i, true, &hpa) ||
			   hpa != MODEL_RAM + i;
		outside += !model_dma(b.m, CARD + 8, PAGE_AT + i, true, &hpa) ||
			   hpa != MODEL_RAM + 0x1000 + i;
		outside += !model_dma(b.m, CARD + 8, 0x20000 + i, true, &hpa);
		refused(0x20000 + i, i & 1);
		read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 1);
		refused(MODEL_RAM + 0x1000 + i, i & 1);
		read_log(AMDVI_EV_IO_PAGE_FAULT, CARD, 1);
		injected++;
		outside += model_dma(b.m, CARD + 8, MODEL_RAM + i, true, &hpa);
		read_log(AMDVI_EV_IO_PAGE_FAULT, CARD + 8, 1);
	}
	end("two cards attacking each other");
}

int main(void)
{
	bad_device_table_entries();
	bad_page_table_entries();
	permissions();
	while_the_table_changes();
	bad_commands();
	unreadable_ring();
	lost_completions();
	overflow();
	storm();
	forgery();
	pretranslated();
	each_other();
	return failed;
}
