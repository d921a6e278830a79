# SPDX-License-Identifier: GPL-2.0
#
# The steps of the main job, on the emulated host (`. /lab/steps.sh`). Each
# prints TAP points and "value NAME NUMBER" lines; each fails by its status.
# The flows of tests/lab run them one by one, `make demo` all in a row.
#
# STACK=ours (default) or intree: the same step with Debian's own modules
# (amd_iommu on, kvm-amd, vfio-pci), which is how the lab itself is checked.
. /lab/lab.sh

STACK=${STACK:-ours}
NIC=0000:00:04.0
EDU=0000:00:05.0
SECS=${SECS:-5}
if [ "$STACK" = ours ]; then
	ASSIGN_DRIVER=pci-assign REMAPPED=AMDVI
else
	ASSIGN_DRIVER=vfio-pci REMAPPED=IR-
fi

# QEMU arguments that give a card: assign_args BDF NAME
assign_args()
{
	if [ "$STACK" = ours ]; then
		echo "-pcidevice host=${1#0000:},name=$2"
	else
		echo "-device vfio-pci,host=$1,id=$2,romfile="
	fi
}

# ---- what a flow's end is held against ---------------------------------------
counts()
{
	# Each CPU keeps a part of these counters for up to a second: fold them.
	echo 1 2>/dev/null >/proc/sys/vm/stat_refresh
	echo "irqs $(grep -c . /proc/interrupts)"
	echo "pinned $(($(awk '/nr_foll_pin_acquired/ { print $2 }' /proc/vmstat) - $(awk '/nr_foll_pin_released/ { print $2 }' /proc/vmstat)))"
	echo "groups $(ls /sys/kernel/iommu_groups | wc -l)"
	echo "nodes $(ls /dev/backplane 2>/dev/null | wc -l)"
}

# ---- 1: the IOMMU -------------------------------------------------------------
step_iommu()
{
	if [ "$STACK" = ours ]; then
		ok "iommu-amd loads" load iommu-amd || return 1
		ok "it is registered with the kernel's IOMMU API" sh -c 'ls /sys/class/iommu/* -d'
	fi
	ok "the card is in a group" test -e /sys/bus/pci/devices/$NIC/iommu_group || return 1
	ok "groups appear in sysfs ($(ls /sys/kernel/iommu_groups | wc -l))" test "$(ls /sys/kernel/iommu_groups | wc -l)" -ge 3
	ok "the host's e1000e loads" modprobe e1000e
	wait_for 10 test -d /sys/bus/pci/devices/$NIC/net
	ok "DHCP on the host" net_up eth0 || return 1
	ok "ping from the host" net_ping || return 1
	ok "its interrupts are MSI-X" sh -c 'grep eth0 /proc/interrupts | grep -q MSI' || grep eth0 /proc/interrupts
	ok "they go through the IOMMU's remapping tables" sh -c "grep eth0 /proc/interrupts | grep -qE '$REMAPPED'"
	note "$(grep eth0 /proc/interrupts | tr -s ' ' | tr '\n' ';')"
}

# Interrupts keep arriving when the kernel moves them between CPUs.
step_affinity()
{
	for irq in $(awk -F: '/eth0/ { print $1 + 0 }' /proc/interrupts); do
		for cpu in 0 1; do
			ok "interrupt $irq moves to CPU $cpu" sh -c "echo $cpu >/proc/irq/$irq/smp_affinity_list"
			ok "ping with interrupt $irq on CPU $cpu" net_ping 10.0.2.2 2 || return 1
		done
	done
}

step_native()
{
	for way in tx rx; do
		rate=$(iperf $way "$SECS")
		ok "native $way: ${rate:-nothing} Mbit/s" test -n "$rate" || return 1
		value native.${way}_mbit "$rate"
	done
}

# ---- 2: the hypervisor ----------------------------------------------------------
# NPT=0: with shadow paging, of either stack
load_kvm()
{
	[ ! -c /dev/kvm ] || return 0
	if [ "$STACK" = ours ]; then
		ok "kvm-core loads" load kvm-core || return 1
		ok "svm loads" load svm ${NPT:+npt=$NPT} || return 1
	else
		ok "kvm-amd loads" modprobe kvm-amd ${NPT:+npt=$NPT} || return 1
	fi
	ok "/dev/kvm is there" test -c /dev/kvm
}

# A job may have more to note at a guest's marks: words of the form name=number
more_counters() { :; }

# Runs a guest, shows its TAP, and leaves its exit status in $guest_rc and the
# seconds until its first word in $guest_boot.
run_guest()
{
	rm -f /tmp/guest.rc
	_t0=$(cut -d' ' -f1 /proc/uptime)
	: >/tmp/marks
	{ guest "$@" 2>/tmp/guest.err; echo $? >/tmp/guest.rc; } | while IFS= read -r line; do
		case $line in
		"mark "*)
			echo "$(cut -d' ' -f1 /proc/uptime) $(guest_counters) ${line#mark } $(more_counters) $(cat /sys/kernel/debug/kvm/io_exits 2>/dev/null)" >>/tmp/marks
			;;
		*) echo "$line" ;;
		esac
	done
	guest_rc=$(cat /tmp/guest.rc)
	sed 's/^/# qemu: /' /tmp/guest.err
	guest_boot=$(awk -v t="$_t0" '$5 == "up" { printf "%.1f", $1 - t; exit }' /tmp/marks)
}

# "EXITS IRQS MMIO": totals over all vCPUs and all assigned cards of the guest
guest_counters()
{
	if [ "$STACK" = ours ]; then
		_e=$(cat /sys/kernel/debug/kvm/exits 2>/dev/null)
		_i=$(irq_total pci-assign)
	else
		_e=$(cat /sys/kernel/debug/kvm/exits 2>/dev/null)
		_i=$(irq_total vfio-msix)
	fi
	_m=$(cat /sys/kernel/debug/kvm/mmio_exits 2>/dev/null)
	echo "${_e:-0} ${_i:-0} ${_m:-0}"
}

# The TAP of a small program, its own plan taken out.
run_tap()
{
	timeout 240 "$@" >/tmp/abi.out || note "$1 ended with $?"
	sed -e '/^1\.\./d' -e 's/^\(not ok\|ok\) [0-9]* /\1 /' /tmp/abi.out
	ok "$1 came to its end" grep -q '^1\.\.' /tmp/abi.out
}

# The ABI without a VMM: refusals and guests of a few bytes, then the interrupt
# half of it. The in-tree stack passes the same points.
step_abi()
{
	for t in kvmabi irqabi; do run_tap $t; done
}

step_boot()
{
	load_kvm || return 1
	run_guest --vmm debian --env WANT_CPUS=2 /lab/guest-boot.sh
	value guest_boot_s "${guest_boot:-0}"
	ok "Debian's QEMU boots the Debian kernel to user space (${guest_boot:-no} s)" \
		test "$guest_rc" = 0 -a -n "$guest_boot"
}

# ---- 3: a real card for the guest ---------------------------------------------
load_assign()
{
	if [ "$STACK" = ours ]; then
		[ -d /sys/module/pci_assign ] || ok "pci-assign loads" load pci-assign || return 1
	else
		modprobe vfio_iommu_type1 && modprobe vfio-pci
	fi
}

step_assigned()
{
	load_assign || return 1
	ok "the card moves to $ASSIGN_DRIVER" pci_bind $NIC $ASSIGN_DRIVER || return 1
	run_guest --env CASE=assigned --env DRIVER=e1000e --env SECS="$SECS" \
		--env IPERF_PORT="$IPERF_PORT" /lab/guest-net.sh -- $(assign_args $NIC nic)
	ok "the guest's script ended well" test "$guest_rc" = 0 || return 1
	# per second, over both transfers
	awk '$5 == "tx" || $5 == "rx" {
		if ($6 == "start") { t = $1; e = $2; i = $3 }
		else { T += $1 - t; E += $2 - e; I += $3 - i } }
	     END { if (T > 0) printf "value exits_per_s %.0f\nvalue irqs_per_s %.0f\n", E / T, I / T }' /tmp/marks
}

# ---- 4: the same guest with an emulated card, bridged to the host's ------------
step_rtl8139()
{
	ok "the card returns to the host's driver" pci_release $NIC
	wait_for 10 test -d /sys/class/net/eth0
	modprobe bridge; modprobe tun
	ok "a tap bridged to the card" sh -c 'brctl addbr br0 && brctl addif br0 eth0 &&
		tunctl -t tap0 && brctl addif br0 tap0 &&
		ip link set eth0 up promisc on && ip link set tap0 up promisc on && ip link set br0 up' || return 1
	run_guest --env CASE=rtl8139 --env DRIVER=8139cp --env SECS="$SECS" \
		--env IPERF_PORT="$IPERF_PORT" /lab/guest-net.sh -- \
		-netdev tap,id=t0,ifname=tap0,script=no,downscript=no \
		-device rtl8139,netdev=t0,mac=52:54:00:12:34:99,romfile=
	ip link set br0 down; brctl delbr br0; tunctl -d tap0
	ip link set eth0 promisc off
	ok "the guest's script ended well" test "$guest_rc" = 0
}

# ---- 5: rogue DMA ----------------------------------------------------------------
# Every address is outside the guest's 384 MiB.
GUEST_MIB=384
qmp_listen()
{
	wait_for 30 test -S /tmp/guest.qmp
	{ echo '{"execute":"qmp_capabilities"}'; sleep 600; } |
		socat -t 600 - UNIX-CONNECT:/tmp/guest.qmp
}

# TRANSFER=no: without the network transfer that otherwise runs meanwhile
step_rogue()
{
	load_assign || return 1
	for c in $NIC $EDU; do
		[ "$(pci_driver $c)" = $ASSIGN_DRIVER ] ||
			ok "card $c moves to $ASSIGN_DRIVER" pci_bind $c $ASSIGN_DRIVER || return 1
	done
	mkfifo /tmp/canary.in
	canary 0x40000000 </tmp/canary.in >/tmp/canary.out 2>&1 &
	exec 9>/tmp/canary.in
	wait_for 20 test -s /tmp/canary.out
	host_page=$(head -n 1 /tmp/canary.out)
	note "the canary is in host memory at $host_page"
	writes="$host_page 0x30000000 0x7ffff0000"
	reads="0x31000000"
	dmesg -c >/dev/null
	rm -f /tmp/guest.qmp
	qmp_listen >/tmp/qmp.log 2>&1 &
	qmp=$!
	run_guest --mem $GUEST_MIB --env ROGUE_WRITES="$writes" --env ROGUE_READS="$reads" \
		--env IPERF_PORT="$IPERF_PORT" --env TRANSFER="$TRANSFER" /lab/guest-rogue.sh -- \
		$(assign_args $NIC nic) $(assign_args $EDU edu)
	kill $qmp
	echo look >&9; exec 9>&-
	wait_for 5 grep -q canary /tmp/canary.out
	ok "the guest lived on" test "$guest_rc" = 0
	looks=$(awk '$5 == "look" { if ($6 == "start") m = $4; else print $4 - m }' /tmp/marks)
	ok "its BAR is mapped: ${looks:-no} MMIO exits in 100,000 reads" test "${looks:-100000}" -lt 5000
	if ok "the canary in host memory is intact" grep -qx 'canary intact' /tmp/canary.out; then
		value canary_intact true
	else
		value canary_intact false
	fi
	rm -f /tmp/canary.in
	dmesg >/tmp/rogue.dmesg
	injected=0 reported=0
	[ "$MACHINE" != debian ] || { note "Debian's machine logs no events: reports are not expected"; return 0; }
	for a in $writes; do rogue_reported "$a" write; done
	for a in $reads; do rogue_reported "$a" read; done
	value injected $injected
	value reported $reported
}

# The driver's log names the card, the address and the access; so does QEMU.
rogue_reported()
{
	injected=$((injected + 1))
	hex=$(printf '%x' "$1")
	if [ "$STACK" = ours ]; then
		line=$(grep -iE "05\.0" /tmp/rogue.dmesg | grep -iE "0x0*$hex([^0-9a-f]|\$)" | grep -i "$2")
		event=$(grep -a PCI_ASSIGN_FAULT /tmp/qmp.log | grep -E "\"addr\": *$(printf '%d' "$1")[,}]" | grep "$2")
		ok "the kernel's log names card, address and access: $2 of 0x$hex" test -n "$line" || {
			sed 's/^/# log: /' /tmp/rogue.dmesg; return 1; }
		ok "QEMU emits an event for the $2 of 0x$hex" test -n "$event" || {
			sed 's/^/# qmp: /' /tmp/qmp.log; return 1; }
	else
		flags=0x0020
		[ "$2" = write ] || flags=0x0000
		line=$(grep -E "$EDU: AMD-Vi: Event logged \[IO_PAGE_FAULT domain=0x[0-9a-f]+ address=0x0*$hex flags=$flags\]" /tmp/rogue.dmesg)
		ok "the in-tree driver's log: $2 of 0x$hex" test -n "$line" || {
			sed 's/^/# log: /' /tmp/rogue.dmesg; return 1; }
	fi
	note "${line#*] }"
	reported=$((reported + 1))
}

# ---- 6: everything goes back --------------------------------------------------
step_teardown()
{
	for c in $NIC $EDU; do pci_release $c; done
	ok "the card is with the host's driver again" test "$(pci_driver $NIC)" = e1000e
	ok "no driver kept the edu card" test -z "$(pci_driver $EDU)"
	wait_for 10 test -d /sys/class/net/eth0
	ok "DHCP on the host again" net_up eth0
	ok "ping from the host again" net_ping
	[ "$STACK" = ours ] || return 0
	for m in pci-assign svm kvm-core; do
		ok "$m unloads" rmmod $m || return 1
	done
	ok "/dev/kvm is gone" test ! -e /dev/kvm
	for m in kvm-core svm pci-assign; do
		ok "$m loads again" load $m || return 1
	done
	ok "iommu-amd stays loaded" test -d /sys/module/iommu_amd
}
