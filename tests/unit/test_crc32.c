/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <tacit/crc32.h>

#include "unit.h"

static void test_known_values(void)
{
	uint8_t zeros[32] = { 0 };

	CU_ASSERT_EQUAL(tacit_crc32("123456789", 9), 0xcbf43926); /* the algorithm's check value */
	CU_ASSERT_EQUAL(tacit_crc32("a", 1), 0xe8b7be43);
	CU_ASSERT_EQUAL(tacit_crc32(zeros, sizeof(zeros)), 0x190a55ad);
	CU_ASSERT_EQUAL(tacit_crc32(NULL, 0), 0);
}

static void test_every_changed_bit_shows(void)
{
	uint8_t data[64];
	uint32_t crc;

	memset(data, 0x5a, sizeof(data));
	crc = tacit_crc32(data, sizeof(data));
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT_NOT_EQUAL(tacit_crc32(data, sizeof(data)), crc);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "known values", test_known_values },
		{ "every changed bit shows", test_every_changed_bit_shows },
		{ NULL, NULL },
	};

	return unit_main("crc32", cases);
}
