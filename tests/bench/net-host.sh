# SPDX-License-Identifier: GPL-2.0
# Throughput on the emulated host by the clock, two CPUs: the host's own, before
# and after a guest's with the card assigned to it ($STACK: ours or intree);
# then a guest's with virtio-net and with an emulated RTL8139, both bridged to
# the host's card. The assigned card is measured twice: once as QEMU does it by
# itself, once with CPUs that are the guest's own (-overcommit cpu-pm=on, "own").
# Lines "rate NAME N". ROUNDS of SECS seconds each. With CASES=assigned it ends after
# the first.
. /lab/steps.sh
. /lab/net-lib.sh

native()
{
	for way in tcp_tx tcp_rx udp_tx udp_rx; do
		echo "now native_$way start"
		transfer $way native || return 1
	done
}

CAUSES="irq_exits halt_exits irq_window_exits io_exits mmio_exits hypercalls msr_exits"

# Called at each mark of a guest ($line), which is told to who listens (profile-net).
more_counters()
{
	echo "now ${line#mark }" >&3
	for n in $CAUSES; do
		[ ! -e /sys/kernel/debug/kvm/$n ] || printf '%s=%s ' $n "$(cat /sys/kernel/debug/kvm/$n)"
	done
}

# What the marks say of exits: each second, and (TCP) each packet, both ways and
# one by one, and by cause (in-tree has no count of MSRs: they are the rest)
exits()
{
	awk -v c="$1" '
		$6 == "start" { t = $1; e = $2; p = $7; i = $3
			for (n = 8; n < NF; n++) { split($n, w, "="); at[w[1]] = w[2] } }
		$6 == "end" { T += $1 - t; E += $2 - e }
		$6 == "end" && $5 ~ /tcp/ {
			e1 += $2 - e; p1 += $7 - p; i1 += $3 - i
			ew[$5] += $2 - e; pw[$5] += $7 - p
			for (n = 8; n < NF; n++) { split($n, w, "="); by[w[1]] += w[2] - at[w[1]] } }
		END { if (T) printf "rate %s_exits %.0f\n", c, E / T
		      if (!p1) exit
		      printf "rate %s_exits_per_packet %.4f\n", c, e1 / p1
		      for (n in pw) if (pw[n]) printf "rate %s_%s_exits_per_packet %.4f\n", c, n, ew[n] / pw[n]
		      printf "rate %s_interrupts_per_packet %.4f\n", c, i1 / p1
		      for (n in by) printf "rate %s_per_packet_%s %.4f\n", c, n, by[n] / p1 }' /tmp/marks
}

# guest_net CASE DRIVERS QEMU-ARGS...
guest_net()
{
	_case=$1 _drivers=$2
	shift 2
	run_guest --env CASE="$_case" --env DRIVER="$_drivers" --env SECS="$SECS" \
		--env ROUNDS="$ROUNDS" --env IPERF_PORT="$IPERF_PORT" /lab/net-guest.sh -- "$@"
	[ "$guest_rc" = 0 ] && exits "$_case"
}

bridged() # CASE DRIVERS DEVICE
{
	brctl addbr br0 && brctl addif br0 eth0 && tunctl -t tap0 >/dev/null &&
		brctl addif br0 tap0 && ip link set eth0 up promisc on &&
		ip link set tap0 up promisc on && ip link set br0 up || return 1
	guest_net "$1" "$2" -netdev tap,id=t0,ifname=tap0,script=no,downscript=no \
		-device "$3,netdev=t0,mac=52:54:00:12:34:99,romfile="
	_rc=$?
	ip link set br0 down; brctl delbr br0; tunctl -d tap0 >/dev/null
	return $_rc
}

# net-guest.sh wants the library as well: guests get what is in their script.
{ sed '/net-lib.sh$/d' /lab/net-guest.sh | sed '/^\. \/lab\/lab.sh/r /lab/net-lib.sh'; } >/tmp/net-guest.sh
mv /tmp/net-guest.sh /lab/net-guest.sh

exec 3>&1
echo "stack $STACK"
[ "$STACK" = intree ] || load iommu-amd || exit 1
modprobe e1000e
wait_for 10 test -d /sys/class/net/eth0
net_up eth0 >/dev/null && load_kvm && load_assign && native || exit 1
pci_bind $NIC $ASSIGN_DRIVER || exit 1
guest_net assigned e1000e $(assign_args $NIC nic) || { fail "$STACK: a guest with the card"; exit 1; }
[ "${CASES:-all}" = all ] || exit 0
guest_net own e1000e -overcommit cpu-pm=on $(assign_args $NIC nic) ||
	{ fail "$STACK: a guest with the card and CPUs of its own"; exit 1; }
pci_release $NIC
wait_for 10 test -d /sys/class/net/eth0
net_up eth0 >/dev/null && native || exit 1
modprobe bridge; modprobe tun
ROUNDS=1
bridged virtio "virtio_pci virtio_net" virtio-net-pci || { fail "$STACK: virtio-net"; exit 1; }
bridged rtl8139 8139cp rtl8139 || { fail "$STACK: RTL8139"; exit 1; }
pass "$STACK: throughput is measured"
