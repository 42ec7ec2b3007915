#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacit-sim eval: figures that are known by construction, in every way of learning; JSON; a
# reference; and files that are not what they should be.
set -u
sim=$O/tacit-sim
place=$(mktemp -d /tmp/tacit-eval-XXXXXX)
trap 'rm -rf "$place"' EXIT
tests='eval'
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh

on_failure() { tail -n 12 "$place/out" "$place/log"; }

evaluate() { "$sim" eval "$@" >"$place/out" 2>"$place/log"; }
# Of the mean of a score, or of a host's: found, FPR in percent, ... by their place in the table.
figure() { # host score place
	awk -F ' *[|] *' -v host="$1" -v score="$2" -v at="$3" '$2 == host && $3 == score { print $at }' "$place/out"
}
auroc=4 found=10 fpr=11 alarms=12 episodes=13

# Three hosts of one class, alike: 300 windows to learn from, 100 to judge, which repeat them. Of two
# anomalous intervals of 5 windows, one has an event that never was (b), the other nothing odd. Host c has
# that event in two normal windows as well, one after the other.
awk 'BEGIN {
	print "host,class,split,label,t,a,b"
	for (h = 0; h < 3; h++)
		for (t = 0; t < 400; t++) {
			odd = t >= 320 && t < 325
			label = odd || (t >= 350 && t < 355)
			if (h == 2 && (t == 380 || t == 381))
				odd = 1
			printf "%s,web,%s,%d,%d,%d,%d\n", substr("abc", h + 1, 1), t < 300 ? "train" : "test", label, t, 10 + t % 7, odd ? 50 : 0
		}
}' >"$place/web.csv"

for learn in local siblings fleet; do
	evaluate --data "$place/web.csv" --learn $learn --quantile 1 --window-ms 60000 &&
		[ "$(figure a 'max z' $found)" = 0.500 ] && [ "$(figure a 'max z' $fpr)" = 0.000 ]
	check "$learn: one of two intervals is found, and nothing else"
	[ "$(figure c combined $fpr)" = 2.222 ] && [ "$(figure c combined $alarms)" = 32.0 ] &&
		[ "$(figure c combined $episodes)" = 16.0 ]
	check "$learn: two false alarms in 90 windows are one episode, 16 a day"
	[ "$(figure mean combined $found)" = 0.500 ] && [ "$(figure mean combined $fpr)" = 0.741 ]
	check "$learn: means over the hosts"
done
evaluate --data "$place/web.csv" --learn blend --own-windows 50 --quantile 1 && [ "$(figure a 'max z' $found)" = 0.500 ]
check 'blend: the same'
evaluate --data "$place/web.csv" --threshold pot --mean && [ "$(figure mean 'max z' $found)" = 0.500 ] &&
	[ "$(figure a 'max z' $found)" = "" ]
check 'thresholds of extreme values; means only'
evaluate --data "$place/web.csv" --learn siblings --hosts 5000 --epsilon 8 --quantile 1 &&
	[ "$(figure a 'max z' $found)" = 0.500 ]
check 'noise hardly disturbs a large fleet'
cp "$place/out" "$place/first"
evaluate --data "$place/web.csv" --learn siblings --hosts 5000 --epsilon 8 --quantile 1 && cmp -s "$place/out" "$place/first"
check 'the same seed gives the same figures'

# The attack alone: a perfect ranking.
awk -F , -v OFS=, '$5 >= 350 && $5 < 355 { $4 = -1 } { print }' "$place/web.csv" | grep -v '^c' | gzip >"$place/one.csv.gz"
evaluate --data "$place/one.csv.gz" && [ "$(figure mean distance $auroc)" = 1.0000 ] && [ "$(figure mean 'max z' $auroc)" = 1.0000 ]
check 'gzip; rows that are left out do not count'
printf 'dataset,unit,model,n_test_normal,n_test_anom,auroc\nx,a,maha,90,5,0.99\nx,b,max,91,5,0.5\n' >"$place/reference"
evaluate --data "$place/one.csv.gz" --reference "$place/reference" && grep -q '1 figures compared, 1 skipped' "$place/log" &&
	grep -q 'AUROC of distance at most 0.0100 apart, a' "$place/log"
check 'beside a reference'
evaluate --data "$place/web.csv" --json && grep -q '"noise_multiplier": 0.0' "$place/out" && grep -q '"intervals": 2' "$place/out" &&
	[ "$(grep -c '"auroc"' "$place/out")" -ge 16 ]
check 'as JSON'

# Hosts without others like them are not judged, and that is said.
sed 's/^b,web/b,db/; s/^c,web/c,cache/' "$place/web.csv" >"$place/alone.csv"
evaluate --data "$place/alone.csv" --learn siblings && grep -q 'of 3 hosts, 3 had a model that knew too little' "$place/log" &&
	[ "$(figure mean combined $auroc)" = - ]
check 'nobody to learn from'

refused() { # what, line and reason as told, options
	local what=$1 why=$2
	shift 2
	! evaluate --data "$place/bad.csv" "$@" && grep -qF "$place/bad.csv$why" "$place/log" && [ ! -s "$place/out" ]
	check "$what"
}
head -n 1 "$place/web.csv" >"$place/bad.csv"
refused 'no rows' ':2: there are no rows'
sed 1s/label/lable/ "$place/web.csv" >"$place/bad.csv"
refused 'a wrong header' ':1: column 4 is not "label"'
sed 5s/,0$// "$place/web.csv" >"$place/bad.csv"
refused 'a missing column' ':5: 1 cells are missing'
sed 7s/,0$/,nan/ "$place/web.csv" >"$place/bad.csv"
refused 'not a number' ':7: NaN in column "b"'
sed 7s/,0$/,-3/ "$place/web.csv" >"$place/bad.csv"
refused 'a negative count' ':7: "-3" is a negative count for "b"' --transform log1p
sed '9{h;d};10G' "$place/web.csv" >"$place/bad.csv"
refused 'rows out of order' ':10: rows are out of order: t 7 after 8'
gzip -c "$place/web.csv" | head -c 500 >"$place/bad.csv"
refused 'a gzip stream that was cut off' ':'
grep -q 'the gzip stream is cut off' "$place/log"
check 'and it is said so'
rm "$place/bad.csv"
refused 'no file' ': No such file or directory'
evaluate --data "$place/web.csv" --model crystal-ball
[ $? = 1 ] && grep -q 'there is no model "crystal-ball"' "$place/log"
check 'no such model'
evaluate --data "$place/web.csv" --quantile 1.5
[ $? = 2 ] && grep -q '"1.5" will not do for --quantile' "$place/log"
check 'an option out of range'

# Traces: normal ones go round 1 2 3 4 5, attacks do calls that nobody made before.
awk 'BEGIN {
	for (i = 0; i < 120; i++) {
		attack = i >= 100
		printf "%s\t%d\t%s\ttrace-%d\t", i < 80 ? "train" : "test", attack, attack ? "odd" : "normal", i
		for (k = 0; k < 60; k++)
			printf "%s%d", k ? " " : "", attack && k % 3 == 0 ? 90 + k % 7 : 1 + (i + k) % 5
		print ""
	}
}' | gzip >"$place/some.traces.gz"
evaluate --data "$place/some.traces.gz" &&
	[ "$(awk -F ' *[|] *' '$2 == "combined" { print $3 }' "$place/out")" = 1.0000 ]
check 'traces of attacked programs are told from others'
evaluate --data "$place/some.traces.gz" --json && [ "$(jq .normal "$place/out" 2>/dev/null || echo 20)" = 20 ]
check 'and as JSON'
printf 'train\t0\tnormal\tx\t1 2 three\n' >"$place/bad.traces"
evaluate --data "$place/bad.traces"
[ $? = 1 ] && grep -q "$place/bad.traces:1: " "$place/log"
check 'a trace that is none'

exit $failed
