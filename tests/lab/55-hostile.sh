#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Guests that do their worst (tests/lab/hostile.c), for a short while. The verdict
# is the program's, the kernel's log, and that the modules unload.
. "$(dirname "$0")/lib.sh"
boot host --timeout $((180 + ${HOSTILE_SECONDS:-10})) --env SEED="${HOSTILE_SEED:-1}" --env SECONDS_OF="${HOSTILE_SECONDS:-10}" <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
hostile $SEED $SECONDS_OF >/tmp/hostile.1 & p=$!
hostile $((SEED + 1000000)) $SECONDS_OF >/tmp/hostile.2
rc=$?
wait $p || rc=$?
cat /tmp/hostile.1 /tmp/hostile.2
ok "hostile guests changed nothing of the host's" test $rc = 0
ok "the host still starts programs" sh -c 'for i in 1 2 3 4 5 6 7 8; do seq 1000 | sort -n | tail -n 1 | grep -qx 1000 || exit 1; done'
ok "no VM is left" test "$(cat /sys/kernel/debug/kvm/vms)" = 0
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads" rmmod $m; done
JOB
finish
