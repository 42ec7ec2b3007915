/* SPDX-License-Identifier: MIT */
/* An enrolment token. What is accepted has one text, but for the white space around it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tacit/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TACIT_TOKEN_TEXT_MAX], why[128] = "";
	struct tacit_token token;
	int r = tacit_token_parse((const char *)data, size, &token, why, sizeof(why));

	if (r < 0 && why[0] == '\0')
		abort(); /* a refusal without a reason */
	if (r < 0)
		return 0;
	tacit_token_format(&token, text);
	if (!memmem(data, size, text, strlen(text)))
		abort();
	return 0;
}
