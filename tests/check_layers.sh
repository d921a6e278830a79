#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The architecture as a test (docs/architecture.md): includes go downwards
# only, pure files include nothing of the kernel's but what exists in both
# worlds, every file says what it is, and nothing is left half done. TAP.
cd "$(dirname "$0")/.." || exit 1
. tests/point.sh

declare -A may=(
	[gpm]="gpm" [msi]="msi"
	[kvm-core]="kvm-core gpm" [iommu-amd]="iommu-amd gpm"
	[svm]="svm kvm-core gpm"
	[pci-assign]="pci-assign kvm-core iommu-amd msi gpm"
)
code=$(git ls-files '*.c' '*.h' '*.S' 2>/dev/null)
[ -n "$code" ] || code=$(find . -path ./build -prune -o -name '*.[chS]' -print | sed 's|^\./||' | grep -v '\.mod\.c$')
[ -n "$code" ] || { echo "Bail out! no code found"; exit 1; }

for dir in gpm msi kvm-core iommu-amd svm pci-assign; do
	wrong=$(for f in $(grep -E "^$dir/" <<<"$code"); do
		sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$f" | while read -r inc; do
			case $inc in env.h|addr.h|compat_linux.h) continue ;; esac
			case " ${may[$dir]} " in *" ${inc%%/*} "*) ;; *) echo "$f includes $inc" ;; esac
		done
	done)
	point "$dir includes only $dir's own and what is below it" "$wrong"
done

wrong=$(for f in $(grep -E '^(gpm|msi|kvm-core|iommu-amd|svm|pci-assign)/.*\.c$' <<<"$code" | grep -v '_linux\.c$'); do
	sed -n 's/^[ \t]*#[ \t]*include[ \t]*<\([^>]*\)>.*/\1/p' "$f" | while read -r inc; do
		case $inc in
		linux/kvm.h|linux/pci_regs.h|linux/vfio.h|linux/types.h) ;;
		*) echo "$f is pure and includes <$inc>" ;;
		esac
	done
done)
point "pure files include only what exists in both worlds" "$wrong"

wrong=$(for f in $(grep -E '^(gpm|msi|kvm-core|iommu-amd|svm|pci-assign)/.*\.c$' <<<"$code" | grep -v '_linux\.c$'); do
	sed 's/\\$//' pure.mk | tr '\t ' '\n\n' | grep -qx "${f%.c}.o" || echo "$f is pure and not in pure.mk"
done)
point "every pure file is in pure.mk, so that it is tested" "$wrong"

wrong=$(for f in $(grep -E '^(gpm|msi|kvm-core|iommu-amd|svm|pci-assign)/.*\.c$' <<<"$code" | grep -v '_linux\.c$'); do
	grep -lqE "\"${f%.c}\.h\"|/$(basename "${f%.c}")[.\"]" tests/unit/test_*.c ||
		[ -e "tests/unit/test_$(basename "$f" .c | tr - _).c" ] || echo "$f has no unit test"
done)
point "every pure file has a unit test" "$wrong"

wrong=$(for f in $code; do
	head -n 1 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0' || echo "$f: the first line is no SPDX line"
	head -n 4 "$f" | grep -qE '^(/\*|\*|//| \*|#)' && sed -n '2,3p' "$f" | grep -qE '/\*|^#|^//' ||
		echo "$f: no head comment"
done)
point "every file begins with its licence and with what it is" "$wrong"

wrong=$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b|[Ff]or now\b|[Pp]laceholder' $code | head)
point "nothing is marked as left undone" "$wrong"

wrong=$(for f in $(grep -E '^(gpm|msi|kvm-core|iommu-amd|svm|pci-assign)/.*\.c$' <<<"$code" | grep -v '_linux\.c$'); do
	[ "$(wc -l <"$f")" -le 700 ] || echo "$f: $(wc -l <"$f") lines"
done)
point "no pure file is longer than 700 lines" "$wrong"

# Headers of the pure world stand alone: each compiles by itself. A header is
# of the kernel's world if it, or one it includes, includes a kernel header.
headers=$(grep -E '^(gpm|msi|kvm-core|iommu-amd|svm|pci-assign)/.*\.h$|^addr\.h$' <<<"$code")
kernel_world=$(for f in $headers; do
	grep -E '^#[ \t]*include <' "$f" |
		grep -vE '<linux/(kvm|pci_regs|vfio|types|ioctl)\.h>' >/dev/null && echo "$f"
done)
while :; do
	more=$(for f in $headers; do
		grep -qx "$f" <<<"$kernel_world" && continue
		for k in $kernel_world; do
			grep -qE "^#[ \t]*include \"$k\"" "$f" && { echo "$f"; break; }
		done
	done)
	[ -n "$more" ] || break
	kernel_world="$kernel_world
$more"
done
wrong=$(for f in $headers; do
	grep -qx "$f" <<<"$kernel_world" && continue
	echo "#include \"$f\"" | gcc -std=gnu11 -I. -Wall -Wextra -Werror -fsyntax-only -x c - 2>&1 | head -n 3
done)
point "every header of the pure world compiles by itself" "$wrong"

echo "1..$n"
[ "$bad" -eq 0 ]
