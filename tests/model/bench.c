// SPDX-License-Identifier: GPL-2.0
/* The driver's engine on the model of the unit; bench.h says what for. */
#include <stdlib.h>

#include "tests/model/bench.h"

/* ---- the engine's operations ----------------------------------------------- */

static u64 bench_read(void *ctx, unsigned int reg)
{
	return model_read(((struct bench *)ctx)->m, reg);
}

static void bench_write(void *ctx, unsigned int reg, u64 value)
{
	model_write(((struct bench *)ctx)->m, reg, value);
}

static void bench_store(void *ctx, u64 *where, u64 value)
{
	struct bench *b = ctx;

	*where = value;
	model_stored(b->m);
	if (b->stored)
		b->stored(b);
}

static void bench_pause(void *ctx, unsigned int us)
{
	struct bench *b = ctx;

	(void)us;
	b->pauses++;
	model_tick(b->m);
}

static const struct engine_ops bench_ops = {
	.read = bench_read,
	.write = bench_write,
	.store = bench_store,
	.pause = bench_pause,
};

/* ---- the event log's -------------------------------------------------------- */

static void bench_event(void *ctx, const u64 raw[2])
{
	struct bench *b = ctx;

	if (b->events < ARRAY_SIZE(b->event))
		memcpy(b->event[b->events], raw, sizeof(b->event[0]));
	b->events++;
}

static void bench_control(void *ctx, u64 clear, u64 set)
{
	engine_control(&((struct bench *)ctx)->e, clear, set);
}

int bench_drain(struct bench *b)
{
	b->events = 0;
	memset(b->event, 0, sizeof(b->event));
	return evlog_drain(&b->log, &b->e, ENGINE_RING_ENTRIES);
}

/* ---- life ---------------------------------------------------------------------- */

struct dte_want bench_blocked(struct bench *b, bool suppress)
{
	return (struct dte_want){
		.dma = DTE_DMA_BLOCK, .irq = DTE_IRQ_BLOCK,
		.suppress = suppress, .irt_order = IRTE_OFF_ORDER,
		.irt = model_hpa(b->m, b->irt_off),
	};
}

static void bench_block_all(struct bench *b)
{
	struct dte_want want = bench_blocked(b, false);
	unsigned int i;

	for (i = 0; i < AMDVI_DEVICES; i++)
		if (dte_build(&want, &b->devtab[i]))
			abort();
}

/* @b->m is made; @devtab NULL: a segment of its own. */
static void bench_build(struct bench *b, struct dte *devtab)
{
	struct engine_setup at;

	b->devtab = devtab ? devtab :
		    model_alloc(b->m, AMDVI_DEVICES * AMDVI_DTE_SIZE, 4096);
	b->cmd = model_alloc(b->m, ENGINE_RING_BYTES, 4096);
	b->log.slot = model_alloc(b->m, ENGINE_RING_BYTES, 4096);
	b->sem = model_alloc(b->m, 4096, 4096);
	b->irt_off = model_alloc(b->m, IRTE_OFF_BYTES, 4096);
	if (!devtab)
		bench_block_all(b);
	at = (struct engine_setup){
		.devtab = model_hpa(b->m, b->devtab),
		.cmd = model_hpa(b->m, b->cmd),
		.evt = model_hpa(b->m, b->log.slot),
		.sem = model_hpa(b->m, b->sem),
		.cmd_slots = b->cmd, .sem_word = b->sem,
		.control = AMDVI_CTRL_GA, .inv_all = true,
	};
	engine_init(&b->e, &bench_ops, b, &at);
	b->log.control = bench_control;
	b->log.event = bench_event;
	b->log.ctx = b;
}

void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->m = model_new();
	bench_build(b, NULL);
}

void bench_up_beside(struct bench *b, struct bench *first, bool same_segment)
{
	memset(b, 0, sizeof(*b));
	b->m = model_new_beside(first->m);
	bench_build(b, same_segment ? first->devtab : NULL);
	if (engine_start(&b->e))
		abort();
}

void bench_up(struct bench *b)
{
	bench_init(b);
	if (engine_start(&b->e))
		abort();
}

void bench_down(struct bench *b)
{
	model_free(b->m);
}

int bench_run(void *ctx, const struct amdvi_cmd *cmds, unsigned int n)
{
	return engine_run(&((struct bench *)ctx)->e, cmds, n);
}

int bench_write_dte(struct bench *b, u16 id, const struct dte_want *want)
{
	struct dte dte;

	if (dte_build(want, &dte))
		abort();
	return engine_write_dte(&b->e, &b->devtab[id], id, &dte, bench_run, b);
}

/* ---- trees --------------------------------------------------------------------- */

/* Retired tables are not used again: the model's memory is plenty. */
static u64 *bench_alloc_table(void *ctx)
{
	return model_alloc(ctx, 4096, 4096);
}

static void bench_retire_table(void *ctx, u64 *table)
{
	(void)ctx;
	(void)table;
}

static hpa_t bench_table_hpa(void *ctx, const u64 *table)
{
	return model_hpa(ctx, table);
}

static u64 *bench_table_at(void *ctx, hpa_t hpa)
{
	return model_at(ctx, hpa, 4096);
}

const struct gpm_ops bench_gpm_ops = {
	.alloc_table = bench_alloc_table,
	.retire_table = bench_retire_table,
	.table_hpa = bench_table_hpa,
	.table_at = bench_table_at,
};
