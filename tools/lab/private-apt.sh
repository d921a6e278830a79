# SPDX-License-Identifier: GPL-2.0
#
# Debian 13's archive through a private apt configuration: the mirror is this
# machine's own, lists and archives are in the cache, nothing is installed.
# Sourced after lib.sh.
#
#   private_apt update
#   private_apt download PACKAGE/trixie
#   private_apt source --download-only -t trixie PACKAGE
#   private_apt_depends PACKAGE/trixie    what it depends on, a name a line

PRIVATE_APT=(-qq -o "Dir::Etc::sourcelist=$CACHE/apt/sources.list"
	-o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$CACHE/apt/lists"
	-o "Dir::Cache::archives=$CACHE/apt/archives" -o "Dir::Cache::pkgcache="
	-o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root)

private_apt_depends()
{
	apt-cache "${PRIVATE_APT[@]}" show "$1" |
		sed -n 's/^Depends: //p' | head -n 1 | tr ',' '\n' | awk '{ print $1 }'
}

private_apt()
{
	local a=$CACHE/apt mirror codename=bookworm
	mkdir -p "$a/lists/partial" "$a/archives/partial"
	if [ "$1" = update ]; then
		mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' |
			awk -v r="$codename" '$2 == r { print $1; exit }')
		[ -n "$mirror" ] || { apt-get update -qq >&2; mirror=$(apt-get indextargets \
			--format '$(REPO_URI) $(RELEASE)' | awk -v r="$codename" '$2 == r { print $1; exit }'); }
		[ -n "$mirror" ] || die "this machine's apt has no mirror of Debian 12 ($codename)"
		local by="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
		{ echo "deb-src $by $mirror trixie main"
		  echo "deb $by $mirror trixie main"
		  echo "deb $by $mirror $codename-backports main"
		} >"$a/sources.list"
	fi
	apt-get "${PRIVATE_APT[@]}" "$@" >&2
}
