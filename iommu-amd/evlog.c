// SPDX-License-Identifier: GPL-2.0
/*
 * The event log's ring (48882 2.5, 2.5.1), for fault_linux.c. Knows where an
 * entry lies and when it is complete, not what it says (event.c does).
 */
#include "iommu-amd/evlog.h"

#define EVLOG_FETCH_POLLS	100	/* of 10 us */
#define EVLOG_STOP_POLLS	1000

/* The tail may move before the data is visible: wait a little for it. */
static bool evlog_fetch(const struct engine *e, const u64 *slot, u64 raw[2])
{
	unsigned int i;

	for (i = 0; i < EVLOG_FETCH_POLLS; i++) {
		raw[0] = READ_ONCE(slot[0]);
		if (FIELD_GET(EVT_CODE, raw[0])) {
			env_read_barrier();	/* quad 0, then quad 1 */
			raw[1] = READ_ONCE(slot[1]);
			return true;
		}
		e->ops->pause(e->ctx, 10);
	}
	return false;
}

static void evlog_take(struct evlog *log, const struct engine *e)
{
	u64 *slot = log->slot[log->head / AMDVI_EVT_SIZE];
	u64 raw[2];

	if (evlog_fetch(e, slot, raw))
		log->event(log->ctx, raw);
	slot[0] = 0;
	slot[1] = 0;
	log->head = ring_next_offset(ENGINE_RING_ENTRIES, log->head);
	e->ops->write(e->ctx, AMDVI_REG_EVT_HEAD, log->head);
}

int evlog_drain(struct evlog *log, const struct engine *e, u32 budget)
{
	u32 handled = 0;
	int n;

	for (;;) {
		n = ring_pending(ENGINE_RING_ENTRIES, log->head,
				 e->ops->read(e->ctx, AMDVI_REG_EVT_TAIL) &
				 AMDVI_RING_PTR);
		if (n < 0)
			return n;
		if (!n || handled == budget)
			return (int)handled;
		for (; n && handled < budget; n--, handled++)
			evlog_take(log, e);
	}
}

bool evlog_overflowed(const struct engine *e)
{
	return e->ops->read(e->ctx, AMDVI_REG_STATUS) & AMDVI_STATUS_EVT_OVF;
}

void evlog_restart(struct evlog *log, const struct engine *e)
{
	unsigned int i;

	log->control(log->ctx, AMDVI_CTRL_EVT_LOG, 0);
	for (i = 0; i < EVLOG_STOP_POLLS; i++) {
		if (!(e->ops->read(e->ctx, AMDVI_REG_STATUS) &
		      AMDVI_STATUS_EVT_RUN))
			break;
		e->ops->pause(e->ctx, 10);
	}
	memset(log->slot, 0, ENGINE_RING_BYTES);
	e->ops->write(e->ctx, AMDVI_REG_EVT_HEAD, 0);
	e->ops->write(e->ctx, AMDVI_REG_EVT_TAIL, 0);
	log->head = 0;
	e->ops->write(e->ctx, AMDVI_REG_STATUS, AMDVI_STATUS_EVT_OVF);
	log->control(log->ctx, 0, AMDVI_CTRL_EVT_LOG);
}
