/* SPDX-License-Identifier: MIT */
/*
 * window - what one scope did during one stretch of time: the record that passes
 * from the sensor (or a recording) to learning, scoring and storage.
 */
#ifndef TACIT_AGENT_WINDOW_H
#define TACIT_AGENT_WINDOW_H

#include <stdint.h>

#include <tacit/feature.h>
#include <tacit/space.h>

#define TACIT_SCOPE_NAME_MAX 128U /* bytes, without NUL */
#define TACIT_SCOPE_HOST     "host"
#define TACIT_DUTY_ALWAYS    1000U /* permille */

/* Plain record. */
struct tacit_window {
	char scope[TACIT_SCOPE_NAME_MAX + 1]; /* "host", or a service: "nginx.service" */
	char class[65];                       /* workload class; TACIT_FLEET_CLASS_NAME_MAX */
	int64_t end_ms;                       /* wall clock */
	uint32_t length_ms;                   /* by the boot clock */
	uint16_t duty_permille; /* share of the window, 1..1000, during which the deep tier was
				 * attached; its counts are already scaled by its inverse. 1000
				 * when always, and when there is no deep tier; 0 is no duty but
				 * a field nobody filled in, and no recording holds it */
	uint8_t observed[TACIT_PROBE_COUNT];  /* 0: the probe's features are missing */
	uint64_t count[TACIT_FEATURE_COUNT];  /* increase over the window */
};

/* Receives one window; borrowed for the call. */
typedef void tacit_window_fn(void *ctx, const struct tacit_window *window);

/* Makes a window that lasted longer than it should (the daemon was not there) look like one of
 * @length_ms at the same rates. What is measured at the window's end stays. */
void tacit_window_shorten(struct tacit_window *window, uint32_t length_ms);

/* Writes the transformed counts to @x (TACIT_FEATURE_COUNT numbers); missing ones are 0. The sample
 * borrows @x and @window. */
struct tacit_sample tacit_window_sample(const struct tacit_window *window, double *x);

#endif /* TACIT_AGENT_WINDOW_H */
