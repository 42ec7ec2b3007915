/* SPDX-License-Identifier: MIT */
/*
 * evaluation - how well hosts fare with the fleet's model, told in sums: what a host adds in a round
 * of that purpose, and what is read from the sum, for each of a few groups of hosts.
 *
 * A host fills the slot of its group alone, with five parts of equal length; all slots of all hosts
 * have the same layout, and the vector's norm is at most the round's clip norm:
 *
 *	presence 1 | alarms a day [8] | score [8] | worse, same, better [3] | loss l, 1 - l
 *
 * The brackets are histograms in which a host is in one bin, or in none when it does not know; a
 * loss it does not know is two zeros. In a sum, a count is known but for noise whose standard
 * deviation is noise_sd * sqrt(5) / norm hosts, sigma from here on; a host that lies within the clip
 * moves one count by sqrt(5) hosts at most.
 *
 * What noise may explain is not told: a quantile p, or a share, of n hosts is told when the smaller
 * of its two tails, n min(p, 1 - p), is at least 7 sigma. So a median takes 14 sigma, and the worst
 * tenth 70.
 */
#ifndef TACIT_EVALUATION_H
#define TACIT_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/model.h>

#define TACIT_EVALUATION_SLOTS_MAX 16U
#define TACIT_EVALUATION_BINS	   8U
#define TACIT_EVALUATION_LEN	   (1U + 2U * TACIT_EVALUATION_BINS + 3U + 2U)
#define TACIT_EVALUATION_LOSS_MAX  4.0 /* nats a number; larger ones count as this */

/* No group counts for less: a host is never told apart by more than this. */
#define TACIT_EVALUATION_WEIGHT_MIN 0.25

enum tacit_evaluation_help {
	TACIT_EVALUATION_WORSE, /* a young model leans on the fleet's to its harm */
	TACIT_EVALUATION_SAME,
	TACIT_EVALUATION_BETTER,
};

/* What one host found. Plain record. */
struct tacit_evaluation {
	bool has_alarms, has_score, has_help, has_loss;
	double alarms; /* a day, over all its scopes; >= 0 */
	double score;  /* the .9 quantile of its scores, each as a share of its threshold; >= 0 */
	enum tacit_evaluation_help help;
	double loss; /* how much worse the fleet's model alone judges its windows than its own does,
		      * nats a number; below 0 counts as 0 */
};

/* Numbers in a contribution. */
#define tacit_evaluation_dimensions(slots) ((size_t)(slots) * TACIT_EVALUATION_LEN)

/* Writes what a host of slot @slot adds. @norm: the round's clip norm. @out: all slots, zeroed. */
void tacit_evaluation_encode(const struct tacit_evaluation *evaluation, unsigned slot, double norm,
			     double *out);

/* One figure of a group. @error: its standard error, of the noise alone. Not @told: too few hosts,
 * and the others mean nothing. */
struct tacit_evaluation_figure {
	bool told;
	double value, error;
};

enum tacit_evaluation_quantity {
	TACIT_EVALUATION_ALARMS_MEDIAN,
	TACIT_EVALUATION_ALARMS_WORST, /* nine tenths of the hosts have at most this */
	TACIT_EVALUATION_SCORE_MEDIAN,
	TACIT_EVALUATION_SCORE_WORST,
	TACIT_EVALUATION_HELPED, /* share of hosts */
	TACIT_EVALUATION_HARMED,
	TACIT_EVALUATION_LOSS, /* mean */
	TACIT_EVALUATION_QUANTITIES,
};

/* "alarms_median", "alarms_worst_decile", "score_median", ... */
const char *tacit_evaluation_quantity_name(enum tacit_evaluation_quantity quantity);

/* What is known of one group. Plain record. */
struct tacit_evaluation_group {
	double hosts, hosts_error; /* that took part; @hosts >= 0 */
	struct tacit_evaluation_figure figure[TACIT_EVALUATION_QUANTITIES];
};

/* The standard deviation of the noise in a count, in hosts. */
double tacit_evaluation_sigma(const struct tacit_sum *sum, double norm);

/* Reads one slot of a sum. */
void tacit_evaluation_read(const struct tacit_sum *sum, double norm, unsigned slot,
			   struct tacit_evaluation_group *ret);

/**
 * tacit_evaluation_weigh - how much each group is to count in what is learned next.
 * @group:  @n of them, up to TACIT_EVALUATION_SLOTS_MAX.
 * @before: @n weights that were in force when they were evaluated.
 * @q:      how strongly, >= 0; 0: not at all.
 * @ret:    @n weights within TACIT_EVALUATION_WEIGHT_MIN..1, the largest 1; may be @before.
 *
 * In proportion to loss^q, as q-fair federated learning weighs hosts (Li, Sanjabi, Beirami, Smith:
 * Fair Resource Allocation in Federated Learning, ICLR 2020), but by groups (Mohri, Sivek, Suresh:
 * Agnostic Federated Learning, ICML 2019), for a host's own loss must not be known; and of the loss
 * beyond what the group's own models have, so that a group that is hard for everyone is not taken
 * for neglected. A release moves all the way to the weighted average, so the weights go half of the
 * way, geometrically, or they would swing from side to side. A group whose loss is not told counts
 * as an average one; when none is told, nothing changes.
 */
void tacit_evaluation_weigh(const struct tacit_evaluation_group *group, size_t n,
			    const double *before, double q, double *ret);

#endif /* TACIT_EVALUATION_H */
