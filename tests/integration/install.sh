#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make install into a folder of its own: everything is where units, manual and programs say it is.
set -u
root=$(mktemp -d /tmp/tacit-install-XXXXXX)
trap 'rm -rf "$root"' EXIT
tests=install
# shellcheck source=tests/integration/lib/tap.sh
. tests/integration/lib/tap.sh
install_under() { make --no-print-directory install "DESTDIR=$root" "PREFIX=$1" O="$O" >"$root/log" 2>&1; }
# shellcheck disable=SC2317 # by those who check
is_mode() { [ "$(stat -c %a "$root$1")" = "$2" ]; }

install_under /usr || sed 's/^/# /' "$root/log"
[ -x "$root/usr/sbin/tacitd" ]; check "make install honours DESTDIR and PREFIX"

missing=
for file in bin/tacit bin/tacit-sim sbin/tacitd sbin/tacit-aggregator lib/systemd/system/tacitd.service \
	lib/systemd/system/tacit-aggregator.service lib/sysusers.d/tacit.conf lib/tmpfiles.d/tacit.conf \
	share/man/man8/tacit.8 share/man/man8/tacitd.8 share/man/man8/tacit-aggregator.8 \
	share/man/man8/tacit-sim.8 share/man/man5/tacit-agent.conf.5 \
	share/man/man5/tacit-aggregator.conf.5 share/doc/tacit/README.md share/doc/tacit/ARCHITECTURE.md; do
	[ -s "$root/usr/$file" ] || missing="$missing $file"
done
[ -z "$missing" ]; check "nothing is missing$missing"

bad=
for unit in tacitd tacit-aggregator; do
	file=$root/usr/lib/systemd/system/$unit.service
	program=$(sed -nE 's/^ExecStart=([^ ]+).*/\1/p' "$file")
	[ "$program" = "/usr/sbin/$unit" ] && [ -x "$root$program" ] || bad="$bad $unit: $program"
	! grep -q '@[A-Z]*@' "$file" || bad="$bad $unit: left over"
done
[ -z "$bad" ]; check "units start what was installed$bad"

is_mode /usr/sbin/tacitd 755 && is_mode /etc/tacit/agent.conf 644 && is_mode /usr/bin/tacit 755
check "modes"

"$root/usr/sbin/tacitd" --config "$root/etc/tacit/agent.conf" --check-config >/dev/null &&
	"$root/usr/sbin/tacit-aggregator" --config "$root/etc/tacit/aggregator.conf" --check-config >/dev/null
check "the sample configurations are good"

# Uncommented, the samples say what is the default anyway, so they must be good as well.
sed -E 's/^#([a-z_.]+) =( |$)/\1 = /' "$root/etc/tacit/agent.conf" >"$root/agent.conf"
sed -E 's/^#([a-z_.]+) =( |$)/\1 = /' "$root/etc/tacit/aggregator.conf" >"$root/aggregator.conf"
"$root/usr/sbin/tacitd" --config "$root/agent.conf" --check-config >/dev/null &&
	"$root/usr/sbin/tacit-aggregator" --config "$root/aggregator.conf" --check-config >/dev/null
check "and so is every line of them"

echo "alerts_per_day = 3" >"$root/etc/tacit/agent.conf"
install_under /usr
[ "$(cat "$root/etc/tacit/agent.conf")" = "alerts_per_day = 3" ]; check "a configuration is not overwritten"

install_under /opt/tacit
grep -q '^ExecStart=/opt/tacit/sbin/tacitd$' "$root/opt/tacit/lib/systemd/system/tacitd.service"
check "another prefix"

for prefix in /usr /opt/tacit; do
	make --no-print-directory O="$O" DESTDIR="$root" PREFIX=$prefix uninstall >/dev/null 2>&1
done
left=$(find "$root/usr" "$root/opt" -type f -printf ' %P')
[ -z "$left" ] && [ -s "$root/etc/tacit/agent.conf" ]; check "uninstalling leaves the configuration, and no more$left"
install_under /usr

if [ "$(id -u)" -eq 0 ] && command -v systemd-sysusers >/dev/null; then
	mkdir -p "$root/etc"
	systemd-sysusers --root="$root" "$root/usr/lib/sysusers.d/tacit.conf" >/dev/null 2>&1
	grep -q '^tacit:' "$root/etc/passwd" && grep -q '^tacit-aggregator:' "$root/etc/passwd"
	check "sysusers makes both users"
else
	n=$((n + 1))
	echo "ok $n - install: sysusers makes both users # SKIP needs root and systemd-sysusers"
fi
exit $failed
