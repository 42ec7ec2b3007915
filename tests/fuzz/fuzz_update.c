/* SPDX-License-Identifier: MIT */
/* A binary update. What is accepted has exactly one encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_AUTO_FREE uint32_t *number = NULL;
	struct tacit_update_head head;
	struct tacit_reader reader;
	const uint8_t *value;

	if (tacit_update_decode(data, size, &head, &value) < 0)
		return 0;
	number = TACIT_NEW_N(uint32_t, head.dimensions);
	reader = tacit_reader_init(value, (size_t)head.dimensions * 4);
	for (uint32_t i = 0; number && i < head.dimensions; i++)
		number[i] = tacit_read_u32le(&reader);
	if (!number || !tacit_read_done(&reader))
		abort();
	tacit_update_encode(&head, number, &writer);
	if (writer.len != size || memcmp(writer.data, data, size) != 0)
		abort();
	return 0;
}
