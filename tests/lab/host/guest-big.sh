# SPDX-License-Identifier: GPL-2.0
# In a guest with as much memory as its host has: LOAD_MIB of it is written, read
# and checked word by word, by two processes.
. /lab/lab.sh
echo "mark up"
mib=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
echo "guest: Linux $(uname -r), $(nproc) CPUs, $mib MiB"
ok "the guest's memory is its own to use ($mib of $WANT_MIB MiB)" test "$mib" -gt $((WANT_MIB * 9 / 10))
memload 2 $((LOAD_MIB / 2)) >/tmp/load.out &
load=$!
ok "$LOAD_MIB MiB are written, read and written again" wait_for 240 grep -q "^round 1 " /tmp/load.out
ok "no word of it was wrong ($(tail -n 1 /tmp/load.out))" sh -c '! grep -v " bad 0 back 0" /tmp/load.out'
kill $load
