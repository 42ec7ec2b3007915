/* SPDX-License-Identifier: MIT */
/*
 * What outlives the daemon: maps, programs and links, by name in a folder of a BPF file system. The
 * folder's lock says who has them. A sensor of another build or size starts afresh.
 */
#include "sensor_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <bpf/bpf.h>

#define BPF_FS_MAGIC 0xcafe4a11
#define PATH_BYTES   (TACIT_SENSOR_PIN_DIR_MAX + 64U)
#define LINK_SUFFIX  "_link" /* a BPF file system has no dots in names */

static int open_dir(const char *dir)
{
	struct statfs fs;
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0 ||
	    (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		(void)close(fd);
		return -EXDEV;
	}
	/* Who may write here may put maps of his own in our place. */
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		(void)close(fd);
		return -EPERM;
	}
	return fd;
}

static int lock_dir(const char *dir)
{
	int fd = open_dir(dir), r;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	(void)close(fd);
	return r;
}

static void say_why(struct tacit_sensor *sensor, const char *dir, int error)
{
	char *why = sensor->status.pin_why;
	size_t size = sizeof(sensor->status.pin_why);

	if (error == -EXDEV)
		(void)snprintf(why, size,
			       "%s is in no BPF file system: mount -t bpf bpf /sys/fs/bpf", dir);
	else
		(void)snprintf(why, size, "%s: %s", dir, tacit_strerror(error));
}

int tacit_sensor_pin_open(struct tacit_sensor *sensor, const char *dir)
{
	int fd;

	if (!dir || !dir[0])
		return 0;
	if (strlen(dir) > TACIT_SENSOR_PIN_DIR_MAX)
		return -ENAMETOOLONG;
	(void)mkdir(dir, 0700); /* if it cannot, opening says so */
	fd = lock_dir(dir);
	if (fd == -EBUSY)
		return fd;
	if (fd < 0) {
		say_why(sensor, dir, fd);
		return 0;
	}
	sensor->pin_fd = fd;
	(void)snprintf(sensor->pin_dir, sizeof(sensor->pin_dir), "%s", dir);
	return 0;
}

static void path_of(const struct tacit_sensor *sensor, const char *name, const char *suffix,
		    char path[PATH_BYTES])
{
	(void)snprintf(path, PATH_BYTES, "%s/%s%s", sensor->pin_dir, name, suffix);
}

static int get(const struct tacit_sensor *sensor, const char *name, const char *suffix)
{
	char path[PATH_BYTES];
	int fd;

	path_of(sensor, name, suffix, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int put(const struct tacit_sensor *sensor, const char *name, const char *suffix, int fd)
{
	char path[PATH_BYTES];

	path_of(sensor, name, suffix, path);
	return bpf_obj_pin(fd, path) == 0 ? 0 : -errno;
}

/* Everything in the folder; a link that goes takes its program's attachment along. */
static int empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!list) {
		n = -errno;
		tacit_close_p(&copy);
		return n;
	}
	while ((entry = readdir(list)))
		if (entry->d_name[0] != '.' && unlinkat(dir, entry->d_name, 0) == 0)
			n++;
	(void)closedir(list);
	return n;
}

static void put_back_maps(struct tacit_sensor *sensor)
{
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++) {
		tacit_close_p(&sensor->map_fd[i]);
		sensor->map_fd[i] = -1;
	}
}

/* Whether the control map found is of this very build. */
static bool is_ours(const struct tacit_sensor *sensor)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory =
		mmap(NULL, page, PROT_READ, MAP_SHARED, sensor->map_fd[TACIT_MAP_CONTROL], 0);
	bool ours;

	if (memory == MAP_FAILED)
		return false;
	ours = ((const struct tacit_control *)memory)->build == tacit_sensor_build(sensor);
	(void)munmap(memory, page);
	return ours;
}

static bool take_maps(struct tacit_sensor *sensor)
{
	for (unsigned i = 0; i < TACIT_MAP_COUNT; i++) {
		sensor->map_fd[i] = get(sensor, tacit_sensor_map_name[i], "");
		if (sensor->map_fd[i] < 0 || !tacit_sensor_map_fits(sensor, i, sensor->map_fd[i]))
			return false;
	}
	return is_ours(sensor);
}

/* Descriptor of the link, or an error; nothing is kept then. */
static int take_program(struct tacit_sensor *sensor, const char *name)
{
	int program = get(sensor, name, ""), link = get(sensor, name, LINK_SUFFIX);

	if (program < 0 || link < 0) {
		tacit_close_p(&program);
		tacit_close_p(&link);
		return -ENOENT;
	}
	sensor->link_fd[sensor->programs] = link;
	sensor->program_fd[sensor->programs] = program;
	sensor->program_name[sensor->programs] = name;
	sensor->programs++;
	return link;
}

static void take_probes(struct tacit_sensor *sensor)
{
	for (unsigned i = 0; i < TACIT_PROBE_COUNT; i++) {
		int link = take_program(sensor, tacit_probe_get(i)->program);

		if (link >= 0 && i == TACIT_PROBE_TASKS) {
			sensor->task_link_fd = link;
			link = take_program(sensor, TACIT_SENSOR_TASK_EXIT);
		}
		sensor->probe[i] = (struct tacit_sensor_probe){ .observed = link >= 0 };
	}
}

int tacit_sensor_adopt(struct tacit_sensor *sensor)
{
	if (sensor->pin_fd < 0)
		return 0;
	if (take_maps(sensor)) {
		take_probes(sensor);
		return 1;
	}
	put_back_maps(sensor);
	return empty(sensor->pin_fd) < 0 ? -errno : 0;
}

static int pin_maps(const struct tacit_sensor *sensor)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < TACIT_MAP_COUNT; i++)
		r = put(sensor, tacit_sensor_map_name[i], "", sensor->map_fd[i]);
	return r;
}

/* All or nothing: half of it would be removed by the next sensor anyway. */
void tacit_sensor_pin(struct tacit_sensor *sensor)
{
	int r = 0;

	if (sensor->pin_fd < 0)
		return;
	if (!sensor->status.adopted)
		r = pin_maps(sensor);
	for (unsigned i = 0; r == 0 && i < sensor->programs; i++) {
		const char *name = sensor->program_name[i];

		if (sensor->link_fd[i] < 0)
			continue;
		r = put(sensor, name, "", sensor->program_fd[i]);
		if (r == 0)
			r = put(sensor, name, LINK_SUFFIX, sensor->link_fd[i]);
		if (r == -EEXIST) /* taken over */
			r = 0;
	}
	sensor->status.pinned = r == 0;
	if (r < 0) {
		say_why(sensor, sensor->pin_dir, r);
		(void)empty(sensor->pin_fd);
	}
}

int tacit_sensor_forget(const char *pin_dir)
{
	TACIT_AUTO_CLOSE int fd = lock_dir(pin_dir);
	int n;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	n = empty(fd);
	if (n >= 0)
		(void)rmdir(pin_dir);
	return n;
}
