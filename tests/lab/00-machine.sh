#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The emulated machine itself: its IOMMU and its SVM do what the manuals say, and
# the strict model of tests/model agrees with its IOMMU.
cd "$(dirname "$0")/../.." || exit 1
qemu=${BACKPLANE_QEMU:-$(tools/lab/qemu-build --path)}
[ -n "$qemu" ] || { echo "Bail out! the patched QEMU is not built: make qemu"; exit 1; }
out=$(mktemp) bad=0
trap 'rm -f "$out"' EXIT
for check in userspace-qemu-patches/machine/{check,check-svm} tests/model/beside/run; do
	$check "$qemu" >"$out" 2>&1 || bad=1
	grep -v '^1\.\.' "$out" | sed -E 's/^(not )?ok [0-9]+/\1ok/'
	points=$((points + $(grep -cE '^(not )?ok ' "$out")))
done
echo "1..$points"
exit $bad
