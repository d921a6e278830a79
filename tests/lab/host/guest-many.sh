# SPDX-License-Identifier: GPL-2.0
# In a guest with many CPUs: each of them runs a program, and the kernel found
# and uses what the hypervisor offers.
. /lab/lab.sh
echo "mark up"
echo "guest: Linux $(uname -r), $(nproc) CPUs"
# The CPU that a program runs on, as it sees it (field 39 of its stat).
on_cpu() { taskset "$(printf '0x%x' $((1 << $1)))" sh -c 'read -r a </proc/self/stat; set -- ${a##*) }; echo ${37}'; }
ok "the guest has $WANT_CPUS CPUs" test "$(nproc)" = "$WANT_CPUS"
cpu=0 stray=
while [ $cpu -lt "$WANT_CPUS" ]; do
	[ "$(on_cpu $cpu)" = $cpu ] || stray="$stray $cpu"
	cpu=$((cpu + 1))
done
ok "each of its CPUs runs a program" test -z "$stray" || note "not: $stray"
dmesg >/tmp/dmesg
for word in 'PV spinlocks enabled' 'PV IPIs' 'pv remote TLB flush' \
	'PV sched yield'; do
	ok "its kernel says: $word" grep -qi "$word" /tmp/dmesg
done
# Each CPU is told, by the interrupt of async page faults, to wake who waits.
told=$(awk '/HYP:/ { for (i = 2; i < NF; i++) if ($i ~ /^[1-9]/) n++; print n + 0 }' /proc/interrupts)
ok "each CPU enabled async page faults ($told)" test "$told" -ge "$WANT_CPUS"
steal=$(awk '$1 == "cpu" { print $9 }' /proc/stat)
ok "time was stolen from it ($steal ticks)" test "$steal" -gt 0
note "clocksource: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
