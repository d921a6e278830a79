#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Shadow paging (svm.ko npt=0): every paging mode without a VMM, the host taking
# memory back, vCPUs that are called back from the guest, then Debian's unpatched QEMU
# and its kernel with two CPUs.
# STACK=intree takes kvm_amd npt=0 (not yet tried).
. "$(dirname "$0")/../lib.sh"

boot host --env NPT=0 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_tap shadowabi
run_tap kvmmem
run_tap bounce
step_boot
JOB
finish
