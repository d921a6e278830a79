#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Firmware that keeps memory for a card's DMA (an IVMD block): the host's domain
# of the card has that memory one to one and nothing beside it, and the card is
# given to no guest, by pci-assign or by vfio-pci. The emulated machine's table
# has no such block: its kernel is given one that has.
#
# And a card with the id that firmware gives the IOAPIC, 00:14.0 (on many boards
# the SMBus is there): the IOAPIC's interrupts keep arriving. And cards to which
# it gives an id beside their own: those with one id are one group, whether or not
# a card is there whose own it is.
. "$(dirname "$0")/lib.sh"
CARDS=(--device edu,addr=14.0 --device edu,addr=10.0 --device edu,addr=11.0
	--device edu,addr=12.0 --device edu,addr=13.0)
boot table "${CARDS[@]}" <<'JOB'
xxd -p /sys/firmware/acpi/tables/IVRS | tr -d '\n' | sed 's/^/value ivrs /'; echo
JOB

# For the edu card's id, 00:05.0: 64 KiB of the host's memory. The kernel takes
# a table of a higher OEM revision instead of the firmware's. 00:10.0 and 11.0
# appear as 00:19.0, where no card is; 12.0 as 13.0, which comes after it.
job_value ivrs | python3 -c '
import struct, sys
t = bytearray.fromhex(sys.stdin.read())
more = b"".join(struct.pack("<BHBBHB", 0x42, own, 0, 0, alias, 0)
		for own, alias in ((0x80, 0xc8), (0x88, 0xc8), (0x90, 0x98)))
at = 48
while at < len(t):
	kind, size = t[at], struct.unpack_from("<H", t, at + 2)[0]
	if kind in (0x10, 0x11, 0x40):
		t[at + size:at + size] = more
		size += len(more)
		struct.pack_into("<H", t, at + 2, size)
	at += size
t += struct.pack("<BBHHH8xQQ", 0x21, 7, 32, 0x28, 0, 0x7000000, 0x10000)
struct.pack_into("<I", t, 4, len(t))
struct.pack_into("<I", t, 24, struct.unpack_from("<I", t, 24)[0] + 1)
t[9] = 0
t[9] = -sum(t) & 255
sys.stdout.buffer.write(t)' >build/lab/48-ivrs.aml
boot host --timeout 180 --acpi build/lab/48-ivrs.aml "${CARDS[@]}" <<'JOB'
. /lab/steps.sh
. /lab/badnode.sh
TWIN=0000:00:14.0
pins() { awk '/IO-APIC.*ttyS0/ { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts; }
ok "iommu-amd loads" load iommu-amd translate_host=1 || exit 1
group() { readlink /sys/bus/pci/devices/0000:00:$1/iommu_group; }
ok "two cards with an id that no card has are one group" test "$(group 10.0)" = "$(group 11.0)"
ok "a card with the id of one found later is in its group" test "$(group 12.0)" = "$(group 13.0)"
ok "and these are two groups, the other cards in none of them" test \
	"$(for c in 10.0 12.0 14.0 05.0 04.0; do group $c; done | sort -u | wc -l)" = 5
before=$(pins)
for i in 1 2 3 4 5 6 7 8; do note "a line for the serial port, by its pin of the IOAPIC"; done
sleep 1
ok "the serial port's interrupts arrive ($before, $(pins))" test "$(pins)" -gt "$before" || grep . /proc/interrupts
ok "a card with the IOAPIC's id is not remapped" grep -qx $TWIN /sys/class/iommu/amdvi0/amdvi/direct_interrupts
ok "the log says why" sh -c "dmesg | grep '$TWIN: iommu-amd: .*IOAPIC'"
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
dmesg -c >/dev/null
ok "the card is refused to guests" eval '! pci_bind $EDU pci-assign'
ok "and the log says why, and what helps" sh -c "dmesg | grep '$EDU: .*IVMD.*firmware setting'" || dmesg | tail
dmesg -c >/dev/null
ok "nor is the card with the IOAPIC's id given to guests" eval '! pci_bind $TWIN pci-assign'
ok "and the log says so" sh -c "dmesg | grep '$TWIN: its interrupts are not remapped'" || dmesg | tail
ok "a card without such memory is not refused" pci_bind $NIC pci-assign
pci_release $NIC
modprobe vfio_iommu_type1; modprobe vfio-pci
ok "vfio-pci binds to the card" pci_bind $EDU vfio-pci
dmesg -c >/dev/null
timeout 20 qemu-debian -M q35 -accel kvm -m 64 -nodefaults -display none -S \
	-device vfio-pci,host=$EDU >/tmp/vfio 2>&1 </dev/null
said /tmp/vfio $? "its group to a VMM by vfio" "vfio $EDU"
ok "and the log says why" sh -c "dmesg | grep -iE '$EDU.*(IVMD|1:1)'" || dmesg | tail
ok "the host's domain is as it was" grep -qx DMA $G/type
pci_release $EDU
JOB
finish
