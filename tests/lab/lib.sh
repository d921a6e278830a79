# SPDX-License-Identifier: GPL-2.0
#
# What the lab flows share. A flow boots the emulated host once or more, each
# time with a script that prints TAP points; this counts them, adds two of its
# own per boot (the script ended well; the kernel log is clean), and prints
# the plan. Sourced.
#
#   boot NAME [machine options] <<'JOB' ... JOB
#   finish
#
# STACK=intree runs the flows that can be with Debian's own modules.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
FLOW=$(basename "$0" .sh)
STACK=${STACK:-ours}
TAP=$(mktemp)
POINTS=0 BAD=0
mkdir -p build/lab
trap 'rm -f "$TAP" "$TAP.job"' EXIT

boot()
{
	local name=$1 rc more=()
	shift
	cat >"$TAP.job"
	[ "$STACK" = ours ] || more=(--intree)
	# a debug kernel's checks weigh too much for judging who keeps what pace
	[ "${KERNEL:-debian}" != debug ] || more+=(--env PACE_TOLD=yes)
	tools/lab/machine --log "$FLOW-$name" --env "STACK=$STACK" "${more[@]}" \
		"$@" "$TAP.job" | tee "$TAP"
	rc=${PIPESTATUS[0]}
	POINTS=$((POINTS + $(grep -cE '^(not )?ok ' "$TAP")))
	BAD=$((BAD + $(grep -cE '^not ok ' "$TAP")))
	point "$name: the script on the host ended well ($rc)" test "$rc" = 0 -o "$rc" = 3
	point "$name: nothing bad in the kernel logs" grep -qsx clean "build/lab/$FLOW-$name.verdict"
}

point()
{
	local what=$1
	shift
	POINTS=$((POINTS + 1))
	if "$@"; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		BAD=$((BAD + 1))
	fi
}

# A value that a job printed: job_value NAME
job_value() { sed -n "s/^value $1 //p" "$TAP" | tail -n 1; }

finish()
{
	echo "1..$POINTS"
	[ "$BAD" -eq 0 ]
	exit
}
