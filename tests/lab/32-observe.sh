#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest seen from outside: statistics, coalesced writes, MSRs answered by user
# space, a debugger, tracepoints as perf and trace-cmd know them. Then random
# calls to every descriptor (`make fuzz-ioctl` makes a million).
. "$(dirname "$0")/lib.sh"

boot host --timeout 240 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_tap obsabi

T=/sys/kernel/tracing
mount -t tracefs tracefs $T 2>/dev/null
EVENTS="kvm_entry kvm_exit kvm_mmio kvm_pio kvm_msr kvm_cpuid kvm_page_fault kvm_userspace_exit"
for e in $EVENTS; do echo 1 >$T/events/kvm/$e/enable; done
obsabi >/dev/null; kvmabi >/dev/null
cat $T/trace >/tmp/trace
for e in $EVENTS; do
	ok "the tracepoint $e fires ($(grep -c " $e: " /tmp/trace))" grep -q " $e: " /tmp/trace
	echo 0 >$T/events/kvm/$e/enable
done
for f in kvm_entry:vcpu_id kvm_exit:exit_reason kvm_exit:isa kvm_mmio:gpa kvm_mmio:type kvm_pio:port kvm_pio:rw; do
	ok "perf finds the field ${f#*:} in ${f%:*}" grep -qw "${f#*:};" $T/events/kvm/${f%:*}/format
done

note "$(ioctlfuzz ${FUZZ_SEED:-1} ${FUZZ_CALLS:-20000} ${FUZZ_PROCESSES:-6} 2>&1; echo "fuzz: $?" >/tmp/fuzz.rc)"
ok "random calls end, and some are accepted" grep -qx 'fuzz: 0' /tmp/fuzz.rc
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads after that" rmmod $m; done
JOB
finish
