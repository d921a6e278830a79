// SPDX-License-Identifier: GPL-2.0
/*
 * inject: the words that carry events between hypervisor and guest
 * (APM2 15.20). Pure; used by svm on every exit and entry.
 */
#include "svm/inject.h"
#include "svm/vmcb.h"

#define VECTOR_BP	3
#define VECTOR_OF	4

static const u8 event_type[] = {
	[INJECT_INTR] = EVENT_TYPE_INTR,
	[INJECT_NMI] = EVENT_TYPE_NMI,
	[INJECT_EXCEPTION] = EVENT_TYPE_EXCEPTION,
	[INJECT_SOFT] = EVENT_TYPE_SOFT,
};

u64 inject_encode(const struct inject_event *e)
{
	u64 word;

	if (e->kind == INJECT_NONE)
		return 0;
	word = EVENT_VALID | FIELD_PREP(EVENT_VECTOR, (u64)e->vector) |
	       FIELD_PREP(EVENT_TYPE, (u64)event_type[e->kind]);
	if (e->has_error)
		word |= EVENT_EV | FIELD_PREP(EVENT_ERROR, (u64)e->error);
	return word;
}

struct inject_event inject_decode(u64 info)
{
	struct inject_event e = { .kind = INJECT_NONE };

	if (!(info & EVENT_VALID))
		return e;
	e.vector = (u8)FIELD_GET(EVENT_VECTOR, info);
	switch (FIELD_GET(EVENT_TYPE, info)) {
	case EVENT_TYPE_INTR:
		e.kind = INJECT_INTR;
		break;
	case EVENT_TYPE_NMI:
		e.kind = INJECT_NMI;
		break;
	case EVENT_TYPE_EXCEPTION:
		if (e.vector == VECTOR_BP || e.vector == VECTOR_OF)
			break;
		if (e.vector >= 32) {
			e.kind = INJECT_INTR;
			break;
		}
		e.kind = INJECT_EXCEPTION;
		e.has_error = info & EVENT_EV;
		e.error = (u32)FIELD_GET(EVENT_ERROR, info);
		break;
	default:
		break;
	}
	return e;
}

bool inject_by_insn(u64 event)
{
	u64 vector = FIELD_GET(EVENT_VECTOR, event);

	if (!(event & EVENT_VALID))
		return false;
	switch (FIELD_GET(EVENT_TYPE, event)) {
	case EVENT_TYPE_SOFT:
		return true;
	case EVENT_TYPE_EXCEPTION:
		return vector == VECTOR_BP || vector == VECTOR_OF;
	default:
		return false;
	}
}
