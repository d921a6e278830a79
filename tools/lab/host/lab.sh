# SPDX-License-Identifier: GPL-2.0
#
# Shell functions for scripts on the emulated host and in its guest
# (`. /lab/lab.sh`). busybox ash, and Debian's dash.

# Debian's busybox shell takes its own applets before programs of the same name;
# kmod says why a module does not load, and tries only once.
insmod() { /bin/insmod "$@"; }
rmmod() { /bin/rmmod "$@"; }
modprobe() { /bin/modprobe "$@"; }

# Every limit of time grows by SLOWER (tools/lab/lib.sh).
SLOWER=${SLOWER:-1}
timeout() { _limit=$(($1 * SLOWER)); shift; command timeout $_limit "$@"; }

# ---- TAP --------------------------------------------------------------------
# ok WHAT COMMAND...: one test point; the command's output is shown, prefixed
# by #, when it fails.
ok()
{
	_what=$1; shift
	if "$@" >/tmp/ok.out 2>&1; then
		echo "ok - $_what"
	else
		echo "not ok - $_what"
		echo "# failed ($?): $*"
		sed 's/^/# | /' /tmp/ok.out
		return 1
	fi
}
pass() { echo "ok - $1"; }
fail() { echo "not ok - $1"; [ $# -lt 2 ] || echo "$2" | sed 's/^/# | /'; return 1; }
note() { echo "# $*"; }
# A number for the demo's table: value NAME NUMBER
value() { echo "value $1 $2"; }

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for()
{
	_left=$(($1 * 10 * SLOWER)); shift
	while ! "$@" >/dev/null 2>&1; do
		_left=$((_left - 1))
		[ $_left -gt 0 ] || return 1
		sleep 0.1
	done
}

# ---- network ----------------------------------------------------------------
# net_up IFNAME: DHCP, with a bounded wait; prints the lease
net_up()
{
	ip link set "$1" up || return 1
	wait_for 15 grep -q 1 "/sys/class/net/$1/carrier" || return 1
	udhcpc -i "$1" -n -q -t $((10 * SLOWER)) -T 1 -s /lab/udhcpc
}
# The interface of a PCI function: ifname 0000:00:04.0
ifname() { ls "/sys/bus/pci/devices/$1/net" 2>/dev/null; }
net_ping() { ping -c "${2:-3}" -W 2 "${1:-10.0.2.2}"; }

# iperf MODE [SECONDS]: tx (send) or rx (receive) to the build machine's
# server; prints Mbit/s as received by the other end. Needs IPERF_PORT.
iperf()
{
	_r=
	[ "$1" != rx ] || _r=-R
	timeout $((${2:-5} + 20)) iperf3 -c 10.0.2.2 -p "$IPERF_PORT" \
		-t "${2:-5}" $_r -f m >/tmp/iperf.out 2>&1 || {
		cat /tmp/iperf.out >&2; return 1; }
	awk '/receiver/ { for (i = 2; i <= NF; i++) if ($i ~ /Mbits/) v = $(i-1) }
	     END { if (v == "") exit 1; print v }' /tmp/iperf.out
}

# ---- cards ------------------------------------------------------------------
pci_driver() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")" 2>/dev/null; }
# pci_bind BDF DRIVER: unbind from whatever it has, and bind by driver_override
pci_bind()
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] ||
		echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind" || return 1
	echo "$2" >"/sys/bus/pci/devices/$1/driver_override" || return 1
	echo "$1" >/sys/bus/pci/drivers_probe || return 1
	[ "$(pci_driver "$1")" = "$2" ] || {
		echo "pci_bind: $1 has driver '$(pci_driver "$1")', wanted '$2'" >&2
		return 1
	}
}
# Back to the driver that claims it by itself
pci_release()
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] ||
		echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
	echo >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
}
irq_total() { awk -v m="$1" '$0 ~ m { for (i = 2; i <= 3; i++) s += $i } END { print s + 0 }' /proc/interrupts; }

# ---- modules ----------------------------------------------------------------
# Ours are in /lib/backplane; the kernel's by modprobe.
load() { _m=$1; shift; insmod "/lib/backplane/$_m.ko" "$@"; }
# What the kernel itself uses: not free (nor on a CPU's own list of free pages),
# not files, not programs' pages
kernel_kb()
{
	echo 1 >/proc/sys/vm/stat_refresh
	_listed=$(awk '$1 == "count:" { n += $2 } END { print n * 4 }' /proc/zoneinfo)
	awk -v listed="$_listed" '{ m[$1] = $2 } END { print m["MemTotal:"] - m["MemFree:"] -
		listed - m["Buffers:"] - m["Cached:"] - m["AnonPages:"] - m["SReclaimable:"] }' /proc/meminfo
}
