#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kernel hygiene: the modules build without a warning at W=1, sparse finds
# nothing, and checkpatch finds nothing but what is listed and argued here. TAP.
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
point()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		bad=$((bad + 1))
		echo "not ok $n - $1"
		echo "$2" | head -n 30 | sed 's/^/# /'
	fi
}

dirs="gpm msi kvm-core iommu-amd svm pci-assign"

# A copy, so that an up-to-date tree is not built anew and sparse sees all.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r Kbuild pure.mk env.h addr.h $dirs "$copy/"
find "$copy" \( -name '*.o' -o -name '.*.cmd' -o -name '*.mod*' \) -delete
log=$(make -C "${KDIR:-$(ls -d /usr/src/linux-headers-6.1.*-amd64 | sort -V | tail -n 1)}" \
	M="$copy" W=1 C=2 -j2 modules 2>&1)
rc=$?
point "the modules build (status $rc)" "$([ $rc -eq 0 ] || tail -n 5 <<<"$log")"
point "with no warning at W=1 and nothing from sparse" \
	"$(grep -E '(warning|error):' <<<"$log" | sed "s|$copy/||")"

# What is kept against checkpatch's advice, and why:
#  MINMAX, PREFER_DEFINED_ATTRIBUTE_MACRO, VOLATILE, CONST_STRUCT: pure files
#    and env.h live in both worlds and cannot have the kernel's helpers.
#  NEW_TYPEDEFS: the address spaces of addr.h.
#  COMPLEX_MACRO, MACRO_WITH_FLOW_CONTROL: opcode tables and ioctl dispatch,
#    where a row is the point.
#  CONSTANT_COMPARISON, MASK_THEN_SHIFT, FUNCTION_ARGUMENTS: false alarms on
#    masks, static asserts and function-like types.
#  FILE_PATH_CHANGES, LONG_LINE_STRING, SPLIT_STRING, LONG_LINE_COMMENT: style
#    of prose, not of code.
#  BLOCK_COMMENT_STYLE: margins of format tables.
kept=MINMAX,PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE,CONST_STRUCT,NEW_TYPEDEFS,COMPLEX_MACRO,MACRO_WITH_FLOW_CONTROL,CONSTANT_COMPARISON,MASK_THEN_SHIFT,FUNCTION_ARGUMENTS,FILE_PATH_CHANGES,LONG_LINE_STRING,SPLIT_STRING,LONG_LINE_COMMENT,BLOCK_COMMENT_STYLE,LINUX_VERSION_CODE
checkpatch=$(tools/lab/checkpatch)
files=$(git ls-files $(printf '%s/*.[chS] ' $dirs) env.h addr.h)
found=$("$checkpatch" --no-tree --terse --no-summary --show-types \
	--ignore "$kept" -f $files 2>/dev/null | grep -E ': (ERROR|WARNING)')
point "checkpatch finds nothing in $(wc -w <<<"$files") files" "$found"
echo "1..$n"
[ "$bad" -eq 0 ]
