/* SPDX-License-Identifier: MIT */
#include <tacit/notify.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#include "unit.h"

static int listen_at(const char *address)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(sizeof(at.sun_family) + strlen(address));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, address, strlen(address));
	if (address[0] == '@')
		at.sun_path[0] = '\0';
	else
		len++;
	CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&at, len), 0);
	return fd;
}

static void expect_message(int fd, const char *expected)
{
	char text[TACIT_NOTIFY_BYTES_MAX + 1] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	CU_ASSERT_EQUAL(n, (ssize_t)strlen(expected));
	CU_ASSERT_STRING_EQUAL(text, expected);
}

static void test_path(void)
{
	char folder[] = "/tmp/tacit-notify-XXXXXX", path[64];
	TACIT_AUTO_CLOSE int fd = -1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	fd = listen_at(path);
	CU_ASSERT_EQUAL(tacit_notify_send(path, "READY=1\nSTATUS=%s", "serving"), 1);
	expect_message(fd, "READY=1\nSTATUS=serving");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(tacit_notify_send(path, "READY=1"), -ENOENT);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void test_abstract(void)
{
	TACIT_AUTO_CLOSE int fd = -1;
	char address[64];

	(void)snprintf(address, sizeof(address), "@tacit-test-notify-%d", (int)getpid());
	fd = listen_at(address);
	CU_ASSERT_EQUAL(tacit_notify_send(address, "WATCHDOG=1"), 1);
	expect_message(fd, "WATCHDOG=1");
}

static void test_nobody_listens(void)
{
	CU_ASSERT_EQUAL(tacit_notify_send(NULL, "READY=1"), 0);
	CU_ASSERT_EQUAL(tacit_notify_send("", "READY=1"), 0);
}

static void test_bad_address(void)
{
	char longest[200];

	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT_EQUAL(tacit_notify_send(longest, "READY=1"), -EINVAL);
	CU_ASSERT_EQUAL(tacit_notify_send("vsock:2:1234", "READY=1"), -EINVAL);
	CU_ASSERT_EQUAL(tacit_notify_send("relative", "READY=1"), -EINVAL);
	CU_ASSERT_EQUAL(tacit_notify_send("/", "READY=1"), -EINVAL);
}

static void test_too_long_a_message(void)
{
	char text[TACIT_NOTIFY_BYTES_MAX + 1];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CU_ASSERT_EQUAL(tacit_notify_send("@nobody", "%s", text), -E2BIG);
}

static void test_watchdog(void)
{
	char mine[32], other[32];

	(void)snprintf(mine, sizeof(mine), "%d", (int)getpid());
	(void)snprintf(other, sizeof(other), "%d", (int)getpid() + 1);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("30000000", NULL), 15000);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("30000000", mine), 15000);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("30000000", other), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("30000000", "me"), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("1", NULL), 1);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("0", NULL), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms(NULL, mine), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("soon", NULL), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("-5", NULL), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("5s", NULL), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("99999999999999999999999", NULL), 0);
	CU_ASSERT_EQUAL(tacit_notify_watchdog_ms("18446744073709551615", NULL), UINT32_MAX);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "a path", test_path },
		{ "an abstract name", test_abstract },
		{ "nobody listens", test_nobody_listens },
		{ "addresses that are none", test_bad_address },
		{ "a message that is too long", test_too_long_a_message },
		{ "what the watchdog wants", test_watchdog },
		{ NULL, NULL },
	};

	return unit_main("notify", cases);
}
