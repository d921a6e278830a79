#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Scale, on a host with two CPUs and 3 GiB: a guest with 64 vCPUs; eight guests
# at once; a guest with as much RAM as the host has.
. "$(dirname "$0")/../lib.sh"
boot cpus --cmdline tsc=reliable --timeout 590 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_guest --smp 64 --mem 1024 --timeout 560 --env WANT_CPUS=64 /lab/guest-many.sh
value cpus64_boot_s "${guest_boot:-0}"
ok "a 64-CPU guest boots on $(nproc) CPUs (${guest_boot:-no} s)" \
	test "$guest_rc" = 0 -a -n "$guest_boot"
JOB
boot many --cmdline tsc=reliable --timeout 590 <<'JOB'
. /lab/steps.sh
. /lab/vms.sh
load_kvm || exit 1
vm_initrd /tmp/initrd /bin/busybox
N=8
for i in $(seq $N); do
	vm_start many$i debian -M q35 -smp 2 -m 128 -kernel /guest/vmlinuz -initrd /tmp/initrd \
		-append "console=ttyS0 panic=-1 loglevel=5"
	echo $vm_pid >/tmp/many$i.pid
done
for i in $(seq $N); do
	vm=many$i vm_pid=$(cat /tmp/many$i.pid)
	vm_ok "one of $N guests at once does its work" 300 'guest end: [0-9]+ sums'
	ok "$vm: no sum was wrong, no kernel report" vm_clean
	vm_stop
done
ram=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
vm_start big debian -M q35 -smp 2 -m $ram -kernel /guest/vmlinuz -initrd /tmp/initrd \
	-append "console=ttyS0 panic=-1 loglevel=5 bigmem=1"
vm_ok "a guest with $ram MiB, all the host's, boots" 120 'guest up: .*'
vm_ok "and writes what the host has left" 240 'guest wrote [0-9]+ MiB'
note "$(vm_line 'guest wrote.*')"
ok "it did ($(vm_line 'guest wrote [0-9]+' | awk '{ print $3 }') MiB)" test "$(vm_line 'guest wrote [0-9]+' | awk '{ print $3 }')" -ge 1024
vm_stop
ok "no VM is left" sh -c "for n in 1 2 3 4 5 6 7 8 9; do [ \$(cat /sys/kernel/debug/kvm/vms) = 0 ] && exit; sleep 1; done; false"
for m in svm kvm-core; do ok "$m unloads" rmmod $m; done
JOB
finish
