#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The IOMMU driver's own life: loaded late (it names the drivers and refuses,
# or takes them off and on again), asleep and awake again, with cards behind a
# conventional bridge, and on firmware that keeps memory for a card (IVMD).
. "$(dirname "$0")/lib.sh"

boot life --timeout 240 --device pcie-root-port,id=rp,addr=07.0 \
	--device pcie-pci-bridge,id=br,bus=rp \
	--device edu,bus=br,addr=02.0,dma_mask=0xffffffffffffffff,dma_delay=0 \
	--device edu,addr=06.0,dma_mask=0xffffffffffffffff,dma_delay=0 <<'JOB'
. /lab/steps.sh
. /lab/badnode.sh
ok "the host's e1000e loads before the IOMMU's driver" modprobe e1000e
ok "DHCP" net_up eth0
module_refused "iommu-amd, late" iommu-amd "rebind=1"
ok "it named the card and its driver" sh -c "dmesg | grep '$NIC: iommu-amd: driver e1000e was bound'"
ok "the card kept its driver" test "$(pci_driver $NIC)" = e1000e
ok "with rebind=1 it loads" load iommu-amd rebind=1 || exit 1
ok "the driver is back" wait_for 10 test "$(pci_driver $NIC)" = e1000e
wait_for 10 test -d /sys/class/net/eth0
ok "the card works" eval 'net_up eth0 && net_ping'
ok "with remapped interrupts" sh -c 'grep eth0 /proc/interrupts | grep -q AMDVI'
ok "sysfs tells programs what the in-tree driver tells them" sh -c \
	'grep -qE "^[0-9a-f]+$" /sys/class/iommu/amdvi0/amd-iommu/cap && grep -qE "^[0-9a-f]+:[0-9a-f]+$" /sys/class/iommu/amdvi0/amd-iommu/features'

# Sleep: the unit loses its registers, the kernel freezes all else.
asleep()
{
	ok "the machine sleeps and wakes ($1)" sh -c "$2"
	ok "the card works after it" eval 'wait_for 15 net_ping 10.0.2.2 1' || ip a
	ok "and its interrupts are remapped" sh -c 'grep eth0 /proc/interrupts | grep -q AMDVI'
	ok "the unit still carries out commands" test "$(cat /sys/class/iommu/amdvi0/amdvi/timeouts)" = 0
}
asleep "up to the processors' own sleep" 'echo core >/sys/power/pm_test && echo mem >/sys/power/state'
echo none >/sys/power/pm_test
asleep "S3, woken by the clock" 'echo +4 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state'

# A card behind a conventional bridge appears under the bridge's id.
FAR=$(basename "$(dirname "$(grep -l 0x11e8 /sys/bus/pci/devices/0000:0[1-9]*/device)")")
load_kvm || exit 1
ok "its interrupts do not go past the tables" sh -c "! grep -q $FAR /sys/class/iommu/amdvi0/amdvi/direct_interrupts"
ok "pci-assign loads, told of no exception" load pci-assign
ok "the card $FAR moves to it" pci_bind "$FAR" pci-assign || dmesg | tail -5
NEAR=0000:00:06.0
ok "a second edu card too" pci_bind $NEAR pci-assign
# the requester id of a PCIe-to-PCI bridge: device 0 of the bus behind it
BUS=${FAR#0000:}; BUS=${BUS%%:*}
faultlab "$FAR=${BUS}00" $NEAR 200 1
ok "faultlab came to its end" test $? = 0
printf 'migrate "exec:cat >/dev/null"\nquit\n' | timeout 60 $QEMU -pcidevice host=${NEAR#0000:},name=near -monitor stdio >/tmp/moved 2>&1
ok "a guest with a card is not migrated; the refusal names the card" sh -c 'grep -q "00:06.0.*cannot be migrated" /tmp/moved' || cat /tmp/moved
note "$(cat /sys/class/iommu/amdvi0/amdvi/device_faults | tr '\n' ';')"
pci_release "$FAR"; pci_release $NEAR
ok "pci-assign unloads" rmmod pci-assign
xxd -p /sys/firmware/acpi/tables/IVRS | tr -d '\n' | sed 's/^/value ivrs /'; echo
JOB

# The same table with an IVMD block for the edu card's id, 00:05.0, and a
# range that no device has: 64 KiB of the host's memory.
job_value ivrs | python3 -c '
import struct, sys
t = bytearray.fromhex(sys.stdin.read())
t += struct.pack("<BBHHH8xQQ", 0x21, 7, 32, 0x28, 0, 0x7000000, 0x10000)
struct.pack_into("<I", t, 4, len(t))
struct.pack_into("<I", t, 24, struct.unpack_from("<I", t, 24)[0] + 1)
t[9] = 0
t[9] = -sum(t) & 255
sys.stdout.buffer.write(t)' >build/lab/47-ivrs.aml
boot ivmd --timeout 180 --acpi build/lab/47-ivrs.aml <<'JOB'
. /lab/steps.sh
ok "iommu-amd loads" load iommu-amd translate_host=1 || exit 1
ok "it says what firmware keeps" sh -c 'dmesg | grep "firmware keeps \[0x7000000, 0x7010000)"'
G=$(readlink -f /sys/bus/pci/devices/$EDU/iommu_group)
ok "sysfs shows it as mapped one to one" grep -q '0x0*7000000 0x0*700ffff direct' $G/reserved_regions
ok "the host's own domain of the card is translated" grep -qx DMA $G/type
dmesg -c >/dev/null
# (edupoke's own page is not mapped for the card either: of its reports those
# that name the two addresses matter)
edupoke $EDU read 0x7000000 >/tmp/poke 2>&1
edupoke $EDU read 0x7010000 >/tmp/poke 2>&1
ok "the card does not reach what lies beside that memory" wait_for 5 sh -c "dmesg | grep '$EDU: iommu-amd: DMA read at 0x7010000 refused'"
ok "but it reaches the memory itself" sh -c "! dmesg | grep '$EDU: iommu-amd: DMA read at 0x70000'"
echo 0 >/sys/bus/pci/devices/$EDU/enable
load_kvm || exit 1
ok "pci-assign loads" load pci-assign
ok "the card cannot be given to guests" eval '! pci_bind $EDU pci-assign'
ok "and the log says why" sh -c 'dmesg | grep -iE "05.0.*(IVMD|1:1)"' || dmesg | tail
JOB
finish
