# SPDX-License-Identifier: GPL-2.0
# In a guest with a virtio disk and a virtio network card served by vhost-net.
. /lab/lab.sh
echo "mark up"
for m in virtio_pci virtio_net virtio_blk; do ok "$m loads" modprobe $m; done
wait_for 10 test -b /dev/vda
wait_for 10 test -d /sys/class/net/eth0
dd if=/dev/urandom of=/tmp/data bs=1M count=12 2>/dev/null
ok "12 MiB are written to the disk" dd if=/tmp/data of=/dev/vda bs=64k conv=fsync
echo 3 >/proc/sys/vm/drop_caches
ok "and read back as they were" sh -c 'dd if=/dev/vda bs=64k count=192 iflag=direct 2>/dev/null | cmp - /tmp/data'
ip addr add 10.77.0.2/24 dev eth0 && ip link set eth0 up
ok "the host answers" wait_for 20 ping -c 1 -W 1 10.77.0.1
for way in "" -R; do
	ok "TCP for 3 s${way:+, the other way}" timeout 30 iperf3 -c 10.77.0.1 -t 3 -f m $way
	note "$(awk '/receiver/ { print $7, $8 }' /tmp/ok.out)"
done
ok "by MSI-X" grep -q 'MSI.*virtio.*input' /proc/interrupts
