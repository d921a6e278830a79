# SPDX-License-Identifier: GPL-2.0
#
# Debian 13's archive, Debian 12's sources and its backports through a private
# apt configuration: the mirror is this machine's own, lists and archives are
# in the cache, nothing is installed. Sourced after lib.sh.
#
#   debian_mirror                         this machine's mirror of Debian 12
#   private_apt update
#   private_apt download PACKAGE/trixie
#   private_apt source --download-only -t trixie PACKAGE
#   private_apt_depends PACKAGE/trixie    what it depends on, a name a line
#   i386_apt update
#   i386_apt download PACKAGE             of Debian 12 for i386
#   i386_apt_depends PACKAGE

PRIVATE_APT=(-qq -o "Dir::Etc::sourcelist=$CACHE/apt/sources.list"
	-o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$CACHE/apt/lists"
	-o "Dir::Cache::archives=$CACHE/apt/archives" -o "Dir::Cache::pkgcache="
	-o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root)

I386_APT=(-qq -o "Dir::Etc::sourcelist=$CACHE/apt-i386/sources.list"
	-o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$CACHE/apt-i386/lists"
	-o "Dir::State::status=$CACHE/apt-i386/status"
	-o "Dir::Cache::archives=$CACHE/apt-i386/archives" -o "Dir::Cache::pkgcache="
	-o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root
	-o APT::Architecture=i386 -o APT::Architectures::=i386)

private_apt_depends()
{
	apt-cache "${PRIVATE_APT[@]}" show "$1" |
		sed -n 's/^Depends: //p' | head -n 1 | tr ',' '\n' | awk '{ print $1 }'
}

# This machine's own mirror of Debian 12
mirror_of()
{
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' |
		awk -v r="$1" '$2 == r { print $1; exit }'
}

debian_mirror()
{
	local mirror codename=bookworm
	mirror=$(mirror_of $codename)
	[ -n "$mirror" ] || { apt-get update -qq >&2; mirror=$(mirror_of $codename); }
	[ -n "$mirror" ] || die "this machine's apt has no mirror of Debian 12 ($codename)"
	echo "$mirror"
}

i386_apt_depends()
{
	apt-cache "${I386_APT[@]}" show "$1" |
		sed -n 's/^Depends: //p' | head -n 1 | tr ',' '\n' | awk '{ print $1 }'
}

i386_apt()
{
	local a=$CACHE/apt-i386 mirror
	mkdir -p "$a/lists/partial" "$a/archives/partial"
	touch "$a/status"
	if [ "$1" = update ]; then
		mirror=$(debian_mirror) || exit 1
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" \
			>"$a/sources.list"
	fi
	apt-get "${I386_APT[@]}" "$@" >&2
}

private_apt()
{
	local a=$CACHE/apt mirror codename=bookworm
	mkdir -p "$a/lists/partial" "$a/archives/partial"
	if [ "$1" = update ]; then
		mirror=$(debian_mirror) || exit 1
		local by="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
		{ echo "deb-src $by $mirror trixie main"
		  echo "deb $by $mirror trixie main"
		  echo "deb-src $by $mirror $codename main"
		  echo "deb $by $mirror $codename-backports main"
		} >"$a/sources.list"
	fi
	apt-get "${PRIVATE_APT[@]}" "$@" >&2
}
