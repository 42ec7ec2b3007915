#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/sensor.sh: what sensing adds to what others do (a system call, opening and closing a file,
# running a program, connecting and closing), beside its peers; then what the sensor itself takes.
#
# Times of one machine say little, and they drift: each figure is the median of differences between a
# loop with an observer and the same loop right before and after. What a machine that is not quiet makes
# of that is told as well.
set -euo pipefail
cd "$(dirname "$0")/.."
O=${O:-build}
rounds=${ROUNDS:-9}
results=$(mktemp -d "${TMPDIR:-/tmp}/tacit-bench-XXXXXX")
. bench/lib/observe.sh
. bench/lib/auditd.sh

# shellcheck disable=SC2317 # by the trap
cleanup() {
	trap '' INT TERM
	unobserve
	audit_end
	tracefs_end
	rm -rf "$results"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$O/tacitd" --check-host || exit 77
tracefs_begin || echo "# no tracefs: peers that need it will be missing"
for peer in syscount bpftrace execsnoop; do
	command -v $peer >/dev/null || absent[$peer]="not installed"
done

for _ in $(seq "$rounds"); do
	for _ in {1..3}; do for who in empty light deep; do compare $who call; done; done
	compare light exec connect
	compare deep file exec connect
	compare syscount call
	compare bpftrace call
	compare execsnoop exec
	[ $SECONDS -lt 90 ] || break # a busy machine makes fewer rounds of it
done
# Last, because it is felt by tasks of others that begin meanwhile.
audit_begin
for _ in $(seq $(((rounds + 1) / 2))); do
	compare auditd file exec connect
	[ $SECONDS -lt 105 ] || break
done
audit_end

echo "sensor.call_unobserved $(cut -d ' ' -f 1 "$results/call.light.before" | median) ns"
row call_empty_program_adds call empty ns
row call_light_adds call light ns
for peer in empty syscount bpftrace; do row call_deep_adds call deep ns $peer; done
row file_deep_adds file deep ns auditd
# Files opened without a pause have to wait for auditd to write; nothing ever waits for us.
row file_deep_adds_sustained file deep ns auditd 2
row exec_light_adds exec light us execsnoop
for peer in execsnoop auditd; do row exec_deep_adds exec deep us $peer; done
for tier in light deep; do row connect_${tier}_adds connect $tier us auditd; done
echo "# two unobserved runs differ by $(noise call ns) ns a call, $(noise file ns) ns a file," \
	"$(noise exec us) us an exec, $(noise connect us) us a connection"

"$O/bench/bench_sensor" open
for tasks in 500 5000; do
	hold "$O/bench/bench_services" 500 $tasks 20
	"$O/bench/bench_sensor" drain "500_services_${tasks}_tasks"
	unobserve
done
