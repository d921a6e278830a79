#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The quick part of the card matrix (make cards is the whole): a card behind a
# PCI Express port, one behind a conventional bridge, and one whose I/O ports
# the guest reaches without an exit.
exec "$(dirname "$0")/cards/run" bridge
