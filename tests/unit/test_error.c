/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include <tacit/error.h>

#include "unit.h"

static void test_system_codes(void)
{
	CU_ASSERT_STRING_EQUAL(tacit_strerror(0), "Success");
	CU_ASSERT_STRING_EQUAL(tacit_strerror(-ENOENT), "No such file or directory");
	CU_ASSERT_STRING_EQUAL(tacit_strerror(ENOENT), "No such file or directory");
}

static void test_our_codes(void)
{
	CU_ASSERT_STRING_EQUAL(tacit_strerror(TACIT_ESCHEMA), "does not match its schema");
	for (int code = TACIT_ERROR_MIN; code < TACIT_ERROR_END; code++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(tacit_strerror(code));
		CU_ASSERT_STRING_NOT_EQUAL(tacit_strerror(code), "unknown error");
	}
}

static void test_unknown_codes(void)
{
	static const int codes[] = {
		TACIT_ERROR_MIN - 1, TACIT_ERROR_END, -99999, 99999, INT_MIN, INT_MAX
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		CU_ASSERT_STRING_EQUAL(tacit_strerror(codes[i]), "unknown error");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "the system's codes", test_system_codes },
		{ "our codes", test_our_codes },
		{ "unknown codes", test_unknown_codes },
		{ NULL, NULL },
	};

	return unit_main("error", cases);
}
