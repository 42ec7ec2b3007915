#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacit features --probe on this kernel: no daemon, no configuration, the same text each time.
set -u
place=$(mktemp -d /tmp/tacit-probe-XXXXXX)
trap 'rm -rf "$place"' EXIT
number=0

ok() { # CODE WHAT
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - probe: $2"
	else
		echo "not ok $number - probe: $2"
		head -n 5 "$place/err" | sed 's/^/# /'
	fi
}

skip() { # WHAT REASON
	number=$((number + 1))
	echo "ok $number - probe: $1 # SKIP $2"
}

probe() { # FILE [OPTION...]
	local file=$1
	shift
	"$O/tacit" features --probe --config /nonexistent "$@" >"$place/$file" 2>"$place/err"
}

if command -v setpriv >/dev/null && [ "$(id -u)" -eq 0 ]; then
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$O/tacit" features --probe >"$place/out" 2>"$place/err"
	[ $? -eq 3 ] && [ ! -s "$place/out" ] && grep -q 'CAP_BPF' "$place/err"
	ok $? "without privileges it says what it lacks, and exits 3"
else
	skip "without privileges it says what it lacks" "needs root, and setpriv"
fi

probe first
code=$?
if [ $code -eq 3 ] && [ -s "$place/err" ]; then
	skip "the rest" "this kernel cannot be watched: $(tail -n 1 "$place/err")"
	exit 0
fi
ok $code "asks the kernel, without a daemon"
probe second && cmp -s "$place/first" "$place/second"
ok $? "says the same when asked again"

# As many features as the table of features has, and the parts add up to it.
total=$("$O/tacit" features --markdown | grep -c '^| `')
sum=$(awk '/^group/ { on = 1; next } /^$/ { on = 0 } on { a += $2; b += $4 } END { print a, b }' \
	"$place/first")
head -n 1 "$place/first" | grep -qx "tier [a-z]*, ${sum% *} of $total features" &&
	[ "${sum#* }" = "$total" ]
ok $? "groups add up to all the features"

missing=$(grep -c ' missing$' "$place/first")
reasons=$(sed '1,/^not observed$/d' "$place/first" | grep -c '^  on_.*: .')
[ "$missing" = "$reasons" ]
ok $? "each program that is missing has a reason"

if command -v python3 >/dev/null; then
	probe json --json && python3 - "$place/json" "$place/first" <<-'PYTHON'
		import json, sys
		told = json.load(open(sys.argv[1]))
		lines = [line.split() for line in open(sys.argv[2]) if line.startswith("  on_")]
		table = {words[0]: words[1] for words in lines if len(words) == 2}
		for probe in told["probes"]:
		    want = "missing" if not probe["observed"] else str(probe["instructions"] or "-")
		    assert table.pop(probe["program"]) == want, probe
		    assert probe["observed"] == (probe["reason"] is None), probe
		assert not table and told["features_observed"] <= told["features_total"]
	PYTHON
	ok $? "JSON says what the text says"
else
	skip "JSON says what the text says" "needs python3"
fi
