/* SPDX-License-Identifier: MIT */
/* Medians of short rounds, in processor time of this thread: what others do on the machine matters
 * little, and what is measured here never waits. */
#ifndef TACIT_BENCH_TIMING_H
#define TACIT_BENCH_TIMING_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define TIMING_ROUNDS 31

static inline double timing_now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int timing_compare(const void *a, const void *b)
{
	const double *left = (const double *)a, *right = (const double *)b;

	return (*left > *right) - (*left < *right);
}

static inline double timing_median(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), timing_compare);
	return value[n / 2];
}

/* Nanoseconds of one call of @run. */
static inline double timing_call_ns(void (*run)(void *ctx), void *ctx, unsigned calls)
{
	double each[TIMING_ROUNDS];

	for (unsigned round = 0; round < TIMING_ROUNDS; round++) {
		double started = timing_now_ns();

		for (unsigned i = 0; i < calls; i++)
			run(ctx);
		each[round] = (timing_now_ns() - started) / calls;
	}
	return timing_median(each, TIMING_ROUNDS);
}

#endif /* TACIT_BENCH_TIMING_H */
