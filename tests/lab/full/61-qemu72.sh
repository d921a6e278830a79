#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Debian 12's QEMU 7.2 with our series as the VMM: the guest drives the host's
# e1000e, rogue DMA gives the QMP event, and the monitor's commands see a
# quarantined card and bring it back. The series is that for 10.0.
. "$(dirname "$0")/../lib.sh"
binary=$(tools/lab/qemu-build 7.2) || exit 1
cp "$binary" build/lab/qemu-7.2.bin
port() { tools/lab/qemu-port --check; }
point "the series for 7.2 is the one for 10.0" port
point "it is 7.2" grep -q 'QEMU emulator version 7\.2' <("$binary" --version)
boot host --iperf --timeout 300 --file build/lab/qemu-7.2.bin <<'JOB'
. /lab/steps.sh
printf '#!/bin/sh\nexec /lab/qemu-7.2.bin -L /usr/share/qemu "$@"\n' >/bin/qemu-7.2
chmod +x /bin/qemu-7.2
export VMM=7.2
step_iommu && load_kvm || exit 1
step_assigned || exit 1
step_rogue || exit 1

# what stands in the way is named, as by 10.0
pci_release $EDU
qemu-7.2 -M q35 -accel kvm -m 64 -display none -nodefaults -pcidevice host=00:05.0 >/tmp/refused 2>&1 </dev/null
ok "a card without pci-assign is refused, with the commands" grep -q "backplane bind 0000:00:05.0" /tmp/refused || cat /tmp/refused
qemu-7.2 -M q35 -accel kvm -m 64 -display none -nodefaults -pcidevice host=00:05.0,dma=none >/tmp/refused 2>&1 </dev/null
ok "dma=none is refused" grep -q "dma=none is refused" /tmp/refused

rmmod pci-assign
ok "pci-assign loads with a low bar for storms" load pci-assign storm_count=3 storm_ms=60000 || exit 1
ok "edu moves to it" pci_bind $EDU pci-assign || exit 1
cat >/tmp/storm <<'GUEST'
. /lab/lab.sh
echo "mark up"
edu=$(for d in /sys/bus/pci/devices/*; do
	[ "$(cat "$d/vendor")$(cat "$d/device")" = 0x12340x11e8 ] && basename "$d"; done)
ok "the guest has edu" edupoke "$edu" self || exit 1
for i in 1 2 3 4; do edupoke "$edu" write 0x30000000 1; done
fail_self() { ! edupoke "$edu" self; }
ok "the card is cut off" wait_for 10 fail_self
echo "mark stormed"
ok "the card works again" wait_for 60 edupoke "$edu" self
GUEST
qmp() # COMMAND...: at once, for the guest goes on meanwhile
{
	{ echo '{"execute":"qmp_capabilities"}'; sleep 0.5; printf '%s\n' "$@"; sleep 1; } |
		socat -t 2 - UNIX-CONNECT:/tmp/q2 | tr -d '\r'
}
(
	wait_for 90 grep -q stormed /tmp/marks
	qmp '{"execute":"query-pci-assign"}' >/tmp/query1
	qmp '{"execute":"human-monitor-command","arguments":{"command-line":"info pci-assign"}}' >/tmp/info
	qmp '{"execute":"pci-assign-recover","arguments":{"qom-path":"nobody"}}' >/tmp/nobody
	qmp '{"execute":"pci-assign-recover","arguments":{"qom-path":"edu"}}' \
		'{"execute":"query-pci-assign"}' >/tmp/recover
) &
rm -f /tmp/guest.qmp
qmp_listen >/tmp/qmp.log 2>&1 &
listener=$!
: >/tmp/marks
run_guest --mem 256 /tmp/storm -- $(assign_args $EDU edu) -qmp unix:/tmp/q2,server=on,wait=off
ok "the guest's script ended well" test "$guest_rc" = 0
kill $listener
wait
ok "an event told of the quarantine" grep -q 'PCI_ASSIGN_FAULT.*"state": "quarantined"' /tmp/qmp.log
ok "query-pci-assign showed it" grep -q '"state": "quarantined"' /tmp/query1
ok "so did info pci-assign" grep -q 'edu: host 0000:00:05.0, quarantined' /tmp/info
ok "nobody cannot be recovered" grep -q "no assigned card is called 'nobody'" /tmp/nobody
ok "pci-assign-recover did its work" test "$(grep -c '"return": {}' /tmp/recover)" = 2	# after qmp_capabilities'
ok "query-pci-assign shows the card attached" grep -q '"state": "attached"' /tmp/recover
for f in query1 info nobody recover; do tail -n 1 /tmp/$f | sed "s/^/# $f: /"; done
step_teardown
JOB
rm -f build/lab/qemu-7.2.bin
finish
