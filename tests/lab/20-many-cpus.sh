#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest with 64 CPUs on a host with two. STACK=intree runs
# the same.
. "$(dirname "$0")/lib.sh"
boot host --timeout 420 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_guest --smp 64 --mem 512 --timeout 380 --env WANT_CPUS=64 /lab/guest-many.sh
value many_cpus_boot_s "${guest_boot:-0}"
ok "a 64-CPU guest boots on $(nproc) CPUs (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
JOB
finish
