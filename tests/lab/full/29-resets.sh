#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every way to reset a card: by function (igb), by its power state (e1000e), by
# the bus below a port (e1000e again), and not at all (rtl8139). A register of
# the card's own tells whether it happened, in the first three by the card's
# being as it was.
. "$(dirname "$0")/../lib.sh"
# The port's own hot plug, as real ones have it, and with it a link that is seen
# to come up again after the reset of its bus
nics=(--arg -global --arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off)
for n in 06:igb 07:e1000e 08:rtl8139; do
	nics+=(--arg -netdev --arg "user,id=n${n%:*}" --device "${n#*:},netdev=n${n%:*},addr=${n%:*}.0,romfile=")
done
nics+=(--device pcie-root-port,id=rp,chassis=1,slot=1,addr=09.0
	--arg -netdev --arg user,id=n09 --device e1000e,netdev=n09,bus=rp,romfile=)
boot host --cards --timeout 120 "${nics[@]}" <<'JOB'
. /lab/steps.sh
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm && load_assign || exit 1
below=$(cd /sys/bus/pci/devices/0000:00:09.0 && basename 0000:??:00.0)
# CARD METHOD REGISTER
try()
{
	ok "$1 moves to pci-assign" pci_bind $1 pci-assign || return 1
	m=/sys/bus/pci/devices/$1/reset_method
	[ "$2" = none ] || ok "the kernel is to use $2" sh -c "echo $2 >$m && test \$(cat $m) = $2" || cat $m
	ok "$1: $2" resettest $1 $3 $2
	pci_release $1
}
try 0000:00:06.0 flr 0x38	# the VLAN Ether Type of Intel's cards
try 0000:00:07.0 pm 0x38
try $below bus 0x38
try 0000:00:08.0 none 0x08	# its multicast filter, in I/O ports
JOB
finish
