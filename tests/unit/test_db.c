/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include <tacit/db.h>

#include "place.h"
#include "unit.h"

static const char *const migrations[] = {
	"CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);"
	"INSERT INTO parent(name) VALUES('first')",
	"CREATE TABLE child(parent INTEGER REFERENCES parent ON DELETE CASCADE, data BLOB)",
	"ALTER TABLE parent ADD COLUMN weight REAL NOT NULL DEFAULT 1.5",
};

static const struct tacit_db_schema newest = { migrations, TACIT_ARRAY_LEN(migrations) };

static int64_t ask(struct tacit_db *db, const char *sql)
{
	sqlite3_stmt *stmt = tacit_db_query(db, sql, "");
	int64_t value = tacit_db_step(db, stmt) == 1 ? tacit_db_column_int(stmt, 0) : -1;

	tacit_db_reset(stmt);
	return value;
}

static struct tacit_db *must_open(const char *path)
{
	struct tacit_db *db = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_db_open(path, &newest, &db, NULL), 0);
	return db;
}

static void test_new_file(void)
{
	PLACE(place);
	const char *path = place_file(&place, "x.db");
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(path);
	char aside_untouched[1];
	char *aside = aside_untouched;
	struct stat st;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA user_version"), 3);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA foreign_keys"), 1);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA trusted_schema"), 0);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA cell_size_check"), 1);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA synchronous"), 1);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA busy_timeout"), 5000);
	CU_ASSERT_EQUAL(ask(db, "SELECT 1 FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM parent"), 1);
	CU_ASSERT(tacit_db_size_bytes(db) >= 4096);

	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *other = NULL;
	CU_ASSERT_EQUAL(tacit_db_open(path, &newest, &other, &aside), 0);
	CU_ASSERT_PTR_NULL(aside);
	CU_ASSERT_EQUAL(stat(place_file(&place, "x.db-wal"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
}

static void test_migrations_step_by_step(void)
{
	PLACE(place);
	const char *path = place_file(&place, "x.db");

	for (size_t n = 0; n <= TACIT_ARRAY_LEN(migrations); n++) {
		const struct tacit_db_schema schema = { migrations, n };
		TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;

		CU_ASSERT_EQUAL_FATAL(tacit_db_open(path, &schema, &db, NULL), 0);
		CU_ASSERT_EQUAL(ask(db, "PRAGMA user_version"), (int64_t)n);
		if (n == 2)
			CU_ASSERT_EQUAL(tacit_db_run(db, "INSERT INTO child VALUES(1, x'00')", ""),
					0);
	}
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(path);
	CU_ASSERT_EQUAL(ask(db, "SELECT weight = 1.5 FROM parent"), 1);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM child"), 1);
}

static void test_failed_migration_is_rolled_back(void)
{
	static const char *const bad[] = {
		"CREATE TABLE one(x)",
		"CREATE TABLE two(x); INSERT INTO nowhere VALUES(1)",
	};
	static const char *const orphan[] = {
		"CREATE TABLE one(x)",
		"CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE two(p REFERENCES p);"
		"INSERT INTO two VALUES(7)",
	};
	const struct tacit_db_schema schema = { bad, 2 }, dangling = { orphan, 2 };
	const struct tacit_db_schema before = { bad, 1 };
	PLACE(place);
	const char *path = place_file(&place, "x.db");
	struct tacit_db *db = NULL;

	CU_ASSERT_EQUAL(tacit_db_open(path, &schema, &db, NULL), TACIT_ESCHEMA);
	CU_ASSERT_PTR_NULL(db);
	CU_ASSERT_EQUAL(tacit_db_open(path, &dangling, &db, NULL), TACIT_ECONFLICT);
	CU_ASSERT_PTR_NULL(db);
	CU_ASSERT_EQUAL_FATAL(tacit_db_open(path, &before, &db, NULL), 0);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA user_version"), 1);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'two'"), 0);
	tacit_db_close(db);
}

/* The cascade of DROP TABLE is what makes this case worth a test. */
static void test_migration_may_rebuild_a_table(void)
{
	static const char *const rebuild[] = {
		"CREATE TABLE p(id INTEGER PRIMARY KEY, a); INSERT INTO p VALUES(1, 2);"
		"CREATE TABLE c(p REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES(1)",
		"CREATE TABLE q(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO q SELECT * FROM p;"
		"DROP TABLE p; ALTER TABLE q RENAME TO p",
	};
	const struct tacit_db_schema schema = { rebuild, 2 };
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_db_open(":memory:", &schema, &db, NULL), 0);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM c"), 1);
	CU_ASSERT_EQUAL(tacit_db_run(db, "DELETE FROM p", ""), 0);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM c"), 0);
}

static size_t slurp(const char *path, char *data, size_t size)
{
	FILE *f = fopen(path, "rbe");
	size_t n = f ? fread(data, 1, size, f) : 0;

	if (f)
		(void)fclose(f);
	return n;
}

static void test_newer_file_is_left_alone(void)
{
	static const char *const more[] = { "CREATE TABLE t(x)", "SELECT 1", "SELECT 2",
					    "SELECT 3" };
	const struct tacit_db_schema schema = { more, 4 };
	static char before[65536], after[65536];
	PLACE(place);
	char path[512];
	struct tacit_db *db = NULL;
	char *aside = NULL;
	size_t n;

	(void)strcpy(path, place_file(&place, "x.db"));
	CU_ASSERT_EQUAL_FATAL(tacit_db_open(path, &schema, &db, NULL), 0);
	tacit_db_close(db);
	db = NULL;
	n = slurp(path, before, sizeof(before));
	CU_ASSERT_EQUAL(tacit_db_open(path, &newest, &db, &aside), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(tacit_db_open_readonly(path, &newest, &db), TACIT_ESCHEMA);
	CU_ASSERT_PTR_NULL(db);
	CU_ASSERT_PTR_NULL(aside);
	CU_ASSERT_EQUAL(slurp(path, after, sizeof(after)), n);
	CU_ASSERT_EQUAL(memcmp(before, after, n), 0);
}

/* A sound file of several pages, to be damaged. */
static size_t sound_file(struct place *place, char *data, size_t size)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(place_file(place, "x.db"));

	for (int i = 0; i < 200; i++)
		CU_ASSERT_EQUAL(
			tacit_db_run(db, "INSERT INTO child VALUES(1, randomblob(100))", ""), 0);
	tacit_db_close(TACIT_TAKE(db));
	return slurp(place_file(place, "x.db"), data, size);
}

static char sound[1 << 17];

/* Each breaks @n bytes of a sound file; gives the new length. */
static size_t truncate_file(char *data, size_t n)
{
	(void)data;
	return n - 5000;
}

static size_t keep_header_only(char *data, size_t n)
{
	(void)data, (void)n;
	return 100;
}

static size_t keep_half_a_header(char *data, size_t n)
{
	(void)data, (void)n;
	return 50;
}

static size_t fill_with_noise(char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 7 + (i >> 8));
	return n;
}

static size_t fill_with_zeroes(char *data, size_t n)
{
	memset(data, 0, n);
	return n;
}

static size_t spoil_last_page(char *data, size_t n)
{
	memset(data + n - 4096, 0x5a, 4096);
	return n;
}

static size_t spoil_schema(char *data, size_t n)
{
	memset(data + 100, 0xff, 400);
	return n;
}

static size_t (*const breakages[])(char *data, size_t n) = {
	truncate_file,	  keep_header_only, keep_half_a_header, fill_with_noise,
	fill_with_zeroes, spoil_last_page,  spoil_schema,
};

static void test_damaged_file_is_set_aside(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(breakages); i++) {
		TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
		TACIT_AUTO_FREE char *aside = NULL;
		static char after[sizeof(sound)];
		PLACE(place);
		char path[512];
		size_t n;

		n = breakages[i](sound, sound_file(&place, sound, sizeof(sound)));
		(void)strcpy(path, place_write(&place, "x.db", sound, n));
		CU_ASSERT_EQUAL(tacit_db_open(path, &newest, &db, NULL), TACIT_EDAMAGED);
		CU_ASSERT_PTR_NULL(db);
		CU_ASSERT_EQUAL_FATAL(tacit_db_open(path, &newest, &db, &aside), 0);
		CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM child"), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(aside);
		CU_ASSERT_EQUAL(strncmp(aside, path, strlen(path)), 0);
		CU_ASSERT_EQUAL(strncmp(aside + strlen(path), ".damaged-2", 10), 0);
		CU_ASSERT_EQUAL(slurp(aside, after, sizeof(after)), n);
		CU_ASSERT_EQUAL(memcmp(sound, after, n), 0);
	}
}

static size_t count_files(struct place *place, const char *pattern)
{
	glob_t found;
	size_t n = 0;

	if (glob(place_file(place, pattern), 0, NULL, &found) == 0)
		n = found.gl_pathc;
	globfree(&found);
	return n;
}

static void test_damaged_names_do_not_collide(void)
{
	PLACE(place);
	char path[512];

	for (size_t i = 1; i <= 4; i++) {
		TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
		TACIT_AUTO_FREE char *aside = NULL;

		(void)place_write(&place, "x.db-wal", "left over", 9);
		(void)strcpy(path, place_write(&place, "x.db", "garbage, not a database", 23));
		CU_ASSERT_EQUAL_FATAL(tacit_db_open(path, &newest, &db, &aside), 0);
		CU_ASSERT_PTR_NOT_NULL(aside);
		CU_ASSERT_EQUAL(count_files(&place, "x.db.damaged-*Z") +
					count_files(&place, "x.db.damaged-*Z.[0-9]"),
				i);
	}
	CU_ASSERT_EQUAL(count_files(&place, "x.db.damaged-*-wal"), 4);
}

static void test_an_empty_file_is_new(void)
{
	PLACE(place);
	const char *path = place_write(&place, "x.db", "", 0);
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(path);

	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM parent"), 1);
}

static void test_another_programs_database(void)
{
	PLACE(place);
	char path[512];
	struct tacit_db *db = NULL;
	char *aside = NULL;
	sqlite3 *raw = NULL;

	(void)strcpy(path, place_file(&place, "x.db"));
	CU_ASSERT_EQUAL(sqlite3_open(path, &raw), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(raw, "CREATE TABLE parent(x)", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_close(raw), SQLITE_OK);
	CU_ASSERT_EQUAL(tacit_db_open(path, &newest, &db, &aside), TACIT_ESCHEMA);
	CU_ASSERT_PTR_NULL(aside);

	CU_ASSERT_EQUAL(sqlite3_open(path, &raw), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(raw, "PRAGMA user_version = -5", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_close(raw), SQLITE_OK);
	CU_ASSERT_EQUAL(tacit_db_open(path, &newest, &db, &aside), TACIT_ESCHEMA);
	CU_ASSERT_PTR_NULL(db);
}

static void test_paths_that_are_no_file(void)
{
	PLACE(place);
	struct tacit_db *db = NULL;
	char *aside = NULL;
	char target[512];

	CU_ASSERT_EQUAL(tacit_db_open("", &newest, &db, &aside), -EINVAL);
	CU_ASSERT_EQUAL(tacit_db_open(place.folder, &newest, &db, &aside), -EACCES);
	CU_ASSERT_EQUAL(tacit_db_open(place_file(&place, "no/x.db"), &newest, &db, &aside),
			-ENOENT);
	CU_ASSERT_EQUAL(tacit_db_open_readonly(place_file(&place, "x.db"), &newest, &db), -ENOENT);
	(void)strcpy(target, place_file(&place, "target"));
	CU_ASSERT_EQUAL(symlink(target, place_file(&place, "link")), 0);
	CU_ASSERT_EQUAL(tacit_db_open(place_file(&place, "link"), &newest, &db, &aside), -EACCES);
	CU_ASSERT(access(target, F_OK) != 0);
	CU_ASSERT_EQUAL(mkfifo(place_file(&place, "fifo"), 0600), 0);
	CU_ASSERT_EQUAL(tacit_db_open_readonly(place_file(&place, "fifo"), &newest, &db), -EACCES);
	CU_ASSERT_EQUAL(tacit_db_open(place_file(&place, "fifo"), &newest, &db, &aside), -EACCES);
	CU_ASSERT_PTR_NULL(db);
	CU_ASSERT_PTR_NULL(aside);
}

/* Root may write anywhere, so the attempt is made as somebody else. */
static int as_nobody(int (*attempt)(const char *path), const char *path)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		_exit(attempt(path));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : -1;
}

static int open_is_refused(const char *path)
{
	struct tacit_db *db = NULL;
	char *aside = NULL;
	int r = tacit_db_open(path, &newest, &db, &aside);

	return r == -EACCES && !db && !aside ? 0 : 1;
}

static void test_read_only_folder(void)
{
	PLACE(place);
	char path[512];

	(void)strcpy(path, place_file(&place, "x.db"));
	CU_ASSERT_EQUAL(chmod(place.folder, 0555), 0);
	CU_ASSERT_EQUAL(as_nobody(open_is_refused, path), 0);

	/* A damaged file that cannot be renamed is an error, and stays. */
	CU_ASSERT_EQUAL(chmod(place.folder, 0755), 0);
	(void)place_write(&place, "x.db", "garbage, not a database", 23);
	CU_ASSERT_EQUAL(chmod(path, 0666), 0);
	CU_ASSERT_EQUAL(chmod(place.folder, 0555), 0);
	CU_ASSERT_EQUAL(as_nobody(open_is_refused, path), 0);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT_EQUAL(chmod(place.folder, 0755), 0);
}

static void test_readonly(void)
{
	static const char *const older[] = { "CREATE TABLE t(x)" };
	const struct tacit_db_schema schema = { older, 1 };
	PLACE(place);
	char path[512];
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *writer = NULL;
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	struct tacit_db *other = NULL;

	(void)strcpy(path, place_file(&place, "x.db"));
	writer = must_open(path);
	CU_ASSERT_EQUAL_FATAL(tacit_db_open_readonly(path, &newest, &db), 0);
	CU_ASSERT_EQUAL(tacit_db_run(writer, "INSERT INTO parent(name) VALUES('b')", ""), 0);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM parent"), 2);
	CU_ASSERT_EQUAL(tacit_db_run(db, "DELETE FROM parent", ""), -EACCES);
	CU_ASSERT_EQUAL(tacit_db_open_readonly(path, &schema, &other), TACIT_ESCHEMA);

	(void)strcpy(path, place_write(&place, "garbage", "garbage, not a database", 23));
	CU_ASSERT_EQUAL(tacit_db_open_readonly(path, &newest, &other), TACIT_EDAMAGED);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT_PTR_NULL(other);
}

static void test_binds_and_columns(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(":memory:");
	const char *insert = "INSERT INTO child(parent, data) VALUES(?, ?)";
	const char *echo = "SELECT ?, ?, ?, ?, ?, ?";
	sqlite3_stmt *stmt;
	const void *blob;
	size_t len = 99;

	stmt = tacit_db_query(db, echo, "idtbnt", INT64_MIN, 0.1, "text", (const void *)"\0\1\2",
			      (size_t)3, (const char *)NULL);
	CU_ASSERT_EQUAL_FATAL(tacit_db_step(db, stmt), 1);
	CU_ASSERT_EQUAL(tacit_db_column_int(stmt, 0), INT64_MIN);
	CU_ASSERT_EQUAL(tacit_db_column_double(stmt, 1), 0.1);
	CU_ASSERT_STRING_EQUAL(tacit_db_column_text(stmt, 2), "text");
	blob = tacit_db_column_blob(stmt, 3, &len);
	CU_ASSERT_EQUAL(len, 3);
	CU_ASSERT_EQUAL(memcmp(blob, "\0\1\2", 3), 0);
	CU_ASSERT_STRING_EQUAL(tacit_db_column_text(stmt, 4), "");
	CU_ASSERT_PTR_NULL(tacit_db_column_blob(stmt, 5, &len));
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_EQUAL(tacit_db_step(db, stmt), 0);

	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "ib", (int64_t)1, (const void *)"", (size_t)0), 0);
	CU_ASSERT_EQUAL(tacit_db_changes(db), 1);
	CU_ASSERT_EQUAL(tacit_db_last_id(db), 1);
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "i", (int64_t)1), -EINVAL);
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "inn", (int64_t)1), -EINVAL);
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "iz", (int64_t)1), -EINVAL);
	CU_ASSERT_PTR_NULL(tacit_db_query(db, insert, ""));
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM child"), 1);
}

static void test_failures_are_translated(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(":memory:");
	const char *insert = "INSERT INTO parent(name) VALUES(?)";
	sqlite3_stmt *stmt;

	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "t", "first"), TACIT_ECONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(tacit_db_errmsg(db), "UNIQUE"));
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "n"), TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(tacit_db_run(db, "INSERT INTO child VALUES(99, NULL)", ""),
			TACIT_ECONFLICT);
	CU_ASSERT_EQUAL(tacit_db_run(db, "SELECT nonsense", ""), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(tacit_db_run(db, "SELECT \"a string in the wrong quotes\"", ""),
			TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(tacit_db_run(db, " ", ""), -EINVAL);
	CU_ASSERT_EQUAL(tacit_db_run(db, "SELECT zeroblob(100000000)", ""), -E2BIG);
	CU_ASSERT(tacit_db_run(db, "ATTACH '/dev/null' AS other", "") < 0);
	stmt = tacit_db_query(db, "SELECT nonsense", "");
	CU_ASSERT_PTR_NULL(stmt);
	CU_ASSERT_EQUAL(tacit_db_step(db, stmt), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, "t", "still works"), 0);
}

static void test_statements_are_reused(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(":memory:");
	static const char sql[] = "SELECT id, ? FROM parent";
	char literal[100][40];
	sqlite3_stmt *stmt = tacit_db_query(db, sql, "i", (int64_t)5);

	CU_ASSERT_EQUAL(tacit_db_step(db, stmt), 1);
	/* Left on a row: the next prepare must begin at the first one, with nothing bound. */
	CU_ASSERT_PTR_EQUAL(tacit_db_prepare(db, sql), stmt);
	CU_ASSERT_EQUAL(tacit_db_step(db, stmt), 1);
	CU_ASSERT_EQUAL(sqlite3_column_type(stmt, 1), SQLITE_NULL);
	CU_ASSERT_EQUAL(tacit_db_step(db, stmt), 0);

	for (int i = 0; i < 100; i++) {
		(void)snprintf(literal[i], sizeof(literal[i]), "SELECT %d", i);
		CU_ASSERT_EQUAL(ask(db, literal[i]), i);
	}
	CU_ASSERT_PTR_EQUAL(tacit_db_prepare(db, sql), stmt);
	CU_ASSERT_EQUAL(ask(db, literal[42]), 42);
}

static void test_transactions(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(":memory:");
	const char *insert = "INSERT INTO parent(name) VALUES('x')";
	const char *count = "SELECT count(*) FROM parent";

	CU_ASSERT_EQUAL(tacit_db_begin(db), 0);
	CU_ASSERT(tacit_db_begin(db) < 0);
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, ""), 0);
	tacit_db_rollback(db);
	tacit_db_rollback(db);
	CU_ASSERT_EQUAL(ask(db, count), 1);
	CU_ASSERT_EQUAL(tacit_db_begin(db), 0);
	CU_ASSERT_EQUAL(tacit_db_run(db, insert, ""), 0);
	CU_ASSERT_EQUAL(tacit_db_set_durable(db, true), TACIT_ESCHEMA);
	CU_ASSERT_EQUAL(tacit_db_commit(db), 0);
	CU_ASSERT(tacit_db_commit(db) < 0);
	CU_ASSERT_EQUAL(ask(db, count), 2);
	CU_ASSERT_EQUAL(tacit_db_set_durable(db, true), 0);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA synchronous"), 2);
	CU_ASSERT_EQUAL(tacit_db_set_durable(db, false), 0);
	CU_ASSERT_EQUAL(ask(db, "PRAGMA synchronous"), 1);
}

static void test_concurrent_writer(void)
{
	PLACE(place);
	char path[512];
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *a = NULL, *b = NULL;

	(void)strcpy(path, place_file(&place, "x.db"));
	a = must_open(path);
	b = must_open(path);
	CU_ASSERT_EQUAL(ask(b, "PRAGMA busy_timeout = 1"), 1);
	CU_ASSERT_EQUAL(tacit_db_begin(a), 0);
	CU_ASSERT_EQUAL(tacit_db_begin(b), -EBUSY);
	CU_ASSERT_EQUAL(tacit_db_run(b, "DELETE FROM parent", ""), -EBUSY);
	CU_ASSERT_EQUAL(ask(b, "SELECT count(*) FROM parent"), 1);
	CU_ASSERT_EQUAL(tacit_db_commit(a), 0);
	CU_ASSERT_EQUAL(tacit_db_begin(b), 0);
	tacit_db_rollback(b);
}

static int open_and_insert(const char *path)
{
	struct tacit_db *db = NULL;
	char *aside = NULL;
	int r = tacit_db_open(path, &newest, &db, &aside);

	for (int i = 0; r == 0 && i < 20; i++)
		r = tacit_db_run(db, "INSERT INTO child VALUES(1, NULL)", "");
	tacit_db_close(db);
	tacit_free(aside);
	return r == 0 ? 0 : 1;
}

/* Opened together for the first time: new, or damaged; either way one file comes out of it. */
static void race(struct place *place)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	char path[512];
	pid_t pid[4];
	int status;

	(void)strcpy(path, place_file(place, "x.db"));
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(open_and_insert(path));
	}
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(waitpid(pid[i], &status, 0), pid[i]);
		CU_ASSERT_EQUAL(status, 0);
	}
	db = must_open(path);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM child"), 80);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM parent"), 1);
}

static void test_processes_open_a_new_file_together(void)
{
	PLACE(place);

	race(&place);
}

static void test_processes_set_a_file_aside_together(void)
{
	PLACE(place);

	(void)place_write(&place, "x.db", "garbage, not a database", 23);
	race(&place);
	CU_ASSERT_EQUAL(count_files(&place, "x.db.damaged-*"), 1);
}

static void test_full(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(":memory:");
	const char *fill = "INSERT INTO child VALUES(1, zeroblob(1000000))";
	int64_t before = ask(db, "SELECT count(*) FROM child");

	CU_ASSERT(ask(db, "PRAGMA max_page_count = 20") > 0);
	CU_ASSERT_EQUAL(tacit_db_begin(db), 0);
	CU_ASSERT_EQUAL(tacit_db_run(db, fill, ""), -ENOSPC);
	tacit_db_rollback(db);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM child"), before);
	CU_ASSERT_EQUAL(tacit_db_run(db, "INSERT INTO child VALUES(1, x'01')", ""), 0);
}

static void test_size_counts_what_is_in_use(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = must_open(":memory:");
	int64_t empty = tacit_db_size_bytes(db);

	CU_ASSERT_EQUAL(tacit_db_run(db, "INSERT INTO child VALUES(1, zeroblob(100000))", ""), 0);
	CU_ASSERT(tacit_db_size_bytes(db) >= empty + 100000 - 4096);
	CU_ASSERT_EQUAL(tacit_db_run(db, "DELETE FROM child", ""), 0);
	CU_ASSERT_EQUAL(tacit_db_size_bytes(db), empty);
}

static void test_committed_survives_a_kill(void)
{
	PLACE(place);
	char path[512];
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	pid_t pid;

	(void)strcpy(path, place_file(&place, "x.db"));
	pid = fork();
	if (pid == 0) {
		db = must_open(path);
		if (tacit_db_run(db, "INSERT INTO child VALUES(1, x'01')", "") < 0 ||
		    tacit_db_begin(db) < 0 ||
		    tacit_db_run(db, "INSERT INTO child VALUES(1, x'02')", "") < 0)
			_exit(1);
		(void)kill(getpid(), SIGKILL);
	}
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	db = must_open(path);
	CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM child"), 1);
	CU_ASSERT_EQUAL(ask(db, "SELECT data = x'01' FROM child"), 1);
}

static int open_damaged(const char *path, struct tacit_db **ret, char **ret_aside)
{
	static const char select[] = "SELECT count(*) FROM parent";
	int r = tacit_db_open(path, &newest, ret, ret_aside);

	return r == 0 ? tacit_db_run(*ret, select, "") : r;
}

static void test_every_allocation_may_fail(void)
{
	int r = -ENOMEM, nth;

	for (nth = 0; r == -ENOMEM && nth < 50; nth++) {
		TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
		TACIT_AUTO_FREE char *aside = NULL;
		PLACE(place);
		char path[512];

		(void)place_write(&place, "x.db-wal", "left over", 9);
		(void)strcpy(path, place_write(&place, "x.db", "garbage, not a database", 23));
		unit_fail_alloc(nth);
		r = open_damaged(path, &db, &aside);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || r == -ENOMEM);
		CU_ASSERT_EQUAL(access(path, F_OK), 0);
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT(nth > 6);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a new file", test_new_file },
		{ "migrations step by step", test_migrations_step_by_step },
		{ "a failed migration is rolled back", test_failed_migration_is_rolled_back },
		{ "a migration may rebuild a table", test_migration_may_rebuild_a_table },
		{ "a newer file is left alone", test_newer_file_is_left_alone },
		{ "a damaged file is set aside", test_damaged_file_is_set_aside },
		{ "names of damaged files do not collide", test_damaged_names_do_not_collide },
		{ "an empty file is new", test_an_empty_file_is_new },
		{ "another program's database", test_another_programs_database },
		{ "paths that are no file", test_paths_that_are_no_file },
		{ "a read-only folder", test_read_only_folder },
		{ "opening for reading only", test_readonly },
		{ "binds and columns", test_binds_and_columns },
		{ "failures are translated", test_failures_are_translated },
		{ "statements are reused", test_statements_are_reused },
		{ "transactions", test_transactions },
		{ "a concurrent writer", test_concurrent_writer },
		{ "processes open a new file together", test_processes_open_a_new_file_together },
		{ "processes set a file aside together", test_processes_set_a_file_aside_together },
		{ "full", test_full },
		{ "size counts what is in use", test_size_counts_what_is_in_use },
		{ "what was committed survives a kill", test_committed_survives_a_kill },
		{ "every allocation may fail", test_every_allocation_may_fail },
		{ NULL, NULL },
	};

	return unit_main("db", cases);
}
