/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <string.h>

static bool is_before(const struct tacit_process *a, const struct tacit_process *b)
{
	return a->is_new != b->is_new ? a->is_new : a->execs > b->execs;
}

/* Takes the namesake out of the list and into @one. */
static size_t take_namesake(struct tacit_process *list, size_t n, struct tacit_process *one)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, one->name) != 0)
			continue;
		one->execs += list[i].execs;
		one->is_new |= list[i].is_new;
		memmove(&list[i], &list[i + 1], (n - i - 1) * sizeof(list[0]));
		return n - 1;
	}
	return n;
}

size_t tacit_process_add(struct tacit_process *list, size_t n, size_t max,
			 const struct tacit_process *one)
{
	struct tacit_process all = *one;
	size_t at;

	n = take_namesake(list, n, &all);
	for (at = n; at > 0 && is_before(&all, &list[at - 1]); at--)
		;
	if (at == max)
		return n;
	if (n == max)
		n--;
	memmove(&list[at + 1], &list[at], (n - at) * sizeof(list[0]));
	list[at] = all;
	return n + 1;
}
