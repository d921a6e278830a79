#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# iommu-amd for the kernel's other clients: stock vfio-pci gives the card to a
# guest of Debian's unpatched QEMU, first under the in-tree KVM, then under our
# /dev/kvm. Nothing of pci-assign is loaded.
. "$(dirname "$0")/lib.sh"
boot host --timeout 300 <<'JOB'
. /lab/steps.sh
step_iommu || exit 1
counts >/tmp/before
ok "vfio-pci loads" eval 'modprobe vfio_iommu_type1 && modprobe vfio-pci' || exit 1
stock() # KVM
{
	ok "the card moves to vfio-pci" pci_bind $NIC vfio-pci || return 1
	run_guest --vmm debian --env DRIVER=e1000e --env KIND=MSI /lab/guest-card.sh -- \
		-device vfio-pci,host=$NIC,romfile=
	ok "a guest of $1 works with the card" test "$guest_rc" = 0
	ok "the card goes back" pci_release $NIC
	wait_for 10 test -d /sys/class/net/eth0
	ok "and the host works with it" eval 'net_up eth0 && net_ping'
}
ok "the in-tree KVM loads" modprobe kvm-amd || exit 1
stock "the in-tree KVM"
ok "the in-tree KVM unloads" eval 'rmmod kvm-amd && rmmod kvm'
load_kvm || exit 1
stock "our /dev/kvm"
ok "pci-assign was not there" test ! -d /sys/module/pci_assign
ok "no fault was met" test "$(cat /sys/class/iommu/amdvi0/amdvi/faults)" = 0
counts >/tmp/after
ok "interrupts, groups and pinned pages are as before" cmp /tmp/before /tmp/after
JOB
finish
