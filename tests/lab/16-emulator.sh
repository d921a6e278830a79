#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The emulator against the CPU, in a guest: the same random instruction with its
# operands in memory and in a hole (tests/lab/emulcpu.c). Before it what the
# architecture says of single instructions and events (tests/lab/archabi.c).
. "$(dirname "$0")/lib.sh"
boot host --timeout $((120 + ${EMUL_CASES:-12} * 5)) --env SEED="${EMUL_SEED:-1}" --env CASES="${EMUL_CASES:-12}" <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
run_tap archabi
run_tap emulcpu $SEED $CASES
JOB
finish
