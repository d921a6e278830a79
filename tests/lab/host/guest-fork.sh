# SPDX-License-Identifier: GPL-2.0
# In a guest: programs start and end on every CPU while memory is under load:
# address spaces come, go, and are switched between. For FORK_S seconds, and until each CPU has
# started four programs and the load has come round twice.
. /lab/lab.sh
echo "mark up"
echo "guest: Linux $(uname -r), $(nproc) CPUs"
memload 2 "${LOAD_MIB:-16}" >/tmp/load.out &
load=$!
# What a program says after it was started by a program that was forked.
starts()
{
	_n=0
	_end=$(($(cut -d. -f1 /proc/uptime) + ${FORK_S:-20}))
	while [ $_n -lt 4 ] || [ "$(cut -d. -f1 /proc/uptime)" -lt $_end ]; do
		_n=$((_n + 1))
		[ "$(sh -c "echo \$(($_n * 3))" | cat)" = $((_n * 3)) ] || { echo "wrong"; return; }
	done
	echo $_n
}
cpu=0
while [ $cpu -lt "$(nproc)" ]; do
	starts >/tmp/starts.$cpu &
	pids="$pids $!"
	cpu=$((cpu + 1))
done
wait $pids
for f in /tmp/starts.*; do
	ok "programs started, each said the right thing: $(cat $f)" test "$(cat $f)" -gt 3
done
twice() { [ "$(wc -l </tmp/load.out)" -gt 1 ]; }
wait_for 120 twice
ok "memory was under load: $(tail -n 1 /tmp/load.out)" twice
ok "no word of it was wrong" sh -c '! grep -v " bad 0 back 0" /tmp/load.out'
kill $load
