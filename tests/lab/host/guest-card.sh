# SPDX-License-Identifier: GPL-2.0
# In the guest: the card's own driver ($DRIVER, with $ARGS) does real work,
# checked by content; interrupts must be of the kind $KIND names in
# /proc/interrupts.
. /lab/lab.sh
echo "mark up"

network()
{
	wait_for 10 test -d /sys/class/net/eth0
	ok "$DRIVER: the link comes up and DHCP gives a lease" net_up eth0 || {
		dmesg | tail -n 15; cat /proc/interrupts; return 1; }
	ok "$DRIVER: 10.0.2.2 answers ping" net_ping || return 1
	ok "$DRIVER: big frames come back as they went" ping -c 3 -W 2 -s 1400 -p a5 10.0.2.2
}

disk()
{
	ok "$DRIVER: the disk is there" wait_for 10 test -b /dev/nvme0n1 || return 1
	dd if=/dev/urandom of=/tmp/a bs=64k count=32 2>/dev/null
	dd if=/tmp/a of=/dev/nvme0n1 bs=64k 2>/dev/null
	sync
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/nvme0n1 of=/tmp/b bs=64k count=32 2>/dev/null
	ok "$DRIVER: 2 MiB come back as they were written" cmp /tmp/a /tmp/b
}

ok "$DRIVER loads${ARGS:+ with $ARGS}" modprobe "$DRIVER" $ARGS || exit 1
case $DRIVER in
nvme) disk ;;
*) network ;;
esac || exit 1
ok "$DRIVER: its interrupts are $KIND" sh -c "grep -E 'eth0|nvme' /proc/interrupts | grep -q '$KIND'"
note "$(grep -E 'eth0|nvme' /proc/interrupts | tr -s ' ' | tr '\n' ';')"
[ -z "$STAY" ] || { echo "mark stay"; sleep "$STAY"; }
