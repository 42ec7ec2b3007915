#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The sensor on Debian's kernels, each booted in QEMU, and on one that lacks something. What each
# lets be observed is compared with tests/kernels/NAME.txt. UPDATE=1 writes those files instead,
# the running kernel's beside them when there is the privilege, and docs/kernels.md from them all.
set -u
here=tests/kernels
place=build/kernels
number=0

# NAME SERIES TABLE [WORD...]: which kernel, what it is compared with, what it is told.
cases="
6.12 6.12 6.12
6.1 6.1 6.1
5.10 5.10 5.10
6.12-lockdown 6.12 6.12-lockdown lockdown=confidentiality loglevel=6
6.12-no-cgroup2 6.12 6.12-no-cgroup2 without=cgroup2
6.1-no-tracefs 6.1 6.1 without=tracefs
"

ok() { # CODE WHAT
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

skip() { # WHAT REASON
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

make_initrd() {
	local root
	root=$(mktemp -d) || return 1
	mkdir "$root/dev" "$root/proc" "$root/sys" && cp "$O/tests/kernels/init" "$root/init" &&
		(cd "$root" && find . | cpio -o -H newc --quiet) >"$O/tests/kernels/initrd"
	local code=$?
	rm -rf "$root"
	return $code
}

boot_all() { # as many at once as there are processors
	while read -r name series _ words; do
		[ -z "$name" ] || [ ! -s "$place/$series/vmlinuz" ] ||
			echo "$name $series${words:+ $words}"
	done <<<"$cases" | xargs -r -P "$(nproc)" -L 1 $here/boot.sh
}

# One section of a table, by its first word.
section() { # WORD FILE
	awk -v RS= -v word="$1" '$1 == word' "$2"
}

# What differs, line by line, as comments; 0 when nothing does.
differ() { # WORD COMMITTED BOOTED
	diff <(section "$1" "$2") <(section "$1" "$3") |
		sed -n 's/^</# expected:/p; s/^>/# but got: /p'
	return "${PIPESTATUS[0]}"
}

compare() { # NAME COMMITTED
	local name=$1 booted=$place/$1.compared
	[ -s "$2" ] || {
		ok 1 "$name: $2 is there; \`make check-kernels UPDATE=1\` writes it"
		return
	}
	awk -f $here/compare.awk "$2" "$place/$name.table" >"$booted"
	differ refused: "$2" "$booted"
	ok $? "$name: $(grep -q '^refused' "$2" && echo 'says plainly why it cannot be sensed' ||
		echo 'can be sensed')"
	! grep -q '^refused' "$2" || return 0
	differ tier "$2" "$booted" && differ group "$2" "$booted"
	ok $? "$name: as many features of each group are observed"
	differ not "$2" "$booted"
	ok $? "$name: the others are missing for the same reasons"
	differ program "$2" "$booted"
	ok $? "$name: the verifier's work stays within each program's budget"
	differ counted "$2" "$booted"
	ok $? "$name: what is provoked is counted"
}

check() { # NAME TABLE
	local table=$place/$1.table console=$place/$1.console
	[ -s "$table" ] && [ "$(tail -n 1 "$table")" = end ] &&
		! grep -aE 'Oops|BUG:|WARNING:|Kernel panic|segfault|general protection' "$console"
	local code=$?
	ok $code "$1: boots, senses and ends without a complaint of the kernel"
	case $1 in
	*-lockdown)
		grep -aq 'Kernel is locked down from command line' "$console"
		ok $? "$1: the kernel is locked down"
		;;
	esac
	if [ $code -ne 0 ]; then
		tail -n 5 "$console" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
	elif [ -n "${UPDATE:-}" ] && [ "$1" = "$2" ]; then
		cp "$table" "$here/$1.txt"
		ok $? "$1: $here/$1.txt is written"
	else
		compare "$1" "$here/$2.txt"
	fi
}

# The kernel this runs on, unless it is one of those above. It stays out of the comparison: no
# package has it.
update_host() {
	local series table
	series=$(uname -r | grep -oE '^[0-9]+\.[0-9]+')
	table=$here/$series.txt
	[ ! -s "$place/$series/vmlinuz" ] || return 0
	if "$O/tacit" features --probe >"$place/host.table" 2>"$place/host.why"; then
		cp "$place/host.table" "$table"
		ok $? "$series: $table is written"
	else
		skip "$series: $table is written" "$(tail -n 1 "$place/host.why")"
	fi
}

[ "$(uname -m)" = x86_64 ] || {
	skip "all of it" "the kernels that are booted are those of x86-64"
	exit 0
}
# shellcheck disable=SC2046 # a list of series
$here/fetch.sh $(awk 'NF { print $2 }' <<<"$cases" | sort -u)
make_initrd || {
	ok 1 "the initial RAM disk is made"
	exit 1
}
boot_all
while read -r name series table _; do
	[ -n "$name" ] || continue
	if [ -s "$place/$series/vmlinuz" ]; then
		check "$name" "$table"
	else
		skip "$name" "$(cat "$place/$series/why")"
	fi
done <<<"$cases"
[ -z "${UPDATE:-}" ] || {
	update_host
	$here/page.sh >docs/kernels.md.new && mv docs/kernels.md.new docs/kernels.md
	ok $? "docs/kernels.md is written"
}
