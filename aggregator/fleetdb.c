/* SPDX-License-Identifier: MIT */
#include "fleetdb.h"

#include <sqlite3.h>

/* Times are wall-clock milliseconds. A digest is 32 bytes, a sum little-endian u32. */
static const char *const migrations[] = {
	"CREATE TABLE token("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  secret BLOB NOT NULL UNIQUE," /* SHA-256 of it */
	"  uses INTEGER NOT NULL,"
	"  used INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL,"
	"  revoked_ms INTEGER,"
	"  labels TEXT NOT NULL);"

	"CREATE TABLE host("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  id TEXT NOT NULL UNIQUE,"
	"  fingerprint BLOB NOT NULL UNIQUE,"
	"  token INTEGER NOT NULL REFERENCES token,"
	"  labels TEXT NOT NULL,"
	"  enrolled_ms INTEGER NOT NULL,"
	"  renewed_ms INTEGER NOT NULL,"
	"  revoked_ms INTEGER,"
	"  generation INTEGER NOT NULL DEFAULT 1," /* certificates issued */
	"  certificate BLOB NOT NULL,"		   /* digest of the newest */
	"  previous BLOB,"			   /* of the one that is good beside it */
	"  rho REAL NOT NULL DEFAULT 0,"	   /* spent against the aggregator, zCDP */
	"  rounds INTEGER NOT NULL DEFAULT 0,"
	"  last_round INTEGER);"

	"CREATE TABLE enrolment("
	"  seq INTEGER PRIMARY KEY,"
	"  at_ms INTEGER NOT NULL,"
	"  event TEXT NOT NULL,"
	"  subject TEXT NOT NULL,"
	"  token INTEGER NOT NULL,"
	"  chain BLOB NOT NULL);"

	"CREATE TABLE task("
	"  version INTEGER PRIMARY KEY,"
	"  set_ms INTEGER NOT NULL,"
	"  digest BLOB NOT NULL,"
	"  document TEXT NOT NULL);"

	"CREATE TABLE round("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  state TEXT NOT NULL DEFAULT 'collecting',"
	"  task INTEGER NOT NULL REFERENCES task,"
	"  task_digest BLOB NOT NULL,"
	"  mode INTEGER NOT NULL,"
	"  model_version INTEGER NOT NULL,"
	"  model BLOB NOT NULL,"
	"  dimensions INTEGER NOT NULL,"
	"  clip_norm REAL NOT NULL,"
	"  noise_multiplier REAL NOT NULL,"
	"  min_cohort INTEGER NOT NULL,"
	"  max_updates INTEGER NOT NULL,"
	"  opened_ms INTEGER NOT NULL,"
	"  collect_ms INTEGER NOT NULL,"
	"  closed_ms INTEGER,"
	"  updates INTEGER NOT NULL DEFAULT 0," /* final; while collecting see partial */
	"  release INTEGER,"
	"  reason TEXT,"
	"  noise_sd REAL,"
	"  signal REAL,"
	"  snr REAL);"
	"CREATE UNIQUE INDEX round_collecting ON round(state) WHERE state = 'collecting';"

	"CREATE TABLE participation("
	"  round INTEGER NOT NULL REFERENCES round,"
	"  host INTEGER NOT NULL REFERENCES host,"
	"  digest BLOB NOT NULL,"
	"  PRIMARY KEY(round, host)) WITHOUT ROWID;"

	"CREATE TABLE partial("
	"  round INTEGER NOT NULL REFERENCES round,"
	"  worker INTEGER NOT NULL,"
	"  updates INTEGER NOT NULL,"
	"  sum BLOB NOT NULL,"
	"  UNIQUE(round, worker));"

	"CREATE TABLE release("
	"  version INTEGER PRIMARY KEY,"
	"  round INTEGER REFERENCES round," /* NULL: blocks carried over to a new task */
	"  created_ms INTEGER NOT NULL,"
	"  sha256 BLOB NOT NULL,"
	"  data BLOB NOT NULL);",

	/* Secure sums. A place is a host's number in the sum, once seated. */
	"ALTER TABLE round ADD COLUMN groups INTEGER NOT NULL DEFAULT 0;" /* 0: mode local */
	"ALTER TABLE round ADD COLUMN salt BLOB;"
	"CREATE TABLE cohort("
	"  round INTEGER NOT NULL REFERENCES round,"
	"  grp INTEGER NOT NULL,"
	"  phase INTEGER NOT NULL DEFAULT 0,"
	"  beacon BLOB NOT NULL," /* its hash is in the config, itself in the roster */
	"  outline BLOB,"
	"  hosts INTEGER NOT NULL DEFAULT 0,"
	"  degree INTEGER NOT NULL DEFAULT 0,"
	"  threshold INTEGER NOT NULL DEFAULT 0,"
	"  survivors INTEGER NOT NULL DEFAULT 0,"
	"  sum BLOB,"	      /* unmasked, little-endian u32; until the round ends */
	"  sum_sha256 BLOB,"  /* of it */
	"  noise_sd REAL,"    /* in each of its numbers */
	"  rho REAL,"	      /* zCDP, against the aggregator */
	"  rho_release REAL," /* and for whoever sees the sum alone */
	"  reason TEXT,"      /* why it was lost */
	"  PRIMARY KEY(round, grp));"

	"CREATE TABLE message("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  round INTEGER NOT NULL REFERENCES round,"
	"  grp INTEGER NOT NULL,"
	"  type INTEGER NOT NULL," /* enum tacit_secagg_type */
	"  host INTEGER NOT NULL REFERENCES host,"
	"  place INTEGER,"
	"  digest BLOB NOT NULL," /* of data */
	"  data BLOB,"
	"  UNIQUE(round, type, host));"
	"CREATE INDEX message_place ON message(round, grp, type, place);"

	"CREATE TABLE masked("
	"  round INTEGER NOT NULL REFERENCES round,"
	"  grp INTEGER NOT NULL,"
	"  worker INTEGER NOT NULL,"
	"  updates INTEGER NOT NULL,"
	"  sum BLOB NOT NULL,"
	"  PRIMARY KEY(round, grp, worker));"

	/* Of hosts that fail again and again, and of groups whose sums were too long. */
	"ALTER TABLE host ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE host ADD COLUMN suspicion INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE host ADD COLUMN benched_until INTEGER NOT NULL DEFAULT 0;", /* a round */

	/* How hosts fare. A round's groups are by a label's value; '': all others. */
	"ALTER TABLE round ADD COLUMN purpose INTEGER NOT NULL DEFAULT 0;" /* enum tacit_purpose */
	"CREATE TABLE round_group("
	"  round INTEGER NOT NULL REFERENCES round,"
	"  slot INTEGER NOT NULL,"
	"  label TEXT NOT NULL,"
	"  value TEXT NOT NULL,"
	"  weight REAL NOT NULL,"
	"  PRIMARY KEY(round, slot)) WITHOUT ROWID;"
	"CREATE TABLE evaluation("
	"  round INTEGER PRIMARY KEY REFERENCES round,"
	"  closed_ms INTEGER NOT NULL,"
	"  updates INTEGER NOT NULL,"
	"  noise_sd REAL NOT NULL,"
	"  sum BLOB NOT NULL);", /* little-endian f64 */
};

static const struct tacit_db_schema schema = { migrations, TACIT_ARRAY_LEN(migrations) };

const struct tacit_db_schema *tacit_fleetdb_schema(void)
{
	return &schema;
}

int tacit_fleetdb_open(const char *path, struct tacit_db **ret)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	int r;

	r = tacit_db_open(path, &schema, &db, NULL);
	if (r < 0)
		return r;
	r = tacit_db_set_durable(db, true);
	if (r < 0)
		return r;

	*ret = TACIT_TAKE(db);
	return 0;
}

int tacit_fleetdb_row(struct tacit_db *db, struct sqlite3_stmt *query)
{
	int r = tacit_db_step(db, query);

	return r == 0 ? -ENOENT : r < 0 ? r : 0;
}

void tacit_fleetdb_done(struct sqlite3_stmt *const *query)
{
	tacit_db_reset(*query);
}

int tacit_fleetdb_column_digest(struct sqlite3_stmt *query, int column, uint8_t *digest, size_t len)
{
	size_t have;
	const uint8_t *data = (const uint8_t *)tacit_db_column_blob(query, column, &have);

	if (have != len)
		return TACIT_EDAMAGED;
	for (size_t i = 0; i < len; i++)
		digest[i] = data[i];
	return 0;
}

bool tacit_fleetdb_column_is_null(struct sqlite3_stmt *query, int column)
{
	return sqlite3_column_type(query, column) == SQLITE_NULL;
}
