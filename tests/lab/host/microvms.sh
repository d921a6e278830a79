# SPDX-License-Identifier: GPL-2.0
#
# libkrun and stress-ng on the emulated host (`. /lab/microvms.sh`).

# libkrun keeps its guest's files' owners in extended attributes, which Debian 12's
# tmpfs has none of for users: an ext4 disk holds its state and the guest's root.
microvms_unpack()
{
	tar -xf /lab/microvms.tar -C /
	for _m in crc32c_generic ext4 loop; do modprobe $_m; done
	mkdir -p /d
	mount -t ext4 -o loop /lab/guest.ext4 /d || return 1
	mkdir -p /d/tmp
	export LD_LIBRARY_PATH=/v/lib PATH="$PATH:/v/bin" HOME=/root TMPDIR=/d/tmp \
		MSB_HOME=/d/msb MSB_PATH=/v/bin/msb \
		MSB_LIBKRUNFW_PATH="$(echo /v/lib/libkrunfw.so.*)"
}

# Two CPUs, the guest's root shared by virtio-fs: all of its output is kept.
libkrun_guest()
{
	_t0=$(cut -d. -f1 /proc/uptime)
	command timeout -s KILL $((90 * SLOWER)) msb run --no-net --pull never -c 2 -m 256M \
		--no-tty /d/r -- /bin/sh -c \
		'echo "CPUs $(grep -c ^processor /proc/cpuinfo)"; dmesg | grep -i kvm; exec sh /work' \
		>/tmp/krun.out 2>&1 </dev/null
	_rc=$?
	_s=$(($(cut -d. -f1 /proc/uptime) - _t0))
	sed 's/^/# | /' /tmp/krun.out
	ok "libkrun runs a guest ($_s s)" test $_rc = 0
	ok "libkrun: both CPUs are there" grep -qx 'CPUs 2' /tmp/krun.out
	ok "libkrun: the guest's kernel found KVM" grep -q 'Hypervisor detected: KVM' /tmp/krun.out
	ok "libkrun: programs, pipes, signals and memory did as they should" \
		grep -qx 'work: end, wrong 0' /tmp/krun.out
}

# Two at once that make a VM, run real-mode code in it and end it, 30 times each.
stress_kvm()
{
	command timeout -s KILL $((90 * SLOWER)) stress-ng --kvm 2 --kvm-ops 60 --metrics \
		--temp-path /d/tmp >/tmp/stress.out 2>&1 </dev/null
	_rc=$?
	sed 's/^/# | /' /tmp/stress.out
	ok "stress-ng's kvm stressor ends well" test $_rc = 0
	ok "stress-ng: all of its VMs ran" \
		awk '/ metrc: .* kvm / { n = $5 } END { exit !(n >= 60) }' /tmp/stress.out
}
