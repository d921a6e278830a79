#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Guest memory without a VMM: faults, the host taking pages back, slots, the
# dirty log. STACK=intree passes the same points.
. "$(dirname "$0")/lib.sh"

boot host <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
kvmmem >/tmp/mem.out || note "kvmmem ended with $?"
sed -e '/^1\.\./d' -e 's/^\(not ok\|ok\) [0-9]* /\1 /' /tmp/mem.out
ok "kvmmem came to its end" grep -q '^1\.\.' /tmp/mem.out
JOB
finish
