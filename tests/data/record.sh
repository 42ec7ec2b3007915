#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/data/record.sh [SECONDS]: records what ordinary services look like to the real sensor on this
# kernel, as the recordings beside it that the demo and the simulator replay. Needs root, and for the
# workloads nginx, wrk, sqlite3, gcc, tar and gzip. Each service runs in a cgroup of its unit's name.
set -euo pipefail
cd "$(dirname "$0")/../.."

O=${O:-build}
seconds=${1:-60}
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
dir=$(mktemp -d)
service=

cleanup() {
	[ -z "$service" ] || end_service
	rm -rf "$dir"
}
trap cleanup EXIT

end_service() {
	echo 1 >"$root/$service/cgroup.kill"
	until rmdir "$root/$service" 2>/dev/null; do sleep 0.1; done
	service=
}

# Runs a shell function inside the service's cgroup.
begin_service() {
	service=$1
	mkdir -p "$root/$service"
	(
		echo "$BASHPID" >"$root/$service/cgroup.procs"
		exec >/dev/null 2>&1 </dev/null
		"$2"
	) &
	disown
}

pause() { sleep "0.$((RANDOM % 8 + 1))"; }

idle() { while :; do date; sleep 5; done; }

backup() {
	while :; do
		tar -cf - /usr/share/doc /usr/include 2>/dev/null | gzip -1 >"$dir/backup.gz"
		gzip -t "$dir/backup.gz"
		pause
	done
}

build() {
	while :; do
		for f in common/*.c models/*.c; do
			gcc -std=gnu17 -D_GNU_SOURCE -O1 -Iinclude -c "$f" -o "$dir/x.o"
		done
		pause
	done
}

database() {
	sqlite3 "$dir/db" 'create table t(k integer primary key, v text); pragma journal_mode=wal'
	while :; do
		{
			echo 'begin;'
			for _ in $(seq $((RANDOM % 200 + 50))); do
				echo "insert into t(v) values(hex(randomblob(100)));"
			done
			echo 'commit; select count(*), max(v) from t; delete from t where k % 3 = 0;'
		} | sqlite3 "$dir/db"
		pause
	done
}

web() {
	cat >"$dir/nginx.conf" <<-EOF
		daemon off;
		worker_processes 2;
		pid $dir/nginx.pid;
		error_log /dev/null;
		events { worker_connections 256; }
		http { access_log $dir/access.log; server { listen 127.0.0.1:18080; root /usr/share/doc; autoindex on; } }
	EOF
	exec nginx -c "$dir/nginx.conf"
}

# The clients are not part of the service.
clients() {
	while :; do
		wrk -t1 -c4 -d$((RANDOM % 3 + 1))s http://127.0.0.1:18080/ >/dev/null 2>&1 || true
		pause
	done
}

cat >"$dir/agent.conf" <<-EOF
	state_dir = $dir/state
	control_socket = $dir/state/control
	window_ms = 500
	user =
	uplink.enabled = no
	log_level = warning
EOF

for workload in ${WORKLOADS:-idle backup build database web}; do
	echo "recording $workload for $seconds s"
	out=tests/data/$workload.csv
	rm -rf "$out" "$dir/state"
	mkdir -m 700 "$dir/state"
	begin_service "$workload.service" "$workload"
	[ "$workload" != web ] || { sleep 0.5; clients & }
	sleep 1
	timeout "$seconds" "$O/tacitd" --config "$dir/agent.conf" --record "$dir/record.csv" || [ $? -eq 124 ]
	[ "$workload" != web ] || { kill $! 2>/dev/null || true; }
	mv "$dir/record.csv" "$out"
	end_service
done
ls -l tests/data/*.csv
