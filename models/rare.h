/* SPDX-License-Identifier: MIT */
/*
 * rare - how surprising it is that something happened which seldom does.
 *
 * An event that came in s of n windows comes in the next one with probability
 * p = (s + 1/2) / (n + 1) (Krichevsky and Trofimov 1981), and is then a surprise of -log p nats.
 * Only what is seldom counts: what comes every other minute is no news, and the sum of many such
 * small surprises would be.
 *
 * One deed makes many things happen together, so their surprises do not add up: the largest counts
 * whole, the next one half, and so on. The sum stays below twice the largest.
 */
#ifndef TACIT_MODELS_RARE_H
#define TACIT_MODELS_RARE_H

#include <stddef.h>

/* An event is seldom when its probability is below this. Nothing is before it was missed in some 25
 * windows, which is about when a model begins to judge. */
#define TACIT_RARE_SELDOM 0.02

/* Surprise, in nats, at an event that came in @seen of @windows (0 <= seen <= windows); 0 when it
 * is not seldom. */
double tacit_rare_surprise(double seen, double windows);

/* What @n surprises at one window come to; sorts them. 0 for none. */
double tacit_rare_together(double *nats, size_t n);

/* The largest share of windows in which a log count of mean @mean can have been above zero: a count
 * of one is log 2, and all the others are more (Markov's inequality). */
double tacit_rare_share_most(double mean);

#endif /* TACIT_MODELS_RARE_H */
