/* SPDX-License-Identifier: MIT */
#include <tacit/random.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <tacit/log.h>

#define KEY_LEN	   32U
#define BUFFER_LEN 4096U /* keystream made at once: long enough to hide the cost of a call */

struct tacit_random {
	EVP_CIPHER_CTX *cipher;
	size_t used;
	uint8_t buffer[BUFFER_LEN];
};

static int start_cipher(struct tacit_random *random, const uint8_t *key)
{
	static const uint8_t counter[16];

	random->cipher = EVP_CIPHER_CTX_new();
	if (!random->cipher)
		return -ENOMEM;
	if (EVP_EncryptInit_ex(random->cipher, EVP_aes_256_ctr(), NULL, key, counter) != 1)
		return TACIT_ECRYPTO;
	random->used = BUFFER_LEN;
	return 0;
}

int tacit_random_new(const uint8_t *seed, struct tacit_random **ret)
{
	TACIT_CLEANUP(tacit_random_free_p) struct tacit_random *random = NULL;
	uint8_t key[KEY_LEN];
	int r;

	random = TACIT_NEW(struct tacit_random);
	if (!random)
		return -ENOMEM;
	if (seed)
		memcpy(key, seed, KEY_LEN);
	else if (getrandom(key, KEY_LEN, 0) != (ssize_t)KEY_LEN)
		return TACIT_ECRYPTO;
	r = start_cipher(random, key);
	OPENSSL_cleanse(key, sizeof(key));
	if (r == 0)
		*ret = TACIT_TAKE(random);
	return r;
}

static void refill(struct tacit_random *random)
{
	int len = 0;

	memset(random->buffer, 0, BUFFER_LEN);
	if (EVP_EncryptUpdate(random->cipher, random->buffer, &len, random->buffer,
			      (int)BUFFER_LEN) != 1 ||
	    len != (int)BUFFER_LEN) {
		tacit_error("the random generator failed");
		abort();
	}
	random->used = 0;
}

uint64_t tacit_random_u64(struct tacit_random *random)
{
	uint64_t bits;

	if (BUFFER_LEN - random->used < sizeof(bits))
		refill(random);
	memcpy(&bits, random->buffer + random->used, sizeof(bits));
	random->used += sizeof(bits);
	return le64toh(bits); /* one seed, one stream, on any machine */
}

/* Lemire: Fast random integer generation in an interval, TOMACS 2019, algorithm 5. */
uint64_t tacit_random_below(struct tacit_random *random, uint64_t bound)
{
	unsigned __int128 product = (unsigned __int128)tacit_random_u64(random) * bound;

	if ((uint64_t)product < bound) {
		uint64_t uneven = -bound % bound;

		while ((uint64_t)product < uneven)
			product = (unsigned __int128)tacit_random_u64(random) * bound;
	}
	return (uint64_t)(product >> 64);
}

/*
 * A uniform real number is drawn 64 bits at a time, until it is certain on which side of
 * num / den it lies. With u the first 64 bits, it lies in [u, u + 1) / 2^64: all comparisons
 * are of num * 2^64 with u * den, integers of 192 bits, and nothing is ever divided.
 */
int tacit_random_bernoulli(struct tacit_random *random, unsigned __int128 num,
			   unsigned __int128 den)
{
	for (;;) {
		uint64_t u = tacit_random_u64(random);
		unsigned __int128 low = (unsigned __int128)(uint64_t)den * u;
		unsigned __int128 high = (den >> 64) * u + (low >> 64);
		unsigned __int128 gap_high, gap;

		if (high >= num)
			return 0;
		gap_high = num - high - ((uint64_t)low != 0);
		gap = gap_high << 64 | (uint64_t)-low;
		if (gap_high >> 64 || gap >= den)
			return 1;
		num = gap; /* once in 2^64 times: the next bits decide */
	}
}

void tacit_random_bytes(struct tacit_random *random, void *data, size_t len)
{
	uint8_t *at = (uint8_t *)data;

	while (len > 0) {
		uint64_t bits = tacit_random_u64(random);
		size_t n = len < sizeof(bits) ? len : sizeof(bits);

		memcpy(at, &bits, n);
		at += n;
		len -= n;
	}
}

void tacit_random_free(struct tacit_random *random)
{
	if (!random)
		return;
	EVP_CIPHER_CTX_free(random->cipher); /* wipes the key */
	OPENSSL_cleanse(random->buffer, sizeof(random->buffer));
	tacit_free(random);
}
