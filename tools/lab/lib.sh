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

# apt as root drops to _apt, which cannot write into a private folder: no
# harm, but a warning on every download.
apt_quiet() { apt-get -qq -o APT::Sandbox::User=root "$@" >&2; }
