#!/bin/sh
# SPDX-License-Identifier: MIT
# Manual pages and sample configurations name every key that the tables know, and no other; pages
# are well-formed where mandoc is there to say so.
set -u
n=0 bad=0
tell() { # ok? what
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}

for pair in agent:agent/agent_conf.c aggregator:aggregator/aggregator_conf.c; do
	name=${pair%%:*}
	keys=$(sed -nE 's/^\t\{ "([a-z_.]+)", TACIT_CONF_.*/\1/p' "${pair#*:}" | sort)
	page=$(sed -nE 's/^\.It Cm ([a-z_.]+).*/\1/p' "docs/man/tacit-$name.conf.5" | sort)
	sample=$(sed -nE 's/^#([a-z_.]+) =.*/\1/p' "systemd/$name.conf" | sort)
	[ -n "$keys" ] && [ "$keys" = "$page" ]; tell $? "tacit-$name.conf(5) names every key"
	[ "$keys" = "$sample" ]; tell $? "systemd/$name.conf names every key"
done

# Help on a program; tacit has more for each verb, tacit-sim for one.
help_of() {
	"$O/$1" --help 2>&1
	[ "$1" != tacit-sim ] || "$O/tacit-sim" eval --help
	[ "$1" != tacit ] || for verb in $("$O/tacit" --help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		"$O/tacit" "$verb" --help
	done
}

for program in tacit tacitd tacit-sim tacit-aggregator; do
	missing=
	for option in $(help_of "$program" | grep -oE "\-\-[a-z-]+" | grep -vxE -- "--(help|version)" | sort -u); do
		grep -qw -- "${option#--}" "docs/man/$program.8" || missing="$missing $option"
	done
	[ -z "$missing" ]; tell $? "$program(8) names every option$missing"
done

"$O/tacit" features --markdown | cmp -s - docs/features.md
tell $? "docs/features.md is what tacit features --markdown prints"

missing=
for target in $(grep -ohE '(`|    )make [a-z-]+' README.md docs/*.md | sed 's/.*make //' | sort -u); do
	grep -qE "^$target:" Makefile || missing="$missing make $target"
done
for verb in $(grep -ohE '(`|^    )tacit [a-z]+' README.md docs/*.md | sed 's/.*tacit //' | sort -u); do
	"$O/tacit" "$verb" --help >/dev/null 2>&1 || missing="$missing tacit $verb"
done
[ -z "$missing" ]; tell $? "the commands in the documentation exist$missing"

missing=
for file in $(grep -ohE '(agent|aggregator|bpf|models|privacy|include|tests|docs)/[a-zA-Z_/.-]+\.(c|h|sh|md)\b' README.md docs/*.md | sort -u); do
	[ -e "$file" ] || missing="$missing $file"
done
for test in $(grep -oE '`(test|fuzz)_[a-z0-9_]+`' docs/THREAT-MODEL.md | tr -d '`' | sort -u); do
	[ -e "tests/unit/$test.c" ] || [ -e "tests/fuzz/$test.c" ] || missing="$missing $test"
done
[ -z "$missing" ]; tell $? "the files and tests in the documentation exist$missing"

if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning docs/man/* >&2; tell $? "mandoc has no warnings"
else
	n=$((n + 1)); echo "ok $n - mandoc has no warnings # SKIP mandoc is not installed"
fi
exit $bad
