#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/lab/27-traits.sh with a million random steps of a card's interrupts.
SHUFFLE=1000000
. "$(dirname "$0")/../27-traits.sh"
