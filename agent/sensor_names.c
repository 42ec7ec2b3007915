/* SPDX-License-Identifier: MIT */
/* The names that bpf/names.bpf.h keeps, looked at only when somebody asks. */
#include "sensor_private.h"

#include <bpf/bpf.h>

_Static_assert(TACIT_PROCESS_NAME_MAX + 1 == TACIT_NAME_BYTES, "a name is a task's");

struct names {
	struct tacit_name name[TACIT_NAMES_MAX];
	struct tacit_starts starts[TACIT_NAMES_MAX];
	uint32_t n;
};

static int read_names(int fd, struct names *names)
{
	uint32_t batch = 0, n = TACIT_NAMES_MAX;

	/* -ENOENT: these were all. */
	if (bpf_map_lookup_batch(fd, NULL, &batch, names->name, names->starts, &n, NULL) != 0 &&
	    errno != ENOENT)
		return -errno;
	names->n = n;
	return 0;
}

static uint32_t starts_in(const struct tacit_starts *starts, uint64_t window)
{
	if (starts->last == window)
		return starts->starts;
	return starts->last == window + 1 ? starts->before : 0;
}

/* Whoever names a process may write anything. */
static void copy_name(const struct tacit_name *name, char *text)
{
	for (size_t i = 0; i < TACIT_PROCESS_NAME_MAX && name->text[i]; i++)
		text[i] = name->text[i] > ' ' && name->text[i] <= '~' ? name->text[i] : '?';
}

int tacit_sensor_processes(struct tacit_sensor *sensor, const char *scope, unsigned windows,
			   struct tacit_process *ret, size_t max)
{
	TACIT_AUTO_FREE struct names *names = TACIT_NEW(struct names);
	uint64_t drained = sensor->control->window - 1;
	size_t n = 0;
	int r;

	if (!names)
		return -ENOMEM;
	r = read_names(sensor->map_fd[TACIT_MAP_NAMES], names);
	for (uint32_t i = 0; r == 0 && i < names->n; i++) {
		const struct tacit_starts *starts = &names->starts[i];
		struct tacit_process one = { .is_new = starts->first + windows > drained };

		for (unsigned back = 0; back < windows; back++)
			one.execs += starts_in(starts, drained - back);
		if (one.execs == 0 || !tacit_tally_has(sensor->tally, names->name[i].slot, scope))
			continue;
		copy_name(&names->name[i], one.name);
		n = tacit_process_add(ret, n, max, &one);
	}
	return r < 0 ? r : (int)n;
}
