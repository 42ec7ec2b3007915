/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/feature.h>

#include "unit.h"

static bool is_name(const char *name)
{
	const char *dot = strchr(name, '.');

	if (!dot || dot == name || strchr(dot + 1, '.'))
		return false;
	for (; *name; name++)
		if (!islower((unsigned char)*name) && *name != '_' && *name != '.')
			return false;
	return true;
}

static void test_every_row_is_complete(void)
{
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		const struct tacit_feature *feature = tacit_feature_get(i);

		CU_ASSERT_FATAL(feature->name != NULL);
		CU_ASSERT(is_name(feature->name));
		CU_ASSERT(feature->probe < TACIT_PROBE_COUNT);
		CU_ASSERT(feature->unit[0] != '\0');
		CU_ASSERT(feature->doc[0] != '\0');
		CU_ASSERT_EQUAL(tacit_feature_find(feature->name), (int)i);
	}
	CU_ASSERT_EQUAL(tacit_feature_find("no.such"), -ENOENT);
	CU_ASSERT_EQUAL(tacit_feature_find(""), -ENOENT);
}

static void test_probes(void)
{
	unsigned features[TACIT_PROBE_COUNT] = { 0 };

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		features[tacit_feature_get(i)->probe]++;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		const struct tacit_probe *probe = tacit_probe_get(i);

		CU_ASSERT(features[i] > 0);
		CU_ASSERT(strncmp(probe->attach, "tp_btf/", 7) == 0 ||
			  strncmp(probe->attach, "iter/", 5) == 0);
		for (unsigned k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(probe->program, tacit_probe_get(k)->program);
	}
}

static void test_tiers(void)
{
	unsigned light = 0, deep = 0;

	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++) {
		bool is_deep =
			tacit_probe_get(tacit_feature_get(i)->probe)->tier == TACIT_TIER_DEEP;

		light += !is_deep;
		deep += is_deep;
		CU_ASSERT_EQUAL(is_deep, i >= TACIT_FEATURE_FILE_OPEN_WRITE);
	}
	CU_ASSERT(light >= 64);
	CU_ASSERT(light + deep >= 128);
	CU_ASSERT_EQUAL(TACIT_FEATURE_SYSCALL_OPEN,
			TACIT_FEATURE_SYSCALL_FIRST + TACIT_SYSCALL_OPEN);
	CU_ASSERT_EQUAL(TACIT_FEATURE_SYSCALL_OTHER,
			TACIT_FEATURE_SYSCALL_FIRST + TACIT_SYSCALL_OTHER);
	CU_ASSERT_STRING_EQUAL(tacit_feature_get(TACIT_FEATURE_SYSCALL_RENAME)->name,
			       "syscall.rename");
}

/* Every pair of families has its feature, at the place that the hook computes. */
static void test_sequences(void)
{
	static const char *const names[] = {
#define FAMILY_NAME(id, name) name,
		TACIT_SYSCALL_FAMILIES(FAMILY_NAME)
#undef FAMILY_NAME
	};
	char want[64];

	for (unsigned a = 0; a < TACIT_FAMILY_COUNT; a++) {
		for (unsigned b = 0; b < TACIT_FAMILY_COUNT; b++) {
			if (a == b)
				continue;
			(void)snprintf(want, sizeof(want), "sequence.%s_%s", names[a], names[b]);
			CU_ASSERT_STRING_EQUAL(
				tacit_feature_get(TACIT_FEATURE_OF_FAMILIES(a, b))->name, want);
		}
	}
}

/* "5.10", or a later kernel. */
static void test_first_kernels(void)
{
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		unsigned major = 0, minor = 0;

		CU_ASSERT_EQUAL(sscanf(tacit_probe_get(i)->since, "%u.%u", &major, &minor), 2);
		CU_ASSERT(major > 5 || (major == 5 && minor >= 10));
	}
}

static void test_space(void)
{
	const struct tacit_space *space = tacit_feature_space();

	CU_ASSERT_EQUAL(space->dims, TACIT_FEATURE_COUNT);
	CU_ASSERT_EQUAL(space->groups, TACIT_PROBE_COUNT);
	for (unsigned i = 0; i < TACIT_FEATURE_COUNT; i++)
		CU_ASSERT_EQUAL(space->group_of[i], tacit_feature_get(i)->probe);
}

static void test_transform(void)
{
	CU_ASSERT_EQUAL(tacit_feature_transform(0, 0), 0);
	CU_ASSERT_DOUBLE_EQUAL(tacit_feature_transform(0, 1), log(2), 1e-15);
	CU_ASSERT_DOUBLE_EQUAL(tacit_feature_transform(TACIT_FEATURE_COUNT - 1, UINT64_MAX),
			       64 * log(2), 1e-12);
}

static void test_schema(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, zero[32] = { 0 };

	CU_ASSERT_EQUAL(tacit_feature_schema(a), 0);
	CU_ASSERT_EQUAL(tacit_feature_schema(b), 0);
	CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
	CU_ASSERT(memcmp(a, zero, 32) != 0);
	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(tacit_feature_schema(zero), -ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_EQUAL(zero[0] | zero[31], 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "every row is complete", test_every_row_is_complete },
		{ "probes", test_probes },
		{ "tiers", test_tiers },
		{ "sequences", test_sequences },
		{ "first kernels", test_first_kernels },
		{ "space", test_space },
		{ "transform", test_transform },
		{ "schema", test_schema },
		{ NULL, NULL },
	};

	return unit_main("feature", cases);
}
