/* SPDX-License-Identifier: MIT */
#include "groups.h"

#include <stdio.h>

#include "fleetdb.h"

/* A label's place in the JSON of all labels; names may have dots. */
#define VALUE_OF(label) "json_extract(labels, '$.\"' || " label " || '\"')"

static struct tacit_groups all_alike(void)
{
	return (struct tacit_groups){ .n = 1, .group = { { .weight = 1 } } };
}

static void add(struct tacit_groups *groups, const char *value, double weight)
{
	struct tacit_group *group = &groups->group[groups->n++];

	(void)snprintf(group->value, sizeof(group->value), "%s", value);
	group->weight = weight;
}

int tacit_groups_find(struct tacit_db *db, const char *label, struct tacit_groups *ret)
{
	struct sqlite3_stmt *query;
	struct tacit_groups groups = { 0 };
	int r;

	*ret = all_alike();
	if (label[0] == '\0')
		return 0;
	query = tacit_db_query(
		db,
		"SELECT " VALUE_OF("?1") " AS value FROM host"
					 " WHERE revoked_ms IS NULL AND value <> ''"
					 " GROUP BY value ORDER BY count(*) DESC, value LIMIT ?2",
		"ti", label, (int64_t)TACIT_EVALUATION_SLOTS_MAX - 1);
	while ((r = tacit_db_step(db, query)) > 0)
		add(&groups, tacit_db_column_text(query, 0), 1);
	if (r < 0)
		return r;
	add(&groups, "", 1);
	(void)snprintf(groups.label, sizeof(groups.label), "%s", label);
	*ret = groups;
	return 0;
}

int tacit_groups_get(struct tacit_db *db, uint64_t round, struct tacit_groups *ret)
{
	struct sqlite3_stmt *query = tacit_db_query(
		db, "SELECT label, value, weight FROM round_group WHERE round = ? ORDER BY slot",
		"i", (int64_t)round);
	struct tacit_groups groups = { 0 };
	int r;

	while ((r = tacit_db_step(db, query)) > 0 && groups.n < TACIT_EVALUATION_SLOTS_MAX) {
		(void)snprintf(groups.label, sizeof(groups.label), "%s",
			       tacit_db_column_text(query, 0));
		add(&groups, tacit_db_column_text(query, 1), tacit_db_column_double(query, 2));
	}
	tacit_db_reset(query);
	if (r < 0)
		return r;
	*ret = groups.n > 0 ? groups : all_alike();
	return 0;
}

int tacit_groups_put(struct tacit_db *db, uint64_t round, const struct tacit_groups *groups)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && groups->label[0] && i < groups->n; i++)
		r = tacit_db_run(db,
				 "INSERT INTO round_group(round, slot, label, value, weight)"
				 " VALUES(?, ?, ?, ?, ?)",
				 "iittd", (int64_t)round, (int64_t)i, groups->label,
				 groups->group[i].value, groups->group[i].weight);
	return r;
}

int tacit_groups_tidy(struct tacit_db *db, int64_t round)
{
	return tacit_db_run(db,
			    "DELETE FROM round_group WHERE round <= ?"
			    " AND round NOT IN (SELECT round FROM evaluation)",
			    "i", round);
}

/* The group of its value, or the last, which is everybody else's. */
int tacit_groups_tell(struct tacit_db *db, int64_t host, struct tacit_round_doc *doc)
{
	TACIT_AUTO_QUERY struct sqlite3_stmt *query = tacit_db_query(
		db,
		"SELECT slot, weight, (SELECT count(*) FROM round_group WHERE round = ?1)"
		" FROM round_group, host WHERE round = ?1 AND number = ?2"
		" AND value IN (" VALUE_OF("label") ", '') ORDER BY slot LIMIT 1",
		"ii", (int64_t)doc->round, host);
	int r = tacit_fleetdb_row(db, query);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (doc->purpose == TACIT_PURPOSE_EVALUATE) {
		doc->slot = (uint32_t)tacit_db_column_int(query, 0);
		doc->slots = (uint32_t)tacit_db_column_int(query, 2);
	} else {
		doc->weight = tacit_db_column_double(query, 1);
		doc->weight = doc->weight < 1 ? doc->weight : 0; /* which goes without saying */
	}
	return 0;
}
