#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Paravirtual devices through ioeventfd and irqfd: Debian's unpatched QEMU with a
# virtio disk in a thread of its own, and a virtio network card that the host's
# vhost-net serves without QEMU.
. "$(dirname "$0")/lib.sh"
boot host --cards --timeout 240 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
ok "vhost-net loads" modprobe vhost_net
modprobe tun
tunctl -t tap0 >/dev/null && ip addr add 10.77.0.1/24 dev tap0 && ip link set tap0 up
iperf3 -s >/dev/null 2>&1 & server=$!
dd if=/dev/zero of=/tmp/disk bs=1M count=16 2>/dev/null
run_guest --vmm debian --timeout 150 /lab/guest-virtio.sh -- \
	-object iothread,id=io -drive if=none,id=d,file=/tmp/disk,format=raw \
	-device virtio-blk-pci,drive=d,iothread=io \
	-netdev tap,id=n,ifname=tap0,script=no,downscript=no,vhost=on \
	-device virtio-net-pci,netdev=n,romfile=
ok "the guest came to its end (${guest_boot:-no} s)" test "$guest_rc" = 0 -a -n "$guest_boot"
kill $server
[ "$STACK" = ours ] || exit 0
for m in svm kvm-core; do ok "$m unloads" rmmod $m; done
JOB
finish
