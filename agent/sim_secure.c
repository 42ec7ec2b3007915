/* SPDX-License-Identifier: MIT */
#include "sim_secure.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <tacit/bytes.h>
#include <tacit/clock.h>
#include <tacit/random.h>
#include <tacit/x509.h>

#define NEVER	  UINT32_MAX
#define LIE_NORMS 100U /* clip norms, in every coordinate: 300 liars fit into 32 bits */

static const char *const phase_name[TACIT_SIM_PHASES] = { "advert", "shares", "masked", "consent",
							  "answer" };

/* What one group adds up. */
struct group {
	LIST_ENTRY(group) link;
	uint64_t round;
	uint32_t group;
	size_t dimensions;
	uint32_t **value; /* by index; [n], some NULL; all NULL once the sum is known */
	uint32_t n;
	uint32_t masked;
	uint8_t *alive; /* as first consented to, [alive_len]; NULL: by nobody */
	size_t alive_len;
	uint32_t survivors, dissent;
	bool summed;
	uint8_t sha256[TACIT_SECAGG_DIGEST_LEN];
};

/* When hosts said what. */
struct seen {
	LIST_ENTRY(seen) link;
	uint64_t round;
	uint32_t said[TACIT_SIM_PHASES];
	int64_t first_ms[TACIT_SIM_PHASES];
	uint32_t *after_ms; /* [phase * hosts + host]; NEVER */
};

struct host {
	unsigned silent_from;	    /* phase; TACIT_SIM_PHASES: never */
	unsigned silences, answers; /* rounds */
	uint64_t silent_round;	    /* the newest */
	bool slow, liar;
};

struct tacit_sim_secure {
	struct tacit_sim_secure_params params;
	struct tacit_random *random;
	struct host *host;
	LIST_HEAD(, group) groups; /* newest first */
	LIST_HEAD(, seen) seen;
	bool failed; /* out of memory in a call that cannot say so */
};

static int parse_fraction(const char *text, char **end, double *ret)
{
	double value = strtod(text, end);

	if (*end == text || !(value >= 0 && value <= 1))
		return -EINVAL;
	*ret = value;
	return 0;
}

int tacit_sim_secure_parse_drop(const char *text, struct tacit_sim_secure_params *params)
{
	const char *equals = strchr(text, '=');
	char *end;
	double fraction;

	if (!equals || parse_fraction(equals + 1, &end, &fraction) < 0 || *end != '\0')
		return -EINVAL;
	for (unsigned i = 0; i < TACIT_SIM_PHASES; i++)
		if (strlen(phase_name[i]) == (size_t)(equals - text) &&
		    strncmp(phase_name[i], text, (size_t)(equals - text)) == 0) {
			params->drop[i] = fraction;
			return 0;
		}
	return -EINVAL;
}

int tacit_sim_secure_parse_slow(const char *text, struct tacit_sim_secure_params *params)
{
	char *end, *last;
	double fraction;
	unsigned long ms;

	if (parse_fraction(text, &end, &fraction) < 0 || *end != '=' || end[1] < '0' ||
	    end[1] > '9')
		return -EINVAL;
	ms = strtoul(end + 1, &last, 10);
	if (*last != '\0' || ms > TACIT_SIM_SLOW_MAX_MS)
		return -EINVAL;
	params->slow = fraction;
	params->slow_ms = (uint32_t)ms;
	return 0;
}

/* Numbers 0..n-1 in random order (Fisher and Yates). NULL when out of memory. */
static unsigned *shuffle(struct tacit_random *random, unsigned n)
{
	unsigned *order = TACIT_NEW_N(unsigned, n);

	for (unsigned i = 0; order && i < n; i++) {
		unsigned k = (unsigned)tacit_random_below(random, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	return order;
}

/* Nobody falls silent twice; those who lie never do. */
static int cast_silent(struct tacit_sim_secure *secure)
{
	const struct tacit_sim_secure_params *params = &secure->params;
	TACIT_AUTO_FREE unsigned *order = shuffle(secure->random, params->hosts);
	unsigned next = 0;

	if (!order)
		return -ENOMEM;
	for (unsigned i = 0; i < params->hosts; i++)
		secure->host[i].silent_from = TACIT_SIM_PHASES;
	for (unsigned phase = 0; phase < TACIT_SIM_PHASES; phase++) {
		unsigned n = (unsigned)(params->drop[phase] * params->hosts + 0.5);

		if (n > params->hosts - next)
			return -EINVAL;
		while (n-- > 0)
			secure->host[order[next++]].silent_from = phase;
	}
	if (params->liars > params->hosts - next)
		return -EINVAL;
	for (unsigned i = 0; i < params->liars; i++)
		secure->host[order[next++]].liar = true;
	return 0;
}

static int cast_slow(struct tacit_sim_secure *secure)
{
	const struct tacit_sim_secure_params *params = &secure->params;
	TACIT_AUTO_FREE unsigned *order = shuffle(secure->random, params->hosts);
	unsigned n = (unsigned)(params->slow * params->hosts + 0.5);

	if (!order)
		return -ENOMEM;
	for (unsigned i = 0; i < n && i < params->hosts; i++)
		secure->host[order[i]].slow = true;
	return 0;
}

int tacit_sim_secure_new(const struct tacit_sim_secure_params *params,
			 struct tacit_sim_secure **ret)
{
	TACIT_CLEANUP(tacit_sim_secure_free_p)
	struct tacit_sim_secure *secure = TACIT_NEW(struct tacit_sim_secure);
	uint8_t seed[32] = "secure sums of a simulation";
	int r;

	if (!secure)
		return -ENOMEM;
	memcpy(seed + sizeof(seed) - sizeof(params->seed), &params->seed, sizeof(params->seed));
	secure->params = *params;
	LIST_INIT(&secure->groups);
	LIST_INIT(&secure->seen);
	secure->host = TACIT_NEW_N(struct host, params->hosts);
	if (!secure->host)
		return -ENOMEM;
	r = tacit_random_new(seed, &secure->random);
	if (r == 0)
		r = cast_silent(secure);
	if (r == 0)
		r = cast_slow(secure);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(secure);
	return 0;
}

static struct seen *find_seen(struct tacit_sim_secure *secure, uint64_t round)
{
	size_t cells = (size_t)TACIT_SIM_PHASES * secure->params.hosts;
	struct seen *seen;

	LIST_FOREACH (seen, &secure->seen, link)
		if (seen->round == round)
			return seen;
	seen = TACIT_NEW(struct seen);
	if (seen)
		seen->after_ms = TACIT_NEW_N(uint32_t, cells);
	if (!seen || !seen->after_ms) {
		tacit_free(seen);
		secure->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < cells; i++)
		seen->after_ms[i] = NEVER;
	seen->round = round;
	LIST_INSERT_HEAD(&secure->seen, seen, link);
	return seen;
}

static void note(struct tacit_sim_secure *secure, unsigned host, uint64_t round, unsigned phase)
{
	int64_t (*boot_ms)(void) = secure->params.boot_ms;
	int64_t now = boot_ms ? boot_ms() : tacit_clock_boot_ms();
	struct seen *seen = find_seen(secure, round);
	uint32_t *after;

	if (!seen)
		return;
	after = &seen->after_ms[(size_t)phase * secure->params.hosts + host];
	if (*after != NEVER)
		return; /* says it again */
	if (seen->said[phase]++ == 0)
		seen->first_ms[phase] = now;
	*after = (uint32_t)(now - seen->first_ms[phase]);
	secure->host[host].answers += phase == TACIT_SIM_PHASES - 1;
}

int64_t tacit_sim_secure_speak(struct tacit_sim_secure *secure, unsigned host, uint64_t round,
			       enum tacit_secagg_stage stage)
{
	struct host *who = &secure->host[host];
	unsigned phase = (unsigned)stage - TACIT_SECAGG_STAGE_JOINED;

	if (stage < TACIT_SECAGG_STAGE_JOINED || phase >= TACIT_SIM_PHASES)
		return 0;
	if (phase >= who->silent_from) {
		who->silences += who->silent_round != round;
		who->silent_round = round;
		return -1;
	}
	note(secure, host, round, phase);
	if (!who->slow)
		return 0;
	return (int64_t)tacit_random_below(secure->random, secure->params.slow_ms + 1U);
}

static void forget_values(struct group *group)
{
	for (uint32_t i = 0; i < group->n; i++) {
		tacit_free(group->value[i]);
		group->value[i] = NULL;
	}
}

/* Of sums that were given up, once their round is long over. */
static void forget_older(struct tacit_sim_secure *secure, uint64_t round)
{
	struct group *group;

	LIST_FOREACH (group, &secure->groups, link)
		if (group->round + 1 < round)
			forget_values(group);
}

static struct group *find_group(struct tacit_sim_secure *secure,
				const struct tacit_secagg_config *config)
{
	struct group *group;

	LIST_FOREACH (group, &secure->groups, link)
		if (group->round == config->round && group->group == config->group)
			return group;
	group = TACIT_NEW(struct group);
	if (!group) {
		secure->failed = true;
		return NULL;
	}
	forget_older(secure, config->round);
	group->round = config->round;
	group->group = config->group;
	group->dimensions = config->dimensions;
	LIST_INSERT_HEAD(&secure->groups, group, link);
	return group;
}

static int reserve(struct group *group, uint32_t n)
{
	uint32_t **longer;

	if (n <= group->n)
		return 0;
	longer = (uint32_t **)tacit_realloc((void *)group->value, n, sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	for (uint32_t i = group->n; i < n; i++)
		longer[i] = NULL;
	group->value = longer;
	group->n = n;
	return 0;
}

static int keep(struct group *group, uint32_t index, const uint32_t *value, size_t n)
{
	uint32_t *copy;

	if (group->alive || n != group->dimensions || index >= TACIT_SECAGG_HOSTS_MAX)
		return 0; /* too late to be in the sum, or of no sum there could be */
	if (reserve(group, index + 1) < 0)
		return -ENOMEM;
	copy = (uint32_t *)tacit_memdup(value, n * sizeof(*value));
	if (!copy)
		return -ENOMEM;
	group->masked += !group->value[index];
	tacit_free(group->value[index]);
	group->value[index] = copy;
	return 0;
}

void tacit_sim_secure_mask(struct tacit_sim_secure *secure, unsigned host,
			   const struct tacit_secagg_config *config, uint32_t index,
			   uint32_t *value, size_t n)
{
	struct group *group = find_group(secure, config);

	for (size_t i = 0; secure->host[host].liar && i < n; i++)
		value[i] = LIE_NORMS << config->scale_bits;
	if (group && keep(group, index, value, n) < 0)
		secure->failed = true;
}

/* Survivors that are not of this process leave the sum unknown. */
static int add_up(struct group *group, const struct tacit_secagg_survivors *survivors)
{
	size_t len = group->dimensions * sizeof(uint32_t);
	TACIT_AUTO_FREE uint32_t *sum = TACIT_NEW_N(uint32_t, group->dimensions);
	bool strangers = false;

	if (!sum)
		return -ENOMEM;
	for (uint32_t i = 0; i < survivors->n; i++) {
		if (!tacit_secagg_bits_has(survivors->alive, i))
			continue;
		group->survivors++;
		if (i >= group->n || !group->value[i]) {
			strangers = true;
			continue;
		}
		for (size_t k = 0; k < group->dimensions; k++)
			sum[k] += group->value[i][k];
	}
	for (size_t k = 0; k < group->dimensions; k++)
		sum[k] = htole32(sum[k]);
	group->summed = !strangers;
	return tacit_sha256(sum, len, group->sha256);
}

void tacit_sim_secure_consent(struct tacit_sim_secure *secure,
			      const struct tacit_secagg_config *config,
			      const struct tacit_secagg_survivors *survivors)
{
	size_t len = tacit_secagg_bits_len(survivors->n);
	struct group *group = find_group(secure, config);

	if (!group)
		return;
	if (group->alive) {
		group->dissent +=
			group->alive_len != len || memcmp(group->alive, survivors->alive, len) != 0;
		return;
	}
	group->alive_len = len;
	group->alive = (uint8_t *)tacit_memdup(survivors->alive, len);
	if (!group->alive || add_up(group, survivors) < 0)
		secure->failed = true;
	forget_values(group);
}

unsigned tacit_sim_secure_silences(const struct tacit_sim_secure *secure, unsigned host)
{
	return secure->host[host].silences;
}

unsigned tacit_sim_secure_answers(const struct tacit_sim_secure *secure, unsigned host)
{
	return secure->host[host].answers;
}

void tacit_sim_secure_progress(const struct tacit_sim_secure *secure, char *text, size_t size)
{
	const struct seen *seen = LIST_FIRST(&secure->seen);
	size_t at;

	text[0] = '\0';
	if (!seen)
		return;
	(void)snprintf(text, size, "; round %llu:", (unsigned long long)seen->round);
	for (unsigned i = 0; i < TACIT_SIM_PHASES; i++) {
		at = strlen(text);
		(void)snprintf(text + at, size - at, "%s %u %s", i ? "," : "", seen->said[i],
			       phase_name[i]);
	}
}

static json_t *describe(const struct group *group)
{
	char hex[2 * TACIT_SECAGG_DIGEST_LEN + 1];

	tacit_hex_encode(group->sha256, sizeof(group->sha256), hex);
	return json_pack("{s:I, s:I, s:I, s:I, s:s?, s:I}", "round", (json_int_t)group->round,
			 "group", (json_int_t)group->group, "hosts", (json_int_t)group->masked,
			 "survivors", (json_int_t)group->survivors, "sum_sha256",
			 group->summed ? hex : NULL, "dissent", (json_int_t)group->dissent);
}

json_t *tacit_sim_secure_report(const struct tacit_sim_secure *secure)
{
	json_t *list = secure->failed ? NULL : json_array();
	const struct group *group;

	LIST_FOREACH (group, &secure->groups, link)
		if (list && json_array_insert_new(list, 0, describe(group)) < 0) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *left = (const uint32_t *)a, *right = (const uint32_t *)b;

	return (*left > *right) - (*left < *right);
}

/* All that is known of a phase, in ascending order; @value is large enough. Returns how many. */
static size_t gather(const struct tacit_sim_secure *secure, unsigned phase, uint32_t *value)
{
	const struct seen *seen;
	size_t n = 0;

	LIST_FOREACH (seen, &secure->seen, link)
		for (unsigned i = 0; i < secure->params.hosts; i++) {
			uint32_t after = seen->after_ms[(size_t)phase * secure->params.hosts + i];

			if (after != NEVER)
				value[n++] = after;
		}
	qsort(value, n, sizeof(*value), compare);
	return n;
}

json_t *tacit_sim_secure_seconds(const struct tacit_sim_secure *secure)
{
	TACIT_AUTO_FREE uint32_t *value = NULL;
	json_t *seconds = json_object();
	const struct seen *seen;
	size_t rounds = 1;

	LIST_FOREACH (seen, &secure->seen, link)
		rounds++;
	value = TACIT_NEW_N(uint32_t, rounds * secure->params.hosts);
	if (!value) {
		json_decref(seconds);
		return NULL;
	}
	for (unsigned i = 0; i < TACIT_SIM_PHASES; i++) {
		size_t n = gather(secure, i, value);

		if (n > 0)
			(void)json_object_set_new(
				seconds, phase_name[i],
				json_pack("{s:I, s:f, s:f}", "hosts", (json_int_t)n, "median",
					  value[n / 2] / 1000.0, "last", value[n - 1] / 1000.0));
	}
	return seconds;
}

static void free_group(struct group *group)
{
	LIST_REMOVE(group, link);
	forget_values(group);
	tacit_free((void *)group->value);
	tacit_free(group->alive);
	tacit_free(group);
}

static void free_seen(struct seen *seen)
{
	LIST_REMOVE(seen, link);
	tacit_free(seen->after_ms);
	tacit_free(seen);
}

void tacit_sim_secure_free(struct tacit_sim_secure *secure)
{
	if (!secure)
		return;
	while (!LIST_EMPTY(&secure->groups))
		free_group(LIST_FIRST(&secure->groups));
	while (!LIST_EMPTY(&secure->seen))
		free_seen(LIST_FIRST(&secure->seen));
	tacit_random_free(secure->random);
	tacit_free(secure->host);
	tacit_free(secure);
}
