/* SPDX-License-Identifier: MIT */
/*
 * secagg_params - how many neighbours a host masks with, and how many of them must stay.
 * Bell, Bonawitz, Gascon, Lepoint, Raykova: Secure Single-Server Aggregation with (Poly)Logarithmic
 * Overhead, CCS 2020 (ia.cr/2020/704), sections 3.2 and 4.1 and the appendix on parameters.
 *
 * Of n hosts floor(gamma n) are corrupt and floor(delta n) go away, both independently of the
 * graph, a Harary graph of degree k over a random order. Wanted are the smallest even k, and with
 *it the smallest threshold t, such that
 *
 *	a) no host has too many corrupt neighbours: fewer than t against a server that follows the
 *	   protocol; fewer than 2t - k against one that does not once keys are advertised, for two
 *	   different lists of survivors could otherwise each find t signatures;
 *	b) those who are neither corrupt nor gone stay connected. To cut the ring takes two gaps of
 *	   k / 2 hosts each;
 *	c) every host, gone or not, has t neighbours that stay, so that the sum can be unmasked.
 *
 * a) and b) fail with probability at most 2^-41 each, together 2^-40; c) with 2^-20. A host and its
 * neighbours are k + 1 draws from n, so its neighbours alone are k draws from all n, and the union
 * over all hosts is n times the tail of one hypergeometric distribution (n, marked, k): exact in
 *the mean for c), an upper bound for a), where only honest hosts count.
 *
 * Below TACIT_SECAGG_SPARSE_MIN hosts, and where no sparse graph will do, the graph is complete,
 * k = n - 1 and t = floor(2n/3) + 1, and the three hold with certainty, or not at all.
 */
#ifndef TACIT_SECAGG_PARAMS_H
#define TACIT_SECAGG_PARAMS_H

#include <stdint.h>

#include <tacit/error.h>

#define TACIT_SECAGG_SPARSE_MIN	   64U
#define TACIT_SECAGG_HOSTS_MIN	   4U /* with fewer, t would exceed k */
#define TACIT_SECAGG_HOSTS_MAX	   100000U
#define TACIT_SECAGG_DEGREE_MAX	   1000U
#define TACIT_SECAGG_SECURITY_BITS 40
#define TACIT_SECAGG_FAILURE_BITS  20

enum tacit_secagg_server_kind {
	TACIT_SECAGG_SEMI_HONEST = 1, /* follows the protocol, and looks */
	TACIT_SECAGG_SEMI_MALICIOUS,  /* follows it until keys are advertised */
};

/* Fractions in millionths, so that every party counts the same hosts. Plain record. */
struct tacit_secagg_threat {
	enum tacit_secagg_server_kind server;
	uint32_t corrupt_ppm; /* gamma, 0..500,000 */
	uint32_t dropout_ppm; /* delta, 0..500,000 */
};

/* Plain record. */
struct tacit_secagg_params {
	uint32_t n;
	uint32_t k; /* neighbours of each host */
	uint32_t t; /* of them, that must stay */
};

/**
 * tacit_secagg_params_find - the smallest k, then t, for @n hosts.
 * @n: TACIT_SECAGG_HOSTS_MIN..TACIT_SECAGG_HOSTS_MAX.
 *
 * Returns 0, -EINVAL (an argument is out of range) or -ERANGE (no graph of this size withstands
 * what is asked).
 */
TACIT_MUST_CHECK int tacit_secagg_params_find(const struct tacit_secagg_threat *threat, uint32_t n,
					      struct tacit_secagg_params *ret);

/**
 * tacit_secagg_params_check - a) and b) hold for @params, whoever chose them.
 *
 * What a host asks of parameters that it was told: c) is the server's own interest. A millionth of
 * the probability is given away, so that machines that round differently agree.
 *
 * Returns 0, -EINVAL (not the parameters of any graph) or TACIT_EREFUSED.
 */
TACIT_MUST_CHECK int tacit_secagg_params_check(const struct tacit_secagg_threat *threat,
					       const struct tacit_secagg_params *params);

/* n_h = floor((1 - delta - gamma) n), the honest hosts that are certain to be in the sum: its noise
 * is theirs alone. */
uint32_t tacit_secagg_honest(const struct tacit_secagg_threat *threat, uint32_t n);

/* How many hosts a sum must hold for n_h of them to be honest: n_h + floor(gamma n). With fewer
 * it is abandoned. */
uint32_t tacit_secagg_survivors_min(const struct tacit_secagg_threat *threat, uint32_t n);

#endif /* TACIT_SECAGG_PARAMS_H */
