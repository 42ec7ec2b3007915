#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacitd on this kernel: it senses, it has given up its privileges, it is alone, it survives.
set -u
tacitd=$O/tacitd
tacit=$O/tacit
# A sanitizer's search for leaks starts a process that traces this one: both are refused to tacitd.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
place=$(mktemp -d /tmp/tacit-root-XXXXXX)
chmod 0711 "$place"
number=0
pid=
worker=
pins=/sys/fs/bpf/tacit-test-$$
group=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)/tacit-test-$$.service

ok() { # CODE WHAT
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - tacitd: $2"
	else
		echo "not ok $number - tacitd: $2"
		sed 's/^/# /' "$place/log" | tail -n 20
	fi
}

skip() { # WHAT REASON
	number=$((number + 1))
	echo "ok $number - tacitd: $1 # SKIP $2"
}

sql() { # QUERY
	if command -v sqlite3 >/dev/null; then
		sqlite3 "$place/state/tacit.db" "$1"
	else
		python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=5) as db:
	for row in db.execute(sys.argv[2]): print("|".join(map(str, row)))' \
			"$place/state/tacit.db" "$1"
	fi
}

await() { # SECONDS COMMAND...
	local until=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.2
	done
}

start() { # OPTION...
	"$tacitd" --config "$place/agent.conf" "$@" >>"$place/log" 2>&1 &
	pid=$!
	await 20 test -S "$place/run/control"
}

# A service that reads a file fifty times a second, until it is told to rename one in earnest.
work() {
	mkdir "$group" 2>/dev/null && : >"$place/a" || return 1
	perl -e '($group, $a, $b) = @ARGV;
		open(F, ">", "$group/cgroup.procs") && print(F $$) && close(F) || die;
		$SIG{USR1} = sub { $storm = 50 };
		for (;;) {
			select(undef, undef, undef, 0.02);
			open(F, "<", $a); close(F);
			next unless $storm-- > 0;
			for (1 .. 100) { rename($a, $b); rename($b, $a) }
		}' "$group" "$place/a" "$place/b" &
	worker=$!
}

finish() {
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	[ -z "$worker" ] || kill -9 "$worker" 2>/dev/null
	wait 2>/dev/null
	rmdir "$group" 2>/dev/null
	rm -rf "$pins"
	rm -rf "$place"
}
trap finish EXIT

[ "$(id -u)" -eq 0 ] || {
	skip "all of it" "needs root"
	exit 0
}
command -v sqlite3 >/dev/null || command -v python3 >/dev/null || {
	skip "all of it" "needs sqlite3 or python3 to look into the database"
	exit 0
}

cat >"$place/agent.conf" <<-CONF
	state_dir = $place/state
	control_socket = $place/run/control
	user = nobody
	window_ms = 200
	uplink.enabled = no
	sensor.pin_dir = $pins
CONF
[ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" = bpf_fs ] || mount -t bpf bpf /sys/fs/bpf 2>/dev/null

"$tacitd" --config "$place/agent.conf" --check-config >"$place/out" 2>&1
ok $? "the configuration is checked"
[ "$(cat "$place/out")" = ok ]
ok $? "and said to be ok"
printf 'window_ms = 1\n' >"$place/bad.conf"
"$tacitd" --config "$place/bad.conf" --check-config >"$place/out" 2>&1
[ $? -eq 1 ] && grep -q "^$place/bad.conf:1: window_ms" "$place/out"
ok $? "a bad one is refused with file, line and reason"

start
ok $? "starts"
if ! kill -0 "$pid" 2>/dev/null; then
	wait "$pid"
	[ $? -ne 3 ] || skip "the rest" "this kernel cannot be watched: $(tail -n 1 "$place/log")"
	exit 0
fi

grep -qx "Uid:$(printf '\t65534%.0s' 1 2 3 4)" "/proc/$pid/status"
ok $? "is not root any more"
! grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' "/proc/$pid/status" | grep -qv '0000000000000000$'
ok $? "has no capability in any set"
grep -q '^NoNewPrivs:.1$' "/proc/$pid/status"
ok $? "cannot gain new privileges"
for status in /proc/"$pid"/task/*/status; do
	grep -q '^Seccomp:.2$' "$status" || break
done
grep -q '^Seccomp:.2$' "$status"
ok $? "its system calls are filtered, in every thread"
# What the kernel gives back under pressure: the rule for /proc/self must not go with it.
echo 2 >/proc/sys/vm/drop_caches
"$tacit" --config "$place/agent.conf" status >"$place/out" 2>&1
grep -q '^  confined  *no capabilities, seccomp, \(no Landlock\|Landlock [1-9]\)' "$place/out" &&
	grep -q '[1-9].* MiB resident' "$place/out"
ok $? "and it says so"

"$tacitd" --config "$place/agent.conf" >"$place/out" 2>&1
[ $? -eq 1 ] && grep -q "another tacitd, process $pid," "$place/out"
ok $? "a second instance is refused and told of the first"
if [ -d "$pins" ]; then
	sed "s|$place/|$place/other/|" "$place/agent.conf" >"$place/other.conf"
	install -d -o nobody "$place/other"
	"$tacitd" --config "$place/other.conf" >"$place/out" 2>&1
	[ $? -eq 1 ] && grep -q "another tacitd senses this host already" "$place/out"
	ok $? "one with a state folder of its own, too"
	"$tacitd" --config "$place/agent.conf" --detach >"$place/out" 2>&1
	[ $? -eq 1 ] && grep -q "a tacitd is running" "$place/out"
	ok $? "and its programs are not taken from it"
else
	skip "one that shares only the host" "no BPF file system"
fi

enough() { # N: windows judged
	[ "$(sql "SELECT coalesce(max(value), 0) FROM meta WHERE key = 'windows'")" -ge "$1" ]
}
await 30 enough 50
ok $? "windows of this kernel are judged and kept"
[ "$(sql "SELECT name FROM scope WHERE name = 'host' AND length(model) > 0")" = host ]
ok $? "the host has a model"

learned() { # N: windows of the service
	[ "$(sql "SELECT windows FROM scope WHERE name = '${group##*/}'")" -ge "$1" ]
}
flagged() {
	sql "SELECT detail FROM anomaly WHERE scope_name = '${group##*/}'" | grep -q syscall.rename
}
if work; then
	await 60 learned 150
	ok $? "a service is told apart and learned"
	! flagged
	ok $? "no storm of renames is seen where there is none"
	kill -USR1 "$worker"
	await 15 flagged
	ok $? "a storm of renames is flagged, with its cause"
else
	skip "a storm of renames is flagged" "cannot make a cgroup"
fi

rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
anonymous=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
echo "# resident $rss kB, anonymous $anonymous kB"
[ "$rss" -lt $((24 * 1024)) ] && [ "$anonymous" -lt $((8 * 1024)) ]
ok $? "takes less than 24 MiB, 8 of them its own"

sql "INSERT INTO ledger(round, aggregator, at_ms, mode, noise_multiplier, clip_norm, rho)
	VALUES(7, 'ca', 1, 'local', 1, 1, 0.125)"
before=$(sql "SELECT windows FROM scope WHERE name = 'host'")
kill -9 "$pid"
wait "$pid" 2>/dev/null
rm -f "$place/run/control"
install -d -o nobody "$place/records"
start --record "$place/records/windows.csv"
ok $? "starts again after kill -9"
[ "$(sql "SELECT windows FROM scope WHERE name = 'host'")" -ge "$before" ]
ok $? "and has kept its model"
[ "$(sql 'SELECT rho FROM ledger WHERE round = 7')" = 0.125 ]
ok $? "and its ledger"
if [ -d "$pins" ]; then
	grep -q "the counters of an earlier tacitd were taken over" "$place/log"
	ok $? "and what had been counted meanwhile"
fi
await 30 enough $((before + 10))
ok $? "and goes on"
await 10 grep -q ',host,' "$place/records/windows.csv"
ok $? "and records"
mv "$place/agent.conf" "$place/old.conf" && cp "$place/old.conf" "$place/agent.conf"
kill -HUP "$pid"
await 10 grep -q 'configuration read again' "$place/log"
ok $? "and reads a new configuration"

kill -TERM "$pid"
wait "$pid"
ok $? "ends well on SIGTERM"
[ ! -e "$place/run/control" ]
ok $? "and takes its socket away"
if [ -d "$pins" ]; then
	"$tacitd" --config "$place/agent.conf" --detach >>"$place/log" 2>&1
	[ $? -eq 0 ] && [ ! -e "$pins" ]
	ok $? "and leaves nothing behind when told to"
fi

dd if=/dev/urandom of="$place/state/tacit.db" bs=4096 count=4 2>/dev/null
start
ok $? "starts with a damaged database"
compgen -G "$place/state/tacit.db.damaged-*" >/dev/null
ok $? "which was set aside"
[ -n "$(sql "SELECT value FROM meta WHERE key = 'aside'")" ]
ok $? "and reported"
kill -TERM "$pid"
wait "$pid"

if command -v strace >/dev/null; then
	base64url() { base64 -w0 | tr '+/' '-_' | tr -d =; }
	secret=$(printf '0123456789abcdef0123456789abcdef' | base64url)
	url=$(printf 'https://127.0.0.1:9' | base64url)
	printf 'tacit1.%s.%s.%s\n' "$url" "$secret" "$secret" >"$place/token"
	chmod 0644 "$place/token"
	sed 's/^uplink.enabled.*/uplink.enabled = yes/' "$place/agent.conf" >"$place/net.conf"
	echo "enrol.token_file = $place/token" >>"$place/net.conf"
	strace -f -qq -e trace=capset,connect -o "$place/trace" \
		"$tacitd" --config "$place/net.conf" >>"$place/log" 2>&1 &
	tracer=$!
	await 30 grep -q 'connect(.*AF_INET' "$place/trace"
	ok $? "tries to enrol"
	dropped=$(grep -n 'capset(.*effective=0, permitted=0, inheritable=0}) = 0' "$place/trace" |
		head -n 1 | cut -d: -f1)
	spoke=$(grep -n 'connect(.*AF_INET' "$place/trace" | head -n 1 | cut -d: -f1)
	[ "${dropped:-999999}" -lt "${spoke:-0}" ]
	ok $? "capabilities are gone before the first network byte"
	! grep -q '0123456789abcdef' "$place/log"
	ok $? "and the secret is in no log"
	kill -TERM "$(pgrep -P $tracer)"
	wait $tracer
else
	skip "capabilities are gone before the first network byte" "needs strace"
fi

if command -v setpriv >/dev/null; then
	install -d -o nobody "$place/mine" "$place/mine/state"
	printf 'state_dir = %s/mine/state\ncontrol_socket = %s/mine/control\n' "$place" "$place" \
		>"$place/mine.conf"
	chmod 0644 "$place/mine.conf"
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$tacitd" --config "$place/mine.conf" >"$place/out" 2>&1
	[ $? -eq 3 ] && grep -qi 'capab\|CAP_\|root' "$place/out"
	ok $? "without privileges it says what it lacks, and exits 3"
else
	skip "without privileges it says what it lacks" "needs setpriv"
fi
