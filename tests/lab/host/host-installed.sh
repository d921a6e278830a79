# SPDX-License-Identifier: GPL-2.0
# On a Debian 12 host that booted with the package installed (60-install.sh):
# what loaded when, the unit's work, a guest of a user who is not root, and the
# removal of the package while all of it runs.
. /lab/lab.sh
unset -f insmod rmmod modprobe
NIC=0000:00:04.0 EDU=0000:00:05.0
from_dkms()
{
	modinfo -n $1 | grep -q updates/dkms &&
		[ "$(modinfo -F srcversion $1)" = "$(cat /sys/module/$(echo $1 | tr - _)/srcversion)" ]
}
line() { dmesg | grep -nE "$1" | head -n 1 | cut -d: -f1; }
note "booted: $(cat /proc/cmdline)"
note "$(systemd-analyze 2>/dev/null | head -n 1)"
ok "the boot loader's line has amd_iommu=off" grep -qw amd_iommu=off /proc/cmdline
for m in iommu-amd kvm-core svm pci-assign; do
	ok "$m is loaded, the one that DKMS built" from_dkms $m
done
a=$(line '0000:00:04.0: Adding to iommu group') b=$(line 'e1000e.*Intel') c=$(line 'systemd\[1\].*running in system mode')
note "kernel log: iommu-amd at line $a, e1000e at $b, systemd at $c"
ok "iommu-amd came before e1000e and before systemd: from the initramfs" test "$a" -lt "$b" -a "$a" -lt "$c"
ok "no in-tree hypervisor" sh -c '! lsmod | grep -qE "^(kvm|kvm_amd) "'
ok "the root disk works through iommu-amd" sh -c 'findmnt -no SOURCE / | grep nvme0n1 && ls -d /sys/class/nvme/nvme0/device/iommu_group'
ok "the unit did its work" systemctl is-active backplane
journalctl -b -u backplane --no-pager -o cat | sed 's/^/# /'
ok "no unit failed" sh -c 'systemctl --failed --no-legend | tee /dev/stderr | grep -q . && exit 1 || exit 0'
for c in $NIC $EDU; do ok "$c is pci-assign's" test "$(pci_driver $c)" = pci-assign; done
ok "the configured owner has the node" test "$(stat -c %U:%G:%a /dev/backplane/$NIC)" = lab:kvm:660
ok "also of the card named by its kind" test "$(stat -c %U:%a /dev/backplane/$EDU)" = lab:600
ok "backplane doctor is content" backplane doctor
backplane doctor | sed 's/^/# /'
backplane status | sed 's/^/# /'
cat >/tmp/job <<'GUEST'
. /lab/lab.sh
modprobe e1000e
wait_for 10 test -d /sys/class/net/eth0
ok "the guest's e1000e brings the host's card up: DHCP" net_up eth0
ok "ping through it" net_ping
GUEST
chmod 644 /tmp/job
# as_user LIMIT COMMAND...: what a login with that memlock limit may do
as_user()
{
	_limit=$1; shift
	prlimit --memlock="$_limit:$_limit" setpriv --reuid=lab --regid=lab --init-groups "$@"
}
little_memory()
{
	! as_user 65536 /bin/qemu-patched -M q35 -nodefaults -accel kvm -m 384 -display none \
		-pcidevice host=00:04.0 >/tmp/refused 2>&1
	cat /tmp/refused
	grep -q "limit on locked memory" /tmp/refused
}
ok "a user who may not lock the memory is told so" little_memory
as_user $((1 << 30)) sh /lab/guest --timeout 200 /tmp/job -- -pcidevice host=00:04.0 2>/tmp/guest.err
rc=$?
sed 's/^/# /' /tmp/guest.err
ok "a user who is not root ran a guest on it ($rc)" test $rc = 0
ok "a card that is stopped goes back to the host" systemctl stop backplane
ok "its driver has it again" test "$(pci_driver $NIC)" = e1000e
ok "and the unit binds it again" systemctl start backplane
ok "it is pci-assign's again" test "$(pci_driver $NIC)" = pci-assign

# A small initramfs, for time: making one with every driver takes ten minutes here
printf 'MODULES=list\n' >/etc/initramfs-tools/conf.d/lab
printf 'nvme\next4\nvirtio_blk\n' >>/etc/initramfs-tools/modules
ok "the package is removed while all of it runs" dpkg --purge backplane
ok "the card is the host's" test "$(pci_driver $NIC)" = e1000e
ok "our modules are unloaded but for iommu-amd" sh -c '! lsmod | grep -qE "^(pci_assign|svm|kvm_core) " && lsmod | grep -q ^iommu_amd'
ok "nothing of it is in /run or /dev" sh -c '! ls /run/backplane/* /dev/backplane/* 2>/dev/null | grep -q 0000'
