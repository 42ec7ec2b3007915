/* SPDX-License-Identifier: MIT */
#include <tacit/lasting.h>

#include <math.h>

double tacit_lasting_add(struct tacit_lasting *lasting, double distance, double threshold)
{
	if (threshold > 0)
		distance = fmin(distance, TACIT_LASTING_CAP * threshold);
	if (!lasting->begun)
		lasting->level = distance;
	lasting->begun = true;
	lasting->level += TACIT_LASTING_SHARE * (distance - lasting->level);
	return lasting->level;
}
