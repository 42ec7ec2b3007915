/* SPDX-License-Identifier: MIT */
/* Opening: the file, what is switched off, whether it is sound, and its schema. */
#include <tacit/db.h>

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "db_private.h"

#define BUSY_TIMEOUT_MS 5000
#define VALUE_BYTES_MAX (64 << 20)          /* the largest text or blob we read or write */
#define CHECK_BYTES_MAX ((int64_t)64 << 20) /* larger files are not walked at every open */
#define ASIDE_NAMES_MAX 100U
#define TURN_WAIT_MS    30000
#define TURN_RETRY_MS   10

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
	int r;

	if (!db)
		return -ENOMEM;
	r = tacit_db_translate(sqlite3_open_v2(
		path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL));
	if (r < 0)
		return r;
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	switch_off(db);
	*ret = TACIT_TAKE(db);
	return 0;
}

/* Walks a file that is small enough for it; the header alone tells little. */
static int check_pages(struct tacit_db *db)
{
	char answer[DB_PRAGMA_TEXT];
	int r;

	if (tacit_db_size_bytes(db) > CHECK_BYTES_MAX)
		return 0;
	r = tacit_db_pragma(db, "PRAGMA quick_check(1)", answer);
	if (r < 0)
		return r;
	return strcmp(answer, "ok") == 0 ? 0 : TACIT_EDAMAGED;
}

static int migrate_step(struct tacit_db *db, const struct tacit_db_schema *schema, int64_t version)
{
	char text[48], orphan[DB_PRAGMA_TEXT];
	int r;

	r = tacit_db_execute(db, schema->migration[version]);
	if (r < 0)
		return r;
	r = tacit_db_pragma(db, "PRAGMA foreign_key_check", orphan);
	if (r < 0)
		return r;
	if (orphan[0] != '\0')
		return TACIT_ECONFLICT;
	(void)snprintf(text, sizeof(text), "PRAGMA user_version = %d", (int)version + 1);
	return tacit_db_execute(db, text);
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

	r = tacit_db_pragma_int(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (version < 0 || version > (int64_t)schema->n)
		return TACIT_ESCHEMA;
	r = tacit_db_execute(db, "PRAGMA cell_size_check = ON");
	if (r == 0)
		r = check_pages(db);
	if (r == 0)
		(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	if (r == 0)
		r = tacit_db_execute(db, "PRAGMA journal_mode = WAL");
	if (r == 0)
		r = tacit_db_execute(db, "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST;"
					 "PRAGMA journal_size_limit = 4194304");
	if (r == 0)
		r = migrate(db, schema, version);
	/* Last: a migration that rebuilds a table must not set off its cascades. */
	return r < 0 ? r : tacit_db_execute(db, "PRAGMA foreign_keys = ON");
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
	const struct timespec pause = { .tv_nsec = TURN_RETRY_MS * 1000000L };
	TACIT_AUTO_FREE char *copy = tacit_strdup(path);
	int fd, r = -EBUSY;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (int waited = 0; r == -EBUSY && waited < TURN_WAIT_MS; waited += TURN_RETRY_MS) {
		r = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
		if (r == -EINTR || r == -EWOULDBLOCK)
			r = -EBUSY;
		if (r == -EBUSY)
			(void)nanosleep(&pause, NULL);
	}
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
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
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	r = connect_file(path, SQLITE_OPEN_READONLY, &db);
	if (r == 0)
		r = tacit_db_pragma_int(db, "PRAGMA user_version", &version);
	if (r == 0 && version != (int64_t)schema->n)
		r = TACIT_ESCHEMA;
	if (r == 0)
		r = tacit_db_execute(db, "PRAGMA query_only = ON; PRAGMA cell_size_check = ON");
	if (r == 0)
		*ret = TACIT_TAKE(db);
	return r;
}
