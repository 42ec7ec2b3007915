#!/bin/sh
# SPDX-License-Identifier: MIT
# What every file owes its reader: a licence line first, a bearable length, and shell that
# passes shellcheck where it is installed.
set -u
n=0 bad=0
tell() {
	n=$((n + 1))
	if [ -z "$1" ]; then echo "ok $n - $2"; else printf '%s\n' "$1" | sed 's/^/# /'; echo "not ok $n - $2"; bad=1; fi
}
sources=$(find agent aggregator bench bpf common include models privacy tests -name '*.[ch]' | sort)
scripts=$(find .ci bench tests -type f \( -name '*.sh' -o -name run \) | sort)

# shellcheck disable=SC2086 # lists of plain file names
tell "$(for f in $sources; do head -n 1 "$f" | grep -q SPDX || echo "$f"; done
	for f in $scripts; do head -n 2 "$f" | grep -q SPDX || echo "$f"; done)" "licence lines"
# shellcheck disable=SC2086
tell "$(wc -l $sources | awk '$2 != "total" && $1 > 900 { print $2, $1 }')" "no file is too long to read"
# shellcheck disable=SC2086
if command -v shellcheck >/dev/null; then
	tell "$(shellcheck -S warning $scripts)" "shellcheck"
else
	n=$((n + 1)); echo "ok $n - shellcheck # SKIP shellcheck is not installed"
fi
exit $bad
