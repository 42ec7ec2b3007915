/* SPDX-License-Identifier: MIT */
/* Landlock, by its system calls: there is no library. Documentation/userspace-api/landlock.rst. */
#include "confine.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tacit/cleanup.h>

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL		    (1ULL << 1)
#endif

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                      \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |                      \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define LISTEN (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* Of these, what a rule for a single file may have. */
#define FILE_ONLY                                                                                  \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

/* struct landlock_ruleset_attr as it has grown: older kernels want zeroes where theirs ended. */
struct ruleset {
	uint64_t files, net, scoped;
};

/* What is handled is refused, unless a rule allows it. */
static struct ruleset ruleset_of(int abi, bool abstract_sockets)
{
	struct ruleset set = { .files = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1 };

	if (abi >= 3)
		set.files |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 4)
		set.net = LANDLOCK_ACCESS_NET_BIND_TCP;
	if (abi >= 5)
		set.files |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (abi >= 6)
		set.scoped = LANDLOCK_SCOPE_SIGNAL |
			     (abstract_sockets ? 0 : LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET);
	return set;
}

/* Where rules go: the first error stays. */
struct rules {
	int fd;
	uint64_t handled;
	int error;
};

static void allow_open(struct rules *rules, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd,
						   .allowed_access = access & rules->handled };
	struct stat st;

	if (fstat(fd, &st) != 0) {
		rules->error = -errno;
		return;
	}
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FILE_ONLY;
	/* EBADFD: a pipe or the like, as /dev/stdout may be, which is never refused. */
	if (syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 &&
	    errno != EBADFD)
		rules->error = -errno;
}

static void allow(struct rules *rules, const char *path, uint64_t access)
{
	TACIT_AUTO_CLOSE int fd = -1;

	if (!path || path[0] == '\0' || rules->error < 0)
		return;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		allow_open(rules, fd, access);
}

static void allow_folder_of(struct rules *rules, const char *path, uint64_t access)
{
	char copy[PATH_MAX];

	if (path && path[0] && snprintf(copy, sizeof(copy), "%s", path) < (int)sizeof(copy))
		allow(rules, dirname(copy), access);
}

/* procfs forgets its inodes, and a rule is on an inode: whoever has it open keeps it. */
static void allow_own_proc(struct rules *rules)
{
	int fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && rules->error == 0)
		allow_open(rules, fd, READ);
}

static void allow_system(struct rules *rules)
{
	static const char *const paths[] = {
		"/etc",
		"/run",
		"/usr/share",
		"/usr/local/share",
		"/usr/lib",
		"/usr/lib64",
		"/lib",
		"/lib64",
		"/usr/local/lib",
		"/sys/fs/cgroup",
		"/dev/urandom", /* SQLite's */
		"/sys/devices/system/cpu",
	};

	for (size_t i = 0; i < TACIT_ARRAY_LEN(paths); i++)
		allow(rules, paths[i], READ);
	allow_own_proc(rules);
}

static void allow_ours(struct rules *rules, const struct tacit_confine_params *params)
{
	allow(rules, params->state_dir, WRITE);
	allow_folder_of(rules, params->control_socket, LISTEN);
	allow_folder_of(rules, params->conf_path, READ);
	for (size_t i = 0; i < TACIT_CONFINE_PATHS; i++) {
		allow(rules, params->read[i], READ);
		allow(rules, params->write[i], WRITE);
	}
}

int tacit_confine_files(const struct tacit_confine_params *params)
{
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset set = ruleset_of(abi, params->abstract_sockets);
	TACIT_AUTO_CLOSE int fd = -1;
	struct rules rules = { .handled = set.files };

	if (abi < 0)
		return -errno;
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof(set), 0);
	if (fd < 0)
		return -errno;
	rules.fd = fd;
	allow_system(&rules);
	allow_ours(&rules, params);
	if (rules.error < 0)
		return rules.error;
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return -errno;
	return abi < TACIT_CONFINE_ABI ? abi : TACIT_CONFINE_ABI;
}
