#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Rogue DMA: refused, reported with the right card, address and access, host
# memory unharmed, the guest and its other card unimpressed.
. "$(dirname "$0")/lib.sh"
boot host --iperf --timeout 240 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm || exit 1
step_rogue
JOB
finish
