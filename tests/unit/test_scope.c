/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scope.h"
#include "unit.h"

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *path, *name, *class;
} services[] = {
	{ "/system.slice/nginx.service", "nginx.service", "nginx.service" },
	{ "system.slice/nginx.service", "nginx.service", "nginx.service" },
	{ "/system.slice/nginx.service/worker", "nginx.service", "nginx.service" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
	  "getty@.service" },
	{ "/a.slice/outer.service/inner.service/leaf", "inner.service", "inner.service" },
	{ "/init.scope", "init.scope", "init.scope" },
	{ "/system.slice/run-r0123456789ab.scope", "run-r0123456789ab.scope", "run.scope" },
	{ "/user.slice/user-1000.slice/session-3.scope", "user-1000.slice", "user.slice" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope", "user-1000.slice",
	  "user.slice" },
	{ "/system.slice/docker-" ID64 ".scope", "docker-0123456789ab", "docker" },
	{ "/system.slice/docker-" ID64 ".scope/system.slice/nginx.service", "docker-0123456789ab",
	  "docker" },
	{ "/machine.slice/libpod-" ID64 ".scope/container", "libpod-0123456789ab", "libpod" },
	{ "/machine.slice/libpod-conmon-" ID64 ".scope", "libpod-conmon-0123456789ab",
	  "libpod-conmon" },
	{ "/kubepods.slice/kubepods-pod1_2.slice/cri-containerd-" ID64 ".scope",
	  "cri-containerd-0123456789ab", "cri-containerd" },
	{ "/kubepods/burstable/pod1b2c/" ID64, "kubepods-0123456789ab", "kubepods" },
	{ "/docker/" ID64, "docker-0123456789ab", "docker" },
	{ "/" ID64, "container-0123456789ab", "container" },
	{ "/batch/job7", "job7", "job7" },
	{ "/system.slice", "system.slice", "system.slice" },
	{ "/x/dev-disk\\x2dby.service", "dev-disk_x2dby.service", "dev-disk_x2dby.service" },
	{ "/x/a b,c\"d\n", "a_b_c_d_", "a_b_c_d_" },
	{ "/x/host", "host_", "host_" },
	{ "//x///y.service//", "y.service", "y.service" },
	{ "/.service", ".service", ".service" },
	{ "/x@", "x@", "x@" },
};

static void test_services(void)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		char name[TACIT_SCOPE_NAME_MAX + 1], class[TACIT_SCOPE_CLASS_MAX + 1];

		CU_ASSERT_EQUAL_FATAL(tacit_scope_of_path(services[i].path, name, class), 0);
		if (strcmp(name, services[i].name) != 0 || strcmp(class, services[i].class) != 0)
			printf("# %s: %s %s\n", services[i].path, name, class);
		CU_ASSERT_STRING_EQUAL(name, services[i].name);
		CU_ASSERT_STRING_EQUAL(class, services[i].class);
	}
}

static void test_root_is_the_hosts(void)
{
	char name[TACIT_SCOPE_NAME_MAX + 1] = "kept", class[TACIT_SCOPE_CLASS_MAX + 1] = "kept";

	CU_ASSERT_EQUAL(tacit_scope_of_path("/", name, class), -ENOENT);
	CU_ASSERT_EQUAL(tacit_scope_of_path("", name, class), -ENOENT);
	CU_ASSERT_EQUAL(tacit_scope_of_path("///", name, class), -ENOENT);
	CU_ASSERT_STRING_EQUAL(name, "kept");
	CU_ASSERT_STRING_EQUAL(class, "kept");
}

static bool is_class(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._:-",
			    *c))
			return false;
	return *text != '\0';
}

/* Two long names that differ only at their ends stay two. */
static void test_long_names_stay_apart(void)
{
	char path[2][NAME_MAX + 1], name[2][TACIT_SCOPE_NAME_MAX + 1],
		class[2][TACIT_SCOPE_CLASS_MAX + 1];

	for (int i = 0; i < 2; i++) {
		memset(path[i], 'q', sizeof(path[i]) - 1);
		path[i][sizeof(path[i]) - 1] = '\0';
		path[i][sizeof(path[i]) - 2] = (char)('0' + i);
		CU_ASSERT_EQUAL(tacit_scope_of_path(path[i], name[i], class[i]), 0);
		CU_ASSERT_EQUAL(strlen(name[i]), TACIT_SCOPE_NAME_MAX);
		CU_ASSERT_EQUAL(strlen(class[i]), TACIT_SCOPE_CLASS_MAX);
		CU_ASSERT(is_class(name[i]) && is_class(class[i]));
	}
	CU_ASSERT_STRING_NOT_EQUAL(name[0], name[1]);
	CU_ASSERT_STRING_NOT_EQUAL(class[0], class[1]);
}

static void test_any_bytes_make_a_name(void)
{
	unsigned seed = 20260724, state = seed;

	printf("# seed %u\n", seed);
	for (int i = 0; i < 20000; i++) {
		char path[200], name[TACIT_SCOPE_NAME_MAX + 1], class[TACIT_SCOPE_CLASS_MAX + 1];
		size_t len = (size_t)i % sizeof(path);

		for (size_t k = 0; k < len; k++) {
			state = state * 1664525U + 1013904223U;
			path[k] = "/.@-0af\\x\t\xff"
				  "service"[(state >> 16) % 18];
		}
		path[len] = '\0';
		if (tacit_scope_of_path(path, name, class) == 0)
			CU_ASSERT(is_class(name) && is_class(class) && strcmp(name, "host") != 0);
	}
}

static char place[] = "/tmp/tacit-scope-XXXXXX";

static uint64_t make(const char *path)
{
	char whole[256];
	struct stat st = { 0 };

	(void)snprintf(whole, sizeof(whole), "%s/%s", place, path);
	CU_ASSERT_FATAL(mkdir(whole, 0755) == 0 && stat(whole, &st) == 0);
	return st.st_ino;
}

static void unmake(const char *path)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s/%s", place, path);
	(void)rmdir(whole);
}

struct found {
	unsigned n;
	char path[4][64];
};

static void on_found(void *ctx, size_t index, const char *path)
{
	struct found *found = (struct found *)ctx;

	found->n++;
	(void)snprintf(found->path[index], sizeof(found->path[index]), "%s", path);
}

static void test_walk(void)
{
	uint64_t a, b, ids[3];
	struct found found = { 0 };
	int fd, low;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place));
	(void)make("s.slice");
	a = make("s.slice/a.service");
	(void)make("s.slice/a.service/deep");
	b = make("b.service");
	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);

	low = a < b ? 0 : 1;
	ids[low] = a;
	ids[1 - low] = b;
	ids[2] = UINT64_MAX; /* nobody's */
	CU_ASSERT_EQUAL(tacit_scope_walk(fd, ids, 3, on_found, &found), 2);
	CU_ASSERT_EQUAL(found.n, 2);
	CU_ASSERT_STRING_EQUAL(found.path[low], "s.slice/a.service");
	CU_ASSERT_STRING_EQUAL(found.path[1 - low], "b.service");

	CU_ASSERT_EQUAL(tacit_scope_exists(fd, "b.service", b), 1);
	CU_ASSERT_EQUAL(tacit_scope_exists(fd, "b.service", a), 0);
	unmake("b.service");
	CU_ASSERT_EQUAL(tacit_scope_exists(fd, "b.service", b), 0);
	CU_ASSERT(tacit_scope_walk(-1, ids, 3, on_found, &found) < 0);
	(void)close(fd);
	unmake("s.slice/a.service/deep");
	unmake("s.slice/a.service");
	unmake("s.slice");
	(void)rmdir(place);
}

static const struct {
	const char *mounts, *root;
} tables[] = {
	{ "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "/sys/fs/cgroup" },
	{ "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
	  "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
	  "/sys/fs/cgroup/unified" },
	{ "x /with\\040blank\\134 cgroup2 rw 0 0\n", "/with blank\\" },
	{ "cgroup /sys/fs/cgroup cgroup rw 0 0\n", NULL },
	{ "cgroup2\n/x cgroup2\ncgroup2 /x\n\n", NULL },
	{ "", NULL },
};

static void test_find_root(void)
{
	char file[] = "/tmp/tacit-mounts-XXXXXX", path[TACIT_SCOPE_PATH_MAX];
	int fd = mkstemp(file);

	CU_ASSERT_FATAL(fd >= 0);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		size_t len = strlen(tables[i].mounts);
		int r;

		CU_ASSERT_FATAL(ftruncate(fd, 0) == 0 &&
				pwrite(fd, tables[i].mounts, len, 0) == (ssize_t)len);
		r = tacit_scope_find_root(file, path);
		CU_ASSERT_EQUAL(r, tables[i].root ? 0 : -ENOENT);
		if (r == 0)
			CU_ASSERT_STRING_EQUAL(path, tables[i].root);
	}
	(void)close(fd);
	(void)unlink(file);
	CU_ASSERT_EQUAL(tacit_scope_find_root("/nonexistent/mounts", path), -ENOENT);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "services and classes", test_services },
		{ "the root is the host's", test_root_is_the_hosts },
		{ "long names stay apart", test_long_names_stay_apart },
		{ "any bytes make a name", test_any_bytes_make_a_name },
		{ "walk", test_walk },
		{ "find the hierarchy", test_find_root },
		{ NULL, NULL },
	};

	return unit_main("scope", cases);
}
