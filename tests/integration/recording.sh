#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacit-sim convert: real recordings there and back, the example of docs/recording.md, and what is cut
# off, damaged or not to be had.
set -u
sim=$O/tacit-sim
place=$(mktemp -d /tmp/tacit-recording-XXXXXX)
trap 'rm -rf "$place"' EXIT
tests=recording
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh

on_failure() { cat "$place/log"; }

# What it says is in the log alone.
convert() { "$sim" convert "$@" >"$place/log" 2>&1; }
windows() { tail -n +3 "$1"; }
# Each is of one service and its host, and no word in it is of the machine that made it.
for file in tests/data/*.tacit; do
	name=$(basename "$file" .tacit)
	csv=$place/$name.csv
	convert "$file" "$csv" && [ ! -s "$place/log" ] && convert "$csv" "$place/$name.tacit" &&
		convert "$place/$name.tacit" "$place/again.csv" && cmp "$csv" "$place/again.csv" >>"$place/log" 2>&1
	check "$name, whole, there and back and there"
	[ "$(windows "$csv" | cut -d , -f 1-5 | sort -u)" = "$(
		printf '%s,%s,%s,,\n' "$name" host host "$name" "$name.service" "$name.service" | sort
	)" ]
	check "$name, of that service and its host alone"
	[ $(($(stat -c %s "$place/$name.tacit") * 5)) -lt $(($(stat -c %s "$csv") * 2)) ]
	check "$name, less than two fifths of the size"
done

# Version 1 has no column for the duty, which is 1000 throughout; version 2 has it in place 8.
{ echo '# tacit-windows 1' && tail -n +2 "$place/web.csv" | cut -d , -f 8 --complement; } >"$place/old.csv"
convert "$place/old.csv" "$place/today.csv" && cmp "$place/web.csv" "$place/today.csv" >"$place/log" 2>&1
check 'a CSV of version 1'
# The only feature of its probe.
oom=$(sed -n 2p "$place/web.csv" | tr , '\n' | grep -nx memory.oom | cut -d : -f 1)
cut -d , -f "$oom" --complement "$place/web.csv" >"$place/old.csv"
convert "$place/old.csv" "$place/today.csv" &&
	windows "$place/web.csv" | awk -F , -v OFS=, -v at="$oom" '{ $at = ""; print }' |
	cmp - <(windows "$place/today.csv") >"$place/log" 2>&1
check 'one that lacks a feature of today misses it'

# The pages' example in both forms: CSV after its heading, bytes in hexadecimal before two spaces.
sed -n '/^## CSV/,/^## Binary/s/^    //p' docs/recording.md >"$place/example.csv"
sed -n '/^### Example/,/^## Damage/s/^    \(\([0-9a-f][0-9a-f] \?\)*\).*/\1/p' docs/recording.md |
	perl -ne 'print pack("H*", s/\s//gr)' >"$place/example.tacit"
[ "$(stat -c %s "$place/example.tacit")" -eq 146 ] && convert "$place/example.csv" "$place/a.csv" &&
	convert "$place/example.tacit" "$place/b.csv" && [ "$(windows "$place/a.csv" | wc -l)" -eq 2 ] &&
	cmp "$place/a.csv" "$place/b.csv" >"$place/log" 2>&1
check 'the example of the documentation is true'

head -c 10000 "$place/web.tacit" >"$place/cut.tacit"
{ # so far one block: cut into its middle, nothing is left
	convert "$place/cut.tacit" "$place/cut.csv" && grep -q 'cut.tacit: cut off after 0 windows' "$place/log"
}
check 'what is cut off is converted as far as it is whole, and that is said'
head -c 20000 "$place/web.csv" >"$place/cut.csv"
convert "$place/cut.csv" "$place/cut.tacit" &&
	grep -qE 'cut.csv: cut off after [1-9][0-9]* windows' "$place/log" &&
	convert "$place/cut.tacit" "$place/whole.csv" && [ ! -s "$place/log" ] &&
	cmp -n "$(stat -c %s "$place/whole.csv")" "$place/whole.csv" "$place/cut.csv" >"$place/log" 2>&1
check 'in CSV too'

sed '30s/,[0-9]*,/,x,/3' "$place/web.csv" >"$place/damaged.csv"
convert "$place/damaged.csv" "$place/rest.tacit"
[ $? -eq 1 ] && grep -q 'damaged.csv:30: ' "$place/log" && grep -q 'rest.tacit has the 27 windows' "$place/log" &&
	convert "$place/rest.tacit" "$place/rest.csv" && [ "$(windows "$place/rest.csv" | wc -l)" -eq 27 ]
check 'what precedes damage is kept, and the line is named'
{ head -c 9999 "$place/web.tacit" && printf 'zz' && tail -c +10002 "$place/web.tacit"; } >"$place/damaged.tacit"
convert "$place/damaged.tacit" "$place/rest.csv"
[ $? -eq 1 ] && grep -qE 'damaged.tacit: byte [0-9]+: the block is damaged, after 0 windows' "$place/log"
check 'the byte likewise'
{ head -c 4 "$place/web.tacit" && printf '\377' && tail -c +6 "$place/web.tacit"; } >"$place/new.tacit"
convert "$place/new.tacit" "$place/new.csv"
[ $? -eq 1 ] && grep -q 'version 255 is newer than 1' "$place/log" && [ ! -e "$place/new.csv" ]
check 'a newer version is refused, and nothing is written'
convert "$place/web.csv" "$place/web.csv"
[ $? -eq 1 ] && grep -q 'are one file' "$place/log" && cmp -s <(windows "$place/web.csv") <(
	"$sim" convert "$place/web.tacit" "$place/other.csv" && windows "$place/other.csv"
)
check 'a file is not converted onto itself'
convert "$place/web.csv" /dev/full
[ $? -eq 1 ] && grep -q '/dev/full: No space left on device' "$place/log"
check 'a full disk is said'
convert /nonexistent "$place/x.csv"
[ $? -eq 1 ] && grep -q '/nonexistent: No such file' "$place/log"
check 'so is what is not there'
for arguments in 'convert' 'convert a' 'convert a b c' '--hosts 3 convert a b'; do
	# shellcheck disable=SC2086 # words of one command
	"$sim" $arguments >"$place/log" 2>&1
	[ $? -eq 2 ] && grep -q '^usage: ' "$place/log"
	check "'$arguments' gets the usage"
done
exit $failed
