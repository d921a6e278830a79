#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The same injection with Debian's own IOMMU driver, kvm-amd and vfio-pci on
# the same machine: an independent driver must name the same device, address
# and access, or the machine is only consistent with us.
STACK=intree
. "$(dirname "$0")/lib.sh"
boot host --timeout 240 <<'JOB'
. /lab/steps.sh
step_iommu && load_kvm || exit 1
TRANSFER=no step_rogue
JOB
finish
