# SPDX-License-Identifier: GPL-2.0
# The same host after the removal: the in-tree stack has everything again.
. /lab/lab.sh
unset -f insmod rmmod modprobe
NIC=0000:00:04.0
note "booted: $(cat /proc/cmdline)"
ok "the boot loader's line is the old one" sh -c '! grep -qE "amd_iommu=off|no5lvl" /proc/cmdline'
ok "the in-tree IOMMU driver has the IOMMU" test -e /sys/class/iommu/ivhd0
ok "the in-tree hypervisor is loaded" wait_for 60 grep -q "^kvm_amd .* Live" /proc/modules
ok "none of our modules is" sh -c '! grep -qE "^(iommu_amd|pci_assign|svm|kvm_core) " /proc/modules'
ok "nor can be" sh -c '! modprobe iommu-amd 2>/dev/null'
ok "the card has the host's driver" test "$(pci_driver $NIC)" = e1000e
dev=$(ifname $NIC)
ip link set "$dev" up; ip addr add 10.0.2.15/24 dev "$dev"
ok "and works" wait_for 30 ping -c 1 -W 2 10.0.2.2
ok "no unit failed" sh -c 'systemctl --failed --no-legend | tee /dev/stderr | grep -q . && exit 1 || exit 0'
