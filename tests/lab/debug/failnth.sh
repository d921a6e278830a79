# SPDX-License-Identifier: GPL-2.0
# For the flows that let allocations fail: failnth built, and what the kernel
# says of each. It shows where one failed; a report has a line of its own, and
# kmemleak asks for memory too. An interrupt's files in /proc are made without a
# look at whether they could be (register_irq_proc) and missed when it is freed;
# our modules make no file there. A module's tracepoint that gets no memory for its
# fields is a warning of the tracing core (event_define_fields), not its caller's.
# A class that cannot be registered loses its name (6.1's __class_register).
. "$(dirname "$0")/../lib.sh"
failnth=build/debug/failnth
point "failnth compiles" gcc -O2 -Wall -Wextra -Werror -static -I. -o $failnth tests/lab/debug/failnth.c
boot_failing()
{
	local allow="Call Trace:|kmemleak: Cannot allocate a scan area"
	allow="$allow|WARNING: .* at fs/proc/generic\.c:[0-9]+ remove_proc_entry\+"
	allow="$allow|WARNING: .* at kernel/trace/trace_events\.c:[0-9]+ event_define_fields\+"
	boot "$1" --timeout 300 --allow "$allow" --allow-leak ' __class_register\+' \
		--file $failnth --file tests/lab/debug/inject.sh
}
