#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Onto a real host and off it again: a debootstrapped Debian 12 on a disk gets
# the package, boots on the emulated machine with its own kernel, initramfs and
# systemd, binds the cards of its configuration, lets a user who is not root
# give one to a guest, is rid of the package while it runs, and boots as it did
# before. What the package and what make install leave behind is compared with
# what was there. Root; takes some 15 minutes. WAYS="make" or "package" for one.
. "$(dirname "$0")/../lib.sh"
. tools/lab/lib.sh
work=$(mktemp -d build/lab/60.XXXXXX)
trap 'rm -rf "$TAP" "$TAP.job" "$work"' EXIT
image=$(tools/lab/setup debian12) || exit 1
disk=$work/host.ext4

inside() { tools/lab/image-enter "$disk" "$@" >"$work/out" 2>&1; }
# said WHAT COMMAND...: a point; the command's words are shown if it fails
said()
{
	local what=$1
	shift
	if "$@"; then point "$what" true; else tail -n 30 "$work/out" | sed 's/^/# | /'; point "$what" false; fi
}
says() { inside "${@:2}" && grep -qE -- "$1" "$work/out"; }

# Every file that counts, with its content; the initramfs by its list of files.
SNAPSHOT='cd / && find etc usr boot var/lib/dkms -xdev \
		\( -name "modules.*" -o -name "initrd.img*" -o -name "*.cache" -o -path "usr/src/linux-headers-*" \
		   -o -path "usr/lib/modules/*/kernel" \) -prune -o \( -type f -o -type l \) -print0 |
	LC_ALL=C sort -z | xargs -0 sh -c '\''for f; do
		if [ -L "$f" ]; then echo "$f -> $(readlink "$f")"; else md5sum "$f"; fi; done'\'' sh
	for i in boot/initrd.img-*; do
		lsinitramfs $i | grep -vE "modules\.(dep|alias|symbols|softdep|devname|order|builtin)" | LC_ALL=C sort
	done'
snapshot() { inside sh -c "$SNAPSHOT" && cp "$work/out" "$work/$1"; }
# DKMS keeps the key it signs with, and a note of its own version.
same()
{
	local own='var/lib/dkms/(dkms_dbversion|mok\.(key|pub))$'
	diff <(grep -vE "$own" "$work/before") <(grep -vE "$own" "$work/$1") >"$work/out"
}

early()
{
	inside sh -c 'd=$(mktemp -d) && unmkinitramfs /boot/initrd.img-* $d &&
		cat $(find $d -path "*init-top/ORDER")' || return 1
	awk '/init-top\/backplane/ { b = NR } /init-top\/udev/ { u = NR } END { exit !(b && b < u) }' "$work/out"
}

installed()
{
	local m
	for m in iommu-amd kvm-core svm pci-assign; do
		said "$1: DKMS built $m" says 'updates/dkms' sh -c "modinfo -k \$(ls /lib/modules) -n $m"
	done
	said "$1: the initramfs has iommu-amd" says 'dkms/iommu-amd.ko' sh -c 'lsinitramfs /boot/initrd.img-*'
	said "$1: and loads it before udev" early
	said "$1: the in-tree kvm_amd is kept out" says '^blacklist kvm_amd$' modprobe -c
	said "$1: the boot loader turns the in-tree IOMMU driver off" says 'amd_iommu=off no5lvl' grep -w linux /boot/grub/grub.cfg
	said "$1: the unit is enabled" inside systemctl is-enabled backplane
	said "$1: systemd understands it" inside systemd-analyze verify --man=no backplane.service
	said "$1: man shows both pages" says 'backplane.service' sh -c 'man backplane.conf && man backplane'
}

# The image's own initramfs was made before its fstab was: without fsck
fresh_disk()
{
	rm -f "$disk"
	cp --sparse=always --reflink=auto "$image" "$disk"
	inside update-initramfs -u
}
put() { tools/lab/image-enter --beside "$disk" sh -c 'cp -a "$0" "$1/root/"' "$1"; }

mkdir -p "$work/backplane/build"
git ls-files -co --exclude-standard | tar -cf - -T - | tar -xf - -C "$work/backplane"
cp build/backplane "$work/backplane/build/"
touch "$work/backplane/build/backplane"
deb=$(packaging/install deb 2>"$work/out") || { cat "$work/out"; exit 1; }

# ---- make install, make uninstall ------------------------------------------
try_make()
{
	fresh_disk
	put "$work/backplane"
	put "$deb"
	snapshot before
	said "make install works" inside make -C /root/backplane install
	installed "make install"
	said "make install again works" inside make -C /root/backplane install
	said "the package is not put over it" says 'make uninstall' sh -c '! dpkg -i /root/backplane_*.deb'
	said "make uninstall works" inside make -C /root/backplane uninstall
	snapshot after
	said "make uninstall: nothing is left, nothing is missing" same after
	said "a second make uninstall says that there is nothing" says 'nothing was installed' \
		sh -c 'make -C /root/backplane uninstall || true'
}

# ---- the package ---------------------------------------------------------------
try_package()
{
	fresh_disk
	snapshot before
	put "$work/backplane"
	put "$deb"
	said "the package installs" inside sh -c 'dpkg -i /root/backplane_*.deb'
	said "dpkg finds its files unchanged" inside dpkg --verify backplane
	installed package
	said "make install over it is refused" says 'the Debian package is installed' \
		sh -c '! /root/backplane/packaging/install machine'
	said "cards are configured" inside sh -c 'printf "%s\n" "00:04.0 owner=lab:kvm" "1234:11e8 owner=lab" >>/etc/backplane.conf'

	boot installed --disk "$disk" --timeout 580 <tests/lab/host/host-installed.sh

	boot removed --disk "$disk" --timeout 300 <tests/lab/host/host-removed.sh
	# what host-installed.sh changed, and the lab put there for it
	inside sh -c 'rm -f /usr/bin/qemu-patched /usr/bin/qemu-patched.bin /etc/initramfs-tools/conf.d/lab && sed -i "/^nvme$/,\$d" /etc/initramfs-tools/modules &&
		update-initramfs -u'
	snapshot after
	said "the package left nothing, and nothing is missing" same after
}

for way in ${WAYS:-make package}; do
	"try_$way"
done
finish
