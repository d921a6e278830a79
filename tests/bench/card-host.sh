# SPDX-License-Identifier: GPL-2.0
# What cards cost on the emulated host, with $STACK (ours or intree): the IOMMU
# API by dmacost.ko, then MSI-X, page tables and (not in the short sets) attaching by
# cardcost. SETS=all measures twice, with "repeat" between.
. /lab/steps.sh

api()
{
	dmesg -c >/dev/null
	insmod /lab/dmacost.ko bdf=$EDU || return 1
	rmmod dmacost
	dmesg | sed -n 's/.*dmacost: \(cost\|value\)/\1/p'
}

cards()
{
	for c in $EDU $NIC; do
		[ "$(pci_driver $c)" = $ASSIGN_DRIVER ] || pci_bind $c $ASSIGN_DRIVER || return 1
	done
	cardcost msix $NIC && cardcost tables $EDU || return 1
	case $SETS in
	quick|budget) ;;	# it takes 4 GiB and a minute
	*) cardcost attach $EDU $NIC ;;
	esac
}

measure()
{
	for c in $EDU; do [ -z "$(pci_driver $c)" ] || pci_release $c; done
	api && cards
}

echo "stack $STACK"
[ "$STACK" = intree ] || load iommu-amd || exit 1
modprobe e1000e
load_kvm && load_assign || exit 1
measure || { fail "$STACK: cards are measured to the end"; exit 1; }
[ "$SETS" != all ] || {
	echo repeat
	measure || { fail "$STACK: cards are measured again"; exit 1; }
}
pass "$STACK: cards are measured"
