# SPDX-License-Identifier: GPL-2.0
# In the guest: the network runs, and meanwhile the edu card is told to write
# and to read where this guest owns nothing ($ROGUE_WRITES, $ROGUE_READS: DMA
# addresses). Then both cards must still work. TRANSFER=no: no network.
. /lab/lab.sh
echo "mark up"
edu=$(for d in /sys/bus/pci/devices/*; do
	[ "$(cat "$d/vendor")$(cat "$d/device")" = 0x12340x11e8 ] && basename "$d"; done)
ok "the guest sees the edu card at ${edu:-nowhere}" test -n "$edu" || exit 1
ok "its DMA inside the guest works" edupoke "$edu" self
echo "mark look start"
ok "100,000 reads of a register of the card" edupoke "$edu" look 100000
echo "mark look end"
if [ "$TRANSFER" != no ]; then
	modprobe e1000e
	ok "the network is up" net_up eth0 || exit 1
	( iperf tx 8 >/tmp/rate || echo failed >/tmp/rate ) &
	sleep 1
fi
for a in $ROGUE_WRITES; do
	ok "the card was told to write to $a" edupoke "$edu" write "$a" 0xdeadbeef
done
for a in $ROGUE_READS; do
	out=$(edupoke "$edu" read "$a"); echo "# $out"
	case $out in
	"read 00000000 "*|"read ffffffff "*) pass "a read of $a brings nothing home" ;;
	*) fail "a read of $a brings nothing home" "$out" ;;
	esac
done
if [ "$TRANSFER" != no ]; then
	wait
	rate=$(cat /tmp/rate)
	ok "the network transfer kept running meanwhile ($rate Mbit/s)" awk -v r="$rate" 'BEGIN { exit !(r + 0 > 0) }'
	ok "10.0.2.2 still answers ping" net_ping
fi
ok "edu's DMA inside the guest still works" edupoke "$edu" self
