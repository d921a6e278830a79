#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several cards in a VM and several VMs, run by a user who is not root: the
# limit on locked memory is looked at before anything starts, guest RAM counts
# once however many cards there are, and two VMs exchange their cards while both
# work.
. "$(dirname "$0")/../lib.sh"
args=()
for n in 11:07 12:08 13:09; do
	args+=(--arg -netdev --arg "user,id=n${n%:*},net=10.0.${n%:*}.0/24,guestfwd=tcp:10.0.${n%:*}.100:7-cmd:head -c 1048576"
		--device "e1000e,netdev=n${n%:*},addr=${n#*:}.0,romfile=")
done
boot host --timeout 300 "${args[@]}" <<'JOB'
. /lab/life.sh
A=0000:00:07.0 B=0000:00:08.0 C=0000:00:09.0
echo 'lab:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
ok "iommu-amd loads" load iommu-amd || exit 1
load_kvm && load_assign || exit 1
chmod 666 /dev/kvm
modprobe e1000e
wait_for 10 test -d /sys/bus/pci/devices/$C/net
for c in $A $B $C; do ok "$c is bound, its node is lab's" backplane bind --owner lab $c || exit 1; done
counts | grep -v irqs >/tmp/counts.before

qemu_says() # LIMIT-KIB MIB: what QEMU, run by lab, says of a guest with a card
{
	(ulimit -l $1; timeout 20 su -s /bin/sh lab -c "qemu-patched -M q35 -accel kvm -cpu host -m $2 \
		-nodefaults -display none -pcidevice host=${A#0000:}" 2>&1)
}
qemu_says 65536 256 >/tmp/limit.out
ok "a limit of 64 MiB is refused for 256 MiB of RAM, both named, and the remedy" \
	sh -c "grep -q '256 MiB of RAM pinned, and RLIMIT_MEMLOCK is 65536 KiB' /tmp/limit.out && grep -q 'ulimit -l 327680' /tmp/limit.out" || cat /tmp/limit.out
ok "before the card was touched" sh -c "! dmesg | grep '07.0.*attached'"
ok "doctor says the same to that user" sh -c \
	"ulimit -l 65536; su -s /bin/sh lab -c 'backplane doctor --memory 256M' | grep -q 'FAIL.*memlock'"

# both as lab, with a limit that RAM fits into once
VM_USER=lab
ulimit -l 327680
ok "two guests start, run by lab" vm one -device pci-assign,host=$A,id=a,bus=rp1 &&
	ok "(the second)" vm two -device pci-assign,host=$B,id=b,bus=rp1 || { cat /tmp/one.err /tmp/two.err; exit 1; }
ok "the first works with $A" says one "echo eth0 [0-9]* 10.0.11" 100 || exit 1
ok "the second with $B" says two "echo eth0 [0-9]* 10.0.12" 100 || exit 1
ok "their processes are lab's" test "$(stat -c %u /proc/$(cat /tmp/one.pid))" = 1000
locked() { awk '/^VmLck/ { print $2 }' /proc/$(cat /tmp/$1.pid)/status; }
one=$(locked one)
ok "a guest of 256 MiB has $((one / 1024)) MiB locked" test $((one / 1024)) -ge 256 -a $((one / 1024)) -le 320
ok "a second card for the first guest" plug one $C c rp2
ok "both of its cards work" says one "echo eth1 [0-9]* 10.0.13" 60
ok "and no more is locked" test "$(locked one)" = "$one"

ok "the first gives $A up" unplug one a
ok "the second gives $B up" unplug two b
ok "both are free" sh -c ". /lab/life.sh; wait_for 60 event one DEVICE_DELETED '\"a\"' && wait_for 60 event two DEVICE_DELETED '\"b\"'"
ok "they are exchanged" plug one $B b rp1
ok "(the other)" plug two $A a rp1
ok "the first works with $B" says one "echo eth0 [0-9]* 10.0.12" 60
ok "the second with $A" says two "echo eth0 [0-9]* 10.0.11" 60
ok "the third card worked on meanwhile" says_more one "echo eth1 [0-9]* 10.0.13"
ok "still no more is locked" test "$(locked one)" = "$one"
ok "no transfer ended badly" sh -c '! grep -a "mark bad" /tmp/one.out /tmp/two.out'
ok "no card strayed" test "$(vm_faults)" = 0
tell one '{"execute":"query-pci-assign"}' >/tmp/query
ok "QEMU knows which cards it has" sh -c "grep -q '$B' /tmp/query && grep -q '$C' /tmp/query && ! grep -q '$A' /tmp/query"
backplane status >/tmp/status
ok "and status, which VM has which card" sh -c "[ \$(grep -c 'attached.*qemu-patched' /tmp/status) = 3 ]" || cat /tmp/status
end_vm one; end_vm two
counts | grep -v irqs >/tmp/counts.after
ok "nodes, groups and pinned pages are as before" cmp /tmp/counts.before /tmp/counts.after
ok "all go back" sh -c "backplane release --all | grep -c 'driver: e1000e' | grep -qx 3"
JOB
finish
