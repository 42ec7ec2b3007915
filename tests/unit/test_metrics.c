/* SPDX-License-Identifier: MIT */
#include "aggregator/metrics.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <tacit/cleanup.h>

#include "aggregator/fleetdb.h"
#include "unit.h"

static char *format(const struct tacit_board_figures *figures,
		    const struct tacit_metrics_fleet *fleet)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };

	tacit_metrics_format(figures, fleet, &writer);
	tacit_write_u8(&writer, 0);
	return writer.failed ? NULL : (char *)TACIT_TAKE(writer.data);
}

static void test_figures(void)
{
	struct tacit_board_figures figures = { 0 };
	struct tacit_metrics_fleet fleet = { .hosts_enrolled = 12, .started_ms = 1500 };
	TACIT_AUTO_FREE char *text = NULL;

	figures.http.requests = 1;
	figures.http.status[4] = 18446744073709551615ULL;
	figures.routes.updates_accepted = 3;
	text = format(&figures, &fleet);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ntacit_http_requests_total 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ntacit_http_answers_total{class=\"4xx\"} "
					    "18446744073709551615\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ntacit_updates_total{result=\"accepted\"} 3\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ntacit_hosts{state=\"enrolled\"} 12\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ntacit_start_time_seconds 1.500\n"));
}

/* Every sample stands under a TYPE of its name, and no name has two. */
static void test_format(void)
{
	struct tacit_board_figures figures = { 0 };
	struct tacit_metrics_fleet fleet = { 0 };
	TACIT_AUTO_FREE char *text = format(&figures, &fleet);
	char name[64] = "", seen[8192] = "\n";
	unsigned samples = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char type[16];

		if (sscanf(line, "# TYPE %63s %15s", name, type) == 2) {
			char key[80];

			CU_ASSERT_TRUE(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0);
			CU_ASSERT_EQUAL(strcmp(type, "counter") == 0,
					strcmp(name + strlen(name) - 6, "_total") == 0);
			(void)snprintf(key, sizeof(key), "\n%s\n", name);
			CU_ASSERT_PTR_NULL(strstr(seen, key));
			(void)strncat(seen, key + 1, sizeof(seen) - strlen(seen) - 1);
		} else if (line[0] != '#') {
			size_t len = strlen(name);

			samples++;
			CU_ASSERT_EQUAL(strncmp(line, name, len), 0);
			CU_ASSERT_TRUE(line[len] == ' ' || line[len] == '{');
			CU_ASSERT_TRUE(isdigit((unsigned char)strrchr(line, ' ')[1]));
		}
	}
	CU_ASSERT_TRUE(samples > 30);
}

static void test_without_database(void)
{
	struct tacit_board_figures figures = { 0 };
	TACIT_AUTO_FREE char *text = format(&figures, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "tacit_http_requests_total 0"));
	CU_ASSERT_PTR_NULL(strstr(text, "tacit_hosts{"));
}

static void test_read(void)
{
	TACIT_CLEANUP(tacit_db_close_p) struct tacit_db *db = NULL;
	struct tacit_metrics_fleet fleet = { .workers = 5, .round = 9 };

	CU_ASSERT_EQUAL_FATAL(tacit_fleetdb_open(":memory:", &db), 0);
	CU_ASSERT_EQUAL(tacit_metrics_read(db, &fleet), 0);
	CU_ASSERT_EQUAL(fleet.workers, 5);
	CU_ASSERT_EQUAL(fleet.round, 0);
	CU_ASSERT_EQUAL(fleet.hosts_enrolled, 0);
	CU_ASSERT_EQUAL(fleet.release, 0);
	CU_ASSERT_TRUE(fleet.database_bytes > 0);
}

static void test_workers(void)
{
	struct tacit_board *board = NULL;

	CU_ASSERT_EQUAL_FATAL(tacit_board_new(3, &board), 0);
	tacit_board_beat(board, 1, NULL, true, 1);
	tacit_board_beat(board, 2, NULL, true, 1); /* the keeper */
	CU_ASSERT_EQUAL(tacit_metrics_workers_ready(board, 2), 1);
	tacit_board_free(board);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "figures", test_figures },
		{ "format", test_format },
		{ "without a database", test_without_database },
		{ "from the database", test_read },
		{ "workers", test_workers },
		{ NULL, NULL },
	};

	return unit_main("metrics", cases);
}
