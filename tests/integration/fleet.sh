#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacit-sim against a real tacit-aggregator: enrolment, rounds, releases, and what goes wrong between.
set -u
tests=fleet sim=$O/tacit-sim
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
# shellcheck source=tests/integration/lib/aggregator.sh
. tests/integration/lib/aggregator.sh
place=$(mktemp -d /tmp/tacit-fleet-XXXXXX)
conf=$place/aggregator.conf
pid=

# shellcheck disable=SC2317 # by the trap
cleanup() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

ask() { "$aggregator" --config "$conf" "$@"; }
start() {
	: >"$place/log"
	"$aggregator" --config "$conf" >>"$place/log" 2>&1 &
	pid=$!
	until_true grep -q "^tacit-aggregator: serving" "$place/log"
}
# A number of the last report.
said() { grep -o "\"$1\": *[0-9]*" "$place/report" | head -n 1 | grep -o '[0-9]*$'; }
run() { # token options...
	timeout 120 "$sim" run --token "$1" --replay tests/data/web.tacit --replay "$place/build.csv" \
		--poll 2 --json "${@:2}" >"$place/report" 2>"$place/progress"
}

aggregator_conf "$place"
start && until_true workers_ready ask
check 'an aggregator'
ask task set classes=host,web.service,build.service min_cohort=4 noise_multiplier=2 \
	round_sec=3 collect_sec=2 >/dev/null
ask token create --uses 200 >"$place/token"
check 'a task and a token'

"$sim" convert tests/data/build.tacit "$place/build.csv"
check 'recordings in both forms'
run "$place/token" --hosts 12 --rounds 2
check 'twelve hosts take part in two rounds'
[ "$(said enrolled)" = 12 ] && [ "$(said finished)" = 12 ] && [ "$(said updates)" -ge 24 ] &&
	[ "$(said releases)" -ge 2 ]
check 'and the report says so'
[ "$(ask hosts list --json | grep -c '"id"')" -eq 12 ]
check 'the aggregator knows them'

# The pin is of another CA: the secret must stay at home.
sed -E "s/[^.]*\$/$(printf 'A%.0s' {1..43})/" "$place/token" >"$place/stranger"
run "$place/stranger" --hosts 2 --rounds 1 --timeout 3
[ $? -eq 1 ] && [ "$(said enrolled)" = 0 ] && grep -q 'not trusted' "$place/report"
check 'a wrong pin: nobody enrols'
[ "$(ask hosts list --json | grep -c '"id"')" -eq 12 ]
check 'and the aggregator has heard of nobody'

# A token that was given to someone else before, or never.
sed -E "s/\.[^.]*\.([^.]*)\$/.$(printf 'A%.0s' {1..43}).\1/" "$place/token" >"$place/forged"
run "$place/forged" --hosts 2 --rounds 1 --timeout 3
[ $? -eq 1 ] && [ "$(said enrolled)" = 0 ] && grep -q 'refuses the token' "$place/report"
check 'a wrong secret is refused'

# The aggregator is killed in the middle, three seconds later it is back.
run "$place/token" --hosts 24 --rounds 2 --timeout 90 &
running=$!
until_true grep -qE ' [1-9][0-9]* updates accepted' "$place/progress"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
sleep 3
start && until_true workers_ready ask
check 'killed and started again'
wait "$running" && [ "$(said finished)" = 24 ]
check 'the fleet finishes all the same'

# More than the hosts may give: noise multiplier 1 costs 1/2 a round.
ask task set noise_multiplier=1 >/dev/null
run "$place/token" --hosts 6 --rounds 50 --max-epsilon 6 --timeout 60 && [ "$(said finished)" = 6 ] &&
	grep -q "would spend more than this host's epsilon of 6" "$place/report"
check 'a spent budget ends participation'

rm -f "$place/progress"
"$sim" run --token "$place/token" --replay tests/data/web.tacit --hosts 6 --rounds 1000 --poll 2 \
	--timeout 90 --json >"$place/report" 2>"$place/progress" &
running=$!
until_true grep -q ' updates accepted' "$place/progress"
kill -INT "$running"
wait "$running"
[ $? -eq 1 ] && [ "$(said hosts)" = 6 ] && grep -q 'did not finish' "$place/progress"
check 'Ctrl-C ends it, with a report'

"$sim" run --hosts 3 >/dev/null 2>&1
[ $? -eq 2 ]
check 'without a token or a recording: usage'
run /nonexistent --hosts 3
[ $? -eq 1 ] && grep -q 'no token from /nonexistent' "$place/progress"
check 'no token is said'
! ask status --json | grep -q '"conflicting": *[1-9]'
check 'no host ever sent two updates for one round'

[ $failed -eq 0 ] || sed 's/^/# /' "$place/log" "$place/progress" "$place/report"
exit $failed
