#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Unmodified Linux guests: Debian's 6.1 and 6.12 for amd64, its i386 kernels with
# and without PAE; under Debian's unpatched QEMU 7.2 (pc, q35, microvm) and the
# patched QEMU 10.0. A microvm without its RTC spends seconds looking for it, on a
# busy machine more than the guest's watchdog waits for (docs/guests.md).
. "$(dirname "$0")/../lib.sh"
guests=$(tools/lab/setup guests) || exit 1
files=(--file /usr/share/seabios/bios-microvm.bin)
for f in vmlinuz-6.12 vmlinuz-686-pae vmlinuz-686 busybox-32; do files+=(--file "$guests/$f"); done
boot host --timeout 580 "${files[@]}" <<'JOB'
. /lab/steps.sh
. /lab/vms.sh
load_kvm || exit 1
vm_initrd /tmp/initrd /bin/busybox
vm_initrd /tmp/initrd-32 /lab/busybox-32
for vmm in debian patched; do
	vm_linux 6.1-pc-$vmm $vmm /guest/vmlinuz /tmp/initrd 2 -M pc
	vm_linux 6.1-q35-$vmm $vmm /guest/vmlinuz /tmp/initrd 2 -M q35
	vm_linux 6.1-microvm-$vmm $vmm /guest/vmlinuz /tmp/initrd 2 -M microvm,rtc=on
	vm_linux 6.12-q35-$vmm $vmm /lab/vmlinuz-6.12 /tmp/initrd 2 -M q35
	vm_linux pae-pc-$vmm $vmm /lab/vmlinuz-686-pae /tmp/initrd-32 2 -M pc
	vm_linux nonpae-pc-$vmm $vmm /lab/vmlinuz-686 /tmp/initrd-32 1 -M pc
done
JOB
finish
