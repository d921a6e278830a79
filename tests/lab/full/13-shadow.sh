#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Shadow paging for longer: a guest that starts programs on both CPUs while the
# host merges, moves and takes its memory; few shadow pages; savevm, loadvm and
# migration, whose dirty log must be exact; the other flows' jobs; a card.
# 32-bit guests are in shadowabi.
. "$(dirname "$0")/../lib.sh"

boot work --env NPT=0 --timeout 400 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
# The host's ways to take a page: the same content merged, other frames, big
# pages made and split.
disturb()
{
	echo 1 >/sys/kernel/mm/ksm/run
	echo 5000 >/sys/kernel/mm/ksm/pages_to_scan
	while :; do
		echo 1 >/proc/sys/vm/compact_memory
		echo always >/sys/kernel/mm/transparent_hugepage/enabled
		sleep 1
		echo never >/sys/kernel/mm/transparent_hugepage/enabled
		sleep 1
	done
}
disturb 2>/dev/null &
disturb=$!
run_guest --vmm debian --timeout 300 --env FORK_S=40 /lab/guest-fork.sh
ok "the guest came to its end (${guest_boot:-no} s)" test "$guest_rc" = 0 -a -n "$guest_boot"
kill $disturb
ok "the host merged pages of it ($(cat /sys/kernel/mm/ksm/pages_sharing))" \
	test "$(cat /sys/kernel/mm/ksm/full_scans)" -gt 0
[ "$STACK" = ours ] || exit 0
rmmod svm kvm-core
ok "with room for 64 shadow pages only" load kvm-core shadow_pages=64 && load svm npt=0
run_guest --vmm debian --timeout 300 --env FORK_S=10 --env LOAD_MIB=2 /lab/guest-fork.sh
ok "the guest came to its end (${guest_boot:-no} s)" test "$guest_rc" = 0 -a -n "$guest_boot"
JOB

boot state --env NPT=0 --timeout 400 <<'JOB'
. /lab/steps.sh
. /lab/migrate.sh
load_kvm || exit 1
run_tap stateabi
load_guest src
load_guest dst -incoming unix:/tmp/mig.sock
ok "the guest's memory is under load" wait_for 120 past /tmp/src.out 2 || { cat /tmp/src.err; exit 1; }
step_snapshot
step_migrate
qmp /tmp/dst.qmp '{"execute":"quit"}' >/dev/null
wait
JOB

boot guests --env NPT=0 --timeout 500 --cmdline tsc=reliable <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
for t in kvmabi irqabi pvabi obsabi capabi; do run_tap $t; done
[ "$STACK" != ours ] || run_tap smmabi
run_guest --smp 8 --mem 512 --timeout 380 --env WANT_CPUS=8 /lab/guest-many.sh
ok "an 8-CPU guest boots on $(nproc) CPUs (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
JOB
[ "$STACK" != ours ] || boot card --env NPT=0 --iperf --timeout 300 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm || exit 1
step_assigned
JOB
finish
