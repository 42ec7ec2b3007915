/* SPDX-License-Identifier: MIT */
/*
 * keeper - the process that keeps the rounds going: it opens and closes them, renews the
 * server's certificate, answers administrators, and serves the metrics. There is one.
 */
#ifndef TACIT_AGGREGATOR_KEEPER_H
#define TACIT_AGGREGATOR_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

#include <tacit/error.h>

#include "aggregator_conf.h"
#include "board.h"
#include "ca.h"

/* Everything is borrowed. */
struct tacit_keeper_params {
	const struct tacit_aggregator_conf *conf;
	struct tacit_board *board; /* workers, and then the keeper's own slot */
	struct tacit_ca *ca;	   /* this process's copy */
	uint32_t workers;
	int metrics_fd;		  /* listening socket, taken over; negative: none */
	const char *listen, *url; /* as they are, not as configured */
	int64_t started_ms;	  /* wall clock */
	pid_t supervisor;	  /* gets SIGHUP when there is a new certificate */
};

/* Works until SIGTERM. 0, or why it could not begin, which it has logged. */
TACIT_MUST_CHECK int tacit_keeper_run(const struct tacit_keeper_params *params);

#endif /* TACIT_AGGREGATOR_KEEPER_H */
