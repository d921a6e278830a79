// SPDX-License-Identifier: GPL-2.0
/*
 * The sequences that drive a unit, on the strict model of one: commands and
 * their completion, hangs, what is cached, and device table entries that
 * change while the unit fetches them quad by quad.
 */
#include "tests/unit/check.h"
#include "tests/model/bench.h"

#define CARD	0x0028
#define OTHER	0x0030

static void up(struct bench *b)
{
	bench_up(b);
	b->pauses = 0;
}

static void down(struct bench *b)
{
	if (b->m->complaint)
		fail_msg("the unit complains: %s", b->m->complaint);
	assert_int_equal(b->m->cache_full, 0);
	bench_down(b);
}

/* ---- taking over ------------------------------------------------------------- */

static void test_a_unit_is_taken_over_with_nothing_cached(void **state)
{
	struct bench b;
	hpa_t hpa;

	(void)state;
	bench_init(&b);
	/* A previous owner let the card through, and the unit remembers. */
	b.m->dte_cache[CARD].valid = true;
	assert_int_equal(engine_start(&b.e), 0);
	assert_true(b.e.started);
	assert_false(b.m->dte_cache[CARD].valid);
	assert_false(model_dma(b.m, CARD, 0x1000, true, &hpa));
	assert_true(b.m->control & AMDVI_CTRL_IOMMU_EN);
	assert_true(b.m->status & AMDVI_STATUS_EVT_RUN);
	down(&b);
}

static void test_without_invalidate_all_each_id_is_told(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.m->efr &= ~AMDVI_EFR_IA;
	b.e.at.inv_all = false;
	b.m->dte_cache[0xffff].valid = true;
	b.m->tlb[b.m->tlbs++] = (struct model_tlb){ .domain = 0xffff,
		.size = 4096, .present = true };
	assert_int_equal(engine_start(&b.e), 0);
	assert_false(b.m->dte_cache[0xffff].valid);
	assert_int_equal(b.m->tlbs, 0);
	assert_true(b.m->executed > 3 * AMDVI_DEVICES);
	down(&b);
}

static void test_a_dead_unit_is_not_taken_over(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.m->dead = true;
	assert_int_equal(engine_start(&b.e), -ETIMEDOUT);
	assert_false(b.e.started);
	assert_false(b.m->control & AMDVI_CTRL_IOMMU_EN);
	down(&b);
}

static void test_a_unit_that_does_not_wake_up_stays_on(void **state)
{
	struct bench b;
	hpa_t hpa;

	(void)state;
	up(&b);
	b.m->dead = true;
	assert_int_equal(engine_resume(&b.e), -ETIMEDOUT);
	assert_true(b.e.broken);
	assert_true(b.m->control & AMDVI_CTRL_IOMMU_EN);
	assert_false(model_dma(b.m, CARD, 0x1000, false, &hpa));
	down(&b);
}

static void test_after_a_suspend_the_unit_is_as_before(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct bench b;
	hpa_t hpa;

	(void)state;
	up(&b);
	/* Power was lost: registers are zero, caches hold anything. */
	b.m->control = b.m->status = b.m->devtab = 0;
	b.m->cmd_base = b.m->evt_base = 0;
	b.m->cmd_head = b.m->cmd_tail = b.m->evt_head = b.m->evt_tail = 0;
	b.m->dte_cache[CARD].valid = true;
	assert_true(model_dma(b.m, CARD, 0x1000, false, &hpa));
	assert_int_equal(engine_resume(&b.e), 0);
	assert_false(model_dma(b.m, CARD, 0x1000, false, &hpa));
	assert_int_equal(engine_run(&b.e, &cmd, 1), 0);
	down(&b);
}

/* ---- commands ---------------------------------------------------------------- */

/* The short way beside the long one, several times around the ring. */
static void test_the_quick_way_is_done_when_the_unit_says_so(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct engine_ticket ticket;
	unsigned int i, quick = 0;
	struct bench b;
	u64 bell = 0;

	(void)state;
	up(&b);
	assert_false(engine_submit_quick(&b.e, cmd, &ticket));
	b.e.at.doorbell = &bell;
	for (i = 0; i < 2 * ENGINE_RING_ENTRIES; i++) {
		b.m->dte_cache[CARD].valid = true;
		if (engine_submit_quick(&b.e, cmd, &ticket)) {
			assert_false(engine_is_done(&b.e, &ticket));
			model_write(b.m, AMDVI_REG_CMD_TAIL, bell);
			assert_true(engine_wait(&b.e, &ticket));
			quick++;
		} else {
			assert_int_equal(engine_run(&b.e, &cmd, 1), 0);
		}
		assert_false(b.m->dte_cache[CARD].valid);
	}
	assert_true(quick > ENGINE_RING_ENTRIES);
	b.e.broken = true;
	assert_false(engine_submit_quick(&b.e, cmd, &ticket));
	b.e.broken = false;
	down(&b);
}

static void test_a_run_returns_when_its_commands_are_done(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct bench b;
	unsigned int i;

	(void)state;
	up(&b);
	for (i = 0; i < 3 * ENGINE_RING_ENTRIES; i++) {
		b.m->dte_cache[CARD].valid = true;
		assert_int_equal(engine_run(&b.e, &cmd, 1), 0);
		assert_false(b.m->dte_cache[CARD].valid);
	}
	assert_int_equal(b.e.restarts, 0);
	down(&b);
}

static void test_more_commands_than_the_ring_holds(void **state)
{
	static struct amdvi_cmd many[3 * ENGINE_RING_ENTRIES + 7];
	struct bench b;
	unsigned int i;

	(void)state;
	up(&b);
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = cmd_invalidate_dte((u16)i);
		b.m->dte_cache[i].valid = true;
	}
	assert_int_equal(engine_run(&b.e, many, ARRAY_SIZE(many)), 0);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		assert_false(b.m->dte_cache[i].valid);
	down(&b);
}

static void test_waiters_side_by_side(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct engine_ticket t[400];
	struct bench b;
	int i;

	(void)state;
	up(&b);
	for (i = 0; i < 400; i++)
		assert_int_equal(engine_submit(&b.e, &cmd, 1, &t[i]), 0);
	for (i = 399; i >= 0; i--)
		assert_true(engine_wait(&b.e, &t[i]));
	assert_int_equal(b.e.restarts, 0);
	down(&b);
}

static void test_a_hang_is_cured_once_with_everything_forgotten(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct bench b;

	(void)state;
	up(&b);
	b.m->hang = true;
	b.m->dte_cache[CARD].valid = true;
	b.m->dte_cache[OTHER].valid = true;
	assert_int_equal(engine_run(&b.e, &cmd, 1), 0);
	assert_int_equal(b.e.restarts, 1);
	assert_false(b.e.broken);
	assert_false(b.m->dte_cache[CARD].valid);
	assert_false(b.m->dte_cache[OTHER].valid);
	assert_int_equal(engine_run(&b.e, &cmd, 1), 0);
	assert_int_equal(b.e.restarts, 1);
	down(&b);
}

/* Two waiters meet one hang: the second finds it cured. */
static void test_one_restart_serves_all_who_waited(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);
	struct engine_ticket a, c;
	struct bench b;

	(void)state;
	up(&b);
	b.m->hang = true;
	assert_int_equal(engine_submit(&b.e, &cmd, 1, &a), 0);
	assert_int_equal(engine_submit(&b.e, &cmd, 1, &c), 0);
	assert_int_equal(engine_settle(&b.e, &a), 0);
	assert_int_equal(engine_settle(&b.e, &c), 0);
	assert_int_equal(b.e.restarts, 1);
	down(&b);
}

/* Looks, at each tail that a restart writes, whether a command of before counts. */
struct onlooker {
	struct engine_ops ops;
	const struct engine_ops *bench;
	struct bench *b;
	struct engine_ticket ticket;
	unsigned int completions, early;
};
static struct onlooker onlooker;

static void look_on(void *ctx, unsigned int reg, u64 value)
{
	struct onlooker *o = &onlooker;

	o->bench->write(ctx, reg, value);
	if (!ring_seq_reached(*o->b->e.at.sem_word, o->ticket.seq))
		return;
	o->completions++;
	if (o->b->m->dte_cache[0xffff].valid)
		o->early += engine_is_done(&o->b->e, &o->ticket) ||
			    engine_wait(&o->b->e, &o->ticket);
}

/* An old unit is told of each id, in many rounds of the ring. */
static void test_a_restart_ends_no_wait_before_it_is_over(void **state)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(0xffff);
	struct bench b;

	(void)state;
	bench_init(&b);
	b.m->efr &= ~AMDVI_EFR_IA;
	b.e.at.inv_all = false;
	assert_int_equal(engine_start(&b.e), 0);
	b.m->hang = true;
	b.m->dte_cache[0xffff].valid = true;
	onlooker = (struct onlooker){ .ops = *b.e.ops, .bench = b.e.ops, .b = &b };
	assert_int_equal(engine_submit(&b.e, &cmd, 1, &onlooker.ticket), 0);
	onlooker.ops.write = look_on;
	b.e.ops = &onlooker.ops;
	assert_int_equal(engine_restart(&b.e), 0);
	assert_true(onlooker.completions > 100);
	assert_int_equal(onlooker.early, 0);
	assert_false(engine_wait(&b.e, &onlooker.ticket));
	assert_int_equal(engine_settle(&b.e, &onlooker.ticket), 0);
	assert_int_equal(b.e.restarts, 1);
	assert_false(b.m->dte_cache[0xffff].valid);
	down(&b);
}

static void assert_broken(struct bench *b)
{
	struct amdvi_cmd cmd = cmd_invalidate_dte(CARD);

	assert_int_equal(engine_run(&b->e, &cmd, 1), -ETIMEDOUT);
	assert_true(b->e.broken);
	/* Bounded: three waits of a second at most. */
	assert_true(b->pauses < 310000);
	b->pauses = 0;
	assert_int_equal(engine_run(&b->e, &cmd, 1), -ETIMEDOUT);
	assert_int_equal(engine_restart(&b->e), -ETIMEDOUT);
	assert_int_equal(b->pauses, 0);
	down(b);
}

static void test_a_unit_that_never_answers_again_is_broken(void **state)
{
	struct bench b;

	(void)state;
	up(&b);
	b.m->dead = true;
	assert_broken(&b);
}

static void test_completions_that_get_lost_are_not_believed(void **state)
{
	struct bench b;

	(void)state;
	up(&b);
	b.m->lose_stores = true;
	assert_broken(&b);
}

static void test_a_ring_that_does_not_stop_is_not_reset(void **state)
{
	struct bench b;

	(void)state;
	up(&b);
	b.m->hang = true;
	b.m->no_stop = true;
	assert_broken(&b);
}

static void test_a_bad_command_stops_the_ring_and_is_survived(void **state)
{
	struct amdvi_cmd bad = { { 9ULL << 60, 0 } };
	struct bench b;

	(void)state;
	up(&b);
	assert_int_equal(engine_run(&b.e, &bad, 1), 0);
	assert_int_equal(b.e.restarts, 1);
	assert_int_equal(bench_drain(&b), 1);
	assert_int_equal(FIELD_GET(EVT_CODE, b.event[0][0]), MODEL_ILLEGAL_CMD);
	down(&b);
}

static void test_a_full_ring_of_a_hung_unit_is_cured(void **state)
{
	static struct amdvi_cmd many[2 * ENGINE_RING_ENTRIES];
	struct bench b;
	unsigned int i;

	(void)state;
	up(&b);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = cmd_invalidate_dte((u16)i);
	b.m->hang = true;
	b.m->dte_cache[1000].valid = true;
	assert_int_equal(engine_run(&b.e, many, ARRAY_SIZE(many)), 0);
	assert_int_equal(b.e.restarts, 1);
	assert_false(b.m->dte_cache[1000].valid);
	down(&b);
}

/* ---- fetched quad by quad ------------------------------------------------------ */

#define PROBE	0x5000

struct change {
	struct dte old, new;
	hpa_t page[2];		/* where PROBE leads in domains 2 and 3 */
	struct model_irq irq[2];
	unsigned int wrong;
	bool skip_flush;
};

/* What one access finds under one entry, as one number; ~0: refused. */
static u64 dma_outcome(struct amdvi_model *m, bool write)
{
	hpa_t hpa;

	return model_dma(m, CARD, PROBE, write, &hpa) ? hpa : ~0ULL;
}

static u64 irq_outcome(struct amdvi_model *m)
{
	struct model_irq irq = { 0 };

	switch (model_interrupt(m, CARD, 0xfee00000, 3, &irq)) {
	case MODEL_IRQ_REFUSED:
		return ~0ULL;
	case MODEL_IRQ_PASSED:
		return 1ULL << 32;
	case MODEL_IRQ_REMAPPED:
		break;
	}
	return irq.vector;
}

/* What an entry is meant to give, computed from the wish alone. */
static u64 meant_dma(const struct change *c, const struct dte *d)
{
	if (dte_q0_blocks(d->q[0]))
		return ~0ULL;
	if (!FIELD_GET(DTE_MODE, d->q[0]))
		return PROBE;
	return c->page[FIELD_GET(DTE_DOMAIN, d->q[1]) - 2];
}

static u64 meant_irq(struct bench *b, const struct dte *d)
{
	if (!(d->q[2] & DTE_IV))
		return 1ULL << 32;
	return (d->q[2] & DTE_INT_ROOT) == model_hpa(b->m, b->irt_off) ?
	       ~0ULL : 0x41;
}

/* No translation may be filed under a domain that does not have it. */
static void check_files(struct bench *b, struct change *c)
{
	unsigned int i;

	for (i = 0; i < b->m->tlbs; i++) {
		struct model_tlb *t = &b->m->tlb[i];

		if (t->present && t->start <= PROBE &&
		    (t->domain < 2 ||
		     t->base + (PROBE - t->start) != c->page[t->domain - 2]))
			c->wrong++;
	}
}

static void probe_accesses(struct bench *b, struct change *c)
{
	u64 got;
	int w;

	for (w = 0; w < 2; w++) {
		got = dma_outcome(b->m, w);
		if (got != ~0ULL && got != meant_dma(c, &c->old) &&
		    got != meant_dma(c, &c->new))
			c->wrong++;
	}
	got = irq_outcome(b->m);
	if (got != ~0ULL && got != meant_irq(b, &c->old) &&
	    got != meant_irq(b, &c->new))
		c->wrong++;
}

/* Once with the translations that are cached, once with none. */
static void probe_fetch(void *ctx, struct amdvi_model *m, const u64 q[4])
{
	struct bench *b = ctx;
	struct model_tlb tlb[8];
	struct model_pde pde[16];
	unsigned int tlbs, pdes;

	(void)q;
	probe_accesses(b, b->ctx);
	tlbs = m->tlbs;
	pdes = m->pdes;
	assert_true(tlbs <= ARRAY_SIZE(tlb) && pdes <= ARRAY_SIZE(pde));
	memcpy(tlb, m->tlb, tlbs * sizeof(tlb[0]));
	memcpy(pde, m->pde, pdes * sizeof(pde[0]));
	m->tlbs = m->pdes = 0;
	probe_accesses(b, b->ctx);
	check_files(b, b->ctx);
	memcpy(m->tlb, tlb, tlbs * sizeof(tlb[0]));
	memcpy(m->pde, pde, pdes * sizeof(pde[0]));
	m->tlbs = tlbs;
	m->pdes = pdes;
}

static void probe_all(struct bench *b)
{
	model_each_fetch(b->m, probe_fetch, b);
}

static int change_run(void *ctx, const struct amdvi_cmd *cmds, unsigned int n)
{
	struct bench *b = ctx;
	struct change *c = b->ctx;

	return c->skip_flush ? 0 : bench_run(b, cmds, n);
}

/* Afterwards only the new entry counts, whatever was cached. */
static void check_end(struct bench *b, struct change *c)
{
	if (dma_outcome(b->m, false) != meant_dma(c, &c->new) ||
	    dma_outcome(b->m, true) != meant_dma(c, &c->new) ||
	    irq_outcome(b->m) != meant_irq(b, &c->new))
		c->wrong++;
}

static unsigned int try_change(struct bench *b, struct change *c)
{
	c->wrong = 0;
	b->ctx = c;
	b->stored = NULL;
	memcpy(&b->devtab[CARD], &c->old, sizeof(c->old));
	model_forget_all(b->m);
	dma_outcome(b->m, false);	/* the old entry is cached */
	irq_outcome(b->m);
	model_watch(b->m, CARD);
	b->stored = probe_all;
	probe_all(b);
	if (engine_write_dte(&b->e, &b->devtab[CARD], CARD, &c->new, change_run,
			     b))
		c->wrong++;
	check_files(b, c);
	check_end(b, c);
	b->m->watching = false;
	return c->wrong;
}

struct world {
	struct gpm tree[2];
	struct dte_want want[48];
	unsigned int n;
};

static void make_world(struct bench *b, struct change *c, struct world *w)
{
	u64 *irt = model_alloc(b->m, 4096, 4096);
	struct irte_want vector = { .vector = 0x41 };
	unsigned int dom, dma, irq, sup;

	irte128_build(&vector, false, &irt[2 * 3]);
	for (dom = 0; dom < 2; dom++) {
		c->page[dom] = MODEL_RAM + 0x10000 * (dom + 1);
		assert_int_equal(gpm_init(&w->tree[dom], &bench_gpm_ops, b->m, 4), 0);
		assert_int_equal(gpm_map(&w->tree[dom], PROBE, c->page[dom], 0,
					 GPM_DMA_RW), 0);
	}
	for (dma = 0; dma < 3; dma++)
		for (irq = 0; irq < 3; irq++)
			for (sup = 0; sup < 2; sup++)
				for (dom = 0; dom < (dma == DTE_DMA_TABLE ? 2 : 1); dom++) {
					struct dte_want x = bench_blocked(b, sup);

					x.dma = (enum dte_dma)dma;
					x.irq = (enum dte_irq)irq;
					x.domain_id = dma == DTE_DMA_TABLE ? (u16)(2 + dom) :
						      dma == DTE_DMA_IDENTITY;
					x.depth = 4;
					x.root = gpm_root_hpa(&w->tree[dom]);
					if (irq == DTE_IRQ_TABLE) {
						x.irt = model_hpa(b->m, irt);
						x.irt_order = IRTE_TABLE_ORDER;
					}
					w->want[w->n++] = x;
				}
}

/* All pairs of @w's wishes; how many accesses were wrong. */
static unsigned int try_all(struct bench *b, struct change *c, struct world *w)
{
	unsigned int wrong = 0, i, j;

	for (i = 0; i < w->n; i++)
		for (j = 0; j < w->n; j++) {
			dte_build(&w->want[i], &c->old);
			dte_build(&w->want[j], &c->new);
			wrong += try_change(b, c);
		}
	return wrong;
}

static void test_no_fetch_at_any_store_sees_a_mixed_entry(void **state)
{
	struct change c = { 0 };
	struct world w = { 0 };
	struct bench b;

	(void)state;
	up(&b);
	make_world(&b, &c, &w);
	assert_int_equal(w.n, 24);
	assert_int_equal(try_all(&b, &c, &w), 0);
	down(&b);
}

/* The model would notice: the same changes without their flushes. */
static void test_a_dropped_flush_is_noticed(void **state)
{
	struct change c = { .skip_flush = true };
	struct world w = { 0 };
	unsigned int wrong;
	struct bench b;

	(void)state;
	up(&b);
	make_world(&b, &c, &w);
	wrong = try_all(&b, &c, &w);
	assert_true(wrong > 1000);
	bench_down(&b);
}

/* And an entry written front to back, as one would without a plan. */
static void test_an_entry_written_front_to_back_is_noticed(void **state)
{
	struct change c = { 0 };
	struct world w = { 0 };
	unsigned int wrong = 0, i, j, q;
	struct bench b;

	(void)state;
	up(&b);
	make_world(&b, &c, &w);
	for (i = 0; i < w.n; i++)
		for (j = 0; j < w.n; j++) {
			dte_build(&w.want[i], &c.old);
			dte_build(&w.want[j], &c.new);
			c.wrong = 0;
			b.ctx = &c;
			memcpy(&b.devtab[CARD], &c.old, sizeof(c.old));
			model_forget_all(b.m);
			model_watch(b.m, CARD);
			for (q = 0; q < 4; q++) {
				b.devtab[CARD].q[q] = c.new.q[q];
				model_stored(b.m);
				probe_all(&b);
			}
			b.m->watching = false;
			wrong += c.wrong;
		}
	assert_true(wrong > 100);
	bench_down(&b);
}

static void test_a_failed_flush_leaves_the_card_blocked_or_as_wished(void **state)
{
	struct change c = { 0 };
	struct world w = { 0 };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 24; i += 5)
		for (j = 1; j < 24; j += 5) {
			struct bench b;
			struct dte now;
			int err;

			up(&b);
			w.n = 0;
			make_world(&b, &c, &w);
			dte_build(&w.want[i], &c.old);
			dte_build(&w.want[j], &c.new);
			memcpy(&b.devtab[CARD], &c.old, sizeof(c.old));
			b.m->dead = true;
			err = engine_write_dte(&b.e, &b.devtab[CARD], CARD,
					       &c.new, bench_run, &b);
			now = b.devtab[CARD];
			assert_true(err == -ETIMEDOUT || !memcmp(&c.old, &c.new, 32));
			assert_true(dte_q0_blocks(now.q[0]) ||
				    !memcmp(&now, &c.new, sizeof(now)));
			bench_down(&b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_unit_is_taken_over_with_nothing_cached),
		cmocka_unit_test(test_without_invalidate_all_each_id_is_told),
		cmocka_unit_test(test_a_dead_unit_is_not_taken_over),
		cmocka_unit_test(test_a_unit_that_does_not_wake_up_stays_on),
		cmocka_unit_test(test_after_a_suspend_the_unit_is_as_before),
		cmocka_unit_test(test_the_quick_way_is_done_when_the_unit_says_so),
		cmocka_unit_test(test_a_run_returns_when_its_commands_are_done),
		cmocka_unit_test(test_more_commands_than_the_ring_holds),
		cmocka_unit_test(test_waiters_side_by_side),
		cmocka_unit_test(test_a_hang_is_cured_once_with_everything_forgotten),
		cmocka_unit_test(test_one_restart_serves_all_who_waited),
		cmocka_unit_test(test_a_restart_ends_no_wait_before_it_is_over),
		cmocka_unit_test(test_a_unit_that_never_answers_again_is_broken),
		cmocka_unit_test(test_completions_that_get_lost_are_not_believed),
		cmocka_unit_test(test_a_ring_that_does_not_stop_is_not_reset),
		cmocka_unit_test(test_a_bad_command_stops_the_ring_and_is_survived),
		cmocka_unit_test(test_a_full_ring_of_a_hung_unit_is_cured),
		cmocka_unit_test(test_no_fetch_at_any_store_sees_a_mixed_entry),
		cmocka_unit_test(test_a_dropped_flush_is_noticed),
		cmocka_unit_test(test_an_entry_written_front_to_back_is_noticed),
		cmocka_unit_test(test_a_failed_flush_leaves_the_card_blocked_or_as_wished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
