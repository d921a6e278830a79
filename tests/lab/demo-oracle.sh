# SPDX-License-Identifier: GPL-2.0
# The demo's second boot: the rogue DMA again, with Debian's own modules.
. /lab/steps.sh
oracle() { step_iommu && load_kvm && TRANSFER=no step_rogue; }
echo "stage step_rogue start"
if oracle; then echo "stage step_rogue ok"; else echo "stage step_rogue failed"; exit 1; fi
