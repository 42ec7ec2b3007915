#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/kernels/fetch.sh SERIES...: leaves build/kernels/SERIES/vmlinuz of Debian's newest cloud
# kernel of each series; what is there already stays. The mirror is the one that apt uses here;
# apt's own lists and settings are only read, for all state is under build/kernels/apt. Why a
# series cannot be had is left in build/kernels/SERIES/why.
set -u
place=build/kernels
apt=$place/apt
suites="bullseye bookworm" # where Linux 5.10, 6.1 and 6.12 are; each with its -security
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

options=(-q -o Dir::Etc::sourcelist="$PWD/$apt/sources.list" -o Dir::Etc::sourceparts=-
	-o Dir::State::lists="$PWD/$apt/lists" -o Dir::State::status="$PWD/$apt/status"
	-o Dir::Cache="$PWD/$apt/cache" -o APT::Architecture=amd64 -o APT::Architectures=amd64
	-o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::http::Timeout=20)

mirror() { # NAME: the address that ends in /NAME
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -E "/$1/?\$" | head -n 1
}

refresh() {
	local debian security signed=
	debian=$(mirror debian)
	security=$(mirror debian-security)
	[ -n "$debian" ] || return 1
	[ ! -e $keyring ] || signed="[signed-by=$keyring]"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	: >"$apt/status"
	for suite in $suites; do
		echo "deb $signed $debian $suite main"
		[ -z "$security" ] || echo "deb $signed $security $suite-security main"
	done >"$apt/sources.list"
	apt-get "${options[@]}" update >"$apt/log" 2>&1
}

newest() { # SERIES
	apt-cache "${options[@]}" pkgnames "linux-image-$1." |
		grep -E '^linux-image-[0-9.]+[0-9a-z+-]*-cloud-amd64$' | sort -V | tail -n 1
}

# The package is unpacked, not installed: its one file of interest is the kernel.
unpack() { # SERIES PACKAGE
	local to=$PWD/$place/$1 deb
	(cd "$to" && apt-get "${options[@]}" download "$2" >>"$PWD/log" 2>&1) || return 1
	deb=$(ls "$to/$2"_*.deb)
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$to" --wildcards './boot/vmlinuz-*' &&
		mv "$to"/boot/vmlinuz-* "$to/vmlinuz" && rm -r "${to:?}/boot" "$deb"
}

fetch() { # SERIES; says why not
	local package
	package=$(newest "$1")
	[ -n "$package" ] || {
		echo "no Debian mirror that apt knows here has a cloud kernel $1"
		return 1
	}
	unpack "$1" "$package" || {
		echo "$package could not be downloaded"
		return 1
	}
	echo "$package" >"$place/$1/package"
}

wanted=
for series in "$@"; do
	mkdir -p "$place/$series"
	[ -s "$place/$series/vmlinuz" ] || wanted="$wanted $series"
done
[ -n "$wanted" ] || exit 0
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	for series in $wanted; do
		echo "this is not Debian: no apt-get to download a kernel with" >"$place/$series/why"
	done
	exit 0
fi
refresh # what can be had after a failure is found out by series
for series in $wanted; do
	if fetch "$series" >"$place/$series/why"; then rm "$place/$series/why"; fi
done
exit 0
