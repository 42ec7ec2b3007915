/* SPDX-License-Identifier: MIT */
#include <tacit/feature.h>

#include <math.h>
#include <string.h>

/* A macro's argument cannot name a list's row; so the families' names once more, held against the
 * list by the enumeration's values below. */
#define FAMILY_NAME_FILE    "file"
#define FAMILY_NAME_DATA    "data"
#define FAMILY_NAME_MEMORY  "memory"
#define FAMILY_NAME_PROCESS "process"
#define FAMILY_NAME_NETWORK "network"
#define FAMILY_NAME_WAIT    "wait"

static const struct tacit_probe probes[] = {
#define PROBE_ROW(id, program, group, tier, since, attach)                                         \
	[TACIT_PROBE_##id] = { program, group, TACIT_TIER_##tier, since, attach },
	TACIT_PROBES(PROBE_ROW)
#undef PROBE_ROW
};

static const struct tacit_feature features[] = {
#define FEATURE_ROW(id, name, probe, unit, transform, doc)                                         \
	[TACIT_FEATURE_##                                                                          \
		id] = { name, TACIT_PROBE_##probe, unit, TACIT_TRANSFORM_##transform, doc },
	TACIT_FEATURES_LIGHT(FEATURE_ROW) TACIT_FEATURES_DEEP(FEATURE_ROW)
#undef FEATURE_ROW
#define DEEP_ROW(id, name, unit, doc)                                                              \
	[TACIT_FEATURE_##id] = { name, TACIT_PROBE_SYSCALL, unit, TACIT_TRANSFORM_LOG1P, doc },
#define CLASS_ROW(id, name, family, doc) DEEP_ROW(SYSCALL_##id, "syscall." name, "calls", doc)
#define ERROR_ROW(id, name, doc)	 DEEP_ROW(ERROR_##id, "error." name, "calls", doc)
#define SEQUENCE_ROW(first, second)                                                                \
	DEEP_ROW(SEQUENCE_##first##_##second,                                                      \
		 "sequence." FAMILY_NAME_##first "_" FAMILY_NAME_##second, "calls",                \
		 "calls of family " FAMILY_NAME_##second                                           \
		 " right after one of family " FAMILY_NAME_##first " by the same task")
		TACIT_SYSCALL_CLASSES(CLASS_ROW) TACIT_ERROR_CLASSES(ERROR_ROW)
			TACIT_SEQUENCES(SEQUENCE_ROW)
};

static const uint16_t group_of[] = {
#define GROUP_ROW(id, name, probe, unit, transform, doc) TACIT_PROBE_##probe,
	TACIT_FEATURES_LIGHT(GROUP_ROW) TACIT_FEATURES_DEEP(GROUP_ROW)
#undef GROUP_ROW
#define CLASS_GROUP(id, name, family, doc) TACIT_PROBE_SYSCALL,
#define ERROR_GROUP(id, name, doc)	   TACIT_PROBE_SYSCALL,
#define SEQUENCE_GROUP(first, second)	   TACIT_PROBE_SYSCALL,
		TACIT_SYSCALL_CLASSES(CLASS_GROUP) TACIT_ERROR_CLASSES(ERROR_GROUP)
			TACIT_SEQUENCES(SEQUENCE_GROUP)
};

_Static_assert(TACIT_FEATURE_COUNT <= TACIT_SPACE_DIMS_MAX, "space too small");
_Static_assert(TACIT_FEATURE_OF_FAMILIES(TACIT_FAMILY_WAIT, TACIT_FAMILY_NETWORK) ==
		       TACIT_FEATURE_COUNT - 1,
	       "TACIT_SEQUENCES is not all pairs of families");
_Static_assert(TACIT_PROBE_COUNT <= TACIT_SPACE_GROUPS_MAX, "space too small");

static const struct tacit_space space = {
	.dims = TACIT_FEATURE_COUNT,
	.groups = TACIT_PROBE_COUNT,
	.group_of = group_of,
};

const struct tacit_probe *tacit_probe_get(unsigned id)
{
	return &probes[id];
}

const struct tacit_feature *tacit_feature_get(unsigned id)
{
	return &features[id];
}

size_t tacit_feature_group_len(unsigned id)
{
	return strcspn(features[id].name, ".");
}

int tacit_feature_find(const char *name)
{
	for (int i = 0; i < TACIT_FEATURE_COUNT; i++)
		if (strcmp(features[i].name, name) == 0)
			return i;
	return -ENOENT;
}

double tacit_feature_transform(unsigned id, uint64_t count)
{
	switch (features[id].transform) {
	case TACIT_TRANSFORM_LOG1P:
		return log1p((double)count);
	case TACIT_TRANSFORM_LOG1P_KILO:
		return log1p((double)count / 1000);
	}
	return 0;
}

const struct tacit_space *tacit_feature_space(void)
{
	return &space;
}
