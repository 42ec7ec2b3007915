/* SPDX-License-Identifier: MIT */
/* What Landlock refuses, one by one. */
#include "agent/confine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <tacit/notify.h>

#include "scene.h"

/* What is refused to everybody shows nothing of the confinement. */
static void expect_refused(struct scene *scene, int error)
{
	int confined;

	scene->files = true;
	confined = elsewhere(play, scene);
	scene->files = false;
	if (elsewhere(play, scene) == error)
		unit_skip("refused to this user by this kernel anyway");
	CU_ASSERT_EQUAL(confined, error);
}

/* Whether the kernel can; else the case is skipped. */
static bool needs_abi(int abi)
{
	if (kernels_abi() < abi)
		unit_skip("this kernel's Landlock cannot do that");
	return kernels_abi() >= abi;
}

#define REFUSED(attempt, abi, error)                                                               \
	static void test_##attempt(void)                                                           \
	{                                                                                          \
		SCENE(scene, attempt);                                                             \
                                                                                                   \
		if (needs_abi(abi))                                                                \
			expect_refused(&scene, error);                                             \
	}

static int open_foreign(struct scene *scene, int flags)
{
	return error_of(open(place_file(&scene->foreign, "file"), flags | O_CLOEXEC));
}

static int write_elsewhere(struct scene *scene)
{
	return open_foreign(scene, O_WRONLY);
}

static int read_elsewhere(struct scene *scene)
{
	return open_foreign(scene, O_RDONLY);
}

static int create_elsewhere(struct scene *scene)
{
	return error_of(open(place_file(&scene->foreign, "new"), O_WRONLY | O_CREAT, 0600));
}

static int list_elsewhere(struct scene *scene)
{
	return error_of(open(scene->foreign.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int remove_elsewhere(struct scene *scene)
{
	return error_of(unlink(place_file(&scene->foreign, "file")));
}

static int truncate_elsewhere(struct scene *scene)
{
	return error_of(truncate(place_file(&scene->foreign, "file"), 0));
}

static int write_configuration(struct scene *scene)
{
	return error_of(open(scene->conf, O_WRONLY | O_CLOEXEC));
}

static int write_into_run(struct scene *scene)
{
	return error_of(open(place_file(&scene->ours, "run/file"), O_WRONLY | O_CREAT, 0600));
}

static int bind_port(struct scene *scene)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)scene;
	return error_of(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
}

/* Listens at an abstract address before confinement; who comes after it is outside. */
static int speak_to_abstract_socket(struct scene *scene)
{
	char address[128];
	int r;

	(void)snprintf(address, sizeof(address), "@%s", scene->ours.folder);
	r = tacit_notify_send(address, "READY=1");
	return r < 0 ? -r : 0;
}

static int listen_at(const struct scene *scene)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(scene->ours.folder);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path + 1, scene->ours.folder, len);
	CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)),
			0);
	return fd;
}

static void test_abstract_socket(void)
{
	SCENE(scene, speak_to_abstract_socket);
	TACIT_AUTO_CLOSE int fd = listen_at(&scene);

	if (!needs_abi(6))
		return;
	expect_refused(&scene, EPERM);
	scene.files = scene.abstract_sockets = true;
	CU_ASSERT_EQUAL(elsewhere(play, &scene), 0);
	(void)fd;
}

static int run_true(struct scene *scene)
{
	char *const words[] = { NULL };

	(void)scene;
	return error_of(execve("/bin/true", words, words));
}

static int signal_parent(struct scene *scene)
{
	(void)scene;
	return error_of(kill(getppid(), 0));
}

REFUSED(write_elsewhere, 1, EACCES)
REFUSED(read_elsewhere, 1, EACCES)
REFUSED(create_elsewhere, 1, EACCES)
REFUSED(list_elsewhere, 1, EACCES)
REFUSED(remove_elsewhere, 1, EACCES)
REFUSED(truncate_elsewhere, 3, EACCES)
REFUSED(write_configuration, 1, EACCES)
REFUSED(write_into_run, 1, EACCES)
REFUSED(run_true, 1, EACCES)
REFUSED(bind_port, 4, EACCES)
REFUSED(signal_parent, 6, EPERM)

int main(void)
{
	static const struct unit_case cases[] = {
		{ "no file is written elsewhere", test_write_elsewhere },
		{ "no file is read elsewhere", test_read_elsewhere },
		{ "no file is made elsewhere", test_create_elsewhere },
		{ "no folder is listed elsewhere", test_list_elsewhere },
		{ "no file is removed elsewhere", test_remove_elsewhere },
		{ "no file is cut short elsewhere", test_truncate_elsewhere },
		{ "the configuration is not written", test_write_configuration },
		{ "the socket's folder has sockets only", test_write_into_run },
		{ "no file is executed", test_run_true },
		{ "no TCP port is bound", test_bind_port },
		{ "no other process is signalled", test_signal_parent },
		{ "abstract sockets are out of reach, or not", test_abstract_socket },
		{ NULL, NULL },
	};

	return unit_main("confine_files", cases);
}
