#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The IOMMU driver loaded late (it names the drivers and refuses, or takes them
# off and on again), and asleep and awake again while VMs' cards do DMA: all
# devices, CPUs and system-core operations, up to the processors' own sleep, and
# to RAM (S3), from which the machine comes back with the unit's registers reset
# and memory kept. A guest computes meanwhile.
. "$(dirname "$0")/../lib.sh"
FAST=edu,dma_mask=0xffffffffffffffff,dma_delay=0
boot host --timeout 240 --device $FAST,addr=06.0 --device $FAST,addr=07.0 \
	--device $FAST,addr=08.0 <<'JOB'
. /lab/steps.sh
. /lab/badnode.sh
A=0000:00:06.0 B=0000:00:07.0 OLD=0000:00:08.0
ok "the host's e1000e loads before the IOMMU's driver" modprobe e1000e
wait_for 10 test -d /sys/class/net/eth0
ok "DHCP" net_up eth0
module_refused "iommu-amd, late" iommu-amd "rebind=1"
ok "it named the card and its driver" sh -c "dmesg | grep '$NIC: iommu-amd: driver e1000e was bound'"
ok "the card kept its driver" test "$(pci_driver $NIC)" = e1000e
ok "with rebind=1 it loads" load iommu-amd rebind=1 || exit 1
ok "the driver is back" wait_for 10 sh -c '. /lab/lab.sh; test "$(pci_driver 0000:00:04.0)" = e1000e'
wait_for 10 test -d /sys/class/net/eth0
ok "the card works" eval 'net_up eth0 && net_ping'
ok "with remapped interrupts" sh -c 'grep eth0 /proc/interrupts | grep -q AMDVI'
ok "sysfs tells programs what the in-tree driver tells them" sh -c \
	'grep -qE "^[0-9a-f]+$" /sys/class/iommu/amdvi0/amd-iommu/cap && grep -qE "^[0-9a-f]+:[0-9a-f]+$" /sys/class/iommu/amdvi0/amd-iommu/features'

load_kvm || exit 1
ok "pci-assign loads" load pci-assign fault_action=report
ok "three edu cards move to it" eval 'pci_bind $A pci-assign && pci_bind $B pci-assign && pci_bind $OLD pci-assign'
# Sleep: units are programmed anew, cards get back what they were allowed.
asleep() # WHAT COMMAND
{
	faultlab $A $B 5000 1 >/tmp/faultlab.out 2>&1 &
	_lab=$! _had=$(cat /sys/class/iommu/amdvi0/amdvi/faults)
	wait_for 30 sh -c "[ \$(cat /sys/class/iommu/amdvi0/amdvi/faults) -gt $((_had + 200)) ]"
	ok "the machine sleeps and wakes ($1)" sh -c "$2"
	ok "VMs' cards were at work" kill -0 $_lab
	ok "the host's card works after it" eval 'wait_for 15 net_ping 10.0.2.2 1' || ip a
	ok "and its interrupts are remapped" sh -c 'grep eth0 /proc/interrupts | grep -q AMDVI'
	wait $_lab
	_rc=$?
	grep -v ^case /tmp/faultlab.out
	ok "the VMs' cards went on, within their bounds ($1)" test $_rc = 0
	ok "the unit never stopped executing commands" test "$(cat /sys/class/iommu/amdvi0/amdvi/timeouts)" = 0
}
sleepvm >/tmp/sleepvm.out & _vm=$!
ok "a guest computes" wait_for 20 test -e /tmp/sleepvm.up
legacyclient $OLD asleep >/tmp/legacy.out & _old=$!
ok "a client of the old ABI has a card" wait_for 20 test -e /tmp/legacy.up
asleep "up to the processors' own sleep" 'echo core >/sys/power/pm_test && echo mem >/sys/power/state'
echo none >/sys/power/pm_test
ok "the kernel knows S3" sh -c 'echo deep >/sys/power/mem_sleep'
# PMBASE and ACPI_CNTL of the ICH9: firmware's to set again at a wake-up, and this
# machine's does not. Without them it cannot be switched off.
lpc() { dd bs=1 count=8 conv=notrunc "$@" 2>/dev/null; }
LPC=/sys/bus/pci/devices/0000:00:1f.0/config
lpc if=$LPC skip=64 of=/tmp/lpc
asleep "to RAM" 'echo +5 >/sys/class/rtc/rtc0/wakealarm && echo mem >/sys/power/state'
touch /tmp/sleepvm.woke
wait $_vm
sed -e '/^1\.\./d' -e 's/^\(not ok\|ok\) [0-9]* /\1 /' /tmp/sleepvm.out
ok "the guest came to its end" grep -q '^1\.\.' /tmp/sleepvm.out
wait $_old
_rc=$?
cat /tmp/legacy.out
ok "so did the old client" test $_rc = 0
ok "that was S3" sh -c 'dmesg | grep -q "ACPI: PM: Waking up from system sleep state S3"'
lpc if=/tmp/lpc of=$LPC seek=64
for c in $A $B $OLD; do pci_release $c; done
ok "pci-assign unloads" rmmod pci-assign
JOB
finish
