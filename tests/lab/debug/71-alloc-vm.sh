#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory runs out in the middle: every allocation of every call in the life of
# a VM fails in turn (failnth.c). No report, no leak, ENOMEM or nothing; the
# next try works.
. "$(dirname "$0")/failnth.sh"
boot_failing host <<'JOB'
. /lab/steps.sh
. /lab/inject.sh
load_kvm || exit 1
inject vm
counts >/tmp/after
ok "no page stays pinned" grep -qx 'pinned 0' /tmp/after
for m in svm kvm-core; do ok "$m unloads after that" rmmod $m; done
JOB
finish
