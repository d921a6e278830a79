#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A CPU with protection keys and 5-level paging: both in a guest, while the host
# uses the keys too. (The host itself stays with four levels: gpm has four.)
. "$(dirname "$0")/lib.sh"
boot host --cpu EPYC-Rome,nrip-save=off,+pku,+la57 --cmdline no5lvl <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
pkeys 20 >/tmp/pkeys.out 2>&1 & p=$!
run_guest --vmm debian --timeout 150 /lab/guest-modes.sh
ok "the guest came to its end (${guest_boot:-no} s)" test "$guest_rc" = 0 -a -n "$guest_boot"
wait $p
ok "the host's own keys worked meanwhile" test $? = 0 || cat /tmp/pkeys.out
JOB
finish
