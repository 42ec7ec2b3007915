/* SPDX-License-Identifier: MIT */
/*
 * random - a stream of uniform bits: AES-256-CTR under a key from the kernel, or
 * from a seed when a test wants to repeat itself. One thread's; not for use on both
 * sides of a fork(), which would draw the same bits twice.
 */
#ifndef TACIT_RANDOM_H
#define TACIT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_random;

/* @seed: 32 bytes, or NULL for fresh entropy. @ret: owned by the caller.
 * 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_random_new(const uint8_t *seed, struct tacit_random **ret);

/* 64 uniform bits. A failing cipher ends the process: silence would be worse. */
uint64_t tacit_random_u64(struct tacit_random *random);

/* Uniform in [0, @bound), exactly. @bound at least 1. */
uint64_t tacit_random_below(struct tacit_random *random, uint64_t bound);

/* 1 with probability @num / @den exactly, else 0; @num <= @den, @den >= 1. */
int tacit_random_bernoulli(struct tacit_random *random, unsigned __int128 num,
			   unsigned __int128 den);

void tacit_random_bytes(struct tacit_random *random, void *data, size_t len);

/* Wipes the key. NULL is fine. */
void tacit_random_free(struct tacit_random *random);
TACIT_DEFINE_CLEANUP(struct tacit_random, tacit_random_free)

#endif /* TACIT_RANDOM_H */
