# SPDX-License-Identifier: GPL-2.0
#
# Guests that run no script of ours (firmware, other kernels, other hypervisors),
# on the emulated host (`. /lab/vms.sh`, after steps.sh): started, spoken to by
# their serial line, and judged by what they say on it.

# vm_start NAME VMM [QEMU arguments]: VMM is debian or patched. What the guest
# says goes to /tmp/NAME.com.
vm_start()
{
	vm=$1 _vmm=$2; shift 2
	: >/tmp/$vm.com
	"/bin/qemu-$_vmm" -accel kvm -cpu host -nodefaults -display none -no-reboot -L /lab \
		-chardev socket,id=com,path=/tmp/$vm.sock,server=on,wait=off,logfile=/tmp/$vm.com \
		-serial chardev:com -monitor unix:/tmp/$vm.hmp,server=on,wait=off \
		"$@" 2>/tmp/$vm.err </dev/null &
	vm_pid=$!
}

vm_alive() { kill -0 "$vm_pid" 2>/dev/null; }
vm_heard() { tr -d '\r' <"/tmp/$vm.com" | grep -qaE "$1"; }
vm_line() { tr -d '\r' <"/tmp/$vm.com" | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' | grep -aoE "$1" | tail -n 1; }

# vm_says SECONDS REGEX: until the guest says so, or is gone
vm_says()
{
	_left=$(($1 * 5))
	until vm_heard "$2"; do
		vm_alive || { sleep 1; vm_heard "$2"; return; }
		_left=$((_left - 1))
		[ $_left -gt 0 ] || return 1
		usleep 200000
	done
}

vm_type() { printf "$1" | socat -t 1 - "UNIX-CONNECT:/tmp/$vm.sock" >/dev/null; }

# What there is to know of a guest that did not do as it should
vm_tell()
{
	note "QEMU: $(cat /tmp/$vm.err)"
	tr -d '\r' <"/tmp/$vm.com" | tail -n 30 | sed 's/[^[:print:]]/./g; s/^/# com: /'
	vm_alive || return 0
	echo 'info registers -a' | timeout 5 socat -t 2 - "UNIX-CONNECT:/tmp/$vm.hmp" |
		head -n 60 | sed 's/[^[:print:]]//g; s/^/# cpu: /'
}

# vm_ok WHAT SECONDS REGEX: a test point that the guest says so
vm_ok()
{
	_t=$(cut -d. -f1 /proc/uptime)
	if vm_says "$2" "$3"; then
		pass "$vm: $1 ($(($(cut -d. -f1 /proc/uptime) - _t)) s)"
	else
		fail "$vm: $1"
		vm_tell
		return 1
	fi
}

# No wrong sum, no report; the kernel's advice on side channels is none, nor is that
# it was not built with a mitigation (i386 kernels).
vm_clean()
{
	! grep -aE 'guest wrong|BUG|WARNING|Call Trace' /tmp/$vm.com |
		grep -vE 'hw-vuln/|WARNING: kernel not compiled with'
}

vm_gone() { ! vm_alive; }

# The guest is to end by itself in SECONDS
vm_ends()
{
	if wait_for "$1" vm_gone; then
		pass "$vm: ends by itself"
	else
		fail "$vm: ends by itself"
		vm_tell
	fi
	vm_stop
}

vm_stop()
{
	kill $vm_pid 2>/dev/null
	wait $vm_pid 2>/dev/null
	rm -f /tmp/$vm.sock /tmp/$vm.hmp
}

# ---- the guests -----------------------------------------------------------------
# vm_initrd FILE BUSYBOX: a user space of one program and one script, for kernels
# of BUSYBOX's kind
vm_initrd()
{
	rm -rf /tmp/root
	mkdir -p /tmp/root/bin /tmp/root/dev /tmp/root/proc /tmp/root/tmp
	cp "$2" /tmp/root/bin/busybox
	ln -s busybox /tmp/root/bin/sh
	cp /lab/guest-init /tmp/root/init
	chmod +x /tmp/root/init /tmp/root/bin/busybox
	(cd /tmp/root && find . | cpio -o -H newc 2>/dev/null) >"$1"
}

# vm_linux NAME VMM KERNEL INITRD CPUS [QEMU arguments]
vm_linux()
{
	_name=$1 _vmm=$2 _kernel=$3 _initrd=$4 _cpus=$5; shift 5
	vm_start "$_name" "$_vmm" -smp "$_cpus" -m 256 -kernel "$_kernel" -initrd "$_initrd" \
		-append "console=ttyS0 panic=-1 loglevel=5" "$@"
	vm_ok "user space" 150 "guest up: .*, $_cpus CPUs" || { vm_stop; return 1; }
	note "$(vm_line 'guest up:.*')"
	vm_ok "its work is right" 60 "guest end: [0-9]+ sums" || { vm_stop; return 1; }
	ok "$_name: no sum was wrong, no kernel report" vm_clean
	vm_ends 30
}
