#!/bin/sh
# SPDX-License-Identifier: MIT
# unpack.sh FOLDER PACKAGE...: fetches Debian packages and unpacks them, once. For a peer that would
# start as a service, and be in the way from then on, if it was installed.
set -eu
folder=$1
shift
command -v apt-get >/dev/null && [ ! -e "$folder/complete" ] || exit 0

echo "unpacking $* into $folder"
mkdir -p "$folder/packages"
cd "$folder/packages"
apt-get -q update >log 2>&1 || true
apt-get -q -o APT::Sandbox::User=root download "$@" >>log 2>&1 || { tail -n 5 log >&2; exit 1; }
for package in *.deb; do dpkg-deb -x "$package" ..; done
touch ../complete
