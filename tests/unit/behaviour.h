/* SPDX-License-Identifier: MIT */
/* Windows of a made-up service: what it does every second, and what it does when it is odd. */
#ifndef TACIT_TESTS_BEHAVIOUR_H
#define TACIT_TESTS_BEHAVIOUR_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <tacit/feature.h>

#include "agent/window.h"

struct behaviour {
	uint64_t state;
	int64_t now_ms;
	uint32_t length_ms;
};

static inline struct behaviour behaviour_new(uint64_t seed)
{
	printf("# seed %llu\n", (unsigned long long)seed);
	return (struct behaviour){ .state = seed * 2 + 1,
				   .now_ms = 1795478400000,
				   .length_ms = 1000 };
}

/* Uniform in [0, 1). */
static inline double behaviour_draw(struct behaviour *behaviour)
{
	behaviour->state ^= behaviour->state << 13;
	behaviour->state ^= behaviour->state >> 7;
	behaviour->state ^= behaviour->state << 17;
	return (double)(behaviour->state >> 11) / 9007199254740992.0;
}

/* One ordinary window, and a second goes by. */
static inline struct tacit_window behaviour_window(struct behaviour *behaviour, const char *scope)
{
	struct tacit_window window = { .end_ms = behaviour->now_ms,
				       .length_ms = behaviour->length_ms,
				       .duty_permille = TACIT_DUTY_ALWAYS };
	double load = 0.7 + 0.6 * behaviour_draw(behaviour);

	(void)snprintf(window.scope, sizeof(window.scope), "%s", scope);
	(void)snprintf(window.class, sizeof(window.class), "%.64s", scope);
	memset(window.observed, 1, sizeof(window.observed));
	for (size_t i = 0; i < TACIT_FEATURE_COUNT; i += 2)
		window.count[i] = (uint64_t)((double)(20 + 7 * i) * load *
					     (0.9 + 0.2 * behaviour_draw(behaviour)));
	window.count[TACIT_FEATURE_TCP_CONNECT_FAILED] = 0;
	window.count[TACIT_FEATURE_SYSCALL_RENAME] = 0;
	behaviour->now_ms += behaviour->length_ms;
	return window;
}

/* The same, with a storm of renames and failed connections: two features that are else at rest. */
static inline struct tacit_window behaviour_odd(struct behaviour *behaviour, const char *scope)
{
	struct tacit_window window = behaviour_window(behaviour, scope);

	window.count[TACIT_FEATURE_TCP_CONNECT_FAILED] = 900;
	window.count[TACIT_FEATURE_SYSCALL_RENAME] = 4000;
	return window;
}

#endif /* TACIT_TESTS_BEHAVIOUR_H */
