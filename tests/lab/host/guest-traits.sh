# SPDX-License-Identifier: GPL-2.0
# In the guest of tests/lab/full/27-traits.sh: a network card by its line ("a" in
# slot 03), then edu (slot 04) does what it must not, in steps that the host
# follows by marks and ends by what it does to the card.
. /lab/lab.sh
echo "mark up"
NIC=0000:00:03.0 EDU=0000:00:04.0
modprobe e1000e IntMode=0
ok "the guest's driver has its card" wait_for 20 test -d /sys/bus/pci/devices/$NIC/net
eth=$(ifname $NIC)
ok "the network is up" net_up "$eth"
ok "10.0.2.2 answers ping" net_ping 10.0.2.2 10
ok "the guest uses the line" sh -c "grep $eth /proc/interrupts | grep -q IO-APIC"
for cpu in 1 0; do
	irq=$(awk -v e="$eth" '$NF == e { sub(":", "", $1); print $1 }' /proc/interrupts)
	echo $cpu >/proc/irq/$irq/smp_affinity_list
	net_ping >/dev/null
	before=$(awk -v n="$irq:" -v c=$((cpu + 2)) '$1 == n { print $c }' /proc/interrupts)
	net_ping 10.0.2.2 5 >/dev/null
	after=$(awk -v n="$irq:" -v c=$((cpu + 2)) '$1 == n { print $c }' /proc/interrupts)
	ok "its interrupts go to CPU $cpu when told ($((after - before)) more)" test "$after" -gt "$before"
done

back() { wait_for 60 edupoke $EDU self; }
ok "edu works" edupoke $EDU self
echo "mark quarantine"
edupoke $EDU write 0x70000000 1
ok "cut off at its first stray write, it is back when the host has reset it" back
echo "mark pause"
edupoke $EDU write 0x70000000 2
ok "stopped for the second, the guest goes on" edupoke $EDU self
echo "mark stray"
ok "edu sends messages that are no interrupts" edupoke $EDU stray 5
echo "mark end"
