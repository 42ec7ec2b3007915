/* SPDX-License-Identifier: MIT */
/* Folders as tacitd has them, one that is not its own, and a process that is confined to the first.
 */
#ifndef TACIT_TESTS_SCENE_H
#define TACIT_TESTS_SCENE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <tacit/cleanup.h>

#include "agent/confine.h"

#include "elsewhere.h"
#include "place.h"
#include "unit.h"

#define FAILED 200 /* no error number: something else went wrong */

/* Where a case happens, and what its process tries there. */
struct scene {
	struct place ours, foreign;
	char conf[512], control[512];
	bool calls, files, abstract_sockets;
	int (*attempt)(struct scene *scene);
};

static inline void scene_done(struct scene *scene)
{
	place_done(&scene->ours);
	place_done(&scene->foreign);
}

static inline struct scene scene_new(int (*attempt)(struct scene *scene))
{
	struct scene scene = { .ours = place_new(), .foreign = place_new(), .attempt = attempt };
	static const char *const folders[] = { "state", "run", "etc" };

	for (size_t i = 0; i < TACIT_ARRAY_LEN(folders); i++)
		if (mkdir(place_file(&scene.ours, folders[i]), 0700) != 0)
			abort();
	(void)snprintf(scene.conf, sizeof(scene.conf), "%s",
		       place_write(&scene.ours, "etc/agent.conf", "x", 1));
	(void)snprintf(scene.control, sizeof(scene.control), "%s",
		       place_file(&scene.ours, "run/control"));
	(void)place_write(&scene.ours, "token", "x", 1);
	(void)place_write(&scene.ours, "record", "x", 1);
	(void)place_write(&scene.foreign, "file", "x", 1);
	return scene;
}

#define SCENE(name, attempt) TACIT_CLEANUP(scene_done) struct scene name = scene_new(attempt)

static inline int confine_files(struct scene *scene)
{
	char state[512], token[512], record[512];
	const struct tacit_confine_params params = {
		.state_dir = state,
		.control_socket = scene->control,
		.conf_path = scene->conf,
		.read = { token, "/nonexistent", "", NULL },
		.write = { record },
		.abstract_sockets = scene->abstract_sockets,
	};

	(void)snprintf(state, sizeof(state), "%s", place_file(&scene->ours, "state"));
	(void)snprintf(token, sizeof(token), "%s", place_file(&scene->ours, "token"));
	(void)snprintf(record, sizeof(record), "%s", place_file(&scene->ours, "record"));
	return tacit_confine_files(&params);
}

static inline int play(void *ctx)
{
	struct scene *scene = (struct scene *)ctx;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return FAILED;
	if (scene->files && confine_files(scene) < 0)
		return FAILED + 1;
	if (scene->calls && tacit_confine_calls() < 0)
		return FAILED + 2;
	return scene->attempt(scene);
}

static inline int kernels_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static inline int error_of(long result)
{
	return result < 0 ? errno : 0;
}

#endif /* TACIT_TESTS_SCENE_H */
