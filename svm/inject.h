/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inject: events into a guest and events that were interrupted on their way
 * (APM2 15.20, 15.7.2).
 */
#ifndef BACKPLANE_INJECT_H
#define BACKPLANE_INJECT_H

#include "env.h"

enum inject_kind { INJECT_NONE, INJECT_INTR, INJECT_NMI, INJECT_EXCEPTION,
		   INJECT_SOFT };

struct inject_event {
	enum inject_kind kind;
	u8 vector;
	bool has_error;
	u32 error;
};

/* The EVENTINJ word for @e; 0 for INJECT_NONE. */
u64 inject_encode(const struct inject_event *e);

/*
 * What EXITINTINFO says was being delivered when the guest exited. A software
 * interrupt or INT3/INTO comes back as INJECT_NONE: RIP still points at the
 * instruction, which the guest simply executes again. An exception vector of
 * 32 or more cannot be one; some emulators report an external interrupt so,
 * and it is taken as such.
 */
struct inject_event inject_decode(u64 exit_int_info);

/* Is it an event that an instruction raises (INT n, INT3, INTO)? */
bool inject_by_insn(u64 event);

#endif
