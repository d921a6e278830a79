#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The Debian package, looked at without installing it: it builds, has what it
# must and nothing else, its scripts and its configuration are sound, and what
# DKMS would build is complete. tests/lab/full/60-install.sh installs it.
. "$(dirname "$0")/lib.sh"
. tools/lab/lib.sh
work=$(mktemp -d build/lab/60.XXXXXX)
trap 'rm -rf "$TAP" "$TAP.job" "$work"' EXIT
make --no-print-directory -s build/backplane || exit 1
deb=$(packaging/install deb 2>"$work/err") || { cat "$work/err"; exit 1; }
dpkg-deb -x "$deb" "$work/root"
dpkg-deb -e "$deb" "$work/control"
version=$(dpkg-deb -f "$deb" Version)
src=usr/src/backplane-$version

same() { diff <(cat) <(LC_ALL=C sort "$1") >"$work/diff" || { sed 's/^/# /' "$work/diff"; return 1; }; }
(cd "$work/root" && find . -type f ! -path "./$src/*" | sed 's|^\./||') >"$work/files"
point "it has these files and no others" same "$work/files" <<'END'
etc/backplane.conf
etc/default/grub.d/backplane.cfg
lib/systemd/system/backplane.service
usr/lib/modprobe.d/backplane.conf
usr/lib/modules-load.d/backplane.conf
usr/sbin/backplane
usr/share/backplane/setup
usr/share/bash-completion/completions/backplane
usr/share/doc/backplane/changelog.gz
usr/share/doc/backplane/copyright
usr/share/initramfs-tools/hooks/backplane
usr/share/initramfs-tools/scripts/init-top/backplane
usr/share/man/man5/backplane.conf.5.gz
usr/share/man/man8/backplane.8.gz
END
owned() { ! dpkg-deb -c "$1" | awk '$2 != "root/root" || $1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x)$/' | grep .; }
point "all is root's, with plain modes" owned "$deb"
runs() { (cd "$work/root" && find . -type f -perm -100 | sed 's|^\./||') >"$work/runs"; same "$work/runs"; }
point "what runs is executable, the rest is not" runs <<'END'
usr/sbin/backplane
usr/share/backplane/setup
usr/share/initramfs-tools/hooks/backplane
usr/share/initramfs-tools/scripts/init-top/backplane
END
point "the files under /etc are conffiles" same "$work/control/conffiles" <<'END'
/etc/backplane.conf
/etc/default/grub.d/backplane.cfg
END
sums() { (cd "$work/root" && md5sum --quiet -c) <"$work/control/md5sums"; }
point "the sums are those of the files" sums
scripts()
{
	local f
	for f in "$work"/control/{preinst,postinst,prerm,postrm} "$work"/root/usr/share/backplane/setup \
		"$work"/root/usr/share/initramfs-tools/*/backplane "$work"/root/usr/share/initramfs-tools/scripts/init-top/backplane; do
		[ -x "$f" ] && dash -n "$f" || { echo "# $f"; return 1; }
	done
}
point "its scripts are executable and are sh" scripts
point "it is of the command's version" test "backplane $version" = "$("$work/root/usr/sbin/backplane" --version)"
unfilled() { ! grep -rlI '@VERSION@' "$work/root" "$work/control"; }
point "the version is filled in everywhere" unfilled
point "the configuration that comes with it binds nothing" \
	"$work/root/usr/sbin/backplane" bind --config="$work/root/etc/backplane.conf"
examples()
{
	sed -n 's/^#\(0000:\|8086:\)/\1/p' "$work/root/etc/backplane.conf" >"$work/conf"
	[ "$(wc -l <"$work/conf")" = 2 ] || return 1
	"$work/root/usr/sbin/backplane" --sysroot "$work" bind --config="$work/conf" 2>&1 |
		grep -c 'there is no card' | grep -qx 2
}
mkdir -p "$work/sys/bus/pci/devices"
point "its examples are understood" examples

# The modules' sources: each file of the repository, and nothing of a build
git ls-files Kbuild pure.mk env.h addr.h compat_linux.h LICENSE 'gpm/*.[chS]' 'msi/*.[chS]' 'kvm-core/*.[chS]' \
	'svm/*.[chS]' 'iommu-amd/*.[chS]' 'pci-assign/*.[chS]' >"$work/want"
echo dkms.conf >>"$work/want"
LC_ALL=C sort -o "$work/want" "$work/want"
(cd "$work/root/$src" && find . -type f | sed 's|^\./||') >"$work/sources"
point "DKMS gets every source of the modules" same "$work/sources" <"$work/want"
# A header is named from the top, or beside the file
complete()
{
	local f bad=0
	for f in $(cd "$work/root/$src" && find . -name '*.[cS]'); do
		grep -o '#include "[^"]*"' "$work/root/$src/$f" | sed 's/.*"\(.*\)"/\1/'
	done | sort -u | while read -r f; do
		[ -e "$work/root/$src/$f" ] || [ -n "$(find "$work/root/$src" -name "$f")" ] || echo "# $f is missing"
	done >"$work/missing"
	cat "$work/missing"
	[ ! -s "$work/missing" ]
}
point "and every header they name" complete
dkms()
{
	local kernel_source_dir=$KDIR dkms_tree=$work MAKE PACKAGE_NAME PACKAGE_VERSION BUILT_MODULE_NAME BUILD_EXCLUSIVE_KERNEL
	. "$work/root/$src/dkms.conf"
	[ "$PACKAGE_NAME-$PACKAGE_VERSION" = "backplane-$version" ] &&
		[ "$(printf '%s\n' "${BUILT_MODULE_NAME[@]}" | sort | tr '\n' ' ')" = "$(sed -n 's/^obj-m += //p' Kbuild | sed 's/\.o//g' | tr ' ' '\n' | sort | tr '\n' ' ')" ] &&
		[[ 6.1.0-50-amd64 =~ $BUILD_EXCLUSIVE_KERNEL && 6.12.5+deb12-amd64 =~ $BUILD_EXCLUSIVE_KERNEL ]] &&
		[[ ! 6.2.0 =~ $BUILD_EXCLUSIVE_KERNEL && ! 6.10.1 =~ $BUILD_EXCLUSIVE_KERNEL ]]
}
point "dkms.conf names the package, the four modules and the kernels" dkms
finish
