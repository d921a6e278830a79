#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What runs before or instead of an operating system: SeaBIOS's and iPXE's menus,
# OVMF to its shell, memtest86+ through a pass of its tests.
. "$(dirname "$0")/../lib.sh"
guests=$(tools/lab/setup guests) || exit 1
files=()
for f in OVMF_CODE.fd OVMF_VARS.fd memtest.bin efi-virtio.rom; do files+=(--file "$guests/$f"); done
boot host --timeout 580 "${files[@]}" <<'JOB'
. /lab/steps.sh
. /lab/vms.sh
load_kvm || exit 1

vm_start seabios debian -M pc,graphics=off -m 64 -boot menu=on,splash-time=60000
vm_ok "SeaBIOS starts" 60 'SeaBIOS \(version' &&
vm_ok "it offers its menu" 30 'Press ESC for boot menu' &&
vm_type '\033' &&
vm_ok "and shows it" 30 'Select boot device:'
vm_stop

vm_start ipxe debian -M q35,graphics=off -m 128 -netdev user,id=n \
	-device virtio-net-pci,netdev=n
vm_ok "iPXE starts" 60 'Press Ctrl-B' &&
vm_type '\002' &&
vm_ok "and gives its command line" 60 'iPXE>' &&
vm_type 'dhcp\r' &&
vm_ok "DHCP through its own driver" 60 'Configuring.*ok'
vm_stop

for vmm in debian patched; do
	cp /lab/OVMF_VARS.fd /tmp/vars.fd
	vm_start ovmf-$vmm $vmm -M q35 -m 256 -smp 2 \
		-drive if=pflash,unit=0,format=raw,readonly=on,file=/lab/OVMF_CODE.fd \
		-drive if=pflash,unit=1,format=raw,file=/tmp/vars.fd
	vm_ok "OVMF comes to its shell" 200 'UEFI Interactive Shell' &&
	vm_ok "it shows its prompt" 60 'Shell>' &&
	vm_type 'ver\r' &&
	vm_ok "and takes a command" 60 'UEFI v[0-9.]+ \(EDK II' &&
	note "$(vm_line 'UEFI v[0-9.]+.*')"
	vm_stop
done

# All tests of a pass but the last, which mostly waits. What it draws comes in
# pieces, a line of the screen each.
vm_start memtest debian -M pc -m 8 -kernel /lab/memtest.bin -append 'console=ttyS0,115200'
vm_ok "memtest86+ starts" 60 'Memtest86\+' &&
vm_ok "it comes to its last test" 300 '#10 \[Bit fade' &&
ok "it found no error ($(vm_line 'Errors: [0-9]+'))" sh -c \
	"grep -aq 'Errors: 0' /tmp/memtest.com && ! grep -aE 'Errors: [1-9]' /tmp/memtest.com"
vm_stop
JOB
finish
