#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Linux's own KVM selftests (of $SERIES, 6.1) on Debian's KVM and on ours, in the
# same machine, with the kernel of $KDIR. Where Debian's passes, ours must, and
# where Debian's skips, ours must not fail, unless selftests.known has a line that
# says what is not offered. The results are left in
# build/selftests-$SERIES-on-KERNEL.tsv. TESTS="a b" runs those alone; ON=ours or
# ON=intree on that stack alone, beside what the other has left.
. "$(dirname "$0")/../lib.sh"
SERIES=${SERIES:-6.1}
KNOWN=tests/lab/full/selftests.known
tar=$(tools/lab/kvm-selftests "$SERIES") || exit 1
cp "$tar" build/lab/selftests.tar
all=$(tar -tf "$tar" | sed -n 's#^\./\([a-z].*\)#\1#p' | sort)
# They take minutes in an emulated machine: a boot for each group, or for one.
memory="access_tracking_perf_test demand_paging_test dirty_log_perf_test
	dirty_log_page_splitting_test kvm_page_table_test
	memslot_modification_stress_test max_guest_memory_test"
long="dirty_log_test memslot_perf_test rseq_test hardware_disable_test"
kernel=${KDIR##*/linux-headers-}
results=build/selftests-$SERIES-on-${kernel:-6.1}
mkdir -p build
for stack in ${ON:-intree ours}; do rm -f "$results.$stack"; done

# $1 stack, $2 name of the boot, $3 seconds for each, then tests
run_on()
{
	local stack=$1 name=$2 each=$3 list
	shift 3
	list=$(printf '%s\n' "$@" | grep -xF -f <(printf '%s\n' ${TESTS:-$all}) | tr '\n' ' ')
	[ -n "$list" ] || return 0
	STACK=$stack boot "$SERIES-$stack-$name" --timeout 590 --cmdline tsc=reliable \
		--file build/lab/selftests.tar --env TESTS="$list" \
		--env SELFTEST_S="$each" <<'JOB'
. /lab/steps.sh
. /lab/selftests.sh
load_kvm || exit 1
run_selftests $TESTS
[ "$STACK" = ours ] || exit 0
# hardware_disable_test ends while what it killed last still goes.
for m in svm kvm-core; do ok "$m unloads after that" wait_for 30 rmmod $m; done
JOB
	sed -n 's/^result //p' "$TAP" >>"$results.$stack"
}

quick=$(printf '%s\n' $all | grep -vxF -f <(printf '%s\n' $memory $long))
for stack in ${ON:-intree ours}; do
	run_on $stack quick 120 $quick
	run_on $stack memory 120 $memory
	for t in $long; do run_on $stack "${t%_test}" 540 "$t"; done
done

verdict() { awk -v t="$2" '$1 == t { print $2; exit }' "$results.$1" 2>/dev/null; }
words() { awk -v t="$2" '$1 == t { $1 = $2 = $3 = ""; sub(/^ +/, ""); print; exit }' "$results.$1" 2>/dev/null; }
known() { grep -qxE "$1([[:space:]].*)?" "$KNOWN"; }
compared=0
rm -f "$results.tsv"
for t in ${TESTS:-$all}; do
	yard=$(verdict intree "$t") got=$(verdict ours "$t")
	printf '%s\t%s\t%s\t%s\n' "$t" "${yard:-none}" "${got:-none}" "$(words ours "$t")" >>"$results.tsv"
	if [ "$got" != pass ] && known "$t"; then
		echo "# $t: not offered ($(words ours "$t"))"
	elif [ "$yard" = pass ] || { [ "$yard" = skip ] && [ "$got" = fail ]; }; then
		compared=$((compared + 1))
		point "$t passes (${got:-none} $(words ours "$t"))" test "$got" = pass
	else
		echo "# $t: Debian's own KVM: ${yard:-none} ($(words intree "$t")); ours: ${got:-none}"
	fi
done
point "tests were compared ($compared)" test "$compared" -gt 0
finish
