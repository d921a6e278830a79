# SPDX-License-Identifier: GPL-2.0
# In the guest: network cards come and go ($DRIVERS are loaded first). Each new
# interface gets a worker: a lease, then 1 MiB out and back, compared, over and
# over until the interface is gone. "mark on IF", "mark echo IF N", "mark bad IF
# WHY", "mark off IF N" tell the host; "mark ones BDF"
# that a card reads all ones. It ends when the host ends the guest.
. /lab/lab.sh
echo "mark up"
for m in $DRIVERS; do modprobe "$m"; done
dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null

there() { [ -d "/sys/class/net/$1" ]; }
echo_once() # IF ADDRESS: 0 came back as it went, 1 did not, 2 the card is gone
{
	timeout 60 nc "$2" 7 </tmp/a >"/tmp/b.$1" 2>/dev/null &
	_nc=$!
	while kill -0 $_nc 2>/dev/null; do
		there "$1" || { kill $_nc; return 2; }
		usleep 50000
	done
	cmp -s /tmp/a "/tmp/b.$1" && return 0
	there "$1" || return 2
	return 1
}
worker() # IF
{
	net_up "$1" >/tmp/lease.$1 2>&1 || { there "$1" && echo "mark bad $1 no lease"; return; }
	# bound to this card by its route: each has a network of its own
	_net=$(ip -4 addr show dev "$1" | sed -n 's/.*inet \(10\.0\.[0-9]*\)\..*/\1/p' | head -n 1)
	echo "mark on $1 $_net $(basename "$(readlink -f "/sys/class/net/$1/device")")"
	_n=0
	while there "$1"; do
		echo_once "$1" "$_net.100"
		case $? in
		0) _n=$((_n + 1)); echo "mark echo $1 $_n $_net" ;;
		1) echo "mark bad $1 echo $((_n + 1))"; sleep 1 ;;
		esac
	done
	echo "mark off $1 $_n"
}
busy= empty= turn=0
while :; do
	for d in /sys/class/net/*; do
		i=${d##*/}
		case $i in lo|'*') continue ;; esac
		case " $busy " in *" $i:"*) continue ;; esac
		worker "$i" &
		busy="$busy $i:$!"
	done
	left=
	for b in $busy; do kill -0 "${b#*:}" 2>/dev/null && left="$left $b"; done
	busy=$left
	# a card that was taken away reads as an empty slot does: told once
	turn=$(((turn + 1) % 10))
	for d in /sys/bus/pci/devices/*; do
		[ $turn = 0 ] || continue
		case " $empty " in *" ${d##*/} "*) continue ;; esac
		[ "$(od -An -tx2 -N2 "$d/config" 2>/dev/null)" != " ffff" ] ||
			{ empty="$empty ${d##*/}"; echo "mark ones ${d##*/}"; }
	done
	usleep 200000
done
