# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # cgroups is read by who reads this
#
# Services of a test: functions that run in cgroups of their own, and what they need of Debian. Whoever
# reads this calls end_units and undo_all before it ends.

cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
running=()
undo=()

# begin_unit NAME FUNCTION: runs it in a cgroup of that name.
begin_unit() {
	mkdir "$cgroups/$1"
	running+=("$1")
	(
		trap - EXIT INT TERM
		echo "$BASHPID" >"$cgroups/$1/cgroup.procs"
		exec >/dev/null 2>&1 </dev/null
		set +e
		"$2"
	) &
	disown
}

# A container runtime may have made cgroups of that name in other hierarchies too.
end_units() {
	local unit
	for unit in "${running[@]}"; do
		echo 1 >"$cgroups/$unit/cgroup.kill"
		for _ in {1..50}; do
			find "$cgroups/$unit" /sys/fs/cgroup/*/"$unit" -depth -type d -exec rmdir {} + \
				2>/dev/null || true
			[ -d "$cgroups/$unit" ] || break
			sleep 0.1
		done
	done
	running=()
}

undo_all() {
	local command
	for command in "${undo[@]}"; do $command; done
	undo=()
}

is_function() { [ "$(type -t "$1")" = function ]; }
is_open() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 12000))
		is_open "$port" || { echo "$port"; return; }
	done
	return 1
}

# await_port PORT: until somebody listens, for ten seconds.
await_port() {
	for _ in {1..100}; do
		is_open "$1" && return
		sleep 0.1
	done
	return 1
}

# install_packages PACKAGE...: services that packages bring are not to start.
install_packages() {
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		undo+=('rm -f /usr/sbin/policy-rc.d')
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
	fi
	tests/deps.sh "$@"
}
