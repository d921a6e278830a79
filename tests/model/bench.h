/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver's engine on the model: what a test of iommu-amd's sequences
 * begins with. bench_up() gives a running unit whose device table blocks every
 * id, as the module makes it; time passes in the engine's pauses.
 */
#ifndef BACKPLANE_TESTS_MODEL_BENCH_H
#define BACKPLANE_TESTS_MODEL_BENCH_H

#include "gpm/gpm.h"
#include "iommu-amd/engine.h"
#include "iommu-amd/evlog.h"
#include "iommu-amd/irte.h"
#include "tests/model/amdvi_model.h"

struct bench {
	struct amdvi_model *m;
	struct engine e;
	struct evlog log;
	struct dte *devtab;
	u64 (*cmd)[2];
	u64 *sem;
	void *irt_off;		/* IRTE_OFF_BYTES of zeros */
	unsigned int pauses;
	/* after each store to the device table, NULL for nothing */
	void (*stored)(struct bench *b);
	void *ctx;
	/* the events that bench_drain() met, the first of them kept */
	unsigned int events;
	u64 event[8][2];
};

/* A unit that is off, with tables in place; bench_up() also starts it. */
void bench_init(struct bench *b);
void bench_up(struct bench *b);
/* One more unit of @first's machine, of the same segment or another. */
void bench_up_beside(struct bench *b, struct bench *first, bool same_segment);
/* @first last. */
void bench_down(struct bench *b);

/* engine_run() and engine_write_dte() on this bench. */
int bench_run(void *b, const struct amdvi_cmd *cmds, unsigned int n);
int bench_write_dte(struct bench *b, u16 id, const struct dte_want *want);
/* A wish with interrupts refused as the module refuses them. */
struct dte_want bench_blocked(struct bench *b, bool suppress);
/* evlog_drain() into @events and @event, from zero. */
int bench_drain(struct bench *b);

/* Tables of a gpm tree in the model's memory. */
extern const struct gpm_ops bench_gpm_ops;	/* ctx: the struct amdvi_model */

#endif
