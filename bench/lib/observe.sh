# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154
# Sourced by benchmarks: one observer at a time, what a loop takes without and with it, and rows. Wants
# $O and $results, a folder. An observer that does not run here is in $absent with the reason.

PATH=$PATH:/usr/sbin:/sbin
declare -A absent=()
helper=  # process that observes
held=    # its standard input, where it ends with that
tracefs= # what we mounted

# hold COMMAND...: starts one that says "ready", and ends when its standard input does.
hold() {
	coproc holder { exec "$@" 2>"$results/why"; }
	helper=$holder_PID held=${holder[1]}
	read -r _ <&"${holder[0]}"
}

# peer COMMAND...: starts one, and waits until its programs are attached: it says so, or has links.
peer() {
	setpriv --pdeathsig TERM "$@" >"$results/said" 2>"$results/why" &
	helper=$!
	for _ in {1..100}; do
		kill -0 "$helper" 2>/dev/null || return 1
		! grep -q ready "$results/said" || return 0
		! find "/proc/$helper/fd" -lname 'anon_inode:bpf_link' 2>/dev/null | grep -q . || return 0
		sleep 0.1
	done
	echo "attaches nothing within 10 s" >"$results/why"
	return 1
}

observe() { # WHO
	case $1 in
	light | deep | empty) hold "$O/bench/bench_sensor" hold "$1" ;;
	syscount | execsnoop) peer "$1" ;;
	bpftrace)
		peer bpftrace -e 'tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }
			interval:ms:500 { printf("ready\n"); }'
		;;
	auditd) audit_watch ;;
	esac
}

unobserve() { # [WHO]
	local patience=50
	[ "${1:-}" != auditd ] || audit_rest
	[ -n "$helper" ] || return 0
	if [ -n "$held" ]; then
		eval "exec $held>&-"
		patience=300 # it has more to clear away
	else
		kill "$helper" 2>/dev/null || true
	fi
	for _ in $(seq $patience); do
		kill -0 "$helper" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$helper" 2>/dev/null || true
	wait "$helper" 2>/dev/null || true
	helper='' held=''
}

# Peers attach to tracepoints by their numbers there.
tracefs_begin() {
	grep -q ' tracefs ' /proc/self/mounts && return
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null && tracefs=/sys/kernel/tracing
}

tracefs_end() {
	[ -z "$tracefs" ] || umount "$tracefs" || true
	tracefs=
}

take() { # WHEN WHO LOOP...
	local when=$1 who=$2 loop ms
	shift 2
	for loop; do
		case $loop in # in proportion to how long one takes
		call) ms=50 ;;
		exec) ms=400 ;;
		*) ms=150 ;;
		esac
		"$O/bench/bench_calls" "$loop" $ms >>"$results/$loop.$who.$when"
	done
}

# compare WHO LOOP...: before, with, and after the observer, because a machine's speed drifts.
compare() {
	local who=$1
	[ -z "${absent[$who]:-}" ] || return 0
	take before "$@"
	if observe "$who"; then
		take with "$@"
	else
		absent[$who]="does not run here: $(tail -n 1 "$results/why")"
	fi
	unobserve "$who"
	take after "$@"
}

median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.3f", a / b; else print "-" }'; }

# adds LOOP WHO UNIT COLUMN: the median of the differences. COLUMN is 1 for what a call mostly takes,
# 2 for what it takes all in all.
adds() {
	paste -d ' ' "$results/$1.$2".{with,before,after} |
		awk -v at="$4" -v per="$([ "$3" = us ] && echo 1000 || echo 1)" \
			'NF == 6 { printf "%.1f\n", ($at - ($(at + 2) + $(at + 4)) / 2) / per }' | median
}

# noise LOOP UNIT: by how much two runs differ that nobody observes, one before and one after an observer.
noise() {
	cat "$results/$1".*.before | paste -d ' ' - <(cat "$results/$1".*.after) |
		awk -v per="$([ "$2" = us ] && echo 1000 || echo 1)" '{
			by = ($1 > $3 ? $1 - $3 : $3 - $1) / per
			printf "%.1f\n", by
		}' | median
}

# row NAME LOOP WHO UNIT [PEER [COLUMN]]: what WHO adds to what a call mostly takes, and what PEER does.
row() {
	local ours theirs
	ours=$(adds "$2" "$3" "$4" 1)
	if [ -z "${5:-}" ]; then
		echo "sensor.$1 $ours $4"
	elif [ -z "${absent[$5]:-}" ]; then
		theirs=$(adds "$2" "$5" "$4" "${6:-1}")
		echo "sensor.$1 $ours $4 $5 $theirs $(ratio "$ours" "$theirs")"
	else
		echo "sensor.$1 $ours $4"
		echo "# no $5 beside it: ${absent[$5]}"
	fi
}
