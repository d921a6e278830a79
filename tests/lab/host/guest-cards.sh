# SPDX-License-Identifier: GPL-2.0
# In the guest: every card of the matrix in turn. $CARDS has a word for each:
# NAME|SLOT|DRIVER|WORK|INTERRUPT. The card's own driver binds, does real work
# that is checked by content, and is seen to use interrupts of that kind. One
# line per card says what was seen: "card NAME|driver|interrupt|true or false|note".
. /lab/lab.sh
echo "mark up"
exec 5>&1	# for words that ok() must not swallow

# ---- what sysfs and /proc/interrupts know -------------------------------------
irqs_of() # BDF: its interrupt numbers
{
	if [ -d "/sys/bus/pci/devices/$1/msi_irqs" ]; then
		ls "/sys/bus/pci/devices/$1/msi_irqs"
	else
		cat "/sys/bus/pci/devices/$1/irq"
	fi
}
irq_kind() # BDF
{
	_f=$(ls "/sys/bus/pci/devices/$1/msi_irqs" 2>/dev/null | head -n 1)
	case $(cat "/sys/bus/pci/devices/$1/msi_irqs/$_f" 2>/dev/null) in
	msix) echo MSI-X ;;
	msi) echo MSI ;;
	*) echo INTx ;;
	esac
}
irq_count() # BDF: how many arrived
{
	for _i in $(irqs_of "$1"); do
		awk -v n="$_i:" '$1 == n { for (i = 2; i <= 3; i++) s += $i } END { print s + 0 }' /proc/interrupts
	done | awk '{ s += $1 } END { print s + 0 }'
}
irq_users() # BDF: vectors in use
{
	for _i in $(irqs_of "$1"); do grep -c "^ *$_i:" /proc/interrupts; done |
		awk '{ s += $1 } END { print s + 0 }'
}
# A thing of the kernel's that belongs to the card: below BDF CLASS
below() { find "/sys/bus/pci/devices/$1/" -path "*/$2/*" -prune 2>/dev/null | sed 's:.*/::' | grep -v '^[0-9]*:[0-9]' | head -n 1; }
block_of()
{
	for _b in /sys/block/*; do
		case $(readlink -f "$_b") in */$1/*) basename "$_b"; return ;; esac
	done
	return 1
}

# ---- the work: WORK BDF [ARGUMENT]; a note in /tmp/note --------------------------
net()
{
	wait_for 20 sh -c "find /sys/bus/pci/devices/$1/ -path '*/net/*' | grep -q net" ||
		{ echo "no network interface"; return 1; }
	_if=$(below "$1" net)
	net_up "$_if" || { echo "no lease on $_if"; ip link show "$_if"; return 1; }
	ping -c 3 -W 2 -s 1400 "10.0.$2.2" || return 1
	# 1 MiB out and back: both directions, compared
	dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null
	timeout 60 nc "10.0.$2.100" 7 </tmp/a >/tmp/b
	cmp /tmp/a /tmp/b || return 1
	echo "1 MiB echoed" >/tmp/note
}

disk()
{
	modprobe sd_mod
	wait_for 20 block_of "$1" || { echo "no disk"; return 1; }
	_b=/dev/$(block_of "$1")
	wait_for 10 test -b "$_b" || return 1
	dd if=/dev/urandom of=/tmp/a bs=64k count=32 2>/dev/null
	dd if=/tmp/a of="$_b" bs=64k conv=fsync || return 1
	echo 3 >/proc/sys/vm/drop_caches
	dd if="$_b" of=/tmp/b bs=64k count=32 iflag=direct || return 1
	cmp /tmp/a /tmp/b || return 1
	echo "sum $name $(sha256sum </tmp/a | cut -d' ' -f1)" >>/tmp/sums
	echo "2 MiB written and read back" >/tmp/note
}

edu()
{
	edupoke "$1" self || return 1
	echo "DMA both ways" >/tmp/note
}

# The card's own option ROM, as the guest's kernel reads it
rom()
{
	_r=/sys/bus/pci/devices/$1/rom
	echo 1 >$_r && cat $_r >/tmp/rom && echo 0 >$_r || return 1
	echo "sum $name $(sha256sum </tmp/rom | cut -d' ' -f1)" >>/tmp/sums
}

testdev()
{
	cardwork testdev "$1" || return 1
	echo "writes counted through memory and I/O BAR" >/tmp/note
	[ "$name" != pci-testdev ] || { rom "$1" && echo "writes counted through memory and I/O BAR; option ROM read" >/tmp/note; }
}

# The same, and then reads by the instruction: the host counts the exits.
ports()
{
	testdev "$1" || return 1
	echo "mark ports start" >&5
	cardwork ports "$1" 1 100000 || return 1
	echo "mark ports end" >&5
	echo "100,000 port reads; writes counted through both BARs" >/tmp/note
}

dsp_of() # BDF: its OSS device
{
	for _b in /sys/class/sound/dsp*; do
		case $(readlink -f "$_b") in */$1/*) basename "$_b"; return ;; esac
	done
	return 1
}

sound() # BDF [RATE]
{
	_rate=${2#sound}
	modprobe snd_hda_codec_generic
	modprobe snd_pcm_oss
	wait_for 20 dsp_of "$1" || { cat /proc/asound/cards; ls /dev/snd; return 1; }
	_dsp=/dev/$(dsp_of "$1")
	wait_for 10 test -c "$_dsp" || return 1
	# half a second that no silence contains; its start on the host's side is
	# found by this head
	{ printf 'backplane-sound-'; dd if=/dev/urandom bs=16 count=5999 2>/dev/null; } >/tmp/a
	{ cat /tmp/a; dd if=/dev/zero bs=4800 count=20 2>/dev/null; } >/tmp/tune
	timeout 60 cardwork play "$_dsp" /tmp/tune "${_rate:-48000}" || return 1
	echo "sum $name $(sha256sum </tmp/a | cut -d' ' -f1)" >>/tmp/sums
	echo "96,000 bytes played" >/tmp/note
}

rng()
{
	grep -q virtio /sys/class/misc/hw_random/rng_available || return 1
	grep -o 'virtio[^ ]*' /sys/class/misc/hw_random/rng_available | head -n 1 >/sys/class/misc/hw_random/rng_current
	dd if=/dev/hwrng of=/tmp/a bs=4k count=8 iflag=fullblock || return 1
	dd if=/dev/hwrng of=/tmp/b bs=4k count=8 iflag=fullblock || return 1
	# no constant, no repetition, and nothing that packs
	! cmp -s /tmp/a /tmp/b && [ "$(gzip -c /tmp/a | wc -c)" -gt 32768 ] || return 1
	echo "64 KiB of it do not repeat or pack" >/tmp/note
}

serial()
{
	for _t in /sys/class/tty/ttyS*; do
		case $(readlink -f "$_t") in */$1/*) _tty=/dev/${_t##*/} ;; esac
	done
	[ -c "$_tty" ] || { ls -l /sys/class/tty; return 1; }
	stty -F "$_tty" 115200 raw -echo || return 1
	dd if=/dev/urandom of=/tmp/a bs=4k count=2 2>/dev/null
	timeout 60 dd if=/tmp/a of="$_tty" bs=512 || return 1
	stty -F "$_tty" drain 2>/dev/null
	sleep 2
	echo "sum $name $(sha256sum </tmp/a | cut -d' ' -f1)" >>/tmp/sums
	echo "8 KiB sent" >/tmp/note
}

# A port of the virtual kind: no modem, no speed
vport()
{
	wait_for 20 sh -c "ls /dev/vport*" || return 1
	dd if=/dev/urandom of=/tmp/a bs=4k count=2 2>/dev/null
	timeout 60 dd if=/tmp/a of="$(ls /dev/vport* | head -n 1)" bs=512 || return 1
	echo "sum $name $(sha256sum </tmp/a | cut -d' ' -f1)" >>/tmp/sums
	echo "8 KiB sent" >/tmp/note
}

# Memory that the card shares with somebody: its BAR 2, 64 bits and prefetchable
shmem()
{
	lspci -vv -s "$1" | grep -q 'Memory at .*64-bit, prefetchable' || { lspci -vv -s "$1"; return 1; }
	echo 1 >"/sys/bus/pci/devices/$1/enable"
	dd if=/dev/urandom of=/tmp/a bs=64k count=32 2>/dev/null
	cardwork fill "$1" 2 0 /tmp/a || return 1
	echo "sum $name $(sha256sum </tmp/a | cut -d' ' -f1)" >>/tmp/sums
	echo "2 MiB shared" >/tmp/note
}

screen()
{
	wait_for 20 test -c /dev/fb0 || { dmesg | tail -n 20; return 1; }
	dd if=/dev/urandom of=/tmp/a bs=64k count=1 2>/dev/null
	dd if=/tmp/a of=/dev/fb0 bs=64k seek=8 || return 1
	sleep 3		# a worker of the driver copies to the card
	echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
	cardwork same "$1" 0 0x80000 /tmp/a || return 1
	echo "64 KiB drawn and found in the card's memory" >/tmp/note
}

# Every list ends, nothing is unknown to it, nothing cannot be read.
sane()
{
	lspci -n -vvv -s "$1" >/tmp/lspci 2>&1
	cat /tmp/lspci
	grep -q "^${1#0000:}" /tmp/lspci && ! grep -qE '<chain|<access denied>|!!!|rev ff|Unknown header|^lspci:|pcilib:' /tmp/lspci
}

# An interrupt goes to the CPU that the guest's administrator chose.
# (Drivers with a queue per CPU leave no choice: there the queue's CPU is the one
# that asks.)
busy() # WORK BDF CPU: a few interrupts, asked for by that CPU
{
	case $1 in
	net:*) ping -c 4 -W 2 "10.0.${1#*:}.2" ;;
	disk) taskset $((1 << $3)) dd if="/dev/$(block_of "$2")" of=/dev/null bs=4k count=8 iflag=direct ;;
	esac
}
on_cpu() { awk -v n="$1:" -v c=$(($2 + 2)) '$1 == n { print $c + 0 }' /proc/interrupts; }
moves() # WORK BDF: every interrupt that arrives on a CPU arrives on the other when told
{
	for _cpu in 1 0; do
		for _i in $(irqs_of "$2"); do
			[ ! -e "/proc/irq/$_i" ] || echo $_cpu >"/proc/irq/$_i/smp_affinity_list" 2>/dev/null
		done
		busy "$1" "$2" $_cpu >/dev/null 2>&1	# a level interrupt moves at its next arrival
		_there=0 _here=0
		for _i in $(irqs_of "$2"); do
			_there=$((_there - $(on_cpu "$_i" $_cpu))) _here=$((_here - $(on_cpu "$_i" $((1 - _cpu)))))
		done
		busy "$1" "$2" $_cpu >/dev/null 2>&1
		for _i in $(irqs_of "$2"); do
			_there=$((_there + $(on_cpu "$_i" $_cpu))) _here=$((_here + $(on_cpu "$_i" $((1 - _cpu)))))
		done
		echo "told CPU $_cpu: $_there there, $_here on the other"
		[ $_there -gt 0 ] && [ $_here = 0 ] || return 1
	done
}

# ---- one card ---------------------------------------------------------------------
one()
{
	name=$1 bdf=0000:00:$2 driver=${3##*,} kind=$5
	: >/tmp/note
	good=true said=none
	ok "$name: the guest sees it ($(cat "/sys/bus/pci/devices/$bdf/vendor"):$(cat "/sys/bus/pci/devices/$bdf/device"))" \
		test -e "/sys/bus/pci/devices/$bdf/config" || good=false
	if [ "$driver" != - ]; then
		ok "$name: $driver loads and binds" sh -c ". /lab/lab.sh; for m in $(echo "$3" | tr , ' '); do modprobe \$m || exit 1; done; wait_for 20 test -e /sys/bus/pci/devices/$bdf/driver" || good=false
	fi
	ok "$name: works, by content (${4%%:*})" "${4%%:*}" "$bdf" "${4#*:}" || good=false
	if [ "$kind" != none ]; then
		said=$(irq_kind "$bdf") n=$(irq_count "$bdf")
		ok "$name: its interrupts are $kind ($said, $(irq_users "$bdf") in use, $n arrived)" \
			test "$said" = "$kind" -a "$n" -gt 0 || good=false
	fi
	ok "$name: lspci -vvv makes sense of it" sane "$bdf" || good=false
	case $4 in
	net:*|disk) ok "$name: its interrupts follow the guest's affinity" moves "$4" "$bdf" || good=false ;;
	esac
	[ $good = true ] || dmesg | tail -n 8 | sed 's/^/# /'
	echo "card $name|$driver|$said|$good|$(cat /tmp/note)"
}

for c in $CARDS; do
	_ifs=$IFS; IFS='|'
	set -- $c
	IFS=$_ifs
	one "$@"
done
cat /tmp/sums 2>/dev/null
exit 0
