/* SPDX-License-Identifier: MIT */
#include "round_mode.h"

#include <tacit/random.h>

#include "cohort.h"
#include "fleetdb.h"

#define GROUPS_TRIMMED 10U /* a trimmed mean leaves out two at each end */
#define GROUPS_SUSPECT 8U
#define LIKELY_PERCENT 85U /* of its mean size a group is likely to have */
#define GROUP_MIN      8U  /* hosts: fewer bear no loss at all */

/* How many hosts may come, and are any of them suspected? */
static int foresee(struct tacit_db *db, uint32_t *ret_hosts, bool *ret_suspects)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"WITH last(id, opened_ms) AS (SELECT id, opened_ms FROM round WHERE id ="
		" (SELECT max(round) FROM message WHERE type = ?1))"
		" SELECT count(*), ifnull(max(suspicion), 0) FROM host WHERE revoked_ms IS NULL"
		" AND (NOT EXISTS (SELECT 1 FROM last)"
		"  OR enrolled_ms >= (SELECT opened_ms FROM last)"
		"  OR number IN (SELECT host FROM message WHERE type = ?1"
		"   AND round = (SELECT id FROM last)))",
		"i", (int64_t)TACIT_SECAGG_ADVERT);
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r;
	*ret_hosts = (uint32_t)tacit_db_column_int(query, 0);
	*ret_suspects = tacit_db_column_int(query, 1) > 0;
	return 0;
}

static bool is_feasible(const struct tacit_task *task, uint32_t hosts)
{
	struct tacit_secagg_params params;

	return hosts >= TACIT_SECAGG_HOSTS_MIN && hosts <= TACIT_SECAGG_HOSTS_MAX &&
	       tacit_secagg_params_find(&task->threat, hosts, &params) == 0;
}

static bool is_distributed(const struct tacit_task *task, uint32_t hosts)
{
	if (task->mode != TACIT_TASK_AUTO)
		return task->mode == TACIT_TASK_DISTRIBUTED;
	return hosts >= task->min_cohort &&
	       is_feasible(task, hosts > TACIT_COHORT_HOSTS_MAX ? TACIT_COHORT_HOSTS_FULL : hosts);
}

/* More groups than @usual, as long as each is likely to be twice as large as it must be. */
static uint32_t split(const struct tacit_task *task, uint32_t hosts, uint32_t usual,
		      uint32_t wanted)
{
	uint32_t least = 2 * (task->min_cohort > GROUP_MIN ? task->min_cohort : GROUP_MIN);
	uint32_t most = hosts / least;

	if (wanted > most)
		wanted = most;
	return wanted > usual ? wanted : usual;
}

/* Groups as large as they should be, unless each must be larger. */
static uint32_t divide(const struct tacit_task *task, uint32_t hosts)
{
	uint32_t groups = tacit_cohort_groups(hosts);
	uint32_t most = (uint32_t)((uint64_t)hosts * LIKELY_PERCENT / 100 / task->min_cohort);

	return groups < most ? groups : most > 1 ? most : 1;
}

static int draw_salt(uint8_t salt[TACIT_DIGEST_LEN])
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	int r = tacit_random_new(NULL, &random);

	if (r == 0)
		tacit_random_bytes(random, salt, TACIT_DIGEST_LEN);
	return r;
}

int tacit_round_mode_choose(struct tacit_db *db, const struct tacit_task *task,
			    struct tacit_round *ret)
{
	bool suspects;
	uint32_t hosts;
	int r = foresee(db, &hosts, &suspects);

	if (r < 0)
		return r;
	ret->doc.mode = TACIT_MODE_LOCAL;
	ret->doc.min_cohort = task->min_cohort;
	ret->groups = 0;
	if (!is_distributed(task, hosts)) {
		if (task->mode == TACIT_TASK_AUTO && hosts < task->min_cohort &&
		    task->min_cohort > TACIT_ROUND_LOCAL_MIN)
			ret->doc.min_cohort = TACIT_ROUND_LOCAL_MIN;
		return 0;
	}
	ret->doc.mode = TACIT_MODE_DISTRIBUTED;
	ret->doc.noise_multiplier = tacit_cohort_noise_ppm(task->noise_multiplier) / 1e6;
	ret->groups = divide(task, hosts);
	if (task->aggregation == TACIT_AGGREGATION_TRIMMED_MEAN)
		ret->groups = split(task, hosts, ret->groups, GROUPS_TRIMMED);
	if (suspects)
		ret->groups = split(task, hosts, ret->groups, GROUPS_SUSPECT);
	return draw_salt(ret->salt);
}
