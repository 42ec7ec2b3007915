/* SPDX-License-Identifier: MIT */
#include "dataset_private.h"

#include <fcntl.h>

int tacit_dataset_load(const char *path, enum tacit_dataset_transform transform,
		       struct tacit_dataset **ret, struct tacit_dataset_where *where)
{
	TACIT_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : tacit_dataset_read(fd, transform, ret, where);
}

enum tacit_dataset_transform tacit_dataset_transformed(const struct tacit_dataset *dataset)
{
	return dataset->transform;
}

size_t tacit_dataset_hosts(const struct tacit_dataset *dataset)
{
	return dataset->hosts;
}

const struct tacit_dataset_host *tacit_dataset_host(const struct tacit_dataset *dataset, size_t i)
{
	return &dataset->host[i].of;
}

size_t tacit_dataset_dims(const struct tacit_dataset *dataset)
{
	return dataset->dims;
}

const float *tacit_dataset_values(const struct tacit_dataset *dataset, size_t row)
{
	return dataset->value + row * dataset->dims;
}

int8_t tacit_dataset_label(const struct tacit_dataset *dataset, size_t row)
{
	return dataset->label[row];
}

uint64_t tacit_dataset_t(const struct tacit_dataset *dataset, size_t row)
{
	return dataset->t[row];
}

static void free_column(struct dataset_column *column)
{
	for (size_t i = 0; i < column->n_words; i++)
		tacit_free(column->words[i]);
	tacit_free(column->words);
}

void tacit_dataset_free(struct tacit_dataset *dataset)
{
	if (!dataset)
		return;
	for (size_t i = 0; i < dataset->columns; i++)
		free_column(&dataset->column[i]);
	tacit_free(dataset->column);
	tacit_free(dataset->host);
	tacit_free(dataset->value);
	tacit_free(dataset->label);
	tacit_free(dataset->t);
	tacit_free(dataset);
}
