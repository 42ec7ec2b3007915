/* SPDX-License-Identifier: MIT */
#include "vector.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Sums that are in an array are in registers once the loops over it are unrolled. */
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNEL_NAME(name)  avx512_##name
#define KERNEL_TEXT	   "avx512"
#define KERNEL_TARGET	   __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#define KERNEL_BYTES	   64
#define KERNEL_ROWS	   8
#define KERNEL_SQRT(v)	   ((avx512_floats)_mm512_sqrt_ps((__m512)(v)))
#define KERNEL_WIDEN(from) ((avx512_doubles)_mm512_cvtps_pd(_mm256_loadu_ps(from)))
#include "vector_kernel.h"

#define KERNEL_NAME(name)  avx2_##name
#define KERNEL_TEXT	   "avx2"
#define KERNEL_TARGET	   __attribute__((target("avx2,fma")))
#define KERNEL_BYTES	   32
#define KERNEL_ROWS	   4
#define KERNEL_SQRT(v)	   ((avx2_floats)_mm256_sqrt_ps((__m256)(v)))
#define KERNEL_WIDEN(from) ((avx2_doubles)_mm256_cvtps_pd(_mm_loadu_ps(from)))
#include "vector_kernel.h"

#define KERNEL_SQRT(v) ((plain_floats)_mm_sqrt_ps((__m128)(v)))
#elif defined(__aarch64__)
#include <arm_neon.h>

#define KERNEL_SQRT(v) ((plain_floats)vsqrtq_f32((float32x4_t)(v)))
#else
#define KERNEL_SQRT(v)                                                                             \
	((plain_floats){ sqrtf((v)[0]), sqrtf((v)[1]), sqrtf((v)[2]), sqrtf((v)[3]) })
#endif

#define KERNEL_NAME(name) plain_##name
#define KERNEL_TEXT	  "plain"
#define KERNEL_TARGET
#define KERNEL_BYTES	   16
#define KERNEL_ROWS	   4
#define KERNEL_WIDEN(from) __builtin_convertvector(*(const plain_halves *)(from), plain_doubles)
#include "vector_kernel.h"

static bool is_plain_supported(void)
{
	return true;
}

#if defined(__x86_64__)
static bool is_avx512_supported(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

static bool is_avx2_supported(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static const struct {
	const struct tacit_vector *vector;
	bool (*is_supported)(void);
} all[] = {
#if defined(__x86_64__)
	{ &avx512_vector, is_avx512_supported },
	{ &avx2_vector, is_avx2_supported },
#endif
	{ &plain_vector, is_plain_supported },
};

const struct tacit_vector *tacit_vector_at(size_t i)
{
	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (all[k].is_supported() && i-- == 0)
			return all[k].vector;
	return NULL;
}

const struct tacit_vector *tacit_vector_best(void)
{
	return tacit_vector_at(0);
}
