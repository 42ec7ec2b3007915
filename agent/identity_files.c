/* SPDX-License-Identifier: MIT */
#include "identity_files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <tacit/cleanup.h>
#include <tacit/log.h>

#include "identity.h"

static int join(char path[PATH_MAX], const char *dir, const char *name, const char *suffix)
{
	int n = snprintf(path, PATH_MAX, "%s/%s%s", dir, name, suffix);

	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

void tacit_identity_set_aside(const char *dir, const char *name, const char *why)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (join(from, dir, name, "") < 0 || join(to, dir, name, ".damaged") < 0)
		return;
	if (rename(from, to) == 0)
		tacit_warning("%s: %s; it is now %s, and this host has to enrol again", from, why,
			      to);
	else
		tacit_warning("%s: %s; cannot set it aside: %s, ignoring", from, why,
			      tacit_strerror(errno));
}

static int is_damage(int r)
{
	return r == TACIT_EDAMAGED || r == TACIT_ESCHEMA || r == -E2BIG;
}

int tacit_identity_load_key(const char *dir, EVP_PKEY **ret)
{
	char path[PATH_MAX];
	int r = join(path, dir, TACIT_IDENTITY_KEY, "");

	if (r == 0)
		r = tacit_key_load(path, ret);
	if (!is_damage(r))
		return r;
	tacit_identity_set_aside(dir, TACIT_IDENTITY_KEY, "not a private key");
	return -ENOENT;
}

int tacit_identity_save_key(const char *dir, const EVP_PKEY *key)
{
	char path[PATH_MAX];
	int r = join(path, dir, TACIT_IDENTITY_KEY, "");

	return r < 0 ? r : tacit_key_save(key, path);
}

static int load_cert(const char *dir, const char *name, X509 **ret)
{
	char path[PATH_MAX];
	int r = join(path, dir, name, "");

	if (r == 0)
		r = tacit_cert_load(path, ret);
	if (!is_damage(r))
		return r;
	tacit_identity_set_aside(dir, name, "not a certificate");
	return -ENOENT;
}

static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		ssize_t n = read(fd, text + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

static int load_url(const char *dir, char **ret)
{
	TACIT_AUTO_CLOSE int fd = -1;
	char path[PATH_MAX], text[TACIT_TOKEN_URL_MAX + 2];
	ssize_t n = join(path, dir, TACIT_IDENTITY_URL, "");
	char *url;

	if (n < 0)
		return (int)n;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read_all(fd, text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (n < 2 || text[n - 1] != '\n' || memchr(text, '\n', (size_t)n) != text + n - 1) {
		tacit_identity_set_aside(dir, TACIT_IDENTITY_URL, "not one line with a URL");
		return -ENOENT;
	}
	url = tacit_strndup(text, (size_t)n - 1);
	if (!url)
		return -ENOMEM;
	*ret = url;
	return 0;
}

int tacit_identity_load_files(const char *dir, X509 **ret_cert, X509 **ret_ca, char **ret_url)
{
	TACIT_CLEANUP(tacit_cert_free_p) X509 *cert = NULL;
	TACIT_CLEANUP(tacit_cert_free_p) X509 *ca = NULL;
	TACIT_AUTO_FREE char *url = NULL;
	int r = load_cert(dir, TACIT_IDENTITY_CERT, &cert);

	if (r == 0)
		r = load_cert(dir, TACIT_IDENTITY_CA, &ca);
	if (r == 0)
		r = load_url(dir, &url);
	if (r < 0)
		return r;
	*ret_cert = TACIT_TAKE(cert);
	*ret_ca = TACIT_TAKE(ca);
	*ret_url = TACIT_TAKE(url);
	return 0;
}

static int save_url(const char *dir, const char *url)
{
	TACIT_AUTO_CLOSE int fd = -1;
	char path[PATH_MAX], new[PATH_MAX];
	int r = join(path, dir, TACIT_IDENTITY_URL, "");

	if (r == 0)
		r = join(new, dir, TACIT_IDENTITY_URL, ".new");
	if (r < 0)
		return r;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n", url) != (int)strlen(url) + 1 || fsync(fd) != 0 ||
	    rename(new, path) != 0) {
		r = errno ? -errno : -EIO;
		(void)unlink(new);
	}
	return r;
}

static int save_cert(const char *dir, const char *name, const X509 *cert)
{
	char path[PATH_MAX];
	int r = join(path, dir, name, "");

	return r < 0 ? r : tacit_cert_save(cert, path);
}

int tacit_identity_save_files(const char *dir, const X509 *cert, const X509 *ca, const char *url)
{
	int r = save_url(dir, url);

	if (r == 0)
		r = save_cert(dir, TACIT_IDENTITY_CA, ca);
	if (r == 0)
		r = save_cert(dir, TACIT_IDENTITY_CERT, cert);
	return r;
}

TACIT_PRINTF(3, 4)
static void explain(char *why, size_t size, const char *format, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
}

/* The credential's path when @path is NULL; -ENOENT without one. */
static int token_path(const char *path, char ret[PATH_MAX], char *why, size_t size)
{
	const char *dir;

	if (path)
		return (size_t)snprintf(ret, PATH_MAX, "%s", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
	dir = secure_getenv("CREDENTIALS_DIRECTORY");
	if (dir)
		return join(ret, dir, TACIT_IDENTITY_CREDENTIAL, "");
	explain(why, size, "there is no credential %s", TACIT_IDENTITY_CREDENTIAL);
	return -ENOENT;
}

static int read_token(int fd, struct tacit_token *ret, char *why, size_t size)
{
	char text[TACIT_TOKEN_TEXT_MAX + 1];
	ssize_t n = read_all(fd, text, sizeof(text));
	int r = (int)n;

	if (n < 0)
		explain(why, size, "cannot read it: %s", tacit_strerror(r));
	else
		r = tacit_token_parse(text, (size_t)n, ret, why, size);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

int tacit_identity_read_token(const char *path, struct tacit_token *ret, char *why, size_t size)
{
	TACIT_AUTO_CLOSE int fd = -1;
	char name[PATH_MAX];
	int r;

	if (path && strcmp(path, "-") == 0)
		return read_token(STDIN_FILENO, ret, why, size);
	r = token_path(path, name, why, size);
	if (r < 0)
		return r;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		r = -errno;
		explain(why, size, "cannot open %s: %s", name, tacit_strerror(r));
		return r;
	}
	return read_token(fd, ret, why, size);
}
