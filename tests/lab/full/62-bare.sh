#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A kernel of our own, booted as test suites for hypervisors are (tests/lab/bare): what
# the architecture says of real mode, page rights, exceptions, NMIs, debug registers,
# MSRs, both forms of the local APIC, the IOAPIC, operands in a device. On Debian's
# KVM and on ours in the same machine, ours with nested and with shadow paging: where
# Debian's passes a point, ours must. The emulated CPU's own faults show in both.
# BARE=task,pv tests/run full 62 runs some groups only.
. "$(dirname "$0")/../lib.sh"

# $1 name, $2 stack, $3 npt, then options of the machine. Its CPU has protection keys
# and 5-level paging for its guests, its time stamps agree (else no clock is stable).
run_on()
{
	local name=$1 stack=$2 npt=$3
	shift 3
	STACK=$stack boot "$name" --timeout 500 --cpu EPYC-Rome,nrip-save=off,+pku,+la57 \
		--cmdline "no5lvl tsc=reliable" \
		--env NPT="$npt" --env BARE="${BARE:-}" "$@" <<'JOB'
. /lab/steps.sh
. /lab/bare.sh
load_kvm || exit 1
bare_all
JOB
	sed -n 's/^result //p' "$TAP" >"build/bare.$name"
}

# $1 yardstick, $2 ours: what passed there passes here, but what fits the pattern $3
compare()
{
	local config what n bad without=${3:-^$}
	for config in $(cut -d: -f1 "build/bare.$1" | sort -u); do
		n=0 bad=0
		while IFS= read -r what; do
			n=$((n + 1))
			grep -qxF -- "$what" "build/bare.$2" && continue
			bad=$((bad + 1))
			echo "# ${what%: pass}: passes on Debian's KVM, not on $2"
		done < <(grep "^$config: .*: pass$" "build/bare.$1" | grep -vE "$without")
		point "$2, $config: what passes on Debian's KVM ($n points)" test "$bad" = 0 -a "$n" -gt 0
	done
	grep -xFf <(sed -n 's/: fail$/: pass/p' "build/bare.$1") "build/bare.$2" |
		sed "s/: pass$/: passes on $2, not on Debian's KVM/; s/^/# /"
}

# What is tried on ours alone: every point passes
operands()
{
	case ",${BARE:-emul}," in *,emul,*) ;; *) return ;; esac
	point "$1: instructions with a device's operand do what they do in memory" \
		sh -c "grep -q '^operands: bare: the groups are done: pass$' build/bare.$1 && ! grep '^operands: .*: fail$' build/bare.$1"
}

run_on intree intree ''
run_on ours ours ''
compare intree ours
operands ours
run_on shadow ours 0 --svm all
# Protection keys come with nested paging only, as with Linux's KVM.
compare intree shadow 'protection keys|PKRU|OSPKE'
operands shadow
finish
