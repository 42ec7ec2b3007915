/* SPDX-License-Identifier: MIT */
/*
 * metrics - the aggregator's figures for Prometheus (text format 0.0.4): what every worker has
 * counted, and what the database says.
 */
#ifndef TACIT_AGGREGATOR_METRICS_H
#define TACIT_AGGREGATOR_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/db.h>
#include <tacit/error.h>

#include "board.h"

#define TACIT_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What is not counted by workers. Plain record. */
struct tacit_metrics_fleet {
	uint64_t hosts_enrolled, hosts_revoked;
	uint64_t round;		/* collecting; 0: none */
	uint64_t round_updates; /* accepted in it */
	uint64_t release;	/* newest version; 0: none */
	uint64_t database_bytes;
	uint64_t workers, workers_ready;
	int64_t started_ms; /* wall clock */
};

/* Reads it from the database; workers and started_ms are the caller's. 0 or database errors, and
 * then @ret is untouched. */
TACIT_MUST_CHECK int tacit_metrics_read(struct tacit_db *db, struct tacit_metrics_fleet *ret);

/* Workers that serve now. */
uint64_t tacit_metrics_workers_ready(const struct tacit_board *board, size_t workers);

/* @fleet NULL: the database did not answer; its figures are left out. */
void tacit_metrics_format(const struct tacit_board_figures *figures,
			  const struct tacit_metrics_fleet *fleet, struct tacit_writer *writer);

#endif /* TACIT_AGGREGATOR_METRICS_H */
