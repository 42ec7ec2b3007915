#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/tacitd.sh: what a tacitd as it is shipped takes on a host of 500 services with 5,000 tasks, of
# which 20 services are at work. Windows of one second, no uplink, a database on disk.
#
# A young tacitd keeps every window as a sample, an older one ever fewer: the first minute has a row of
# its own, and is followed by three in a hurry.
set -euo pipefail
cd "$(dirname "$0")/.."
O=${O:-build}
results=$(mktemp -d "${TMPDIR:-/tmp}/tacit-bench-XXXXXX")
daemon=
. bench/lib/observe.sh

# shellcheck disable=SC2317 # by the trap
cleanup() {
	trap '' INT TERM
	[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
	unobserve
	wait 2>/dev/null || true
	rm -rf "$results"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

services() {
	"$O/tacit" status --json --config "$results/agent.conf" |
		sed -nE 's/^ *"services": ([0-9]+),$/\1/p'
}
memory() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$daemon/status"; }

# Nanoseconds on a processor, of all its threads.
processor_ns() { cat "/proc/$daemon"/task/*/schedstat | awk '{ ns += $1 } END { printf "%d", ns }'; }

configure() { # WINDOW_MS
	cat >"$results/agent.conf" <<-CONF
		state_dir = $results/state
		control_socket = $results/run/control
		user = nobody
		log_level = warning
		uplink.enabled = no
		sensor.pin_dir =
		window_ms = $1
	CONF
}

start() {
	setpriv --pdeathsig TERM "$O/tacitd" --config "$results/agent.conf" &
	daemon=$!
	for _ in {1..100}; do
		[ ! -S "$results/run/control" ] || return 0
		sleep 0.1
	done
	return 1
}

stop() {
	kill "$daemon"
	wait "$daemon" || true
	daemon=
}

# Of one processor, in percent.
processor() { # SECONDS
	local before began
	before=$(processor_ns) began=$(date +%s%N)
	sleep "$1"
	awk -v used=$(($(processor_ns) - before)) -v of=$(($(date +%s%N) - began)) \
		'BEGIN { printf "%.2f", 100 * used / of }'
}

"$O/tacitd" --check-host || exit 77
hold "$O/bench/bench_services" 500 5000 20
chmod 0711 "$results"

configure 1000
start
sleep 5
echo "tacitd.processor_first_minute $(processor 15) %"
stop
configure 200 # the shortest there are
start
sleep 35
stop
configure 1000
start
sleep 5
echo "tacitd.processor $(processor 25) %"
echo "tacitd.services $(services) services"
echo "tacitd.resident $(memory VmRSS) KiB"
echo "tacitd.anonymous $(memory RssAnon) KiB"
stop
