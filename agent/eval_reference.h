/* SPDX-License-Identifier: MIT */
/*
 * eval_reference - the figures of another implementation beside ours.
 *
 *	dataset,unit,model,n_test_normal,n_test_anom,auroc,...
 *	shops,shop#1,maha_...,700,161,0.8321,...
 *
 * A unit is a host ('#' stands for '/'); a model that begins with "maha" is compared with our
 * distance, with "max" our max z.
 */
#ifndef TACIT_AGENT_EVAL_REFERENCE_H
#define TACIT_AGENT_EVAL_REFERENCE_H

#include <stdio.h>

#include <tacit/error.h>

#include "eval.h"

/* Plain record. */
struct tacit_eval_reference {
	size_t compared;
	size_t skipped; /* of hosts that are here, but with other counts of rows */
	double largest[TACIT_STATISTIC_COUNT];	 /* deviation of AUROC; NaN: nothing was compared */
	const char *host[TACIT_STATISTIC_COUNT]; /* whose it is; borrowed */
};

/**
 * tacit_eval_reference - compare @eval, host by host, with what @file has.
 * @file: borrowed, read to its end.
 * @ret_line: the line that is malformed; may be NULL.
 *
 * Returns 0, -EINVAL (malformed) or -EIO.
 */
TACIT_MUST_CHECK int tacit_eval_reference(const struct tacit_eval *eval, FILE *file,
					  struct tacit_eval_reference *ret,
					  unsigned long *ret_line);

#endif /* TACIT_AGENT_EVAL_REFERENCE_H */
