/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event log's entries (48882 2.5) as facts a person can read.
 */
#ifndef BACKPLANE_AMDVI_EVENT_H
#define BACKPLANE_AMDVI_EVENT_H

#include "iommu-amd/amdvi.h"
#include "iommu-amd/amdvi_fmt.h"

/*
 * Decode one entry. 0; -EAGAIN if the entry is still empty (code 0: the
 * hardware moved its tail before the data arrived); -ENOENT for a code that
 * is none of enum amdvi_event_code (@out is filled as far as is common).
 */
int event_decode(const u64 raw[2], u16 segment, struct amdvi_fault *out);

/* Is the event about a device, rather than about the unit's own commands? */
bool event_names_device(u8 code);

/* Does the unit stop reading commands when it reports this (2.4)? */
bool event_halts_commands(u8 code);

/* "DMA write", "interrupt" and so on. */
const char *event_access(const struct amdvi_fault *fault);

/* The specification's name, in lower case. */
const char *event_name(u8 code);

/* What the reader of the log can do about it. */
const char *event_advice(const struct amdvi_fault *fault);

#endif
