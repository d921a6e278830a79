#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What belongs to the operator's command and no compiler looks at: its manual
# page (each command, option and exit code is in it, and it renders) and its
# completion for bash. TAP.
cd "$(dirname "$0")/.." || exit 1
. tests/point.sh
cd tools/backplane || exit 1

page=$(MANWIDTH=80 man -l backplane.8 2>&1 | sed 's/.\x08//g')
commands=$(sed -n 's/^\t{ "\([a-z]*\)", cmd_.*/\1/p' main.c)
options=$(sed -n '/argp_options\[\]/,/^};/s/^\t{ "\([a-z]*\)", .*/\1/p' main.c)
missing=
for c in $commands; do grep -qE "^ +$c\b" <<<"$page" || missing+="$c "; done
[ "$(wc -w <<<"$commands")" -ge 7 ] || missing+="(commands in main.c) "
point "the manual page has each command" "$missing"
missing=
for o in $options; do grep -q -- "--$o" <<<"$page" || missing+="--$o "; done
[ "$(wc -w <<<"$options")" -ge 10 ] || missing+="(options in main.c) "
point "and each option" "$missing"
missing=
for x in $(sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]*\),.*/\1/p' cmd.h); do
	grep -qE "^ +$x " <<<"$page" || missing+="$x "
done
point "and each exit code of cmd.h" "$missing"
point "it renders without a warning" "$(LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z backplane.8 2>&1 >/dev/null)"

. ./backplane.bash
complete_words() # WORDS...: what is offered for the last one
{
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_backplane
	echo "${COMPREPLY[*]}"
}
got=$(complete_words backplane "")
point "completion offers the commands" "$(for c in $commands; do [[ " $got " == *" $c "* ]] || echo "not $c in: $got"; done)"
point "completes a command" "$([ "$(complete_words backplane rec)" = recover ] || complete_words backplane rec)"
got=$(complete_words backplane bind --)
point "offers a command's own options" "$([[ $got == *--owner* && $got == *--force* && $got != *--interval* ]] || echo "$got")"
point "users after --owner" "$([[ " $(complete_words backplane bind --owner roo) " == *" root "* ]] || echo "no root")"
got=$(for o in $options; do for c in $commands; do complete_words backplane "$c" "--$o"; done; done)
point "and no option is forgotten" "$(for o in $options; do [[ $got == *"--$o"* ]] || echo "--$o"; done)"
echo "1..$n"
[ "$bad" -eq 0 ]
