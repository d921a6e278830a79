#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Interrupts by 32-bit remapping entries: on a CPU without CMPXCHG16B a 128-bit
# entry cannot change in one store, so the driver uses the short form. The host's
# card works and its interrupts move between CPUs while they flow; a VM's card
# interrupts; hostile cards forge interrupts and are refused and reported.
. "$(dirname "$0")/../lib.sh"
FAST=edu,dma_mask=0xffffffffffffffff,dma_delay=0
boot host --timeout 300 --cpu EPYC-Rome,nrip-save=off,cx16=off \
	--device $FAST,addr=06.0 --device $FAST,addr=07.0 <<'JOB'
. /lab/steps.sh
A=0000:00:06.0 B=0000:00:07.0
step_iommu || exit 1
ok "the entries are of 32 bits" sh -c 'dmesg | grep -q "iommu-amd: unit 0 .*32-bit remapping entries"'
step_affinity
load_kvm || exit 1
counts >/tmp/before
ok "pci-assign loads with a low bar for storms" load pci-assign storm_count=3 storm_ms=60000 || exit 1
ok "edu moves to it" pci_bind $EDU pci-assign || exit 1
cardtest $EDU
ok "cardtest came to its end" test $? = 0
pci_release $EDU
rmmod pci-assign
ok "pci-assign loads" load pci-assign fault_action=report || exit 1
ok "two edu cards move to it" eval 'pci_bind $A pci-assign && pci_bind $B pci-assign' || exit 1
faultlab $A $B 200 1
ok "faultlab came to its end" test $? = 0
pci_release $A; pci_release $B
ok "pci-assign unloads" rmmod pci-assign
counts >/tmp/after
ok "interrupts, groups and pinned pages are as before" diff /tmp/before /tmp/after
ok "the host's card works as before" net_ping
ok "the unit never stopped executing commands" test "$(cat /sys/class/iommu/amdvi0/amdvi/timeouts)" = 0
JOB
finish
