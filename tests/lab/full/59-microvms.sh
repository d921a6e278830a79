#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libkrun (by microsandbox) boots its own kernel with two CPUs and works in it, and
# stress-ng's kvm stressor runs its VMs: on Debian's KVM, on ours, and on ours with
# shadow paging, in the same machine.
. "$(dirname "$0")/../lib.sh"
dir=$(tools/lab/microvms) || exit 1
files=()
for f in "$dir"/*; do files+=(--file "$f"); done

# $1 name, $2 stack, $3 npt
run_on()
{
	STACK=$2 boot "$1" --cards --timeout 300 --env NPT="$3" "${files[@]}" <<'JOB'
. /lab/steps.sh
. /lab/microvms.sh
load_kvm || exit 1
microvms_unpack || exit 1
libkrun_guest
stress_kvm
umount /d
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads after that" rmmod $m; done
JOB
}
run_on intree intree
run_on ours ours
run_on shadow ours 0
finish
