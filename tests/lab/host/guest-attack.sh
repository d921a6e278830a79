# SPDX-License-Identifier: GPL-2.0
# In the guest: an edu card works (transfers within the guest, for $WORK
# seconds), then is told to write where the guest owns nothing ($TARGETS in turn,
# $WRITES times); then, once the host has plugged in an e1000e as the sign to go
# on, again and again until the card is gone. "mark works", "mark worked",
# "mark attacked N", "mark goes on", "mark gone N" tell the host how often.
. /lab/lab.sh
echo "mark up"
card() # VENDOR AND DEVICE
{
	for d in /sys/bus/pci/devices/*; do
		[ "$(cat "$d/vendor")$(cat "$d/device")" != "$1" ] || basename "$d"
	done 2>/dev/null | grep .
}
n=0
attack()
{
	for a in $(echo "$TARGETS" | tr , ' '); do
		edupoke "$CARD" write "$a" 0xdeadbeef >/dev/null 2>&1 || return 1
		n=$((n + 1))
	done
}
wait_for 60 card 0x12340x11e8 || exit 1
CARD=$(card 0x12340x11e8)
edupoke "$CARD" self >/dev/null || exit 1
echo "mark works"
end=$(($(cut -d. -f1 /proc/uptime) + WORK))
while [ "$(cut -d. -f1 /proc/uptime)" -lt $end ]; do edupoke "$CARD" self >/dev/null || exit 1; done
echo "mark worked"
while [ $n -lt "$WRITES" ]; do attack || exit 1; done
echo "mark attacked $n"
n=0
wait_for 120 card 0x80860x10d3 || exit 1
echo "mark goes on"
while [ -e "/sys/bus/pci/devices/$CARD" ]; do attack; done
echo "mark gone $n"
sleep 1000
