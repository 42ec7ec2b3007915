#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/data/record.sh [SECONDS [WORKLOAD...]]: records what ordinary services look like to the real
# sensor on this kernel, as the recordings beside it that the demo and the simulator replay; all that
# are in workloads.sh when none is named, a minute of each. Needs root. Installs what is missing with
# apt-get; services that this brings are not started, but would be at the next boot, so not for a
# machine that matters. The less else runs, the more the host's windows are about the service.
set -euo pipefail
cd "$(dirname "$0")/../.."

O=${O:-build}
seconds=${1:-60}
dir=$(mktemp -d) # of one workload
own=$(mktemp -d)
: >"$own/log"
. tests/data/units.sh
. tests/data/workloads.sh
workloads=("${@:2}")
[ ${#workloads[@]} -gt 0 ] || workloads=("${all[@]}")

# What was said last says why it failed.
cleanup() {
	[ $? -ne 1 ] || tail -n 15 "$own/log" >&2
	trap '' INT TERM
	end_units
	undo_all
	rm -rf "$dir" "$own"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "record: $*" >&2
	exit 1
}

# start WORKLOAD: until it can be recorded.
start() {
	rm -rf "$dir"
	mkdir -m 711 "$dir"
	port=$(free_port)
	if is_function "$1_prepare"; then
		"$1_prepare" >"$own/log" 2>&1 </dev/null
	fi
	begin_unit "$1.service" "$1"
	if is_function "$1_clients"; then
		await_port "$port" || fail "$1.service does not listen"
		begin_unit record-clients.service "$1_clients"
	fi
	sleep 3
}

# With a state of its own, so that it learns from nothing else. It is to be ended by the time alone.
record() {
	local code=0
	rm -rf "$own/state"
	mkdir -m 700 "$own/state"
	timeout --foreground "$seconds" \
		"$O/tacitd" --config "$own/agent.conf" --record "$own/record.tacit" >"$own/log" 2>&1 || code=$?
	[ $code -eq 124 ] || fail "tacitd ended too early"
}

# keep WORKLOAD: what else ran is nobody's business, nor is the id of this host.
keep() {
	"$O/tacit-sim" convert "$own/record.tacit" "$own/record.csv"
	awk -F , -v OFS=, -v workload="$1" '
		NR <= 2 { print; next }
		$2 == "host" || $2 == workload ".service" { $1 = workload; print }
	' "$own/record.csv" >"$own/$1.csv"
	awk -F , 'NR > 2 { n[$2 == "host"]++ } END { exit !(n[1] && n[0] >= 0.9 * n[1]) }' "$own/$1.csv" ||
		fail "$1.service is missing from too many windows"
	"$O/tacit-sim" convert "$own/$1.csv" "$own/$1.tacit"
	mv "$own/$1.tacit" tests/data/
	printf '%-12s %4d windows, %6d bytes\n' "$1" "$(($(wc -l <"$own/$1.csv") - 2))" \
		"$(stat -c %s "tests/data/$1.tacit")"
}

cat >"$own/agent.conf" <<-END
	state_dir = $own/state
	control_socket = $own/state/control
	window_ms = 500
	user =
	uplink.enabled = no
	log_level = warning
	sensor.pin_dir =
	sensor.overhead_budget_pct = 0
	sensor.max_services = 4096
END
install_packages "${packages[@]}"
for workload in "${workloads[@]}"; do
	start "$workload"
	record
	keep "$workload"
	end_units
done
