# SPDX-License-Identifier: GPL-2.0
# In a guest with many CPUs: each of them runs a program, and each reaches the
# others.
. /lab/lab.sh
echo "mark up"
on_cpu() { taskset "$(printf '0x%x' $((1 << $1)))" sh -c 'read -r a </proc/self/stat; set -- ${a##*) }; echo ${37}'; }
echo "guest: Linux $(uname -r), $(nproc) CPUs"
ok "the guest has $WANT_CPUS CPUs" test "$(nproc)" = "$WANT_CPUS"
cpu=0 stray=
while [ $cpu -lt "$WANT_CPUS" ]; do
	[ "$(on_cpu $cpu)" = $cpu ] || stray="$stray $cpu"
	cpu=$((cpu + 1))
done
ok "each of its CPUs runs a program" test -z "$stray" || note "not: $stray"
