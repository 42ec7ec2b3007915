#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/data/day.sh SECONDS FILE: records a host with several ordinary services at a modest load, all at
# once, with tacitd as it is by default, to see how often it cries wolf (tacit-sim judge). Needs root, and
# what record.sh needs. What else runs on the machine shows in the host's windows, and is its noise.
set -euo pipefail
seconds=$1
file=$(realpath "$2")
cd "$(dirname "$0")/../.."

O=${O:-build}
base=$(mktemp -d)
chmod 711 "$base"
. tests/data/units.sh
. tests/data/workloads.sh
. tests/data/modest.sh
services=(idle backup database postgresql web ssh)

cleanup() {
	[ $? -ne 1 ] || tail -n 15 "$base/log" >&2
	trap '' INT TERM
	end_units
	undo_all
	rm -rf "$base"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start SERVICE: dir and port are those that its functions saw when they began.
start() {
	dir=$base/$1
	mkdir -m 711 "$dir"
	port=$(free_port)
	if is_function "$1_prepare"; then
		"$1_prepare" >>"$base/log" 2>&1 </dev/null
	fi
	begin_unit "day-$1.service" "$1"
	if is_function "$1_clients"; then
		await_port "$port" || { echo "day: $1 does not listen" >&2; exit 1; }
		begin_unit "day-$1-clients.service" "$1_clients"
	fi
}

cat >"$base/agent.conf" <<-END
	state_dir = $base/state
	control_socket = $base/state/control
	user =
	uplink.enabled = no
	sensor.pin_dir =
END
install_packages "${packages[@]}" curl
mkdir -m 700 "$base/state"
renice -n 19 $$ >/dev/null
for service in "${services[@]}"; do start "$service"; done
code=0
nice -n -19 timeout --foreground "$seconds" \
	"$O/tacitd" --config "$base/agent.conf" --record "$file" >>"$base/log" 2>&1 || code=$?
[ $code -eq 124 ] || { echo "day: tacitd ended too early" >&2; exit 1; }
"$O/tacit" --config "$base/agent.conf" anomalies
