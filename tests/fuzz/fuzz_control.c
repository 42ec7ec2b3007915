/* SPDX-License-Identifier: MIT */
/* A line at tacitd's control socket, answered from a real store; then the same bytes as an answer,
 * shown by every view of the command. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/conf.h>
#include <tacit/log.h>

#include "agent/control.h"
#include "agent/report.h"
#include "agent/view.h"

#define NOW 1795478400000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tacit_agent_conf conf;
static struct tacit_report_source source = { .conf = &conf, .now_ms = NOW };
static struct tacit_render render = { .colour = true, .now_ms = NOW };

static void must(int held)
{
	if (!held)
		abort();
}

static void start(void)
{
	const struct tacit_store_params params = { .path = ":memory:" };
	struct tacit_anomaly anomaly = { .scope = "nginx.service",
					 .class = "web",
					 .start_ms = NOW - 9000,
					 .end_ms = NOW - 5000,
					 .peak_ms = NOW - 7000,
					 .windows = 4,
					 .peak = 41,
					 .threshold = 6,
					 .detail = "{\"features\":[{\"name\":\"tcp.connect\"}]}" };

	tacit_log_set_level(TACIT_LOG_ERROR);
	must(tacit_conf_init(tacit_agent_conf_schema(), &conf) == 0);
	must(tacit_store_open(&params, &source.store) == 0);
	must(tacit_store_put_anomaly(source.store, &anomaly) == 0);
	render.out = fopen("/dev/null", "we");
	must(render.out != NULL);
}

static int handle(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
		  size_t size)
{
	(void)ctx;
	return tacit_report_request(&source, verb, request, ret, why, size);
}

static void show(const char *text, size_t len)
{
	static tacit_view *const views[] = { tacit_view_status,	 tacit_view_anomalies,
					     tacit_view_explain, tacit_view_model,
					     tacit_view_privacy, tacit_view_features,
					     tacit_view_source };
	json_auto_t *document = json_loadb(text, len, 0, NULL);

	for (size_t i = 0; document && i < TACIT_ARRAY_LEN(views); i++)
		views[i](&render, document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_AUTO_FREE char *reply = NULL;
	int r;

	if (!source.store)
		start();
	r = tacit_control_answer(handle, NULL, (const char *)data, size, &reply);
	must(reply && strchr(reply, '\n') == reply + strlen(reply) - 1);
	must((r < 0) == (strncmp(reply, "{\"error\":", 9) == 0));
	show(reply, strlen(reply));
	show((const char *)data, size);
	return 0;
}
