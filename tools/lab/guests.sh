# SPDX-License-Identifier: GPL-2.0
#
# The guests that the lab shows to run, besides Debian's kernel of the host:
# kernels, firmware and memtest86+ from Debian's packages, unpacked (never
# installed) into one flat folder of the cache. Sourced by tools/lab/setup.

GUESTS=$CACHE/guests
GUESTS_VERSION=3	# of what this file makes

# The package that a metapackage depends on: guest_depends CONFIG META PATTERN
guest_depends()
{
	"$1" "$2" | sed -n "s/^\($3\)\$/\1/p" | head -n 1
}

# unpack INTO DOWNLOAD-COMMAND PACKAGE
unpack()
{
	local tmp
	tmp=$(mktemp -d "$1.XXXXXX")
	(cd "$tmp" && "$2" download "$3") || die "cannot download $3"
	dpkg-deb -x "$tmp"/*.deb "$1"
	rm -rf "$tmp"
}

guests()
{
	local t name flavour
	if [ "$(cat "$GUESTS/.complete" 2>/dev/null)" != "$GUESTS_VERSION" ]; then
		say "fetching and unpacking the guests"
		private_apt update || die "cannot read the lists of bookworm-backports from this machine's mirror"
		i386_apt update || die "cannot read Debian 12's lists for i386 from this machine's mirror"
		t=$(mktemp -d "$CACHE/guests.XXXXXX")
		name=$(guest_depends private_apt_depends linux-image-amd64/bookworm-backports 'linux-image-6\.12.*-amd64')
		[ -n "$name" ] || die "bookworm-backports has no 6.12 kernel now"
		unpack "$t/k612" private_apt "$name"
		for flavour in 686-pae 686; do
			name=$(guest_depends i386_apt_depends linux-image-$flavour "linux-image-6\\.1\\..*-$flavour")
			[ -n "$name" ] || die "Debian 12's lists for i386 have no linux-image-$flavour"
			unpack "$t/k$flavour" i386_apt "$name"
		done
		unpack "$t/busybox32" i386_apt busybox-static
		for name in memtest86+ ovmf ipxe-qemu xen-hypervisor-4.17-amd64; do
			unpack "$t/$name" apt_quiet "$name"
		done
		mkdir "$t/out"
		cp "$t"/k612/boot/vmlinuz-* "$t/out/vmlinuz-6.12"
		for flavour in 686-pae 686; do
			cp "$t/k$flavour"/boot/vmlinuz-* "$t/out/vmlinuz-$flavour"
		done
		cp "$t/busybox32/bin/busybox" "$t/out/busybox-32"
		cp "$t/memtest86+/boot/memtest86+x64.bin" "$t/out/memtest.bin"
		cp "$t"/ovmf/usr/share/OVMF/OVMF_{CODE,VARS}.fd "$t/out/"
		cp "$t/ipxe-qemu/usr/lib/ipxe/qemu/efi-virtio.rom" "$t/out/"
		zcat "$t"/xen-hypervisor-4.17-amd64/boot/xen-4.17-amd64.gz >"$t/out/xen"
		echo "$GUESTS_VERSION" >"$t/out/.complete"
		rm -rf "$GUESTS"
		mv "$t/out" "$GUESTS"
		rm -rf "$t"
	fi
	echo "$GUESTS"
}
