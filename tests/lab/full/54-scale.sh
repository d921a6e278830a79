#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Scale: a guest with 64 vCPUs on a host with two; eight guests with two CPUs each
# at once; a guest that is told to have all the memory of its host, and uses most.
#
# The first: until its clock source is chosen, each of a Linux guest's CPUs ticks 250 times a
# second whether it is idle or not: 64 of them ask for six times what the emulated
# host can give, and its boot CPU gets a 32nd of it (Debian's KVM does no better).
# So the machine is the one whose CPUs keep translations over a world switch.
. "$(dirname "$0")/../lib.sh"
boot cpus --svm all --cmdline tsc=reliable --timeout 590 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_guest --smp 64 --mem 1024 --timeout 560 --env WANT_CPUS=64 /lab/guest-many.sh
value cpus64_boot_s "${guest_boot:-0}"
ok "a 64-CPU guest boots on $(nproc) CPUs (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
JOB

boot many --cmdline tsc=reliable --timeout 400 <<'JOB'
. /lab/steps.sh
. /lab/vms.sh
load_kvm || exit 1
vm_initrd /tmp/initrd /bin/busybox
for i in 1 2 3 4 5 6 7 8; do
	vm_start many$i debian -M q35 -smp 2 -m 128 -kernel /guest/vmlinuz -initrd /tmp/initrd \
		-append "console=ttyS0 panic=-1 loglevel=5"
	pids="$pids $vm_pid"
done
vms_are() { [ "$(cat /sys/kernel/debug/kvm/vms)" = "$1" ]; }
ok "eight VMs at once" wait_for 60 vms_are 8
for i in 1 2 3 4 5 6 7 8; do
	vm=many$i vm_pid=$(echo $pids | cut -d' ' -f$i)
	vm_ok "does its work" 300 'guest end: [0-9]+ sums'
	ok "$vm: no sum was wrong, no kernel report" vm_clean
	vm_ends 30
done
ok "none is left" wait_for 10 vms_are 0
JOB

# What the host itself takes of its memory, it can only give by taking from the guest.
boot big --cmdline tsc=reliable --timeout 400 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
ram=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
load=$(awk '/^MemAvailable/ { print int($2 / 1024) - 384 }' /proc/meminfo)
run_guest --vmm debian --mem $ram --timeout 360 --env WANT_MIB=$ram --env LOAD_MIB=$load /lab/guest-big.sh
ok "a guest with $ram MiB, as many as the host has, used $load of them (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
JOB
finish
