/* SPDX-License-Identifier: MIT */
/* A database file that somebody else has written to: opened, set aside or refused, and read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>

static const char *const migrations[] = {
	"CREATE TABLE scope(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, model BLOB)",
	"CREATE INDEX by_model ON scope(model)",
};

static const struct tacit_db_schema schema = { migrations, TACIT_ARRAY_LEN(migrations) };

static char folder[] = "/tmp/tacit-fuzz-XXXXXX";
static char path[64];

static void remove_files(const char *stem)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[256];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(suffixes); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", stem, suffixes[i]);
		(void)unlink(name);
	}
}

static void remove_folder(void)
{
	(void)rmdir(folder);
}

static void write_input(const uint8_t *data, size_t size)
{
	FILE *f;

	if (path[0] == '\0') {
		if (!mkdtemp(folder) || atexit(remove_folder) != 0)
			abort();
		(void)snprintf(path, sizeof(path), "%s/x.db", folder);
	}
	f = fopen(path, "wbe");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
}

static void use(struct tacit_db *db)
{
	struct sqlite3_stmt *stmt;
	size_t len;

	stmt = tacit_db_query(db, "SELECT id, name, model FROM scope ORDER BY model LIMIT 100", "");
	while (tacit_db_step(db, stmt) == 1) {
		(void)tacit_db_column_text(stmt, 1);
		(void)tacit_db_column_blob(stmt, 2, &len);
	}
	(void)!tacit_db_run(db, "INSERT INTO scope(name) VALUES(?)", "t", "new");
	(void)!tacit_db_run(db, "DELETE FROM scope WHERE id > ?", "i", (int64_t)3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *reader = NULL;
	TACIT_AUTO_FREE char *aside = NULL;
	int r;

	write_input(data, size);
	(void)!tacit_db_open_readonly(path, &schema, &reader);
	tacit_db_close(TACIT_TAKE(reader));
	r = tacit_db_open(path, &schema, &db, &aside);
	if (r == TACIT_EDAMAGED)
		abort(); /* must have been set aside */
	if (r == 0)
		use(db);
	tacit_db_close(TACIT_TAKE(db));
	remove_files(path);
	if (aside)
		remove_files(aside);
	return 0;
}
