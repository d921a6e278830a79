# SPDX-License-Identifier: GPL-2.0
# In the guest: two cards on one interrupt line ($NETS: their networks' numbers),
# both busy at once, in rounds for half a minute and at least twice: the host
# stops the guest in one of them.
. /lab/lab.sh
echo "mark up"
ok "e1000 loads" modprobe e1000
n=0
for net in $NETS; do
	ok "eth$n: a lease" net_up eth$n || exit 1
	n=$((n + 1))
done
ok "both are on one line: $(awk '/eth0/ && /eth1/ { print $1, $4, $5, $6, $7 }' /proc/interrupts)" \
	grep -q 'eth0.*eth1\|eth1.*eth0' /proc/interrupts
dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null

echo_one() # NET: 1 MiB out and back
{
	timeout 100 nc "10.0.$1.100" 7 </tmp/a >"/tmp/b.$1"
	cmp /tmp/a "/tmp/b.$1"
}
now() { cut -d. -f1 /proc/uptime; }
begun=$(now) round=0
while [ $round -lt 2 ] || [ $(($(now) - begun)) -lt 30 ]; do
	round=$((round + 1))
	echo "mark round $round"
	pids=
	for net in $NETS; do echo_one "$net" >"/tmp/out.$net" 2>&1 & pids="$pids $!"; done
	for p in $pids; do wait "$p" || fail "round $round: a transfer of 1 MiB" "$(cat /tmp/out.*)"; done
	for net in $NETS; do
		ok "round $round: 1 MiB through 10.0.$net.0/24 came back as it went" cmp /tmp/a "/tmp/b.$net"
	done
done
note "$(grep eth /proc/interrupts | tr -s ' ')"
