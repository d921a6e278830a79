#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/lab/klog-check on lines as kernels print them: each kind of report is
# held against a run, what a kernel says about itself is not. TAP.
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0 bad=0
point()
{
	n=$((n + 1))
	echo "$([ "$2" = "$3" ] || echo "not ")ok $n - $1"
	[ "$2" = "$3" ] || bad=$((bad + 1))
}
# judged LINE [ALLOWED [LEAK]]: clean or bad
judged()
{
	printf '[    0.000000] Linux version 6.1\n%s\n' "$1" >"$log"
	if tools/lab/klog-check "$log" "${2:-}" "${3:-}" >/dev/null; then echo clean; else echo bad; fi
}

while read -r line; do
	point "a report: $line" bad "$(judged "[   12.345678] $line")"
done <<'LINES'
BUG: KASAN: slab-out-of-bounds in f+0x12/0x34 [kvm_core]
BUG: KASAN: use-after-free in f+0x12/0x34
UBSAN: shift-out-of-bounds in kvm-core/a.c:1:2
UBSAN: array-index-out-of-bounds in gpm/gpm.c:1:2
WARNING: possible circular locking dependency detected
WARNING: possible recursive locking detected
WARNING: possible irq lock inversion dependency detected
WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
WARNING: bad unlock balance detected!
WARNING: held lock freed!
WARNING: lock held when returning to user space!
WARNING: qemu/12 still has locks held!
[ BUG: Invalid wait context ]
BUG: sleeping function called from invalid context at mm/slab.h:1
BUG: scheduling while atomic: qemu/12/0x00000002
BUG: using smp_processor_id() in preemptible [00000000] code: qemu/12
BUG: MAX_LOCKDEP_CHAINS too low!
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
kmemleak: Kernel memory leak detector disabled
ODEBUG: free active (active state 0) object type: timer_list hint: f+0x0/0x10
WARNING: CPU: 1 PID: 12 at kernel/dma/debug.c:1 check_unmap+0x1/0x2
BUG: unable to handle page fault for address: ffffc90000000000
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
LINES

while read -r line; do
	point "no report: $line" clean "$(judged "[   12.345678] $line")"
done <<'LINES'
kasan: KernelAddressSanitizer initialized
kmemleak: Kernel memory leak detector initialized (mem pool available: 37000)
kmemleak: Automatic memory scanning thread started
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
DMA-API: preallocated 65536 debug entries
kvm-core: VM 1 of process 12 stopped: a reason
LINES

point "a program's word, without the kernel's stamp, is none" clean "$(judged 'BUG: KASAN: said by a program')"
point "a line that is allowed is not held against the run" clean "$(judged '[ 1.0] Call Trace:' 'Call Trace:')"
point "what is not allowed is, beside it" bad \
	"$(judged $'[ 1.0] Call Trace:\n[ 1.1] BUG: KASAN: use-after-free in f' 'Call Trace:')"
# leaks N FRAME...: what a kernel and init print of N suspected leaks, of which
# those with the frames are told; scanned does, to the end
leaks()
{
	printf '[ 1.0] kmemleak: %d new suspected memory leaks (see /sys/kernel/debug/kmemleak)\n' "$1"
	shift
	[ $# -eq 0 ] || printf 'unreferenced object 0xffff (size 16):\n  backtrace:\n    [<(____ptrval____)>] kstrdup+0x1/0x2\n    [<(____ptrval____)>] %s+0x3/0x4\n' "$@"
}
scanned() { leaks "$@"; echo "lab: scanned for leaks"; }
point "leaks that are all of a known kind are let go" clean "$(judged "$(scanned 2 known_fn known_fn)" '' known_fn)"
point "so is one that was freed after it was suspected" clean "$(judged "$(scanned 2 known_fn)" '' known_fn)"
point "also if it was the only one" clean "$(judged "$(scanned 1)")"
point "one of another kind is not" bad "$(judged "$(scanned 2 known_fn other_fn)" '' known_fn)"
point "nor any if they were not told to the end" bad "$(judged "$(leaks 2 known_fn)" '' known_fn)"
point "nor any if none is known" bad "$(judged "$(scanned 1 known_fn)")"
point "nor another report beside known leaks" bad \
	"$(judged "$(scanned 1 known_fn)"$'\n[ 1.1] BUG: KASAN: use-after-free in f' '' known_fn)"
echo "1..$n"
[ "$bad" -eq 0 ]
