/* SPDX-License-Identifier: MIT */
/* Labelled data sets: whatever is read is whole and finite, and what is refused says why. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tacit/space.h>

#include "agent/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum tacit_dataset_transform transforms[] = { TACIT_DATASET_AUTO, TACIT_DATASET_NONE,
							   TACIT_DATASET_LOG1P,
							   TACIT_DATASET_FLOWS };

static void check_host(const struct tacit_dataset *dataset, const struct tacit_dataset_host *host)
{
	size_t dims = tacit_dataset_dims(dataset);

	for (size_t i = host->first; i < host->first + host->train + host->test; i++) {
		const float *value = tacit_dataset_values(dataset, i);
		int8_t label = tacit_dataset_label(dataset, i);

		for (size_t j = 0; j < dims; j++)
			if (!isfinite(value[j]))
				abort();
		if (label < -1 || label > 1 || (i >= host->first + host->train && label < 0))
			abort();
		if (i > host->first &&
		    tacit_dataset_t(dataset, i) <= tacit_dataset_t(dataset, i - 1))
			abort();
	}
}

static void check(int fd, enum tacit_dataset_transform transform)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = NULL;
	struct tacit_dataset_where where = { 0 };
	size_t next = 0;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		abort();
	r = tacit_dataset_read(fd, transform, &dataset, &where);
	if (r < 0) {
		if (where.why[0] == '\0')
			abort();
		return;
	}
	if (tacit_dataset_dims(dataset) < 1 || tacit_dataset_dims(dataset) > TACIT_SPACE_DIMS_MAX)
		abort();
	for (size_t h = 0; h < tacit_dataset_hosts(dataset); h++) {
		const struct tacit_dataset_host *host = tacit_dataset_host(dataset, h);

		if (host->first != next)
			abort();
		check_host(dataset, host);
		next += host->train + host->test;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_AUTO_CLOSE int fd = memfd_create("dataset", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	for (size_t i = 0; i < TACIT_ARRAY_LEN(transforms); i++)
		check(fd, transforms[i]);
	return 0;
}
