#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The VMM dies at a random moment, 240 times: Debian's QEMU with a Linux guest
# anywhere from its start to user space, and a small VMM with a hostile guest. Nothing
# may be left, and the modules unload.
. "$(dirname "$0")/../lib.sh"
boot host --timeout 590 --env SEED="${KILL_SEED:-$RANDOM}" <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
note "seed $SEED"
RANDOM=$SEED
no_vm() { [ "$(cat /sys/kernel/debug/kvm/vms)" = 0 ]; }
# kill_after MAX-MS COMMAND...
kill_after()
{
	_max=$1; shift
	"$@" >/dev/null 2>&1 </dev/null &
	_pid=$!
	usleep $(((RANDOM * 32768 + RANDOM) % (_max * 1000)))
	kill -0 $_pid 2>/dev/null && alive=$((alive + 1))
	kill -9 $_pid
	wait $_pid 2>/dev/null
}
some()
{
	alive=0 i=0
	while [ $i -lt $1 ]; do
		kill_after 300 hostile $((SEED + i)) 60
		[ $((i % 3)) != 0 ] || kill_after 4000 /bin/qemu-debian -M q35 -accel kvm -cpu host -smp 2 -m 128 \
			-nodefaults -display none -no-reboot -kernel /guest/vmlinuz -append "console=ttyS0 panic=-1" -serial null
		i=$((i + 1))
	done
}
counts >/tmp/before
some 12		# what is allocated once is now
ok "no VM is left after the first" wait_for 10 no_vm
before=$(kernel_kb)
some 168
note "$alive of $((168 + 56)) were alive when they were killed"
ok "most of them were" test $alive -gt 112
ok "no VM is left" wait_for 10 no_vm
after=$(kernel_kb)
ok "the kernel's own memory is as before ($before, then $after KiB)" test $((after - before)) -lt 4096
counts >/tmp/after
ok "nor pages, interrupts or nodes" cmp /tmp/before /tmp/after || note "$(cat /tmp/before /tmp/after)"
for m in svm kvm-core; do ok "$m unloads" rmmod $m; done
JOB
finish
