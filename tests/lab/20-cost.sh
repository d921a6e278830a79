#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What operations of a guest cost, against tests/bench/budget.tsv: no count may
# grow by more than 3 %. Counted in instructions, so load does not matter. Debian's
# 6.12 kernel has a list of its own.
. "$(dirname "$0")/lib.sh"

budget_list=tests/bench/budget.tsv
[[ ${KDIR:-} != */linux-headers-6.12.* ]] || budget_list=tests/bench/budget-6.12.tsv
out=build/bench/budget.txt
mkdir -p build/bench
tests/bench/run budget >"$out" 2>&1
point "the costs are counted to the end" test $? = 0

while IFS=$'\t' read -r name budget; do
	case $name in \#*|name) continue ;; esac
	now=$(awk -v n="$name" '$1 == "cost" && $2 == n { print $3 }' "$out")
	point "$name: ${now:-nothing counted}, budget $budget" \
		test -n "$now" -a "${now:-0}" -le $((budget * 103 / 100))
	[ -z "$now" ] || [ "$now" -ge $((budget * 97 / 100)) ] ||
		echo "# $name became cheaper: lower its budget in $budget_list to $now"
done <"$budget_list"
[ "$BAD" = 0 ] || sed 's/^/# | /' "$out"
finish
