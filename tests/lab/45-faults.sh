#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two VMs with a hostile card each: every kind of DMA that is not permitted is
# refused, reported with the right card, address and access, and changes
# nothing; a storm is cut off. The quick part of `make faults`, which sets
# COUNT, STORM and KILLS (random accesses, faults of the storm, VMs killed and
# cards pulled) and another SEED.
. "$(dirname "$0")/lib.sh"
FAST=edu,dma_mask=0xffffffffffffffff,dma_delay=0
boot host --timeout "${TIMEOUT:-240}" --env "COUNT=${COUNT:-2000}" \
	--env "SEED=${SEED:-1}" --env "STORM=${STORM:-50000}" --env "KILLS=${KILLS:-3}" \
	--device $FAST,addr=06.0 --device $FAST,addr=07.0 --device $FAST,addr=08.0 <<'JOB'
. /lab/steps.sh
A=0000:00:06.0 B=0000:00:07.0 C=0000:00:08.0
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm || exit 1
with() # PARAMETERS OF pci-assign, THEN FAULTLAB'S, RUN BY RUN
{
	ok "pci-assign loads ($1)" load pci-assign $1 || return 1
	ok "three edu cards move to it" eval 'pci_bind $A pci-assign && pci_bind $B pci-assign && pci_bind $C pci-assign' || return 1
	shift
	for run; do
		faultlab $A $B $run
		ok "faultlab $run came to its end" test $? = 0
	done
	pci_release $A; pci_release $B; pci_release $C
	ok "pci-assign unloads" rmmod pci-assign
}
note "seed $SEED"
counts >/tmp/before
with "fault_action=report unbind_wait_ms=100" "$COUNT $SEED $C" "kill $KILLS" "unplug $KILLS"
with "" "storm $STORM"
counts >/tmp/after
ok "groups, nodes and pinned pages are as before" diff /tmp/before /tmp/after
cd /sys/class/iommu/amdvi0/amdvi
note "events $(cat events), storms $(cat storms), overflows $(cat overflows), restarts $(cat timeouts)"
ok "the unit never stopped executing commands" test $(cat timeouts) = 0
JOB
sed -n 's/^case //p' "$TAP" >build/lab/45-faults.cases
finish
