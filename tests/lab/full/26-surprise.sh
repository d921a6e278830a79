#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Cards that disappear from the host under a working guest: removed by the
# operator in sysfs, torn out of their slot without a word, and out of a slot
# that nobody watches, so that only the guest's reset finds it out. QEMU lets go
# in time, the guest lives on and is asked to remove what can be removed, and
# events tell.
. "$(dirname "$0")/../lib.sh"
# The ports' own hot plug, as real ones have it, not ACPI's of the emulated board
args=(--arg -global --arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
	--device pcie-root-port,id=h1,chassis=1,slot=1,addr=06.0
	--device pcie-root-port,id=h2,chassis=2,slot=2,addr=07.0
	--device pcie-root-port,id=h3,chassis=3,slot=3,addr=08.0
	--device edu,bus=h2,dma_mask=0xffffffffffffffff --device edu,bus=h3,dma_mask=0xffffffffffffffff)
for n in 11:bus=h1 12:addr=09.0; do
	args+=(--arg -netdev --arg "user,id=n${n%:*},net=10.0.${n%:*}.0/24,guestfwd=tcp:10.0.${n%:*}.100:7-cmd:head -c 1048576"
		--device "e1000e,netdev=n${n%:*},${n#*:},romfile=")
done
boot host --timeout 300 "${args[@]}" <<'JOB'
. /lab/life.sh
behind() { basename /sys/bus/pci/devices/0000:00:$1.0/0000:*:00.0; }
A=$(behind 06) B=$(behind 07) C=$(behind 08) STAYS=0000:00:09.0
# The slot's power and its light go off by bits of the port (PCIe 7.5.3.10),
# behind its driver's back: the machine takes the card out at once. The port's
# interrupt waits until they are on again, else the driver takes it for its own doing.
tear_out() { setpci -s $1 CAP_EXP+18.w=0700:0720 && setpci -s $1 CAP_EXP+18.w=0128:0728; }
works_on() { says_more one "echo eth. [0-9]* 10.0.12"; }
ok "iommu-amd loads" load iommu-amd || exit 1
# this machine is slow: what QEMU needs to let go is not what a real one needs
load_kvm && ok "pci-assign loads" load pci-assign unbind_wait_ms=20000 || exit 1
for c in $A $B $C $STAYS; do ok "$c moves to pci-assign" backplane bind $c || exit 1; done
ok "a guest starts with one card in a slot, three on its root bus" \
	vm one -device pci-assign,host=$A,id=a,bus=rp1 -device pci-assign,host=$B,id=b,addr=10.0 \
	-device pci-assign,host=$C,id=c,addr=11.0 -device pci-assign,host=$STAYS,id=d,addr=12.0 || exit 1
for net in 11 12; do ok "10.0.$net works" says one "echo eth. [0-9]* 10.0.$net" 100 || exit 1; done

dmesg -c >/dev/null
ok "$A is removed by the operator, which ends" timeout 60 sh -c "echo 1 >/sys/bus/pci/devices/$A/remove"
ok "QEMU tells" wait_for 10 event one PCI_ASSIGN_REMOVED $A
ok "it had let go in time" sh -c "! dmesg | grep 'did not let go'"
ok "the guest is asked, and removes it" wait_for 60 event one DEVICE_DELETED '"a"'
ok "its other card works on" works_on
ok "the host finds the card again" sh -c "echo 1 >/sys/bus/pci/rescan; test -e /sys/bus/pci/devices/$A"
ok "it can be bound again" backplane bind $A
n=$(said one "echo eth. [0-9]* 10.0.11")
ok "and plugged into the guest again" plug one $A a2 rp2
ok "where it works" says one "echo eth. [0-9]* 10.0.11" 60 "$n"

ok "$B is torn out" tear_out 00:07.0
ok "the host notices" wait_for 30 sh -c "[ ! -e /sys/bus/pci/devices/$B ]"
ok "QEMU tells" wait_for 10 event one PCI_ASSIGN_REMOVED $B
ok "the guest reads all ones from it" says one "ones 0000:00:10.0" 60
ok "its other card works on" works_on
ok "the node is gone" test ! -e /dev/backplane/$B
tell one '{"execute":"query-pci-assign"}' >/tmp/query
ok "QEMU has the others left" sh -c "grep -q '$A' /tmp/query && grep -q '$C' /tmp/query && ! grep -q '$B' /tmp/query" || cat /tmp/query

port=$(ls -d /sys/bus/pci_express/drivers/pciehp/0000:00:08.0:* | sed 's:.*/::')
ok "nobody watches the third slot" sh -c "echo $port >/sys/bus/pci_express/drivers/pciehp/unbind"
ok "$C is torn out" tear_out 00:08.0
n=$(said one "echo eth. [0-9]* 10.0.12")
ok "system_reset of the guest" tell one '{"execute":"set-action","arguments":{"reboot":"reset"}}' '{"execute":"system_reset"}'
ok "QEMU tells that the reset failed, and why" wait_for 60 event one PCI_ASSIGN_RESET_FAILED "does not answer" ||
	cat /tmp/one.log.events
ok "the guest starts anew and works with what it has left" says one "echo eth. [0-9]* 10.0.12" 100 "$n"
ok "status says it is broken, and what to do" sh -c "backplane status | grep -A1 '$C *broken' | grep -q 'backplane recover $C'" || backplane status
ok "recover fails while it is out" sh -c "! backplane recover $C"
end_vm one
ok "what is out is unbound without waiting" timeout 20 sh -c "echo $C >/sys/bus/pci/drivers/pci-assign/unbind"
ok "no page stays pinned" no_pins
for c in $A $STAYS; do ok "$c goes back" backplane release $c; done
ok "pci-assign unloads" rmmod pci-assign
sed 's/^/# qemu: /' /tmp/one.err
JOB
finish
