/* SPDX-License-Identifier: MIT */
#include "sim_load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_LEN     128U
#define TEXT_LEN     4096U
#define CHILDREN_MAX 64U

/* Of one process. */
struct cost {
	double cpu_sec;
	uint64_t rss_kib;
};

static int read_text(const char *proc, pid_t pid, const char *name, char text[TEXT_LEN])
{
	char path[PATH_LEN];
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%d/%s", proc, (int)pid, name);
	file = fopen(path, "re");
	if (!file)
		return -ESRCH;
	len = fread(text, 1, TEXT_LEN - 1, file);
	(void)fclose(file);
	text[len] = '\0';
	return 0;
}

/* proc(5): fields 14 to 17 are times, 24 is pages; the second is a name in parentheses, which may
 * hold anything. */
static int read_cost(const char *proc, pid_t pid, struct cost *ret)
{
	unsigned long long user, system;
	long long child_user, child_system, pages;
	char text[TEXT_LEN];
	const char *rest;
	int r = read_text(proc, pid, "stat", text);

	if (r < 0)
		return r;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d"
			    " %*d %*d %*d %*u %*u %lld",
			    &user, &system, &child_user, &child_system, &pages) != 5)
		return TACIT_EDAMAGED;
	ret->cpu_sec = ((double)user + (double)system + (double)child_user + (double)child_system) /
		       (double)sysconf(_SC_CLK_TCK);
	ret->rss_kib = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return 0;
}

/* Children's children are none of ours. */
static int add_children(const char *proc, pid_t pid, struct cost *cost)
{
	char name[PATH_LEN], text[TEXT_LEN], *at = text;
	int taken;
	pid_t child;
	int r;

	(void)snprintf(name, sizeof(name), "task/%d/children", (int)pid);
	r = read_text(proc, pid, name, text);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < CHILDREN_MAX && sscanf(at, "%d%n", &child, &taken) == 1; i++) {
		struct cost one;

		at += taken;
		if (read_cost(proc, child, &one) < 0)
			continue; /* it has ended */
		cost->cpu_sec += one.cpu_sec;
		cost->rss_kib += one.rss_kib;
	}
	return 0;
}

int tacit_sim_load_sample(struct tacit_sim_load *load, const char *proc)
{
	struct cost cost;
	int r = read_cost(proc, load->pid, &cost);

	if (r == 0)
		r = add_children(proc, load->pid, &cost);
	if (r < 0)
		return r;
	if (!load->begun)
		load->begun_sec = cost.cpu_sec;
	load->begun = true;
	load->cpu_sec = cost.cpu_sec - load->begun_sec;
	if (cost.rss_kib > load->rss_peak_kib)
		load->rss_peak_kib = cost.rss_kib;
	return 0;
}
