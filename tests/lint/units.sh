#!/bin/sh
# SPDX-License-Identifier: MIT
# The units are valid and expose little: systemd-analyze's score is at most 2.0.
set -u
if ! command -v systemd-analyze >/dev/null; then
	echo "ok 1 - units # SKIP systemd-analyze is not installed"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
for unit in tacitd tacit-aggregator; do
	sed 's|^ExecStart=@SBINDIR@/[a-z-]*|ExecStart=/bin/true|; /^Documentation=/d' "systemd/$unit.service" >"$dir/$unit.service"
	for check in "verify --man=no" "security --offline=true --threshold=20"; do
		n=$((n + 1))
		# shellcheck disable=SC2086 # words of one command
		if out=$(systemd-analyze $check "$dir/$unit.service" 2>&1); then
			echo "ok $n - $unit: $check"
		else
			printf '%s\n' "$out" | tail -n 5 | sed 's/^/# /'
			echo "not ok $n - $unit: $check"
			bad=1
		fi
	done
done
exit $bad
