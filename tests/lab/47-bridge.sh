#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Cards behind a conventional bridge have one requester id: they share a group,
# an entry of the device table and a table of interrupts. The host's card works
# there; two cards of a VM do; the quarantine of one is not undone by what
# becomes of the other; reports name the cards and not their bridge. The group
# changes hands while a card leaves it. While a bridge resets its bus, no card
# elsewhere loses a transfer.
. "$(dirname "$0")/lib.sh"
FAST=edu,dma_mask=0xffffffffffffffff,dma_delay=0
boot host --timeout 240 --device pcie-root-port,id=rp,addr=07.0 \
	--device pcie-pci-bridge,id=br,bus=rp --arg -netdev --arg user,id=n1,net=10.0.3.0/24 \
	--device $FAST,bus=br,addr=02.0 --device $FAST,bus=br,addr=03.0 \
	--device e1000e,netdev=n1,bus=br,addr=04.0,romfile= \
	--device pcie-root-port,id=rp2,chassis=2,addr=08.0 --device pcie-pci-bridge,id=br2,bus=rp2 \
	--device $FAST,bus=br2,addr=05.0 --device $FAST,addr=06.0 <<'JOB'
. /lab/steps.sh
BUS=$(basename "$(dirname "$(grep -l 0x11e8 /sys/bus/pci/devices/0000:0[1-9]*:02.0/device)")")
BUS=${BUS%:*}
A=$BUS:02.0 B=$BUS:03.0 C=$BUS:04.0
group() { basename "$(readlink /sys/bus/pci/devices/$1/iommu_group)"; }
ok "iommu-amd loads" load iommu-amd || exit 1
ok "the three cards behind the bridge are one group" test "$(group $A)" = "$(group $B)" -a "$(group $A)" = "$(group $C)"
ok "no interrupt of theirs goes past the tables" sh -c "! grep $BUS /sys/class/iommu/amdvi0/amdvi/direct_interrupts"
modprobe e1000e; wait_for 10 test -d /sys/bus/pci/devices/$C/net
IF=$(ifname $C)
ok "the host's card behind the bridge works" eval 'net_up $IF && net_ping 10.0.3.2'
ok "with remapped interrupts" sh -c "grep $IF /proc/interrupts | grep -q AMDVI"
echo $C >/sys/bus/pci/drivers/e1000e/unbind

load_kvm || exit 1
counts >/tmp/before
ok "pci-assign loads, told of no exception" load pci-assign || exit 1
# Each turn of both: the group is claimed and let go; one of its functions leaves and joins it.
come_and_go() # CARD
{
	while ! test -e /tmp/enough; do
		echo 1 >/sys/bus/pci/devices/$1/remove
		echo 1 >/sys/bus/pci/rescan
		echo >>/tmp/turns
	done
}
come_and_go $B & _goes=$!
_bad=0
for _i in $(seq 20); do
	pci_bind $A pci-assign || _bad=$((_bad + 1))
	pci_release $A
done
touch /tmp/enough
wait $_goes
ok "a group changes hands 20 times while one of its functions comes and goes ($(wc -l </tmp/turns) times)" test $_bad = 0
ok "it has all its functions again" sh -c "ls /sys/bus/pci/devices/$A/iommu_group/devices | grep -c '$A\|$B\|$C' | grep -qx 3"
ok "two edu cards move to it" eval 'pci_bind $A pci-assign && pci_bind $B pci-assign' || exit 1
# the requester id of a PCIe-to-PCI bridge: device 0 of the bus behind it
ID=${BUS#0000:}00
faultlab $A=$ID $B=$ID shared 20000
ok "faultlab came to its end" test $? = 0
sed 's/^/# /' /sys/class/iommu/amdvi0/amdvi/device_faults
ok "the faults are the cards', not the bridge's" sh -c "
	cut -d' ' -f1 /sys/class/iommu/amdvi0/amdvi/device_faults | sort | tr '\n' ' ' | grep -qx '$A $B '"
pci_release $A; pci_release $B
ok "pci-assign unloads" rmmod pci-assign

FAR=$(basename "$(dirname "$(grep -l 0x11e8 /sys/bus/pci/devices/0000:0[1-9]*:05.0/device)")")
NEAR=0000:00:06.0
ok "pci-assign loads" load pci-assign fault_action=report || exit 1
ok "a card alone behind a bridge moves to it, and one beside it" eval 'pci_bind $FAR pci-assign && pci_bind $NEAR pci-assign' || exit 1
BUS=${FAR#0000:}
faultlab $FAR=${BUS%:*}00 $NEAR reset 40
ok "faultlab came to its end" test $? = 0
pci_release $FAR; pci_release $NEAR
ok "pci-assign unloads" rmmod pci-assign
counts >/tmp/after
ok "interrupts, groups and pinned pages are as before" diff /tmp/before /tmp/after
echo $C >/sys/bus/pci/drivers_probe
wait_for 10 test -d /sys/bus/pci/devices/$C/net
ok "the host's card works again" eval 'net_up $(ifname $C) && net_ping 10.0.3.2'
ok "the unit never stopped executing commands" test "$(cat /sys/class/iommu/amdvi0/amdvi/timeouts)" = 0
JOB
sed -n 's/^case //p' "$TAP" >build/lab/47-bridge.cases
finish
