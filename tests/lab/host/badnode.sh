# SPDX-License-Identifier: GPL-2.0
# How a refusal is tested, on the emulated host.
QEMU="qemu-patched -M q35 -accel kvm -cpu host -m 64 -nodefaults -display none -S"

# said FILE RC WHAT REGEX: the program ended by itself, with an error, and said why
# (in four lines at most, but for the commands that free the card, and for the
# kernel's own, one for each tracepoint whose name the in-tree kvm has already)
said()
{
	if [ "$2" = 0 ] || [ "$2" -ge 124 ]; then
		fail "$3 is refused" "exit $2: $(cat "$1")"
	elif ! grep -qE "$4" "$1"; then
		fail "$3 is refused with its reason" "wanted /$4/, got: $(cat "$1")"
	elif [ "$(grep . "$1" | grep -vcE 'Could not create tracefs|^  (backplane|echo) ')" -gt 4 ]; then
		fail "$3 is refused in a few lines" "$(cat "$1")"
	else
		pass "$3 is refused: $(head -n 1 "$1")"
	fi
}

# refused WHAT REGEX QEMU-ARGUMENTS...
refused()
{
	_what=$1 _regex=$2
	shift 2
	timeout 20 $QEMU "$@" >/tmp/refused 2>&1 </dev/null
	said /tmp/refused $? "$_what" "$_regex"
}

adduser_nobody()
{
	echo 'nobody:x:65534:65534:nobody:/tmp:/bin/sh' >>/etc/passwd
	echo 'nobody:x:65534:' >>/etc/group
}

# The same as an ordinary user who may lock 64 KiB
refused_as_nobody()
{
	_what=$1 _regex=$2
	shift 2
	(ulimit -l "${LOCKED:-64}"; exec timeout 20 su nobody -c "PATH=$PATH $QEMU $*") >/tmp/refused 2>&1 </dev/null
	said /tmp/refused $? "$_what" "$_regex"
}

# A QEMU that holds the card, stopped before its first instruction
start_holder()
{
	rm -f /tmp/holder.pid
	$QEMU -pcidevice host=00:04.0 -pidfile /tmp/holder.pid >/tmp/holder.out 2>&1 </dev/null &
	ok "another QEMU holds the card" wait_for 10 sh -c \
		'test -s /tmp/holder.pid && ls -l /proc/$(cat /tmp/holder.pid)/fd | grep -q backplane' ||
		sed 's/^/# | /' /tmp/holder.out
}
stop_holder()
{
	kill "$(cat /tmp/holder.pid)"
	wait_for 10 sh -c '! kill -0 $(cat /tmp/holder.pid) 2>/dev/null'
}

# The module loader itself refuses what uses a module that is not there, with
# a line for each symbol.
module_unresolved()
{
	dmesg -c >/dev/null
	if load "$2" >/tmp/refused 2>&1; then
		fail "$1 is refused" "it loaded"
	elif dmesg | grep -q "Unknown symbol $3"; then
		pass "$1 is refused: Unknown symbol $3..."
	else
		fail "$1 is refused with its reason" "$(cat /tmp/refused; dmesg)"
	fi
	ok "and it is not loaded" test ! -d "/sys/module/$(echo "$2" | tr - _)"
}

# module_refused WHAT MODULE REGEX: insmod fails, the kernel's log says why
module_refused()
{
	dmesg -c >/dev/null
	if load "$2" >/tmp/refused 2>&1; then
		fail "$1 is refused" "it loaded"
	else
		dmesg | grep -v 'module verification\|loading out-of-tree' >>/tmp/refused
		said /tmp/refused 1 "$1" "$3"
	fi
	ok "and it is not loaded" test ! -d "/sys/module/$(echo "$2" | tr - _)"
}
