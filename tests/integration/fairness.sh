#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two sites at a real tacit-aggregator: tokens with labels, releases, evaluations by site, what is told of
# them, and weights that follow.
set -u
tests=fairness sim=$O/tacit-sim
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
# shellcheck source=tests/integration/lib/aggregator.sh
. tests/integration/lib/aggregator.sh
place=$(mktemp -d /tmp/tacit-fairness-XXXXXX)
conf=$place/aggregator.conf
pid='' running=''

# shellcheck disable=SC2317 # by the trap
cleanup() {
	for process in $running $pid; do kill -KILL "$process" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

# shellcheck disable=SC2317 # by check
on_failure() { ask rounds list; ask fairness; tail -n 3 "$place"/progress.*; }

ask() { "$aggregator" --config "$conf" "$@"; }
# shellcheck disable=SC2317 # by until_true
is_over() { ! ask rounds show "$1" --json | grep -q '"state": *"collecting"'; }
# shellcheck disable=SC2317 # by until_true
are_enrolled() { [ "$(ask hosts list --json | grep -c '"id"')" -eq "$1" ]; }

# A member of what is told, by a path of keys; groups by their names.
told() {
	ask fairness --json | perl -MJSON::PP -e 'local $/; my $at = decode_json(<STDIN>);
		$at->{groups} = { map { $_->{group} => $_ } @{$at->{groups}} };
		$at = ref $at eq "HASH" ? $at->{$_} : undef for @ARGV;
		print defined $at ? $at : "null"' "$@"
}
# between NUMBER LEAST MOST
between() { perl -e 'exit !($ARGV[0] ne "null" && $ARGV[0] >= $ARGV[1] && $ARGV[0] <= $ARGV[2])' "$@"; }
# A member of a round, as plain text.
shown() { ask rounds show "$1" --json | perl -MJSON::PP -e 'local $/;
	print decode_json(<STDIN>)->{round}{$ARGV[0]} // "null"' "$2"; }

# A site's hosts at the door: site, hosts, recording.
settle() {
	ask token create --uses "$2" --label site="$1" >"$place/token.$1"
	"$sim" run --token "$place/token.$1" --replay "$3" --hosts "$2" --rounds 1000 --poll 1 --timeout 240 \
		--parallel 64 --max-epsilon 1000 --json >"$place/report.$1" 2>"$place/progress.$1" &
	running+=" $!"
}

# One round from its beginning to its end; its number is in $round.
hold_round() {
	round=$(ask rounds open "$@" --json | tr -d ' \n' | sed 's/.*"round":\([0-9]*\).*/\1/')
	until_true is_over "$round"
}
released() { hold_round && [ "$(shown "$round" state)" = released ]; }
evaluated() { hold_round "$@" && [ "$(shown "$round" state)" = evaluated ]; }

aggregator_conf "$place"
"$aggregator" --config "$conf" >"$place/log" 2>&1 &
pid=$!
until_true workers_ready ask
check 'an aggregator'

# Little noise, that eight hosts can be told something of: 14 standard deviations of a count are 6.3 hosts.
ask task set mode=distributed corrupt=0 dropout=0.1 noise_multiplier=0.2 min_cohort=4 max_cohort=40 \
	classes=host group=site evaluate_every=2 round_sec=600000 collect_sec=30 >/dev/null
check 'a task that tells sites apart'
! ask task set group='a site' >/dev/null 2>&1 && ! ask task set fairness=5 >/dev/null 2>&1
check 'and one that cannot be is refused'
! ask rounds open --evaluate >/dev/null 2>"$place/why" && grep -q 'nothing is released yet' "$place/why"
check 'nothing can be evaluated before the first release'
settle web 32 tests/data/web.tacit
settle vault 8 tests/data/backup.tacit
until_true are_enrolled 40
check 'two sites'
[ "$(told evaluation)" = null ] && [ "$(told groups web enrolled)" = 32 ] &&
	[ "$(told groups vault enrolled)" = 8 ] && ask fairness | grep -q '^nothing was evaluated yet'
check 'their hosts are told, and that there is nothing more'

released && released
check 'two releases'
evaluated && [ "$(shown "$round" purpose)" = evaluate ] && [ "$(shown "$round" release)" = null ] &&
	[ "$(shown "$round" updates)" = 40 ] && [ "$(shown "$round" mode)" = distributed ]
check 'then a round that evaluates, and releases nothing'
[ "$(told evaluation round)" = "$round" ] && between "$(told groups web hosts)" 28 36 &&
	between "$(told groups vault hosts)" 5 11 &&
	between "$(told groups '' hosts)" 0 3
check 'who took part is told, by site'
between "$(told groups web helped value)" 0 1 && between "$(told groups web alarms_median value)" 0 96 &&
	between "$(told groups vault helped value)" 0 1 && [ "$(told groups vault alarms_worst_decile value)" = null ] &&
	[ "$(told groups vault alarms_worst_decile reason)" = 'too few hosts' ]
check 'and how they fare, or that they are too few'
[ "$(told participation jain)" = 1 ] || between "$(told participation jain)" 0.99 1
check 'all took part alike'
ask fairness | grep -qE '^vault +8 ' && ask rounds list | grep -qE "^$round +evaluated +distributed +evaluate "
check 'tables say so, too'
ask privacy | grep -q ' 1 evaluated' && ask hosts list --json | grep -q '"rounds": *3'
check 'hosts are charged for it as for any round'

ask task set fairness=2 >/dev/null && released && released && evaluated --evaluate
check 'with weights: two releases, and an evaluation that was asked for'
between "$(told gap loss)" 0 4 && between "$(told groups web weight)" 0.25 0.95 &&
	[ "$(told groups vault weight)" = 1 ]
check 'the many, who are served well, count for less, and not below a quarter'
! grep -q 'weight' "$place"/progress.*
check 'and no host refuses its weight'

# The same without masks, under the noise of all hosts together: it drowns the few.
ask task set mode=local evaluate_every=1 >/dev/null && released && evaluated &&
	[ "$(shown "$round" mode)" = local ]
check 'a local round evaluates'
between "$(told evaluation noise_hosts)" 2 4 && [ "$(told groups vault loss value)" = null ]
check 'and tells less'

# shellcheck disable=SC2086 # pids
kill -INT $running
# shellcheck disable=SC2086
wait $running
running=
! grep -hE '"(it |its |this host)' "$place"/report.*
check 'no host refused a round'
[ $failed -eq 0 ] || { grep -v ' admin: ' "$place/log"; cat "$place"/report.*; } | sed 's/^/# /'
exit $failed
