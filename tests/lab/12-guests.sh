#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What guests need beside a CPU: paravirtual features, system management mode,
# and scale: 64 VMs at once, a guest with 16 CPUs on a host with two. First tried
# without a VMM (pvabi, smmabi), then by Debian's kernel.
# STACK=intree, not yet tried to its end, leaves out smmabi: there the machine
# tests for real SMM before the RSM intercept.
. "$(dirname "$0")/lib.sh"
boot host --cmdline tsc=reliable --timeout 420 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_tap pvabi
[ "$STACK" != ours ] || run_tap smmabi
run_guest --smp 16 --mem 512 --timeout 380 --env WANT_CPUS=16 /lab/guest-many.sh
value many_cpus_boot_s "${guest_boot:-0}"
ok "a 16-CPU guest boots on $(nproc) CPUs (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
ok "its hypercalls arrive ($(cat /sys/kernel/debug/kvm/hypercalls))" \
	test "$(cat /sys/kernel/debug/kvm/hypercalls)" -gt 16
JOB
finish
