#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Debian's QEMU with dirty rings moves a guest under memory load to another QEMU.
. "$(dirname "$0")/../lib.sh"

boot host --timeout 240 <<'JOB'
. /lab/steps.sh
. /lab/migrate.sh
load_kvm || exit 1
LOAD_ACCEL=kvm,dirty-ring-size=4096
load_guest src -cpu host
load_guest dst -cpu host -incoming unix:/tmp/mig.sock
ok "the guest's memory is under load" wait_for 90 past /tmp/src.out 2 || { cat /tmp/src.err; exit 1; }
rings() { awk '$6 ~ /kvm-vcpu/ && $3 == "00040000"' "/proc/$(cat /tmp/src.pid)/maps" | wc -l; }
ok "QEMU maps the ring of each vCPU ($(rings))" test "$(rings)" = 2
step_migrate
qmp /tmp/dst.qmp '{"execute":"quit"}' >/dev/null
wait
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads" rmmod $m; done
JOB
finish
