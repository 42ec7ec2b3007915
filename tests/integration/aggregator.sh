#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacit-aggregator as its administrator and its hosts meet it: processes, signals, verbs, TLS.
set -u
tests=aggregator
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
# shellcheck source=tests/integration/lib/aggregator.sh
. tests/integration/lib/aggregator.sh
place=$(mktemp -d /tmp/tacit-aggregator-XXXXXX)
conf=$place/aggregator.conf
pid=

# shellcheck disable=SC2317 # by the trap
cleanup() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

ask() { "$aggregator" --config "$conf" "$@"; }
field() { ask "${@:2}" --json | grep -o "\"$1\": *[^,}]*" | head -n 1 | sed 's/^[^:]*: *//; s/"//g'; }
not() { ! "$@"; }

# One request over TLS, the answer on standard output. Arguments are s_client's.
https() {
	timeout 20 openssl s_client -quiet -tls1_3 -verify_return_error -CAfile "$place/state/ca.crt" \
		-connect "$address" "$@" 2>/dev/null
}
get() { printf 'GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$1"; }
plain() { # path
	exec 3<>"/dev/tcp/127.0.0.1/${metrics##*:}" || return
	get "$1" >&3
	timeout 10 cat <&3
	exec 3<&-
}

start() {
	"$aggregator" --config "$conf" serve >>"$place/log" 2>&1 &
	pid=$!
	until_true grep -q "^tacit-aggregator: serving" "$place/log"
}
children() { cat "/proc/$pid/task/$pid/children"; }

mkdir "$place/state"
metrics=127.0.0.1:$(free_port)
cat >"$conf" <<-END
	listen = 127.0.0.1:0
	names = localhost,127.0.0.1
	workers = 2
	state_dir = $place/state
	admin_socket = $place/admin
	metrics_listen = $metrics
END

ask --check-config >/dev/null
check 'a good configuration'
echo 'colour = blue' >"$place/bad.conf"
"$aggregator" --config "$place/bad.conf" --check-config >"$place/out" 2>&1
[ $? -eq 1 ] && grep -q 'bad.conf:1: .*colour' "$place/out"
check 'a bad configuration names file, line and key'
ask status >"$place/out" 2>&1
[ $? -eq 4 ] && grep -q 'not running' "$place/out"
check 'a verb without an aggregator exits 4'
ask sing >/dev/null 2>&1
[ $? -eq 2 ] && ask serve --config x >/dev/null 2>&1
[ $? -eq 2 ]
check 'what is no verb exits 2'

start
check 'starts'
address=$(field listen status)
workers_ready ask
check 'both workers are ready'
[ "$(stat -c %a "$place/admin")" = 600 ] && [ "$(stat -c %a "$place/state/ca.key")" = 600 ]
check 'the socket and the keys are for the owner alone'
sed "s/^listen.*/listen = $address/" "$conf" >"$place/second.conf"
"$aggregator" --config "$place/second.conf" >"$place/out" 2>&1
[ $? -eq 1 ] && grep -q 'Address already in use' "$place/out"
check 'a second one is refused'

plain /livez | grep -q '^alive'
check '/livez'
plain /readyz | grep -q '^ready'
check '/readyz'
plain /metrics | grep -q '^tacit_workers{state="ready"} 2'
check '/metrics'
plain /nothing | grep -q '^Content-Type: application/problem+json'
check 'what is not there is a problem document'

token=$(ask token create --uses 1 --ttl 1h --label site=lab)
[ "$(printf %s "$token" | tr -cd . | wc -c)" -eq 3 ] && ! grep -qF "$token" "$place/log"
check 'a token, which the log does not know'

# A host with nothing but openssl.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$place/host.key" 2>/dev/null
openssl req -new -key "$place/host.key" -subj / -out "$place/host.csr" 2>/dev/null
hash=$(openssl pkey -in "$place/host.key" -pubout -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1)
body=$(printf '{"secret":"%s","csr":"%s"}' "$(printf %s "$token" | cut -d. -f3)" \
	"$(sed ':a;N;$!ba;s/\n/\\n/g' "$place/host.csr")\\n")
printf 'PUT /v1/enrolments/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
	"$hash" "${#body}" "$body" | https >"$place/out"
grep -q '^HTTP/1.1 201' "$place/out"
check 'a host enrols'
grep -o '"certificate":"[^"]*"' "$place/out" | cut -d'"' -f4 | sed 's/\\n/\n/g' >"$place/host.crt"
openssl verify -CAfile "$place/state/ca.crt" "$place/host.crt" >/dev/null 2>&1
check 'its certificate is of the CA'
id=$(ask hosts list --json | grep -o '"id": "[0-9a-f]*"' | cut -d'"' -f4)
[ "$id" = "${hash:0:32}" ]
check 'and it is listed'

me=(-cert "$place/host.crt" -key "$place/host.key")
get /v1/task | https "${me[@]}" | grep -q '^HTTP/1.1 200'
check 'with its certificate it is given the task'
get /v1/task | https | grep -q '^HTTP/1.1 403'
check 'without it is not'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stranger \
	-keyout "$place/stranger.key" -out "$place/stranger.crt" >/dev/null 2>&1
get /v1/task | https -cert "$place/stranger.crt" -key "$place/stranger.key" >"$place/out"
[ ! -s "$place/out" ] && until_true grep -q 'refused the certificate of 127.0.0.1' "$place/log"
check 'nor with a certificate of someone else, which is logged'
printf 'GET /v1/task HTTP/1.1\nHost: x\n\n' | https "${me[@]}" | grep -q '^HTTP/1.1 400'
check 'bare line feeds are refused'
printf 'GET /v1/task HTTP/1.1\r\nHost: x\r\n\r\n' | timeout 5 openssl s_client -quiet -tls1_2 \
	-connect "$address" >"$place/out" 2>&1
not grep -q HTTP/1.1 "$place/out"
check 'TLS 1.2 is refused'

read -r keeper worker _ <<<"$(children)"
kill -KILL "$worker"
until_true grep -q 'worker 0 died (signal 9), starting another' "$place/log" && until_true workers_ready ask
check 'a worker that dies is followed by another'
kill -KILL "$keeper"
until_true grep -q 'keeper died (signal 9), starting another' "$place/log" && until_true workers_ready ask
check 'and so is the keeper'
get /v1/task | https "${me[@]}" | grep -q '^HTTP/1.1 200'
check 'the host is still known'

rm "$place/state/server.crt"
kill -HUP "$pid"
until_true grep -q 'keeping the old one' "$place/log" && get /v1/task | https "${me[@]}" | grep -q '^HTTP/1.1 200'
check 'SIGHUP without a certificate keeps the old one'

ask hosts revoke "$id" >/dev/null && get /v1/task | https "${me[@]}" | grep -q '^HTTP/1.1 403'
check 'a revoked host is refused'

https "${me[@]}" </dev/null >/dev/null & # an idle connection is no reason to wait
# shellcheck disable=SC2317 # by until_true
connected() { [ "$(field connections status)" = 1 ]; }
until_true connected
kill -TERM "$pid"
wait "$pid"
code=$?
pid=
[ $code -eq 0 ] && [ ! -e "$place/admin" ]
check 'SIGTERM ends it in order'

: >"$place/log"
start && [ "$(ask hosts list --json | grep -c '"id"')" -eq 1 ]
check 'started again, it knows its hosts'
read -r keeper worker _ <<<"$(children)"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
pid=
until_true not kill -0 "$keeper" && until_true not kill -0 "$worker"
check 'without its supervisor no process stays'

printf 'x' >"$place/state/ca.key"
"$aggregator" --config "$conf" >"$place/out" 2>&1
[ $? -eq 1 ] && grep -q "$place/state" "$place/out"
check 'a damaged CA key ends the start, in words'

[ $failed -eq 0 ] || sed 's/^/# /' "$place/log"
exit $failed
