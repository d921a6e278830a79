/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sequences by which software drives one IOMMU unit (48882 2.4, 3.4):
 * taking it over, giving commands and waiting for them, restarting a command
 * ring that stopped, and changing a device table entry in safe steps. The
 * registers, the stores that hardware watches and the passing of time come in
 * as operations, so the same code runs on hardware and on the strict software
 * model of tests/model.
 *
 * Every wait is bounded. Commands that are not confirmed in time make the ring
 * restart once, with everything invalidated; if that does not help either the
 * engine is broken, and every later command fails at once.
 *
 * The caller serialises all functions but engine_wait(), which may run beside
 * any of them.
 */
#ifndef BACKPLANE_ENGINE_H
#define BACKPLANE_ENGINE_H

#include "addr.h"
#include "iommu-amd/amdvi_fmt.h"
#include "iommu-amd/cmd.h"
#include "iommu-amd/dte.h"
#include "iommu-amd/ring.h"

#define ENGINE_RING_ORDER	9	/* 512 entries, 8 KiB */
#define ENGINE_RING_ENTRIES	(1U << ENGINE_RING_ORDER)
#define ENGINE_RING_BYTES	(ENGINE_RING_ENTRIES * RING_ENTRY_SIZE)

struct engine_ops {
	u64 (*read)(void *ctx, unsigned int reg);
	/* All stores before it are visible to the unit first. */
	void (*write)(void *ctx, unsigned int reg, u64 value);
	/* One 64-bit store that the unit sees whole, and before later ones. */
	void (*store)(void *ctx, u64 *where, u64 value);
	void (*pause)(void *ctx, unsigned int us);	/* 0: the least */
};

/* Where the unit finds things, and how it is to run. */
struct engine_setup {
	hpa_t devtab;		/* AMDVI_DEVICES entries */
	hpa_t cmd, evt;		/* ENGINE_RING_BYTES each */
	hpa_t sem;		/* 8 bytes for completion stores */
	u64 (*cmd_slots)[2];	/* the same memory as software sees it */
	u64 *sem_word;
	u64 *doorbell;		/* the tail register of the command ring, where a
				 * plain store reaches it; NULL: only ops->write
				 */
	u64 control;		/* more bits of the control register */
	bool inv_all;		/* INVALIDATE_ALL exists */
};

struct engine {
	const struct engine_ops *ops;
	void *ctx;
	struct engine_setup at;
	struct ring cmd;
	u64 seq;		/* of the last completion asked for */
	u64 wait_q0;		/* first quad of the command that asks for one */
	u32 tail_of[ENGINE_RING_ENTRIES];	/* ring's tail, by seq */
	u64 seq_done;		/* the last one whose slots came back */
	bool started;
	bool broken;		/* does not execute commands any more */
	u64 commands, waits, restarts;
};

/* What engine_submit() was given, for those who wait for it. */
struct engine_ticket {
	u64 seq;
	u64 restarts;
};

void engine_init(struct engine *e, const struct engine_ops *ops, void *ctx,
		 const struct engine_setup *at);

/*
 * Take the unit over: our tables, empty rings, nothing cached. -ETIMEDOUT: it
 * did not stop, or did not execute commands; then it is off again.
 */
int engine_start(struct engine *e);
/* The same for a unit that cards may be assigned through: it stays enabled,
 * and counts as broken, if it does not answer.
 */
int engine_resume(struct engine *e);
/* Everything passes. The device table register is cleared too: an emulated
 * unit looks interrupts up in the table even while it is disabled.
 */
void engine_stop(struct engine *e);

/* Give the commands. 0, or -ETIMEDOUT (not started, broken, or no room came
 * in time: the caller goes on to engine_settle()).
 */
int engine_submit(struct engine *e, const struct amdvi_cmd *cmds,
		  unsigned int n, struct engine_ticket *ticket);
/*
 * engine_submit() of one command where nothing is in the way, which is nearly
 * always. False: nothing was done.
 */
static inline bool engine_submit_quick(struct engine *e, struct amdvi_cmd cmd,
				       struct engine_ticket *ticket)
{
	if (!e->started || e->broken || !e->at.doorbell || ring_room(&e->cmd) < 2)
		return false;
	ticket->restarts = e->restarts;
	ticket->seq = ++e->seq;
	ring_put(&e->cmd, cmd.q[0], cmd.q[1]);
	ring_put(&e->cmd, e->wait_q0, e->seq);
	e->tail_of[e->seq % ENGINE_RING_ENTRIES] = e->cmd.tail;
	e->commands++;
	e->waits++;
	env_write_barrier();	/* the ring before its tail */
	WRITE_ONCE(*e->at.doorbell, ring_tail_offset(&e->cmd));
	return true;
}

/*
 * Is that done, without waiting? After a restart, which dropped the ring, the
 * completions of its own commands say nothing of those given before: ask
 * engine_settle(). (A restart counts itself before it gives the unit anything.)
 */
static inline bool engine_is_done(const struct engine *e,
				  const struct engine_ticket *ticket)
{
	return ring_seq_reached(READ_ONCE(*e->at.sem_word), ticket->seq) &&
	       READ_ONCE(e->restarts) == ticket->restarts;
}

/* Are they done? Waits a second at most. Changes nothing. False after a
 * restart, too.
 */
bool engine_wait(const struct engine *e, const struct engine_ticket *ticket);
/*
 * They are not: restart the ring with everything invalidated, unless somebody
 * did since. 0: whatever was asked for is done; -ETIMEDOUT: broken.
 */
int engine_settle(struct engine *e, const struct engine_ticket *ticket);
/* The three in a row. */
int engine_run(struct engine *e, const struct amdvi_cmd *cmds, unsigned int n);
/* After an event that halted the ring. 0 or -ETIMEDOUT. */
int engine_restart(struct engine *e);

/*
 * Change @entry, which is @id's, to @new by the steps of dte_plan(); @run gives
 * the commands of a flush (engine_run() with the caller's locks). While the
 * engine is not started there is nothing to flush. 0, or @run's error: the
 * entry is then blocked or already the new one.
 */
int engine_write_dte(struct engine *e, struct dte *entry, u16 id,
		     const struct dte *new,
		     int (*run)(void *ctx, const struct amdvi_cmd *cmds,
				unsigned int n), void *ctx);

/* Change bits of the control register. */
void engine_control(struct engine *e, u64 clear, u64 set);

#endif
