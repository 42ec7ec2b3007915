#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tables of kernels: the page is made from them, and the comparison sees what it must.
set -u
n=0 bad=0
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
tell() { # ok? what
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}

tests/kernels/page.sh | cmp -s - docs/kernels.md
tell $? "docs/kernels.md is what tests/kernels/page.sh prints"

cat >"$place/committed" <<'TABLE'
tier deep, 3 of 4 features

program   instructions
  on_fork         100
  on_exec           -
  on_exit     missing

not observed
  on_exit (process): this kernel has no tracepoint a

counted
  on_fork
TABLE
compared() { # EXPRESSION of sed: the booted table is the committed one after it
	sed -E "$1" "$place/committed" >"$place/booted"
	awk -f tests/kernels/compare.awk "$place/committed" "$place/booted" | cmp -s "$place/committed" -
}
while IFS='|' read -r verdict expression what; do
	compared "$expression"
	[ $(($? != 0)) -eq "$verdict" ]
	tell $? "comparing kernels: $what"
done <<'CASES'
0||the same
0|s/100/225/|a program within its budget
0|s/100/7/|a program that became smaller
1|s/100/226/|a program over its budget
1|s/100/-/|instructions that are not told any more
1|s/100/missing/|a program that is refused now
1|/^  on_exit  /s/missing/9/|a program that is taken now
1|/^  on_exec/d|a program that is gone
1|s/^(  on_exec .*)$/\1\n  on_new 5/|a program that is new
1|s/3 of 4/2 of 4/|a feature less
1|s/tracepoint a/tracepoint b/|another reason
1|/^counted/,/on_fork/{/on_fork/d}|a probe that does not count
0|$s/$/\n  on_exec/|a probe that happened to count
CASES
exit $bad
