#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A fleet of tacit-sim's hosts trains an autoencoder in secure rounds at a real tacit-aggregator.
set -u
tests=autoencoder sim=$O/tacit-sim
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
# shellcheck source=tests/integration/lib/aggregator.sh
. tests/integration/lib/aggregator.sh
place=$(mktemp -d /tmp/tacit-autoencoder-XXXXXX)
conf=$place/aggregator.conf
hosts=14 pid='' running=''

# shellcheck disable=SC2317 # by the trap
cleanup() {
	for process in $running $pid; do kill -KILL "$process" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

on_failure() { ask rounds list; tail -n 5 "$place/progress" "$place/report"; }

ask() { "$aggregator" --config "$conf" "$@"; }
# Runs hosts of a kind until each took part in so many rounds, or a time is over.
fleet() { # KIND ROUNDS SECONDS
	ask token create --uses $hosts >"$place/token" && : >"$place/progress"
	"$sim" run --token "$place/token" --replay tests/data/web.tacit --hosts $hosts --kind "$1" \
		--rounds "$2" --parallel 32 --poll 1 --timeout "$3" --max-epsilon 100000 --json \
		>"$place/report" 2>"$place/progress"
}
# shellcheck disable=SC2317 # by until_true
are_enrolled() { [ "$(ask hosts list --json | grep -c '"id"')" -ge $hosts ]; }
rounds_released() { ask rounds list | grep -cE '^[0-9]+ +released +distributed '; }
latest() { ask rounds list | awk '$2 == "released" { print $1; exit }'; }
dimensions() { ask rounds show "$1" --json | sed -n 's/.*"dimensions": *\([0-9]*\).*/\1/p' | head -n 1; }

aggregator_conf "$place"
"$aggregator" --config "$conf" >"$place/log" 2>&1 &
pid=$!
until_true workers_ready ask
check 'an aggregator'

ask task set kind=autoencoder mode=distributed min_cohort=10 max_cohort=$hosts noise_multiplier=0.1 corrupt=0 \
	dropout=0.1 classes=host round_sec=2 collect_sec=2 >"$place/said" 2>&1 &&
	ask task show --json | grep -q '"kind": *"autoencoder"'
check 'the task may be an autoencoder'

fleet autoencoder 3 120
check 'three secure rounds of hosts that train one'
[ "$(rounds_released)" -ge 3 ] && [ "$(dimensions "$(latest)")" -gt 5000 ]
check 'released, each the sum of a network'"'"'s weights'
grep -q '"dissent": *0' "$place/report" && ! grep -q '"dissent": *[1-9]' "$place/report"
check 'and each is what the hosts'"'"' vectors add up to'

fleet gaussian 1 8
grep -q "of kind 'autoencoder', this host's 'gaussian'" "$place/report"
check 'hosts with models of another kind stay out, and say why'

[ $failed -eq 0 ] || grep -v ' admin: ' "$place/log" | sed 's/^/# /'
exit $failed
