/* SPDX-License-Identifier: MIT */
/*
 * The only way to the heap. Out of line on purpose: tests can make any call
 * fail, and analysers that do not know cleanup attributes stay quiet.
 */
#ifndef TACIT_MEM_H
#define TACIT_MEM_H

#include <stddef.h>

/* NULL is fine. Releases whatever the functions below returned. */
void tacit_free(void *ptr);

/* gcc 11+ pairs allocator and release for -fanalyzer; clang has only the first. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define TACIT_ALLOCATES __attribute__((malloc, malloc(tacit_free, 1), warn_unused_result))
#else
#define TACIT_ALLOCATES __attribute__((malloc, warn_unused_result))
#endif

/* Zeroed array of @n elements of @size bytes; NULL when out of memory or when
 * @n * @size does not fit size_t. */
TACIT_ALLOCATES void *tacit_calloc(size_t n, size_t size);

/* Resizes @ptr (NULL or one of ours) to @n elements of @size bytes; new bytes are
 * not zeroed. NULL on failure, and then @ptr is still the caller's. */
__attribute__((warn_unused_result)) void *tacit_realloc(void *ptr, size_t n, size_t size);

/* Copies at most @len bytes of @text and adds a NUL; NULL when out of memory. */
TACIT_ALLOCATES char *tacit_strndup(const char *text, size_t len);

/* Copies @text and its NUL; NULL when out of memory. */
TACIT_ALLOCATES char *tacit_strdup(const char *text);

/* Copies @len bytes (one byte is allocated when @len is 0); NULL when out of memory. */
TACIT_ALLOCATES void *tacit_memdup(const void *data, size_t len);

/* Overwrites @len bytes in a way that no compiler takes away; for secrets that are done with. */
void tacit_wipe(void *data, size_t len);

#define TACIT_NEW(type)      ((type *)tacit_calloc(1, sizeof(type)))
#define TACIT_NEW_N(type, n) ((type *)tacit_calloc((n), sizeof(type)))

#endif /* TACIT_MEM_H */
