# SPDX-License-Identifier: GPL-2.0
# In a guest whose CPU has protection keys and 5-level paging.
. /lab/lab.sh
echo "mark up"
for f in pku ospke la57; do
	ok "its CPU has $f" grep -qw $f /proc/cpuinfo
done
LA57=1 /lab/pkeys 5 | sed -e '/^1\.\./d' -e 's/^\(not ok\|ok\) [0-9]* /\1 /'
