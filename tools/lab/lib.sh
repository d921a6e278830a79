# SPDX-License-Identifier: GPL-2.0
#
# What the lab's scripts share: the cache folder, the kernel version, ways to
# speak and to stop. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${BACKPLANE_CACHE:-$HOME/.cache/backplane}
mkdir -p "$CACHE"

die() { echo "${0##*/}: $*" >&2; exit 1; }
say() { echo "# ${0##*/}: $*" >&2; }

KDIR=${KDIR:-$(ls -d /usr/src/linux-headers-6.1.*-amd64 2>/dev/null | sort -V | tail -n 1)}
KVER=${KDIR##*/linux-headers-}

need_kver()
{
	KDIR=${KDIR:-$(ls -d /usr/src/linux-headers-6.1.*-amd64 2>/dev/null | sort -V | tail -n 1)}
	KVER=${KDIR##*/linux-headers-}
	[ -n "$KVER" ] || die "no Debian 6.1 kernel headers in /usr/src: apt-get install linux-headers-amd64"
}

# KERNEL=debug: the emulated host runs the debug kernel of tools/lab/debug-kernel
# with modules built for it; its guests keep Debian's. That host is slower and
# its checks take memory: the lab's every time limit grows by SLOWER, the
# machine by MORE_MIB. Modules for it are built beside the usual ones. It is
# booted packed: Linux's PVH entry runs before KASAN's shadow is there.
MORE_ARGS= BOOT=vmlinux MODULES=$ROOT SLOWER=1 MORE_MIB=0 GUEST_KDIR=$KDIR GUEST_KVER=$KVER
case ${KERNEL:-debian} in
debian) ;;
debug)
	GUEST_KDIR=$KDIR
	GUEST_KVER=${GUEST_KDIR##*/linux-headers-}
	KDIR=$(KERNEL=debian "$ROOT/tools/lab/debug-kernel" --path)
	[ -n "$KDIR" ] || die "the debug kernel is not built: tools/lab/debug-kernel (make test-debug does it)"
	KVER=${KDIR##*/linux-headers-}
	# every bad access is told of, not the first alone
	MORE_ARGS=" kasan_multi_shot"
	BOOT=vmlinuz MODULES=$ROOT/build/debug SLOWER=4 MORE_MIB=1536 ;;
*) die "KERNEL is debian or debug, not '$KERNEL'" ;;
esac

# apt as root drops to _apt, which cannot write into a private folder: no
# harm, but a warning on every download.
apt_quiet() { apt-get -qq -o APT::Sandbox::User=root "$@" >&2; }
