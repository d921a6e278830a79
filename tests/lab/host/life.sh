# SPDX-License-Identifier: GPL-2.0
#
# Guests that live on while their cards come and go, on the emulated host
# (`. /lab/life.sh`): start one, talk to its QEMU, listen to its events, and
# wait for what its script (guest-life.sh) says.
. /lab/steps.sh

# vm NAME [QEMU arguments]: starts one with two empty slots, rp1 and rp2.
# $VM_GUEST: more options of `guest`; $VM_USER: whose process it is; $VM_SCRIPT:
# another one than guest-life.sh.
vm()
{
	_vm=$1; shift
	rm -f /tmp/$_vm.qmp /tmp/$_vm.events /tmp/$_vm.pid
	set -- guest --timeout 500 --mem 256 --log /tmp/$_vm.log --qmp /tmp/$_vm.qmp \
		--pidfile /tmp/$_vm.pid --env DRIVERS="${VM_DRIVERS:-e1000e}" $VM_GUEST \
		"${VM_SCRIPT:-/lab/guest-life.sh}" -- \
		-device pcie-root-port,id=rp1,chassis=1,slot=1 \
		-device pcie-root-port,id=rp2,chassis=2,slot=2 \
		-chardev socket,id=ev,path=/tmp/$_vm.events,server=on,wait=off \
		-mon chardev=ev,mode=control \
		"$@"
	: >/tmp/$_vm.out; : >/tmp/$_vm.err
	if [ -n "$VM_USER" ]; then
		su -s /bin/sh "$VM_USER" -c "exec $*" >/tmp/$_vm.out 2>/tmp/$_vm.err &
	else
		"$@" >/tmp/$_vm.out 2>/tmp/$_vm.err &
	fi
	eval "vm_$_vm=$!"
	wait_for 30 test -S /tmp/$_vm.events || { cat /tmp/$_vm.err; return 1; }
	{ echo '{"execute":"qmp_capabilities"}'; sleep 1000; } |
		socat -t 1000 - UNIX-CONNECT:/tmp/$_vm.events >/tmp/$_vm.log.events 2>/dev/null &
	eval "ev_$_vm=$!"
}
# Ask NAME's QEMU; its answers on standard output. False at an error.
tell() # NAME COMMAND...
{
	_vm=$1; shift
	_want=$(($# + 1))
	: >/tmp/$_vm.answer
	# its end of the line stays open until all is answered
	{
		echo '{"execute":"qmp_capabilities"}'
		for _c in "$@"; do echo "$_c"; done
		wait_for 30 sh -c "[ \$(grep -cE '\"(return|error)\"' /tmp/$_vm.answer) -ge $_want ]"
	} | socat -t 5 - "UNIX-CONNECT:/tmp/$_vm.qmp" >/tmp/$_vm.answer
	cat /tmp/$_vm.answer
	! grep -q '"error"' /tmp/$_vm.answer
}
plug() # NAME BDF ID SLOT [more properties as JSON]
{
	tell "$1" "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"pci-assign\",\"host\":\"$2\",\"id\":\"$3\",\"bus\":\"$4\"$5}}"
}
unplug() { tell "$1" "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"$2\"}}"; }
event() { grep -a "\"event\": \"$2\"" /tmp/$1.log.events | grep -aq -- "$3"; }	# NAME EVENT WORDS
# NAME EVENT WORDS N: more than N of these
more_events() { [ "$(grep -a "\"event\": \"$2\"" /tmp/$1.log.events | grep -ac -- "$3")" -gt $4 ]; }
events() { grep -ac "\"event\": \"$2\"" /tmp/$1.log.events; }
# NAME WORDS: how often the guest has said that
said() { grep -ac -- "mark $2" /tmp/$1.out; }
says() # NAME WORDS [SECONDS [MORE THAN]]
{
	wait_for "${3:-60}" sh -c "[ \$(grep -ac -- 'mark $2' /tmp/$1.out) -gt ${4:-0} ]" || {
		tail -n 5 /tmp/$1.out; tail -n 3 /tmp/$1.err; return 1; }
}
# NAME WORDS: it says so once more from here on
says_more() { says "$1" "$2" 60 "$(said "$1" "$2")"; }
end_vm() # NAME: by quit
{
	tell "$1" '{"execute":"quit"}' >/dev/null
	eval "wait \$vm_$1; kill \$ev_$1 2>/dev/null"
}
vm_faults() { cat /sys/class/backplane/*/faults 2>/dev/null | awk '{ s += $1 } END { print s + 0 }'; }
no_pins() { wait_for 10 sh -c '. /lab/steps.sh; counts | grep -qx "pinned 0"'; }
