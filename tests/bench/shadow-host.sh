# SPDX-License-Identifier: GPL-2.0
# Shadow paging (npt=0) on the emulated host, for each of $STACKS in turn: an
# entry, a switch of address spaces, and a Linux guest that starts programs:
# the difference between many and few of them, divided by their number. Lines
# as cost-host.sh prints.
. /lab/steps.sh
NPT=0
FEW=100 MANY=1100

forks() { echo "n=0; while [ \$n -lt $1 ]; do /bin/busybox true; n=\$((n + 1)); done" >/tmp/forks.sh; }

# Nanoseconds are instructions, but for those that the CPU slept.
busy() { awk '{ printf "%d\n", ($1 - $2) * 100 }' /proc/uptime; }

run_forks()
{
	forks "$1"
	_before=$(busy)
	guest --smp 1 --vmm debian --timeout 300 /tmp/forks.sh >/tmp/forks.out || return 1
	spent=$(($(busy) - _before))
}

once()
{
	kvmcost shadow || return 1
	# kvm_amd leaves reads of CR3 to the CPU's intercept, and QEMU 10.0 looks at
	# CR0's instead: a guest would find the shadow's address there, and die.
	[ "$STACK" = ours ] || return 0
	run_forks $FEW || return 1
	few=$spent
	run_forks $MANY || return 1
	# hundredths of a second are ten million instructions
	echo "cost shadow_fork $(((spent - few) * 10000 / (MANY - FEW)))"
}

for STACK in $STACKS; do
	echo "stack $STACK"
	load_kvm || exit 1
	once && echo repeat && once || fail "$STACK is measured to the end" || exit 1
	case $STACK in
	ours) rmmod svm && rmmod kvm-core ;;
	intree) rmmod kvm-amd && rmmod kvm ;;
	esac || fail "$STACK unloads" || exit 1
	pass "$STACK is measured, and unloads"
done
