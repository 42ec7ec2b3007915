/* SPDX-License-Identifier: MIT */
/* What is made of the numbers and words that were read. */
#include "dataset_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW_MAX	 (-1.0F) /* how far beyond train's range, 0..1, a test row may be */
#define HIGH_MAX 2.0F

bool tacit_dataset_flow_is_logged(const char *name)
{
	static const char *const flags[] = { "land",	     "logged_in",     "root_shell",
					     "su_attempted", "is_host_login", "is_guest_login" };
	static const char rate[] = "_rate";
	size_t len = strlen(name);

	for (size_t i = 0; i < TACIT_ARRAY_LEN(flags); i++)
		if (strcmp(name, flags[i]) == 0)
			return false;
	return len < strlen(rate) || strcmp(name + len - strlen(rate), rate) != 0;
}

static void log_all(struct tacit_dataset *dataset)
{
	for (size_t i = 0; i < dataset->rows * dataset->dims; i++)
		dataset->value[i] = (float)log1p((double)dataset->value[i]);
}

/* What becomes of one column of words: each word's place among the new columns, from 0; words that
 * train does not have have none. */
struct code {
	bool in_train[DATASET_WORDS_MAX];
	uint16_t place[DATASET_WORDS_MAX];
	size_t n;
};

/* Where the features of the file begin in the encoded row: numbers first, then words. */
struct layout {
	size_t dims;
	uint16_t at[TACIT_SPACE_DIMS_MAX]; /* by feature of the file */
	struct code *code;		   /* by feature */
};

static void find_words(const struct tacit_dataset *dataset, struct layout *layout)
{
	for (size_t h = 0; h < dataset->hosts; h++) {
		const struct tacit_dataset_host *host = &dataset->host[h].of;

		for (size_t i = host->first; i < host->first + host->train; i++)
			for (size_t j = 0; j < dataset->dims; j++)
				if (dataset->column[j].kind == DATASET_WORD)
					layout->code[j].in_train
						[(size_t)dataset->value[i * dataset->dims + j]] =
						true;
	}
}

/* Byte order: a word's place is how many of train's are smaller. */
static void place_words(const struct dataset_column *column, struct code *code)
{
	for (size_t i = 0; i < column->n_words; i++) {
		code->n += code->in_train[i];
		for (size_t k = 0; k < column->n_words; k++)
			code->place[i] +=
				code->in_train[k] && strcmp(column->words[k], column->words[i]) < 0;
	}
}

static int lay_out(const struct tacit_dataset *dataset, struct layout *layout,
		   struct tacit_dataset_where *where)
{
	find_words(dataset, layout);
	for (size_t j = 0; j < dataset->dims; j++)
		if (dataset->column[j].kind != DATASET_WORD)
			layout->at[j] = (uint16_t)layout->dims++;
	for (size_t j = 0; j < dataset->dims; j++) {
		if (dataset->column[j].kind != DATASET_WORD)
			continue;
		place_words(&dataset->column[j], &layout->code[j]);
		layout->at[j] = (uint16_t)layout->dims;
		layout->dims += layout->code[j].n;
	}
	if (layout->dims >= 1 && layout->dims <= TACIT_SPACE_DIMS_MAX)
		return 0;
	if (where) {
		where->line = 0;
		(void)snprintf(where->why, sizeof(where->why), "encoded, %zu features: not 1 to %u",
			       layout->dims, TACIT_SPACE_DIMS_MAX);
	}
	return -E2BIG;
}

static void encode_row(const struct tacit_dataset *dataset, const struct layout *layout,
		       const float *from, float *to)
{
	for (size_t j = 0; j < dataset->dims; j++) {
		const struct code *code = &layout->code[j];
		size_t word;

		if (dataset->column[j].kind == DATASET_COUNT) {
			to[layout->at[j]] = (float)log1p((double)from[j]);
		} else if (dataset->column[j].kind == DATASET_WORD) {
			word = (size_t)from[j];
			if (code->in_train[word])
				to[layout->at[j] + code->place[word]] = 1;
		} else {
			to[layout->at[j]] = from[j];
		}
	}
}

/* What train has of each column. */
struct range {
	float low, high;
};

/* @ret: dims entries. False when there is no train row. */
static bool find_ranges(const struct tacit_dataset *dataset, struct range *ret)
{
	bool any = false;

	for (size_t h = 0; h < dataset->hosts; h++) {
		const struct tacit_dataset_host *host = &dataset->host[h].of;

		for (size_t i = host->first; i < host->first + host->train; i++, any = true) {
			const float *x = tacit_dataset_values(dataset, i);

			for (size_t j = 0; j < dataset->dims; j++) {
				ret[j].low = any ? fminf(ret[j].low, x[j]) : x[j];
				ret[j].high = any ? fmaxf(ret[j].high, x[j]) : x[j];
			}
		}
	}
	return any;
}

static void scale_row(const struct range *range, size_t dims, bool in_train, float *x)
{
	for (size_t j = 0; j < dims; j++) {
		float span = range[j].high - range[j].low;

		x[j] = (x[j] - range[j].low) / (span > 0 ? span : 1);
		if (!in_train)
			x[j] = fminf(fmaxf(x[j], LOW_MAX), HIGH_MAX);
	}
}

static void scale_rows(struct tacit_dataset *dataset)
{
	struct range range[TACIT_SPACE_DIMS_MAX];

	if (!find_ranges(dataset, range))
		return;
	for (size_t h = 0; h < dataset->hosts; h++) {
		const struct tacit_dataset_host *host = &dataset->host[h].of;

		for (size_t i = 0; i < host->train + host->test; i++)
			scale_row(range, dataset->dims, i < host->train,
				  dataset->value + (host->first + i) * dataset->dims);
	}
}

static int encode_flows(struct tacit_dataset *dataset, struct tacit_dataset_where *where)
{
	TACIT_AUTO_FREE struct code *code = TACIT_NEW_N(struct code, dataset->dims);
	struct layout layout = { .code = code };
	float *value;
	int r;

	if (!code)
		return -ENOMEM;
	r = lay_out(dataset, &layout, where);
	if (r < 0)
		return r;
	value = (float *)tacit_calloc(dataset->rows > 0 ? dataset->rows : 1,
				      layout.dims * sizeof(*value));
	if (!value)
		return -ENOMEM;
	for (size_t i = 0; i < dataset->rows; i++)
		encode_row(dataset, &layout, dataset->value + i * dataset->dims,
			   value + i * layout.dims);
	tacit_free(dataset->value);
	dataset->value = value;
	dataset->dims = layout.dims;
	scale_rows(dataset);
	return 0;
}

int tacit_dataset_encode(struct tacit_dataset *dataset, struct tacit_dataset_where *where)
{
	if (dataset->transform == TACIT_DATASET_AUTO)
		dataset->transform = dataset->all_counts && dataset->above_one ? TACIT_DATASET_LOG1P
									       : TACIT_DATASET_NONE;
	if (dataset->transform == TACIT_DATASET_FLOWS)
		return encode_flows(dataset, where);
	if (dataset->transform == TACIT_DATASET_LOG1P)
		log_all(dataset);
	return 0;
}
