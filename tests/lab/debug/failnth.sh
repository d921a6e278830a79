# SPDX-License-Identifier: GPL-2.0
# For the flows that let allocations fail: failnth built, and what the kernel
# says of each. It shows where one failed; a report has a line of its own, and
# kmemleak asks for memory too.
. "$(dirname "$0")/../lib.sh"
failnth=build/debug/failnth
point "failnth compiles" gcc -O2 -Wall -Wextra -Werror -static -I. -o $failnth tests/lab/debug/failnth.c
boot_failing()
{
	boot "$1" --timeout 300 --allow "Call Trace:|kmemleak: Cannot allocate a scan area" \
		--file $failnth --file tests/lab/debug/inject.sh
}
