#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Users of /dev/kvm that are no QEMU, on Debian's KVM and on ours in the same machine:
# the own tests of kvm-ioctls (the crate below Firecracker, Cloud Hypervisor and
# others), and gVisor with its KVM platform, of Debian 12 and of backports. Where
# Debian's KVM passes, ours must, with shadow paging, too.
. "$(dirname "$0")/../lib.sh"
dir=$(tools/lab/vmms) || exit 1
files=()
for f in "$dir"/*; do files+=(--file "$f"); done

# $1 name, $2 stack, $3 npt
run_on()
{
	STACK=$2 boot "$1" --timeout 400 --env NPT="$3" "${files[@]}" <<'JOB'
. /lab/steps.sh
. /lab/vmms.sh
load_kvm || exit 1
kvm_ioctls_tests
cat >/tmp/contained <<'REST'
. /lab/steps.sh
. /lab/vmms.sh
for r in runsc-12 runsc-12bpo; do gvisor $r; done
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads after that" rmmod $m; done
REST
leave_initramfs /bin/sh /tmp/contained
JOB
	sed -n 's/^result //p' "$TAP" >"build/vmms.$1"
}
run_on intree intree
run_on ours ours
run_on shadow ours 0

verdict() { awk -v t="$2" '$1 == t { print $2 }' "build/vmms.$1"; }
compared=0
while read -r t yard; do
	if [ "$yard" != pass ]; then
		echo "# $t: $yard on Debian's own KVM here; ours: $(verdict ours "$t")"
		continue
	fi
	compared=$((compared + 1))
	for how in ours shadow; do
		got=$(verdict $how "$t")
		point "$t passes, $how (${got:-none})" test "$got" = pass
	done
done <build/vmms.intree
point "tests of kvm-ioctls were compared ($compared)" test "$compared" -gt 50
finish
