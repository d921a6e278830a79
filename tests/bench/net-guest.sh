# SPDX-License-Identifier: GPL-2.0
# In the guest: its network card ($DRIVER) by DHCP, then $ROUNDS times TCP and
# small packets, both ways, $SECS seconds each. Lines "rate NAME N" of card
# $CASE; "mark" lines around each transfer tell the host to look at its counters.
. /lab/lab.sh
. /lab/net-lib.sh
for d in $DRIVER; do modprobe "$d" || exit 1; done
wait_for 10 test -d /sys/class/net/eth0
net_up eth0 >/dev/null && net_ping >/dev/null || { ip a; exit 1; }
if [ "$CASE" = assigned ] || [ "$CASE" = own ]; then
	grep eth0 /proc/interrupts | grep -q MSI || { echo "no MSI"; exit 1; }
fi
round=0
while [ $((round += 1)) -le "$ROUNDS" ]; do
	for way in tcp_tx tcp_rx udp_tx udp_rx; do
		echo "mark $way start $(packets)"
		transfer $way $CASE || exit 1
		echo "mark $way end $(packets)"
	done
done
