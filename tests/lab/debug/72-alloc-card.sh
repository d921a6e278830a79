#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# As 71, with a card: its binding, its node, its life in a VM; and loading the
# modules. The card works on the host after all that. What fails are our calls'
# allocations and the PCI core's on their behalf, not those of the kernel's ACPI
# interpreter: when one of its fails it reads what it has freed, which KASAN
# reports. It works out a card's interrupt line when the card is switched on, so
# the card is on before anything fails; switching on again is then counted only.
. "$(dirname "$0")/failnth.sh"
boot_failing host <<'JOB'
. /lab/steps.sh
. /lab/inject.sh
step_iommu && load_kvm && load_assign || exit 1
switch_on()
{
	[ ! -e /sys/bus/pci/devices/$1/driver ] || echo $1 >/sys/bus/pci/devices/$1/driver/unbind
	echo 1 >/sys/bus/pci/devices/$1/enable
}
ok "edu is switched on" switch_on $EDU
ok "edu moves to pci-assign" pci_bind $EDU pci-assign || exit 1
D=/sys/bus/pci/drivers/pci-assign
inject card $EDU
echo $EDU >$D/unbind
inject write $D/bind $EDU $D/unbind $EDU
ok "the card is in no VM and no page stays pinned" sh -c '. /lab/steps.sh; counts | grep -qx "pinned 0"'
ok "the NIC is switched on" switch_on $NIC
ok "it moves to pci-assign" pci_bind $NIC pci-assign
inject card $NIC
pci_release $NIC
wait_for 10 test -d /sys/bus/pci/devices/$NIC/net
ok "the host's card works after that" sh -c ". /lab/lab.sh; net_up \$(ifname $NIC) && net_ping"
for m in pci-assign svm kvm-core; do ok "$m unloads after that" rmmod $m; done
JOB
boot_failing modules <<'JOB'
. /lab/steps.sh
. /lab/inject.sh
B=/lib/backplane
inject module $B/kvm-core.ko kvm_core
load kvm-core
inject module $B/svm.ko svm
load svm && step_iommu || exit 1
inject module $B/pci-assign.ko pci_assign
ok "the last of them loads in the end" load pci-assign
ok "a card moves to it" pci_bind $EDU pci-assign
ok "the host's card works all the while" net_ping
JOB
finish
