/* SPDX-License-Identifier: MIT */
#include "aggregator/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tacit/cleanup.h>

#include "unit.h"

#define WORDS_MAX 16

/* Splits at blanks. */
static int split(char *line, char **argv)
{
	int argc = 0;

	for (char *word = strtok(line, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	return argc;
}

static int parse(const char *line, struct tacit_verbs_request *ret, char why[128])
{
	char text[256], *argv[WORDS_MAX];

	(void)snprintf(text, sizeof(text), "%s", line);
	why[0] = '\0';
	return tacit_verbs_parse(split(text, argv), argv, ret, why, 128);
}

static void expect_request(const char *line, const char *expected, int json)
{
	struct tacit_verbs_request request = { 0 };
	char why[128];
	json_t *wanted = json_loads(expected, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(wanted);
	CU_ASSERT_EQUAL_FATAL(parse(line, &request, why), 0);
	CU_ASSERT_TRUE(json_equal(request.request, wanted));
	if (!json_equal(request.request, wanted))
		printf("# %s: %s\n", line, json_dumps(request.request, 0));
	CU_ASSERT_EQUAL(request.json, json);
	CU_ASSERT_STRING_EQUAL(request.verb,
			       json_string_value(json_object_get(request.request, "verb")));
	json_decref(request.request);
	json_decref(wanted);
}

static void test_parse(void)
{
	expect_request("status", "{\"verb\":\"status\"}", 0);
	expect_request("privacy --json", "{\"verb\":\"privacy\"}", 1);
	expect_request("token create", "{\"verb\":\"token create\",\"uses\":1,\"ttl_sec\":86400}",
		       0);
	expect_request("token create --uses 500 --ttl 7d --label site=lab --label a=b=c",
		       "{\"verb\":\"token create\",\"uses\":500,\"ttl_sec\":604800,"
		       "\"labels\":{\"site\":\"lab\",\"a\":\"b=c\"}}",
		       0);
	expect_request("token create --ttl 90",
		       "{\"verb\":\"token create\",\"uses\":1,\"ttl_sec\":90}", 0);
	expect_request("token create --ttl 15m",
		       "{\"verb\":\"token create\",\"uses\":1,\"ttl_sec\":900}", 0);
	expect_request("token revoke 7", "{\"verb\":\"token revoke\",\"id\":7}", 0);
	expect_request("hosts show 0123", "{\"verb\":\"hosts show\",\"id\":\"0123\"}", 0);
}

static void test_parse_more(void)
{
	expect_request("rounds list --json --limit 3", "{\"verb\":\"rounds list\",\"limit\":3}", 1);
	expect_request("rounds show 12", "{\"verb\":\"rounds show\",\"round\":12}", 0);
	expect_request("rounds open", "{\"verb\":\"rounds open\"}", 0);
	expect_request("task set round_sec=60 clip_norm=1.5 kind=gaussian classes=host,a@b.service",
		       "{\"verb\":\"task set\",\"changes\":{\"round_sec\":60,\"clip_norm\":1.5,"
		       "\"kind\":\"gaussian\",\"classes\":[\"host\",\"a@b.service\"]}}",
		       0);
	expect_request("task set classes=host",
		       "{\"verb\":\"task set\",\"changes\":{\"classes\":[\"host\"]}}", 0);
	expect_request("task set classes=host,slots:2",
		       "{\"verb\":\"task set\",\"changes\":"
		       "{\"classes\":[\"host\",\"slot:0.2\",\"slot:1.2\"]}}",
		       0);
	expect_request("task set classes=slots:900", /* no name of a class: refused by the server */
		       "{\"verb\":\"task set\",\"changes\":{\"classes\":[\"slots:900\"]}}", 0);
	expect_request("task plan --hosts 100 --epsilon 4",
		       "{\"verb\":\"task plan\",\"hosts\":100,\"epsilon\":4.0}", 0);
	expect_request("secagg-params --semi-honest --hosts 100 --corrupt 0.1 --dropout 0",
		       "{\"verb\":\"secagg-params\",\"hosts\":100,\"corrupt\":0.1,\"dropout\":0.0,"
		       "\"semi_honest\":true}",
		       0);
	expect_request(
		"task set mode=auto aggregation=trimmed-mean server=semi-honest corrupt=0.05",
		"{\"verb\":\"task set\",\"changes\":{\"mode\":\"auto\",\"aggregation\":"
		"\"trimmed-mean\",\"server\":\"semi-honest\",\"corrupt\":0.05}}",
		0);
}

static void test_bad(void)
{
	static const struct {
		const char *line, *why;
	} table[] = {
		{ "", "verb" },
		{ "sing", "sing" },
		{ "token", "token" },
		{ "token sing", "token" },
		{ "tokens list", "tokens" },
		{ "status now", "now" },
		{ "status --verbose", "--verbose" },
		{ "token create --uses", "--uses" },
		{ "token create --uses many", "many" },
		{ "token create --uses -1", "-1" },
		{ "token create --uses 99999999999999999999", "999" },
		{ "token create --ttl soon", "soon" },
		{ "token create --ttl 5y", "5y" },
		{ "token create --ttl 5dd", "5dd" },
		{ "token create --label site", "site" },
		{ "token create --label =lab", "=lab" },
		{ "token create lab", "lab" },
		{ "token revoke", "missing" },
		{ "token revoke x", "x" },
		{ "token revoke 1 2", "2" },
		{ "hosts show", "missing" },
		{ "hosts revoke", "missing" },
		{ "rounds show 1x", "1x" },
		{ "rounds list --uses 1", "--uses" },
		{ "task set", "missing" },
		{ "task set x", "x" },
		{ "task set =1", "=1" },
		{ "task plan --epsilon nan", "nan" },
		{ "task plan --epsilon 1e999", "1e999" },
		{ "secagg-params --corrupt", "--corrupt" },
		{ "secagg-params --semi-honest yes", "yes" },
	};
	char why[128];

	for (size_t i = 0; i < TACIT_ARRAY_LEN(table); i++) {
		struct tacit_verbs_request request = { .json = 99 };

		CU_ASSERT_EQUAL(parse(table[i].line, &request, why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, table[i].why));
		if (!strstr(why, table[i].why))
			printf("# %s: %s\n", table[i].line, why);
		CU_ASSERT_EQUAL(request.json, 99);
	}
}

/* What is printed, owned by the caller. */
static char *print(const char *verb, const char *answer)
{
	json_t *root = json_loads(answer, 0, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	tacit_verbs_print(verb, root, out);
	(void)fclose(out);
	json_decref(root);
	return text;
}

static void expect_print(const char *verb, const char *answer, const char *expected)
{
	char *text = print(verb, answer);

	CU_ASSERT_STRING_EQUAL(text, expected);
	if (strcmp(text, expected) != 0)
		printf("# %s", text);
	free(text);
}

static void test_print(void)
{
	expect_print("token create", "{\"token\":\"tacit1.a.b.c\",\"id\":1,\"url\":\"u\"}",
		     "tacit1.a.b.c\n");
	expect_print("token list",
		     "{\"tokens\":[{\"id\":10,\"uses\":5,\"used\":0,\"created\":"
		     "\"2026-01-02T03:04:05.678Z\",\"expires\":null,\"state\":\"valid\",\"labels\":"
		     "{\"site\":\"lab\",\"a\":\"b\"}}]}",
		     "ID  STATE  USED  OF  CREATED              EXPIRES  LABELS\n"
		     "10  valid  0     5   2026-01-02 03:04:05  -        site=lab,a=b\n");
	expect_print(
		"hosts list",
		"{\"hosts\":[{\"id\":\"ab\",\"enrolled\":\"2026-01-02T03:04:05.678Z\",\"renewed\":"
		"null,\"revoked\":null,\"rounds\":3,\"epsilon\":null,\"failures\":2,\"benched_"
		"until\":9,"
		"\"labels\":{}}]}",
		"ID  ENROLLED             RENEWED  REVOKED  ROUNDS  EPSILON    FAILED  OUT UNTIL"
		"  LABELS\n"
		"ab  2026-01-02 03:04:05  -        -        3       unbounded  2       9        "
		"  -\n");
	expect_print("token revoke", "{\"id\":7}", "7 revoked\n");
	expect_print("hosts revoke", "{\"id\":\"ab\"}", "ab revoked\n");
	expect_print("rounds open", "{\"round\":7}", "round 7 is open\n");
}

static void test_print_secure(void)
{
	static const char groups[] =
		"{\"round\":{\"groups\":[{\"group\":1,\"phase\":\"lost\",\"hosts\":700,\"degree\":"
		"92,"
		"\"threshold\":64,\"survivors\":600,\"sum_sha256\":null,\"reason\":\"too few\"}]}}";
	char *text = print("rounds show", groups);

	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "\n\nGROUP  PHASE  HOSTS  NEIGHBOURS  THRESHOLD  SURVIVORS  REASON\n"
			     "1      lost   700    92          64         600        too few\n"));
	free(text);
	text = print("task set", "{\"task\":{\"aggregation\":\"trimmed-mean\",\"corrupt\":0.1}}");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "corrupt              0.1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "  10 groups  3.38 times\n"));
	free(text);
	text = print("task show", "{\"task\":{\"aggregation\":\"trimmed-mean\"}}");
	CU_ASSERT_PTR_NULL(strstr(text, "times"));
	free(text);
	text = print("task set", "{\"task\":{\"aggregation\":\"sum\"}}");
	CU_ASSERT_PTR_NULL(strstr(text, "times"));
	free(text);
}

static void test_print_fairness(void)
{
	static const char answer[] =
		"{\"label\":\"site\",\"participation\":{\"jain\":0.5},\"evaluation\":{\"round\":7},"
		"\"gap\":{\"loss\":1.25},\"groups\":[{\"group\":\"lab\",\"enrolled\":40,"
		"\"participation\":{\"mean\":0.75,\"jain\":0.9},\"hosts\":38.5,\"loss\":{\"value\":"
		"1.5,\"error\":0.25},\"helped\":{\"value\":null,\"reason\":\"too few hosts\"},"
		"\"weight\":0.5},{\"group\":\"\",\"enrolled\":2}]}";
	char *text = print("fairness", answer);

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "groups by            site\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "evaluated in round   7\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "gap of the loss      1.25\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nlab       40        0.75        0.9   38.5 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " too few "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " 1.5 +-0.25  0.5\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n(others)  2 "));
	free(text);
	text = print("fairness", "{\"label\":\"\",\"evaluation\":null,\"groups\":[]}");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "nothing was evaluated yet\n"));
	free(text);
}

/* An answer of another program, or of none, is printed without harm. */
static void test_print_anything(void)
{
	static const char *const verbs[] = {
		"status",	"privacy",     "token create",	"token list",
		"token revoke", "hosts list",  "hosts show",	"hosts revoke",
		"rounds list",	"rounds show", "rounds open",	"task show",
		"task set",	"task plan",   "secagg-params", "fairness",
	};
	static const char *const answers[] = {
		"{}",
		"[]",
		"{\"tokens\":7,\"hosts\":\"x\",\"rounds\":[[],null,7],\"task\":[]}",
		"{\"tokens\":[{\"labels\":{\"a\":7}}],\"hosts\":[{\"labels\":[]}],\"round\":[],"
		"\"task\":{\"classes\":[7]},\"host\":7,\"columns\":[\"x\"],\"rows\":[{}]}",
		"{\"round\":{\"groups\":[7,{\"group\":\"x\"}]},\"task\":{\"aggregation\":7},"
		"\"mode\":7}",
		"{\"groups\":[7,{\"group\":[],\"loss\":{\"value\":{}},\"participation\":7}],"
		"\"gap\":7,\"evaluation\":{},\"label\":7}",
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(verbs); i++)
		for (size_t k = 0; k < TACIT_ARRAY_LEN(answers); k++)
			free(print(verbs[i], answers[k]));
}

static int run(const char *line, char **ret_out, char **ret_err)
{
	char text[256], *argv[WORDS_MAX];
	size_t len;
	FILE *out = open_memstream(ret_out, &len), *err = open_memstream(ret_err, &len);
	int code;

	(void)snprintf(text, sizeof(text), "%s", line);
	code = tacit_verbs_run("/nonexistent/admin", split(text, argv), argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	return code;
}

static void expect_run(const char *line, int code, const char *out, const char *err)
{
	char *printed = NULL, *complained = NULL;

	CU_ASSERT_EQUAL(run(line, &printed, &complained), code);
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, out));
	CU_ASSERT_PTR_NOT_NULL(strstr(complained, err));
	free(printed);
	free(complained);
}

static void test_run(void)
{
	expect_run("status", TACIT_EXIT_NOT_RUNNING, "", "not running");
	expect_run("stat", TACIT_EXIT_USAGE, "", "token create");
	expect_run("task plan --hosts 100000 --epsilon 4", 0, "noise_multiplier=", "");
	expect_run("task plan --hosts 10 --epsilon 4", 0, "too few", "");
	expect_run("task plan --hosts 10 --epsilon 4 --json", 0, "\"hosts_needed\"", "");
	expect_run("task plan --hosts 10 --epsilon 4 --dimensions 5000", 0, "5000", "");
	expect_run("task plan --hosts 100 --epsilon 4", 0, "hosts would be distributed", "");
	expect_run("task plan --hosts 100 --epsilon 4", 0, "kind=gaussian", "");
	expect_run("task plan --hosts 10000 --epsilon 4", 0, "kind=autoencoder", "");
	expect_run("task plan --hosts 19 --epsilon 4", 0, "smaller than min_cohort", "");
	expect_run("task plan --hosts 10", TACIT_EXIT_USAGE, "", "--epsilon");
	expect_run("task plan --epsilon 4", TACIT_EXIT_USAGE, "", "--hosts");
	expect_run("task plan --hosts 10 --epsilon 4 --classes 65", TACIT_EXIT_USAGE, "",
		   "--classes");
	expect_run("task plan --hosts 10 --epsilon 4 --dimensions 99999999", TACIT_EXIT_USAGE, "",
		   "--dimensions");
}

static void test_secagg_params(void)
{
	expect_run("secagg-params --hosts 1000 --corrupt 0.1 --dropout 0.2", 0,
		   "neighbours (k)       194\nthreshold (t)        124\nhonest (n_h)         700\n"
		   "least survivors      800\n",
		   "");
	expect_run("secagg-params --hosts 1000 --corrupt 0.1 --dropout 0.2 --semi-honest --json", 0,
		   "\"degree\": 66", "");
	expect_run("secagg-params --hosts 5 --corrupt 0 --dropout 0.2", TACIT_EXIT_FAILED, "",
		   "no graph of 5 hosts withstands that");
	expect_run("secagg-params --corrupt 0 --dropout 0", TACIT_EXIT_USAGE, "",
		   "--hosts: from 4 to 100000");
	expect_run("secagg-params --hosts 100001 --corrupt 0 --dropout 0", TACIT_EXIT_USAGE, "",
		   "--hosts");
	expect_run("secagg-params --hosts 100 --dropout 0", TACIT_EXIT_USAGE, "",
		   "--corrupt: from 0 to 0.5");
	expect_run("secagg-params --hosts 100 --corrupt 0 --dropout 0.51", TACIT_EXIT_USAGE, "",
		   "--dropout: from 0 to 0.5");
	expect_run("secagg-params --hosts 100 --corrupt -0.1 --dropout 0", TACIT_EXIT_USAGE, "",
		   "--corrupt");
}

static void test_help(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	tacit_verbs_help(out);
	(void)fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "token create"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "task plan --hosts N"));
	free(text);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "command lines", test_parse },
		{ "more command lines", test_parse_more },
		{ "bad command lines", test_bad },
		{ "answers for people", test_print },
		{ "secure sums for people", test_print_secure },
		{ "what is printed of fairness", test_print_fairness },
		{ "whatever the answer", test_print_anything },
		{ "exit codes", test_run },
		{ "parameters of secure sums", test_secagg_params },
		{ "help", test_help },
		{ NULL, NULL },
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return unit_main("verbs", cases);
}
