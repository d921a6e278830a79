#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who holds the interrupt controllers: all in user space, or the local APICs in
# the kernel and the rest in user space (the other flows have all in the
# kernel). One CPU where the local APIC is QEMU's: Debian's QEMU 7.2 never
# takes note of a SIPI it has served, and spins with any hypervisor.
. "$(dirname "$0")/lib.sh"

boot host <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
irqchip_boot()
{
	_chip=$1; shift
	run_guest --vmm debian "$@" /lab/guest-boot.sh -- -M q35,kernel-irqchip=$_chip -cpu host,-kvm-asyncpf-int
	ok "Debian's QEMU boots the Debian kernel with kernel-irqchip=$_chip (${guest_boot:-no} s)" \
		test "$guest_rc" = 0 -a -n "$guest_boot"
}
irqchip_boot off --smp 1 --env WANT_CPUS=1
irqchip_boot split --smp 2 --env WANT_CPUS=2
JOB
finish
