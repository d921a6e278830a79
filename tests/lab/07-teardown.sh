#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# After the work everything goes back: card, modules, memory, interrupts,
# pinned pages; and it can be done again.
. "$(dirname "$0")/lib.sh"
boot host --iperf --timeout 300 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm && load_assign || exit 1
SECS=2
# What is freed late (RCU, per-CPU lists) is freed within seconds. Free slabs are
# given back, and with them what KASAN keeps from being used again, if it is there.
settled()
{
	sync; echo 3 >/proc/sys/vm/drop_caches
	for c in /sys/kernel/slab/*; do [ -L "$c" ] || echo 1 >"$c/shrink"; done
	for i in 1 2 3 4 5; do sleep 1; kernel_kb; done | sort -n | head -n 1
}
round()
{
	step_assigned
	step_teardown || return 1
	counts >/tmp/counts.$1
	settled >/tmp/mem.$1
}
round 1 || exit 1
round 2 || exit 1
ok "the same interrupts, groups, nodes and pinned pages after one round and after two" \
	cmp /tmp/counts.1 /tmp/counts.2 || cat /tmp/counts.1 /tmp/counts.2
ok "no page stays pinned" grep -qx 'pinned 0' /tmp/counts.2
ok "no card's node stays" grep -qx 'nodes 0' /tmp/counts.2
grown=$(($(cat /tmp/mem.2) - $(cat /tmp/mem.1)))
ok "a guest's memory is given back ($grown KiB more used after two rounds than after one)" test $grown -lt 16384

# Small leaks add up: a VM with a vCPU and the card, made and closed many times
pci_bind $NIC pci-assign
many() { for i in $(seq 40); do badioctl $NIC >/dev/null 2>&1 || return 1; done; settled >/tmp/mem.$1; }
ok "40 VMs are given the card and closed" many 3
ok "and 40 more" many 4
grown=$(($(cat /tmp/mem.4) - $(cat /tmp/mem.3)))
ok "the kernel uses as much memory as before ($grown KiB more)" test $grown -lt 1024
counts >/tmp/counts.4
ok "no page stays pinned after them" grep -qx 'pinned 0' /tmp/counts.4
JOB
finish
