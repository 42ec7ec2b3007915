/* SPDX-License-Identifier: MIT */
/*
 * poisson - what a count of rare events says of their rate.
 */
#ifndef TACIT_AGENT_POISSON_H
#define TACIT_AGENT_POISSON_H

#include <stdint.h>

/**
 * tacit_poisson_interval - the 95% interval of the mean of which @count was seen.
 * @ret_low, @ret_high: the exact one (Garwood 1936): a smaller mean gives so many or more, a larger
 *                      one so many or fewer, with a chance of 2.5% at most.
 */
void tacit_poisson_interval(uint64_t count, double *ret_low, double *ret_high);

#endif /* TACIT_AGENT_POISSON_H */
