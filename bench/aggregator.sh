#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tacit-aggregator and nginx, side by side: updates of 40 kB over mutual TLS. nginx reads each body and
# throws it away; the aggregator checks the host and the update, adds it up, and commits.
set -u
hosts=${HOSTS:-400}
rounds=${ROUNDS:-9}
place=$(mktemp -d /tmp/tacit-bench-XXXXXX)
pids=()

# shellcheck disable=SC2317 # by the trap
cleanup() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$place"
}
trap cleanup EXIT

nginx=$(command -v nginx || echo /usr/sbin/nginx)
[ -x "$nginx" ] || { echo 'skipped: nginx is not installed (apt-get install nginx-light)'; exit 77; }

ask() { "$O/tacit-aggregator" --config "$place/aggregator.conf" "$@"; }
children() { tr ' ' ',' <"/proc/$1/task/$1/children" | sed 's/,$//'; }
until_true() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; return 1; }

mkdir "$place/state" "$place/nginx"
cat >"$place/aggregator.conf" <<-END
	listen = 127.0.0.1:0
	names = localhost,127.0.0.1
	state_dir = $place/state
	admin_socket = $place/admin
	metrics_listen =
	log_level = warning
END
"$O/tacit-aggregator" --config "$place/aggregator.conf" &
pids+=($!)
aggregator=$!
until_true ask status || { echo 'the aggregator does not start' >&2; exit 1; }
address=$(ask status --json | sed -n 's/^ *"listen": "\(.*\)",*/\1/p')

# 53 classes of 188 numbers make 40 kB.
classes=host
for i in $(seq 52); do classes+=,service-$i; done
ask task set "classes=$classes" min_cohort=1 "max_cohort=$hosts" round_sec=604800 collect_sec=86400 \
	>/dev/null || exit 1
ask token create --uses "$hosts" --ttl 1h >"$place/token" || exit 1

port=$((20000 + RANDOM % 20000))
cat >"$place/nginx.conf" <<-END
	daemon off;
	pid $place/nginx/pid;
	error_log stderr error;
	worker_processes $(nproc);
	events { worker_connections 4096; }
	http {
		access_log off;
		client_body_temp_path $place/nginx/body;
		proxy_temp_path $place/nginx/proxy;
		fastcgi_temp_path $place/nginx/fastcgi;
		uwsgi_temp_path $place/nginx/uwsgi;
		scgi_temp_path $place/nginx/scgi;
		keepalive_requests 1000000;
		client_max_body_size 8m;
		server {
			listen 127.0.0.1:$port ssl reuseport;
			ssl_protocols TLSv1.3;
			ssl_certificate $place/state/server.crt;
			ssl_certificate_key $place/state/server.key;
			ssl_client_certificate $place/state/ca.crt;
			ssl_verify_client on;
			location / { return 201; }
		}
	}
END
"$nginx" -c "$place/nginx.conf" -p "$place/nginx" -e stderr &
pids+=($!)
peer=$!
until_true test -s "$place/nginx/pid" || { echo 'nginx does not start' >&2; exit 1; }

"$O/bench/bench_put" "$address" "127.0.0.1:$port" "$place/state/ca.crt" "$place/token" \
	"$place/admin" "$hosts" "$rounds" "$(children "$aggregator")" "$(children "$peer")"
