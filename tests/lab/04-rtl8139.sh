#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The comparison: an emulated card on a tap, bridged to the host's real one.
. "$(dirname "$0")/lib.sh"
boot host --iperf --timeout 240 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm || exit 1
step_rtl8139
JOB
finish
