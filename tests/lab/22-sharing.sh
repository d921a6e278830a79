#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What cards share. One interrupt line, three cards: two are a guest's, the third is the host's
# own. All work at once; then the guest stops in the middle of its traffic, so
# that nobody ends its interrupts, and the host's card must not notice. And cards
# of one IOMMU group: two functions of one card, two cards behind root ports
# without access control (ACS), two behind a switch without it.
. "$(dirname "$0")/lib.sh"
args=()
for n in 61:07 62:0b 63:0f; do
	args+=(--arg -netdev --arg "user,id=n${n%:*},net=10.0.${n%:*}.0/24,guestfwd=tcp:10.0.${n%:*}.100:7-cmd:head -c 1048576"
		--device "e1000,netdev=n${n%:*},addr=${n#*:}.0,romfile=")
done
# and two functions of one card, which only go together
for n in 64:09.0 65:09.1; do
	args+=(--arg -netdev --arg "user,id=n${n%:*}"
		--device "e1000,netdev=n${n%:*},addr=${n#*:},multifunction=on,romfile=")
done
# two cards behind root ports of one slot that have no access control (ACS), and
# two behind a switch, below a port that has
args+=(--device pcie-root-port,id=d1,chassis=10,slot=1,addr=0a.0,multifunction=on,disable-acs=on
	--device pcie-root-port,id=d2,chassis=11,slot=2,addr=0a.1,disable-acs=on
	--device pcie-root-port,id=rp,chassis=12,slot=3,addr=0c.0
	--device x3130-upstream,id=up,bus=rp
	--device xio3130-downstream,id=d3,bus=up,chassis=13,slot=4,addr=00.0
	--device xio3130-downstream,id=d4,bus=up,chassis=14,slot=5,addr=01.0)
for n in 1 2 3 4; do
	args+=(--arg -netdev --arg "user,id=n7$n" --device "e1000e,netdev=n7$n,bus=d$n,romfile=")
done
boot host --cards --timeout 300 "${args[@]}" <<'JOB'
. /lab/steps.sh
A=0000:00:07.0 B=0000:00:0b.0 C=0000:00:0f.0
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm && load_assign || exit 1
ok "the host's e1000 loads" modprobe e1000
for c in $A $B; do ok "$c moves to pci-assign" pci_bind $c pci-assign || exit 1; done
own=$(ifname $C)
ok "the host's own card is up" net_up "$own" || exit 1

{ run_guest --timeout 200 --env NETS="61 62" /lab/guest-shared.sh -- \
	-device pci-assign,host=${A#0000:},addr=03.0 -device pci-assign,host=${B#0000:},addr=07.0
} >/tmp/shared.out 2>&1 &
runner=$!
line=$(awk -v i="$own" '$0 ~ i"$" || $0 ~ i"," { sub(":", "", $1); print $1 }' /proc/interrupts)
on_line() { awk -v n="$line:" '$1 == n { s = 0; for (i = 2; i <= 3; i++) s += $i; print s }' /proc/interrupts; }
ok "the guest's cards start their traffic" wait_for 120 grep -q 'round 1' /tmp/marks || { cat /tmp/shared.out; exit 1; }
users=$(awk -v n="$line:" '$1 == n' /proc/interrupts | grep -o pci-assign-intx | grep -c .)
ok "line $line has the host's card and both of the guest's" test "$users" = 2 || cat /proc/interrupts
ok "meanwhile the host's card loses nothing" sh -c "ping -c 8 -W 5 10.0.63.2 | tee /dev/stderr | grep -q ' 0% packet loss'"

ok "the second round starts" wait_for 120 grep -q 'round 2' /tmp/marks
qmp() # COMMAND EVENT
{
	: >/tmp/qmp.out
	{ echo '{"execute":"qmp_capabilities"}'; echo "{\"execute\":\"$1\"}"; wait_for 20 grep -q "\"$2\"" /tmp/qmp.out; } |
		socat -t 2 - UNIX-CONNECT:/tmp/guest.qmp >>/tmp/qmp.out 2>&1
	grep -q "\"$2\"" /tmp/qmp.out || { cat /tmp/qmp.out; return 1; }
}
qmp stop STOP && pass "the guest stops in the middle of its traffic" || fail "the guest stops"
before=$(on_line)
ok "with the guest's interrupts unended the host's card loses nothing" \
	sh -c "ping -c 8 -W 5 10.0.63.2 | tee /dev/stderr | grep -q ' 0% packet loss'"
more=$(($(on_line) - before))
ok "and the line is quiet but for it ($more interrupts in 8 pings)" test $more -lt 200
qmp cont RESUME && pass "the guest goes on" || fail "the guest goes on"
wait $runner
cat /tmp/shared.out
ok "and its transfers end well" test "$(cat /tmp/guest.rc)" = 0
ok "the host's card still works" net_ping 10.0.63.2
for c in $A $B; do pci_release $c; done

F0=0000:00:09.0 F1=0000:00:09.1
dmesg -c >/dev/null
ok "a function is refused while the host drives another of its group" \
	sh -c ". /lab/lab.sh; ! pci_bind $F0 pci-assign"
ok "the log names the other, its driver and the command" \
	sh -c "dmesg | grep '$F0.*$F1.*bound to e1000; as root: echo $F1 > /sys/bus/pci/drivers/e1000/unbind'"
ok "and why they are together" sh -c "dmesg | grep '$F0.*not isolated from each other'"
ok "that command" sh -c "echo $F1 >/sys/bus/pci/drivers/e1000/unbind"
for c in $F0 $F1; do ok "then $c moves to pci-assign" pci_bind $c pci-assign; done
for c in $F0 $F1; do pci_release $c; done

modprobe e1000e
group_of() { basename $(readlink /sys/bus/pci/devices/$1/iommu_group); }
# WHAT CARD CARD
go_together()
{
	ok "two cards behind $1 ($2 and $3)" test $# = 3 -a -e /sys/bus/pci/devices/$3/driver
	ok "they are one group" test "$(group_of $2)" = "$(group_of $3)"
	dmesg -c >/dev/null
	ok "one of them is refused while the host drives the other" sh -c ". /lab/lab.sh; ! pci_bind $2 pci-assign"
	ok "the log names the other, its driver and the command" \
		sh -c "dmesg | grep '$2.*$3.*bound to e1000e; as root: echo $3 > /sys/bus/pci/drivers/e1000e/unbind'" || dmesg
	ok "and the bridge that lacks ACS" sh -c "dmesg | grep '$2.*bridge 0000:.* lacks access control (ACS)'" || dmesg
	ok "not that a port's driver were in the way" sh -c "! dmesg | grep 'bound to pcieport; as root'"
	backplane bind $2 >/tmp/refused 2>&1
	ok "so does the command" grep -q "$3 (driver e1000e).*bind --group" /tmp/refused || cat /tmp/refused
	ok "with the bridge" grep -q "bridge 0000:.* lacks ACS" /tmp/refused
	ok "which takes both" sh -c "backplane bind --group $2 && backplane status | tee /dev/stderr | grep -c '0000:.*blocked' | grep -qx 2"
	ok "and gives both back" backplane release --all
}
below() { (cd /sys/bus/pci/devices && for d in $1; do basename $d; done); }
go_together "root ports of one slot without ACS" $(below "0000:00:0a.*/0000:??:00.0")
go_together "a switch without ACS" $(below "0000:00:0c.0/0000:??:00.0/0000:??:0[01].0/0000:??:00.0")
alone=$(below "0000:00:0c.0")
ok "the port above the switch has ACS and is not of its group" \
	test "$(group_of $alone)" != "$(group_of $(below "0000:00:0c.0/0000:??:00.0/0000:??:00.0"))"

ok "the cards work on the host again" sh -c ". /lab/steps.sh; wait_for 10 test -d /sys/bus/pci/devices/$A/net; net_up \$(ifname $A) && net_ping 10.0.61.2"
JOB
finish
