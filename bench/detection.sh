#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is detected: bench/detection.sh FOLDER runs tacit-sim eval on the labelled data sets in FOLDER
# (NAME*.csv.gz, *.traces.gz; the names are below, one that is missing is left out) and prints tables in Markdown. The
# folder may also be named by DETECTION_DATA; there is none in this repository.
set -euo pipefail
folder=$(realpath "${1:-${DETECTION_DATA:-/nonexistent}}" 2>/dev/null || echo /nonexistent)
cd "$(dirname "$0")/.."
sim=${O:-build}/tacit-sim
[ -d "$folder" ] || { echo "no folder of labelled data sets was named"; exit 77; }

# The data set called $1, if there is one.
data() {
	local file
	for file in "$folder/$1"*.csv.gz; do [ ! -e "$file" ] || { echo "$file"; return; }; done
}

head_of() { # heading
	printf '\n### %s\n\n| model is from | score | AUROC | AUPRC | best F1 | TPR at 1%% | TPR at 5%% | found | FPR %% | false alarms/day | episodes/day |\n' "$1"
	echo '|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|'
}

# The means of one evaluation: what it is called, the file, options. The threshold's own value is of no
# interest, and random scores are shown once a table.
row() {
	local name=$1 file=$2 skip=random
	shift 2
	[ "$name" != 'own rows' ] || skip=
	"$sim" eval --mean --data "$file" "$@" 2>/dev/null | awk -F ' *[|] *' -v OFS=' | ' -v name="$name" -v skip="$skip" '
		$2 == "mean" && $3 != skip { print "| " name, $3, $4, $5, $6, $7, $8, $10, $11, $12, $13 " |" }'
}

# The kinds of model that need many rows at once, beside the one that does not.
others() {
	row 'two thirds of own rows' "$@"
	row 'the same, mixture' "$@" --model mixture
	row 'the same, autoencoder' "$@" --model autoencoder
}

containers() { # of attacked applications, 100 ms windows
	local file=$1
	set -- --window-ms 100
	row 'own rows' "$file" "$@"
	others "$file" "$@"
	row 'own rows, extreme-value thresholds' "$file" "$@" --threshold pot
	row 'own rows, as the agent makes thresholds' "$file" "$@" --threshold pot --calibrate 0
	for n in 30 100 300; do row "own first $n rows" "$file" "$@" --own-windows "$n"; done
	row 'siblings' "$file" "$@" --learn siblings
	row 'siblings, three rounds' "$file" "$@" --learn siblings --rounds 3
	row 'all other hosts' "$file" "$@" --learn fleet
	for n in 30 100 300; do row "siblings and own first $n rows" "$file" "$@" --learn blend --own-windows "$n"; done
	row 'siblings, a third of the columns missing' "$file" "$@" --learn siblings --missing 0.33
	for hosts in 50 200 1000 5000; do
		for epsilon in 1 4 8; do
			row "$hosts siblings, epsilon $epsilon" "$file" "$@" --learn siblings --hosts $hosts --epsilon $epsilon
		done
	done
	row '1000 siblings, epsilon 4 in three rounds' "$file" "$@" --learn siblings --hosts 1000 --epsilon 4 --rounds 3
	row '1000 siblings, epsilon 4, and own first 30 rows' "$file" "$@" --learn blend --own-windows 30 --hosts 1000 --epsilon 4
}

servers() { # metrics that are no counts; $2: milliseconds between rows
	local file=$1
	set -- --window-ms "$2"
	row 'own rows' "$file" "$@" --calibrate 0
	row 'own rows, extreme-value thresholds' "$file" "$@" --calibrate 0 --threshold pot
	others "$file" "$@"
	row 'own first 100 rows' "$file" "$@" --own-windows 100
	row 'siblings' "$file" "$@" --learn siblings
	row 'siblings and own first 100 rows' "$file" "$@" --learn blend --own-windows 100
}

flows() {
	row 'own rows' "$1" --calibrate 0
}

file=$(data sok); [ -z "$file" ] || { head_of 'Containers (system calls)'; containers "$file"; }
file=$(data smd); [ -z "$file" ] || { head_of 'Servers (SMD)'; servers "$file" 60000; }
file=$(data asd); [ -z "$file" ] || { head_of 'Application servers (ASD)'; servers "$file" 300000; }
file=$(data nsl); [ -z "$file" ] || { head_of 'Network flows (NSL-KDD)'; flows "$file"; }
for file in "$folder"/*.traces.gz; do
	[ ! -e "$file" ] || { printf '\n### Traces of system calls (ADFA-LD)\n\n'; "$sim" eval --data "$file"; }
done
