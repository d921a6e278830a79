#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kvm-core and svm: Debian's unpatched QEMU boots an unmodified two-vCPU guest.
. "$(dirname "$0")/lib.sh"
boot host <<'JOB'
. /lab/steps.sh
load_kvm && step_abi && step_boot
JOB
finish
