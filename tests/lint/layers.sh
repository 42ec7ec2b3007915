#!/bin/sh
# SPDX-License-Identifier: MIT
# Which folder may include which: <tacit/...> is the one way across a border, and no arrow points up.
set -eu
bad=0
deny() { # folder regex why
	if grep -nE "$2" "$1"/*.[ch]; then
		echo "  ^ $1/: $3" >&2
		bad=1
	fi
}
elsewhere='"(\.\./|agent/|aggregator/|bpf/|common/|models/|privacy/)'
deny include/tacit '^#include "' 'only <system> and <tacit/...>'
for folder in common models privacy agent aggregator; do
	deny $folder "^#include $elsewhere" 'a quoted include stays in its folder'
done
deny bpf "^#include \"(\.\./|[a-z]*/)" 'only <tacit/...>, <bpf/...> and its own headers'
deny models '<(tacit/(db|x509|wire|conf|problem|protect)|curl|sqlite3|event2|jansson|openssl)' \
	'models know nothing of networks, databases or daemons'
deny privacy '<(tacit/(db|x509|wire|conf|problem|model|fleet)|curl|sqlite3|event2|jansson)' \
	'privacy knows nothing of networks, databases or daemons'
deny aggregator '<(tacit/counters|bpf/)' 'the aggregator senses nothing'

[ $bad -eq 0 ] && echo 'ok 1 - layers' || { echo 'not ok 1 - layers'; exit 1; }
