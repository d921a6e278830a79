#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A card's life beside the main job: config space, interrupts of every kind,
# faults and quarantine without a VMM; other cards in a guest (line, I/O ports,
# BARs below a page, a table in the registers' BAR); owners that are killed
# while the card writes; an unbind under a user.
. "$(dirname "$0")/lib.sh"
truncate -s 16M build/lab/disk.img
boot host --timeout 400 \
	--arg -netdev --arg user,id=n1 --device rtl8139,netdev=n1,addr=07.0,romfile= \
	--arg -drive --arg if=none,id=d0,format=raw,file=build/lab/disk.img \
	--device nvme,drive=d0,serial=lab,addr=08.0 <<'JOB'
. /lab/steps.sh
RTL=0000:00:07.0 NVME=0000:00:08.0
step_iommu && load_kvm || exit 1
ok "pci-assign loads with a low bar for storms" load pci-assign storm_count=3 storm_ms=60000 || exit 1
counts >/tmp/counts.before

ok "edu moves to pci-assign" pci_bind $EDU pci-assign || exit 1
cardtest $EDU
ok "cardtest came to its end" test $? = 0
ok "e1000e moves to pci-assign" pci_bind $NIC pci-assign
ok "nvme, on its line, moves to pci-assign" pci_bind $NVME pci-assign
ok "the host's driver has the rtl8139" sh -c "modprobe 8139cp && test -e /sys/bus/pci/devices/$RTL/driver"
FREE=0000:00:1f.3	# the SMBus controller: no driver is loaded for it
# The second time nobody's driver has cleaned the card up before: only its reset has.
for n in first second; do
	legacyclient $EDU $NIC $NVME $RTL $FREE >/tmp/client.out
	rc=$?
	sed "s/\$/ ($n)/" /tmp/client.out
	ok "a client that knows only sysfs and the old ioctls came to its end ($n)" test $rc = 0
done
pci_release $NIC
pci_release $NVME

in_guest() # WHAT DRIVER ARGS KIND BDF
{
	ok "$1 moves to pci-assign" pci_bind $5 pci-assign || return 1
	run_guest --env DRIVER=$2 --env ARGS=$3 --env KIND=$4 /lab/guest-card.sh -- $(assign_args $5 card)
	ok "a guest works with $1" test "$guest_rc" = 0
	ok "$1 goes back" pci_release $5
}
in_guest "e1000e by its line" e1000e IntMode=0 IO-APIC $NIC
in_guest "rtl8139 (line, I/O ports, a BAR below a page)" 8139cp "" IO-APIC $RTL
in_guest "nvme (65 MSI-X entries, the table beside registers)" nvme "" MSI $NVME

released() { dmesg | grep -c "05.0.*released"; }
as_before() { cardtest $EDU >/tmp/again.out || { grep -v ^ok /tmp/again.out; return 1; }; }
before=$(released)
# Without the rm a look could find the last holder's word and kill a child that
# has not even opened the card: nothing to release, and one release too few.
for i in 1 2 3 4 5; do
	rm -f /tmp/hold.out
	cardtest $EDU hold >/tmp/hold.out &
	p=$!
	wait_for 10 grep -q holding /tmp/hold.out || { fail "a holder starts ($i)" "$(cat /tmp/hold.out)"; break; }
	kill -9 $p
	wait $p
done
ok "the card is blocked after owners were killed under DMA" \
	test $(released) = $((before + 5))
ok "no page stays pinned" wait_for 5 sh -c '. /lab/steps.sh; counts | grep -qx "pinned 0"'
ok "and it works as before" as_before

rm -f /tmp/hold.out
cardtest $EDU hold >/tmp/hold.out &
p=$!
wait_for 10 grep -q holding /tmp/hold.out
ok "an unbind under a user ends" timeout 10 sh -c "echo $EDU >/sys/bus/pci/devices/$EDU/driver/unbind"
wait $p
ok "the user met a bus error, nothing worse ($?)" test $? != 0
ok "its node is gone" test ! -e /dev/backplane/$EDU
ok "the log names the user" sh -c 'dmesg | grep "05.0.*(cardtest) did not let go"'
ok "it can be bound again" pci_bind $EDU pci-assign
ok "and works as before" as_before

ok "the NIC moves to pci-assign" pci_bind $NIC pci-assign
{ run_guest --timeout 60 --env DRIVER=e1000e --env KIND=MSI --env STAY=40 \
	/lab/guest-card.sh -- $(assign_args $NIC nic); } >/tmp/stay.out 2>&1 &
ok "a guest has the card and works" wait_for 60 grep -q stay /tmp/marks
ok "the card can be taken from a running guest" pci_release $NIC
ok "the host has it at once" sh -c ". /lab/lab.sh; wait_for 10 test -d /sys/class/net/eth0; net_up eth0 && net_ping"
kill "$(cat /tmp/guest.pid)"
wait

for c in $EDU $RTL $NVME; do pci_release $c; done
counts | grep -v irqs >/tmp/counts.after
grep -v irqs /tmp/counts.before >/tmp/counts.wanted
ok "groups, nodes and pinned pages are as before" cmp /tmp/counts.wanted /tmp/counts.after
ok "pci-assign unloads" rmmod pci-assign

# A VM whose cards may reach its BARs: they are not pinned for that.
ok "pci-assign loads, with a card that peer_dma names" load pci-assign peer_dma=1234:11e8
ok "edu moves to it" pci_bind $EDU pci-assign
cardtest $EDU peer
ok "cardtest peer came to its end" test $? = 0
pci_release $EDU
ok "pci-assign unloads again" rmmod pci-assign
JOB
finish
