# SPDX-License-Identifier: GPL-2.0
# In the guest: memory under load on every CPU, until the VMM ends.
. /lab/lab.sh
echo "mark up"
memload 2 "${LOAD_MIB:-16}"
