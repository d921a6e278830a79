// SPDX-License-Identifier: GPL-2.0
/*
 * Driving one IOMMU unit (48882 2.4 commands, 3.4 registers), for
 * unit_linux.c and, against the software model, for the unit tests. Knows
 * registers, rings and orders; not devices, domains, locks or Linux.
 */
#include "iommu-amd/engine.h"

#define ENGINE_POLLS	100000	/* of 10 us: one second */
#define ENGINE_QUICK	1000	/* of them without a pause worth the name */

static u64 engine_read(const struct engine *e, unsigned int reg)
{
	return e->ops->read(e->ctx, reg);
}

static void engine_write(const struct engine *e, unsigned int reg, u64 value)
{
	e->ops->write(e->ctx, reg, value);
}

void engine_init(struct engine *e, const struct engine_ops *ops, void *ctx,
		 const struct engine_setup *at)
{
	memset(e, 0, sizeof(*e));
	e->ops = ops;
	e->ctx = ctx;
	e->at = *at;
	e->wait_q0 = cmd_completion_wait(at->sem, 0).q[0];
	ring_init(&e->cmd, at->cmd_slots, ENGINE_RING_ENTRIES);
}

void engine_control(struct engine *e, u64 clear, u64 set)
{
	u64 ctrl = engine_read(e, AMDVI_REG_CONTROL);

	engine_write(e, AMDVI_REG_CONTROL, (ctrl & ~clear) | set);
}

/* ---- commands ------------------------------------------------------------ */

static bool engine_poll_seq(const struct engine *e, u64 seq)
{
	unsigned int i;

	for (i = 0; i < ENGINE_POLLS; i++) {
		if (ring_seq_reached(READ_ONCE(*e->at.sem_word), seq))
			return true;
		e->ops->pause(e->ctx, i < ENGINE_QUICK ? 0 : 10);
	}
	return false;
}

static bool engine_poll_status(const struct engine *e, u64 mask, u64 want)
{
	unsigned int i;

	for (i = 0; i < ENGINE_POLLS; i++) {
		if ((engine_read(e, AMDVI_REG_STATUS) & mask) == want)
			return true;
		e->ops->pause(e->ctx, 10);
	}
	return false;
}

/* The slots of what was confirmed come back. */
static void engine_reclaim(struct engine *e)
{
	u64 seen = READ_ONCE(*e->at.sem_word);

	if (!ring_seq_reached(e->seq, seen) ||
	    ring_seq_reached(e->seq_done, seen))
		return;
	e->seq_done = seen;
	ring_complete_to(&e->cmd, e->tail_of[seen % ENGINE_RING_ENTRIES]);
}

/* Ends what was pushed so far with a completion store, and lets it run. */
static void engine_kick(struct engine *e)
{
	/* Whoever pushes keeps one slot for this. */
	ring_put(&e->cmd, e->wait_q0, ++e->seq);
	e->tail_of[e->seq % ENGINE_RING_ENTRIES] = e->cmd.tail;
	e->waits++;
	engine_write(e, AMDVI_REG_CMD_TAIL, ring_tail_offset(&e->cmd));
}

/* @kicked: the last thing in the ring is a completion store. */
static int engine_push(struct engine *e, const struct amdvi_cmd *cmd,
		       bool kicked)
{
	if (ring_room(&e->cmd) < 2)
		engine_reclaim(e);
	if (ring_room(&e->cmd) < 2) {
		if (!kicked)
			engine_kick(e);
		if (!engine_poll_seq(e, e->seq))
			return -ETIMEDOUT;
		engine_reclaim(e);
	}
	e->commands++;
	return ring_push(&e->cmd, cmd->q);
}

static int engine_push_all(struct engine *e, const struct amdvi_cmd *cmds,
			   unsigned int n)
{
	unsigned int i;
	int err = 0;

	if (likely(ring_room(&e->cmd) > n)) {
		for (i = 0; i < n; i++)
			ring_put(&e->cmd, cmds[i].q[0], cmds[i].q[1]);
		e->commands += n;
		engine_kick(e);
		return 0;
	}
	for (i = 0; i < n && !err; i++)
		err = engine_push(e, &cmds[i], i == 0);
	if (!err)
		engine_kick(e);
	return err;
}

static int engine_sync(struct engine *e)
{
	engine_kick(e);
	return engine_poll_seq(e, e->seq) ? 0 : -ETIMEDOUT;
}

/*
 * Forget everything the unit has cached. Old units lack INVALIDATE_ALL and
 * are told about each device and each domain instead.
 */
static int engine_invalidate_all(struct engine *e)
{
	struct amdvi_cmd cmd = cmd_invalidate_all();
	unsigned int id, i;
	int err = 0;

	if (e->at.inv_all) {
		err = engine_push(e, &cmd, true);
		return err ? err : engine_sync(e);
	}
	for (id = 0; id < AMDVI_DEVICES && !err; id++) {
		struct amdvi_cmd each[] = { cmd_invalidate_dte((u16)id),
					    cmd_invalidate_irt((u16)id),
					    cmd_invalidate_domain((u16)id) };

		for (i = 0; i < ARRAY_SIZE(each) && !err; i++)
			err = engine_push(e, &each[i], !id && !i);
	}
	return err ? err : engine_sync(e);
}

/* Both pointers are 0 and nothing is outstanding. */
static void engine_empty_ring(struct engine *e)
{
	ring_reset(&e->cmd);
	e->seq_done = e->seq;
}

/* 2.4: stop fetching, wait until it stopped, both pointers to 0, go on. */
static bool engine_reset_ring(struct engine *e)
{
	u64 ctrl = engine_read(e, AMDVI_REG_CONTROL);

	engine_write(e, AMDVI_REG_CONTROL, ctrl & ~AMDVI_CTRL_CMD_BUF);
	if (!engine_poll_status(e, AMDVI_STATUS_CMD_RUN, 0))
		return false;
	engine_write(e, AMDVI_REG_CMD_HEAD, 0);
	engine_write(e, AMDVI_REG_CMD_TAIL, 0);
	engine_empty_ring(e);
	engine_write(e, AMDVI_REG_CONTROL, ctrl | AMDVI_CTRL_CMD_BUF);
	return true;
}

int engine_restart(struct engine *e)
{
	if (!e->started || e->broken)
		return -ETIMEDOUT;
	WRITE_ONCE(e->restarts, e->restarts + 1);
	if (engine_reset_ring(e) && !engine_invalidate_all(e))
		return 0;
	e->broken = true;
	return -ETIMEDOUT;
}

int engine_submit(struct engine *e, const struct amdvi_cmd *cmds,
		  unsigned int n, struct engine_ticket *ticket)
{
	int err = -ETIMEDOUT;

	ticket->restarts = e->restarts;
	if (e->started && !e->broken)
		err = engine_push_all(e, cmds, n);
	ticket->seq = e->seq;
	return err;
}

bool engine_wait(const struct engine *e, const struct engine_ticket *ticket)
{
	return engine_is_done(e, ticket) ||
	       (engine_poll_seq(e, ticket->seq) && engine_is_done(e, ticket));
}

/* A restart since has invalidated everything, these included. */
int engine_settle(struct engine *e, const struct engine_ticket *ticket)
{
	if (e->broken || !e->started)
		return -ETIMEDOUT;
	return e->restarts != ticket->restarts ? 0 : engine_restart(e);
}

int engine_run(struct engine *e, const struct amdvi_cmd *cmds, unsigned int n)
{
	struct engine_ticket ticket;

	if (!engine_submit(e, cmds, n, &ticket) && engine_wait(e, &ticket))
		return 0;
	return engine_settle(e, &ticket);
}

/* ---- device table entries ------------------------------------------------ */

static unsigned int dte_flush_cmds(u16 id, u64 old_q1, u64 new_q1,
				   struct amdvi_cmd cmds[4])
{
	u16 old_domain = (u16)FIELD_GET(DTE_DOMAIN, old_q1);
	u16 new_domain = (u16)FIELD_GET(DTE_DOMAIN, new_q1);

	cmds[0] = cmd_invalidate_dte(id);
	cmds[1] = cmd_invalidate_irt(id);
	cmds[2] = cmd_invalidate_domain(old_domain);
	cmds[3] = cmd_invalidate_domain(new_domain);
	return old_domain == new_domain ? 3 : 4;
}

int engine_write_dte(struct engine *e, struct dte *entry, u16 id,
		     const struct dte *new,
		     int (*run)(void *ctx, const struct amdvi_cmd *cmds,
				unsigned int n), void *ctx)
{
	struct dte_step plan[DTE_PLAN_MAX];
	struct amdvi_cmd cmds[4];
	struct dte old = *entry;
	unsigned int steps = dte_plan(&old, new, plan), n, i;
	int err;

	n = dte_flush_cmds(id, old.q[1], new->q[1], cmds);
	for (i = 0; i < steps; i++) {
		if (plan[i].what == DTE_STORE) {
			e->ops->store(e->ctx, &entry->q[plan[i].quad],
				      plan[i].value);
			continue;
		}
		if (!e->started)
			continue;
		err = run(ctx, cmds, n);
		if (err)
			return err;
	}
	return 0;
}

/* ---- life ---------------------------------------------------------------- */

static void engine_program(struct engine *e)
{
	u64 len = FIELD_PREP(AMDVI_RING_LEN, ENGINE_RING_ORDER);

	engine_write(e, AMDVI_REG_DEVTAB, e->at.devtab |
		     (AMDVI_DEVICES * AMDVI_DTE_SIZE / BP_PAGE_SIZE - 1));
	engine_write(e, AMDVI_REG_CMD_BASE, e->at.cmd | len);
	engine_write(e, AMDVI_REG_CMD_HEAD, 0);
	engine_write(e, AMDVI_REG_CMD_TAIL, 0);
	engine_empty_ring(e);
	engine_write(e, AMDVI_REG_EVT_BASE, e->at.evt | len);
	engine_write(e, AMDVI_REG_EVT_HEAD, 0);
	engine_write(e, AMDVI_REG_EVT_TAIL, 0);
	/* A range that bypasses translation, left behind by somebody. */
	engine_write(e, AMDVI_REG_EXCL_BASE, 0);
	engine_write(e, AMDVI_REG_EXCL_LIMIT, 0);
	engine_write(e, AMDVI_REG_STATUS,
		     AMDVI_STATUS_EVT_OVF | AMDVI_STATUS_EVT_INT);
}

/* Enabled, with our tables and nothing cached. */
static int engine_enable(struct engine *e)
{
	u64 ctrl = e->at.control |
		   FIELD_PREP(AMDVI_CTRL_INV_TIMEOUT, AMDVI_INV_TIMEOUT_1S) |
		   AMDVI_CTRL_CMD_BUF | AMDVI_CTRL_EVT_LOG |
		   AMDVI_CTRL_EVT_INT | AMDVI_CTRL_IOMMU_EN;
	bool stopped;

	engine_write(e, AMDVI_REG_CONTROL, 0);
	stopped = engine_poll_status(e, AMDVI_STATUS_CMD_RUN |
				     AMDVI_STATUS_EVT_RUN, 0);
	engine_program(e);
	engine_write(e, AMDVI_REG_CONTROL, ctrl);
	/* What was cached before, or by a previous owner, is not ours. */
	return stopped ? engine_invalidate_all(e) : -ETIMEDOUT;
}

void engine_stop(struct engine *e)
{
	engine_write(e, AMDVI_REG_CONTROL, 0);
	engine_write(e, AMDVI_REG_DEVTAB, 0);
	e->started = false;
}

int engine_start(struct engine *e)
{
	int err = engine_enable(e);

	if (err)
		engine_stop(e);
	else
		e->started = true;
	return err;
}

int engine_resume(struct engine *e)
{
	int err = engine_enable(e);

	e->broken = err != 0;
	return err;
}
