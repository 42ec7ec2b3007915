/* SPDX-License-Identifier: MIT */
/* What a confined daemon can still do, and what is said of it. */
#include "agent/confine.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <openssl/ssl.h>

#include <tacit/db.h>
#include <tacit/log.h>

#include "agent/view.h"

#include "scene.h"

#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"

/* As without confinement, so with all of it. */
static void expect_the_same(int (*attempt)(struct scene *scene), int result)
{
	SCENE(scene, attempt);

	CU_ASSERT_EQUAL(elsewhere(play, &scene), result);
	scene.calls = true;
	scene.files = kernels_abi() > 0;
	CU_ASSERT_EQUAL(elsewhere(play, &scene), result);
}

static void *count_up(void *ctx)
{
	*(int *)ctx += 1;
	return NULL;
}

static int start_thread(struct scene *scene)
{
	pthread_t thread;
	int count = 0;

	(void)scene;
	if (pthread_create(&thread, NULL, count_up, &count) != 0 || pthread_join(thread, NULL) != 0)
		return 1;
	return count == 1 ? 0 : 2;
}

/* In a thread, as libcurl does it. */
static void *resolve(void *ctx)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;

	*(int *)ctx = getaddrinfo("localhost", "443", &hints, &found);
	if (found)
		freeaddrinfo(found);
	return NULL;
}

static int resolve_localhost(struct scene *scene)
{
	pthread_t thread;
	int result = FAILED;

	(void)scene;
	if (pthread_create(&thread, NULL, resolve, &result) != 0 || pthread_join(thread, NULL) != 0)
		return 1;
	return result == 0 ? 0 : 2;
}

/* Sorts more than fits its cache, so that it needs files nobody sees. */
static int use_database(struct scene *scene)
{
	static const char *const migrations[] = { "CREATE TABLE t(x BLOB)" };
	static const struct tacit_db_schema schema = { migrations, TACIT_ARRAY_LEN(migrations) };
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;

	(void)setenv("SQLITE_TMPDIR", place_file(&scene->ours, "state"), 1);
	if (tacit_db_open(place_file(&scene->ours, "state/tacit.db"), &schema, &db, NULL) < 0)
		return 1;
	if (tacit_db_run(db,
			 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
			 "WHERE i < 2000) INSERT INTO t SELECT randomblob(3000) FROM n",
			 "") < 0)
		return 2;
	return tacit_db_run(db, "CREATE TEMP TABLE u AS SELECT x FROM t ORDER BY x", "") < 0 ? 3
											     : 0;
}

static int use_tls(struct scene *scene)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int r;

	(void)scene;
	if (!context)
		return 1;
	r = SSL_CTX_load_verify_locations(context, CERTIFICATES, NULL) == 1 ? 0 : 2;
	SSL_CTX_free(context);
	return r;
}

static int listen_in_run(struct scene *scene)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, scene->control, strlen(scene->control));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
		return 1;
	if (connect(other, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    accept(fd, NULL, NULL) < 0)
		return 2;
	return unlink(scene->control) == 0 ? 0 : 3;
}

static int read_what_was_named(struct scene *scene)
{
	int token = open(place_file(&scene->ours, "token"), O_RDONLY | O_CLOEXEC);
	int conf = open(scene->conf, O_RDONLY | O_CLOEXEC);
	int folder = open(place_file(&scene->ours, "etc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int record = open(place_file(&scene->ours, "record"), O_WRONLY | O_TRUNC | O_CLOEXEC);

	return token >= 0 && conf >= 0 && folder >= 0 && record >= 0 ? 0 : 1;
}

static int read_own_proc(struct scene *scene)
{
	(void)scene;
	return error_of(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
}

static int give_up(struct scene *scene)
{
	(void)scene;
	abort();
}

static void test_needed(void)
{
	expect_the_same(start_thread, 0);
	expect_the_same(resolve_localhost, 0);
	expect_the_same(use_database, 0);
	expect_the_same(listen_in_run, 0);
	expect_the_same(read_what_was_named, 0);
	expect_the_same(read_own_proc, 0);
	expect_the_same(give_up, -SIGABRT);
}

static void test_certificates(void)
{
	if (access(CERTIFICATES, R_OK) != 0) {
		unit_skip("there is no " CERTIFICATES);
		return;
	}
	expect_the_same(use_tls, 0);
}

/* Both at once, as tacitd has it. */
static int confine(struct scene *scene)
{
	const struct tacit_confine_params params = { .state_dir = scene->ours.folder };
	struct tacit_confine_status status = { 0 };
	int abi = kernels_abi();

	tacit_log_set_level(TACIT_LOG_ERROR);
	tacit_confine(&params, &status);
	if (status.calls != 0)
		return 1;
	if (abi > TACIT_CONFINE_ABI)
		abi = TACIT_CONFINE_ABI;
	if (abi > 0 ? status.files != abi : status.files >= 0)
		return 2;
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 || errno != EPERM ? 3 : 0;
}

static void test_both(void)
{
	SCENE(scene, confine);

	CU_ASSERT_EQUAL(elsewhere(play, &scene), 0);
}

/* Without no-new-privileges the kernel confines nobody; it is said, and not the end. */
static int confine_in_vain(void *ctx)
{
	const struct tacit_confine_params params = { 0 };
	struct tacit_confine_status status = { 0 };

	(void)ctx;
	tacit_log_set_level(TACIT_LOG_ERROR);
	if (setresuid(65534, 65534, 65534) != 0)
		return 1;
	tacit_confine(&params, &status);
	return status.files < 0 ? 0 : 2;
}

static void test_refused_confinement(void)
{
	if (geteuid() != 0) {
		unit_skip("only root can become somebody else");
		return;
	}
	CU_ASSERT_EQUAL(elsewhere(confine_in_vain, NULL), 0);
}

static unsigned count_lacks(int abi, bool abstract_sockets)
{
	const struct tacit_confine_status status = { .files = abi,
						     .abstract_sockets = abstract_sockets };
	unsigned n = 0;

	while (tacit_confine_lack(&status, n))
		n++;
	return n;
}

static void test_lacks(void)
{
	const struct tacit_confine_status old = { .files = 3 };

	CU_ASSERT_EQUAL(count_lacks(6, false), 0);
	CU_ASSERT_EQUAL(count_lacks(6, true), 1);
	CU_ASSERT_EQUAL(count_lacks(4, true), 3);
	CU_ASSERT_EQUAL(count_lacks(1, false), 5);
	CU_ASSERT_EQUAL(count_lacks(-ENOSYS, true), 6);
	CU_ASSERT_STRING_EQUAL(tacit_confine_lack(&old, 0), "TCP ports");
	CU_ASSERT_STRING_EQUAL(tacit_confine_lack(&old, 3), "abstract sockets");
}

/* The status of a daemon that says @json of its confinement. */
static char *view(const char *json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const struct tacit_render render = { .out = out };
	json_auto_t *document = json_pack("{s:{s:b, s:o}}", "daemon", "running", 1, "confinement",
					  json_loads(json, 0, NULL));

	tacit_view_status(&render, document);
	(void)fclose(out);
	return text;
}

static void test_view(void)
{
	char *all = view("{\"capabilities\":\"none\",\"seccomp\":true,\"landlock\":6,"
			 "\"lacks\":[]}");
	char *some = view("{\"capabilities\":\"CAP_BPF\",\"seccomp\":false,\"landlock\":0,"
			  "\"lacks\":[\"files\",\"signals\"]}");
	char *nothing = view("{}");

	CU_ASSERT_PTR_NOT_NULL(strstr(all, "  confined    no capabilities, seccomp, Landlock 6\n"));
	CU_ASSERT_PTR_NULL(strstr(all, "left open"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(some, "  confined    capabilities: CAP_BPF, no seccomp, no Landlock\n"
			     "              left open: files, signals\n"));
	CU_ASSERT_PTR_NULL(strstr(nothing, "confined"));
	free(all);
	free(some);
	free(nothing);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "threads, names, database, socket, named files, abort", test_needed },
		{ "TLS with the system's certificates", test_certificates },
		{ "both at once", test_both },
		{ "what is not granted is not the end", test_refused_confinement },
		{ "what is left open has names", test_lacks },
		{ "the status says what holds", test_view },
		{ NULL, NULL },
	};

	return unit_main("confine", cases);
}
