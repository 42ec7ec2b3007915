#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/sensor.sh: what sensing costs a system call (a getppid() loop, runs alternating with none, the
# light tier, the deep tier and libbpf-tools' syscount), and what a drain of 500 services takes.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${O:-build}/bench/bench_sensor
rounds=${ROUNDS:-7}
syscount=$(command -v syscount || echo /usr/sbin/syscount)
results=$(mktemp -d)
helper=

cleanup() {
	[ -z "$helper" ] || kill "$helper" 2>/dev/null || true
	rm -rf "$results"
}
trap cleanup EXIT

[ "$(id -u)" -eq 0 ] || {
	echo "# needs root"
	exit 77
}

loop() { "$program" loop >>"$results/$1"; }

with_tier() {
	coproc holder { exec "$program" hold "$1"; }
	# shellcheck disable=SC2154 # coproc sets it
	helper=$!
	read -r _ <&"${holder[0]}" || exit 77 # "ready"
	loop "$1"
	eval "exec ${holder[1]}>&-"
	wait "$helper" || true
	helper=
}

with_syscount() {
	"$syscount" -d 60 >/dev/null 2>&1 &
	helper=$!
	sleep 1.5
	kill -0 "$helper"
	loop syscount
	kill -INT "$helper"
	wait "$helper" || true
	helper=
}

median() { sort -n "$results/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a - b }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'; }

for _ in $(seq "$rounds"); do
	loop none
	with_tier light
	with_tier deep
	[ ! -x "$syscount" ] || with_syscount
done

none=$(median none)
light=$(less "$(median light)" "$none")
deep=$(less "$(median deep)" "$none")
echo "sensor.call_unobserved $none ns"
echo "sensor.call_light_adds $light ns"
if [ -x "$syscount" ]; then
	peer=$(less "$(median syscount)" "$none")
	echo "sensor.call_deep_adds $deep ns syscount $peer $(ratio "$deep" "$peer")"
else
	echo "sensor.call_deep_adds $deep ns"
	echo "# syscount is missing (apt install libbpf-tools): no peer"
fi
"$program" drain 500
