// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints of trace.h, made once, and given to svm for what only it
 * sees (exits, injections, nested faults). Knows no state of its own.
 */
#include <linux/module.h>
#define CREATE_TRACE_POINTS
#include "kvm-core/trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_exit);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_msr);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_inj_virq);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_inj_exception);
EXPORT_TRACEPOINT_SYMBOL_GPL(kvm_page_fault);
