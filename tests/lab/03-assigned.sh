#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job: the guest drives the host's real e1000e, given by -pcidevice.
. "$(dirname "$0")/lib.sh"
boot host --iperf --timeout 240 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm || exit 1
step_assigned
JOB
finish
