# SPDX-License-Identifier: GPL-2.0
#
# Users of /dev/kvm that are no QEMU, on the emulated host (`. /lab/vmms.sh`).

# A line "result NAME pass|fail|skip" for each of kvm-ioctls' tests, alone in a process.
# What the suite itself marks to be left out (it needs SEV) is skipped.
kvm_ioctls_tests()
{
	chmod +x /lab/kvm-ioctls-tests
	kvm-ioctls-tests --list >/tmp/list
	sed -n 's/: test$//p' /tmp/list >/tmp/names
	while read -r _name; do
		_what=pass
		timeout 60 kvm-ioctls-tests --exact "$_name" >/tmp/crate.out 2>&1 </dev/null || {
			_what=fail
			grep -A 3 -m 1 'panicked at' /tmp/crate.out | sed "s/^/# | /"
		}
		! grep -q '; 1 ignored;' /tmp/crate.out || _what=skip
		echo "result $_name $_what"
	done </tmp/names
}

# gVisor makes namespaces and moves roots, which the kernel refuses where the
# root is an initial file system or a mere chroot: this moves to a tmpfs, for good.
leave_initramfs() # COMMAND...
{
	mkdir /newroot
	mount -t tmpfs -o size=1500m root /newroot
	cp -a /bin /lab /etc /lib /usr /root /newroot/
	for _d in proc sys dev tmp run; do
		mkdir /newroot/$_d
		mount --rbind /$_d /newroot/$_d
	done
	ln -s bin /newroot/sbin
	[ ! -d /lib64 ] || cp -a /lib64 /newroot/
	cd /newroot && mount --move . / && exec chroot . "$@"
}

# One container: the Sentry is the guest's kernel, in its ring 0 and on the host in
# turn, and runs /lab/gvisor-work in the guest's ring 3.
gvisor() # RUNSC
{
	rm -rf /tmp/gvisor
	mkdir /tmp/gvisor
	chmod +x "/lab/$1"
	_t0=$(cut -d. -f1 /proc/uptime)
	# TERM it would hand on to the container; its output is appended, for each of
	# its ends keeps an offset of its own.
	command timeout -s KILL $((120 * SLOWER)) "/lab/$1" \
		--platform=kvm --network=none --ignore-cgroups \
		--root=/tmp/gvisor/root --debug-log=/tmp/gvisor/ \
		do sh /lab/gvisor-work >>/tmp/gvisor/out 2>&1 </dev/null
	_rc=$?
	_s=$(($(cut -d. -f1 /proc/uptime) - _t0))
	sed 's/^/# | /' /tmp/gvisor/out
	ok "$1 runs a container ($_s s)" test $_rc = 0 || tail -n 20 /tmp/gvisor/*boot*
	ok "$1: its kernel is gVisor" grep -q '^work: Starting gVisor' /tmp/gvisor/out
	ok "$1: it ran on /dev/kvm" grep -q 'Platform: kvm' /tmp/gvisor/*boot*
	ok "$1: programs, pipes, signals and memory did as they should" \
		grep -qx 'work: end, wrong 0' /tmp/gvisor/out
}
