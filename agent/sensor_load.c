/* SPDX-License-Identifier: MIT */
/*
 * Every concern of bpf/ is an object; linked they are one, which is loaded whole. What the kernel
 * refuses is found by halves, so that the refusal of one program costs no other. Descriptors of
 * links and programs are kept, the object (and libbpf's copy of the kernel's types) is not.
 */
#include "sensor_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "syscall_class.h"

/* The generated code frees through libbpf, which the analyser cannot see into. */
#ifdef __clang_analyzer__
#include <stdlib.h>
#define bpf_object__destroy_skeleton free
#endif
#include "sensor.skel.h"
#include "task_hash.skel.h"

#define NS_PER_SEC 1000000000ULL

#define TASKS_BIT   (1ULL << TACIT_PROBE_TASKS)
#define SYSCALL_BIT (1ULL << TACIT_PROBE_SYSCALL)
#define ALL_PROBES  ((1ULL << TACIT_PROBE_COUNT) - 1)

/* An earlier name of a tracepoint that was renamed; NULL: it never was. */
static const char *const earlier_name[TACIT_PROBE_COUNT] = {
	[TACIT_PROBE_URING] = "io_uring_submit_sqe", /* before Linux 6.4 */
};

/* The tracepoint's own name: "tp_btf/NAME". */
static const char *target_of(const char *attach)
{
	const char *slash = strchr(attach, '/');

	return slash ? slash + 1 : attach;
}

/* Linux "6.3" or later: what a reader can do about a tracepoint that is not there. */
static void advise(struct tacit_sensor_probe *to, unsigned probe)
{
	const char *since = tacit_probe_get(probe)->since;

	if (strcmp(since, "5.10") == 0)
		(void)snprintf(to->remedy, sizeof(to->remedy),
			       "a kernel that is built with it has it");
	else
		(void)snprintf(to->remedy, sizeof(to->remedy), "Linux %s or later has it", since);
}

static void refuse(struct tacit_sensor *sensor, const struct tacit_sensor_params *params,
		   unsigned probe, int error)
{
	struct tacit_sensor_probe *to = &sensor->probe[probe];
	const char *attach = params->attach ? params->attach[probe] : NULL;
	const char *target = target_of(attach ? attach : tacit_probe_get(probe)->attach);

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
		advise(to, probe);
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
		if (error == -EINVAL)
			(void)snprintf(to->remedy, sizeof(to->remedy),
				       "a kernel locked down for confidentiality does; for "
				       "integrity it does not");
		break;
	}
}

/* Keeps a program and its link (-1: it is the hook, attached later) by descriptor. */
static int keep(struct tacit_sensor *sensor, const struct bpf_program *program,
		const struct bpf_link *link)
{
	int link_fd = link ? fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 0) : -1;
	int program_fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);

	if ((link && link_fd < 0) || program_fd < 0) {
		int r = -errno;

		tacit_close_p(&link_fd);
		tacit_close_p(&program_fd);
		return r;
	}
	sensor->link_fd[sensor->programs] = link_fd;
	sensor->program_fd[sensor->programs] = program_fd;
	sensor->programs++;
	return link ? link_fd : program_fd;
}

/* Descriptor of the link, or an error. @name is static. */
static int attach(struct tacit_sensor *sensor, const struct bpf_program *program, const char *name)
{
	struct bpf_link *link = bpf_program__attach(program);
	int r = link ? keep(sensor, program, link) : -errno;

	(void)bpf_link__destroy(link); /* the duplicate keeps it attached */
	if (r >= 0)
		sensor->program_name[sensor->programs - 1] = name;
	return r;
}

static int keep_hook(struct tacit_sensor *sensor, const struct bpf_program *program)
{
	int r = keep(sensor, program, NULL);

	if (r >= 0) {
		sensor->hook.program_fd = r;
		sensor->program_name[sensor->programs - 1] =
			tacit_probe_get(TACIT_PROBE_SYSCALL)->program;
	}
	return r;
}

static int attach_tasks(struct tacit_sensor *sensor, struct bpf_object *bpf,
			const struct bpf_program *program)
{
	const struct bpf_program *ending =
		bpf_object__find_program_by_name(bpf, TACIT_SENSOR_TASK_EXIT);
	int r;

	/* Without it totals of tasks that end between two passes would be lost. */
	r = attach(sensor, ending, TACIT_SENSOR_TASK_EXIT);
	if (r >= 0)
		r = attach(sensor, program, tacit_probe_get(TACIT_PROBE_TASKS)->program);
	if (r >= 0)
		sensor->task_link_fd = r;
	return r;
}

static void attach_probe(struct tacit_sensor *sensor, const struct tacit_sensor_params *params,
			 struct bpf_object *bpf, unsigned probe)
{
	const char *name = tacit_probe_get(probe)->program;
	const struct bpf_program *program = bpf_object__find_program_by_name(bpf, name);
	int r;

	if (probe == TACIT_PROBE_SYSCALL)
		r = keep_hook(sensor, program);
	else if (probe == TACIT_PROBE_TASKS)
		r = attach_tasks(sensor, bpf, program);
	else
		r = attach(sensor, program, name);
	if (r < 0)
		refuse(sensor, params, probe, r);
	else
		sensor->probe[probe] = (struct tacit_sensor_probe){ .observed = true };
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

static bool has_target(struct bpf_program *program, const char *target)
{
	return target && bpf_program__set_attach_target(program, 0, target) == 0;
}

/* Whether this kernel has what @probe attaches to; @program is then told under which name. */
static bool find_target(const struct tacit_sensor_params *params, struct bpf_program *program,
			unsigned probe)
{
	const char *attach = tacit_probe_get(probe)->attach;

	if (params->attach && params->attach[probe])
		return has_target(program, target_of(params->attach[probe]));
	return strncmp(attach, "iter/", strlen("iter/")) == 0 ||
	       has_target(program, target_of(attach)) || has_target(program, earlier_name[probe]);
}

struct loading {
	struct tacit_sensor *sensor;
	const struct tacit_sensor_params *params;
	uint64_t started_ns;
	bool is_old; /* before Linux 5.11 */
};

/* Whether tp_btf/block_rq_issue has two arguments here. It had until 5.11, and distributors have
 * changed 5.10; CO-RE cannot tell arguments, so the kernel's types are parsed, there alone. */
static bool issue_tells_queue(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type = NULL;
	bool two;
	int id;

	id = btf ? btf__find_by_name_kind(btf, "btf_trace_block_rq_issue", BTF_KIND_TYPEDEF) : -1;
	if (id > 0)
		type = btf__type_by_id(btf, (unsigned)id);
	if (type)
		type = btf__type_by_id(btf, type->type); /* the pointer */
	if (type)
		type = btf__type_by_id(btf, type->type); /* to the function */
	two = type && btf_is_func_proto(type) &&
	      btf_vlen(type) >= 3; /* the first is the program's */
	btf__free(btf);
	return two;
}

/* Of @bpf's programs only those of @wanted will be loaded. Returns the ones that can be. */
static uint64_t choose(const struct loading *loading, struct bpf_object *bpf, uint64_t wanted)
{
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(bpf, tacit_probe_get(i)->program);

		if (program && wanted >> i & 1 && !find_target(loading->params, program, i)) {
			refuse(loading->sensor, loading->params, i, -ENOENT);
			wanted &= ~(1ULL << i);
		}
		if (program)
			(void)bpf_program__set_autoload(program, wanted >> i & 1);
	}
	return wanted;
}

/* 0, or why @bpf with just these probes does not load; nothing is attached then. */
static int load_object(const struct loading *loading, struct bpf_object *bpf, uint64_t wanted)
{
	int r = share_maps(loading->sensor, bpf);

	wanted = choose(loading, bpf, wanted);
	if (r == 0 && wanted)
		r = bpf_object__load(bpf);
	for (unsigned i = 0; r == 0 && i < TACIT_PROBE_COUNT; i++)
		if (wanted >> i & 1)
			attach_probe(loading->sensor, loading->params, bpf, i);
	return r;
}

static int load_linked(const struct loading *loading, uint64_t wanted)
{
	struct sensor_bpf *skeleton = sensor_bpf__open();
	int r;

	if (!skeleton)
		return -errno;
	skeleton->rodata->slot_count = loading->sensor->slots;
	skeleton->rodata->hierarchy = loading->sensor->hierarchy;
	skeleton->rodata->started_ns = loading->started_ns;
	skeleton->rodata->issue_tells_queue = loading->is_old && issue_tells_queue();
	tacit_syscall_class_table((struct tacit_call *)skeleton->rodata->call_of);
	tacit_syscall_error_table((uint8_t *)skeleton->rodata->error_of);
	(void)bpf_program__set_autoload(skeleton->progs.on_task_exit, wanted & TASKS_BIT);
	(void)bpf_map__set_autocreate(skeleton->maps.totals, wanted & TASKS_BIT);
	(void)bpf_map__set_autocreate(skeleton->maps.hot, wanted & SYSCALL_BIT);
	r = load_object(loading, skeleton->obj, wanted);
	sensor_bpf__destroy(skeleton);
	return r;
}

static int load_task_hash(const struct loading *loading)
{
	struct task_hash_bpf *skeleton = task_hash_bpf__open();
	int r;

	if (!skeleton)
		return -errno;
	skeleton->rodata->slot_count = loading->sensor->slots;
	skeleton->rodata->hierarchy = loading->sensor->hierarchy;
	skeleton->rodata->started_ns = loading->started_ns;
	r = load_object(loading, skeleton->obj, TASKS_BIT);
	task_hash_bpf__destroy(skeleton);
	return r;
}

/* The lower half of the bits that are set. */
static uint64_t half_of(uint64_t bits)
{
	uint64_t half = 0;

	for (int n = __builtin_popcountll(bits) / 2; n > 0; n--) {
		half |= bits & -bits;
		bits &= bits - 1;
	}
	return half;
}

static void load_probes(const struct loading *loading, uint64_t wanted)
{
	uint64_t half = half_of(wanted);
	int r = wanted ? load_linked(loading, wanted) : 0;

	if (r < 0 && wanted == TASKS_BIT)
		r = load_task_hash(loading);
	if (r == 0)
		return;
	if (half) {
		load_probes(loading, half);
		load_probes(loading, wanted & ~half);
		return;
	}
	refuse(loading->sensor, loading->params, (unsigned)__builtin_ctzll(wanted), r);
}

/* What was not taken over, and belongs to the tier. */
static uint64_t probes_wanted(const struct loading *loading)
{
	uint64_t wanted = ALL_PROBES;

	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		bool deep = tacit_probe_get(i)->tier > loading->params->tier;

		if (deep)
			refuse(loading->sensor, loading->params, i, -ECANCELED);
		if (deep || loading->sensor->probe[i].observed)
			wanted &= ~(1ULL << i);
	}
	return wanted;
}

static struct tacit_sensor_probe *probe_of(struct tacit_sensor *sensor, const char *program)
{
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++)
		if (strcmp(tacit_probe_get(i)->program, program) == 0)
			return &sensor->probe[i];
	return &sensor->probe[TACIT_PROBE_TASKS]; /* the iterator's other half */
}

/* What the verifier went through, program by program. */
static void ask_instructions(struct tacit_sensor *sensor)
{
	for (unsigned i = 0; i < sensor->programs; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(sensor->program_fd[i], &info, &len) == 0)
			probe_of(sensor, sensor->program_name[i])->instructions +=
				info.verified_insns;
	}
}

uint64_t tacit_sensor_build(const struct tacit_sensor *sensor)
{
	size_t len = 0;
	const uint8_t *bytes = (const uint8_t *)sensor_bpf__elf_bytes(&len);
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ULL;
	return hash ^ sensor->hierarchy;
}

int tacit_sensor_load(struct tacit_sensor *sensor, const struct tacit_sensor_params *params)
{
	struct loading loading = { .sensor = sensor, .params = params };
	struct timespec now = { 0 };
	uint64_t wanted;

	(void)libbpf_set_print(NULL); /* refusals are told in plain words */
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	loading.started_ns = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
	wanted = probes_wanted(&loading);
	loading.is_old = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) == 0;
	if (wanted & TASKS_BIT && loading.is_old) { /* known beforehand, it spares the search */
		int r = load_task_hash(&loading);

		if (r < 0)
			refuse(sensor, params, TACIT_PROBE_TASKS, r);
		wanted &= ~TASKS_BIT;
	}
	load_probes(&loading, wanted);
	ask_instructions(sensor);
	return sensor->programs > 0 ? 0 : sensor->probe[TACIT_PROBE_FORK].error;
}
