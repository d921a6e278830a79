# SPDX-License-Identifier: GPL-2.0
#
# Completion of backplane(8) for bash.
_backplane()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local command= word bound=/sys/class/backplane all=/sys/bus/pci/devices
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		list|bind|release|doctor|status|top|recover) command=$word; break ;;
		esac
	done
	case $prev in
	--owner|-o) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--memory|-m|--interval|-i|--count|-n) return ;;
	--sysroot) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	esac
	if [[ $cur == -* ]]; then
		local options="--json --sysroot --help --version"
		case $command in
		list) options+=" --verbose --all" ;;
		bind) options+=" --owner --group --force --config" ;;
		release) options+=" --force --group --all" ;;
		doctor) options+=" --memory" ;;
		top) options+=" --interval --count" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $command in
	"") mapfile -t COMPREPLY < <(compgen -W "list bind release doctor status top recover" -- "$cur") ;;
	list|bind) [ ! -d $all ] || mapfile -t COMPREPLY < <(compgen -W "$(ls $all)" -- "$cur") ;;
	release|recover) [ ! -d $bound ] || mapfile -t COMPREPLY < <(compgen -W "$(ls $bound)" -- "$cur") ;;
	esac
	# A PCI address has colons, at which readline breaks words.
	[[ $(type -t __ltrim_colon_completions) != function ]] || __ltrim_colon_completions "$cur"
}
complete -F _backplane backplane
