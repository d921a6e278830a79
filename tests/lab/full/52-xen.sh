#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A hypervisor as a guest: Debian's Xen 4.17, and Debian's kernel as its
# paravirtual dom0 to user space. The dom0 kernel runs at CPL 3 of our guest.
. "$(dirname "$0")/../lib.sh"
guests=$(tools/lab/setup guests) || exit 1
boot host --timeout 580 --file "$guests/xen" <<'JOB'
. /lab/steps.sh
. /lab/vms.sh
load_kvm || exit 1
vm_initrd /tmp/initrd /bin/busybox
vm_start xen debian -M pc -m 640 -smp 2 -kernel /lab/xen -append "console=com1 com1=115200 dom0_mem=320M" \
	-initrd "/guest/vmlinuz console=hvc0 panic=-1 loglevel=5,/tmp/initrd"
vm_ok "Xen starts" 60 'Xen version 4\.17' &&
vm_ok "it builds dom0" 120 'Serial input to DOM0' &&
vm_ok "dom0 reaches user space" 240 'guest up: .*, 2 CPUs' &&
vm_ok "its work is right" 120 'guest end: [0-9]+ sums' &&
ok "xen: no sum was wrong, no kernel report" vm_clean &&
vm_ends 60
vm_stop
JOB
finish
