/* SPDX-License-Identifier: MIT */
/*
 * A hostile database. Input that begins like an SQLite file is one; any other is cut into the
 * blobs of an otherwise good file: u16 length and bytes of a model, u16 length and bytes of
 * thresholds, the rest an anomaly's detail and a sampled window. Then a host lives with it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tacit/bytes.h>
#include <tacit/db.h>
#include <tacit/log.h>

#include "agent/detect.h"
#include "agent/store.h"

#define FILE_MAGIC "SQLite format 3"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/tacit-fuzz-XXXXXX";
static char path[64];

static void clean(void)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	char name[80];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(endings); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		(void)unlink(name);
	}
}

static void clean_all(void)
{
	clean();
	(void)rmdir(folder);
}

static void set_up(void)
{
	if (path[0])
		return;
	tacit_log_set_level(0);
	if (!mkdtemp(folder))
		abort();
	(void)snprintf(path, sizeof(path), "%s/tacit.db", folder);
	(void)atexit(clean_all);
}

static void write_file(const uint8_t *data, size_t size)
{
	TACIT_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
}

static void use_scope(void *ctx, const struct tacit_store_scope *scope)
{
	/* One name is enough: the rows of a fuzzed file are all alike. */
	(void)snprintf((char *)ctx, TACIT_SCOPE_NAME_MAX + 1, "%s", scope->name);
}

static void use_anomaly(void *ctx, const struct tacit_anomaly *anomaly)
{
	*(size_t *)ctx += strlen(anomaly->detail) + strlen(anomaly->scope) +
			  strlen(tacit_anomaly_state_name(anomaly->state));
}

static void use_window(void *ctx, const struct tacit_window *window)
{
	*(size_t *)ctx += strlen(window->class) + (window->observed[0] > 1);
}

static void live(struct tacit_store *store)
{
	TACIT_CLEANUP(tacit_learner_free_p) struct tacit_learner *learner = NULL;
	TACIT_CLEANUP(tacit_detect_free_p) struct tacit_detect *detect = NULL;
	struct tacit_learner_params learner_params = { .kind = tacit_model_kind_find("gaussian"),
						       .store = store,
						       .memory_bytes = 1U << 20 };
	struct tacit_detect_params detect_params = {
		.store = store, .alerts_per_day = 1, .window_ms = 1000, .accept_after_ms = 1000
	};
	struct tacit_window window = { .scope = "host", .class = "host", .length_ms = 1000,
				       .duty_permille = TACIT_DUTY_ALWAYS };

	if (tacit_learner_new(&learner_params, &learner) < 0)
		abort();
	detect_params.learner = learner;
	if (tacit_detect_new(&detect_params, &detect) < 0)
		abort();
	(void)!tacit_store_each_scope(store, 10, use_scope, window.scope);
	memset(window.observed, 1, sizeof(window.observed));
	for (uint64_t i = 0; i < 3; i++) {
		window.count[i] = i * 1000;
		(void)!tacit_detect_window(detect, &window, NULL, NULL);
		tacit_detect_tick(detect, 1000);
	}
	(void)!tacit_detect_flush(detect);
	(void)!tacit_learner_flush(learner, true);
}

static void report(struct tacit_store *store)
{
	struct tacit_store_counts counts;
	size_t sum = 0;

	(void)!tacit_store_each_anomaly(store, INT64_MIN, 100, use_anomaly, &sum);
	(void)!tacit_store_get_anomaly(store, 1, use_anomaly, &sum);
	(void)!tacit_store_each_sample(store, "host", use_window, &sum);
	(void)!tacit_store_counts(store, 0, &counts);
	(void)!tacit_store_retain(store, 1795478400000, 86400000, 1 << 16);
}

static void put_blobs(struct tacit_store *store, const uint8_t *data, size_t size)
{
	struct tacit_reader reader = tacit_reader_init(data, size);
	size_t model_len = tacit_read_u16le(&reader);
	const uint8_t *model = tacit_read_bytes(&reader, model_len);
	size_t threshold_len = tacit_read_u16le(&reader);
	const uint8_t *threshold = tacit_read_bytes(&reader, threshold_len);
	size_t rest = reader.len - reader.at;
	const uint8_t *tail = tacit_read_bytes(&reader, rest);
	struct tacit_db *db = tacit_store_db(store);

	(void)!tacit_db_run(db,
			    "INSERT INTO scope(id, name, class, kind, model, threshold)"
			    " VALUES(1, 'host', 'host', 'gaussian', ?, ?)",
			    "bb", model, model ? model_len : 0, threshold,
			    threshold ? threshold_len : 0);
	(void)!tacit_db_run(db,
			    "INSERT INTO anomaly(scope_name, start_ms, end_ms, detail)"
			    " VALUES('host', 1, 2, CAST(? AS TEXT))",
			    "b", tail, rest);
	(void)!tacit_db_run(db,
			    "INSERT INTO reservoir(scope, at_ms, length_ms, observed, count)"
			    " VALUES(1, 1, 1000, ?, ?)",
			    "bb", tail, rest < TACIT_PROBE_COUNT ? rest : TACIT_PROBE_COUNT, tail,
			    rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_store_close_p) struct tacit_store *store = NULL;
	struct tacit_store_params params = { .path = path };
	bool is_file = size > sizeof(FILE_MAGIC) && memcmp(data, FILE_MAGIC, 15) == 0;

	set_up();
	params.seed = (const uint8_t *)"the same for every input, always";
	if (is_file)
		write_file(data, size);
	else
		params.path = ":memory:";
	if (tacit_store_open(&params, &store) == 0) {
		if (!is_file)
			put_blobs(store, data, size);
		live(store);
		report(store);
		if (tacit_store_aside(store))
			(void)unlink(tacit_store_aside(store));
	}
	tacit_store_close(TACIT_TAKE(store));
	clean();
	return 0;
}
