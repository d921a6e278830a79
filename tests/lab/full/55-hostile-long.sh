#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hostile guests for six minutes, from seeds of HOSTILE_SEED (else of the clock).
export HOSTILE_SEED=${HOSTILE_SEED:-$(date +%s)} HOSTILE_SECONDS=${HOSTILE_SECONDS:-360}
exec "$(dirname "$0")/../55-hostile.sh"
