/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "hosts.h"
#include "release.h"
#include "round.h"

#define LINE_MAX_BYTES 256

/* Rows of one name stand together; only the first has a text. */
struct row {
	const char *name, *labels, *type, *help;
	size_t offset;
};

#define HTTP(member)   offsetof(struct tacit_board_figures, http.member)
#define ROUTES(member) offsetof(struct tacit_board_figures, routes.member)
#define FLEET(member)  offsetof(struct tacit_metrics_fleet, member)

static const struct row counted[] = {
	{ "tacit_http_requests_total", "", "counter", "Well-formed requests.", HTTP(requests) },
	{ "tacit_http_refused_total", "", "counter",
	  "Requests refused before a handler saw them, and connections beyond a limit.",
	  HTTP(refused) },
	{ "tacit_http_timeouts_total", "", "counter", "Connections that missed a deadline.",
	  HTTP(timeouts) },
	{ "tacit_http_connections", "", "gauge", "Open connections.", HTTP(connections_open) },
	{ "tacit_http_connections_total", "", "counter", "Connections accepted.",
	  HTTP(connections_total) },
	{ "tacit_http_handshake_failures_total", "", "counter",
	  "TLS handshakes that failed, refused client certificates among them.",
	  HTTP(handshake_failures) },
	{ "tacit_http_received_bytes_total", "", "counter", "Bytes of requests.", HTTP(bytes_in) },
	{ "tacit_http_sent_bytes_total", "", "counter", "Bytes of answers.", HTTP(bytes_out) },
	{ "tacit_http_answers_total", "{class=\"2xx\"}", "counter", "Answers by class of status.",
	  HTTP(status[2]) },
	{ "tacit_http_answers_total", "{class=\"3xx\"}", NULL, NULL, HTTP(status[3]) },
	{ "tacit_http_answers_total", "{class=\"4xx\"}", NULL, NULL, HTTP(status[4]) },
	{ "tacit_http_answers_total", "{class=\"5xx\"}", NULL, NULL, HTTP(status[5]) },
	{ "tacit_enrolments_total", "", "counter", "Certificates issued to enrolling hosts.",
	  ROUTES(enrolled) },
	{ "tacit_renewals_total", "", "counter", "Certificates renewed.", ROUTES(renewed) },
	{ "tacit_updates_total", "{result=\"accepted\"}", "counter",
	  "Updates by what became of them.", ROUTES(updates_accepted) },
	{ "tacit_updates_total", "{result=\"repeated\"}", NULL, NULL, ROUTES(updates_repeated) },
	{ "tacit_updates_total", "{result=\"conflicting\"}", NULL, NULL,
	  ROUTES(updates_conflicting) },
	{ "tacit_updates_total", "{result=\"late\"}", NULL, NULL, ROUTES(updates_late) },
	{ "tacit_updates_total", "{result=\"refused\"}", NULL, NULL, ROUTES(updates_refused) },
	{ "tacit_secure_messages_total", "{result=\"accepted\"}", "counter",
	  "Messages of secure sums by what became of them.", ROUTES(secure_accepted) },
	{ "tacit_secure_messages_total", "{result=\"repeated\"}", NULL, NULL,
	  ROUTES(secure_repeated) },
	{ "tacit_secure_messages_total", "{result=\"conflicting\"}", NULL, NULL,
	  ROUTES(secure_conflicting) },
	{ "tacit_secure_messages_total", "{result=\"late\"}", NULL, NULL, ROUTES(secure_late) },
	{ "tacit_secure_messages_total", "{result=\"refused\"}", NULL, NULL,
	  ROUTES(secure_refused) },
	{ "tacit_secure_parked_total", "", "counter",
	  "Questions of secure sums held back until there was an answer.", ROUTES(secure_parked) },
	{ "tacit_commits_total", "", "counter", "Groups of updates or messages committed.",
	  ROUTES(commits) },
	{ "tacit_commit_failures_total", "", "counter", "Groups that could not be committed.",
	  ROUTES(commit_failures) },
	{ "tacit_hosts_refused_total", "", "counter",
	  "Requests of hosts that are not enrolled, revoked, or show an old certificate.",
	  ROUTES(hosts_refused) },
	{ "tacit_models_total", "{result=\"sent\"}", "counter", "Models asked for.",
	  ROUTES(models_sent) },
	{ "tacit_models_total", "{result=\"unchanged\"}", NULL, NULL, ROUTES(models_unchanged) },
};

static const struct row known[] = {
	{ "tacit_hosts", "{state=\"enrolled\"}", "gauge", "Hosts that were let in.",
	  FLEET(hosts_enrolled) },
	{ "tacit_hosts", "{state=\"revoked\"}", NULL, NULL, FLEET(hosts_revoked) },
	{ "tacit_round", "", "gauge", "The round that is collecting; 0 when none is.",
	  FLEET(round) },
	{ "tacit_round_updates", "", "gauge", "Updates accepted in it.", FLEET(round_updates) },
	{ "tacit_release", "", "gauge", "Version of the newest model; 0 before the first.",
	  FLEET(release) },
	{ "tacit_database_bytes", "", "gauge", "Size of the database.", FLEET(database_bytes) },
	{ "tacit_workers", "{state=\"configured\"}", "gauge", "HTTP processes.", FLEET(workers) },
	{ "tacit_workers", "{state=\"ready\"}", NULL, NULL, FLEET(workers_ready) },
};

int tacit_metrics_read(struct tacit_db *db, struct tacit_metrics_fleet *ret)
{
	struct tacit_metrics_fleet fleet = *ret;
	struct tacit_hosts_count hosts;
	struct tacit_round round;
	int r = tacit_hosts_count(db, &hosts);

	if (r < 0)
		return r;
	fleet.hosts_enrolled = hosts.enrolled;
	fleet.hosts_revoked = hosts.revoked;
	r = tacit_release_newest(db, &fleet.release, NULL);
	if (r < 0)
		return r;
	fleet.round = fleet.round_updates = 0;
	r = tacit_round_get_current(db, &round);
	if (r == 0) {
		fleet.round = round.doc.round;
		r = tacit_round_participants(db, fleet.round, &fleet.round_updates);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	fleet.database_bytes = (uint64_t)tacit_db_size_bytes(db);
	*ret = fleet;
	return 0;
}

uint64_t tacit_metrics_workers_ready(const struct tacit_board *board, size_t workers)
{
	uint64_t n = 0;

	for (size_t i = 0; i < workers; i++)
		n += tacit_board_is_ready(board, i);
	return n;
}

static void format_row(const struct row *row, const void *record, struct tacit_writer *writer)
{
	char text[LINE_MAX_BYTES];
	uint64_t value;

	memcpy(&value, (const char *)record + row->offset, sizeof(value));
	if (row->help) {
		(void)snprintf(text, sizeof(text), "# HELP %s %s\n# TYPE %s %s\n", row->name,
			       row->help, row->name, row->type);
		tacit_write_bytes(writer, text, strlen(text));
	}
	(void)snprintf(text, sizeof(text), "%s%s %" PRIu64 "\n", row->name, row->labels, value);
	tacit_write_bytes(writer, text, strlen(text));
}

static void format_start(const struct tacit_metrics_fleet *fleet, struct tacit_writer *writer)
{
	char text[LINE_MAX_BYTES];

	(void)snprintf(text, sizeof(text),
		       "# HELP tacit_build_info Which program this is.\n"
		       "# TYPE tacit_build_info gauge\n"
		       "tacit_build_info{version=\"" TACIT_VERSION "\"} 1\n");
	tacit_write_bytes(writer, text, strlen(text));
	if (!fleet)
		return;
	(void)snprintf(text, sizeof(text),
		       "# HELP tacit_start_time_seconds When the aggregator was started.\n"
		       "# TYPE tacit_start_time_seconds gauge\n"
		       "tacit_start_time_seconds %.3f\n",
		       (double)fleet->started_ms / 1000);
	tacit_write_bytes(writer, text, strlen(text));
}

void tacit_metrics_format(const struct tacit_board_figures *figures,
			  const struct tacit_metrics_fleet *fleet, struct tacit_writer *writer)
{
	format_start(fleet, writer);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(counted); i++)
		format_row(&counted[i], figures, writer);
	for (size_t i = 0; fleet && i < TACIT_ARRAY_LEN(known); i++)
		format_row(&known[i], fleet, writer);
}
