# SPDX-License-Identifier: GPL-2.0
#
# The kernel for tests (tests/lab/bare) as a guest, on the emulated host
# (`. /lab/bare.sh`, after steps.sh). BARE=GROUP,...: no others.

# bare CONFIG GROUPS [QEMU arguments]: its points as lines "result CONFIG: POINT: pass"
bare()
{
	_config=$1 _groups=
	for _g in $2; do
		case ",${BARE:-$_g}," in *",$_g,"*) _groups="$_groups $_g" ;; esac
	done
	shift 2
	[ -n "$_groups" ] || return 0
	_t0=$(cut -d. -f1 /proc/uptime)
	timeout $((60 * SLOWER)) qemu-debian -accel kvm -cpu host -m 128 -nodefaults -display none \
		-kernel /lab/bare.elf -append "${_groups# }" -serial stdio -device pc-testdev \
		-device isa-debug-exit,iobase=0xf4,iosize=4 "$@" >/tmp/bare.out 2>/tmp/bare.err </dev/null
	_rc=$?
	tr -d '\r' </tmp/bare.out >/tmp/bare.txt
	# figures in brackets at the end are not the point's name
	sed -n "s/ ([^()]*)\$//; s/^\(pass\|fail\) \(.*\)/result $_config: \2: \1/p" /tmp/bare.txt
	sed -n 's/^fail/# &/p; /^# /p' /tmp/bare.txt | sed "s/^/# $_config: /"
	echo "# $_config: exit $_rc after $(($(cut -d. -f1 /proc/uptime) - _t0)) s $(grep -v "recommended cpus" /tmp/bare.err | head -n 4 | tr "\n" ";")"
	[ $_rc = 1 ] || tail -n 3 /tmp/bare.txt | sed 's/^/# | /'
}

bare_all()
{
	bare pc "apic ioapic pcitest event debug access msr misc syscall task pv" -M pc -smp 4 -device pci-testdev
	bare q35 "apic ioapic pcitest event pv" -M q35 -smp 2 -device pci-testdev
	bare x2apic "x2apic ioapic" -M pc,pit=off -smp 4 -cpu qemu64,+x2apic,+tsc-deadline
	bare split "apic ioapic event debug" -M q35,kernel-irqchip=split -smp 3
	bare reset reset -M pc
	bare vendor "msr misc sysenter" -M q35 -smp 1 -cpu max,vendor=GenuineIntel
	# Linux's KVM has no emulation for some of it, and ends or does not go on
	[ "$STACK" = intree ] || bare operands "emul emul-more real task-more" -M pc -smp 1
}
