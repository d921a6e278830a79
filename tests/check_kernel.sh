#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The modules build without a word from the compiler (W=1) and from sparse,
# from a clean copy, and use only symbols that the Debian kernel exports. TAP.
cd "$(dirname "$0")/.." || exit 1
KDIR=${KDIR:-$(ls -d /usr/src/linux-headers-6.1.*-amd64 2>/dev/null | sort -V | tail -n 1)}
[ -n "$KDIR" ] || { echo "Bail out! no Debian 6.1 kernel headers in /usr/src"; exit 1; }
copy=build/kernel-check
rm -rf "$copy"
mkdir -p "$copy"
cp -r Kbuild pure.mk env.h addr.h gpm msi kvm-core svm iommu-amd pci-assign "$copy"
find "$copy" \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' -o -name '*.mod*' \) -delete
make -C "$KDIR" M="$PWD/$copy" W=1 C=2 modules >build/kernel-check.log 2>&1
rc=$?
n=0 bad=0
point()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		bad=$((bad + 1))
		echo "not ok $n - $1"
		echo "$2" | head -n 20 | sed 's/^/# /'
	fi
}
point "all four modules build" "$([ $rc -eq 0 ] || tail -n 20 build/kernel-check.log
for m in kvm-core svm iommu-amd pci-assign; do
	[ -e "$copy/$m.ko" ] || echo "$m.ko was not made"
done)"
point "no warning of gcc, W=1, sparse or modpost" "$(grep -E 'warning:|error:|WARNING:|ERROR:' build/kernel-check.log)"
rm -rf "$copy"
echo "1..$n"
[ "$bad" -eq 0 ]
