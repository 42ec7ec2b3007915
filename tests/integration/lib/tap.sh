# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # failed is for, and tests of, whoever sources this
# What the scripts beside this folder print. They source it, and set $tests: what they are of.
n=0 failed=0

# The last command's verdict becomes a test of that name. A script's own on_failure says more of one
# that failed.
check() {
	local code=$?
	n=$((n + 1))
	if [ $code -eq 0 ]; then
		echo "ok $n - $tests: $*"
		return
	fi
	echo "not ok $n - $tests: $*"
	failed=1
	if declare -F on_failure >/dev/null; then on_failure 2>&1 | sed 's/^/# /'; fi
}

# until_true COMMAND...: within a minute.
until_true() {
	for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
	return 1
}

# A port of the loopback interface that nobody listens on.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}
