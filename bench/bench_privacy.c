/* SPDX-License-Identifier: MIT */
/*
 * What it costs to make an update of 10,000 numbers safe. The peer of the exact sampler is what
 * is mostly done instead: a floating-point Gaussian (Box and Muller), rounded, from the same random
 * bits; quick, and not private in the way that its epsilon says.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <tacit/accountant.h>
#include <tacit/noise.h>
#include <tacit/protect.h>

#include "timing.h"

#define N 10000U

struct bench {
	struct tacit_random *random;
	struct tacit_protect_params params;
	double value[N];
	uint32_t out[N];
	uint64_t sigma2;
};

static void must(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "bench_privacy: %s\n", tacit_strerror(r));
		exit(EXIT_FAILURE);
	}
}

static void protect(void *ctx)
{
	struct bench *bench = ctx;

	for (size_t i = 0; i < N; i++)
		bench->value[i] = i % 2 ? 0.3 : -0.1; /* long enough to be clipped */
	must(tacit_protect(&bench->params, bench->value, N, bench->random, bench->out));
}

static void exact(void *ctx)
{
	struct bench *bench = ctx;

	tacit_noise_add(bench->random, bench->sigma2, bench->out, N);
}

static double uniform(struct tacit_random *random)
{
	return ((double)(tacit_random_u64(random) >> 11) + 0.5) * 0x1p-53;
}

static void floating(void *ctx)
{
	struct bench *bench = ctx;
	double sigma = sqrt((double)bench->sigma2);

	for (size_t i = 0; i < N; i += 2) {
		double radius = sigma * sqrt(-2 * log(uniform(bench->random)));
		double angle = 2 * M_PI * uniform(bench->random);

		bench->out[i] += (uint32_t)llrint(radius * cos(angle));
		bench->out[i + 1] += (uint32_t)llrint(radius * sin(angle));
	}
}

static void bits(void *ctx)
{
	struct bench *bench = ctx;

	for (size_t i = 0; i < N; i++)
		bench->out[i] ^= (uint32_t)tacit_random_u64(bench->random);
}

static void convert(void *ctx)
{
	struct bench *bench = ctx;

	bench->value[0] += tacit_zcdp_rho(4, 1e-6);
}

/* Exact and floating rounds alternate. */
static void compare_samplers(struct bench *bench)
{
	double ours[TIMING_ROUNDS], theirs[TIMING_ROUNDS], median, peer;

	for (unsigned round = 0; round < TIMING_ROUNDS; round++) {
		double started = timing_now_ns(), middle;

		exact(bench);
		middle = timing_now_ns();
		floating(bench);
		ours[round] = (middle - started) / N;
		theirs[round] = (timing_now_ns() - middle) / N;
	}
	median = timing_median(ours, TIMING_ROUNDS);
	peer = timing_median(theirs, TIMING_ROUNDS);
	printf("privacy.noise %.0f ns float-gaussian %.0f %.2f\n", median, peer, median / peer);
}

int main(void)
{
	static struct bench bench = { .params = { .clip_norm = 1 } };

	must(tacit_random_new(NULL, &bench.random));
	printf("privacy.random_bits %.1f ns\n", timing_call_ns(bits, &bench, 10) / N);
	printf("privacy.clip_and_round_10000 %.2f ms\n", timing_call_ns(protect, &bench, 3) / 1e6);
	bench.params.noise_multiplier = 1;
	must(tacit_protect_sigma2(&bench.params, N, &bench.sigma2));
	compare_samplers(&bench);
	printf("privacy.clip_round_noise_10000 %.2f ms\n",
	       timing_call_ns(protect, &bench, 3) / 1e6);
	printf("privacy.rho_of_epsilon %.0f us\n", timing_call_ns(convert, &bench, 3) / 1000);
	tacit_random_free(bench.random);
	return EXIT_SUCCESS;
}
