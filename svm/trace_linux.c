// SPDX-License-Identifier: GPL-2.0
/* The tracepoints of svm/trace.h, made once. Knows no state of its own. */
#include <linux/module.h>
#define CREATE_TRACE_POINTS
#include "svm/trace.h"
