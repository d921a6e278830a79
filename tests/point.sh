# SPDX-License-Identifier: GPL-2.0
#
# A TAP point of a check, for tests/check_*.sh: `point WHAT WRONG` passes where
# WRONG is empty, and shows it else (its first $SHOWN lines, or all). Leaves the
# counts in $n and $bad. Sourced.
n=0 bad=0
point()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		bad=$((bad + 1))
		echo "not ok $n - $1"
		echo "$2" | head -n "${SHOWN:--0}" | sed 's/^/# /'
	fi
}
