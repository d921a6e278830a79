#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Scale: a guest with 64 vCPUs on a host with two.
#
# Until its clock source is chosen, each of a Linux guest's CPUs ticks 250 times a
# second whether it is idle or not: 64 of them ask for six times what the emulated
# host can give, and its boot CPU gets a 32nd of it (Debian's KVM does no better).
# So the machine is the one whose CPUs keep translations over a world switch.
. "$(dirname "$0")/../lib.sh"
boot cpus --svm all --cmdline tsc=reliable --timeout 590 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_guest --smp 64 --mem 1024 --timeout 560 --env WANT_CPUS=64 /lab/guest-many.sh
value cpus64_boot_s "${guest_boot:-0}"
ok "a 64-CPU guest boots on $(nproc) CPUs (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
JOB
finish
