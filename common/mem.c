/* SPDX-License-Identifier: MIT */
#include <tacit/mem.h>

#include <stdlib.h>
#include <string.h>

void tacit_free(void *ptr)
{
	free(ptr);
}

void *tacit_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void *tacit_realloc(void *ptr, size_t n, size_t size)
{
	return reallocarray(ptr, n, size);
}

char *tacit_strndup(const char *text, size_t len)
{
	return strndup(text, len);
}

char *tacit_strdup(const char *text)
{
	return strdup(text);
}

void *tacit_memdup(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	if (copy && len)
		memcpy(copy, data, len);
	return copy;
}

void tacit_wipe(void *data, size_t len)
{
	explicit_bzero(data, len);
}
