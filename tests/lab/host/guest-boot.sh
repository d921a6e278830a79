# SPDX-License-Identifier: GPL-2.0
# In the guest: reached user space; say what it is.
. /lab/lab.sh
echo "mark up"
echo "guest: Linux $(uname -r), $(nproc) CPUs, $(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo) MiB"
ok "the guest has $WANT_CPUS CPUs" test "$(nproc)" = "$WANT_CPUS"
ok "all its CPUs run programs" sh -c 'for c in $(seq 0 $(($(nproc) - 1))); do taskset $((1 << c)) true || exit 1; done'
a=$(irq_total 'LOC:'); sleep 1; b=$(irq_total 'LOC:')
ok "its local timers tick ($((b - a)) in 1 s)" test $((b - a)) -gt 10
ok "its clock advances" sh -c 'a=$(date +%s); sleep 2; b=$(date +%s); [ $((b - a)) -ge 1 ] && [ $((b - a)) -le 6 ]'
note "clocksource: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
