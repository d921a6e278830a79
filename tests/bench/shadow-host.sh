# SPDX-License-Identifier: GPL-2.0
# Shadow paging (npt=0) on the emulated host, for each of $STACKS in turn: an
# entry, a switch of address spaces, and a Linux guest that starts programs and
# tells by its clock how long they took: nanoseconds are instructions, host's and
# guest's. Lines as cost-host.sh prints.
. /lab/steps.sh
NPT=0
FORKS=1500

cat >/tmp/forks.sh <<EOF
read from rest </proc/uptime
n=0
while [ \$n -lt $FORKS ]; do /bin/busybox true; n=\$((n + 1)); done
read to rest </proc/uptime
echo "uptime \$from \$to"
EOF

forks()
{
	guest --smp 1 --vmm debian --timeout 300 /tmp/forks.sh >/tmp/forks.out || return 1
	awk -v n=$FORKS '$1 == "uptime" { t = $3 - $2 }
		END { if (!t) exit 1
		      printf "cost shadow_fork %d\n", t * 1000000 / n }' /tmp/forks.out
}

once() { kvmcost shadow && forks; }

for STACK in $STACKS; do
	echo "stack $STACK"
	load_kvm || exit 1
	once && echo repeat && once || fail "$STACK is measured to the end" || exit 1
	case $STACK in
	ours) rmmod svm && rmmod kvm-core ;;
	intree) rmmod kvm-amd && rmmod kvm ;;
	esac || fail "$STACK unloads" || exit 1
	pass "$STACK is measured, and unloads"
done
