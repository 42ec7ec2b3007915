# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # for whoever sources this
# A real tacit-aggregator with two workers, its state under a folder of the caller's.
aggregator=$O/tacit-aggregator

# aggregator_conf FOLDER: writes FOLDER/aggregator.conf, for a port that nobody has.
aggregator_conf() {
	mkdir -p "$1/state"
	cat >"$1/aggregator.conf" <<-END
		listen = 127.0.0.1:$(free_port)
		names = localhost,127.0.0.1
		workers = 2
		state_dir = $1/state
		admin_socket = $1/admin
		metrics_listen = 127.0.0.1:0
	END
}

# workers_ready VERB...: the two, by the status that the caller's way of asking gives.
workers_ready() { [ "$("$@" status --json | tr -d ' \n' | grep -o '"ready":[0-9]*')" = '"ready":2' ]; }
