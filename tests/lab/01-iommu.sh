#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# iommu-amd takes the IOMMU over; the host's own card works through it, with
# remapped MSI-X interrupts that may move between CPUs.
. "$(dirname "$0")/lib.sh"
boot host --iperf <<'JOB'
. /lab/steps.sh
step_iommu || exit 1
step_affinity || exit 1
step_native
JOB
finish
