# SPDX-License-Identifier: GPL-2.0
# In the guest: memory under load on every CPU, until the VMM ends.
. /lab/lab.sh
echo -1 >/proc/sys/kernel/sched_rt_runtime_us	# memload's parent, however long the guest was away
echo "mark up"
memload 2 "${LOAD_MIB:-16}"
