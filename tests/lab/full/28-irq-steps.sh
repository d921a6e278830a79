#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# $STEPS random steps (20,000, or what STEPS= says; SEED= too) of masking,
# unmasking, re-routing and raising a card's vectors, three quarters with MSI-X
# while the host moves the card's interrupts between its CPUs, a quarter with four
# MSI vectors; and a tenth as many of switching another's MSI on and off. Nothing
# is lost, nothing comes twice.
. "$(dirname "$0")/../lib.sh"
STEPS=${STEPS:-20000} SEED=${SEED:-1}
boot host --timeout $((120 + STEPS / 800)) --env STEPS="$STEPS" --env SEED="$SEED" \
	--device rocker,addr=06.0 --device edu,msi_vectors=4,dma_mask=0xffffffffffffffff,addr=07.0 <<'JOB'
. /lab/steps.sh
ROCKER=0000:00:06.0 EDU4=0000:00:07.0
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm && load_assign || exit 1
for c in $ROCKER $EDU4 $EDU; do ok "$c moves to pci-assign" pci_bind $c pci-assign || exit 1; done
irqs() { awk -F: -v card="$1" 'index($0, "pci-assign:" card) { print $1 + 0 }' /proc/interrupts; }
mover()
{
	_cpu=0
	while :; do
		_cpu=$((1 - _cpu))
		for _i in $(irqs $ROCKER); do
			echo $_cpu >/proc/irq/$_i/smp_affinity_list && echo moved
		done
		usleep 20000
	done 2>/dev/null
}
mover >/tmp/moves &
p=$!
irqsteps $ROCKER $((STEPS * 3 / 4)) $SEED
rc=$?
ok "the MSI-X steps came to their end ($(cut -d' ' -f1 /proc/uptime) s)" test $rc = 0
kill $p
moves=$(grep -c moved /tmp/moves)
ok "meanwhile its interrupts were moved between CPUs ($moves times)" test $moves -gt 20
irqsteps $EDU4 $((STEPS / 4)) $SEED
rc=$?
ok "the MSI steps came to their end ($(cut -d' ' -f1 /proc/uptime) s)" test $rc = 0
cardtest $EDU shuffle $((STEPS / 10))
rc=$?
ok "the others came to theirs ($(cut -d' ' -f1 /proc/uptime) s)" test $rc = 0
for c in $ROCKER $EDU4 $EDU; do pci_release $c; done
ok "no page stays pinned" wait_for 5 sh -c '. /lab/steps.sh; counts | grep -qx "pinned 0"'
ok "pci-assign unloads" rmmod pci-assign
JOB
finish
