#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/lab/24-kills.sh a thousand times over.
KILLS=1000 QEMU_KILLS=5
. "$(dirname "$0")/../24-kills.sh"
