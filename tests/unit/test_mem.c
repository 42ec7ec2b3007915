/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/mem.h>

#include "unit.h"

/* AddressSanitizer would end the program where calloc(3) returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void test_sizes_that_do_not_fit(void)
{
	TACIT_AUTO_FREE char *kept = tacit_strdup("kept");
	volatile size_t huge = SIZE_MAX / 2 + 2;

	CU_ASSERT_PTR_NULL(tacit_calloc(huge, 4));
	CU_ASSERT_PTR_NULL(tacit_realloc(kept, huge, 4));
	CU_ASSERT_STRING_EQUAL(kept, "kept");
}

static void test_zeroed(void)
{
	TACIT_AUTO_FREE uint64_t *numbers = TACIT_NEW_N(uint64_t, 1000);

	CU_ASSERT_PTR_NOT_NULL_FATAL(numbers);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(numbers[i], 0);
}

static void test_copies(void)
{
	TACIT_AUTO_FREE char *cut = tacit_strndup("abcdef", 3);
	TACIT_AUTO_FREE char *whole = tacit_strndup("abc", 100);
	TACIT_AUTO_FREE char *data = (char *)tacit_memdup("a\0b", 3);
	TACIT_AUTO_FREE char *nothing = (char *)tacit_memdup(NULL, 0);

	CU_ASSERT_STRING_EQUAL(cut, "abc");
	CU_ASSERT_STRING_EQUAL(whole, "abc");
	CU_ASSERT_EQUAL(memcmp(data, "a\0b", 3), 0);
	CU_ASSERT_PTR_NOT_NULL(nothing);
}

static void test_take(void)
{
	char *text = tacit_strdup("x");
	TACIT_AUTO_FREE char *taken = TACIT_TAKE(text);

	CU_ASSERT_PTR_NULL(text);
	CU_ASSERT_STRING_EQUAL(taken, "x");
	tacit_free(NULL);
}

/* The bytes are watched through the guard that TACIT_AUTO_WIPE() declares. */
static void test_secrets_end_with_their_block(void)
{
	static const uint8_t zero[16];
	uint8_t kept[16];

	memset(kept, 7, sizeof(kept));
	{
		uint8_t(*const secret)[16] = &kept;
		TACIT_CLEANUP(tacit_wiped_p) const struct tacit_wiped guard = { *secret, 15 };

		(*secret)[0] = 1;
	}
	CU_ASSERT_EQUAL(memcmp(kept, zero, 15), 0);
	CU_ASSERT_EQUAL(kept[15], 7);
	{
		uint8_t secret[16] = { 1 };
		TACIT_AUTO_WIPE(secret);

		CU_ASSERT_PTR_EQUAL(secret_wiped_.data, secret);
		CU_ASSERT_EQUAL(secret_wiped_.len, sizeof(secret));
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "sizes that do not fit", test_sizes_that_do_not_fit },
		{ "zeroed", test_zeroed },
		{ "copies", test_copies },
		{ "take", test_take },
		{ "secrets end with their block", test_secrets_end_with_their_block },
		{ NULL, NULL },
	};

	return unit_main("mem", cases);
}
