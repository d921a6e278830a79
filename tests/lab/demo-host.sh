# SPDX-License-Identifier: GPL-2.0
# What `make demo` runs on the emulated host: every step of the main job in a
# row, each between "stage" lines that the demo turns into progress.
. /lab/steps.sh
stage()
{
	echo "stage $1 start"
	if "$1"; then
		echo "stage $1 ok"
	else
		echo "stage $1 failed"
		exit 1
	fi
}
stage step_iommu
stage step_native
stage step_boot
stage step_assigned
stage step_rtl8139
stage step_rogue
stage step_teardown
