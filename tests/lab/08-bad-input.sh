#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Bad input: each gets one clear line (what, why, how to fix), a non-zero exit
# or a documented errno, and nothing changes.
. "$(dirname "$0")/lib.sh"

boot refusals --timeout 240 --device pcie-root-port,id=rp0,addr=06.0 <<'JOB'
. /lab/steps.sh
. /lab/badnode.sh
step_iommu && load_kvm && load_assign || exit 1
BRIDGE=0000:00:06.0

refused "no such device" "no such|not exist|no device" -pcidevice host=00:1e.7
refused "a device bound to another driver" "e1000e.*(driver_override|bind|driverctl)" -pcidevice host=00:04.0
refused "a bridge" "bridge" -pcidevice host=00:06.0
refused "dma=none" "dma=none.*IOMMU|IOMMU.*dma=none" -pcidevice host=00:04.0,dma=none
for h in "" 4 xyz 00:04 00:04.8 00:20.0 100:04.0 00:04.0junk 0000:00:04.0:1 ' 00:04.0'; do
	refused "malformed host='$h'" "host" -pcidevice "host=$h"
done
refused "an unknown key" "colour|invalid|Invalid" -pcidevice host=00:04.0,colour=red
refused "no host=" "host" -pcidevice name=x
ok "the host's card was not disturbed" net_ping

dmesg -c >/dev/null
echo pci-assign >/sys/bus/pci/devices/$BRIDGE/driver_override
was=$(pci_driver $BRIDGE)
[ -z "$was" ] || echo $BRIDGE >/sys/bus/pci/drivers/$was/unbind
echo $BRIDGE >/sys/bus/pci/drivers_probe 2>/dev/null
ok "pci-assign does not bind a bridge" test "$(pci_driver $BRIDGE)" != pci-assign
ok "and the log says so" sh -c 'dmesg | grep -i "06\.0.*bridge"'
echo >/sys/bus/pci/devices/$BRIDGE/driver_override

ok "the card moves to pci-assign" pci_bind $NIC pci-assign || exit 1
badioctl $NIC || note "badioctl ended with $?"

start_holder
refused "a device already assigned" "in use|already|busy|Busy" -pcidevice host=00:04.0
stop_holder

adduser_nobody
chmod 666 /dev/kvm; chown nobody /dev/backplane/$NIC
refused_as_nobody "memlock limit too low" "[Mm]emlock|RLIMIT_MEMLOCK|ulimit -l|locked" -pcidevice host=00:04.0
chown root /dev/backplane/$NIC; chmod 600 /dev/backplane/$NIC
LOCKED=unlimited refused_as_nobody "no permission on the card's node" "[Pp]ermission" -pcidevice host=00:04.0
ok "no pinned page stays" test "$(counts | sed -n 's/^pinned //p')" = 0
step_teardown
JOB

boot no-svm-no-iommu --no-iommu --cpu EPYC-Rome,-svm <<'JOB'
. /lab/steps.sh
. /lab/badnode.sh
module_refused "iommu-amd without an IOMMU" iommu-amd "IVRS|IOMMU"
ok "kvm-core alone loads" load kvm-core
module_refused "svm without SVM" svm "SVM"
module_unresolved "pci-assign without iommu-amd" pci-assign amdvi_
ok "the host's own card works all the same" sh -c 'modprobe e1000e; . /lab/lab.sh; net_up eth0'
JOB

boot intree-owners --intree <<'JOB'
. /lab/steps.sh
. /lab/badnode.sh
module_refused "iommu-amd while the in-tree driver owns the IOMMU" iommu-amd "amd_iommu=off"
modprobe kvm-amd
ok "kvm-core, which has no CPU to use yet, loads" load kvm-core
module_refused "svm while the in-tree kvm is loaded" svm "rmmod kvm_amd"
ok "the host's own card works all the same" sh -c 'modprobe e1000e; . /lab/lab.sh; net_up eth0'
ok "the in-tree kvm still offers /dev/kvm" test -c /dev/kvm
JOB
finish
