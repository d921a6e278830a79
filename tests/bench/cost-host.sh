# SPDX-License-Identifier: GPL-2.0
# Runs kvmcost on the emulated host for each of $STACKS in turn: ours, and
# intree (Debian's KVM). Prints "stack NAME" and then kvmcost's lines, twice
# over ("repeat" between) unless SETS=budget. With SETS=all also the memory of a
# VM, and the boot of a Linux guest ("cost guest_boot N": million instructions of
# host and guest together).
. /lab/steps.sh

echo 'echo up' >/tmp/boot.sh

# Nanoseconds are instructions, but for those that the CPU slept.
busy() { awk '{ printf "%d\n", ($1 - $2) * 100 }' /proc/uptime; }

boot_linux()
{
	[ "$BOOT" != no ] || return 0
	_before=$(busy)
	guest --smp 1 --vmm debian /tmp/boot.sh >/tmp/boot.out || return 1
	echo "cost guest_boot $((($(busy) - _before) * 10))"
}

measure()
{
	load_kvm || return 1
	[ "$SETS" = all ] || {
		kvmcost quick || return 1
		[ "$SETS" = quick ] || return 0
		echo repeat
		kvmcost quick
		return
	}
	kvmcost all && kvmcost memory && boot_linux || return 1
	echo repeat
	kvmcost all && kvmcost memory && boot_linux
}

unload()
{
	case $STACK in
	ours) rmmod svm && rmmod kvm-core ;;
	intree) rmmod kvm-amd && rmmod kvm ;;
	esac
}

for STACK in $STACKS; do
	echo "stack $STACK"
	measure || fail "$STACK is measured to the end" || exit 1
	unload || fail "$STACK unloads" || exit 1
	pass "$STACK is measured, and unloads"
done
