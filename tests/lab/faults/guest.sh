#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The cases of `make faults` that need a VMM and a guest: a guest's card writes
# where it may not while its migration is tried, and while it is unplugged.
# Caught is what the card's node counts, attributed what the VM's QEMU tells of
# this card and these addresses. Of the host and of another VM's card the pace
# is told, while the guest's card works and while it attacks.
. "$(dirname "$0")/../lib.sh"
FAST=edu,dma_mask=0xffffffffffffffff,dma_delay=0
boot host --timeout 300 --device $FAST,addr=06.0 --device $FAST,addr=07.0 <<'JOB'
. /lab/life.sh
A=0000:00:06.0 B=0000:00:07.0
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm || exit 1
ok "pci-assign loads" load pci-assign fault_action=report || exit 1
ok "two edu cards move to it" eval 'pci_bind $A pci-assign && pci_bind $B pci-assign' || exit 1
counts | grep -v irqs >/tmp/before
mkfifo /tmp/pace.in
faultlab $B pace </tmp/pace.in >/tmp/pace.out 2>&1 &
LOOK=$!
exec 9>/tmp/pace.in
ok "a canary and another VM's card are there" wait_for 20 grep -q ^0x /tmp/pace.out || exit 1
# Two seconds of it: HOST, NEIGHBOUR, BYTES
pace()
{
	_had=$(grep -c ^pace /tmp/pace.out)
	echo 2000 >&9
	wait_for 30 sh -c "[ \$(grep -c ^pace /tmp/pace.out) -gt $_had ]"
	sed -n '$s/^pace //p' /tmp/pace.out
}
TARGETS=$(head -n 1 /tmp/pace.out),0x30000000
faults() { cat /sys/class/backplane/$A/faults; }
# what QEMU has told, suppressed ones with the one that says so
told()
{
	awk -v addrs="$(printf '%d,%d' $(echo $TARGETS | tr , ' '))" '
	BEGIN { n = split(addrs, a, ","); for (i = 1; i <= n; i++) ours[a[i]] = 1 }
	/"event": "PCI_ASSIGN_FAULT"/ && /"id": "edu"/ && /"access": "write"/ {
		match($0, /"addr": *[0-9]+/)
		addr = substr($0, RSTART, RLENGTH); sub(/.*: */, "", addr)
		match($0, /"suppressed": *[0-9]+/)
		more = substr($0, RSTART, RLENGTH); sub(/.*: */, "", more)
		if (addr in ours) sum += 1 + more
	}
	END { print sum + 0 }' /tmp/one.log.events
}
# NAME INJECTED CAUGHT ATTRIBUTED; $before and $during are paces
tell_case()
{
	echo "$before $during" | awk -v name="$1" -v n="$2" -v got="$3" -v right="$4" '{
		printf "case {\"name\":\"%s\",\"injected\":%d,\"caught\":%d,\"attributed\":%d,\"changed_outside\":%d,\"host_share\":%.2f,\"neighbour_share\":%.2f}\n",
			name, n, got, right, $6, $4 / $1, $5 / $2 }'
	ok "$1: $2 writes, $3 reported, $4 by the VM's QEMU" test "$2" = "$3" -a "$3" = "$4" -a "$2" -gt 0
	ok "$1: nothing changed outside" test "${during##* }" = 0
}

VM_SCRIPT=/lab/guest-attack.sh
VM_GUEST="--smp 1 --env WORK=8 --env WRITES=40 --env TARGETS=$TARGETS"
ok "a guest starts" vm one || exit 1
ok "it is up" says one up 120 || exit 1
ok "the card is plugged in" plug one $A edu rp1 || { cat /tmp/one.err; exit 1; }
ok "the guest works with it" says one works 60 || exit 1
before=$(pace) had=$(faults)
ok "and is not done yet" test "$(said one worked)" = 0 -a "$had" = 0
ok "then its card attacks" says one worked 60 || exit 1
pace >/tmp/during &
measure=$!
refusals=0 tries=0
while [ "$(said one attacked)" = 0 ] && [ $tries -lt 100 ]; do
	tries=$((tries + 1))
	tell one '{"execute":"migrate","arguments":{"uri":"exec:cat >/dev/null"}}' >/tmp/refused
	! grep -q "host device $A" /tmp/refused || refusals=$((refusals + 1))
done
ok "each of $tries attempts to migrate was refused, the card named" test $tries -gt 0 -a $tries = $refusals
ok "the guest lived on" says one attacked 120
wait $measure
during=$(cat /tmp/during)
n=$(sed -n 's/^mark attacked //p' /tmp/one.out)
wait_for 10 sh -c "[ \$(cat /sys/class/backplane/$A/faults) -ge $n ]"
sleep 2 # QEMU's window for what it says at its end
got=$(faults) right=$(told)
tell_case "while migration is tried" "$n" "$got" "$right"

# The last write may be under way when the card goes: done, and not counted by the guest.
ok "the guest is told to go on" tell one '{"execute":"device_add","arguments":{"driver":"e1000e","bus":"rp2","romfile":"","id":"sign"}}'
ok "and does" says one "goes on" 60 || exit 1
before=$(pace)
pace >/tmp/during &
measure=$!
ok "device_del while it writes" unplug one edu
ok "the guest lets go" wait_for 60 more_events one DEVICE_DELETED edu 0 || exit 1
ok "and says so" says one gone 60
wait $measure
during=$(cat /tmp/during)
n=$(sed -n 's/^mark gone //p' /tmp/one.out) got=$(($(faults) - got)) right=$(($(told) - right))
[ $got != $((n + 1)) ] || n=$got
tell_case "while the card is unplugged" "$n" "$got" "$right"
ok "the card is nobody's, and blocked" sh -c "backplane status | grep -q '$A *blocked'"
end_vm one
echo 0 >&9
wait $LOOK
counts | grep -v irqs >/tmp/after
ok "nodes, groups and pinned pages are as before" diff /tmp/before /tmp/after
pci_release $A; pci_release $B
ok "pci-assign unloads" rmmod pci-assign
JOB
sed -n 's/^case //p' "$TAP" >build/lab/faults-guest.cases
finish
