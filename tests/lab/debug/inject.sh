# SPDX-License-Identifier: GPL-2.0
#
# Failing allocations on the emulated host's debug kernel (`. /lab/inject.sh`).
# Allocations that may sleep fail as well, and pages too; the kernel says
# nothing of each.
for _f in failslab fail_page_alloc; do
	echo 0 >/sys/kernel/debug/$_f/verbose
	echo N >/sys/kernel/debug/$_f/ignore-gfp-wait
done
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order

# inject ARGUMENTS...: failnth's TAP, its own plan taken out
inject()
{
	failnth "$@" >/tmp/inject.out 2>&1
	sed -e '/^1\.\./d' -e 's/^\(not ok\|ok\) [0-9]* /\1 /' /tmp/inject.out
	ok "failnth $1 came to its end" grep -q '^1\.\.' /tmp/inject.out
}
