/* SPDX-License-Identifier: MIT */
/*
 * dataset - labelled windows of many hosts in one file, to measure detection on.
 *
 *	host,class,split,label,t,f1,f2,...
 *	web/1,nginx,train,0,0,17,0.25,...
 *
 * Plain or gzip; no quoting, no empty cell. Rows are sorted by host (byte order) and, within a
 *host, by t, those of split "train" before those of "test". label: 0 normal, 1 anomalous, -1 left
 *out; test rows that are left out are not kept. A last column named "attack" is not a feature. A
 *column whose first cell is no number holds words.
 *
 * Values are kept as floats, transformed: a relative error of 6e-8 moves no score.
 */
#ifndef TACIT_AGENT_DATASET_H
#define TACIT_AGENT_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#define TACIT_DATASET_NAME_MAX 64U	  /* bytes of a host, a column or a word */
#define TACIT_DATASET_LINE_MAX 65536U	  /* bytes, without LF */
#define TACIT_DATASET_ROWS_MAX (1U << 24) /* rows kept */

struct tacit_dataset;

/* What is made of the numbers. */
enum tacit_dataset_transform {
	TACIT_DATASET_AUTO, /* words: flows; else counts, if all are integers, none is negative and
			     * one is above 1: log1p; else none */
	TACIT_DATASET_NONE,
	TACIT_DATASET_LOG1P, /* log(1 + x) of all */
	TACIT_DATASET_FLOWS, /* network flows: log(1 + x) but for rates and flags, which are told by
			      * their names; words one-hot, those seen in train, in byte order; then
			      * each column to 0..1 by its least and its largest value in train,
			      * and test rows cut to -1..2 */
};

/* Plain record; names are borrowed from the data set. */
struct tacit_dataset_host {
	const char *name, *class;
	size_t first; /* number of its first row */
	size_t train; /* so many rows to learn from, */
	size_t test;  /* and then so many to judge */
};

/* Where and why a file was refused; written only on failure. */
struct tacit_dataset_where {
	unsigned long line; /* 1-based; 0: not of one line */
	char why[128];
};

/**
 * tacit_dataset_read - read a whole file.
 * @fd: borrowed, read from where it is; need not be seekable.
 * @ret: owned by the caller.
 * @where: may be NULL.
 *
 * Returns 0, TACIT_ESCHEMA (header), -EINVAL (a row), -E2BIG (too many columns, words or rows),
 * TACIT_EDAMAGED (the gzip stream is damaged or cut off), -EIO or -ENOMEM. Does not log.
 */
TACIT_MUST_CHECK int tacit_dataset_read(int fd, enum tacit_dataset_transform transform,
					struct tacit_dataset **ret,
					struct tacit_dataset_where *where);

/* The same by name; and -errno of open(2). */
TACIT_MUST_CHECK int tacit_dataset_load(const char *path, enum tacit_dataset_transform transform,
					struct tacit_dataset **ret,
					struct tacit_dataset_where *where);

/* What was made of the numbers; never TACIT_DATASET_AUTO. */
enum tacit_dataset_transform tacit_dataset_transformed(const struct tacit_dataset *dataset);

size_t tacit_dataset_hosts(const struct tacit_dataset *dataset);
const struct tacit_dataset_host *tacit_dataset_host(const struct tacit_dataset *dataset, size_t i);

/* Columns after the transformation, 1..TACIT_SPACE_DIMS_MAX. */
size_t tacit_dataset_dims(const struct tacit_dataset *dataset);

/* Of a row: tacit_dataset_dims() finite numbers, borrowed; 0, 1 or -1; its t. */
const float *tacit_dataset_values(const struct tacit_dataset *dataset, size_t row);
int8_t tacit_dataset_label(const struct tacit_dataset *dataset, size_t row);
uint64_t tacit_dataset_t(const struct tacit_dataset *dataset, size_t row);

/* NULL is fine. */
void tacit_dataset_free(struct tacit_dataset *dataset);
TACIT_DEFINE_CLEANUP(struct tacit_dataset, tacit_dataset_free)

#endif /* TACIT_AGENT_DATASET_H */
