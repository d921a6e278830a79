/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints in the system `kvm`, with the names and fields of Linux's KVM, so
 * that perf kvm stat, trace-cmd and kvm_stat read them. One that is off costs a
 * no-op (a static key). trace_linux.c makes them. svm/trace.h has those that
 * only svm meets: no module exports a tracepoint, because the in-tree kvm
 * exports some of these names and a module with a taken name does not load.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#if !defined(BACKPLANE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BACKPLANE_TRACE_H

#include <linux/tracepoint.h>
#include "kvm-core/vcpu.h"

#ifndef KVM_TRACE_MMIO_WRITE
/* kvm_mmio's types */
#define KVM_TRACE_MMIO_READ	1
#define KVM_TRACE_MMIO_WRITE	2
#endif

TRACE_EVENT(kvm_entry,
	TP_PROTO(struct vcpu *v),
	TP_ARGS(v),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, rip)
	),
	TP_fast_assign(
		__entry->vcpu_id = v->id;
		__entry->rip = v->rip;
	),
	TP_printk("vcpu %u, rip 0x%lx", __entry->vcpu_id, __entry->rip)
);

TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(u32 reason, int err),
	TP_ARGS(reason, err),
	TP_STRUCT__entry(
		__field(u32, reason)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->reason = reason;
		__entry->errno = err;
	),
	TP_printk("reason %u (%d)", __entry->reason, __entry->errno)
);

/* ns: of the halt; waited: the thread slept, or polling saw the end */
TRACE_EVENT(kvm_vcpu_wakeup,
	TP_PROTO(u64 ns, bool waited),
	TP_ARGS(ns, waited),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(bool, waited)
		__field(bool, valid)
	),
	TP_fast_assign(
		__entry->ns = ns;
		__entry->waited = waited;
		__entry->valid = true;
	),
	TP_printk("%s time %llu ns, polling %s",
		  __entry->waited ? "wait" : "poll", __entry->ns,
		  __entry->valid ? "valid" : "invalid")
);

TRACE_EVENT(kvm_halt_poll_ns,
	TP_PROTO(unsigned int vcpu_id, unsigned int new, unsigned int old),
	TP_ARGS(vcpu_id, new, old),
	TP_STRUCT__entry(
		__field(bool, grow)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, new)
		__field(unsigned int, old)
	),
	TP_fast_assign(
		__entry->grow = new > old;
		__entry->vcpu_id = vcpu_id;
		__entry->new = new;
		__entry->old = old;
	),
	TP_printk("vcpu %u: halt_poll_ns %u (%s %u)", __entry->vcpu_id,
		  __entry->new, __entry->grow ? "grow" : "shrink", __entry->old)
);

TRACE_EVENT(kvm_pio,
	TP_PROTO(bool write, unsigned int port, unsigned int size, u64 val),
	TP_ARGS(write, port, size, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, port)
		__field(unsigned int, size)
		__field(unsigned int, count)
		__field(unsigned int, val)
	),
	TP_fast_assign(
		__entry->rw = write;
		__entry->port = port;
		__entry->size = size;
		__entry->count = 1;
		__entry->val = val;
	),
	TP_printk("pio_%s at 0x%x size %u count %u val 0x%x",
		  __entry->rw ? "write" : "read", __entry->port, __entry->size,
		  __entry->count, __entry->val)
);

TRACE_EVENT(kvm_mmio,
	TP_PROTO(bool write, u32 len, u64 gpa, u64 val),
	TP_ARGS(write, len, gpa, val),
	TP_STRUCT__entry(
		__field(u32, type)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->type = write ? KVM_TRACE_MMIO_WRITE : KVM_TRACE_MMIO_READ;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = val;
	),
	TP_printk("mmio %s len %u gpa 0x%llx val 0x%llx",
		  __entry->type == KVM_TRACE_MMIO_WRITE ? "write" : "read",
		  __entry->len, __entry->gpa, __entry->val)
);

TRACE_EVENT(kvm_cpuid,
	TP_PROTO(u32 function, u32 index, const u64 *regs, bool found),
	TP_ARGS(function, index, regs, found),
	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned int, index)
		__field(unsigned long, rax)
		__field(unsigned long, rbx)
		__field(unsigned long, rcx)
		__field(unsigned long, rdx)
		__field(bool, found)
		__field(bool, used_max_basic)
	),
	TP_fast_assign(
		__entry->function = function;
		__entry->index = index;
		__entry->rax = regs[EMUL_RAX];
		__entry->rbx = regs[EMUL_RBX];
		__entry->rcx = regs[EMUL_RCX];
		__entry->rdx = regs[EMUL_RDX];
		__entry->found = found;
		__entry->used_max_basic = false;
	),
	TP_printk("func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry %sfound",
		  __entry->function, __entry->index, __entry->rax, __entry->rbx,
		  __entry->rcx, __entry->rdx, __entry->found ? "" : "not ")
);

TRACE_EVENT(kvm_set_irq,
	TP_PROTO(unsigned int gsi, int level, int irq_source_id),
	TP_ARGS(gsi, level, irq_source_id),
	TP_STRUCT__entry(
		__field(unsigned int, gsi)
		__field(int, level)
		__field(int, irq_source_id)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->irq_source_id = irq_source_id;
	),
	TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level,
		  __entry->irq_source_id)
);

TRACE_EVENT(kvm_msi_set_irq,
	TP_PROTO(u64 address, u64 data),
	TP_ARGS(address, data),
	TP_STRUCT__entry(
		__field(u64, address)
		__field(u64, data)
	),
	TP_fast_assign(
		__entry->address = address;
		__entry->data = data;
	),
	TP_printk("dst %llx vec %llu", __entry->address >> 12 & 0xff,
		  __entry->data & 0xff)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kvm-core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>

#ifndef BACKPLANE_TRACE_AWAY
#define BACKPLANE_TRACE_AWAY
/*
 * On the way of every exit: the tracepoint's own code stands elsewhere, so that
 * it takes no registers from the function that has it.
 */
static noinline __cold __maybe_unused void away_entry(struct vcpu *v)
{
	trace_kvm_entry(v);
}

static noinline __cold __maybe_unused void away_pio(bool write, u16 port,
						    unsigned int size, u32 value)
{
	trace_kvm_pio(write, port, size, value);
}

#define trace_entry_away(v) \
	do { if (trace_kvm_entry_enabled()) away_entry(v); } while (0)
#define trace_pio_away(write, port, size, value) \
	do { if (trace_kvm_pio_enabled()) away_pio(write, port, size, value); } while (0)
#endif
