/* SPDX-License-Identifier: MIT */
/* A task document. What is accepted must keep its digest when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t a[TACIT_DIGEST_LEN], b[TACIT_DIGEST_LEN];
	TACIT_AUTO_FREE char *text = NULL;
	struct tacit_task task, back;
	char why[160] = "";
	int r;

	r = tacit_task_parse((const char *)data, size, &task, why, sizeof(why));
	if (r < 0 && why[0] == '\0')
		abort(); /* a refusal without a reason */
	if (r < 0)
		return 0;
	text = tacit_task_format(&task);
	if (!text || tacit_task_parse(text, strlen(text), &back, NULL, 0) < 0 ||
	    tacit_task_digest(&task, a) < 0 || tacit_task_digest(&back, b) < 0 ||
	    memcmp(a, b, sizeof(a)) != 0)
		abort();
	return 0;
}
