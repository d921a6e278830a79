#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest whose card comes and goes while it works: device_add and device_del
# in the middle of transfers, the guest's reset, stop and cont; migration and
# savevm, which are refused with the card's name; and the host's driver, which
# has the card again at the end.
. "$(dirname "$0")/../lib.sh"
boot host --timeout 300 \
	--arg -netdev --arg "user,id=n11,net=10.0.11.0/24,guestfwd=tcp:10.0.11.100:7-cmd:head -c 1048576" \
	--device e1000e,netdev=n11,addr=07.0,romfile= <<'JOB'
. /lab/life.sh
A=0000:00:07.0
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm && load_assign || exit 1
modprobe e1000e
wait_for 10 test -d /sys/bus/pci/devices/$A/net
ok "the card moves to pci-assign" backplane bind $A || exit 1
counts | grep -v irqs >/tmp/counts.before
ok "a guest starts without a card" vm one || exit 1
ok "it is up" says one up 60 || exit 1

for n in 1 2; do
	ok "plugged in ($n)" plug one $A nic rp1 || { cat /tmp/one.err; exit 1; }
	ok "the guest's driver works with it ($n)" says one "on eth0" 60 $((n - 1)) || exit 1
	ok "and 1 MiB came back as it went ($n)" says_more one "echo eth0"
	ok "device_del in the middle of a transfer ($n)" unplug one nic
	ok "the guest lets go ($n)" wait_for 60 more_events one DEVICE_DELETED nic $((n - 1)) || exit 1
	ok "and says so ($n)" says one "off eth0" 20 $((n - 1))
	ok "the card is nobody's, and blocked ($n)" sh -c "backplane status | grep -q '$A *blocked'"
done
ok "its pages are not pinned any more" no_pins
ok "plugged in once more" plug one $A nic rp2
ok "it works in the other slot" says one "on eth0" 60 2

tell one '{"execute":"migrate","arguments":{"uri":"exec:cat >/dev/null"}}' >/tmp/refused
ok "migration is refused, the card named" grep -q "host device $A" /tmp/refused || cat /tmp/refused
tell one '{"execute":"human-monitor-command","arguments":{"command-line":"savevm one"}}' >/tmp/refused
ok "so is savevm" grep -q "host device $A" /tmp/refused || cat /tmp/refused

ok "stop in the middle of a transfer" tell one '{"execute":"stop"}'
quiet=$(said one "echo eth0")
sleep 2
ok "the guest stands still" test "$(said one "echo eth0")" = "$quiet"
ok "cont" tell one '{"execute":"cont"}'
ok "the transfers go on" says_more one "echo eth0"

ok "system_reset in the middle of a transfer" tell one \
	'{"execute":"set-action","arguments":{"reboot":"reset"}}' '{"execute":"system_reset"}'
ok "the guest starts anew" says one up 60 1
ok "its driver finds the card as after power-on" says one "on eth0" 60 3
ok "and works" says_more one "echo eth0"
ok "no transfer ended badly" sh -c '! grep -a "mark bad" /tmp/one.out'
ok "and the card never strayed" test "$(vm_faults)" = 0
end_vm one
ok "the card is blocked again" sh -c "backplane status | grep -q '$A *blocked'"
counts | grep -v irqs >/tmp/counts.after
ok "nodes, groups and pinned pages are as before" cmp /tmp/counts.before /tmp/counts.after
ok "the host's driver has it back" sh -c "backplane release $A | grep -q e1000e"
wait_for 10 test -d /sys/bus/pci/devices/$A/net
ok "and works" sh -c ". /lab/lab.sh; net_up \$(ifname $A) && net_ping 10.0.11.2"
[ ! -s /tmp/one.err ] || sed 's/^/# qemu: /' /tmp/one.err
JOB
finish
