/* SPDX-License-Identifier: MIT */
/* The mixture that is there: judging by it, its bytes. Fitting is in mixture_fit.c. */
#include "mixture_private.h"

#include <math.h>

#include <tacit/mem.h>

#define VARIANCE_MAX 1e12F
#define WEIGHTS_OFF  1e-3 /* what rounding may take from a sum of weights */

int tacit_mixture_new(size_t dims, size_t components, struct tacit_mixture **ret)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;

	mixture = TACIT_NEW(struct tacit_mixture);
	if (!mixture)
		return -ENOMEM;
	mixture->dims = dims;
	mixture->n = components;
	mixture->mean = TACIT_NEW_N(float, components *dims);
	mixture->precision = TACIT_NEW_N(float, components *dims);
	mixture->log_variance = TACIT_NEW_N(float, components *dims);
	if (!mixture->mean || !mixture->precision || !mixture->log_variance)
		return -ENOMEM;
	*ret = TACIT_TAKE(mixture);
	return 0;
}

double tacit_mixture_square(const struct tacit_mixture *mixture, size_t component, const float *x,
			    const float *seen)
{
	const float *mean = mixture->mean + component * mixture->dims;
	const float *precision = mixture->precision + component * mixture->dims;
	float sum[TACIT_MIXTURE_LANES] = { 0 };
	double total = 0;
	size_t j = 0;

	for (; j + TACIT_MIXTURE_LANES <= mixture->dims; j += TACIT_MIXTURE_LANES)
		for (size_t lane = 0; lane < TACIT_MIXTURE_LANES; lane++) {
			float delta = x[j + lane] - mean[j + lane];

			sum[lane] += seen[j + lane] * delta * delta * precision[j + lane];
		}
	for (; j < mixture->dims; j++)
		total += (double)(seen[j] * (x[j] - mean[j]) * (x[j] - mean[j]) * precision[j]);
	for (size_t lane = 0; lane < TACIT_MIXTURE_LANES; lane++)
		total += (double)sum[lane];
	return total;
}

double tacit_mixture_peak(const struct tacit_mixture *mixture, size_t component, const float *seen)
{
	const float *log_variance = mixture->log_variance + component * mixture->dims;
	float sum[TACIT_MIXTURE_LANES] = { 0 };
	double total = -2 * log(mixture->weight[component]);
	size_t j = 0;

	for (; j + TACIT_MIXTURE_LANES <= mixture->dims; j += TACIT_MIXTURE_LANES)
		for (size_t lane = 0; lane < TACIT_MIXTURE_LANES; lane++)
			sum[lane] += seen[j + lane] * log_variance[j + lane];
	for (; j < mixture->dims; j++)
		total += (double)(seen[j] * log_variance[j]);
	for (size_t lane = 0; lane < TACIT_MIXTURE_LANES; lane++)
		total += (double)sum[lane];
	return total;
}

size_t tacit_mixture_dims(const struct tacit_mixture *mixture)
{
	return mixture->dims;
}

size_t tacit_mixture_components(const struct tacit_mixture *mixture)
{
	return mixture->n;
}

double tacit_mixture_distance(const struct tacit_mixture *mixture, const float *x,
			      const float *seen, size_t *component)
{
	double peak[TACIT_MIXTURE_COMPONENTS_MAX], highest = INFINITY, most = 0;
	double nearest = INFINITY;
	size_t best = 0;

	for (size_t j = 0; j < mixture->dims; j++)
		most += (double)seen[j];
	for (size_t k = 0; k < mixture->n; k++) {
		peak[k] = tacit_mixture_peak(mixture, k, seen);
		highest = fmin(highest, peak[k]);
	}
	for (size_t k = 0; k < mixture->n; k++) {
		double at =
			tacit_mixture_square(mixture, k, x, seen) + fmin(peak[k] - highest, most);

		if (at < nearest) {
			nearest = at;
			best = k;
		}
	}
	if (component)
		*component = best;
	return nearest;
}

void tacit_mixture_residual(const struct tacit_mixture *mixture, size_t component, const float *x,
			    const float *seen, double *delta, double *pull)
{
	size_t at = component * mixture->dims;

	for (size_t j = 0; j < mixture->dims; j++, at++) {
		delta[j] = (double)(seen[j] * (x[j] - mixture->mean[at]));
		pull[j] = delta[j] * (double)mixture->precision[at];
	}
}

size_t tacit_mixture_bytes(size_t dims, size_t components)
{
	return sizeof(struct tacit_mixture) + 3 * components * dims * sizeof(float);
}

void tacit_mixture_set_variance(struct tacit_mixture *mixture, size_t at, float variance)
{
	mixture->precision[at] = 1 / variance;
	mixture->log_variance[at] = logf(variance);
}

void tacit_mixture_save(const struct tacit_mixture *mixture, struct tacit_writer *writer)
{
	tacit_write_u8(writer, (uint8_t)mixture->n);
	for (size_t k = 0; k < mixture->n; k++)
		tacit_write_f64le(writer, mixture->weight[k]);
	for (size_t at = 0; at < mixture->n * mixture->dims; at++) {
		tacit_write_f32le(writer, mixture->mean[at]);
		tacit_write_f32le(writer, mixture->precision[at]);
	}
}

/* Numbers that are finite and plausible; NaN fails every comparison. */
static bool read_components(struct tacit_mixture *mixture, struct tacit_reader *reader)
{
	double weights = 0;
	bool good = true;

	for (size_t k = 0; k < mixture->n; k++) {
		mixture->weight[k] = tacit_read_f64le(reader);
		good &= mixture->weight[k] > 0 && mixture->weight[k] <= 1;
		weights += mixture->weight[k];
	}
	for (size_t at = 0; at < mixture->n * mixture->dims; at++) {
		float precision;

		mixture->mean[at] = tacit_read_f32le(reader);
		precision = tacit_read_f32le(reader);
		mixture->precision[at] = precision;
		mixture->log_variance[at] = -logf(precision);
		good &= fabsf(mixture->mean[at]) <= TACIT_MIXTURE_VALUE_MAX;
		good &= precision >= 1 / VARIANCE_MAX && precision <= 1 / TACIT_MIXTURE_FLOOR;
	}
	return good && fabs(weights - 1) <= WEIGHTS_OFF && !reader->failed;
}

int tacit_mixture_load(size_t dims, struct tacit_reader *reader, struct tacit_mixture **ret)
{
	TACIT_CLEANUP(tacit_mixture_free_p) struct tacit_mixture *mixture = NULL;
	uint8_t components = tacit_read_u8(reader);
	int r;

	if (reader->failed || components == 0 || components > TACIT_MIXTURE_COMPONENTS_MAX)
		return TACIT_EDAMAGED;
	r = tacit_mixture_new(dims, components, &mixture);
	if (r < 0)
		return r;
	if (!read_components(mixture, reader))
		return TACIT_EDAMAGED;
	*ret = TACIT_TAKE(mixture);
	return 0;
}

void tacit_mixture_free(struct tacit_mixture *mixture)
{
	if (!mixture)
		return;
	tacit_free(mixture->mean);
	tacit_free(mixture->precision);
	tacit_free(mixture->log_variance);
	tacit_free(mixture);
}
