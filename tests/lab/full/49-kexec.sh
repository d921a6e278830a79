#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The host's kernel hands the machine over to another one (kexec) while guests run and
# cards of VMs do DMA: no report; the next kernel finds the unit off and those cards unable to
# reach memory, takes the unit over without being told to, and works.
. "$(dirname "$0")/../lib.sh"
FAST=edu,dma_mask=0xffffffffffffffff,dma_delay=0
boot host --timeout 240 --device $FAST,addr=06.0 --device $FAST,addr=07.0 <<'JOB'
. /lab/steps.sh
A=0000:00:06.0 B=0000:00:07.0
# what the next kernel runs
mkdir -p /tmp/next/lab
cp /guest/initrd /tmp/next.initrd
cp /lab/lab.sh /lab/udhcpc /lib/backplane/iommu-amd.ko /tmp/next/lab/
cp /lab/init /tmp/next/init
cat >/tmp/next/lab/job <<'NEXT'
. /lab/lab.sh
NIC=0000:00:04.0 A=0000:00:06.0 B=0000:00:07.0
bus_master() { test $((0x$(od -An -tx1 -j4 -N1 /sys/bus/pci/devices/$1/config | tr -d ' ') & 4)) != 0; }
ok "the next kernel runs" grep -qw next=1 /proc/cmdline
ok "cards that VMs had are no bus masters" eval '! bus_master $A && ! bus_master $B'
ok "the unit was off: iommu-amd takes it without being told to" /bin/insmod /lab/iommu-amd.ko || { dmesg | tail -3; exit 1; }
ok "the host's e1000e loads" modprobe e1000e
wait_for 10 test -d /sys/class/net/eth0
ok "the host's card works" eval 'net_up eth0 && net_ping'
ok "with remapped interrupts" sh -c 'grep eth0 /proc/interrupts | grep -q AMDVI'
sleep 1
ok "nothing was refused: nobody tried" test "$(cat /sys/class/iommu/amdvi0/amdvi/events)" = 0
NEXT
(cd /tmp/next && find . | cpio -o -H newc 2>/dev/null) >>/tmp/next.initrd

ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm || exit 1
ok "pci-assign loads" load pci-assign fault_action=report
ok "two edu cards move to it" eval 'pci_bind $A pci-assign && pci_bind $B pci-assign'
modprobe e1000e; wait_for 10 test -d /sys/class/net/eth0
ok "the host's card is in use" eval 'net_up eth0 && net_ping'
ok "the next kernel is put in place" kexecload /guest/vmlinuz /tmp/next.initrd "$(cat /proc/cmdline) next=1" || exit 1
faultlab $A $B 1000000 1 >/tmp/faultlab.out 2>&1 &
wait_for 30 sh -c 'test "$(cat /sys/class/iommu/amdvi0/amdvi/faults)" -gt 200'
ok "two VMs' cards do DMA, permitted and not" test $? = 0
hostile 1 60 >/dev/null & # and guests run that nobody stops
sleep 1 # their TAP reaches the other end
kexecload -e
fail "the kernel stayed"
JOB

point "the next kernel reached its script" grep -q "next=1" build/lab/49-kexec-host.log
finish
