#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# After the work everything goes back: card, modules, memory, interrupts,
# pinned pages; and it can be done again.
. "$(dirname "$0")/lib.sh"
boot host --iperf --timeout 300 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm && load_assign || exit 1
SECS=2
round()
{
	step_assigned
	step_teardown || return 1
	counts >/tmp/counts.$1
	sync; echo 3 >/proc/sys/vm/drop_caches
	# what is freed late (RCU, per-CPU lists) is freed within seconds
	for i in 1 2 3 4 5; do sleep 1; kernel_kb; done | sort -n | head -n 1 >/tmp/mem.$1
}
round 1 || exit 1
round 2 || exit 1
ok "the same interrupts, groups, nodes and pinned pages after one round and after two" \
	cmp /tmp/counts.1 /tmp/counts.2 || cat /tmp/counts.1 /tmp/counts.2
ok "no page stays pinned" grep -qx 'pinned 0' /tmp/counts.2
ok "no card's node stays" grep -qx 'nodes 0' /tmp/counts.2
grown=$(($(cat /tmp/mem.2) - $(cat /tmp/mem.1)))
ok "the kernel uses as much memory after two rounds as after one ($grown KiB more)" test $grown -lt 2048
JOB
finish
