/* SPDX-License-Identifier: MIT */
/* A configuration file, read by a table with a key of every type. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <tacit/cleanup.h>
#include <tacit/conf.h>

struct record {
	uint32_t count, tier;
	double ratio;
	bool on;
	char *name;
};

static const char *const tiers[] = { "light", "deep", NULL };

static const struct tacit_conf_key keys[] = {
	{ "count", TACIT_CONF_UINT, offsetof(struct record, count), 1, 100, "7", NULL, "" },
	{ "ratio", TACIT_CONF_DOUBLE, offsetof(struct record, ratio), -1, 1, "0.5", NULL, "" },
	{ "on", TACIT_CONF_BOOL, offsetof(struct record, on), 0, 0, "yes", NULL, "" },
	{ "name", TACIT_CONF_STRING, offsetof(struct record, name), 0, 20, "tacit", NULL, "" },
	{ "tier", TACIT_CONF_ENUM, offsetof(struct record, tier), 0, 0, "deep", tiers, "" },
};

static const struct tacit_conf_schema schema = {
	keys,
	TACIT_ARRAY_LEN(keys),
	sizeof(struct record),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tacit_conf_where where = { 0 };
	struct record record;
	int r;

	if (tacit_conf_init(&schema, &record) < 0)
		abort();
	r = tacit_conf_parse(&schema, &record, "fuzz", (const char *)data, size, &where);
	if (r < 0 && where.why[0] == '\0')
		abort(); /* a refusal without a reason */
	if (record.count < 1 || record.count > 100 || record.tier > 1 ||
	    !(record.ratio >= -1 && record.ratio <= 1))
		abort();
	tacit_conf_done(&schema, &record);
	return 0;
}
