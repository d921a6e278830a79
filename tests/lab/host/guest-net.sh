# SPDX-License-Identifier: GPL-2.0
# In the guest: bring the network card up with its own driver ($DRIVER), DHCP,
# ping, iperf3 both ways. "mark" lines tell the host when transfers run.
. /lab/lab.sh
echo "mark up"
ok "the guest's $DRIVER loads" modprobe "$DRIVER"
wait_for 10 test -d /sys/class/net/eth0
if="eth0"
ok "$DRIVER drives the card" test "$(basename "$(readlink /sys/class/net/$if/device/driver)")" = "$DRIVER"
ok "the link comes up and DHCP gives a lease" net_up $if || { ip a; dmesg | tail -20; exit 1; }
ok "10.0.2.2 answers ping" net_ping || exit 1
if [ "$DRIVER" = e1000e ]; then
	ok "interrupts arrive as MSI-X ($(grep -c "$if" /proc/interrupts) vectors)" \
		sh -c "grep $if /proc/interrupts | grep -q MSI"
fi
for way in tx rx; do
	echo "mark $way start"
	rate=$(iperf $way "${SECS:-5}")
	echo "mark $way end"
	ok "iperf3 $way moves data (${rate:-no} Mbit/s)" test -n "$rate" && value "$CASE.${way}_mbit" "$rate"
done
ok "10.0.2.2 still answers ping" net_ping
note "$(grep -E 'eth0|LOC' /proc/interrupts | tr -s ' ' | tr '\n' ';')"
