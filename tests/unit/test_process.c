/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <string.h>

#include "agent/process.h"

#define MAX 3

struct list {
	struct tacit_process at[MAX];
	size_t n;
};

static void add(struct list *list, const char *name, uint64_t execs, bool is_new)
{
	struct tacit_process one = { .execs = execs, .is_new = is_new };

	(void)snprintf(one.name, sizeof(one.name), "%s", name);
	list->n = tacit_process_add(list->at, list->n, MAX, &one);
}

static void expect(const struct list *list, const char *text)
{
	char all[256] = "";

	for (size_t i = 0; i < list->n; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s %llu%s",
			       i ? ", " : "", list->at[i].name,
			       (unsigned long long)list->at[i].execs,
			       list->at[i].is_new ? " new" : "");
	CU_ASSERT_STRING_EQUAL(all, text);
}

static void test_order(void)
{
	struct list list = { 0 };

	expect(&list, "");
	add(&list, "sleep", 5, false);
	add(&list, "sh", 9, false);
	expect(&list, "sh 9, sleep 5");
	add(&list, "nc", 1, true);
	expect(&list, "nc 1 new, sh 9, sleep 5");
}

static void test_namesakes(void)
{
	struct list list = { 0 };

	add(&list, "sh", 2, false);
	add(&list, "sleep", 3, false);
	add(&list, "sh", 2, false);
	expect(&list, "sh 4, sleep 3");
	add(&list, "sleep", 0, true);
	add(&list, "sh", 1, false);
	expect(&list, "sleep 3 new, sh 5");
}

static void test_full(void)
{
	struct list list = { 0 };

	for (uint64_t i = 1; i <= MAX; i++)
		add(&list, (const char *[]){ "a", "b", "c" }[i - 1], i, false);
	add(&list, "d", 1, false);
	expect(&list, "c 3, b 2, a 1");
	add(&list, "e", 7, false);
	expect(&list, "e 7, c 3, b 2");
	add(&list, "nc", 1, true);
	expect(&list, "nc 1 new, e 7, c 3");
	add(&list, "c", 5, false);
	expect(&list, "nc 1 new, c 8, e 7");
	add(&list, "c", 0, true);
	expect(&list, "c 8 new, nc 1 new, e 7");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "new ones first, then the most frequent", test_order },
		{ "namesakes are one", test_namesakes },
		{ "the least telling goes", test_full },
		{ NULL, NULL },
	};

	return unit_main("process", cases);
}
