# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # dir and port are of who reads this
#
# The services of workloads.sh, which is to be read before, as they are on an ordinary day: they mostly
# wait. To be read after it, since some of its functions are made anew.

# think FROM TO: waits so many seconds, or any number between; all in a hurry if pace is above 1.
think() {
	local from=$(($1 * 10 / ${pace:-1})) to=$(($2 * 10 / ${pace:-1})) tenths
	tenths=$((from + RANDOM % (to - from + 10)))
	sleep "$((tenths / 10)).$((tenths % 10))"
}

# A timer that looks after old files; a dump of a folder every few minutes.
idle() {
	while :; do
		date
		find /tmp /var/tmp -maxdepth 1 -mtime +30
		think 4 20
	done
}

backup() {
	while :; do
		tar -cf - /usr/share/doc | gzip -1 >"$dir/backup.gz"
		gzip -t "$dir/backup.gz"
		think 100 260
	done
}

database() {
	sqlite3 "$dir/db" 'create table t(k integer primary key, v text); pragma journal_mode=wal'
	while :; do
		{
			echo 'begin;'
			for _ in $(seq $((RANDOM % 40 + 5))); do
				echo "insert into t(v) values(hex(randomblob(100)));"
			done
			echo 'commit; select count(*), max(v) from t; delete from t where k % 3 = 0;'
		} | sqlite3 "$dir/db"
		think 0 5
	done
}

# Some transactions a second, as many as there are users at the time; now and then a report.
postgresql_clients() {
	until pg pgbench -h 127.0.0.1 -p "$port" -i -s 2 postgres; do pause; done
	while :; do
		pg pgbench -h 127.0.0.1 -p "$port" -n -N -c 2 -R $((RANDOM % 12 + 2)) \
			-T $((RANDOM % 40 + 5)) postgres
		[ $((RANDOM % 6)) -ne 0 ] || pg psql -h 127.0.0.1 -p "$port" postgres \
			-c 'select bid, count(*), sum(abalance) from pgbench_accounts group by bid'
		think 0 6
	done
}

# Visitors who read a few pages.
web_clients() {
	local what
	while :; do
		for _ in $(seq $((RANDOM % 5 + 1))); do
			for what in page.html picture.jpg folder/; do
				curl -s -o /dev/null "http://127.0.0.1:$port/$what"
			done
			[ $((RANDOM % 4)) -ne 0 ] || curl -s -o /dev/null "http://127.0.0.1:$port/missing"
			think 0 2
		done
		think 0 8
	done
}

ssh_clients() {
	local to=(-F none -i "$dir/key" -o BatchMode=yes -o StrictHostKeyChecking=no
		-o "UserKnownHostsFile=$dir/known")
	while :; do
		/usr/bin/ssh "${to[@]}" -p "$port" root@127.0.0.1 'id; uptime; ls -l /etc'
		think 5 40
		[ $((RANDOM % 3)) -ne 0 ] ||
			scp "${to[@]}" -P "$port" /usr/bin/bash "root@127.0.0.1:$dir/copy"
		think 1 10
	done
}
