/* SPDX-License-Identifier: MIT */
#include "aggregator/admin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include <tacit/log.h>
#include <tacit/mem.h>

#include "place.h"
#include "unit.h"

#define PATIENCE_MS 20000U
#define TURNS_MAX   20000

/* "echo" gives back "what"; "large" a long text; "fail" fails, with or without words. */
static int give(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
		size_t size)
{
	static char large[300000];

	(void)ctx;
	if (strcmp(verb, "echo") == 0) {
		*ret = json_pack("{s:O?}", "what", json_object_get(request, "what"));
		return 0;
	}
	if (strcmp(verb, "large") == 0) {
		memset(large, 'x', sizeof(large) - 1);
		*ret = json_pack("{s:s}", "large", large);
		return 0;
	}
	if (strcmp(verb, "fail") == 0)
		return -EBUSY;
	if (strcmp(verb, "explain") == 0) {
		(void)snprintf(why, size, "because of the weather");
		return -EBUSY;
	}
	return -ENOSYS;
}

static void expect_answer(const char *line, int code, const char *expected, const char *named)
{
	TACIT_AUTO_FREE char *reply = NULL;
	char verb[32];

	CU_ASSERT_EQUAL(
		tacit_admin_answer(give, NULL, line, strlen(line), &reply, verb, sizeof(verb)),
		code);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, expected));
	CU_ASSERT_EQUAL(reply[strlen(reply) - 1], '\n');
	CU_ASSERT_PTR_EQUAL(strchr(reply, '\n'), reply + strlen(reply) - 1);
	CU_ASSERT_STRING_EQUAL(verb, named);
}

static void test_answer(void)
{
	expect_answer("{\"verb\":\"echo\",\"what\":[1,2]}", 0, "{\"what\":[1,2]}", "echo");
	expect_answer("{\"verb\":\"fail\"}", -EBUSY, "\"error\":\"", "fail");
	expect_answer("{\"verb\":\"explain\"}", -EBUSY, "because of the weather", "explain");
	expect_answer("{\"verb\":\"sing\"}", -ENOSYS, "no such verb", "sing");
	expect_answer("", -EINVAL, "not JSON", "?");
	expect_answer("{", -EINVAL, "not JSON", "?");
	expect_answer("[]", -EINVAL, "\"verb\\\"", "?");
	expect_answer("{}", -EINVAL, "\"verb\\\"", "?");
	expect_answer("{\"verb\":7}", -EINVAL, "\"verb\\\"", "?");
	expect_answer("{\"verb\":\"a\",\"verb\":\"b\"}", -EINVAL, "not JSON", "?");
	expect_answer("{\"verb\":\"\\u001b[2J\"}", -ENOSYS, "no such verb", "?");
	expect_answer("{\"verb\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", -ENOSYS,
		      "no such verb", "?");
}

static void test_answer_out_of_memory(void)
{
	static const char line[] = "{\"verb\":\"echo\"}";
	char *reply = NULL, verb[32];

	unit_fail_alloc(0);
	CU_ASSERT_EQUAL(
		tacit_admin_answer(give, NULL, line, strlen(line), &reply, verb, sizeof(verb)),
		-ENOMEM);
	unit_fail_alloc(-1);
	CU_ASSERT_PTR_NULL(reply);
}

/* A door in a folder of its own; the loop runs while someone asks from another thread. */
struct door {
	struct place place;
	char path[128];
	struct event_base *base;
	struct tacit_admin *admin;
};

static void open_door(struct door *door)
{
	door->place = place_new();
	(void)snprintf(door->path, sizeof(door->path), "%s/admin", door->place.folder);
	door->base = event_base_new();
	door->admin = NULL;
	CU_ASSERT_EQUAL_FATAL(tacit_admin_listen(&(struct tacit_admin_params){ .base = door->base,
									       .path = door->path,
									       .handle = give },
						 &door->admin),
			      0);
}

static void close_door(struct door *door)
{
	tacit_admin_free(door->admin);
	CU_ASSERT_NOT_EQUAL(access(door->path, F_OK), 0);
	event_base_free(door->base);
	place_done(&door->place);
}

struct question {
	const char *path, *verb;
	json_t *answer;
	char why[128];
	int result;
	volatile bool done;
};

static void *ask_in_thread(void *arg)
{
	struct question *question = (struct question *)arg;
	json_t *request = json_pack("{s:s, s:s}", "verb", question->verb, "what", "ever");

	question->result = tacit_admin_call(question->path, request, PATIENCE_MS, &question->answer,
					    question->why, sizeof(question->why));
	json_decref(request);
	__atomic_store_n(&question->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static struct question ask(struct door *door, const char *verb)
{
	struct question question = { .path = door->path, .verb = verb };
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask_in_thread, &question), 0);
	while (!__atomic_load_n(&question.done, __ATOMIC_ACQUIRE)) {
		(void)event_base_loop(door->base, EVLOOP_NONBLOCK);
		(void)usleep(200);
	}
	(void)pthread_join(thread, NULL);
	return question;
}

static void test_call(void)
{
	struct question question;
	struct door door;
	struct stat st;

	open_door(&door);
	CU_ASSERT_EQUAL(stat(door.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	question = ask(&door, "echo");
	CU_ASSERT_EQUAL(question.result, 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(question.answer, "what")), "ever");
	json_decref(question.answer);

	question = ask(&door, "large");
	CU_ASSERT_EQUAL(question.result, 0);
	CU_ASSERT_EQUAL(json_string_length(json_object_get(question.answer, "large")), 299999);
	json_decref(question.answer);

	question = ask(&door, "explain");
	CU_ASSERT_EQUAL(question.result, TACIT_EREFUSED);
	CU_ASSERT_STRING_EQUAL(question.why, "because of the weather");
	CU_ASSERT_PTR_NULL(question.answer);
	close_door(&door);
}

static void test_nobody(void)
{
	struct door door;
	json_t *request = json_pack("{s:s}", "verb", "echo"), *answer = NULL;
	char path[200];

	open_door(&door);
	(void)snprintf(path, sizeof(path), "%s/other", door.place.folder);
	CU_ASSERT_EQUAL(tacit_admin_call(path, request, 100, &answer, NULL, 0), -ENOENT);
	/* Nobody turns the loop. */
	CU_ASSERT_EQUAL(tacit_admin_call(door.path, request, 50, &answer, NULL, 0), -ETIMEDOUT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CU_ASSERT_EQUAL(tacit_admin_call(path, request, 50, &answer, NULL, 0), -ENAMETOOLONG);
	CU_ASSERT_PTR_NULL(answer);
	json_decref(request);
	close_door(&door);
}

/* One door at a time; one that was left behind is replaced; a file of another kind is not. */
static void test_path(void)
{
	struct tacit_admin_params params = { .handle = give };
	struct tacit_admin *second = NULL;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct door door;
	int fd;

	open_door(&door);
	params.base = door.base;
	params.path = door.path;
	CU_ASSERT_EQUAL(tacit_admin_listen(&params, &second), -EADDRINUSE);
	tacit_admin_free(door.admin);

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)strcpy(at.sun_path, door.path);
	CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	(void)close(fd);
	CU_ASSERT_EQUAL(tacit_admin_listen(&params, &door.admin), 0);

	params.path = place_write(&door.place, "precious", "x", 1);
	CU_ASSERT_EQUAL(tacit_admin_listen(&params, &second), -EEXIST);
	CU_ASSERT_EQUAL(access(params.path, F_OK), 0);
	params.path = "/nonexistent/admin";
	CU_ASSERT_EQUAL(tacit_admin_listen(&params, &second), -ENOENT);
	CU_ASSERT_PTR_NULL(second);
	close_door(&door);
}

/* Sends bytes as they are, and takes what comes back until the end. */
static size_t talk(struct door *door, const char *text, size_t len, char *reply, size_t size)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t sent = 0, got = 0;

	(void)strcpy(at.sun_path, door->path);
	CU_ASSERT_EQUAL(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t n;

		if (sent < len) {
			n = send(fd, text + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
		}
		(void)event_base_loop(door->base, EVLOOP_NONBLOCK);
		n = recv(fd, reply + got, size - 1 - got, MSG_DONTWAIT);
		if (n == 0)
			break;
		got += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno == ECONNRESET)
			break;
	}
	reply[got] = '\0';
	(void)close(fd);
	return got;
}

static void test_hostile(void)
{
	static char junk[2 * TACIT_ADMIN_REQUEST_MAX];
	struct door door;
	char reply[1024];

	open_door(&door);
	CU_ASSERT_TRUE(talk(&door, "what?\n", 6, reply, sizeof(reply)) > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "not JSON"));
	CU_ASSERT_TRUE(talk(&door, "\0\n", 2, reply, sizeof(reply)) > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "not JSON"));
	memset(junk, 'x', sizeof(junk));
	(void)talk(&door, junk, sizeof(junk), reply, sizeof(reply)); /* no newline, ever */
	CU_ASSERT_TRUE(talk(&door, "{\"verb\":\"echo\"}\n{\"verb\":\"echo\"}\n", 32, reply,
			    sizeof(reply)) > 0);
	CU_ASSERT_STRING_EQUAL(reply, "{\"what\":null}\n"); /* one line, one answer */
	CU_ASSERT_EQUAL(ask(&door, "fail").result, TACIT_EREFUSED);
	close_door(&door);
}

/* Those who say nothing do not keep others out for ever: there is a limit to them. */
static void test_crowd(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd[TACIT_ADMIN_PEERS_MAX + 1];
	struct door door;
	char byte;

	open_door(&door);
	(void)strcpy(at.sun_path, door.path);
	for (size_t i = 0; i <= TACIT_ADMIN_PEERS_MAX; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CU_ASSERT_EQUAL(connect(fd[i], (const struct sockaddr *)&at, sizeof(at)), 0);
		(void)event_base_loop(door.base, EVLOOP_NONBLOCK);
	}
	CU_ASSERT_EQUAL(recv(fd[TACIT_ADMIN_PEERS_MAX], &byte, 1, MSG_DONTWAIT), 0);
	CU_ASSERT_EQUAL(recv(fd[0], &byte, 1, MSG_DONTWAIT), -1);
	for (size_t i = 0; i <= TACIT_ADMIN_PEERS_MAX; i++)
		(void)close(fd[i]);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(door.base, EVLOOP_NONBLOCK);
	CU_ASSERT_EQUAL(ask(&door, "fail").result, TACIT_EREFUSED);
	close_door(&door);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a line is answered with a line", test_answer },
		{ "out of memory", test_answer_out_of_memory },
		{ "over the socket", test_call },
		{ "nobody answers", test_nobody },
		{ "the socket's path", test_path },
		{ "hostile bytes", test_hostile },
		{ "a crowd", test_crowd },
		{ NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("admin", cases);
}
