#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest's state leaves and comes back: the ioctls, savevm and loadvm, and live
# migration between two of Debian's QEMUs while the guest's memory is under
# load. A guest that owns a card stays, and QEMU says why.
. "$(dirname "$0")/lib.sh"

boot host --timeout 240 <<'JOB'
. /lab/steps.sh
. /lab/migrate.sh
load_kvm || exit 1
at=/sys/module
ok "programs find how the stack is set up where Linux's own tells it" \
	test "$(cat $at/kvm/parameters/force_emulation_prefix $at/kvm_amd/parameters/npt | tr '\n' ' ')" = "0 Y "
if [ "$STACK" = ours ]; then
	ok "Linux's own cannot be loaded beside it" sh -c '! modprobe kvm-amd 2>/dev/null'
	exec 8</dev/kvm
	ok "svm stays while /dev/kvm is open" sh -c '! rmmod svm 2>/dev/null'
	exec 8<&-
	ok "and goes then" rmmod svm
	ok "with what it told" test ! -e $at/kvm -a ! -e $at/kvm_amd
	ok "it comes back" load svm
	ok "and tells it again" test -e $at/kvm_amd/parameters/nested
fi
run_tap stateabi
run_tap capabi
run_tap vmmabi
run_tap runabi
run_tap guestabi
load_guest src
load_guest dst -incoming unix:/tmp/mig.sock
ok "the guest's memory is under load" wait_for 90 past /tmp/src.out 2 || { cat /tmp/src.err; exit 1; }
step_snapshot
step_migrate
qmp /tmp/dst.qmp '{"execute":"quit"}' >/dev/null
wait

[ "$STACK" = ours ] || exit 0
load iommu-amd && load_assign
ok "a card moves to pci-assign" pci_bind $EDU pci-assign
qemu-patched -M q35 -accel kvm -cpu host -m 64 -nodefaults -display none -S \
	-qmp unix:/tmp/card.qmp,server=on,wait=off $(assign_args $EDU edu) 2>/tmp/card.err &
wait_for 20 test -S /tmp/card.qmp
# The socket is there before its cards are, and it answers when they are too.
moving_is_answered()
{
	qmp /tmp/card.qmp '{"execute":"migrate","arguments":{"uri":"exec:cat >/dev/null"}}' >/tmp/card.out
	[ "$(grep -cE '"(return|error)"' /tmp/card.out)" -ge 2 ]
}
wait_for 60 moving_is_answered
ok "a guest with a card refuses to move, and names the card" grep -E '"error".*05[.:]0' /tmp/card.out ||
	note "$(cat /tmp/card.out /tmp/card.err)"
qmp /tmp/card.qmp '{"execute":"quit"}' >/dev/null
wait
JOB
finish
