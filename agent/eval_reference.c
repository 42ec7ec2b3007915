/* SPDX-License-Identifier: MIT */
#include "eval_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 512

struct row {
	char unit[TACIT_DATASET_NAME_MAX + 1];
	char model[TACIT_DATASET_NAME_MAX + 1];
	size_t normal, anomalous;
	double auroc;
};

static bool parse_row(const char *line, struct row *ret)
{
	char *slash;

	if (sscanf(line, "%*64[^,],%64[^,],%64[^,],%zu,%zu,%lf", ret->unit, ret->model,
		   &ret->normal, &ret->anomalous, &ret->auroc) != 5)
		return false;
	slash = strchr(ret->unit, '#');
	if (slash)
		*slash = '/';
	return ret->auroc >= 0 && ret->auroc <= 1;
}

/* Ours that @model is compared with; -1: none. */
static int statistic_of(const char *model)
{
	static const struct {
		const char *prefix;
		enum tacit_statistic statistic;
	} known[] = { { "maha", TACIT_STATISTIC_DISTANCE }, { "max", TACIT_STATISTIC_MAX_Z } };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(known); i++)
		if (strncmp(model, known[i].prefix, strlen(known[i].prefix)) == 0)
			return (int)known[i].statistic;
	return -1;
}

static void compare(const struct tacit_eval_host *host, const struct row *row, int statistic,
		    struct tacit_eval_reference *ret)
{
	const struct tacit_eval_metrics *ours = &host->of[statistic].metrics;
	double apart = fabs(ours->auroc - row->auroc);

	if (ours->normal != row->normal || ours->anomalous != row->anomalous) {
		ret->skipped++;
		return;
	}
	ret->compared++;
	if (ret->host[statistic] && apart <= ret->largest[statistic])
		return;
	ret->largest[statistic] = apart;
	ret->host[statistic] = host->name;
}

int tacit_eval_reference(const struct tacit_eval *eval, FILE *file,
			 struct tacit_eval_reference *ret, unsigned long *ret_line)
{
	struct tacit_eval_reference reference = { 0 };
	char line[LINE_MAX_BYTES];
	struct row row;

	for (size_t s = 0; s < TACIT_STATISTIC_COUNT; s++)
		reference.largest[s] = NAN;
	for (unsigned long n = 1; fgets(line, sizeof(line), file); n++) {
		int statistic;

		if (n == 1) /* the header */
			continue;
		if (ret_line)
			*ret_line = n;
		if (!parse_row(line, &row))
			return -EINVAL;
		statistic = statistic_of(row.model);
		for (size_t h = 0; statistic >= 0 && h < eval->hosts; h++)
			if (strcmp(eval->host[h].name, row.unit) == 0)
				compare(&eval->host[h], &row, statistic, &reference);
	}
	if (ferror(file))
		return -EIO;
	*ret = reference;
	return 0;
}
