/* SPDX-License-Identifier: MIT */
#include <tacit/wire.h>

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <tacit/cleanup.h>
#include <tacit/x509.h>

#define UPDATE_MAGIC  "TACU"
#define UPDATE_FORMAT 1U

/* 17 digits bring every double back as it was, so that the digest is the same everywhere. */
#define CANONICAL (JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17))

#define KIND_MAX	(sizeof(((struct tacit_task *)0)->kind) - 1)
#define CLIP_NORM_MIN	1e-6
#define CLIP_NORM_MAX	1e6
#define NOISE_MAX	1000.0
#define KAPPA_MAX	10000.0
#define COHORT_MAX	1000000U
#define THREAT_MAX	0.5
#define PPM		1e6
#define ROUND_SEC_MAX	604800U
#define COLLECT_SEC_MAX 86400U
#define EVALUATE_MAX	10000U
#define EVALUATE_EVERY	8U

TACIT_DEFINE_CLEANUP(json_t, json_decref)

const char *tacit_mode_name(enum tacit_mode mode)
{
	switch (mode) {
	case TACIT_MODE_LOCAL:
		return "local";
	case TACIT_MODE_DISTRIBUTED:
		return "distributed";
	}
	return NULL;
}

static const char *const purposes[] = {
	[TACIT_PURPOSE_LEARN] = "learn",
	[TACIT_PURPOSE_EVALUATE] = "evaluate",
};

const char *tacit_purpose_name(enum tacit_purpose purpose)
{
	return purpose < TACIT_ARRAY_LEN(purposes) ? purposes[purpose] : NULL;
}

static const char *const resources[] = {
	[TACIT_SECAGG_CONFIG] = "/config",	 [TACIT_SECAGG_ADVERT] = "/advert",
	[TACIT_SECAGG_ROSTER] = "/roster",	 [TACIT_SECAGG_SHARES] = "/shares",
	[TACIT_SECAGG_INBOX] = "/inbox",	 [TACIT_SECAGG_MASKED] = "/masked",
	[TACIT_SECAGG_SURVIVORS] = "/survivors", [TACIT_SECAGG_CONSENT] = "/consent",
	[TACIT_SECAGG_CONSENTS] = "/consents",	 [TACIT_SECAGG_ANSWER] = "/answer",
};

const char *tacit_secagg_resource(enum tacit_secagg_type type)
{
	return resources[type];
}

bool tacit_secagg_is_said(enum tacit_secagg_type type)
{
	return type == TACIT_SECAGG_ADVERT || type == TACIT_SECAGG_SHARES ||
	       type == TACIT_SECAGG_MASKED || type == TACIT_SECAGG_CONSENT ||
	       type == TACIT_SECAGG_ANSWER;
}

enum tacit_secagg_type tacit_secagg_resource_type(const char *path)
{
	for (unsigned i = TACIT_SECAGG_CONFIG; i < TACIT_ARRAY_LEN(resources); i++)
		if (strcmp(path, resources[i]) == 0)
			return (enum tacit_secagg_type)i;
	return (enum tacit_secagg_type)0;
}

static const char *const task_modes[] = {
	[TACIT_TASK_AUTO] = "auto",
	[TACIT_TASK_LOCAL] = "local",
	[TACIT_TASK_DISTRIBUTED] = "distributed",
};

static const char *const aggregations[] = {
	[TACIT_AGGREGATION_SUM] = "sum",
	[TACIT_AGGREGATION_TRIMMED_MEAN] = "trimmed-mean",
};

static const char *const servers[] = {
	[TACIT_SECAGG_SEMI_HONEST] = "semi-honest",
	[TACIT_SECAGG_SEMI_MALICIOUS] = "semi-malicious",
};

TACIT_PRINTF(3, 4)
static void explain(char *why, size_t size, const char *format, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
}

void tacit_task_init(struct tacit_task *task, const uint8_t *schema)
{
	*task = (struct tacit_task){
		.kind = "gaussian",
		.clip_norm = 1,
		.noise_multiplier = 2,
		.kappa = 30,
		.threat = { .server = TACIT_SECAGG_SEMI_MALICIOUS,
			    .corrupt_ppm = 100000,
			    .dropout_ppm = 100000 },
		.min_cohort = 20,
		.round_sec = 86400,
		.collect_sec = 3600,
		.evaluate_every = EVALUATE_EVERY,
		.n_classes = 1,
		.class = { "host" },
	};
	memcpy(task->schema, schema, sizeof(task->schema));
}

static bool is_kind(const char *kind)
{
	size_t len = strnlen(kind, KIND_MAX + 1);

	return len > 0 && len <= KIND_MAX &&
	       strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* "" is none. */
static bool is_label(const char *name)
{
	return strnlen(name, TACIT_LABEL_NAME_MAX + 1) <= TACIT_LABEL_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(name);
}

static int check_classes(const struct tacit_task *task, char *why, size_t size)
{
	if (task->n_classes < 1 || task->n_classes > TACIT_FLEET_CLASSES_MAX) {
		explain(why, size, "\"classes\" must hold 1 to %u names", TACIT_FLEET_CLASSES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < task->n_classes; i++) {
		if (!tacit_fleet_class_name_is_valid(task->class[i])) {
			explain(why, size, "\"classes\"[%zu] is not a class name", i);
			return -EINVAL;
		}
		for (size_t k = 0; k < i; k++)
			if (strcmp(task->class[i], task -> class[k]) == 0) {
				explain(why, size, "\"classes\"[%zu] repeats [%zu]", i, k);
				return -EINVAL;
			}
	}
	return 0;
}

int tacit_task_check(const struct tacit_task *task, char *why, size_t size)
{
	const struct {
		const char *name;
		double value, min, max;
	} ranges[] = {
		{ "clip_norm", task->clip_norm, CLIP_NORM_MIN, CLIP_NORM_MAX },
		{ "noise_multiplier", task->noise_multiplier, 0, NOISE_MAX },
		{ "kappa", task->kappa, 0, KAPPA_MAX },
		{ "corrupt", task->threat.corrupt_ppm / PPM, 0, THREAT_MAX },
		{ "dropout", task->threat.dropout_ppm / PPM, 0, THREAT_MAX },
		{ "min_cohort", task->min_cohort, 1, COHORT_MAX },
		{ "max_cohort", task->max_cohort, 0, COHORT_MAX },
		{ "round_sec", task->round_sec, 1, ROUND_SEC_MAX },
		{ "collect_sec", task->collect_sec, 1, COLLECT_SEC_MAX },
		{ "evaluate_every", task->evaluate_every, 0, EVALUATE_MAX },
		{ "fairness", task->fairness, 0, TACIT_FAIRNESS_MAX },
	};

	if (!is_kind(task->kind)) {
		explain(why, size, "\"kind\" is not the name of a model kind");
		return -EINVAL;
	}
	for (size_t i = 0; i < TACIT_ARRAY_LEN(ranges); i++) {
		if (ranges[i].value >= ranges[i].min && ranges[i].value <= ranges[i].max)
			continue; /* written so that NaN is refused */
		explain(why, size, "\"%s\" must be from %g to %.8g", ranges[i].name, ranges[i].min,
			ranges[i].max);
		return -EINVAL;
	}
	if (!is_label(task->group)) {
		explain(why, size, "\"group\" is not the name of a label");
		return -EINVAL;
	}
	if (task->max_cohort != 0 && task->max_cohort < task->min_cohort) {
		explain(why, size, "\"max_cohort\" must be 0 or at least \"min_cohort\"");
		return -EINVAL;
	}
	return check_classes(task, why, size);
}

/* Takes @json over. */
static char *format_canonical(json_t *json)
{
	TACIT_CLEANUP(json_decref_p) json_t *owned = json;
	size_t len = owned ? json_dumpb(owned, NULL, 0, CANONICAL) : 0;
	TACIT_AUTO_FREE char *text = len ? (char *)tacit_calloc(len + 1, 1) : NULL;

	return text && json_dumpb(owned, text, len, CANONICAL) == len ? TACIT_TAKE(text) : NULL;
}

static json_t *hex_json(const uint8_t digest[TACIT_DIGEST_LEN])
{
	char text[2 * TACIT_DIGEST_LEN + 1];

	tacit_hex_encode(digest, TACIT_DIGEST_LEN, text);
	return json_string(text);
}

char *tacit_task_format(const struct tacit_task *task)
{
	TACIT_CLEANUP(json_decref_p) json_t *classes = json_array();

	for (size_t i = 0; i < task->n_classes; i++)
		if (json_array_append_new(classes, json_string(task->class[i])) != 0)
			return NULL;
	return format_canonical(json_pack(
		"{s:s, s:o, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:s,"
		" s:f, s:O}",
		"kind", task->kind, "schema", hex_json(task->schema), "mode",
		task_modes[task->mode], "aggregation", aggregations[task->aggregation], "server",
		servers[task->threat.server], "corrupt", task->threat.corrupt_ppm / PPM, "dropout",
		task->threat.dropout_ppm / PPM, "clip_norm", task->clip_norm, "noise_multiplier",
		task->noise_multiplier, "kappa", task->kappa, "min_cohort",
		(json_int_t)task->min_cohort, "max_cohort", (json_int_t)task->max_cohort,
		"round_sec", (json_int_t)task->round_sec, "collect_sec",
		(json_int_t)task->collect_sec, "evaluate_every", (json_int_t)task->evaluate_every,
		"group", task->group, "fairness", task->fairness, "classes", classes));
}

/* Only what is said; a round of hosts that are all the same looks as it always did. */
static int add_own(json_t *object, const struct tacit_round_doc *round)
{
	const char *purpose = tacit_purpose_name(round->purpose);
	int r = 0;

	if (round->purpose != TACIT_PURPOSE_LEARN)
		r |= json_object_set_new(object, "purpose", json_string(purpose ? purpose : "?"));
	if (round->slots > 0) {
		r |= json_object_set_new(object, "slots", json_integer(round->slots));
		r |= json_object_set_new(object, "slot", json_integer(round->slot));
	}
	if (round->weight > 0)
		r |= json_object_set_new(object, "weight", json_real(round->weight));
	return r;
}

char *tacit_round_format(const struct tacit_round_doc *round)
{
	json_t *object = json_pack(
		"{s:I, s:s, s:o, s:I, s:o, s:I, s:f, s:f, s:I, s:I}", "round",
		(json_int_t)round->round, "mode", tacit_mode_name(round->mode), "task",
		hex_json(round->task), "model_version", (json_int_t)round->model_version, "model",
		hex_json(round->model), "dimensions", (json_int_t)round->dimensions, "clip_norm",
		round->clip_norm, "noise_multiplier", round->noise_multiplier, "min_cohort",
		(json_int_t)round->min_cohort, "left_ms", (json_int_t)round->left_ms);

	if (object && add_own(object, round) != 0) {
		json_decref(object);
		return NULL;
	}
	return format_canonical(object);
}

int tacit_task_digest(const struct tacit_task *task, uint8_t digest[TACIT_DIGEST_LEN])
{
	TACIT_AUTO_FREE char *text = tacit_task_format(task);

	return text ? tacit_sha256(text, strlen(text), digest) : -ENOMEM;
}

/* Members of one object, read on with a sticky error, checked once. */
struct members {
	const json_t *object;
	char *why; /* the first complaint stays */
	size_t size;
	bool failed;
};

#define complain(members, ...)                                                                     \
	do {                                                                                       \
		if (!(members)->failed)                                                            \
			explain((members)->why, (members)->size, __VA_ARGS__);                     \
		(members)->failed = true;                                                          \
	} while (0)

static uint64_t get_uint(struct members *members, const char *name, uint64_t min, uint64_t max)
{
	const json_t *json = json_object_get(members->object, name);
	json_int_t value = json_integer_value(json);

	if (json_is_integer(json) && value >= 0 && (uint64_t)value >= min && (uint64_t)value <= max)
		return (uint64_t)value;
	complain(members, "\"%s\" must be a whole number from %" PRIu64 " to %" PRIu64, name, min,
		 max);
	return 0;
}

/* A whole number will do: 1 means 1.0. */
static double get_double(struct members *members, const char *name, double min, double max)
{
	const json_t *json = json_object_get(members->object, name);
	double value = json_number_value(json);

	if (json_is_number(json) && value >= min && value <= max)
		return value;
	complain(members, "\"%s\" must be a number from %g to %g", name, min, max);
	return 0;
}

/* @text: @size bytes with the NUL. */
static void get_text(struct members *members, const json_t *json, const char *name, char *text,
		     size_t size)
{
	if (json_is_string(json) && json_string_length(json) < size)
		memcpy(text, json_string_value(json), json_string_length(json) + 1);
	else
		complain(members, "\"%s\" must be a string of at most %zu bytes", name, size - 1);
}

static void get_digest(struct members *members, const char *name, uint8_t digest[TACIT_DIGEST_LEN])
{
	const char *text = json_string_value(json_object_get(members->object, name));

	/* One text per digest, or equal documents would compare as different. */
	if (!text || strpbrk(text, "ABCDEF") ||
	    tacit_hex_decode(text, digest, TACIT_DIGEST_LEN) < 0)
		complain(members, "\"%s\" must be %u lower-case hexadecimal digits", name,
			 2 * TACIT_DIGEST_LEN);
}

static void get_classes(struct members *members, struct tacit_task *task)
{
	const json_t *list = json_object_get(members->object, "classes");
	size_t n = json_array_size(list);

	if (n > TACIT_FLEET_CLASSES_MAX)
		n = 0; /* which is refused, too */
	for (size_t i = 0; i < n; i++)
		get_text(members, json_array_get(list, i), "classes", task->class[i],
			 sizeof(task->class[i]));
	task->n_classes = n;
}

/* Which of @n words, some of which may be NULL. */
static unsigned get_word(struct members *members, const char *name, const char *const *words,
			 size_t n)
{
	const char *text = json_string_value(json_object_get(members->object, name));

	for (unsigned i = 0; text && i < n; i++)
		if (words[i] && strcmp(text, words[i]) == 0)
			return i;
	complain(members, "\"%s\" is not one that this program knows", name);
	return 0;
}

static enum tacit_mode get_mode(struct members *members)
{
	static const char *const modes[] = { NULL, "local", "distributed" };

	return (enum tacit_mode)get_word(members, "mode", modes, TACIT_ARRAY_LEN(modes));
}

static bool has(const struct members *members, const char *name)
{
	return json_object_get(members->object, name);
}

/* Tasks that were set before there were secure sums are without these, which then stay. */
static void get_secure(struct members *members, struct tacit_task *task)
{
	struct tacit_secagg_threat *threat = &task->threat;

	if (has(members, "mode"))
		task->mode = (enum tacit_task_mode)get_word(members, "mode", task_modes,
							    TACIT_ARRAY_LEN(task_modes));
	if (has(members, "aggregation"))
		task->aggregation = (enum tacit_aggregation)get_word(
			members, "aggregation", aggregations, TACIT_ARRAY_LEN(aggregations));
	if (has(members, "server"))
		threat->server = (enum tacit_secagg_server_kind)get_word(members, "server", servers,
									 TACIT_ARRAY_LEN(servers));
	if (has(members, "corrupt"))
		threat->corrupt_ppm =
			(uint32_t)lround(get_double(members, "corrupt", 0, THREAT_MAX) * PPM);
	if (has(members, "dropout"))
		threat->dropout_ppm =
			(uint32_t)lround(get_double(members, "dropout", 0, THREAT_MAX) * PPM);
}

/* Nor did tasks always tell hosts apart. */
static void get_fairness(struct members *members, struct tacit_task *task)
{
	if (has(members, "evaluate_every"))
		task->evaluate_every =
			(uint32_t)get_uint(members, "evaluate_every", 0, EVALUATE_MAX);
	if (has(members, "group"))
		get_text(members, json_object_get(members->object, "group"), "group", task->group,
			 sizeof(task->group));
	if (has(members, "fairness"))
		task->fairness = get_double(members, "fairness", 0, TACIT_FAIRNESS_MAX);
}

/* A purpose that is not known is for the caller to refuse. */
static void get_own(struct members *members, struct tacit_round_doc *round)
{
	const char *purpose = json_string_value(json_object_get(members->object, "purpose"));

	if (has(members, "purpose") && !purpose)
		complain(members, "\"purpose\" must be a string");
	if (purpose) {
		round->purpose = TACIT_PURPOSE_UNKNOWN;
		for (unsigned i = 0; i < TACIT_ARRAY_LEN(purposes); i++)
			if (strcmp(purpose, purposes[i]) == 0)
				round->purpose = (enum tacit_purpose)i;
	}
	if (has(members, "slots") || has(members, "slot")) {
		round->slots = (uint32_t)get_uint(members, "slots", 1, TACIT_EVALUATION_SLOTS_MAX);
		round->slot =
			(uint32_t)get_uint(members, "slot", 0, TACIT_EVALUATION_SLOTS_MAX - 1);
		if (round->slot >= round->slots)
			complain(members, "\"slot\" must be below \"slots\"");
	}
	if (has(members, "weight")) {
		round->weight = get_double(members, "weight", 0, TACIT_WEIGHT_MAX);
		if (!(round->weight > 0))
			complain(members, "\"weight\" must be above 0");
	}
}

static int load_object(const char *text, size_t len, json_t **ret, char *why, size_t size)
{
	json_error_t error;
	json_t *json;

	if (len > TACIT_WIRE_JSON_MAX) {
		explain(why, size, "larger than %u bytes", TACIT_WIRE_JSON_MAX);
		return -E2BIG;
	}
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json && error.text[0] == '\0') /* jansson says nothing when out of memory */
		return -ENOMEM;
	if (!json) {
		explain(why, size, "not JSON, line %d column %d: %s", error.line, error.column,
			error.text);
		return -EINVAL;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		explain(why, size, "not a JSON object");
		return TACIT_ESCHEMA;
	}
	*ret = json;
	return 0;
}

int tacit_task_parse(const char *json, size_t len, struct tacit_task *ret, char *why, size_t size)
{
	TACIT_CLEANUP(json_decref_p) json_t *object = NULL;
	struct members members = { NULL, why, size, false };
	static const uint8_t no_schema[TACIT_DIGEST_LEN];
	struct tacit_task task;
	int r = load_object(json, len, &object, why, size);

	if (r < 0)
		return r;
	members.object = object;
	tacit_task_init(&task, no_schema);
	get_secure(&members, &task);
	get_fairness(&members, &task);
	get_text(&members, json_object_get(object, "kind"), "kind", task.kind, sizeof(task.kind));
	get_digest(&members, "schema", task.schema);
	task.clip_norm = get_double(&members, "clip_norm", CLIP_NORM_MIN, CLIP_NORM_MAX);
	task.noise_multiplier = get_double(&members, "noise_multiplier", 0, NOISE_MAX);
	task.kappa = get_double(&members, "kappa", 0, KAPPA_MAX);
	task.min_cohort = (uint32_t)get_uint(&members, "min_cohort", 1, COHORT_MAX);
	task.max_cohort = (uint32_t)get_uint(&members, "max_cohort", 0, COHORT_MAX);
	task.round_sec = (uint32_t)get_uint(&members, "round_sec", 1, ROUND_SEC_MAX);
	task.collect_sec = (uint32_t)get_uint(&members, "collect_sec", 1, COLLECT_SEC_MAX);
	get_classes(&members, &task);
	if (members.failed || tacit_task_check(&task, why, size) < 0)
		return TACIT_ESCHEMA;
	*ret = task;
	return 0;
}

static void check_reference(struct members *members, const struct tacit_round_doc *round)
{
	static const uint8_t none[TACIT_DIGEST_LEN];

	if ((round->model_version == 0) != (memcmp(round->model, none, sizeof(none)) == 0))
		complain(members, "\"model\" must be zero for version 0, and only then");
}

int tacit_round_parse(const char *json, size_t len, struct tacit_round_doc *ret, char *why,
		      size_t size)
{
	TACIT_CLEANUP(json_decref_p) json_t *object = NULL;
	struct members members = { NULL, why, size, false };
	struct tacit_round_doc round = { 0 };
	int r = load_object(json, len, &object, why, size);

	if (r < 0)
		return r;
	members.object = object;
	round.round = get_uint(&members, "round", 1, INT64_MAX);
	round.mode = get_mode(&members);
	get_digest(&members, "task", round.task);
	round.model_version = get_uint(&members, "model_version", 0, INT64_MAX);
	get_digest(&members, "model", round.model);
	round.dimensions = (uint32_t)get_uint(&members, "dimensions", 1, TACIT_PROTECT_DIMS_MAX);
	round.clip_norm = get_double(&members, "clip_norm", CLIP_NORM_MIN, CLIP_NORM_MAX);
	round.noise_multiplier = get_double(&members, "noise_multiplier", 0, NOISE_MAX);
	round.min_cohort = (uint32_t)get_uint(&members, "min_cohort", 1, COHORT_MAX);
	round.left_ms = (uint32_t)get_uint(&members, "left_ms", 0, UINT32_MAX);
	get_own(&members, &round);
	check_reference(&members, &round);
	if (members.failed)
		return TACIT_ESCHEMA;
	*ret = round;
	return 0;
}

void tacit_update_encode(const struct tacit_update_head *head, const uint32_t *value,
			 struct tacit_writer *writer)
{
	tacit_write_bytes(writer, UPDATE_MAGIC, 4);
	tacit_write_u16le(writer, UPDATE_FORMAT);
	tacit_write_u8(writer, (uint8_t)head->mode);
	tacit_write_u8(writer, 0);
	tacit_write_u64le(writer, head->round);
	tacit_write_bytes(writer, head->task, sizeof(head->task));
	tacit_write_bytes(writer, head->model, sizeof(head->model));
	tacit_write_u32le(writer, head->dimensions);
	for (uint32_t i = 0; i < head->dimensions; i++)
		tacit_write_u32le(writer, value[i]);
}

static void read_digest(struct tacit_reader *reader, uint8_t digest[TACIT_DIGEST_LEN])
{
	const uint8_t *bytes = tacit_read_bytes(reader, TACIT_DIGEST_LEN);

	if (bytes)
		memcpy(digest, bytes, TACIT_DIGEST_LEN);
}

int tacit_update_decode(const uint8_t *data, size_t len, struct tacit_update_head *ret,
			const uint8_t **ret_value)
{
	struct tacit_reader reader = tacit_reader_init(data, len);
	const uint8_t *magic = tacit_read_bytes(&reader, 4);
	struct tacit_update_head head = { 0 };
	unsigned format, reserved;

	if (!magic || memcmp(magic, UPDATE_MAGIC, 4) != 0)
		return TACIT_ESCHEMA;
	format = tacit_read_u16le(&reader);
	head.mode = (enum tacit_mode)tacit_read_u8(&reader);
	reserved = tacit_read_u8(&reader);
	head.round = tacit_read_u64le(&reader);
	read_digest(&reader, head.task);
	read_digest(&reader, head.model);
	head.dimensions = tacit_read_u32le(&reader);
	if (reader.failed)
		return TACIT_EDAMAGED;
	if (format != UPDATE_FORMAT || reserved != 0 || head.mode != TACIT_MODE_LOCAL ||
	    head.round < 1 || head.round > INT64_MAX || head.dimensions < 1 ||
	    head.dimensions > TACIT_PROTECT_DIMS_MAX)
		return TACIT_ESCHEMA;
	if (len != tacit_update_len(head.dimensions))
		return TACIT_EDAMAGED;
	*ret = head;
	*ret_value = data + reader.at;
	return 0;
}
