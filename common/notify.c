/* SPDX-License-Identifier: MIT */
#include <tacit/notify.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <tacit/cleanup.h>

static int parse_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_len)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(ret->sun_path))
		return -EINVAL;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, text, len);
	if (text[0] == '@') /* abstract: the name is not NUL-terminated */
		ret->sun_path[0] = '\0';
	else
		len++;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int tacit_notify_send(const char *address, const char *format, ...)
{
	TACIT_AUTO_CLOSE int fd = -1;
	char text[TACIT_NOTIFY_BYTES_MAX];
	struct sockaddr_un to;
	socklen_t to_len;
	va_list args;
	int len, r;

	if (!address || address[0] == '\0')
		return 0;
	r = parse_address(address, &to, &to_len);
	if (r < 0)
		return r;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		return -E2BIG;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&to, to_len) < 0)
		return -errno;
	return 1;
}

static int parse_number(const char *text, unsigned long long *ret)
{
	unsigned long long value;
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end != '\0')
		return -EINVAL;
	*ret = value;
	return 0;
}

uint32_t tacit_notify_watchdog_ms(const char *usec, const char *pid)
{
	unsigned long long period, whom;

	if (parse_number(usec, &period) < 0 || period == 0)
		return 0;
	if (pid && (parse_number(pid, &whom) < 0 || whom != (unsigned long long)getpid()))
		return 0;
	period /= 2000;
	if (period > UINT32_MAX)
		return UINT32_MAX;
	return period > 0 ? (uint32_t)period : 1;
}
