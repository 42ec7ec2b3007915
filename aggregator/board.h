/* SPDX-License-Identifier: MIT */
/*
 * board - what the aggregator's processes show one another: memory that they share, a slot
 * for each. Every figure has one writer; readers may see a moment between two of them.
 */
#ifndef TACIT_AGGREGATOR_BOARD_H
#define TACIT_AGGREGATOR_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

#include "http.h"
#include "routes.h"

struct tacit_board;

/* What a worker counts. Nothing but uint64_t, all of which only grow over restarts, too; save
 * http.connections_open. */
struct tacit_board_figures {
	struct tacit_http_counters http;
	struct tacit_routes_counters routes;
};

/* @slots: 1..1024. Make it before fork(). @ret: owned by the caller. 0, -EINVAL, -ENOMEM. */
TACIT_MUST_CHECK int tacit_board_new(size_t slots, struct tacit_board **ret);

size_t tacit_board_slots(const struct tacit_board *board);

/* A process takes a slot: what its predecessor counted is where it goes on; not ready yet. */
void tacit_board_begin(struct tacit_board *board, size_t slot, int64_t boot_ms);

/* Still alive; @figures may be NULL. @ready: serving. */
void tacit_board_beat(struct tacit_board *board, size_t slot,
		      const struct tacit_board_figures *figures, bool ready, int64_t boot_ms);

/* The last beat, and whether it said ready. */
int64_t tacit_board_last_beat(const struct tacit_board *board, size_t slot);
bool tacit_board_is_ready(const struct tacit_board *board, size_t slot);

/* A process is gone: neither ready nor connected to anyone. */
void tacit_board_end(struct tacit_board *board, size_t slot);

/* Adds up every slot. */
void tacit_board_sum(const struct tacit_board *board, struct tacit_board_figures *ret);

/* NULL is fine. Others who share it keep it. */
void tacit_board_free(struct tacit_board *board);
TACIT_DEFINE_CLEANUP(struct tacit_board, tacit_board_free)

#endif /* TACIT_AGGREGATOR_BOARD_H */
