#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What QEMU's device is told and tells: refusals that name who is in the way and
# the command, prefer_msi, share_intx, configfd, fault-action, bootindex; the
# events of quarantine, recovery and interrupt trouble; info and query. Between
# them random steps of re-routing and firing, of which no interrupt may be lost or
# doubled (28-irq-steps.sh makes many).
. "$(dirname "$0")/../lib.sh"
# Two disks whose first sector says its letter on the serial line (8086 code:
# ds = 0, each byte behind it to port 3f8h, halt).
for l in A B; do
	img=build/lab/boot-$l.img
	rm -f $img
	printf '\061\300\216\330\272\370\003\276\025\174\254\204\300\164\003\356\353\370\364\353\375booted from %s\r\n\0' $l >$img
	truncate -s 510 $img
	printf '\125\252' >>$img
	truncate -s 16M $img
done
boot host --timeout 300 \
	--arg -netdev --arg user,id=n1 --device rtl8139,netdev=n1,addr=08.0,romfile= \
	--arg -drive --arg if=none,id=da,format=raw,file=build/lab/boot-A.img --device nvme,drive=da,serial=a,addr=06.0 \
	--arg -drive --arg if=none,id=db,format=raw,file=build/lab/boot-B.img --device nvme,drive=db,serial=b,addr=07.0 <<'JOB'
. /lab/life.sh
DISK_A=0000:00:06.0 DISK_B=0000:00:07.0 RTL=0000:00:08.0
QEMU="qemu-patched -M q35 -accel kvm -cpu host -m 64 -nodefaults -display none"
refuses() # WORDS ARGUMENTS: QEMU ends, and says so
{
	_words=$1; shift
	timeout 20 $QEMU -S "$@" >/tmp/refused 2>&1 </dev/null
	_rc=$?
	[ $_rc = 1 ] && tr '\n' ' ' </tmp/refused | grep -qE -- "$_words" && return 0
	echo "ended with $_rc, wanted '$_words':"
	cat /tmp/refused
	return 1
}
give() { echo "-device pci-assign,host=${1#0000:}$2"; }
load iommu-amd && load_kvm || exit 1
ok "pci-assign loads with a low bar for storms" load pci-assign storm_count=3 storm_ms=60000 || exit 1
modprobe e1000e
echo 'lab:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
chmod 666 /dev/kvm

ok "a card of the host's is refused with its driver and the command" \
	refuses "driver 'e1000e'.*backplane bind $NIC" $(give $NIC)
ok "a card of no driver with the command" refuses "no driver.*backplane bind $EDU" $(give $EDU)
ok "a bridge as such" refuses "is a bridge" $(give 0000:00:1f.0)
for c in $NIC $EDU $DISK_A $DISK_B $RTL; do ok "$c is bound" backplane bind $c || exit 1; done
cardtest $EDU hold >/tmp/hold.out & p=$!
wait_for 20 grep -q holding /tmp/hold.out
ok "a card in use, with the process that has it and the command" \
	refuses "process $p cardtest.*backplane release --force $EDU" $(give $EDU)
kill -9 $p; wait $p
cardtest $EDU storm >/tmp/hold.out & p=$!
wait_for 20 grep -q holding /tmp/hold.out
kill -9 $p; wait $p
ok "a quarantined one, with the way out" refuses "quarantined.*backplane recover $EDU" $(give $EDU)
ok "which works" backplane recover $EDU
ok "an unknown fault-action" refuses "fault-action.*'panic'" $(give $EDU ,fault-action=panic)
exec 8<>/dev/backplane/$NIC
ok "a descriptor of another card" refuses "another card.*/dev/backplane/$EDU" $(give $EDU ,configfd=8)
exec 8>&-
exec 8</proc/version
ok "a descriptor of a file" refuses "must be open for reading and writing" $(give $EDU ,configfd=8)
exec 8<&-
ok "a descriptor that is none" refuses "configfd" $(give $EDU ,configfd=77)
ok "both node and configfd" refuses "give one" $(give $EDU ,configfd=8,node=/dev/backplane/$EDU)
ok "dma=none" refuses "dma=none is refused" -pcidevice host=${NIC#0000:},dma=none
timeout 5 $QEMU -S $(give $RTL ,prefer_msi=on) >/tmp/refused 2>&1
ok "prefer_msi of a card without MSI has no effect, and that is said" grep -q "has no MSI" /tmp/refused || cat /tmp/refused

cardtest $EDU shuffle 2000

# A user who may not open the node, but was given it
exec 8<>/dev/backplane/$EDU
(ulimit -l 327680; exec su -s /bin/sh lab -c "exec $QEMU -S $(give $EDU ,configfd=8,id=edu) -qmp unix:/tmp/fd.qmp,server=on,wait=off -pidfile /tmp/fd.pid") >/tmp/fd.out 2>&1 &
exec 8>&-
wait_for 20 test -S /tmp/fd.qmp
tell fd '{"execute":"query-pci-assign"}' >/tmp/query
ok "configfd: QEMU of another user works with the open node" grep -q "\"host\": \"$EDU\"" /tmp/query || cat /tmp/fd.out
ok "though it may not open it" test "$(stat -c %u:%a /dev/backplane/$EDU)" = 0:600
tell fd '{"execute":"quit"}' >/dev/null
wait

for pair in A:$DISK_A:$DISK_B B:$DISK_B:$DISK_A; do
	l=${pair%%:*}; first=${pair#?:}; second=${first#????:??:??.?:}; first=${first%:????:??:??.?}
	rm -f /tmp/boot.out
	$QEMU -serial file:/tmp/boot.out $(give $second ,bootindex=2) $(give $first ,bootindex=1) 2>/dev/null &
	p=$!
	ok "bootindex=1: the firmware boots from disk $l" wait_for 60 grep -q "booted from $l" /tmp/boot.out
	kill $p; wait $p
done

rm -f /tmp/one.*
tap_guest()
{
	guest --timeout 200 --mem 256 --log /tmp/one.log --qmp /tmp/one.qmp --pidfile /tmp/one.pid \
		/lab/guest-traits.sh -- $(give $NIC ,id=nic,addr=03.0,prefer_msi=on,share_intx=off) \
		$(give $EDU ,id=edu,addr=04.0,fault-action=quarantine) \
		-chardev socket,id=ev,path=/tmp/one.events,server=on,wait=off -mon chardev=ev,mode=control
}
tap_guest >/tmp/one.out 2>/tmp/one.err &
runner=$!
wait_for 30 test -S /tmp/one.events || { cat /tmp/one.err; exit 1; }
{ echo '{"execute":"qmp_capabilities"}'; sleep 1000; } | socat -t 1000 - UNIX-CONNECT:/tmp/one.events >/tmp/one.log.events 2>/dev/null &
listener=$!

ok "the guest comes to its quarantine" says one quarantine 120 || exit 1
n=$(irq_total "pci-assign:$NIC")
ok "its card sent messages where it saw a line ($n); the one line in use is edu's" test "$n" -gt 20 -a "$(grep -o pci-assign-intx /proc/interrupts | wc -l)" = 1 ||
	grep pci-assign /proc/interrupts
ok "the fault is told" wait_for 10 event one PCI_ASSIGN_FAULT "\"action\": \"quarantine\""
ok "the quarantine is told" wait_for 10 event one PCI_ASSIGN_QUARANTINED "$EDU"
ok "and why in the log" sh -c "dmesg | grep '05.0.*quarantined: its first fault'"
tell one '{"execute":"human-monitor-command","arguments":{"command-line":"info pci-assign"}}' >/tmp/info
ok "info pci-assign shows it" grep -q "edu: host $EDU, quarantined, [0-9]* faults" /tmp/info || cat /tmp/info
ok "from here on a fault shall pause the guest" tell one '{"execute":"qom-set","arguments":{"path":"edu","property":"fault-action","value":"pause"}}'
ok "pci-assign-recover" tell one '{"execute":"pci-assign-recover","arguments":{"qom-path":"edu"}}'
ok "the recovery is told" wait_for 10 event one PCI_ASSIGN_RECOVERED "$EDU"
ok "the second fault stops the guest" wait_for 60 event one STOP
tell one '{"execute":"query-status"}' >/tmp/query
ok "with status io-error" grep -q '"io-error"' /tmp/query || cat /tmp/query
ok "it goes on" tell one '{"execute":"cont"}'
ok "lost interrupts are told" wait_for 60 event one PCI_ASSIGN_INTERRUPT_TROUBLE "$EDU" || cat /tmp/one.log.events
tell one '{"execute":"query-pci-assign"}' >/tmp/query
ok "and counted" grep -q '"irqs-lost": [1-9]' /tmp/query || cat /tmp/query
wait $runner
kill $listener
grep -v ^mark /tmp/one.out
ok "the guest came to its end" grep -q "mark end" /tmp/one.out
sed 's/^/# qemu: /' /tmp/one.err
for c in $NIC $EDU $DISK_A $DISK_B $RTL; do backplane release $c >/dev/null; done
ok "no page stays pinned" no_pins
JOB
finish
