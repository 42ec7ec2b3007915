/* SPDX-License-Identifier: MIT */
/* A round document. What is accepted must come back from its own text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/cleanup.h>
#include <tacit/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_AUTO_FREE char *text = NULL;
	TACIT_AUTO_FREE char *again = NULL;
	struct tacit_round_doc round, back;
	char why[160] = "";
	int r;

	r = tacit_round_parse((const char *)data, size, &round, why, sizeof(why));
	if (r < 0 && why[0] == '\0')
		abort(); /* a refusal without a reason */
	if (r < 0)
		return 0;
	text = tacit_round_format(&round);
	if (!text || tacit_round_parse(text, strlen(text), &back, NULL, 0) < 0)
		abort();
	again = tacit_round_format(&back);
	if (!again || strcmp(text, again) != 0)
		abort();
	return 0;
}
