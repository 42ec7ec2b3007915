#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What tacitd, as it is by default, makes of intruders in services that it has watched for a few
# minutes: TAP, and a table in $O/attacks.md. What happened is kept as windows in $O/attacks.tacit, to be
# judged again. Missing an attack is told, not failed; failed is an attack that did not happen, and a
# run that finds fewer than $enough.
set -u
enough=${ENOUGH:-8}
learn_sec=${LEARN_SEC:-210}
control_sec=${CONTROL_SEC:-200}
calm_sec=9 # an episode ends when it is calm for as many windows as TACIT_DETECT_GAP says
number=0
failures=0

ok() { # CODE WHAT
	number=$((number + 1))
	[ "$1" -eq 0 ] || { printf 'not '; failures=$((failures + 1)); }
	echo "ok $number - attacks: $2"
}

skip_all() {
	echo "ok 1 - attacks: all of it # SKIP $1"
	exit 0
}

. tests/data/units.sh
. tests/data/workloads.sh
. tests/data/modest.sh
. tests/attacks/behaviours.sh
[ "$(id -u)" -eq 0 ] || skip_all "needs root"
[ -n "$cgroups" ] || skip_all "needs cgroup v2"
base=$(mktemp -d /tmp/tacit-attacks-XXXXXX)
chmod 711 "$base"
tools=$base/tools
# shellcheck disable=SC2034 # read by modest.sh
pace=3
services=(web database postgresql ssh)
tacitd=
intruder=
outside=

finish() {
	trap '' INT TERM
	[ -z "$tacitd" ] || kill "$tacitd" 2>/dev/null
	[ -z "$intruder" ] || kill -KILL -- "-$intruder" 2>/dev/null
	[ -z "$outside" ] || kill -KILL -- "-$outside" 2>/dev/null
	end_units
	undo_all
	rm -rf "$base"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
sql() { sqlite3 -cmd '.timeout 5000' "$base/state/tacit.db" "$1"; }

# start_service NAME: dir and port are those that its functions saw when they began.
start_service() {
	dir=$base/$1
	mkdir -m 711 "$dir"
	port=$(free_port)
	if is_function "$1_prepare"; then
		"$1_prepare" >>"$base/log" 2>&1 </dev/null
	fi
	begin_unit "attacked-$1.service" "$1"
	case $1 in
	web) web=$port ;;
	ssh) ssh=$port ;;
	postgresql) data=$dir/pg/base ;;
	esac
	is_function "$1_clients" || return 0
	await_port "$port" || { echo "# $1 does not listen"; tail -n 5 "$base/log" | sed 's/^/# /'; exit 1; }
	begin_unit "attacks-clients-$1.service" "$1_clients"
}

start_tacitd() {
	cat >"$base/agent.conf" <<-END
		state_dir = $base/state
		control_socket = $base/state/control
		user =
		uplink.enabled = no
		sensor.pin_dir =
		alerts_per_day = ${ALERTS_PER_DAY:-1}
	END
	mkdir -m 700 "$base/state"
	"$O/tacitd" --config "$base/agent.conf" --record "$O/attacks.tacit" >>"$base/log" 2>&1 &
	tacitd=$!
	for _ in {1..200}; do
		[ ! -S "$base/state/control" ] || return 0
		sleep 0.1
	done
	tail -n 5 "$base/log" | sed 's/^/# /'
	return 1
}

# run_inside NAME SERVICE USER: the intruder is let go only when he is where the service is.
run_inside() {
	local group
	group=$(id -g "$3")
	setsid setpriv --reuid "$3" --regid "$group" --clear-groups env loot="$loot" tools="$tools" \
		port="$port" web="$web" data="$data" \
		sh -c 'read -r _ && exec bash "$0" "$1" </dev/null' "$tools/behaviours.sh" "$1" \
		<&9 >"$loot/out" 2>&1 &
	intruder=$!
	sleep 0.7
	echo "$intruder" >"$cgroups/attacked-$2.service/cgroup.procs"
	began=$(now_ms)
	echo go >&9
	wait_for "$intruder" 30
	kill -KILL -- "-$intruder" 2>/dev/null
	wait "$intruder" 2>/dev/null
	intruder=
}

# run_outside NAME: in a process group of its own, that can be ended.
run_outside() {
	export loot port ssh
	setsid bash -c '. tests/attacks/behaviours.sh; "$0"' "$1_outside" 2>>"$base/log" &
	outside=$!
	sleep 0.3
}

end_outside() {
	wait_for "$outside" 40
	kill -KILL -- "-$outside" 2>/dev/null
	wait "$outside" 2>/dev/null
	outside=
}

# Signals are heeded meanwhile.
nap() {
	sleep "$1" &
	wait $!
}

wait_for() { # PID SECONDS
	local until=$((SECONDS + $2))
	while kill -0 "$1" 2>/dev/null && [ $SECONDS -lt $until ]; do sleep 0.2; done
}

await_calm() { # SCOPE
	local until=$((SECONDS + 30))
	while [ $SECONDS -lt $until ]; do
		[ -n "$(sql "SELECT 1 FROM anomaly WHERE state = 0 AND scope_name = '$1'")" ] || return
		sleep 1
	done
}

# told SCOPE: the first episode of the scope since the attack began: id and windows until then.
told() {
	sql "SELECT id || ' ' || max(1, (start_ms - $began + 999) / 1000) FROM anomaly WHERE scope_name = '$1'
		AND start_ms BETWEEN $began AND $ended + 2500 ORDER BY id LIMIT 1"
}

# describe ID: statistic, how far beyond the threshold, features, processes.
describe() {
	"$O/tacit" --config "$base/agent.conf" explain "$1" --json | jq -r '.anomaly |
		[.statistic, (.value / .threshold * 10 | round / 10 | tostring) + "x",
		([.features[:3][].name] | join(", ")),
		([(.processes // [])[:4][].name] | join(", "))] | join(" | ")'
}

attack() { # NAME SERVICE USER WHAT
	local name=$1 service=$2 user=$3 what=$4 id windows hosts happened why='| | |'
	loot=$base/loot-$name
	mkdir -m 700 "$loot"
	[ "$user" = - ] || chown "$user" "$loot"
	port=$(free_port)
	await_calm "attacked-$service.service"
	began=$(now_ms)
	if is_function "${name}_outside"; then run_outside "$name"; fi
	if [ "$user" != - ]; then run_inside "$name" "$service" "$user"; fi
	if [ -n "$outside" ]; then end_outside; fi
	ended=$(now_ms)
	sleep $calm_sec
	jq -n --arg scope "attacked-$service.service" --argjson from "$began" \
		--argjson to "$((ended + 2500))" '$ARGS.named' >>"$base/attacks.json"
	"${name}_happened" >/dev/null 2>>"$base/log"
	happened=$?
	ok $happened "$name: $what"
	[ $happened -eq 0 ] || tail -n 20 "$loot/out" | sed 's/^/# /'
	read -r id windows <<<"$(told "attacked-$service.service")"
	read -r _ hosts <<<"$(told host)"
	if [ -n "$id" ]; then
		detected=$((detected + 1))
		why=$(describe "$id")
	fi
	attacks=$((attacks + 1))
	echo "| $what | $service | ${windows:-missed} | $hosts | $why |" >>"$O/attacks.md"
}

alarms_between() { # FROM TO: by scope
	sql "SELECT replace(replace(scope_name, 'attacked-', ''), '.service', '') || ' ' || count(*) FROM anomaly
		WHERE start_ms BETWEEN $1 AND $2 GROUP BY scope_name" | paste -sd, -
}

# rejudge ALERTS_PER_DAY: the same windows, with another wish of the operator's.
rejudge() {
	"$O/tacit-sim" judge --alerts-per-day "$1" --json "$O/attacks.tacit" | jq -r --arg alerts "$1" \
		--argjson from "$control_from" --argjson to "$control_to" --slurpfile attacks "$base/attacks.json" '
		.[].episodes | map(select(.scope | startswith("attacked-"))) | . as $episodes |
		([$attacks[] | select(. as $a | any($episodes[]; .scope == $a.scope and .start_ms >= $a.from
			and .start_ms <= $a.to))] | length | tostring) + " of \($attacks | length) detected, " +
		([$episodes[] | select(.start_ms >= $from and .start_ms < $to)] | length | tostring) +
		" false alarms of these services without attacks, if alerts_per_day = " + $alerts'
}

tests/deps.sh jq netcat-openbsd perl >/dev/null
# shellcheck disable=SC2154 # of workloads.sh
install_packages "${packages[@]}" curl >/dev/null
mkdir -m 755 "$tools"
install -m 755 "$O"/tests/attacks/{memfd,inject,load} tests/attacks/behaviours.sh "$tools"
mkfifo "$base/go"
exec 9<>"$base/go"
for service in "${services[@]}"; do start_service "$service"; done
start_tacitd
ok $? "tacitd starts"
nap "$learn_sec"
control_from=$(now_ms)
nap "$control_sec"
control_to=$(now_ms)

cat >"$O/attacks.md" <<-END
	| attack | in | windows | host's | by | beyond | features | processes |
	|---|---|---|---|---|---|---|---|
END
attacks=0
detected=0
while read -r name service user what; do
	attack "$name" "$service" "$user" "$what" </dev/null
done < <(behaviours)
attacks_to=$(now_ms)

sed 's/^/# /' "$O/attacks.md"
echo "# alarms of the first $learn_sec s: $(alarms_between 0 "$control_from")"
echo "# false alarms of the $control_sec s without attacks: $(alarms_between "$control_from" "$control_to")"
echo "# episodes of the $(((attacks_to - control_to) / 1000)) s with attacks: $(alarms_between "$control_to" "$attacks_to")"
kill "$tacitd" && wait "$tacitd"
tacitd=
for alerts in 1 24 240; do rejudge $alerts; done | sed 's/^/# /'
echo "# $detected of $attacks attacks detected in the service itself"
[ "$detected" -ge "$enough" ]
ok $? "at least $enough of $attacks attacks are detected"
[ $failures -eq 0 ]
