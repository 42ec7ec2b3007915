/* SPDX-License-Identifier: MIT */
/* The runner, and the allocators of tacit/mem.h (linked with --wrap) that fail on demand. */
#include <stdbool.h>

#include <tacit/mem.h>

#include "unit.h"

void *__real_tacit_calloc(size_t n, size_t size);
void *__real_tacit_realloc(void *ptr, size_t n, size_t size);
char *__real_tacit_strndup(const char *text, size_t len);
char *__real_tacit_strdup(const char *text);
void *__real_tacit_memdup(const void *data, size_t len);
void *__wrap_tacit_calloc(size_t n, size_t size);
void *__wrap_tacit_realloc(void *ptr, size_t n, size_t size);
char *__wrap_tacit_strndup(const char *text, size_t len);
char *__wrap_tacit_strdup(const char *text);
void *__wrap_tacit_memdup(const void *data, size_t len);

static int fail_at = -1;
static unsigned case_number;
static const char *skip_reason;

void unit_fail_alloc(int nth)
{
	fail_at = nth;
}

static bool due(void)
{
	return fail_at >= 0 && fail_at-- == 0;
}

void *__wrap_tacit_calloc(size_t n, size_t size)
{
	return due() ? NULL : __real_tacit_calloc(n, size);
}

void *__wrap_tacit_realloc(void *ptr, size_t n, size_t size)
{
	return due() ? NULL : __real_tacit_realloc(ptr, n, size);
}

char *__wrap_tacit_strndup(const char *text, size_t len)
{
	return due() ? NULL : __real_tacit_strndup(text, len);
}

char *__wrap_tacit_strdup(const char *text)
{
	return due() ? NULL : __real_tacit_strdup(text);
}

void *__wrap_tacit_memdup(const void *data, size_t len)
{
	return due() ? NULL : __real_tacit_memdup(data, len);
}

void unit_skip(const char *reason)
{
	skip_reason = reason;
}

static void on_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	case_number++;
	if (failure)
		printf("not ok %u - %s: %s\n", case_number, suite->pName, test->pName);
	else if (skip_reason)
		printf("ok %u - %s: %s # SKIP %s\n", case_number, suite->pName, test->pName,
		       skip_reason);
	else
		printf("ok %u - %s: %s\n", case_number, suite->pName, test->pName);
	for (CU_pFailureRecord f = failure; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
	(void)fflush(stdout);
	skip_reason = NULL;
}

int unit_main(const char *suite, const struct unit_case *cases)
{
	unsigned failures;
	CU_pSuite s;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_FAILURE;
	s = CU_add_suite(suite, NULL, NULL);
	for (; s && cases->name; cases++)
		if (!CU_add_test(s, cases->name, cases->run))
			s = NULL;
	if (!s)
		return EXIT_FAILURE;

	CU_set_test_complete_handler(on_complete);
	(void)CU_run_all_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
