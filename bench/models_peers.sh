#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Our training step beside PyTorch's on the same network, and our Gaussian beside scikit-learn's on the
# same windows: each in turn, several times, one thread, processor time. A row is the median of either
# and how many times as fast ours is.
#
# scikit-learn is measured both ways it can be used: all windows in one call, which is what it is made
# for, and one window a call, which is what a host has. Ours always takes one at a time.
set -u
results=$(mktemp -d /tmp/tacit-bench-XXXXXX)
trap 'rm -rf "$results"' EXIT
peers=bench/lib/models_peers.py turns=3

# A python3 that has the package: the first in the path, or the system's.
python_with() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" $peers check "$1" >/dev/null 2>&1 && echo "$python" && return
	done
	return 1
}

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

# row NAME PEER PYTHON OURS ARGUMENT THEIRS ARGUMENT
row() {
	local name=$1 peer=$2 python=$3
	for _ in $(seq $turns); do
		"$O/bench/bench_autoencoder" "$4" "$5" >>"$results/$name.ours" || return 1
		"$python" $peers "$6" "$7" >>"$results/$name.theirs" || return 1
	done
	awk -v name="$name" -v peer="$peer" -v ours="$(median <"$results/$name.ours")" \
		-v theirs="$(median <"$results/$name.theirs")" \
		'BEGIN { printf "models.%s %.2f us %s %.2f %.1f\n", name, ours, peer, theirs, theirs / ours }'
}

"$O/bench/bench_autoencoder" write "$results/windows" || exit 1
code=77
if python=$(python_with torch); then
	row train_step_128 pytorch "$python" step 128 step 128
	row train_step_186 pytorch "$python" step 186 step 186
	code=0
else
	echo "# no PyTorch beside it: python3-torch is not installed (make bench installs it)"
fi
if python=$(python_with sklearn); then
	row score_one_by_one scikit-learn "$python" score "$results/windows" score_one "$results/windows"
	row score_all_at_once scikit-learn "$python" score "$results/windows" score_batch "$results/windows"
	row learn_one_more scikit-learn "$python" fit "$results/windows" fit_one "$results/windows"
	row fit_all_at_once scikit-learn "$python" fit "$results/windows" fit "$results/windows"
	code=0
else
	echo "# no scikit-learn beside it: python3-sklearn is not installed (make bench installs it)"
fi
exit $code
