/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/model.h>

#include "samples.h"
#include "unit.h"

/* What the interface asks of every kind, now and later. */
static void check_kind(const struct tacit_model_kind *kind)
{
	TACIT_CLEANUP(tacit_model_free_p) struct tacit_model *model = NULL;
	TACIT_AUTO_FREE float *block = TACIT_NEW_N(float, kind->block_len(&samples_space));
	struct tacit_model_info info;

	CU_ASSERT(strlen(kind->name) >= 1 && strlen(kind->name) <= 15);
	CU_ASSERT_PTR_EQUAL(tacit_model_kind_find(kind->name), kind);
	CU_ASSERT_EQUAL_FATAL(kind->new(&samples_space, &model), 0);
	CU_ASSERT_PTR_EQUAL(tacit_model_kind_of(model), kind);
	kind->info(model, &info);
	CU_ASSERT_STRING_EQUAL(info.kind, kind->name);
	CU_ASSERT(info.windows == 0 && info.prior == 0 && !info.promoted);
	kind->block_init(&samples_space, block);
	CU_ASSERT_EQUAL(kind->check(&samples_space, block), 0);
	CU_ASSERT(kind->contribution_len(&samples_space) > 0);
	CU_ASSERT(kind->size_bytes(model) < kind->promoted_bytes(&samples_space));
}

static void test_every_kind(void)
{
	size_t n = 0;

	for (const struct tacit_model_kind *kind; (kind = tacit_model_kind_at(n)); n++)
		check_kind(kind);
	CU_ASSERT(n >= 1);
	CU_ASSERT_PTR_NULL(tacit_model_kind_at(n + 1));
}

static void test_find(void)
{
	CU_ASSERT_PTR_NOT_NULL(tacit_model_kind_find("gaussian"));
	CU_ASSERT_PTR_NULL(tacit_model_kind_find("gauss"));
	CU_ASSERT_PTR_NULL(tacit_model_kind_find(""));
	tacit_model_free(NULL);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "every kind", test_every_kind },
		{ "find", test_find },
		{ NULL, NULL },
	};

	return unit_main("model", cases);
}
