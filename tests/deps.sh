#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages named on the command line that are missing, and says so. Elsewhere,
# or without root, names them and fails: the build would fail later with a worse message.
set -eu

command -v dpkg-query >/dev/null 2>&1 || exit 0 # not Debian: the compiler will say what it misses

missing=
for package in "$@"; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

echo "missing packages:$missing"
if [ "$(id -u)" -ne 0 ]; then
	echo "install them as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "installing them with apt-get"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of package names
if ! { apt-get -q update && apt-get -qy install --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	exit 1
fi
