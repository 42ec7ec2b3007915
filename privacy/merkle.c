/* SPDX-License-Identifier: MIT */
/*
 * The tree that RFC 9162 defines from the top down is, from the bottom up, pairs of neighbours, a
 * last one without a partner rising as it is. Levels are kept one after the other.
 */
#include "merkle.h"

#include <stdbool.h>
#include <string.h>

struct tacit_merkle {
	size_t n;
	size_t nodes;
	uint8_t (*node)[TACIT_SHA256_LEN]; /* the leaves first, the root last */
};

int tacit_merkle_leaf(const void *data, size_t len, uint8_t ret[TACIT_SHA256_LEN])
{
	return tacit_digest_of(ret, { "\0", 1 }, { data, len });
}

static int join(const uint8_t *left, const uint8_t *right, uint8_t *ret)
{
	return tacit_digest_of(ret, { "\1", 1 }, { left, TACIT_SHA256_LEN },
			       { right, TACIT_SHA256_LEN });
}

static size_t count_nodes(size_t n)
{
	size_t nodes = n;

	for (; n > 1; n = (n + 1) / 2)
		nodes += (n + 1) / 2;
	return nodes;
}

/* One level of @n nodes at @from, into the next at @to. */
static int raise(uint8_t (*from)[TACIT_SHA256_LEN], size_t n, uint8_t (*to)[TACIT_SHA256_LEN])
{
	int r = 0;

	for (size_t i = 0; r == 0 && i + 1 < n; i += 2)
		r = join(from[i], from[i + 1], to[i / 2]);
	if (n % 2 == 1)
		memcpy(to[n / 2], from[n - 1], TACIT_SHA256_LEN);
	return r;
}

int tacit_merkle_new(const uint8_t *leaf, size_t n, struct tacit_merkle **ret)
{
	TACIT_CLEANUP(tacit_merkle_free_p) struct tacit_merkle *merkle = NULL;
	size_t at = 0;
	int r = 0;

	if (n < 1 || n > TACIT_MERKLE_LEAVES_MAX)
		return -EINVAL;
	merkle = TACIT_NEW(struct tacit_merkle);
	if (!merkle)
		return -ENOMEM;
	merkle->n = n;
	merkle->nodes = count_nodes(n);
	merkle->node = tacit_calloc(merkle->nodes, TACIT_SHA256_LEN);
	if (!merkle->node)
		return -ENOMEM;
	memcpy(merkle->node, leaf, n * TACIT_SHA256_LEN);
	for (size_t level = n; r == 0 && level > 1; level = (level + 1) / 2) {
		r = raise(merkle->node + at, level, merkle->node + at + level);
		at += level;
	}
	if (r == 0)
		*ret = TACIT_TAKE(merkle);
	return r;
}

const uint8_t *tacit_merkle_get_root(const struct tacit_merkle *merkle)
{
	return merkle->node[merkle->nodes - 1];
}

/* Does node @index of a level of @n have a partner, and not just rise? */
static bool is_paired(size_t index, size_t n)
{
	return (index ^ 1) < n;
}

size_t tacit_merkle_prove(const struct tacit_merkle *merkle, size_t index, uint8_t *ret)
{
	size_t len = 0, at = 0;

	for (size_t level = merkle->n; level > 1; level = (level + 1) / 2) {
		if (is_paired(index, level))
			memcpy(ret + TACIT_SHA256_LEN * len++, merkle->node[at + (index ^ 1)],
			       TACIT_SHA256_LEN);
		at += level;
		index /= 2;
	}
	return len;
}

size_t tacit_merkle_proof_len(size_t index, size_t n)
{
	size_t len = 0;

	for (; n > 1; n = (n + 1) / 2, index /= 2)
		len += is_paired(index, n);
	return len;
}

int tacit_merkle_verify(const uint8_t root[TACIT_SHA256_LEN], const uint8_t leaf[TACIT_SHA256_LEN],
			size_t index, size_t n, const uint8_t *proof)
{
	uint8_t node[TACIT_SHA256_LEN];
	int r = 0;

	if (index >= n)
		return TACIT_EUNTRUSTED;
	memcpy(node, leaf, sizeof(node));
	for (; r == 0 && n > 1; n = (n + 1) / 2, index /= 2) {
		if (!is_paired(index, n))
			continue;
		r = index % 2 ? join(proof, node, node) : join(node, proof, node);
		proof += TACIT_SHA256_LEN;
	}
	if (r < 0)
		return r;
	return memcmp(node, root, sizeof(node)) == 0 ? 0 : TACIT_EUNTRUSTED;
}

void tacit_merkle_free(struct tacit_merkle *merkle)
{
	if (!merkle)
		return;
	tacit_free(merkle->node);
	tacit_free(merkle);
}
