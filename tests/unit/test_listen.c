/* SPDX-License-Identifier: MIT */
#include "aggregator/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static int family_of(const char *text, const char *host, unsigned port)
{
	struct tacit_listen_address address;
	char found[INET6_ADDRSTRLEN] = "";

	if (tacit_listen_parse(text, &address) < 0)
		return -1;
	if (address.at.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.at;

		(void)inet_ntop(AF_INET, &v4->sin_addr, found, sizeof(found));
		CU_ASSERT_EQUAL(ntohs(v4->sin_port), port);
	} else {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.at;

		(void)inet_ntop(AF_INET6, &v6->sin6_addr, found, sizeof(found));
		CU_ASSERT_EQUAL(ntohs(v6->sin6_port), port);
	}
	CU_ASSERT_STRING_EQUAL(found, host);
	return address.at.ss_family;
}

static void test_parse(void)
{
	static const char *const bad[] = {
		"",	    ":",	 "127.0.0.1",	   "127.0.0.1:",    "127.0.0.1:65536",
		"::1:80",   "[::1:80",	 "::1]:80",	   "[::1]",	    "127.0.0.1:-1",
		"a.b.c:80", "1.2.3:80x", "127.0.0.1:0x50", "127.0.0.1: 80", "127.0.0.256:80",
		"[]:80x",   "[::g]:80",
	};

	CU_ASSERT_EQUAL(family_of("127.0.0.1:8443", "127.0.0.1", 8443), AF_INET);
	CU_ASSERT_EQUAL(family_of("localhost:0", "127.0.0.1", 0), AF_INET);
	CU_ASSERT_EQUAL(family_of("[::1]:65535", "::1", 65535), AF_INET6);
	CU_ASSERT_EQUAL(family_of(":443", "::", 443), AF_INET6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(family_of(bad[i], "", 0), -1);
}

static void test_open(void)
{
	struct tacit_listen_address address;
	char first[TACIT_LISTEN_TEXT_MAX], second[TACIT_LISTEN_TEXT_MAX];
	int fd[3], more[1];
	uint16_t port;

	CU_ASSERT_EQUAL(tacit_listen_parse("127.0.0.1:0", &address), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_listen_open(&address, 3, fd), 0);
	port = tacit_listen_name(fd[0], first);
	CU_ASSERT_NOT_EQUAL(port, 0);
	CU_ASSERT_EQUAL(tacit_listen_name(fd[2], second), port);
	CU_ASSERT_STRING_EQUAL(first, second);

	/* Someone else may not listen there, too. */
	CU_ASSERT_EQUAL(tacit_listen_parse(first, &address), 0);
	CU_ASSERT_EQUAL(tacit_listen_open(&address, 1, more), -EADDRINUSE);
	for (int i = 0; i < 3; i++)
		(void)close(fd[i]);
	CU_ASSERT_EQUAL_FATAL(tacit_listen_open(&address, 1, more), 0);
	(void)close(more[0]);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "addresses", test_parse },
		{ "sockets", test_open },
		{ NULL, NULL },
	};

	return unit_main("listen", cases);
}
