/* SPDX-License-Identifier: MIT */
#include <tacit/db.h>

#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#define BUSY_TIMEOUT_MS 5000
#define VALUE_BYTES_MAX (64 << 20)          /* the largest text or blob we read or write */
#define CHECK_BYTES_MAX ((int64_t)64 << 20) /* larger files are not walked at every open */
#define ASIDE_NAMES_MAX 100U
#define CACHE_FIRST     16U

struct cached {
	const char *sql; /* borrowed literal: the key is its address */
	sqlite3_stmt *stmt;
};

struct tacit_db {
	sqlite3 *handle;
	struct cached *cache;
	size_t n, capacity;
	int error; /* why the last prepare or bind gave no statement */
};

static int translate(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return TACIT_EDAMAGED;
	case SQLITE_CONSTRAINT:
		return TACIT_ECONFLICT;
	case SQLITE_ERROR: /* SQL that does not fit the tables */
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
		return TACIT_ESCHEMA;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		return code == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
	}
}

static int execute(struct tacit_db *db, const char *sql)
{
	return translate(sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

static int on_first_row(void *ctx, int columns, char **text, char **name)
{
	char *value = (char *)ctx;

	(void)name;
	(void)snprintf(value, 24, "%s", columns > 0 && text[0] ? text[0] : "");
	return 0;
}

/* @value: 24 bytes for the first column of the last row. */
static int pragma_get(struct tacit_db *db, const char *sql, char *value)
{
	value[0] = '\0';
	return translate(sqlite3_exec(db->handle, sql, on_first_row, value, NULL));
}

static int pragma_get_int(struct tacit_db *db, const char *sql, int64_t *ret)
{
	char value[24];
	int r = pragma_get(db, sql, value);

	if (r < 0)
		return r;
	*ret = strtoll(value, NULL, 10);
	return 0;
}

static void switch_off(struct tacit_db *db)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		/* Until the file is known to be sound and ours, closing must not move its log. */
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};

	/* Hardening that an older library lacks is not worth failing for. */
	for (size_t i = 0; i < TACIT_ARRAY_LEN(options); i++)
		(void)sqlite3_db_config(db->handle, options[i].option, options[i].value, NULL);
	(void)sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
	(void)sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
}

static int connect_file(const char *path, int flags, struct tacit_db **ret)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = TACIT_NEW(struct tacit_db);
	int code;

	if (!db)
		return -ENOMEM;
	code = sqlite3_open_v2(path, &db->handle,
			       flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	if (code != SQLITE_OK)
		return translate(code);
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	switch_off(db);
	*ret = TACIT_TAKE(db);
	return 0;
}

/* Walks a file that is small enough for it; the header alone tells little. */
static int check_pages(struct tacit_db *db)
{
	char answer[24];
	int r;

	if (tacit_db_size_bytes(db) > CHECK_BYTES_MAX)
		return 0;
	r = pragma_get(db, "PRAGMA quick_check(1)", answer);
	if (r < 0)
		return r;
	return strcmp(answer, "ok") == 0 ? 0 : TACIT_EDAMAGED;
}

static int migrate_step(struct tacit_db *db, const struct tacit_db_schema *schema, int64_t version)
{
	char text[48], orphan[24];
	int r;

	r = execute(db, schema->migration[version]);
	if (r < 0)
		return r;
	r = pragma_get(db, "PRAGMA foreign_key_check", orphan);
	if (r < 0)
		return r;
	if (orphan[0] != '\0')
		return TACIT_ECONFLICT;
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %d", (int)version + 1);
	return execute(db, text);
}

static int migrate(struct tacit_db *db, const struct tacit_db_schema *schema, int64_t version)
{
	int r = 0;

	for (; r == 0 && version < (int64_t)schema->n; version++) {
		r = tacit_db_begin(db);
		if (r == 0)
			r = migrate_step(db, schema, version);
		if (r == 0)
			r = tacit_db_commit(db);
		if (r < 0)
			tacit_db_rollback(db);
	}
	return r;
}

static int prepare_file(struct tacit_db *db, const struct tacit_db_schema *schema)
{
	int64_t version;
	int r;

	r = pragma_get_int(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (version < 0 || version > (int64_t)schema->n)
		return TACIT_ESCHEMA;
	r = execute(db, "PRAGMA cell_size_check = ON");
	if (r == 0)
		r = check_pages(db);
	if (r == 0)
		(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	if (r == 0)
		r = execute(db, "PRAGMA journal_mode = WAL");
	if (r == 0)
		r = execute(db, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST;"
				"PRAGMA journal_size_limit = 4194304");
	if (r == 0)
		r = migrate(db, schema, version);
	/* Last: a migration that rebuilds a table must not set off its cascades. */
	return r < 0 ? r : execute(db, "PRAGMA foreign_keys = ON");
}

/*
 * SQLite would create the file with mode 0644 and follow a link. Its own NOFOLLOW refuses a link
 * anywhere in the path, and state folders often are one (DynamicUser=). An existing file is not
 * opened here: closing it would drop the POSIX locks of another connection.
 */
static int create_file(const char *path)
{
	TACIT_AUTO_CLOSE int fd = -1;
	struct stat st;

	if (lstat(path, &st) == 0)
		return S_ISREG(st.st_mode) ? 0 : -EACCES;
	if (errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd >= 0 || errno == EEXIST ? 0 : -errno;
}

static int open_once(const char *path, const struct tacit_db_schema *schema, struct tacit_db **ret)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	int r = 0;

	if (path[0] == '\0')
		return -EINVAL;
	if (strcmp(path, ":memory:") != 0)
		r = create_file(path);
	if (r == 0)
		r = connect_file(path, SQLITE_OPEN_READWRITE, &db);
	if (r == 0)
		r = prepare_file(db, schema);
	if (r == 0)
		*ret = TACIT_TAKE(db);
	return r;
}

/* "PATH.damaged-20261123T235959Z", or with ".1" and so on when that is taken. */
static char *aside_name(const char *path)
{
	size_t size = strlen(path) + 48;
	TACIT_AUTO_FREE char *name = (char *)tacit_calloc(size, 1);
	time_t now = time(NULL);
	char stamp[24] = "", tail[16] = "";
	struct stat st;
	struct tm tm;

	if (!name)
		return NULL;
	if (gmtime_r(&now, &tm))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned i = 1; i < ASIDE_NAMES_MAX; i++) {
		(void)snprintf(name, size, "%s.damaged-%s%s", path, stamp, tail);
		if (lstat(name, &st) != 0)
			break;
		(void)snprintf(tail, sizeof(tail), ".%u", i);
	}
	return TACIT_TAKE(name);
}

/* The log and its index must go too, or a new file would be given an old log. */
static int move_side_file(const char *path, const char *aside, const char *suffix)
{
	size_t from_size = strlen(path) + 8, to_size = strlen(aside) + 8;
	TACIT_AUTO_FREE char *from = (char *)tacit_calloc(from_size, 1);
	TACIT_AUTO_FREE char *to = (char *)tacit_calloc(to_size, 1);

	if (!from || !to)
		return -ENOMEM;
	(void)snprintf(from, from_size, "%s%s", path, suffix);
	(void)snprintf(to, to_size, "%s%s", aside, suffix);
	return rename(from, to) == 0 || errno == ENOENT ? 0 : -errno;
}

static int set_aside(const char *path, char **ret_aside)
{
	TACIT_AUTO_FREE char *aside = aside_name(path);
	int r = aside ? 0 : -ENOMEM;

	if (r == 0)
		r = move_side_file(path, aside, "-wal");
	if (r == 0)
		r = move_side_file(path, aside, "-shm");
	if (r == 0 && rename(path, aside) != 0)
		r = -errno;
	if (r == 0)
		*ret_aside = TACIT_TAKE(aside);
	return r;
}

/*
 * Processes that open together take turns, by a lock on the folder that the returned descriptor
 * holds. Else one would set aside what another has just made new.
 */
static int take_turn(const char *path)
{
	TACIT_AUTO_FREE char *copy = tacit_strdup(path);
	TACIT_AUTO_CLOSE int fd = -1;
	int r;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		r = flock(fd, LOCK_EX);
	while (r != 0 && errno == EINTR);
	if (r != 0)
		return -errno;
	r = fd;
	fd = -1;
	return r;
}

static int open_or_set_aside(const char *path, const struct tacit_db_schema *schema,
			     struct tacit_db **ret, char **ret_aside)
{
	TACIT_AUTO_FREE char *aside = NULL;
	int r = open_once(path, schema, ret);

	if (r == TACIT_EDAMAGED && ret_aside) {
		r = set_aside(path, &aside);
		if (r == 0)
			r = open_once(path, schema, ret);
	}
	if (r == 0 && ret_aside)
		*ret_aside = TACIT_TAKE(aside);
	return r;
}

int tacit_db_open(const char *path, const struct tacit_db_schema *schema, struct tacit_db **ret,
		  char **ret_aside)
{
	TACIT_AUTO_CLOSE int turn = -1;

	if (strcmp(path, ":memory:") == 0)
		return open_or_set_aside(path, schema, ret, ret_aside);
	turn = take_turn(path);
	return turn < 0 ? turn : open_or_set_aside(path, schema, ret, ret_aside);
}

int tacit_db_open_readonly(const char *path, const struct tacit_db_schema *schema,
			   struct tacit_db **ret)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	int64_t version;
	struct stat st;
	int r;

	if (stat(path, &st) != 0)
		return -errno;
	r = connect_file(path, SQLITE_OPEN_READONLY, &db);
	if (r == 0)
		r = pragma_get_int(db, "PRAGMA user_version", &version);
	if (r == 0 && version != (int64_t)schema->n)
		r = TACIT_ESCHEMA;
	if (r == 0)
		r = execute(db, "PRAGMA query_only = ON; PRAGMA cell_size_check = ON");
	if (r == 0)
		*ret = TACIT_TAKE(db);
	return r;
}

static struct cached *cache_find(struct tacit_db *db, const char *sql)
{
	for (size_t i = 0; i < db->n; i++)
		if (db->cache[i].sql == sql)
			return &db->cache[i];
	return NULL;
}

static bool cache_reserve(struct tacit_db *db)
{
	size_t capacity = db->capacity ? db->capacity * 2 : CACHE_FIRST;
	struct cached *cache;

	if (db->n < db->capacity)
		return true;
	cache = (struct cached *)tacit_realloc(db->cache, capacity, sizeof(*cache));
	if (!cache)
		return false;
	db->cache = cache;
	db->capacity = capacity;
	return true;
}

sqlite3_stmt *tacit_db_prepare(struct tacit_db *db, const char *sql)
{
	const struct cached *hit = cache_find(db, sql);
	sqlite3_stmt *stmt;

	if (hit) {
		(void)sqlite3_reset(hit->stmt); /* repeats the last failure, already reported */
		(void)sqlite3_clear_bindings(hit->stmt);
		return hit->stmt;
	}
	if (!cache_reserve(db)) {
		db->error = -ENOMEM;
		return NULL;
	}
	db->error = translate(
		sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL));
	if (db->error == 0 && !stmt)
		db->error = -EINVAL; /* nothing but white space */
	if (db->error < 0)
		return NULL;
	db->cache[db->n++] = (struct cached){ .sql = sql, .stmt = stmt };
	return stmt;
}

static int bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args,
		    sqlite3_destructor_type keep)
{
	const void *data;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
	case 'd':
		return sqlite3_bind_double(stmt, at, va_arg(*args, double));
	case 't':
		return sqlite3_bind_text(stmt, at, va_arg(*args, const char *), -1, keep);
	case 'b':
		data = va_arg(*args, const void *);
		return sqlite3_bind_blob64(stmt, at, data, va_arg(*args, size_t), keep);
	case 'n':
		return sqlite3_bind_null(stmt, at);
	default:
		return SQLITE_RANGE;
	}
}

/* NULL on failure, with db->error set. */
static sqlite3_stmt *prepare_bound(struct tacit_db *db, const char *sql, const char *types,
				   va_list *args, sqlite3_destructor_type keep)
{
	sqlite3_stmt *stmt = tacit_db_prepare(db, sql);
	int code = SQLITE_OK;

	if (!stmt)
		return NULL;
	if ((size_t)sqlite3_bind_parameter_count(stmt) != strlen(types))
		code = SQLITE_RANGE;
	for (int i = 0; code == SQLITE_OK && types[i]; i++)
		code = bind_one(stmt, i + 1, types[i], args, keep);
	db->error = translate(code);
	return db->error < 0 ? NULL : stmt;
}

int tacit_db_run(struct tacit_db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list args;
	int r;

	va_start(args, types);
	stmt = prepare_bound(db, sql, types, &args, SQLITE_STATIC);
	va_end(args);
	r = tacit_db_step(db, stmt);
	if (!stmt)
		return r;
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt); /* they borrow the caller's memory */
	return r < 0 ? r : 0;
}

sqlite3_stmt *tacit_db_query(struct tacit_db *db, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list args;

	va_start(args, types);
	stmt = prepare_bound(db, sql, types, &args, SQLITE_TRANSIENT);
	va_end(args);
	return stmt;
}

int tacit_db_step(struct tacit_db *db, sqlite3_stmt *stmt)
{
	int code;

	if (!stmt)
		return db->error < 0 ? db->error : -EINVAL;
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		return 1;
	(void)sqlite3_reset(stmt);
	return translate(code);
}

void tacit_db_reset(sqlite3_stmt *stmt)
{
	(void)sqlite3_reset(stmt);
}

const char *tacit_db_column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

const void *tacit_db_column_blob(sqlite3_stmt *stmt, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(stmt, column);

	*ret_len = (size_t)sqlite3_column_bytes(stmt, column);
	return data;
}

int64_t tacit_db_column_int(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt, column);
}

double tacit_db_column_double(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_double(stmt, column);
}

int tacit_db_begin(struct tacit_db *db)
{
	return execute(db, "BEGIN IMMEDIATE");
}

int tacit_db_commit(struct tacit_db *db)
{
	return execute(db, "COMMIT");
}

void tacit_db_rollback(struct tacit_db *db)
{
	/* Some failures have rolled back already; ROLLBACK then says so, which is no news. */
	if (!sqlite3_get_autocommit(db->handle))
		(void)execute(db, "ROLLBACK");
}

int tacit_db_set_durable(struct tacit_db *db, bool durable)
{
	return execute(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

int64_t tacit_db_changes(const struct tacit_db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t tacit_db_last_id(const struct tacit_db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t tacit_db_size_bytes(struct tacit_db *db)
{
	int64_t pages, unused, bytes;

	if (pragma_get_int(db, "PRAGMA page_count", &pages) < 0 ||
	    pragma_get_int(db, "PRAGMA freelist_count", &unused) < 0 ||
	    pragma_get_int(db, "PRAGMA page_size", &bytes) < 0)
		return 0;
	return (pages - unused) * bytes;
}

const char *tacit_db_errmsg(const struct tacit_db *db)
{
	return sqlite3_errmsg(db->handle);
}

void tacit_db_close(struct tacit_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->n; i++)
		(void)sqlite3_finalize(db->cache[i].stmt);
	/* The last connection moves the log into the file and removes it. */
	(void)sqlite3_close(db->handle);
	tacit_free(db->cache);
	tacit_free(db);
}
