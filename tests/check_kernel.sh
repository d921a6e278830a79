#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kernel hygiene: the modules build without a warning at W=1, sparse finds
# nothing, and checkpatch finds nothing but what is listed and argued here. TAP.
cd "$(dirname "$0")/.." || exit 1
. tests/point.sh
SHOWN=30

dirs="gpm msi kvm-core iommu-amd svm pci-assign"

# tests/run builds the modules with these checks on and keeps the words; by
# itself this script does the same.
log=build/modules.log
[ -s "$log" ] || make --no-print-directory modules C=1 >"$log" 2>&1
point "the modules build" "$(for m in kvm-core svm iommu-amd pci-assign; do
	[ -e $m.ko ] || echo "$m.ko is missing; $log ends: $(tail -n 3 $log)"; done)"
point "with no warning at W=1 and nothing from sparse" \
	"$(grep -E '(warning|error):' "$log")"

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
files=$(git ls-files $(printf '%s/*.[chS] ' $dirs) env.h addr.h compat_linux.h)
found=$("$checkpatch" --no-tree --terse --no-summary --show-types \
	--ignore "$kept" -f $files 2>/dev/null | grep -E ': (ERROR|WARNING)')
point "checkpatch finds nothing in $(wc -w <<<"$files") files" "$found"
echo "1..$n"
[ "$bad" -eq 0 ]
