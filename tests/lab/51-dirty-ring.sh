#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The dirty ring: what it promises, tried without a VMM (ringabi). QEMU migrates
# with it in tests/lab/full/53-ring-migration.sh.
. "$(dirname "$0")/lib.sh"

boot host --timeout 120 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_tap ringabi
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads" rmmod $m; done
JOB
finish
