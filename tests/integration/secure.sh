#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Secure rounds of tacit-sim's fleets at a real tacit-aggregator: hosts that stay, fall silent, dawdle
# or lie. Whatever is released is exactly what the hosts' vectors add up to.
set -u
tests=secure sim=$O/tacit-sim
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
# shellcheck source=tests/integration/lib/aggregator.sh
. tests/integration/lib/aggregator.sh
place=$(mktemp -d /tmp/tacit-secure-XXXXXX)
conf=$place/aggregator.conf
known=0 pid='' running='' round=''

# shellcheck disable=SC2317 # by the trap
cleanup() {
	for process in $running $pid; do kill -KILL "$process" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

on_failure() { ask rounds show "$round"; tail -n 5 "$place/progress"; }

ask() { "$aggregator" --config "$conf" "$@"; }
# shellcheck disable=SC2317 # by until_true
is_over() { ! ask rounds show "$1" --json | grep -q '"state": *"collecting"'; }
# A member of the round that was opened last, as plain text.
shown() { ask rounds show "$round" --json | perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>);
	print +($r->{round}{$ARGV[0]} // "null")' "$1"; }
is_released() { [ "$(shown state)" = released ]; }
groups() { ask rounds show "$round" --json | grep -c '"sum_sha256": *"'; }

# shellcheck disable=SC2317 # by until_true
are_enrolled() { [ "$(ask hosts list --json | grep -c '"id"')" -eq "$known" ]; }

# A fleet at the door: hosts, then options.
fleet() {
	[ -z "$running" ] || leave
	ask token create --uses "$1" >"$place/token"
	: >"$place/progress"
	"$sim" run --token "$place/token" --replay tests/data/web.tacit --hosts "$1" --rounds 1000 \
		--parallel $(($1 + 8)) --poll 1 --timeout 120 --max-epsilon 1000 --json "${@:2}" \
		>"$place/report" 2>"$place/progress" &
	running=$!
	known=$((known + $1))
	until_true are_enrolled
}

open_round() { round=$(ask rounds open --json | tr -d ' \n' | sed 's/.*"round":\([0-9]*\).*/\1/'); }
# One round from its beginning to its end.
hold_round() { open_round && until_true is_over "$round"; }

# The fleet leaves, and reports.
leave() {
	kill -INT "$running"
	wait "$running"
	running=
	[ -s "$place/report" ]
}

# Is every sum of a round that the aggregator knows what the hosts say it is? "group sha256" lines.
sums_agree() {
	ask rounds show "$1" --json | perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>);
		print map { "$_->{group} $_->{sum_sha256}\n" } grep { $_->{phase} eq "done" }
			@{$r->{round}{groups}}' | sort >"$place/known"
	perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>);
		print map { "$_->{group} " . ($_->{sum_sha256} // "unknown") . "\n" }
			grep { $_->{round} == $ARGV[0] && $_->{dissent} == 0 } @{$r->{secure}}' \
		"$1" <"$place/report" | sort >"$place/sums"
	[ -s "$place/known" ] && [ -z "$(comm -23 "$place/known" "$place/sums")" ]
}

# 24 hosts, one round, which is released and right, with so many in its sum.
released() { # survivors options...
	fleet 24 "${@:2}" && hold_round && leave && is_released && [ "$(shown updates)" = "$1" ] &&
		sums_agree "$round"
}

aggregator_conf "$place"
"$aggregator" --config "$conf" >"$place/log" 2>&1 &
pid=$!
until_true workers_ready ask
check 'an aggregator'

# By the fleet's size.
ask task set mode=auto evaluate_every=0 min_cohort=10 max_cohort=12 noise_multiplier=2 corrupt=0 dropout=0.1 \
	classes=host round_sec=600000 collect_sec=3 >/dev/null &&
	fleet 6 && hold_round && leave && is_released && [ "$(shown mode)" = local ] &&
	ask rounds list | grep -qE "^$round +released +local "
check 'six hosts where a secure sum takes ten: a local round'
ask task set collect_sec=10 >/dev/null && fleet 12 && hold_round && leave && is_released &&
	sums_agree "$round" && ask rounds list | grep -qE "^$round +released +distributed "
check 'twelve: a secure one'

ask task set mode=distributed aggregation=trimmed-mean min_cohort=4 max_cohort=0 dropout=0 >/dev/null &&
	fleet 80 && hold_round && leave && is_released && [ "$(groups)" -eq 5 ] && sums_agree "$round"
check 'a trimmed mean of five groups, each with the right sum'

ask task set aggregation=sum min_cohort=12 max_cohort=24 dropout=0.1 >/dev/null
released 24
check 'twenty-four hosts, one sum'
[ "$(shown release)" != null ] && ask hosts list --json | grep -q '"rounds": *1'
check 'and a release, which hosts are charged for'

# Two hosts of 24, where up to three may go.
released 22 --drop advert=0.08
check 'silent before their adverts: released without them'
released 22 --drop masked=0.08
check 'silent before their vectors: released without them'
released 24 --drop consent=0.08
check 'silent before they consent: released with them'
released 24 --drop answer=0.08
check 'silent before they answer: released with them'

fleet 24 --drop shares=0.08
wrong=0 rounds=
for _ in 1 2 3; do
	hold_round && is_released && [ "$(shown updates)" = 22 ] || wrong=1
	rounds+=" $round"
done
leave
for round in $rounds; do sums_agree "$round" || wrong=1; done
[ $wrong -eq 0 ]
check 'silent before their shares: released without them, three times'
[ "$(ask hosts list --json | grep -c '"benched_until": *[0-9]')" -eq 2 ] &&
	ask hosts list | grep -q 'OUT UNTIL' && ask hosts list | grep -qE " 3 +$((round + 2)) "
check 'then those two are left out, and listed so'

fleet 24 --drop masked=0.3 && hold_round && leave && [ "$(shown state)" = abandoned ] &&
	[ "$(shown release)" = null ] && [ "$(groups)" -eq 0 ]
check 'too many are silent before their vectors: never released'
ask rounds show "$round" | grep -q 'too few' && grep -q "round $round group 0: lost in vectors" "$place/log"
check 'and the reason is said'

fleet 24 --liars 1 && hold_round && leave && [ "$(shown state)" = abandoned ] &&
	[ "$(shown release)" = null ] && [ "$(groups)" -eq 0 ]
check 'a host that lies: the sum is never released'
ask rounds show "$round" | grep -q "norm of .* exceeds" && grep -q "round $round group 0: lost" "$place/log"
check 'for its norm, and the reason is said'

released 24 --slow 1=700
check 'everybody dawdles: released'

fleet 24 --slow 1=700 && open_round && until_true grep -qE "round $round: .* [1-9][0-9]* shares" "$place/progress"
before=$(cat "/proc/$pid/task/$pid/children")
# shellcheck disable=SC2046 # pids
kill -KILL $(perl -ne 'print join " ", (split)[1..2]' <<<"$before")
until_true is_over "$round" && leave && is_released && sums_agree "$round" && until_true workers_ready ask &&
	[ "$(cat "/proc/$pid/task/$pid/children")" != "$before" ]
check 'the workers are killed in the middle: they come back, and the round is released'

! ask status --json | grep -q '"conflicting": *[1-9]'
check 'no host ever said two different things'
[ $failed -eq 0 ] || grep -v ' admin: ' "$place/log" | sed 's/^/# /'
exit $failed
