/* SPDX-License-Identifier: MIT */
/*
 * Every concern of bpf/ is one object. It is loaded whole; if the kernel refuses that, each of its
 * programs alone, so that the refusal of one costs no other. Descriptors of links and programs
 * are kept, the objects (and libbpf's copy of the kernel's types) are not.
 */
#include "sensor_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <tacit/clock.h>

#include "syscall_class.h"

/* The generated code frees through libbpf, which the analyser cannot see into. */
#ifdef __clang_analyzer__
#include <stdlib.h>
#define bpf_object__destroy_skeleton free
#endif
#include "block.skel.h"
#include "memory.skel.h"
#include "net.skel.h"
#include "process.skel.h"
#include "sched.skel.h"
#include "signal.skel.h"
#include "syscall.skel.h"
#include "task.skel.h"
#include "tcp.skel.h"

#define NS_PER_SEC 1000000000ULL

/* Banks what an ending task had done: the iterator's other half. */
#define TASK_EXIT_PROGRAM "on_task_exit"

const char *const tacit_sensor_map_name[TACIT_MAP_COUNT] = {
	[TACIT_MAP_COUNTERS] = "counters",   [TACIT_MAP_SLOTS] = "slots",
	[TACIT_MAP_OWNERS] = "owners",       [TACIT_MAP_FREE_SLOTS] = "free_slots",
	[TACIT_MAP_LAST_SLOT] = "last_slot", [TACIT_MAP_DROPS] = "drops",
};

/* What the programs are told before they are loaded: forms that tracepoints have had. */
struct facts {
	const struct btf *btf;  /* the kernel's types */
	bool exit_tells_last;   /* since Linux 6.16 */
	bool victim_is_task;    /* since Linux 6.8 */
	bool issue_tells_queue; /* before Linux 5.11 */
	uint64_t started_ns;
};

struct object {
	void *skeleton;
	struct bpf_object *bpf;
};

struct concern {
	bool (*open)(struct object *object, const struct facts *facts);
	void (*destroy)(void *skeleton);
};

#define CONCERN(name, tell)                                                                        \
	static bool open_##name(struct object *object, const struct facts *facts)                  \
	{                                                                                          \
		struct name##_bpf *skeleton = name##_bpf__open();                                  \
                                                                                                   \
		(void)facts;                                                                       \
		if (!skeleton)                                                                     \
			return false;                                                              \
		tell;                                                                              \
		*object = (struct object){ skeleton, skeleton->obj };                              \
		return true;                                                                       \
	}                                                                                          \
	static void destroy_##name(void *skeleton)                                                 \
	{                                                                                          \
		name##_bpf__destroy((struct name##_bpf *)skeleton);                                \
	}

CONCERN(process, skeleton->rodata->exit_tells_last = facts->exit_tells_last)
CONCERN(task, skeleton->rodata->started_ns = facts->started_ns)
CONCERN(sched, (void)0)
CONCERN(memory, skeleton->rodata->victim_is_task = facts->victim_is_task)
CONCERN(tcp, (void)0)
CONCERN(net, (void)0)
CONCERN(block, skeleton->rodata->issue_tells_queue = facts->issue_tells_queue)
CONCERN(signal, (void)0)
CONCERN(syscall, tacit_syscall_class_table((uint8_t *)skeleton->rodata->class_of))

static const struct concern concerns[] = {
	{ open_process, destroy_process }, { open_task, destroy_task },
	{ open_sched, destroy_sched },     { open_memory, destroy_memory },
	{ open_tcp, destroy_tcp },         { open_net, destroy_net },
	{ open_block, destroy_block },     { open_signal, destroy_signal },
	{ open_syscall, destroy_syscall },
};

/* The prototype of a tracepoint's function; NULL: this kernel has no such tracepoint. */
static const struct btf_type *prototype(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *type;
	char text[64];
	int id;

	(void)snprintf(text, sizeof(text), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, text, BTF_KIND_TYPEDEF);
	type = id < 0 ? NULL : btf__type_by_id(btf, (unsigned)id);
	if (type)
		type = btf__type_by_id(btf, type->type); /* the pointer */
	if (type)
		type = btf__type_by_id(btf, type->type); /* to the function */
	return type && btf_is_func_proto(type) ? type : NULL;
}

static bool has_two_arguments(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *type = prototype(btf, tracepoint);

	return type && btf_vlen(type) >= 3; /* the first is the program's own */
}

static struct facts gather_facts(struct btf *btf)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (struct facts){
		.btf = btf,
		.exit_tells_last = has_two_arguments(btf, "sched_process_exit"),
		.victim_is_task = has_two_arguments(btf, "mark_victim"),
		.issue_tells_queue = has_two_arguments(btf, "block_rq_issue"),
		.started_ns = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec,
	};
}

static const char *attach_point(const struct tacit_sensor_params *params, unsigned probe)
{
	if (params->attach && params->attach[probe])
		return params->attach[probe];
	return tacit_probe_get(probe)->attach;
}

/* The tracepoint's own name: "tp_btf/NAME". */
static const char *target_of(const char *attach)
{
	const char *slash = strchr(attach, '/');

	return slash ? slash + 1 : attach;
}

static bool is_there(const struct tacit_sensor_params *params, const struct btf *btf,
		     unsigned probe)
{
	const char *attach = attach_point(params, probe);

	return strncmp(attach, "tp_btf/", strlen("tp_btf/")) != 0 ||
	       prototype(btf, target_of(attach));
}

static void refuse(struct tacit_sensor *sensor, const struct tacit_sensor_params *params,
		   unsigned probe, int error)
{
	struct tacit_sensor_probe *to = &sensor->probe[probe];
	const char *target = target_of(attach_point(params, probe));

	*to = (struct tacit_sensor_probe){ .error = error };
	switch (error) {
	case -ECANCELED:
		(void)snprintf(to->why, sizeof(to->why), "the light tier leaves it out");
		(void)snprintf(to->remedy, sizeof(to->remedy), "set sensor.tier = deep");
		break;
	case -ESRCH:
	case -ENOENT:
		(void)snprintf(to->why, sizeof(to->why), "this kernel has no tracepoint %s",
			       target);
		(void)snprintf(to->remedy, sizeof(to->remedy), "a newer kernel may have it");
		break;
	case -EPERM:
	case -EACCES:
		(void)snprintf(to->why, sizeof(to->why), "this kernel does not permit %s: %s",
			       target, tacit_strerror(error));
		(void)snprintf(to->remedy, sizeof(to->remedy),
			       "grant CAP_BPF and CAP_PERFMON; look for lockdown");
		break;
	default:
		(void)snprintf(to->why, sizeof(to->why), "this kernel refused %s: %s", target,
			       tacit_strerror(error));
		break;
	}
}

static int share_maps(const struct tacit_sensor *sensor, struct bpf_object *bpf)
{
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(bpf, tacit_sensor_map_name[i]);
		int r = map ? bpf_map__reuse_fd(map, sensor->map_fd[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Keeps a link and its program by descriptor, and lets libbpf's own go. */
static int keep(struct tacit_sensor *sensor, struct bpf_program *program, struct bpf_link *link)
{
	int link_fd = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 0);
	int program_fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
	int r = link_fd < 0 || program_fd < 0 ? -errno : 0;

	(void)bpf_link__destroy(link); /* the duplicate keeps it attached */
	if (r < 0) {
		tacit_close_p(&link_fd);
		tacit_close_p(&program_fd);
		return r;
	}
	sensor->link_fd[sensor->programs] = link_fd;
	sensor->program_fd[sensor->programs] = program_fd;
	sensor->programs++;
	return link_fd;
}

/* Descriptor of the link, or an error. */
static int attach(struct tacit_sensor *sensor, struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach(program);

	return link ? keep(sensor, program, link) : -errno;
}

static void attach_probe(struct tacit_sensor *sensor, const struct tacit_sensor_params *params,
			 struct bpf_object *bpf, unsigned probe)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(bpf, tacit_probe_get(probe)->program);
	int fd = attach(sensor, program);

	if (fd >= 0 && probe == TACIT_PROBE_TASKS) {
		int r = attach(sensor, bpf_object__find_program_by_name(bpf, TASK_EXIT_PROGRAM));

		sensor->task_link_fd = fd;
		if (r < 0) /* totals of tasks that end between two passes would be lost */
			fd = r;
	}
	if (fd < 0)
		refuse(sensor, params, probe, fd);
	else
		sensor->probe[probe] = (struct tacit_sensor_probe){ .observed = true };
}

/* The probes, as bits, whose programs are in @bpf. */
static uint64_t probes_in(struct bpf_object *bpf)
{
	uint64_t probes = 0;

	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		if (bpf_object__find_program_by_name(bpf, tacit_probe_get(i)->program))
			probes |= 1ULL << i;
	return probes;
}

/* Of @bpf's programs only those of @wanted will be loaded. */
static int choose(const struct tacit_sensor_params *params, struct bpf_object *bpf, uint64_t wanted)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < TACIT_PROBE_COUNT; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(bpf, tacit_probe_get(i)->program);

		if (!program)
			continue;
		(void)bpf_program__set_autoload(program, wanted >> i & 1);
		if ((wanted >> i & 1) && params->attach && params->attach[i])
			r = bpf_program__set_attach_target(program, 0,
							   target_of(params->attach[i]));
	}
	return r;
}

/* 0, or why the object with just these probes does not load; nothing is attached then. */
static int load_probes(struct tacit_sensor *sensor, const struct tacit_sensor_params *params,
		       const struct concern *concern, const struct facts *facts, uint64_t wanted)
{
	struct object object = { 0 };
	int r;

	if (!concern->open(&object, facts))
		return -errno;
	r = share_maps(sensor, object.bpf);
	if (r == 0)
		r = choose(params, object.bpf, wanted);
	if (r == 0)
		r = bpf_object__load(object.bpf);
	for (unsigned i = 0; r == 0 && i < TACIT_PROBE_COUNT; i++)
		if (wanted >> i & 1)
			attach_probe(sensor, params, object.bpf, i);
	concern->destroy(object.skeleton);
	return r;
}

static int probes_of(const struct concern *concern, const struct facts *facts, uint64_t *ret)
{
	struct object object = { 0 };

	if (!concern->open(&object, facts))
		return -errno;
	*ret = probes_in(object.bpf);
	concern->destroy(object.skeleton);
	return 0;
}

static void load_concern(struct tacit_sensor *sensor, const struct tacit_sensor_params *params,
			 const struct concern *concern, const struct facts *facts)
{
	uint64_t probes = 0, wanted = 0;

	if (probes_of(concern, facts, &probes) < 0)
		return;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		if (!(probes >> i & 1))
			continue;
		if (tacit_probe_get(i)->tier > params->tier)
			refuse(sensor, params, i, -ECANCELED);
		else if (!is_there(params, facts->btf, i))
			refuse(sensor, params, i, -ENOENT);
		else
			wanted |= 1ULL << i;
	}
	if (wanted == 0 || load_probes(sensor, params, concern, facts, wanted) == 0)
		return;
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		int r = wanted >> i & 1 ? load_probes(sensor, params, concern, facts, 1ULL << i)
					: 0;

		if (r < 0)
			refuse(sensor, params, i, r);
	}
}

int tacit_sensor_load(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	struct facts facts;
	struct btf *btf;

	(void)libbpf_set_print(NULL); /* refusals are told in plain words */
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return -errno;
	facts = gather_facts(btf);
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		refuse(sensor, params, i, -ENOMEM);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(concerns); i++)
		load_concern(sensor, params, &concerns[i], &facts);
	btf__free(btf);
	return sensor->programs > 0 ? 0 : sensor->probe[TACIT_PROBE_FORK].error;
}
