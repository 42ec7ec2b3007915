/* SPDX-License-Identifier: MIT */
/*
 * Scope-bound ownership: a local marked TACIT_CLEANUP(fn) is released when its
 * block is left, on every path. Always initialise such a local.
 */
#ifndef TACIT_CLEANUP_H
#define TACIT_CLEANUP_H

#include <unistd.h>

#include <tacit/mem.h>

#define TACIT_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Makes fn_p(), the pointer-to-pointer form that TACIT_CLEANUP() wants. */
#define TACIT_DEFINE_CLEANUP(type, fn)                                                             \
	static inline void fn##_p(type **slot) /* NOLINT(bugprone-macro-parentheses) */            \
	{                                                                                          \
		fn(*slot);                                                                         \
	}

/* Hands ownership on: yields the pointer and leaves NULL behind. */
#define TACIT_TAKE(ptr)                                                                            \
	__extension__({                                                                            \
		__typeof__(ptr) tacit_taken_ = (ptr);                                              \
		(ptr) = NULL;                                                                      \
		tacit_taken_;                                                                      \
	})

static inline void tacit_free_p(void *slot)
{
	tacit_free(*(void **)slot);
}

static inline void tacit_close_p(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define TACIT_AUTO_FREE  TACIT_CLEANUP(tacit_free_p)
#define TACIT_AUTO_CLOSE TACIT_CLEANUP(tacit_close_p)

struct tacit_wiped {
	void *data;
	size_t len;
};

static inline void tacit_wiped_p(const struct tacit_wiped *wiped)
{
	tacit_wipe(wiped->data, wiped->len);
}

/* After the declaration of a local that holds a secret (an array or a record, not a pointer):
 * it is wiped when the block is left. */
#define TACIT_AUTO_WIPE(local)                                                                     \
	TACIT_CLEANUP(tacit_wiped_p)                                                               \
	const struct tacit_wiped local##_wiped_ = { &(local), sizeof(local) }

#define TACIT_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif /* TACIT_CLEANUP_H */
