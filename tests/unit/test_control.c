/* SPDX-License-Identifier: MIT */
#include "agent/control.h"

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

#include "place.h"
#include "unit.h"

#define PATIENCE_MS 20000U
#define LONG_TEXT   300000U

/* Verbs: "endless" answers more than may be said, "echo" answers its "what", "long" with many bytes, "refuse" with words, "fail" without. */
static int handle(void *ctx, const char *verb, const json_t *request, json_t **ret, char *why,
		  size_t size)
{
	static char text[LONG_TEXT + 1], endless[TACIT_CONTROL_REPLY_MAX];

	++*(unsigned *)ctx;
	if (strcmp(verb, "endless") == 0) {
		memset(endless, 'x', sizeof(endless) - 1);
		*ret = json_pack("{s:s}", "text", endless);
		return 0;
	}
	if (strcmp(verb, "echo") == 0) {
		*ret = json_pack("{s:O?}", "said", json_object_get(request, "what"));
		return 0;
	}
	if (strcmp(verb, "long") == 0) {
		memset(text, 'x', LONG_TEXT);
		*ret = json_pack("{s:s}", "text", text);
		return 0;
	}
	if (strcmp(verb, "refuse") == 0) {
		(void)snprintf(why, size, "not on a \xc3\xbc Sunday\x1b[2J");
		return TACIT_EREFUSED;
	}
	return strcmp(verb, "fail") == 0 ? -EBUSY : -ENOSYS;
}

static void expect(const char *line, int code, const char *part)
{
	TACIT_AUTO_FREE char *reply = NULL;
	unsigned calls = 0;

	CU_ASSERT_EQUAL(tacit_control_answer(handle, &calls, line, strlen(line), &reply), code);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, part));
	/* One line, whatever was asked. */
	CU_ASSERT_PTR_EQUAL(strchr(reply, '\n'), reply + strlen(reply) - 1);
	CU_ASSERT_EQUAL(code == 0, strstr(reply, "\"error\"") == NULL);
	CU_ASSERT_EQUAL(calls, code == -EINVAL ? 0 : 1);
}

static void test_answer(void)
{
	expect("{\"verb\":\"echo\",\"what\":[1,\"a\\nb\"]}", 0, "{\"said\":[1,\"a\\nb\"]}");
	expect("  {\"verb\": \"echo\"}\r", 0, "{\"said\":null}");
	expect("{\"verb\":\"refuse\"}", TACIT_EREFUSED, "not on a ?? Sunday?[2J");
	expect("{\"verb\":\"fail\"}", -EBUSY, tacit_strerror(-EBUSY));
	expect("{\"verb\":\"endless\"}", -E2BIG, "ask for less");
	expect("{\"verb\":\"sing\"}", -ENOSYS, "unknown verb \\\"sing\\\"");
}

static void test_answer_hostile(void)
{
	static char long_line[TACIT_CONTROL_REQUEST_MAX];
	TACIT_AUTO_FREE char *reply = NULL;
	unsigned calls = 0;

	expect("", -EINVAL, "not JSON");
	expect("{\"verb\":\"echo\"", -EINVAL, "not JSON");
	expect("{\"verb\":\"echo\"} {}", -EINVAL, "not JSON");
	expect("{\"verb\":\"echo\",\"verb\":\"fail\"}", -EINVAL, "not JSON");
	expect("{\"verb\":\"e\xff\"}", -EINVAL, "not JSON");
	expect("{\"verb\":\"a\\u0000b\"}", -EINVAL, "not JSON");
	expect("[\"verb\"]", -EINVAL, "not an object with");
	expect("{\"verb\":7}", -EINVAL, "not an object with");
	memset(long_line, ' ', sizeof(long_line));
	CU_ASSERT_EQUAL(tacit_control_answer(handle, &calls, long_line, sizeof(long_line), &reply),
			-E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "too long"));
	CU_ASSERT_EQUAL(calls, 0);
}

static void test_answer_out_of_memory(void)
{
	static const char line[] = "{\"verb\":\"echo\"}";
	char *reply = NULL;
	unsigned calls = 0;
	int nth = 0, r;

	do {
		unit_fail_alloc(nth++);
		r = tacit_control_answer(handle, &calls, line, strlen(line), &reply);
		unit_fail_alloc(-1);
		CU_ASSERT_TRUE(r == 0 || r == -ENOMEM);
		CU_ASSERT_EQUAL(reply == NULL, r == -ENOMEM);
		tacit_free(reply);
		reply = NULL;
	} while (r < 0);
	CU_ASSERT_TRUE(nth > 1);
}

/* A control socket in a folder of its own. */
struct door {
	struct place place;
	struct event_base *base;
	struct tacit_control *control;
	char path[80];
	unsigned calls;
};

static struct tacit_control_params params_of(struct door *door)
{
	return (struct tacit_control_params){
		.base = door->base, .path = door->path, .handle = handle, .ctx = &door->calls
	};
}

static void door_open(struct door *door)
{
	struct tacit_control_params params;

	*door = (struct door){ .place = place_new(), .base = event_base_new() };
	(void)snprintf(door->path, sizeof(door->path), "%s/control", door->place.folder);
	params = params_of(door);
	CU_ASSERT_EQUAL_FATAL(tacit_control_listen(&params, &door->control), 0);
}

static void door_close(struct door *door)
{
	tacit_control_free(door->control);
	CU_ASSERT_EQUAL(access(door->path, F_OK), -1);
	event_base_free(door->base);
	place_done(&door->place);
}

struct caller {
	const char *path, *verb;
	json_t *answer;
	char why[128];
	int result;
	bool done;
};

static void *call(void *arg)
{
	struct caller *caller = (struct caller *)arg;
	json_auto_t *request = json_pack("{s:s, s:i}", "verb", caller->verb, "what", 7);

	caller->result = tacit_control_call(caller->path, request, PATIENCE_MS, &caller->answer,
					    caller->why, sizeof(caller->why));
	__atomic_store_n(&caller->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The daemon's loop turns here while the command asks from a thread. */
static struct caller call_through(struct door *door, const char *verb)
{
	struct caller caller = { .path = door->path, .verb = verb };
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, call, &caller), 0);
	while (!__atomic_load_n(&caller.done, __ATOMIC_ACQUIRE)) {
		(void)event_base_loop(door->base, EVLOOP_NONBLOCK);
		(void)usleep(100);
	}
	(void)pthread_join(thread, NULL);
	return caller;
}

static void test_call(void)
{
	struct caller caller;
	struct door door;
	struct stat st;

	door_open(&door);
	CU_ASSERT_EQUAL(stat(door.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0660);

	caller = call_through(&door, "echo");
	CU_ASSERT_EQUAL(caller.result, 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(caller.answer, "said")), 7);
	json_decref(caller.answer);

	caller = call_through(&door, "long");
	CU_ASSERT_EQUAL(caller.result, 0);
	CU_ASSERT_EQUAL(json_string_length(json_object_get(caller.answer, "text")), LONG_TEXT);
	json_decref(caller.answer);

	caller = call_through(&door, "refuse");
	CU_ASSERT_EQUAL(caller.result, TACIT_EREFUSED);
	CU_ASSERT_STRING_EQUAL(caller.why, "not on a ?? Sunday?[2J");
	CU_ASSERT_PTR_NULL(caller.answer);
	CU_ASSERT_EQUAL(door.calls, 3);
	door_close(&door);
}

static void test_call_nobody(void)
{
	json_auto_t *request = json_pack("{s:s}", "verb", "echo");
	char too_long[300];
	json_t *answer = NULL;
	struct door door;

	door_open(&door);
	CU_ASSERT_EQUAL(tacit_control_call(door.path, request, 20, &answer, NULL, 0), -ETIMEDOUT);
	CU_ASSERT_EQUAL(tacit_control_call(place_file(&door.place, "none"), request, PATIENCE_MS,
					   &answer, NULL, 0),
			-ENOENT);
	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	CU_ASSERT_EQUAL(tacit_control_call(too_long, request, PATIENCE_MS, &answer, NULL, 0),
			-ENAMETOOLONG);
	CU_ASSERT_PTR_NULL(answer);
	door_close(&door);
}

static int bound_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_listen_path(void)
{
	struct tacit_control *second = NULL;
	struct tacit_control_params params;
	struct door door;

	door_open(&door);
	params = params_of(&door);
	CU_ASSERT_EQUAL(tacit_control_listen(&params, &second), -EADDRINUSE);

	/* What a killed daemon left behind is replaced. */
	tacit_control_free(TACIT_TAKE(door.control));
	(void)close(bound_socket(door.path));
	CU_ASSERT_EQUAL(tacit_control_listen(&params, &door.control), 0);

	/* What is not a socket is somebody's file. */
	params.path = place_write(&door.place, "file", "x", 1);
	CU_ASSERT_EQUAL(tacit_control_listen(&params, &second), -EEXIST);
	CU_ASSERT_EQUAL(access(params.path, F_OK), 0);
	params.path = "/nonexistent/control";
	CU_ASSERT_EQUAL(tacit_control_listen(&params, &second), -ENOENT);
	CU_ASSERT_PTR_NULL(second);
	door_close(&door);
}

static int connect_to(const struct door *door)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", door->path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(const struct door *door)
{
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(door->base, EVLOOP_NONBLOCK);
}

/* Says @len bytes, and nothing more when @end; what came back is in @reply. */
static void talk(const struct door *door, const char *text, size_t len, bool end, char *reply,
		 size_t size)
{
	int fd = connect_to(door);
	ssize_t n;

	for (size_t sent = 0; sent < len; sent += n > 0 ? (size_t)n : 0) {
		n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break;
		turn(door);
	}
	if (end)
		(void)shutdown(fd, SHUT_WR);
	turn(door);
	n = recv(fd, reply, size - 1, 0);
	reply[n > 0 ? n : 0] = '\0';
	(void)close(fd);
	turn(door);
}

static void test_hostile_peers(void)
{
	static const char echo[] = "{\"verb\":\"echo\"}\n";
	static char junk[3 * TACIT_CONTROL_REQUEST_MAX];
	struct door door;
	char reply[512];

	door_open(&door);
	talk(&door, "GET / HTTP/1.1\r\n", 16, false, reply, sizeof(reply));
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "not JSON"));
	talk(&door, "{\"verb\":", 8, true, reply, sizeof(reply)); /* cut short */
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "not JSON"));
	talk(&door, "", 0, true, reply, sizeof(reply)); /* nothing at all */
	CU_ASSERT_STRING_EQUAL(reply, "");
	talk(&door, "\0\0\0\n", 4, false, reply, sizeof(reply));
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "not JSON"));
	memset(junk, '{', sizeof(junk));
	talk(&door, junk, sizeof(junk), false, reply, sizeof(reply)); /* no end of line, ever */
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "too long"));
	CU_ASSERT_EQUAL(door.calls, 0);
	talk(&door, echo, strlen(echo), true, reply, sizeof(reply));
	CU_ASSERT_STRING_EQUAL(reply, "{\"said\":null}\n");
	CU_ASSERT_EQUAL(door.calls, 1);
	door_close(&door);
}

/* Whoever comes when the room is full waits until another has gone. */
static void test_crowd(void)
{
	static const char echo[] = "{\"verb\":\"echo\"}\n";
	int fd[TACIT_CONTROL_PEERS_MAX + 1];
	struct door door;
	char reply[64];

	door_open(&door);
	for (size_t i = 0; i < TACIT_ARRAY_LEN(fd); i++) {
		fd[i] = connect_to(&door);
		turn(&door);
	}
	CU_ASSERT_TRUE(send(fd[TACIT_CONTROL_PEERS_MAX], echo, strlen(echo), MSG_NOSIGNAL) > 0);
	turn(&door);
	CU_ASSERT_EQUAL(door.calls, 0);
	(void)close(fd[0]);
	turn(&door);
	CU_ASSERT_EQUAL(door.calls, 1);
	CU_ASSERT_TRUE(recv(fd[TACIT_CONTROL_PEERS_MAX], reply, sizeof(reply), 0) > 0);
	/* The rest go with the door: nothing may leak or be used after. */
	door_close(&door);
	for (size_t i = 1; i < TACIT_ARRAY_LEN(fd); i++)
		(void)close(fd[i]);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a line is answered with a line", test_answer },
		{ "hostile lines", test_answer_hostile },
		{ "out of memory", test_answer_out_of_memory },
		{ "over the socket", test_call },
		{ "nobody answers", test_call_nobody },
		{ "the socket's path", test_listen_path },
		{ "hostile peers", test_hostile_peers },
		{ "a crowd waits", test_crowd },
		{ NULL, NULL },
	};

	tacit_log_set_level(TACIT_LOG_ERROR);
	return unit_main("control", cases);
}
