#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Debian 12's own unpatched QEMU 7.2 as the machine: everything but the
# reporting of faults works there too (it logs no events).
. "$(dirname "$0")/lib.sh"
# 7.2 cannot intercept XSETBV: see the in-tree stack's own complaint there.
[ "$STACK" = ours ] || ALLOW='xstate|Call Trace'
# One CPU: with two, this machine hangs now and then, itself or its guest, with
# the in-tree hypervisor too. When another CPU stops the world an injected
# interrupt may come twice, even where interrupts are off; and one CPU's FPU
# instructions may undo another's STGI. The patched machine has both repaired
# (machine/0018 and 0019).
# With one, it loses an interrupt of the local APIC now and then (machine/0017): a
# lost timer stops a host that waits for nothing else. This host's timer is a tick
# that comes again.
boot host --qemu debian --smp 1 --cmdline "nohz=off highres=off" --iperf --timeout 200 --env MACHINE=debian --allow "${ALLOW:-no such line}" <<'JOB'
. /lab/steps.sh
SECS=3
step_iommu && step_boot && step_assigned && step_rogue
JOB
finish
