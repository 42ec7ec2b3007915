#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/fleet.sh: one secure round of about 10,000 numbers with a real tacit-aggregator and as many virtual
# hosts as HOSTS says (1,000), over HTTPS on the loopback interface: seconds from a phase's first host to
# the median and to the last one, what each host sends and receives, and what either end costs. Both share
# this machine's processors, so the seconds are mostly the hosts' own work, one after the other.
# FLEET_LARGE=1 has a second fleet, of 10,000 hosts in groups, which takes long and ten gigabytes;
# FLEET_LARGE=only has no other. TASK has further words for the task: server=semi-honest dropout=0.2 is k = 66.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build}
place=$(mktemp -d "${TMPDIR:-/tmp}/tacit-bench-XXXXXX")
pids=()

# shellcheck disable=SC2317 # by the trap
cleanup() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

ask() { "$O/tacit-aggregator" --config "$place/aggregator.conf" "$@"; }
enrolled() { ask status --json | sed -n 's/^ *"enrolled": \([0-9]*\),*/\1/p'; }
until_true() { # SECONDS COMMAND...
	local left=$(($1 * 2))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((left--)) -gt 0 ] || return 1
		sleep 0.5
	done
}
# shellcheck disable=SC2317 # by until_true
all_enrolled() { [ "$(enrolled)" = "$1" ] || ! kill -0 "$sim" 2>/dev/null; }

start_aggregator() {
	rm -rf "$place/state"
	mkdir "$place/state"
	cat >"$place/aggregator.conf" <<-END
		listen = 127.0.0.1:0
		names = localhost,127.0.0.1
		state_dir = $place/state
		admin_socket = $place/admin
		metrics_listen =
		log_level = warning
		limits.connections = 20000
		limits.connections_per_peer = 20000
	END
	"$O/tacit-aggregator" --config "$place/aggregator.conf" &
	aggregator=$!
	pids+=("$aggregator")
	until_true 10 ask status || { echo 'the aggregator does not start' >&2; return 1; }
}

# 25 classes of 397 numbers.
set_task() { # HOSTS COLLECT_SEC
	local classes=host
	for i in $(seq 24); do classes+=,service-$i; done
	# shellcheck disable=SC2086 # words
	ask task set "classes=$classes" mode=distributed evaluate_every=0 min_cohort=100 "max_cohort=$1" \
		round_sec=604800 "collect_sec=$2" ${TASK:-} >/dev/null || return 1
	(umask 077 && ask token create --uses "$1" --ttl 1d >"$place/token")
}

# A member of the report.
said() { jq -r "$1" "$place/report" 2>/dev/null; }

print_rows() { # HOSTS
	local name phase
	name=fleet.$1
	for phase in advert shares masked consent answer; do
		echo "$name.sec_to_$phase $(said ".seconds.$phase.median") median $(said ".seconds.$phase.last") last"
	done
	echo "$name.sec_to_release $(ask rounds list --json | jq "[.rounds[] | select(.state == \"released\")][0] |
		def sec: sub(\"\\\\.(?<ms>[0-9]+)Z\"; \"Z\") | fromdate; def ms: capture(\"\\\\.(?<ms>[0-9]+)Z\").ms | tonumber;
		((.closed | sec) - (.opened | sec)) + ((.closed | ms) - (.opened | ms)) / 1000")"
	echo "$name.host_up $(said .bytes.up.mean) bytes $(said .bytes.up.max) most"
	echo "$name.host_down $(said .bytes.down.mean) bytes $(said .bytes.down.max) most"
	echo "$name.server $(said .server.cpu_sec) cpu-seconds $(($(said .server.rss_peak_kib) / 1024)) MiB"
	echo "$name.hosts $(said .sim.cpu_sec) cpu-seconds $(($(said .sim.rss_peak_kib) / 1024)) MiB"
}

bench() { # HOSTS COLLECT_SEC CONNECTIONS LONGEST_POLL
	local code=0
	start_aggregator && set_task "$1" "$2" || return 1
	"$O/tacit-sim" run --token "$place/token" --replay tests/data/web.tacit --hosts "$1" --rounds 1 \
		--parallel "$3" --poll "$4" --timeout $(($2 * 3)) --max-epsilon 100 \
		--server-pid "$aggregator" --json >"$place/report" 2>"$place/progress" &
	sim=$!
	pids+=("$sim")
	until_true "$2" all_enrolled "$1" && ask rounds open >/dev/null || code=1
	wait "$sim" || code=1
	if [ $code -eq 0 ]; then
		print_rows "$1"
	else
		echo "the fleet of $1 did not finish:" >&2
		tail -n 3 "$place/progress" >&2
		ask rounds list >&2
	fi
	kill "$aggregator" && wait "$aggregator"
	return $code
}

command -v jq >/dev/null || { echo 'skipped: jq is not installed (apt-get install jq)'; exit 77; }
hosts=${HOSTS:-1000}
[ "${FLEET_LARGE:-0}" = only ] || bench "$hosts" "${COLLECT_SEC:-300}" "$hosts" 3 || exit 1
# Of so many not all are connected at once: they look in, are told when to come again, and hang up.
[ "${FLEET_LARGE:-0}" = 0 ] || bench 10000 6000 1000 30
