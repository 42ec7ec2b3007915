/* SPDX-License-Identifier: MIT */
#include "shamir.h"

#include <string.h>

#include <tacit/bytes.h>

#define P	  ((uint64_t)TACIT_SHAMIR_PRIME)
#define LIMB_BITS 31U
#define LIMB_MASK ((1U << LIMB_BITS) - 1)
#define TOP_BITS  (TACIT_SHAMIR_SECRET_LEN * 8 - (TACIT_SHAMIR_LIMBS - 1) * LIMB_BITS)

/*
 * Any 64-bit number modulo p, without a division, whose time may depend on the number. 2^31 is -11
 * modulo p: what is above bit 31 is folded in twice, and p is added under a mask if the second time
 * went below zero.
 */
static uint32_t reduce(uint64_t x)
{
	x = (x & LIMB_MASK) + 64 * P - 11 * (x >> LIMB_BITS); /* above 0, below 2^37 + 2^32 */
	x = (x & LIMB_MASK) - 11 * (x >> LIMB_BITS);	      /* above -2^10, below 2^31 */
	return (uint32_t)(x + (P & -(x >> 63)));
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
	return reduce((uint64_t)a * b);
}

/* Fermat: the power p - 2, whose bits are no secret. */
static uint32_t invert(uint32_t a)
{
	uint32_t power = a, result = 1;

	for (uint32_t e = TACIT_SHAMIR_PRIME - 2; e > 0; e >>= 1) {
		if (e & 1)
			result = multiply(result, power);
		power = multiply(power, power);
	}
	return result;
}

/* From the least significant byte on, 31 bits at a time. */
static void limbs_of_secret(const uint8_t *secret, uint32_t *limb)
{
	size_t at = TACIT_SHAMIR_SECRET_LEN;
	unsigned bits = 0;
	uint64_t held = 0;

	for (size_t i = TACIT_SHAMIR_LIMBS; i-- > 0;) {
		for (; bits < LIMB_BITS && at > 0; bits += 8)
			held |= (uint64_t)secret[--at] << bits;
		limb[i] = (uint32_t)held & LIMB_MASK;
		held >>= LIMB_BITS;
		bits = bits < LIMB_BITS ? 0 : bits - LIMB_BITS;
	}
	tacit_wipe(&held, sizeof(held));
}

/* TACIT_EDAMAGED when a limb has a bit too many. */
static int secret_of_limbs(const uint32_t *limb, uint8_t *secret)
{
	size_t at = TACIT_SHAMIR_SECRET_LEN;
	uint32_t excess = limb[0] >> TOP_BITS;
	unsigned bits = 0;
	uint64_t held = 0;

	for (size_t i = TACIT_SHAMIR_LIMBS; i-- > 0;) {
		excess |= limb[i] >> LIMB_BITS;
		held |= (uint64_t)limb[i] << bits;
		for (bits += LIMB_BITS; bits >= 8 && at > 0; bits -= 8) {
			secret[--at] = (uint8_t)held;
			held >>= 8;
		}
	}
	tacit_wipe(&held, sizeof(held));
	return excess == 0 ? 0 : TACIT_EDAMAGED;
}

static void put_limb(uint8_t *share, size_t limb, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		share[4 * limb + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_limb(const uint8_t *share, size_t limb)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value |= (uint32_t)share[4 * limb + i] << 8 * i;
	return value;
}

/* Horner, from the highest coefficient down. */
static uint32_t evaluate(const uint32_t *coefficient, size_t n, uint32_t x)
{
	uint32_t value = 0;

	for (size_t i = n; i-- > 0;)
		value = reduce((uint64_t)value * x + coefficient[i]);
	return value;
}

static int check_holders(const uint32_t *holder, size_t n)
{
	if (n < 1 || n > TACIT_SHAMIR_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (holder[i] > LIMB_MASK)
			return -EINVAL;
		for (size_t j = 0; j < i; j++)
			if (holder[j] == holder[i])
				return -EINVAL;
	}
	return 0;
}

int tacit_shamir_share(struct tacit_random *random, const uint8_t secret[TACIT_SHAMIR_SECRET_LEN],
		       size_t threshold, const uint32_t *holder, size_t n,
		       uint8_t (*ret)[TACIT_SHAMIR_SHARE_LEN])
{
	uint32_t limb[TACIT_SHAMIR_LIMBS];
	TACIT_AUTO_WIPE(limb);
	uint32_t *coefficient;

	if (check_holders(holder, n) < 0 || threshold < 1 || threshold > n)
		return -EINVAL;
	coefficient = TACIT_NEW_N(uint32_t, threshold);
	if (!coefficient)
		return -ENOMEM;
	limbs_of_secret(secret, limb);
	for (size_t l = 0; l < TACIT_SHAMIR_LIMBS; l++) {
		coefficient[0] = limb[l];
		for (size_t i = 1; i < threshold; i++)
			coefficient[i] = (uint32_t)tacit_random_below(random, P);
		for (size_t i = 0; i < n; i++)
			put_limb(ret[i], l, evaluate(coefficient, threshold, holder[i] + 1));
	}
	tacit_wipe(coefficient, threshold * sizeof(*coefficient));
	tacit_free(coefficient);
	return 0;
}

int tacit_shamir_weights(const uint32_t *holder, size_t n, uint32_t *ret)
{
	uint32_t all = 1;
	int r = check_holders(holder, n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		all = multiply(all, holder[i] + 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t below = holder[i] + 1; /* takes x_i out of the product of all */

		for (size_t j = 0; j < n; j++)
			if (j != i)
				below = multiply(below, reduce(P + holder[j] - holder[i]));
		ret[i] = multiply(all, invert(below));
	}
	return 0;
}

uint32_t tacit_shamir_interpolate(const uint32_t *weight, const uint32_t *value, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += multiply(weight[i], value[i]);
	return reduce(sum);
}

int tacit_shamir_combine(const uint32_t *weight, const uint8_t *const *share, size_t n,
			 uint8_t ret[TACIT_SHAMIR_SECRET_LEN])
{
	uint32_t limb[TACIT_SHAMIR_LIMBS], excess = 0;
	TACIT_AUTO_WIPE(limb);
	int r;

	for (size_t l = 0; l < TACIT_SHAMIR_LIMBS; l++) {
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			uint64_t value = get_limb(share[i], l);

			excess |= (uint32_t)((P - 1 - value) >> 63);
			sum += multiply(weight[i], (uint32_t)value);
		}
		limb[l] = reduce(sum);
	}
	r = secret_of_limbs(limb, ret);
	return excess == 0 ? r : TACIT_EDAMAGED;
}
