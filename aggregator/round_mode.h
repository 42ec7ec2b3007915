/* SPDX-License-Identifier: MIT */
/* round_mode - local or distributed, and in how many groups? */
#ifndef TACIT_AGGREGATOR_ROUND_MODE_H
#define TACIT_AGGREGATOR_ROUND_MODE_H

#include "round.h"

/* A round that is local because the fleet is small releases with so many updates. */
#define TACIT_ROUND_LOCAL_MIN 2U

/**
 * tacit_round_mode_choose - the mode of the next round.
 * @ret: its mode, smallest cohort, groups and salt are set.
 *
 * How many hosts will come is guessed: those that advertised in the last secure round, and those
 * that enrolled since; before there was one, all. There are more groups than their size asks for
 * when the task wants their trimmed mean, and when a sum was too long and the hosts that may have
 * made it so are to be told apart.
 *
 * Returns 0, TACIT_ECRYPTO, -ENOMEM or database errors.
 */
TACIT_MUST_CHECK int tacit_round_mode_choose(struct tacit_db *db, const struct tacit_task *task,
					     struct tacit_round *ret);

#endif /* TACIT_AGGREGATOR_ROUND_MODE_H */
