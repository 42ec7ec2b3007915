# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # dir, port and cgroups are record.sh's, which reads it
#
# What record.sh records. NAME is what NAME.service runs, in the cgroup of that name; NAME_prepare comes
# before; NAME_clients use it through 127.0.0.1:$port, from another cgroup. All may write to $dir,
# which is empty at first.

packages=(nginx-light wrk sqlite3 postgresql gcc libc6-dev tar gzip dpkg runc busybox-static
	openssh-server openssh-client)
all=(idle backup build database postgresql web upgrade container ssh)

pause() { sleep "0.$((RANDOM % 8 + 1))"; }

idle() {
	while :; do
		date
		find /tmp /var/tmp -maxdepth 1 -mtime +30
		sleep 5
	done
}

backup() {
	while :; do
		tar -cf - /usr/share/doc /usr/include | gzip -1 >"$dir/backup.gz"
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

# Debian's wrappers want one of its own clusters.
pg() {
	local program
	program=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -V | tail -n 1)
	shift
	setpriv --reuid postgres --regid postgres --clear-groups "$program" "$@"
}

postgresql_prepare() {
	chown postgres "$dir"
	pg initdb -D "$dir/pg" --auth=trust
	printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $port" \
		"unix_socket_directories = '$dir'" >>"$dir/pg/postgresql.conf"
}

postgresql() { pg postgres -D "$dir/pg"; }

# Transactions, then questions alone, then a new connection for each.
postgresql_clients() {
	until pg pgbench -h 127.0.0.1 -p "$port" -i -s 2 postgres; do pause; done
	while :; do
		for how in -N -S -SC; do
			pg pgbench -h 127.0.0.1 -p "$port" -n "$how" -c 4 -T $((RANDOM % 2 + 1)) postgres
			pause
		done
	done
}

# A page, a picture, and a folder that is listed.
web_prepare() {
	mkdir -m 755 "$dir/www"
	head -c 6000 /usr/share/common-licenses/GPL-3 >"$dir/www/page.html"
	head -c 200000 /dev/urandom >"$dir/www/picture.jpg"
	cp -r /usr/share/common-licenses "$dir/www/folder"
}

web() {
	cat >"$dir/nginx.conf" <<-END
		daemon off;
		worker_processes 2;
		pid $dir/nginx.pid;
		error_log /dev/null;
		events { worker_connections 256; }
		http {
			access_log $dir/access.log;
			server { listen 127.0.0.1:$port; root $dir/www; autoindex on; }
		}
	END
	nginx -c "$dir/nginx.conf"
}

web_clients() {
	while :; do
		for what in page.html picture.jpg page.html folder/ page.html missing; do
			wrk -t1 -c4 -d$((RANDOM % 2 + 1))s "http://127.0.0.1:$port/$what"
			pause
		done
	done
}

# A system of one program, which is a shell too.
make_root() {
	mkdir -p "$1/bin" "$1/tmp"
	cp /bin/busybox "$1/bin"
	chroot "$1" /bin/busybox --install /bin
}

# Versions 1 to 4 of three packages of 150 files, each with a script to run after.
upgrade_prepare() {
	local name version
	make_root "$dir/root"
	mkdir -p "$dir/root/var/lib/dpkg/info" "$dir/root/var/lib/dpkg/updates"
	touch "$dir/root/var/lib/dpkg/status"
	for name in daemon library manual; do
		mkdir -p "$dir/$name/DEBIAN" "$dir/$name/usr/share/$name" "$dir/$name/etc"
		echo 'limit = 10' >"$dir/$name/etc/$name.conf"
		echo "/etc/$name.conf" >"$dir/$name/DEBIAN/conffiles"
		printf '%s\n' '#!/bin/sh' "chmod 644 /usr/share/$name/*" "ls -l /usr/share/$name >/tmp/$name" \
			>"$dir/$name/DEBIAN/postinst"
		chmod 755 "$dir/$name/DEBIAN/postinst"
		for version in 1 2 3 4; do
			head -c 1000000 /dev/urandom | split -b 6700 -a 3 - "$dir/$name/usr/share/$name/$version"
			printf '%s: %s\n' Package "sample-$name" Version "$version" Architecture all \
				Maintainer nobody Description "$name" >"$dir/$name/DEBIAN/control"
			dpkg-deb -Zgzip -z1 --build "$dir/$name" "$dir/$name-$version.deb"
			rm "$dir/$name/usr/share/$name"/*
		done
	done
}

upgrade() {
	while :; do
		for version in 1 2 3 4; do
			for name in library daemon manual; do
				dpkg --root="$dir/root" --install "$dir/$name-$version.deb"
			done
			dpkg --root="$dir/root" --verify
			pause
		done
		dpkg --root="$dir/root" --purge sample-daemon sample-manual sample-library
	done
}

# make_bundle NAME COMMAND: for runc, with COMMAND to be run by a shell.
make_bundle() {
	make_root "$dir/$1/rootfs"
	runc spec --bundle "$dir/$1"
	sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"readonly": true/"readonly": false/' \
		-e "s|^\(\t*\)\"sh\"\$|\1\"sh\", \"-c\", \"$2\"|" \
		-e "s|\"linux\": {|&\"cgroupsPath\": \"/container.service/$1\",|" "$dir/$1/config.json"
}

container_prepare() {
	make_bundle job 'md5sum /bin/sh /bin/ls; for i in 1 2 3 4 5 6 7 8 9; do cp /bin/busybox /tmp/file; done'
	make_bundle server 'httpd -p 127.0.0.1:80 -h /bin; while sleep 1; do date; done'
}

# A cgroup with children should have no processes of its own.
container() {
	mkdir "$cgroups/container.service/runtime"
	echo "$BASHPID" >"$cgroups/container.service/runtime/cgroup.procs"
	while :; do
		runc --root "$dir/run" run --detach --bundle "$dir/server" server
		runc --root "$dir/run" run --bundle "$dir/job" job
		runc --root "$dir/run" exec server wget -O /tmp/page http://127.0.0.1/sh
		pause
		runc --root "$dir/run" delete --force server
		pause
	done
}

ssh_prepare() {
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	cat >"$dir/sshd.conf" <<-END
		ListenAddress 127.0.0.1:$port
		HostKey $dir/host
		AuthorizedKeysFile $dir/key.pub
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		PidFile none
		Subsystem sftp internal-sftp
		SetEnv HOME=$dir
	END
	cp /etc/skel/.bashrc "$dir"
	[ -d /run/sshd ] || { mkdir -m 755 /run/sshd && undo+=('rmdir /run/sshd'); }
}

ssh() { /usr/sbin/sshd -D -f "$dir/sshd.conf"; }

ssh_clients() {
	local to=(-F none -i "$dir/key" -o BatchMode=yes -o StrictHostKeyChecking=no
		-o "UserKnownHostsFile=$dir/known")
	while :; do
		/usr/bin/ssh "${to[@]}" -p "$port" root@127.0.0.1 'id; uptime; ls -l /etc'
		pause
		/usr/bin/ssh "${to[@]}" -p "$port" root@127.0.0.1 true
		pause
		scp "${to[@]}" -P "$port" /usr/bin/bash "root@127.0.0.1:$dir/copy"
		pause
	done
}
