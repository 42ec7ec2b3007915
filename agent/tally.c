/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "scope.h"

#define LOOK_EVERY     16U /* drains between two looks at a cgroup when tasks cannot be told */
#define SERVICES_BLOCK 16U

struct service {
	uint64_t sum[TACIT_FEATURE_COUNT];
	unsigned slots; /* cgroups it has now */
	bool active;	/* counted something in this window */
	char name[TACIT_SCOPE_NAME_MAX + 1];
	char class[TACIT_SCOPE_CLASS_MAX + 1];
};

struct slot {
	uint64_t owner;
	bool searched;		 /* for the owner's path */
	char *path;		 /* NULL: not found */
	struct service *service; /* NULL: counted for the host alone */
	bool has_tasks;		 /* the task pass met somebody in this window */
};

struct tacit_tally {
	unsigned slots;
	int root_fd;
	char host_class[TACIT_SCOPE_CLASS_MAX + 1];
	char **ignore;
	size_t ignore_count;
	struct slot *slot;
	struct service **service;
	size_t services, services_room;
	uint64_t host[TACIT_FEATURE_COUNT];
	unsigned round;
};

static int copy_ignore(struct tacit_tally *tally, const struct tacit_tally_params *params)
{
	tally->ignore = TACIT_NEW_N(char *, params->ignore_count + 1);
	if (!tally->ignore)
		return -ENOMEM;
	for (size_t i = 0; i < params->ignore_count; i++) {
		tally->ignore[i] = tacit_strdup(params->ignore[i]);
		if (!tally->ignore[i])
			return -ENOMEM;
		tally->ignore_count++;
	}
	return 0;
}

int tacit_tally_new(const struct tacit_tally_params *params, struct tacit_tally **ret)
{
	TACIT_CLEANUP(tacit_tally_free_p) struct tacit_tally *tally = TACIT_NEW(struct tacit_tally);
	size_t len = strnlen(params->host_class, TACIT_SCOPE_CLASS_MAX);
	int r;

	if (!tally)
		return -ENOMEM;
	tally->root_fd = params->root_fd;
	memcpy(tally->host_class, params->host_class, len);
	r = copy_ignore(tally, params);
	if (r < 0)
		return r;
	tally->slot = TACIT_NEW_N(struct slot, params->slots);
	if (!tally->slot)
		return -ENOMEM;
	tally->slots = params->slots;
	*ret = TACIT_TAKE(tally);
	return 0;
}

void tacit_tally_own(struct tacit_tally *tally, unsigned index, uint64_t cgroup)
{
	struct slot *slot = &tally->slot[index];

	if (slot->owner == cgroup)
		return;
	if (slot->service)
		slot->service->slots--;
	tacit_free(slot->path);
	slot->path = NULL;
	slot->service = NULL;
	slot->searched = false;
	slot->owner = cgroup;
}

static struct service *find_service(const struct tacit_tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->services; i++)
		if (strcmp(tally->service[i]->name, name) == 0)
			return tally->service[i];
	return NULL;
}

/* NULL when out of memory: the cgroup is then counted for the host alone. */
static struct service *add_service(struct tacit_tally *tally, const char *name, const char *class)
{
	struct service *service;

	if (tally->services == tally->services_room) {
		size_t room = tally->services_room + SERVICES_BLOCK;
		void *more = tacit_realloc(tally->service, room, sizeof(struct service *));

		if (!more)
			return NULL;
		tally->service = more;
		tally->services_room = room;
	}
	service = TACIT_NEW(struct service);
	if (!service)
		return NULL;
	memcpy(service->name, name, strlen(name) + 1);
	memcpy(service->class, class, strlen(class) + 1);
	tally->service[tally->services++] = service;
	return service;
}

static bool is_ignored(const struct tacit_tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->ignore_count; i++)
		if (fnmatch(tally->ignore[i], name, 0) == 0)
			return true;
	return false;
}

static void settle(struct tacit_tally *tally, struct slot *slot, const char *path)
{
	char name[TACIT_SCOPE_NAME_MAX + 1], class[TACIT_SCOPE_CLASS_MAX + 1];

	slot->path = tacit_strdup(path);
	if (tacit_scope_of_path(path, name, class) < 0 || is_ignored(tally, name))
		return;
	slot->service = find_service(tally, name);
	if (!slot->service)
		slot->service = add_service(tally, name, class);
	if (slot->service)
		slot->service->slots++;
}

struct search {
	struct tacit_tally *tally;
	const uint64_t *ids;
};

static void on_found(void *ctx, size_t index, const char *path)
{
	struct search *search = ctx;
	uint64_t id = search->ids[index];

	for (unsigned i = 1; i < search->tally->slots; i++)
		if (search->tally->slot[i].owner == id && !search->tally->slot[i].path)
			settle(search->tally, &search->tally->slot[i], path);
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

int tacit_tally_resolve(struct tacit_tally *tally)
{
	TACIT_AUTO_FREE uint64_t *ids = NULL;
	struct search search;
	size_t n = 0;
	int r;

	for (unsigned i = 1; i < tally->slots; i++)
		n += tally->slot[i].owner != 0 && !tally->slot[i].searched;
	if (n == 0)
		return 0;
	ids = TACIT_NEW_N(uint64_t, n);
	if (!ids)
		return -ENOMEM;
	n = 0;
	for (unsigned i = 1; i < tally->slots; i++)
		if (tally->slot[i].owner != 0 && !tally->slot[i].searched)
			ids[n++] = tally->slot[i].owner;
	qsort(ids, n, sizeof(*ids), compare_ids);
	search = (struct search){ .tally = tally, .ids = ids };
	r = tacit_scope_walk(tally->root_fd, ids, n, on_found, &search);
	if (r < 0)
		return r;
	for (unsigned i = 1; i < tally->slots; i++)
		tally->slot[i].searched = tally->slot[i].owner != 0;
	return 0;
}

void tacit_tally_add(struct tacit_tally *tally, unsigned index,
		     const uint64_t increase[TACIT_FEATURE_COUNT])
{
	struct slot *slot = &tally->slot[index];
	struct service *service = slot->service;
	bool any = false;

	for (unsigned f = 0; f < TACIT_FEATURE_COUNT; f++) {
		if (increase[f] == 0)
			continue;
		tally->host[f] += increase[f];
		if (service)
			service->sum[f] += increase[f];
		any = true;
	}
	if (increase[TACIT_FEATURE_SCHED_TASKS] != 0)
		slot->has_tasks = true;
	if (service && any)
		service->active = true;
}

uint64_t tacit_tally_calls(const struct tacit_tally *tally)
{
	uint64_t calls = 0;

	for (unsigned i = 0; i < TACIT_SYSCALL_CLASS_COUNT; i++)
		calls += tally->host[TACIT_FEATURE_SYSCALL_FIRST + i];
	return calls;
}

static bool is_gone(const struct tacit_tally *tally, unsigned index, bool has_tasks)
{
	const struct slot *slot = &tally->slot[index];

	if (slot->owner == 0)
		return false;
	if (has_tasks ? slot->has_tasks : (index + tally->round) % LOOK_EVERY != 0)
		return false;
	return !slot->path || !tacit_scope_exists(tally->root_fd, slot->path, slot->owner);
}

unsigned tacit_tally_find_gone(struct tacit_tally *tally, bool has_tasks, unsigned *gone)
{
	unsigned n = 0;

	for (unsigned i = 1; i < tally->slots; i++) {
		if (is_gone(tally, i, has_tasks))
			gone[n++] = i;
		tally->slot[i].has_tasks = false;
	}
	tally->round++;
	return n;
}

/* Of a window that the hook saw in part, as if it had seen it all. */
static void scale(struct tacit_window *window)
{
	for (unsigned f = 0; f < TACIT_FEATURE_COUNT; f++)
		if (tacit_feature_get(f)->probe == TACIT_PROBE_SYSCALL)
			window->count[f] =
				window->count[f] * TACIT_DUTY_ALWAYS / window->duty_permille;
}

static void emit_one(struct tacit_window *window, const char *scope, const char *class,
		     const uint64_t *count, tacit_window_fn *emit, void *ctx)
{
	memset(window->scope, 0, sizeof(window->scope));
	memset(window->class, 0, sizeof(window->class));
	memcpy(window->scope, scope, strlen(scope));
	memcpy(window->class, class, strlen(class));
	memcpy(window->count, count, sizeof(window->count));
	if (window->duty_permille < TACIT_DUTY_ALWAYS)
		scale(window);
	emit(ctx, window);
}

/* Begins the service's next window; false when it has no cgroup left. */
static bool begin_anew(struct service *service)
{
	memset(service->sum, 0, sizeof(service->sum));
	service->active = false;
	return service->slots > 0;
}

static void drop_ended(struct tacit_tally *tally)
{
	size_t kept = 0;

	for (size_t i = 0; i < tally->services; i++)
		if (begin_anew(tally->service[i]))
			tally->service[kept++] = tally->service[i];
		else
			tacit_free(tally->service[i]);
	tally->services = kept;
}

unsigned tacit_tally_emit(struct tacit_tally *tally, const struct tacit_window *frame,
			  tacit_window_fn *emit, void *ctx)
{
	struct tacit_window window = *frame;
	unsigned n = 1;

	if (emit)
		emit_one(&window, TACIT_SCOPE_HOST, tally->host_class, tally->host, emit, ctx);
	for (size_t i = 0; i < tally->services; i++) {
		const struct service *service = tally->service[i];

		if (!service->active && frame->observed[TACIT_PROBE_TASKS])
			continue;
		n++;
		if (emit)
			emit_one(&window, service->name, service->class, service->sum, emit, ctx);
	}
	memset(tally->host, 0, sizeof(tally->host));
	drop_ended(tally);
	return n;
}

bool tacit_tally_has(const struct tacit_tally *tally, unsigned index, const char *scope)
{
	const struct service *service = index < tally->slots ? tally->slot[index].service : NULL;

	return strcmp(scope, TACIT_SCOPE_HOST) == 0 ||
	       (service && strcmp(service->name, scope) == 0);
}

void tacit_tally_free(struct tacit_tally *tally)
{
	if (!tally)
		return;
	for (unsigned i = 0; i < tally->slots; i++)
		tacit_free(tally->slot[i].path);
	for (size_t i = 0; i < tally->services; i++)
		tacit_free(tally->service[i]);
	for (size_t i = 0; i < tally->ignore_count; i++)
		tacit_free(tally->ignore[i]);
	tacit_free(tally->ignore);
	tacit_free(tally->service);
	tacit_free(tally->slot);
	tacit_free(tally);
}
