# SPDX-License-Identifier: GPL-2.0
#
# On the emulated host (`. /lab/migrate.sh`, after steps.sh): a guest whose
# memory is under load is saved and loaded, then moves to a second QEMU. Its
# own words on every round it has checked (tests/lab/memload.c) are the proof.

# qmp SOCKET COMMAND...: each a JSON object; prints what QEMU answers
qmp()
{
	_sock=$1; shift
	{ echo '{"execute":"qmp_capabilities"}'; for _c in "$@"; do echo "$_c"; done; sleep 0.3; } |
		socat -t 3 - "UNIX-CONNECT:$_sock"
}
hmp() { qmp "$1" "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"$2\"}}"; }

# One job of QEMU's: job SOCKET ID COMMAND, until it has concluded
job()
{
	qmp "$1" "$3" | grep '"error"'
	_n=0
	until qmp "$1" '{"execute":"query-jobs"}' | grep -q '"status": "concluded"'; do
		_n=$((_n + 1))
		[ $_n -lt 60 ] || return 1
		sleep 0.5
	done
	_r=$(qmp "$1" '{"execute":"query-jobs"}' "{\"execute\":\"job-dismiss\",\"arguments\":{\"id\":\"$2\"}}" | grep '"status"')
	! echo "$_r" | grep '"error": "'
}

# The whole lines of FILE. One that the guest was saying when it was saved or
# moved is in two halves; the counts of its next line include it.
said() { grep -E '^round [0-9]+ bad [0-9]+ back [0-9]+.?$' "$1"; }
# The last round that the guest, whose output is in FILE, has said
last_round() { said "$1" | awk '{ r = $2 } END { print r + 0 }'; }
# rounds_more FILE N: it has done N more since
past() { [ "$(last_round "$1")" -ge "$2" ]; }
rounds_more() { wait_for 60 past "$1" $(($(last_round "$1") + $2)); }
# No round found a wrong word or a clock that went back
load_clean() { said "$1" | awk '{ n++ } $4 != 0 || $6 != 0 { bad = 1; print } END { exit bad || !n }'; }

# load_guest NAME [QEMU arguments]: starts one, output in /tmp/NAME.out, its job
# is $NAME_job
load_guest()
{
	_name=$1; shift
	guest --vmm debian --accel "${LOAD_ACCEL:-kvm}" --timeout 300 --log /tmp/$_name.log --qmp /tmp/$_name.qmp \
		--pidfile /tmp/$_name.pid /lab/guest-load.sh -- "$@" >/tmp/$_name.out 2>/tmp/$_name.err &
	eval "${_name}_job=\$!"
}

# An image to keep snapshots in: no device of the guest, so no driver
snapshot_image()
{
	job "$1" mk1 '{"execute":"blockdev-create","arguments":{"job-id":"mk1","options":{"driver":"file","filename":"/tmp/snap.qcow2","size":0}}}' &&
	qmp "$1" '{"execute":"blockdev-add","arguments":{"driver":"file","node-name":"snapfile","filename":"/tmp/snap.qcow2"}}' >/dev/null &&
	job "$1" mk2 '{"execute":"blockdev-create","arguments":{"job-id":"mk2","options":{"driver":"qcow2","file":"snapfile","size":1048576}}}' &&
	qmp "$1" '{"execute":"blockdev-add","arguments":{"driver":"qcow2","node-name":"snap","file":"snapfile"}}' >/dev/null
}
snapshot() # SOCKET save|load
{
	job "$1" "$2" "{\"execute\":\"snapshot-$2\",\"arguments\":{\"job-id\":\"$2\",\"tag\":\"one\",\"vmstate\":\"snap\",\"devices\":[\"snap\"]}}"
}

step_snapshot()
{
	ok "an image for snapshots" snapshot_image /tmp/src.qmp || return 1
	ok "the guest is saved" snapshot /tmp/src.qmp save || return 1
	_saved=$(last_round /tmp/src.out)
	ok "it runs on (from round $_saved)" rounds_more /tmp/src.out 3 || return 1
	hmp /tmp/src.qmp stop >/dev/null
	sleep 0.5
	_then=$(last_round /tmp/src.out)
	_lines=$(wc -l </tmp/src.out)
	ok "and is loaded" snapshot /tmp/src.qmp load || return 1
	hmp /tmp/src.qmp cont >/dev/null
	wait_for 60 sh -c "[ \$(wc -l </tmp/src.out) -gt $((_lines + 2)) ]"
	# The first line may begin with what it was saying when it was stopped, and
	# end with what it was saying when it was saved: a whole one of neither.
	_now=$(sed "1,$((_lines + 1))d" /tmp/src.out >/tmp/after.out; said /tmp/after.out | awk '{ print $2; exit }')
	ok "it goes on where it was saved (round ${_now:-none}, had been at $_then)" \
		test "${_now:-999999}" -le $((_saved + 3)) -a "${_now:-999999}" -lt "$_then"
	ok "no word was wrong, no clock went back" load_clean /tmp/src.out
}

migration_ended() { qmp /tmp/src.qmp '{"execute":"query-migrate"}' >/tmp/mig.out; grep -qE '"status": "(completed|failed|cancelled)"' /tmp/mig.out; }

step_migrate()
{
	qmp /tmp/src.qmp '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":0,"downtime-limit":5000}}' \
		'{"execute":"migrate","arguments":{"uri":"unix:/tmp/mig.sock"}}' | grep '"error"'
	wait_for 90 migration_ended
	_passes=$(sed -n 's/.*"dirty-sync-count": \([0-9]*\).*/\1/p' /tmp/mig.out)
	ok "the guest has moved (${_passes:-0} passes over its memory)" grep -q '"status": "completed"' /tmp/mig.out ||
		{ note "$(cat /tmp/mig.out)"; return 1; }
	ok "it was alive meanwhile: memory went over more than once" test "${_passes:-0}" -ge 2
	_gone=$(last_round /tmp/src.out)
	ok "the second QEMU runs it on" wait_for 60 past /tmp/dst.out $((_gone + 3))
	qmp /tmp/src.qmp '{"execute":"quit"}' >/dev/null
	wait $src_job
	_gone=$(last_round /tmp/src.out)	# now that all it said is there
	ok "no word was wrong, no clock went back" load_clean /tmp/dst.out
	# The line that was being said may be half here, half there.
	_first=$(said /tmp/dst.out | awk '{ print $2; exit }')
	ok "no round was lost or done twice (left at $_gone, went on at ${_first:-none})" \
		test "${_first:-0}" -gt $_gone -a "${_first:-999999}" -le $((_gone + 3))
	note "rounds: $_gone before, $(last_round /tmp/dst.out) after"
}
