/* SPDX-License-Identifier: MIT */
/*
 * scope - from a cgroup to the service it belongs to, and to its workload class.
 *
 *	/system.slice/nginx.service                    nginx.service       nginx.service
 *	/system.slice/system-getty.slice/getty@tty1... getty@tty1.service  getty@.service
 *	/system.slice/docker-0123...ef.scope           docker-0123456789ab docker
 *	/kubepods/burstable/podUID/0123...ef           kubepods-0123456... kubepods
 *	/user.slice/user-1000.slice/session-3.scope    user-1000.slice     user.slice
 *	/batch/job7                                    job7                job7
 *
 * The root cgroup belongs to the host alone.
 */
#ifndef TACIT_AGENT_SCOPE_H
#define TACIT_AGENT_SCOPE_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/error.h>

#include "window.h"

#define TACIT_SCOPE_CLASS_MAX 64U   /* bytes, without NUL */
#define TACIT_SCOPE_DEPTH_MAX 32U   /* cgroups below this are not looked at */
#define TACIT_SCOPE_PATH_MAX  1024U /* nor those with a longer path */

/**
 * tacit_scope_of_path - the service and class of a cgroup.
 * @path: from the root of the hierarchy, with or without a leading '/'.
 * @name: TACIT_SCOPE_NAME_MAX + 1 bytes.
 * @class: TACIT_SCOPE_CLASS_MAX + 1 bytes.
 *
 * Both are [A-Za-z0-9@._:-], never empty and @name is never "host"; what does not fit is replaced,
 * and what is too long is cut and ended with a hash. Returns 0, or -ENOENT for the root.
 */
TACIT_MUST_CHECK int tacit_scope_of_path(const char *path, char *name, char *class);

/**
 * tacit_scope_find_root - where the cgroup2 hierarchy is mounted, hybrid set-ups included.
 * @mounts: a file in the form of /proc/self/mounts.
 * @path: TACIT_SCOPE_PATH_MAX bytes.
 *
 * Returns 0, -ENOENT when there is none, or -E...
 */
TACIT_MUST_CHECK int tacit_scope_find_root(const char *mounts, char *path);

/* The same for the hierarchy of cgroup v1 that controller pids is in. */
TACIT_MUST_CHECK int tacit_scope_find_legacy_root(const char *mounts, char *path);

/* Receives the path of cgroup @ids[@index], from the root, without a leading '/'; borrowed. */
typedef void tacit_scope_fn(void *ctx, size_t index, const char *path);

/**
 * tacit_scope_walk - find cgroups by their ids.
 * @root_fd: the hierarchy's root folder; borrowed.
 * @ids: @n ids (inode numbers), sorted, each once.
 * @found: called once for each that exists; the walk ends when all are found.
 *
 * Returns how many were found, or -E... when the root cannot be read.
 */
TACIT_MUST_CHECK int tacit_scope_walk(int root_fd, const uint64_t *ids, size_t n,
				      tacit_scope_fn *found, void *ctx);

/* 1 when cgroup @id is still at @path (as found above), 0 when not. */
TACIT_MUST_CHECK int tacit_scope_exists(int root_fd, const char *path, uint64_t id);

#endif /* TACIT_AGENT_SCOPE_H */
