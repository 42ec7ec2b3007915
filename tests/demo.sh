#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A fleet on this machine, end to end: an aggregator with its own CA, one live tacitd that senses this
# kernel, virtual hosts that replay recorded windows, two rounds, and an odd burst that is flagged.
# Everything lives in one temporary folder and is gone afterwards, also on Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

O=${O:-build}
hosts=${HOSTS:-240}      # virtual hosts
rounds=${ROUNDS:-2}      # rounds to run
learn_sec=${LEARN_SEC:-45} # how long the live host watches normal life before the burst
service=tacit-demo-backup.service

say() { printf '\n\033[1m== %s\033[0m\n' "$*" | { [ -t 1 ] && cat || sed 's/\x1b\[[0-9]*m//g'; }; }
note() { printf '   %s\n' "$*"; }

# Exits 3 and says what is missing, in the agent's own words.
"$O/tacitd" --check-host || exit $?

dir=$(mktemp -d "${TMPDIR:-/tmp}/tacit-demo.XXXXXX")
pids=()
cgroup=

cleanup() {
	local pid
	trap '' INT TERM
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	if [ -n "$cgroup" ]; then
		echo 1 >"$cgroup/cgroup.kill" 2>/dev/null || true
		for _ in 1 2 3 4 5; do rmdir "$cgroup" 2>/dev/null && break || sleep 0.2; done
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "demo: $*" >&2
	for log in "$dir"/*.log; do
		[ -s "$log" ] && { echo "--- ${log##*/}" >&2; tail -n 15 "$log" >&2; }
	done
	exit 1
}

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds.
wait_for() {
	local left=$(($1 * 5)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $((left--)) -gt 0 ] || fail "$what did not happen in time"
		sleep 0.2
	done
}

# A port of the loopback interface that nobody listens on.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 20000))
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
	return 1
}

status() { "$O/tacit" --config "$dir/agent.conf" "$@"; }
fleet() { "$O/tacit-aggregator" --config "$dir/aggregator.conf" "$@"; }
json_number() { sed -nE "s/.*\"$1\": *([0-9]+).*/\1/p" | head -n 1; }

port=$(free_port) metrics=$(free_port)
cat >"$dir/aggregator.conf" <<-EOF
	listen = 127.0.0.1:$port
	metrics_listen = 127.0.0.1:$metrics
	names = localhost,127.0.0.1
	url = https://127.0.0.1:$port
	state_dir = $dir/aggregator
	admin_socket = $dir/aggregator/admin
EOF
cat >"$dir/agent.conf" <<-EOF
	state_dir = $dir/agent
	control_socket = $dir/agent/control
	enrol.token_file = $dir/token
	window_ms = 500
	user =
	alerts_per_day = 10
	privacy.max_epsilon = 10
EOF
mkdir -m 700 "$dir/aggregator" "$dir/agent"

say "tacit-aggregator starts on 127.0.0.1:$port, with a certificate authority of its own"
fleet serve >"$dir/aggregator.log" 2>&1 &
pids+=($!)
wait_for 20 "the aggregator's start" fleet status
fleet task set classes=host,backup.service,build.service,database.service,web.service \
	noise_multiplier=1 round_sec=20 collect_sec=18 min_cohort=20 "max_cohort=$((hosts + 1))" |
	sed 's/^/   /'

say "a token for $((hosts + 1)) hosts"
(umask 077; fleet token create --uses $((hosts + 1)) --ttl 1h --label site=demo >"$dir/token")
note "one line, $(wc -c <"$dir/token") bytes: the URL, a secret, and the pin of the CA's key"

say "tacitd senses this kernel ($(uname -r)) and enrols"
"$O/tacitd" --config "$dir/agent.conf" >"$dir/tacitd.log" 2>&1 &
pids+=($!)
wait_for 20 "tacitd's start" status status
