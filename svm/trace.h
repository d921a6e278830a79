/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints of the system `kvm` that only svm meets: exits, MSRs,
 * injections, nested faults. kvm-core/trace.h has the others and the rules.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#if !defined(BACKPLANE_SVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BACKPLANE_SVM_TRACE_H

#include <linux/tracepoint.h>
#include "kvm-core/vcpu.h"

#ifndef KVM_ISA_SVM
#define KVM_ISA_SVM	2
#endif

TRACE_EVENT(kvm_exit,
	TP_PROTO(struct vcpu *v, u32 reason, u32 isa, u64 info1, u64 info2,
		 u32 intr_info, u32 error_code),
	TP_ARGS(v, reason, isa, info1, info2, intr_info, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, exit_reason)
		__field(unsigned long, guest_rip)
		__field(u32, isa)
		__field(u64, info1)
		__field(u64, info2)
		__field(u32, intr_info)
		__field(u32, error_code)
		__field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		__entry->exit_reason = reason;
		__entry->guest_rip = v->rip;
		__entry->isa = isa;
		__entry->info1 = info1;
		__entry->info2 = info2;
		__entry->intr_info = intr_info;
		__entry->error_code = error_code;
		__entry->vcpu_id = v->id;
	),
	TP_printk("vcpu %u reason 0x%x rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x",
		  __entry->vcpu_id, __entry->exit_reason, __entry->guest_rip,
		  __entry->info1, __entry->info2, __entry->intr_info,
		  __entry->error_code)
);

TRACE_EVENT(kvm_msr,
	TP_PROTO(bool write, u32 ecx, u64 data, bool exception),
	TP_ARGS(write, ecx, data, exception),
	TP_STRUCT__entry(
		__field(unsigned int, write)
		__field(u32, ecx)
		__field(u64, data)
		__field(u8, exception)
	),
	TP_fast_assign(
		__entry->write = write;
		__entry->ecx = ecx;
		__entry->data = data;
		__entry->exception = exception;
	),
	TP_printk("msr_%s %x = 0x%llx%s", __entry->write ? "write" : "read",
		  __entry->ecx, __entry->data, __entry->exception ? " (#GP)" : "")
);

TRACE_EVENT(kvm_inj_virq,
	TP_PROTO(unsigned int vector, bool soft),
	TP_ARGS(vector, soft),
	TP_STRUCT__entry(
		__field(unsigned int, vector)
		__field(bool, soft)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->vector = vector;
		__entry->soft = soft;
		__entry->reinjected = false;
	),
	TP_printk("%s 0x%x%s", __entry->soft ? "Soft/INTn" : "IRQ",
		  __entry->vector, __entry->reinjected ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_inj_exception,
	TP_PROTO(u8 exception, bool has_error, u32 error_code),
	TP_ARGS(exception, has_error, error_code),
	TP_STRUCT__entry(
		__field(u8, exception)
		__field(u8, has_error)
		__field(u32, error_code)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->exception = exception;
		__entry->has_error = has_error;
		__entry->error_code = error_code;
		__entry->reinjected = false;
	),
	TP_printk("exception %u error %s0x%x", __entry->exception,
		  __entry->has_error ? "" : "none ", __entry->error_code)
);

TRACE_EVENT(kvm_page_fault,
	TP_PROTO(struct vcpu *v, u64 fault_address, u64 error_code),
	TP_ARGS(v, fault_address, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, guest_rip)
		__field(u64, fault_address)
		__field(u64, error_code)
	),
	TP_fast_assign(
		__entry->vcpu_id = v->id;
		__entry->guest_rip = v->rip;
		__entry->fault_address = fault_address;
		__entry->error_code = error_code;
	),
	TP_printk("vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx",
		  __entry->vcpu_id, __entry->guest_rip, __entry->fault_address,
		  __entry->error_code)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH svm
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
