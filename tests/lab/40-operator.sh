#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The operator's command on a real kernel: each command, each refusal, as root
# and as somebody else; a card that is cut off while a VM has it.
. "$(dirname "$0")/lib.sh"
boot host --timeout 300 \
	--device rtl8139,addr=06.0,multifunction=on,romfile= \
	--device rtl8139,addr=06.1,romfile= <<'JOB'
. /lab/steps.sh
TWIN=0000:00:06
# answers CODE WORDS ARGUMENTS...: the exit code, and words in what is said
answers()
{
	_want=$1 _words=$2; shift 2
	backplane "$@" >/tmp/bp.out 2>&1
	_rc=$?
	[ $_rc = "$_want" ] && grep -qE -- "$_words" /tmp/bp.out && return 0
	echo "exit $_rc, wanted $_want and '$_words':"
	cat /tmp/bp.out
	return 1
}
lab_answers() # as the user lab
{
	_want=$1 _words=$2; shift 2
	su -s /bin/sh lab -c "ulimit -l 65536; backplane $*" >/tmp/bp.out 2>&1
	_rc=$?
	cat /tmp/bp.out
	[ $_rc = "$_want" ] && grep -qE -- "$_words" /tmp/bp.out
}
echo 'lab:x:1000:1000::/:/bin/sh' >>/etc/passwd

ok "doctor misses the IOMMU driver and says what to do" answers 1 "iommu-amd is not loaded" doctor
ok "a card cannot be bound without pci-assign" answers 4 "modprobe pci-assign" bind $EDU
ok "list says why not" answers 1 "no IOMMU driver is loaded" list $EDU
ok "status of an empty machine" answers 0 "Cards: 0" status
load iommu-amd && load_kvm || exit 1
ok "pci-assign loads with a low bar for storms" load pci-assign storm_count=3 storm_ms=60000 || exit 1
ok "doctor is content" answers 0 "ok +remapping" doctor
ok "doctor in JSON" answers 0 '"ready": true' --json doctor

modprobe e1000e; modprobe 8139cp
wait_for 10 test -d /sys/bus/pci/devices/$NIC/net
ip link set eth0 down; for i in /sys/class/net/*; do [ ${i##*/} = lo ] || ip link set ${i##*/} down; done
ok "list shows the card as assignable, with its interrupts" answers 0 "00:04.0 .*e1000e +assignable +msix:5 msi:1 intx" list
ok "list of one card names its reset and BARs" answers 0 "mem32:128K" list 00:04.0
ok "list in JSON" answers 0 '"address": "0000:00:05.0"' list --json
ok "bridges are not for assignment" answers 4 "bridge" bind 00:1f.0

dev=$(ifname $NIC)
ip link set $dev up
ok "a card that the host uses is not taken" answers 4 "$dev is up.*--force" bind $NIC
ok "unless by force, and for a user" answers 0 "belongs to lab" bind --force --owner lab $NIC
ok "that user owns the node" test "$(stat -c %U:%a /dev/backplane/$NIC)" = lab:600
ok "bind it again: nothing to do" answers 0 "bound to pci-assign" bind $NIC
ok "release gives it to the former driver" answers 0 "driver: e1000e" release $NIC
wait_for 10 test -d /sys/bus/pci/devices/$NIC/net
ok "which works" net_up "$(ifname $NIC)"
ok "release of what is not bound is refused" answers 4 "not bound" release $NIC

ok "half a group is refused, the other half named" answers 4 "$TWIN.1 \(driver 8139cp\).*bind --group" bind $TWIN.0
ok "the whole group is bound" answers 0 "$TWIN.0 is bound" bind --group $TWIN.0
ok "both of it" test "$(pci_driver $TWIN.0) $(pci_driver $TWIN.1)" = "pci-assign pci-assign"
ok "half of it is not given back" answers 4 "$TWIN.1 of its IOMMU group.*release --group" release $TWIN.0
ok "release --all" answers 0 "$TWIN.0 is released; its driver: 8139cp" release --all
ok "both of it again" test "$(pci_driver $TWIN.0) $(pci_driver $TWIN.1)" = "8139cp 8139cp"
printf '# cards for the lab\n00:05.0 owner=lab\n0000:00:06.0 group\n' >/tmp/cards
ok "bind what a file says" answers 0 "$TWIN.0 is bound" bind --config=/tmp/cards
ok "each line of it" test "$(pci_driver $EDU) $(pci_driver $TWIN.1)" = "pci-assign pci-assign"
ok "release one" answers 0 "its driver: none" release $EDU
ok "release the rest" answers 0 "8139cp" release --all
echo '1234:11e8 owner=lab' >/tmp/cards
ok "a file names cards by vendor and device, too" answers 0 "$EDU is bound.*belongs to lab" bind --config=/tmp/cards
ok "release it" answers 0 "released" release $EDU
printf '1234:ffff\n77:00.0\n' >/tmp/cards
ok "a kind that is not there is named with its line" answers 3 "line 1: there is no card 1234:ffff" bind --config=/tmp/cards
ok "so is an address" answers 3 "line 2: there is no card 0000:77:00.0" bind --config=/tmp/cards
echo '00:05.0 owner' >/tmp/cards
ok "a line that makes no sense is named" answers 2 "line 1 is not understood" bind --config=/tmp/cards

ok "no such card" answers 3 "there is no card 0000:77:00.0" bind 77:00.0
ok "no address" answers 2 "is no PCI address" list pigs
ok "no such command" answers 2 "no command 'bnid'" bnid $EDU
ok "an unknown option" answers 2 "unrecognized" list --colour
ok "no such user" answers 2 "no user" bind --owner pigs $EDU
ok "binding needs root" lab_answers 5 "needs root" bind $EDU
ok "list does not" lab_answers 0 "assignable .*intx \?" list
ok "doctor knows a user's limit" lab_answers 1 "FAIL +memlock .*a guest of 64G needs more" doctor --memory 64G
ok "status without root says what it cannot see" lab_answers 0 "which root can read" status

ok "edu is bound" answers 0 "bound" bind $EDU
cardtest $EDU hold >/tmp/hold.out & p=$!
wait_for 20 grep -q holding /tmp/hold.out
ok "status names VM and user" answers 0 "$EDU +attached +cardtest\[$p\]" status
ok "status in JSON" answers 0 '"vcpus": 1' status --json
ok "top gives rates" answers 0 '"per_second"' top --json -n 2 -i 0.2
ok "a card in use is not released" answers 4 "in use by process $p" release $EDU
ok "unless by force" answers 0 "released" release --force $EDU
kill -9 $p; wait $p
ok "edu is bound once more" answers 0 "bound" bind $EDU
cardtest $EDU storm >/tmp/hold.out & p=$!
wait_for 20 grep -q holding /tmp/hold.out
ok "a storm shows as quarantine" wait_for 5 sh -c "backplane status | grep -q '$EDU *quarantined'"
ok "list names the way out" answers 1 "backplane recover $EDU" list $EDU
ok "doctor too" answers 0 "1 quarantined" doctor
ok "recover needs root" lab_answers 5 "needs root" recover $EDU
ok "recover works under the user" answers 0 "is attached" recover $EDU
ok "the counts stay" answers 0 '"faults": 3,' status --json
kill -9 $p; wait $p
ok "recover an idle card" answers 0 "is blocked" recover $EDU
ok "recover what is not bound" answers 4 "not bound" recover $NIC
ok "release it" answers 0 "released" release $EDU
ok "nothing is bound, nothing is remembered" test -z "$(ls /run/backplane /dev/backplane 2>/dev/null | grep 0000)"
JOB
finish
