/* SPDX-License-Identifier: MIT */
/* What the files of the data set share. */
#ifndef TACIT_AGENT_DATASET_PRIVATE_H
#define TACIT_AGENT_DATASET_PRIVATE_H

#include <stdbool.h>

#include <tacit/space.h>

#include "dataset.h"

#define DATASET_WORDS_MAX 256U /* different ones in a column */

enum dataset_kind {
	DATASET_NUMBER,
	DATASET_COUNT, /* will be logged, and so may not be negative */
	DATASET_WORD,  /* its value is its place in words */
	DATASET_IGNORED,
};

struct dataset_column {
	char name[TACIT_DATASET_NAME_MAX + 1];
	enum dataset_kind kind;
	char **words; /* in the order in which they came */
	size_t n_words;
};

struct dataset_host {
	struct tacit_dataset_host of;
	char name[TACIT_DATASET_NAME_MAX + 1];
	char class[TACIT_DATASET_NAME_MAX + 1];
};

struct tacit_dataset {
	enum tacit_dataset_transform transform;
	struct dataset_column *column; /* as in the file */
	size_t columns;
	size_t dims; /* columns that are features; after the transformation, whatever it made */
	struct dataset_host *host;
	size_t hosts, hosts_room;
	float *value;
	int8_t *label;
	uint64_t *t;
	size_t rows, rows_room;
	bool all_counts, above_one; /* numbers are integers, none negative; one is above 1 */
};

/* True when the flows transformation logs a column of this name. */
bool tacit_dataset_flow_is_logged(const char *name);

/* Transforms what was read, when all of it is there. 0, -E2BIG or -ENOMEM. */
TACIT_MUST_CHECK int tacit_dataset_encode(struct tacit_dataset *dataset,
					  struct tacit_dataset_where *where);

#endif /* TACIT_AGENT_DATASET_PRIVATE_H */
