#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An SVM like silicon's: the CPU tells the next RIP and the instruction's bytes,
# keeps VMCB fields that are called clean, and keeps translations by ASID, so
# that a missing flush or a wrong clean bit is seen; and it scales guests' TSCs.
# Guests of a few bytes, the host taking memory back, and Debian's kernel in a guest.
. "$(dirname "$0")/lib.sh"
boot host --svm all <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
offered="next-RIP save, decode assists, flush by ASID, clean bits, TSC ratio"
[ "$STACK" != ours ] ||
	ok "svm uses what the CPU offers: $offered" sh -c "dmesg | grep -q 'svm: .*$offered'"
run_tap kvmabi
run_tap kvmmem
run_tap tscabi
step_boot
JOB
finish
