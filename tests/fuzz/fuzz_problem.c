/* SPDX-License-Identifier: MIT */
/* A problem document, as any server might send it. */
#include <stdint.h>
#include <stdlib.h>

#include <tacit/cleanup.h>
#include <tacit/problem.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TACIT_AUTO_FREE char *text = NULL;
	struct tacit_problem problem, back;

	if (tacit_problem_parse((const char *)data, size, &problem) < 0)
		return 0;
	text = tacit_problem_format(problem.status, NULL, problem.title, "%s", problem.detail);
	if (!text || tacit_problem_parse(text, __builtin_strlen(text), &back) < 0)
		abort();
	return 0;
}
