# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154
# Sourced by benchmarks: auditd as Debian configures it, but for a log of its own, and rules for files
# opened, programs run and connections made.
#
# From the first time that audit is enabled, every new task pays for it at every system call until the
# machine is restarted, unless a rule says never. That rule is left behind. A guard sees to it, and to the
# end of auditd, whatever becomes of the benchmark.

audit_unpacked=$O/bench/peers # by bench/lib/unpack.sh
PATH=$PATH:$PWD/$audit_unpacked/sbin:$audit_unpacked/sbin
audit_libraries=$(find "$audit_unpacked" -name '*.so.*' -printf '%h:' 2>/dev/null || true)
audit_never=(-a 'never,task')
audit_calls=openat,execve,connect
[ "$(uname -m)" != x86_64 ] || audit_calls=open,$audit_calls
audit_daemon=
audit_guard=

audit() { LD_LIBRARY_PATH=$audit_libraries auditctl "$@" >/dev/null 2>"$results/why"; }
audit_status() { LD_LIBRARY_PATH=$audit_libraries auditctl -s | awk -v key="$1" '$1 == key { print $2 }'; }

# Says what is in the way, if anything is.
audit_obstacle() {
	local rules
	if ! command -v auditd >/dev/null || ! command -v auditctl >/dev/null; then
		echo "not installed (make bench unpacks it)"
	elif ! audit -s; then
		echo "no way to the kernel's audit: $(tail -n 1 "$results/why")"
	elif [ "$(audit_status enabled) $(audit_status pid)" != "0 0" ]; then
		echo "an audit is running here, which it would disturb"
	else
		rules=$(LD_LIBRARY_PATH=$audit_libraries auditctl -l)
		case $rules in
		"No rules" | "${audit_never[*]}") ;;
		*) echo "audit rules are set here, which it would disturb" ;;
		esac
	fi
}

audit_configure() { # FOLDER: 40 MB of log at most
	mkdir -m 0700 "$1" "$1/log" "$1/plugins"
	cat >"$1/auditd.conf" <<-END
		log_file = $1/log/audit.log
		log_group = root
		log_format = ENRICHED
		flush = INCREMENTAL_ASYNC
		freq = 50
		max_log_file = 8
		max_log_file_action = ROTATE
		num_logs = 5
		priority_boost = 4
		space_left = 75
		space_left_action = IGNORE
		admin_space_left = 50
		admin_space_left_action = SUSPEND
		disk_full_action = SUSPEND
		disk_error_action = SUSPEND
		plugin_dir = $1/plugins
	END
	chmod 0640 "$1/auditd.conf"
}

# Stops what is written, then who writes it.
audit_reset() { # BACKLOG WAIT FAILURE
	audit -e 0
	audit -D
	audit "${audit_never[@]}"
	kill "$audit_daemon" 2>/dev/null
	audit -b "$1" --backlog_wait_time "$2" -f "$3"
}

audit_start() {
	LD_LIBRARY_PATH=$audit_libraries setpriv --pdeathsig TERM \
		auditd -n -s nochange -c "$results/audit" >"$results/why" 2>&1 &
	audit_daemon=$!
	# shellcheck disable=SC2068 # three words
	coproc guard {
		set +e
		trap '' INT TERM HUP
		read -r _
		audit_reset $@
	}
	audit_guard=${guard[1]}
	for _ in {1..30}; do
		[ "$(audit_status pid)" != "$audit_daemon" ] || return 0
		sleep 0.1
	done
	return 1
}

# Does what it can; $absent[auditd] says why if it cannot.
audit_begin() {
	absent[auditd]=$(audit_obstacle)
	[ -z "${absent[auditd]}" ] || return 0
	audit_configure "$results/audit"
	# shellcheck disable=SC2046 # three words
	audit_start $(for key in backlog_limit backlog_wait_time failure; do audit_status $key; done) &&
		audit -D && audit "${audit_never[@]}" && audit -b 8192 --backlog_wait_time 60000 -f 1 ||
		absent[auditd]="does not start here: $(tail -n 1 "$results/why")"
}

audit_watch() {
	audit -D && audit -a always,exit -F arch=b64 -S "$audit_calls" && audit -e 1
}

# Until the next time, which begins with an empty queue.
audit_rest() {
	audit -e 0 || true
	audit -D || true
	audit "${audit_never[@]}" || true
	for _ in {1..30}; do
		[ "$(audit_status backlog)" != 0 ] || break
		sleep 0.1
	done
}

audit_end() {
	[ -n "$audit_guard" ] || return 0
	eval "exec $audit_guard>&-"
	audit_guard=
	wait "$guard_PID" "$audit_daemon" 2>/dev/null || true
}
