#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The emulator against the CPU for some minutes, from a seed of EMUL_SEED (else of
# the clock).
export EMUL_SEED=${EMUL_SEED:-$(date +%s)} EMUL_CASES=${EMUL_CASES:-300}
echo "# seed $EMUL_SEED"
exec "$(dirname "$0")/../16-emulator.sh"
