#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VMMs that are killed while a card writes for them, $KILLS times (20, or what
# KILLS= says): the card is blocked when the kill is over, never
# writes where it no longer may, and nothing stays pinned or allocated. Then
# QEMU itself is killed under a guest's transfers, and the host's driver takes
# the card over.
. "$(dirname "$0")/../lib.sh"
KILLS=${KILLS:-20} QEMU_KILLS=${QEMU_KILLS:-1}
boot host --timeout $((200 + KILLS * 2 + QEMU_KILLS * 90)) \
	--env KILLS="$KILLS" --env QEMU_KILLS="$QEMU_KILLS" \
	--arg -netdev --arg "user,id=n11,net=10.0.11.0/24,guestfwd=tcp:10.0.11.100:7-cmd:head -c 1048576" \
	--device e1000e,netdev=n11,addr=07.0,romfile= <<'JOB'
. /lab/life.sh
A=0000:00:07.0
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm && ok "pci-assign loads with a low bar for storms" load pci-assign storm_count=3 storm_ms=60000 || exit 1
modprobe e1000e
wait_for 10 test -d /sys/bus/pci/devices/$A/net
for c in $A $EDU; do ok "$c moves to pci-assign" backplane bind $c || exit 1; done
one_kill()
{
	rm -f /tmp/hold.out
	cardtest $EDU hold >/tmp/hold.out &
	p=$!
	wait_for 20 grep -q holding /tmp/hold.out || { cat /tmp/hold.out; return 1; }
	kill -9 $p
	wait $p 2>/dev/null
	# what close() promises: by now the card is nobody's
	[ "$(cat /sys/class/backplane/$EDU/state)" = blocked ] || { echo "not blocked after kill $1"; return 1; }
}
kills() # N
{
	_k=0
	while [ $_k -lt $1 ]; do
		_k=$((_k + 1))
		one_kill $_k || return 1
	done
}
strayed() { cat /sys/class/backplane/*/faults | awk '{ s += $1 } END { print s + 0 }'; }

ok "5 kills, to warm up" kills 5
before=$(kernel_kb) strays=$(strayed)
ok "$KILLS VMMs are killed under DMA; the card is blocked each time" kills $KILLS
ok "the card never strayed" test "$(strayed)" = "$strays"
ok "no page stays pinned" no_pins
more=$(($(kernel_kb) - before))
ok "the kernel has not grown by it ($more KiB)" test $more -lt $((2048 + KILLS * 2))
cardtest $EDU >/tmp/again.out
ok "the card works as before" sh -c '! grep "^not ok" /tmp/again.out'
strays=$(strayed)	# some of what it tests are faults

k=0
while [ $k -lt $QEMU_KILLS ]; do
	k=$((k + 1))
	ok "a guest with a card works ($k)" vm one -pcidevice host=${A#0000:} || exit 1
	ok "its transfers run ($k)" says one "echo eth0" 100 || exit 1
	kill -9 $(cat /tmp/one.pid)
	eval "wait \$vm_one; kill \$ev_one"
	ok "QEMU is killed in the middle of them: the card is blocked ($k)" \
		wait_for 5 sh -c "backplane status | grep -q '$A *blocked'"
	ok "no page stays pinned ($k)" no_pins
done
ok "it never strayed either" test "$(strayed)" = "$strays"
ok "the host's driver has it back" sh -c "backplane release $A | grep -q e1000e"
wait_for 10 test -d /sys/bus/pci/devices/$A/net
ok "and works" sh -c ". /lab/lab.sh; net_up \$(ifname $A) && net_ping 10.0.11.2"
ok "edu goes back" backplane release $EDU
JOB
finish
