#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The debug kernel sees what it is there to see, and a flow fails for it: one
# fault of each kind is made on purpose, and the log after it must be refused
# for the right reason; the log before must not.
. "$(dirname "$0")/../lib.sh"
KINDS="none atomic lockdep ubsan kasan free leak"
log=build/lab/$FLOW-host.log

cat >"$TAP.job" <<'JOB'
. /lab/lab.sh
for k in $KINDS; do
	echo "seeded: $k" >/dev/kmsg
	ok "the module with the fault '$k' loads" insmod /lab/seed.ko kind=$k
	rmmod seed
done
JOB
tools/lab/machine --log "$FLOW-host" --file build/debug/seed/seed.ko \
	--env "KINDS=$KINDS" "$TAP.job" | tee "$TAP"
rc=${PIPESTATUS[0]}
POINTS=$(grep -cE '^(not )?ok ' "$TAP")
BAD=$(grep -cE '^not ok ' "$TAP")
point "the machine's status says that the kernel complained ($rc)" test "$rc" = 3
point "so does its verdict" grep -qsx bad "build/lab/$FLOW-host.verdict"
point "leaks were looked for when the job had ended" grep -q '^lab: scanned for leaks' "$log"

# after KIND: the log from that fault to the next
after() { awk -v k="seeded: $1\$" '/seeded: / { on = $0 ~ k } on' "$log" >"$TAP.part"; }
complains() # KIND REGEX
{
	after "$1"
	! tools/lab/klog-check "$TAP.part" >"$TAP.said" && grep -qE "$2" "$TAP.said"
}
after none
point "without a fault the log is clean" tools/lab/klog-check "$TAP.part"
while read -r kind regex; do
	point "the fault '$kind' is reported, and held against the run" complains "$kind" "$regex"
done <<'KINDS'
atomic sleeping function called from invalid context
lockdep possible circular locking dependency
ubsan UBSAN: shift-out-of-bounds
kasan KASAN: slab-out-of-bounds
free KASAN: use-after-free
leak kmemleak: [0-9]+ new suspected memory leaks
KINDS
rm -f "$TAP.part" "$TAP.said"
finish
