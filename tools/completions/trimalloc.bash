# trimalloc.bash -- completion of the command trimalloc for bash.

# The processes that have trimalloc in them.
_trimalloc_pids() {
	grep -l libtrimalloc /proc/[0-9]*/maps 2>/dev/null | cut -d / -f 3
}

# The names of mallctl in the process that the line names.
_trimalloc_names() {
	local word
	for word in "${COMP_WORDS[@]:2}"; do
		if [[ $word =~ ^[0-9]+$ ]]; then
			"${COMP_WORDS[0]}" ctl "$word" --list 2>/dev/null | cut -d ' ' -f 1
			return
		fi
	done
}

_trimalloc_reply() { # words, the word to complete
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# What follows an option; returns 1 where the word before is none.
_trimalloc_value() { # command, option, the word to complete
	case $2 in
	--lib) mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
	--pid) _trimalloc_reply "$(_trimalloc_pids)" "$3" ;;
	--tab) _trimalloc_reply "summary arenas classes threads" "$3" ;;
	--sort | -s)
		_trimalloc_reply "pid command rss allocated cached dirty threads" "$3" ;;
	--option | -o)
		[ "$1" = run ] || return 1
		compopt -o nospace
		_trimalloc_reply "$("${COMP_WORDS[0]}" options 2>/dev/null |
			sed 's/ .*/:/')" "${3%%:*}" ;;
	--listen) _trimalloc_reply "127.0.0.1:9497" "$3" ;;
	--watch | --timeout | --deadline | --delay | -d | --count) COMPREPLY=() ;;
	*) return 1 ;;
	esac
}

_trimalloc() {
	local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} options pids
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		_trimalloc_reply "run stats top trim ctl dump options exporter version
			help --help --version" "$word"
		return
	fi
	# readline takes a = and a : for words of their own.
	_trimalloc_value "$command" "${COMP_WORDS[COMP_CWORD - 1]}" "$word" && return
	case $command in
	run) options="-o --option --lib --control --help" ;;
	stats) options="--json --xml --prometheus --openmetrics --watch --diff --count --timeout --help" ;;
	top) options="--once --tab --sort --delay --help" ;;
	trim) options="--timeout --help" ;;
	ctl) options="--list --call --timeout --help" ;;
	dump) options="--socket --timeout --help" ;;
	options) options="--lib --timeout --help" ;;
	exporter) options="--listen --pid --classes --deadline --help" ;;
	version) options="--lib --help" ;;
	help) options="run stats top trim ctl dump options exporter version" ;;
	*) return ;;
	esac
	case $command:$word in
	*:-*) _trimalloc_reply "$options" "$word" ;;
	run:*) mapfile -t COMPREPLY < <(compgen -c -- "$word"; compgen -f -- "$word") ;;
	help:*) _trimalloc_reply "$options" "$word" ;;
	ctl:*)
		pids=$(_trimalloc_names)
		_trimalloc_reply "${pids:-$(_trimalloc_pids)}" "$word" ;;
	stats:* | top:* | trim:* | dump:* | options:*)
		_trimalloc_reply "$(_trimalloc_pids)" "$word" ;;
	esac
}

complete -F _trimalloc trimalloc
