#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What /dev/kvm offers, beside Debian's own KVM in the same machine: capabilities,
# CPUID leaves for guests, MSRs. What differs has a line in offer.known that says
# why: an extended regular expression, a tab, the reason. The lists are left in
# build/offer.intree and build/offer.ours.
. "$(dirname "$0")/../lib.sh"
KNOWN=tests/lab/full/offer.known
for stack in intree ours; do
	STACK=$stack boot "$stack" --timeout 120 <<'JOB'
. /lab/steps.sh
load_kvm || exit 1
abilist >/tmp/offer
ok "it says what it offers ($(wc -l </tmp/offer) facts)" test "$(wc -l </tmp/offer)" -gt 400
sed 's/^/offer /' /tmp/offer
JOB
	sed -n 's/^offer //p' "$TAP" | sort -u >"build/offer.$stack"
done

# Facts of Debian's that ours lacks or tells otherwise, as "kind key"; of CPUID and of
# what is saved only that the leaf or the register is there. A guest's MSRs with their
# values, but for time.
facts()
{
	awk '$1 == "cap" { print } $1 == "guest" && $2 !~ /^000000(10|3b)$/ { print }
	     $1 == "cpuid" || $1 == "save" || $1 == "feature" { print $1, $2 }' "$1"
}
is_known() { grep -qE "$(cut -f1 "$KNOWN" | sed 's/.*/^(&)( .*)?$/' | paste -sd'|')" <<<"$1"; }
n=0
while read -r fact; do
	n=$((n + 1))
	is_known "$fact" || point "as Debian's KVM: $fact" false
done < <(comm -23 <(facts build/offer.intree | sort -u) <(facts build/offer.ours | sort -u))
point "every difference is known ($n are)" test "$BAD" = 0
while IFS=$'\t' read -r what why; do
	point "a known difference has its reason: $what" test -n "$why"
done <"$KNOWN"
finish
