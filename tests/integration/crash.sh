#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of the aggregator, all of its processes, before and after every commit of a secure round: it
# comes back, the round goes on where it stood, is released, and its sum is exactly the hosts'.
set -u
tests=crash sim=$O/tacit-sim
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
# shellcheck source=tests/integration/lib/aggregator.sh
. tests/integration/lib/aggregator.sh
place=$(mktemp -d /tmp/tacit-crash-XXXXXX)
shim=$PWD/$O/tests/integration/crash_at.so
lanes=4 # fleets side by side: most of the time is spent waiting
sims=()

# shellcheck disable=SC2317 # by the trap
cleanup() {
	touch "$place/over"
	for file in "$place"/*/pid; do
		[ ! -s "$file" ] || kill -KILL -- "-$(cat "$file")" 2>/dev/null
	done
	kill "${sims[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

ask() { "$aggregator" --config "$place/$1/aggregator.conf" "${@:2}"; }
# Two little-endian numbers, the second zero.
arm() { perl -e 'print pack "q<q<", $ARGV[0], 0' "$2" | dd of="$place/$1/plan" conv=notrunc status=none; }
passed() { perl -e 'local $/; print +(unpack "q<q<", <STDIN>)[1]' <"$place/$1/plan"; }
state() { ask "$1" rounds show "$2" --json 2>/dev/null | sed -n 's/.*"state": *"\([a-z]*\)".*/\1/p'; }
# shellcheck disable=SC2317 # by until_true
is_over() { case $(state "$1" "$2") in released | evaluated | abandoned) return ;; *) return 1 ;; esac; }
# shellcheck disable=SC2317 # by until_true
is_up() { ask "$1" status >/dev/null 2>&1; }

# An aggregator that is started again whenever it dies, each time in a process group of its own.
# shellcheck disable=SC2094 # the log is only appended to
keep_up() {
	while [ ! -e "$place/over" ]; do
		LD_PRELOAD=$shim TACIT_CRASH_AT=$place/$1/plan \
			ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-} \
			setsid "$aggregator" --config "$place/$1/aggregator.conf" serve \
			>>"$place/$1/log" 2>&1 &
		echo $! >"$place/$1/pid"
		wait $!
		echo died >>"$place/$1/deaths"
		sleep 0.05
	done 2>/dev/null
}

# What the hosts' vectors add up to, and what the aggregator says: "round group sha256" lines.
hosts_sums() { perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>);
	print map { "$_->{round} $_->{group} $_->{sum_sha256}\n" } @{$r->{secure}}' <"$place/$1/report"; }
known_sums() { while read -r round; do
	ask "$1" rounds show "$round" --json | perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>);
		$r = $r->{round} // $r;
		print map { "$r->{round} $_->{group} $_->{sum_sha256}\n" } @{$r->{groups}}'; done <"$place/$1/rounds"; }

# Opens a round, whatever dies meanwhile, and says its number.
open_round() {
	local number
	for _ in $(seq 600); do
		number=$(ask "$1" rounds list --json 2>/dev/null | perl -MJSON::PP -e 'local $/;
			print map { $_->{round} } grep { $_->{state} eq "collecting" } @{decode_json(<STDIN>)->{rounds}}' 2>/dev/null)
		[ -z "$number" ] || { echo "$number"; return; }
		ask "$1" rounds open >/dev/null 2>&1 || sleep 0.05
	done
	return 1
}

# Rounds of one fleet, in each of them a death, at points $2, $2 + lanes, ...
lane() {
	local point=$2 round points
	: >"$place/$1/wrong"
	while [ ! -e "$place/over" ]; do
		arm "$1" "$point"
		round=$(open_round "$1") && until_true is_over "$1" "$round" ||
			{ echo "point $point: round $round is not over" >>"$place/$1/wrong"; break; }
		[ "$(state "$1" "$round")" != abandoned ] ||
			echo "point $point: round $round is $(state "$1" "$round")" >>"$place/$1/wrong"
		echo "$round" >>"$place/$1/rounds"
		points=$(passed "$1")
		[ "$point" -le "$points" ] || break # beyond the last: nothing died
		point=$((point + lanes))
	done
	arm "$1" 0
}

prepare() {
	aggregator_conf "$place/$1"
	arm "$1" 0
	keep_up "$1" &
	until_true is_up "$1" &&
		ask "$1" task set mode=distributed evaluate_every=3 min_cohort=5 max_cohort=6 noise_multiplier=1000 \
			classes=host round_sec=600000 collect_sec=100 >/dev/null &&
		ask "$1" token create --uses 6 >"$place/$1/token"
}

for lane in $(seq $lanes); do prepare "$lane" || failed=1; done
[ $failed -eq 0 ]
check "$lanes aggregators under a plan to die"

for lane in $(seq $lanes); do
	"$sim" run --token "$place/$lane/token" --replay tests/data/web.tacit --hosts 6 --rounds 100000 \
		--parallel 16 --poll 1 --timeout 500 --max-epsilon 1000 --json >"$place/$lane/report" 2>"$place/$lane/progress" &
	sims+=($!)
	until_true grep -q '6 of 6 hosts enrolled' "$place/$lane/progress"
done
check 'six hosts enrolled with each'

lanes_of=()
for lane in $(seq $lanes); do
	lane "$lane" "$lane" &
	lanes_of+=($!)
done
wait "${lanes_of[@]}"
deaths=$(cat "$place"/*/deaths 2>/dev/null | wc -l)
[ "$deaths" -ge 20 ] && ! cat "$place"/*/wrong | grep .
check "every round was released or evaluated, over $deaths deaths at as many points"

for sim_pid in "${sims[@]}"; do kill -INT "$sim_pid"; done
wait "${sims[@]}"
for lane in $(seq $lanes); do
	known_sums "$lane" | sort >"$place/$lane/known"
	hosts_sums "$lane" | sort >"$place/$lane/sums"
	[ -s "$place/$lane/known" ] && [ -z "$(comm -23 "$place/$lane/known" "$place/$lane/sums")" ] ||
		{ failed=1; comm -3 "$place/$lane/known" "$place/$lane/sums" | sed 's/^/# /'; }
done
[ $failed -eq 0 ]
check "every sum is exactly the hosts', of $(cat "$place"/*/known | wc -l) rounds"
echo "1..$n"
exit $failed
