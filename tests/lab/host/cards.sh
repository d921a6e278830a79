# SPDX-License-Identifier: GPL-2.0
#
# One boot of the card matrix, on the emulated host: every card of /lab/cards.tab
# (NAME|WHERE|DRIVER|WORK|INTERRUPT, see tests/lab/cards/list.sh) goes to one
# guest, works there, and comes back.
. /lab/steps.sh

where() # WHERE: the function's address
{
	_d=/sys/bus/pci/devices/0000:00:${1%%[/@]*}
	case $1 in
	*//) set -- "$_d"/0000:*/0000:* ;;
	*/) set -- "$_d"/0000:??:* ;;
	*@) set -- "$(readlink -f "$_d/virtfn0")" ;;
	*) set -- "$_d" ;;
	esac
	for _d in "$@"; do
		[ ! -e "$_d/config" ] || { basename "$_d"; return; }
	done
	return 1
}

# The physical functions make their virtual ones with the host's own drivers.
make_vfs()
{
	grep -q '@' /lab/cards.tab || return 0
	modprobe igb; modprobe nvme
	_pf=/sys/bus/pci/devices/0000:00:06.0
	ok "igb drives the physical function" wait_for 20 test -d $_pf/net
	ip link set "$(ls $_pf/net)" up
	ok "it makes a virtual one" sh -c "echo 0 >$_pf/sriov_drivers_autoprobe; echo 1 >$_pf/sriov_numvfs"
	_pf=/sys/bus/pci/devices/0000:00:07.0
	ok "nvme drives the physical function" wait_for 20 test -c /dev/nvme0
	ok "it frees resources" cardwork nvme-vf /dev/nvme0 free
	ok "a reset takes them in" sh -c "echo 1 >$_pf/reset"
	wait_for 20 sh -c "cardwork nvme-vf /dev/nvme0 free"
	ok "it makes a virtual one" sh -c "echo 0 >$_pf/sriov_drivers_autoprobe; echo 1 >$_pf/sriov_numvfs"
	ok "which gets resources and is brought online" cardwork nvme-vf /dev/nvme0 give
}

lost() { echo "card $1|$2|none|false|$3"; }

# -pcidevice takes the guest's next free slot; functions of one slot are placed.
place()
{
	case $name in
	multifunction-*) slot=10.${where##*.} ;;
	*) next=$((next + 1)); slot=$(printf '%02x.0' $next) ;;
	esac
	case $STACK:$slot in
	ours:10.*) echo "-device pci-assign,host=${bdf#0000:},id=c$slot,addr=$slot,multifunction=on" ;;
	ours:*) echo "-pcidevice host=${bdf#0000:}" ;;
	*) echo "-device vfio-pci,host=$bdf,addr=$slot,romfile=,multifunction=on" ;;
	esac >>/tmp/args
	words="$words $name|$slot|$driver|$work|$kind"
	bdfs="$bdfs $bdf"
	echo "$name $bdf" >>/tmp/names
}

# The exits between the marks are those of the guest's own console, whose ports
# are not a card's.
ports_cost()
{
	[ "$STACK" = ours ] && grep -q '^ports|' /lab/cards.tab || return 0
	_n=$(awk '$5 == "ports" { if ($6 == "start") n = $NF; else print $NF - n }' /tmp/marks)
	ok "100,000 port reads cost no exit (${_n:-no count} port exits meanwhile)" test "${_n:-100000}" -lt 2000
}

step_cards()
{
	if [ "$STACK" = ours ]; then
		# the kernel's own driver has had a serial port since it started
		ok "iommu-amd loads" load iommu-amd $(! grep -q '^pci-serial|' /lab/cards.tab || echo rebind=1) || return 1
	fi
	load_kvm || return 1
	load_assign || return 1
	make_vfs
	next=0 words= bdfs=
	: >/tmp/args
	: >/tmp/names
	while IFS='|' read -r name where driver work kind; do
		bdf=$(where "$where") || { fail "$name: the host has it"; lost "$name" "$driver" "the host does not see it"; continue; }
		dmesg -c >/dev/null
		ok "$name ($bdf) moves to $ASSIGN_DRIVER" pci_bind "$bdf" $ASSIGN_DRIVER || {
			dmesg | grep "$bdf" | sed 's/^/# /'
			lost "$name" "$driver" "$(dmesg | sed -n "s/.*$bdf: //p" | head -n 1)"; continue; }
		place
	done </lab/cards.tab
	[ -n "$bdfs" ] || return 1
	# edd=off: SeaBIOS' driver leaves am53c974's interrupt pending after the read
	# that the kernel's start-up code asks for, and Linux' own is not ready for it
	run_guest --timeout "${GUEST_TIMEOUT:-300}" --cmdline "nvme_core.multipath=N edd=off" --env CARDS="$words" /lab/guest-cards.sh -- $(tr '\n' ' ' </tmp/args)
	ok "the guest's script came to its end" test "$guest_rc" = 0
	ports_cost
	while read -r name bdf; do
		[ "$STACK" != ours ] || echo "reset $name $(cat /sys/class/backplane/$bdf/reset_method)"
	done </tmp/names
	for bdf in $bdfs; do
		echo "$bdf" >"/sys/bus/pci/devices/$bdf/driver/unbind"
		echo >"/sys/bus/pci/devices/$bdf/driver_override"
	done
	ok "no node is left over" sh -c '! ls /dev/backplane/* 2>/dev/null'
	ok "no page stays pinned" wait_for 10 sh -c '. /lab/steps.sh; counts | grep -qx "pinned 0"'
}
