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
		_merged=$(cat /sys/kernel/mm/ksm/pages_sharing)
		[ $_merged -le "$(cat /tmp/merged)" ] || echo $_merged >/tmp/merged
		echo 1 >/proc/sys/vm/compact_memory
		echo always >/sys/kernel/mm/transparent_hugepage/enabled
		sleep 1
		echo never >/sys/kernel/mm/transparent_hugepage/enabled
		sleep 1
	done
}
echo 0 >/tmp/merged
disturb 2>/dev/null &
disturb=$!
run_guest --vmm debian --timeout 300 --env FORK_S=40 /lab/guest-fork.sh
ok "the guest came to its end (${guest_boot:-no} s)" test "$guest_rc" = 0 -a -n "$guest_boot"
kill $disturb
ok "the host merged pages of it ($(cat /tmp/merged))" test "$(cat /tmp/merged)" -gt 0
JOB

[ "$STACK" != ours ] || boot few --env NPT=0 --timeout 400 <<'JOB'
. /lab/steps.sh
ok "with room for 64 shadow pages only" load kvm-core shadow_pages=64 && load svm npt=0
run_tap shadowabi
run_guest --vmm debian --timeout 300 --env FORK_S=10 --env LOAD_MIB=2 /lab/guest-fork.sh
ok "the guest came to its end (${guest_boot:-no} s)" test "$guest_rc" = 0 -a -n "$guest_boot"
JOB

# The cap on all VMs together: the second has what each may have, and no more.
[ "$STACK" != ours ] || boot cap --env NPT=0 --timeout 400 <<'JOB'
. /lab/steps.sh
. /lab/vms.sh
ok "with room for 100 shadow pages in all" load kvm-core shadow_total=100 && load svm npt=0
vm_initrd /tmp/initrd /bin/busybox
used() { cat /sys/module/kvm_core/parameters/shadow_used; }
watch()
{
	while sleep 0.2; do [ "$(used)" -le "$(cat /tmp/most)" ] || used >/tmp/most; done
}
echo 0 >/tmp/most
watch & watch=$!
vm_start one debian -M q35 -smp 2 -m 128 -kernel /guest/vmlinuz -initrd /tmp/initrd \
	-append "console=ttyS0 panic=-1 loglevel=5"
one=$vm_pid
vm_start two debian -M q35 -smp 2 -m 128 -kernel /guest/vmlinuz -initrd /tmp/initrd \
	-append "console=ttyS0 panic=-1 loglevel=5"
vm_ok "does its work" 330 'guest end: [0-9]+ sums' && ok "two: no sum was wrong" vm_clean
two=$vm_pid vm=one vm_pid=$one
vm_ok "so does the other" 120 'guest end: [0-9]+ sums' && ok "one: no sum was wrong" vm_clean
kill $watch
most=$(cat /tmp/most)
ok "they never had more than 100 and the 64 that each may have ($most)" \
	test "$most" -ge 100 -a "$most" -le $((100 + 2 * 64))
kill $one $two 2>/dev/null
ok "and none when they are gone" wait_for 20 sh -c '[ $(cat /sys/module/kvm_core/parameters/shadow_used) = 0 ]'
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
for t in kvmabi irqabi pvabi obsabi capabi vmmabi runabi guestabi; do run_tap $t; done
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
