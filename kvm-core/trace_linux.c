// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of trace.h, made once. Knows no state of its own.
 */
#include <linux/module.h>
#define CREATE_TRACE_POINTS
#include "kvm-core/trace.h"
