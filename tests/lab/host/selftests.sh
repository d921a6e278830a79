# SPDX-License-Identifier: GPL-2.0
#
# Linux's KVM selftests on the emulated host (`. /lab/selftests.sh`). Each says
# by its exit status what became of it: 0 passed, 4 skipped. A line
#   result NAME pass|skip|fail|late SECONDS WHAT IT SAID
# for each goes to the flow, which compares the stacks.

# Options that make a test fit an emulated machine of two CPUs, as far as its
# own command line allows.
selftest_args()
{
	case $1 in
	access_tracking_perf_test) echo "-b 16M -v 2" ;;
	demand_paging_test) echo "-b 16M -v 2 -u MISSING" ;;
	dirty_log_perf_test) echo "-i 2 -b 16M -v 2" ;;
	dirty_log_test) echo "-i 4 -I 10" ;;
	kvm_page_table_test) echo "-b 16M -v 2" ;;
	max_guest_memory_test) echo "-c 2 -m 1 -s 1" ;;
	memslot_modification_stress_test) echo "-i 50 -v 2 -b 16M" ;;
	memslot_perf_test) echo "-l 1 -r 1 -s 256" ;;
	set_memory_region_test) echo 4 ;;
	xapic_ipi_test) echo "-s 3" ;;
	esac
}

# What it said: the reason to skip, or the assertion and what follows it.
selftest_words()
{
	{ grep -m 1 -iE 'requirement not met|# SKIP|not supported' "$1" ||
		grep -A 4 -m 1 'Test Assertion Failure' "$1" | tail -n +2 ||
		tail -n 3 "$1"
	} | tr '\n\t' '  ' | cut -c1-300
}

run_selftest() # NAME
{
	_t0=$(cut -d. -f1 /proc/uptime)
	timeout "${SELFTEST_S:-120}" "/tmp/selftests/$1" $(selftest_args "$1") \
		>/tmp/selftest.out 2>&1 </dev/null
	_rc=$?
	case $_rc in
	0) _what=pass ;;
	4) _what=skip ;;
	143) _what=late ;;	# by TERM
	*) _what=fail ;;
	esac
	_s=$(($(cut -d. -f1 /proc/uptime) - _t0))
	_words=
	[ $_what = pass ] || _words=$(selftest_words /tmp/selftest.out)
	[ $_what != fail ] || sed 's/^/# | /' /tmp/selftest.out | tail -n 30
	echo "result $1 $_what $_s $_words"
}

run_selftests() # NAME...
{
	mkdir -p /tmp/selftests
	tar -xf /lab/selftests.tar -C /tmp/selftests
	# Their C library's own registration would be in the way of rseq_test's.
	export GLIBC_TUNABLES=glibc.pthread.rseq=0
	echo 0 >/proc/sys/kernel/randomize_va_space
	for _name in "$@"; do
		[ -x "/tmp/selftests/$_name" ] || { echo "result $_name none 0 not built"; continue; }
		run_selftest "$_name"
	done
}
