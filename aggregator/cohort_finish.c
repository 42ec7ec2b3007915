/* SPDX-License-Identifier: MIT */
/* From answers to sums: loaded one after the other, unmasked side by side. */
#include "cohort_steps.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tacit/log.h>

#include "cohort_private.h"
#include "fleetdb.h"

#define THREADS_MAX  64
#define NOISE_REACH  6.5 /* sqrt(2 ln 1e9): how far a Gaussian vector's norm exceeds its mean */
#define BAD_FAILURES TACIT_COHORT_FAILURES /* a proven lie counts as so many */
#define REASON_MAX   128

/* A sum on its way. */
struct job {
	struct tacit_cohort *cohort;
	struct tacit_secagg_server *server;
	struct tacit_secagg_sum *sum;
	uint32_t *value;
	enum tacit_secagg_reason why;
	int result;
	pthread_t thread;
	bool running;
};

static void job_done(struct job *job)
{
	tacit_secagg_server_free(job->server);
	tacit_secagg_sum_free(job->sum);
	tacit_free(job->value);
	*job = (struct job){ 0 };
}

static int take_shares(struct tacit_secagg_server *server, const uint8_t *data, size_t len)
{
	return tacit_secagg_server_attach_shares(server, data, len);
}

static int take_answer(struct tacit_secagg_server *server, const uint8_t *data, size_t len)
{
	return tacit_secagg_server_answer(server, data, len, NULL);
}

static int load(struct tacit_db *db, const struct tacit_secagg_identity *identity, struct job *job)
{
	const struct tacit_cohort *cohort = job->cohort;
	int r = tacit_cohort_load(db, identity, cohort->round, cohort->group, &job->server);

	if (r == 0)
		r = tacit_cohort_each(db, cohort, TACIT_SECAGG_SHARES, take_shares, job->server);
	if (r == 0)
		r = tacit_cohort_each(db, cohort, TACIT_SECAGG_ANSWER, take_answer, job->server);
	if (r == 0)
		r = tacit_cohort_sum(db, cohort, job->server, &job->sum);
	if (r < 0)
		return r == -ENOENT ? TACIT_EDAMAGED : r;
	job->value = TACIT_NEW_N(uint32_t, tacit_secagg_server_config(job->server)->dimensions);
	return job->value ? 0 : -ENOMEM;
}

static void *unmask(void *arg)
{
	struct job *job = (struct job *)arg;

	job->result = tacit_secagg_server_unmask(job->server, job->sum, job->value, &job->why);
	return NULL;
}

static double grid(const struct tacit_secagg_config *config)
{
	return config->clip_norm / (double)(1U << TACIT_PROTECT_SCALE_BITS);
}

/* The standard deviation of the noise in each number of the sum. */
static double noise_sd(const struct tacit_secagg_config *config, const struct tacit_cohort *cohort)
{
	const struct tacit_protect_params params = tacit_cohort_protection(config, cohort->hosts);

	return tacit_protect_noise_sd(&params, config->dimensions, cohort->survivors);
}

/* The largest norm that the sum may have when all clip and add noise as they should, but for a
 * chance of 1e-9. */
static double norm_max(const struct tacit_secagg_config *config, const struct tacit_cohort *cohort)
{
	double each = sqrt((double)tacit_protect_norm2_max(config->dimensions)) * grid(config);

	return cohort->survivors * each +
	       noise_sd(config, cohort) * (sqrt(config->dimensions) + NOISE_REACH);
}

static double norm_of(const struct tacit_secagg_config *config, const uint32_t *value)
{
	double sum = 0;

	for (uint32_t i = 0; i < config->dimensions; i++)
		sum += pow((int32_t)value[i] * grid(config), 2);
	return sqrt(sum);
}

/* Names in the log who lied, and counts it. A dealer whose boxes did not open may have been
 * slandered by few, not by many. */
static int note_culprits(struct tacit_db *db, const struct job *job)
{
	const struct tacit_secagg_culprit *culprit;
	size_t n;
	int r = 0;

	culprit = tacit_secagg_server_culprits(job->server, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const uint8_t *id = tacit_secagg_server_get_id(job->server, culprit[i].host);
		bool proven = culprit[i].reason != TACIT_SECAGG_UNOPENED_BOX;
		uint32_t k = tacit_secagg_server_get_params(job->server)->k;
		char hex[2 * TACIT_SECAGG_ID_LEN + 1];

		tacit_hex_encode(id, TACIT_SECAGG_ID_LEN, hex);
		tacit_warning("round %" PRIu64 " group %u: host %.32s: %s (%u)", job->cohort->round,
			      job->cohort->group, hex, tacit_secagg_reason_text(culprit[i].reason),
			      culprit[i].other);
		if (proven || culprit[i].other > k / 2)
			r = tacit_db_run(db,
					 "UPDATE host SET failures = failures + ?"
					 " WHERE fingerprint = ?",
					 "ib", proven ? (int64_t)BAD_FAILURES : (int64_t)1, id,
					 (size_t)TACIT_SECAGG_ID_LEN);
	}
	return r;
}

/* With one group alone nobody is told apart. */
static int note_suspicion(struct tacit_db *db, const struct tacit_round *round,
			  const struct tacit_cohort *cohort, bool suspect)
{
	if (suspect && round->groups < 2)
		return 0;
	return tacit_db_run(db,
			    "UPDATE host SET suspicion = CASE WHEN ? THEN suspicion + 1 ELSE 0 END"
			    " WHERE number IN (SELECT host FROM message WHERE round = ?"
			    " AND grp = ? AND type = ?)",
			    "iiii", (int64_t)suspect, (int64_t)cohort->round,
			    (int64_t)cohort->group, (int64_t)TACIT_SECAGG_MASKED);
}

static int keep_sum(struct tacit_db *db, const struct job *job)
{
	const struct tacit_secagg_config *config = tacit_secagg_server_config(job->server);
	const struct tacit_cohort *cohort = job->cohort;
	const struct tacit_protect_params params = tacit_cohort_protection(config, cohort->hosts);
	uint32_t n = config->dimensions;
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer sum = { 0 };
	uint8_t digest[TACIT_DIGEST_LEN];
	int r;

	for (uint32_t i = 0; i < n; i++)
		tacit_write_u32le(&sum, job->value[i]);
	if (sum.failed)
		return -ENOMEM;
	r = tacit_sha256(sum.data, sum.len, digest);
	if (r < 0)
		return r;
	return tacit_db_run(db,
			    "UPDATE cohort SET sum = ?, sum_sha256 = ?, noise_sd = ?, rho = ?,"
			    " rho_release = ? WHERE round = ? AND grp = ?",
			    "bbdddii", sum.data, sum.len, digest, sizeof(digest),
			    noise_sd(config, cohort),
			    tacit_protect_rho_sum(&params, n, params.honest),
			    tacit_protect_rho_sum(&params, n, cohort->survivors),
			    (int64_t)cohort->round, (int64_t)cohort->group);
}

/* @due: who has not answered by now is late; else the sum may just have been quick. */
static int succeed(struct tacit_db *db, const struct tacit_round *round, struct job *job, bool due)
{
	const struct tacit_secagg_config *config = tacit_secagg_server_config(job->server);
	struct tacit_cohort *cohort = job->cohort;
	double norm = norm_of(config, job->value);
	double most = norm_max(config, cohort);
	bool too_long = !(norm <= most);
	char reason[REASON_MAX];
	uint32_t answers = 0;
	int r = note_suspicion(db, round, cohort, too_long);

	if (r == 0)
		r = tacit_cohort_count(db, cohort, TACIT_SECAGG_ANSWER, &answers);
	if (r == 0)
		r = tacit_cohort_note_silence(db, cohort, due || answers == cohort->survivors);
	if (r == 0)
		r = note_culprits(db, job);
	if (r == 0)
		r = tacit_cohort_bench(db, cohort);
	if (r == 0)
		r = tacit_cohort_charge(db, round, cohort, config);
	if (r < 0)
		return r;
	if (too_long) {
		(void)snprintf(
			reason, sizeof(reason),
			"the sum's norm of %.3g exceeds the %.3g that honest hosts can reach", norm,
			most);
		return tacit_cohort_close(db, cohort, TACIT_COHORT_LOST, reason);
	}
	r = keep_sum(db, job);
	return r < 0 ? r : tacit_cohort_close(db, cohort, TACIT_COHORT_DONE, NULL);
}

static int fail(struct tacit_db *db, const struct tacit_round *round, struct job *job)
{
	int r = note_culprits(db, job);

	if (r < 0)
		return r;
	return tacit_cohort_lose(db, round, job->cohort, tacit_secagg_server_config(job->server),
				 tacit_secagg_reason_text(job->why));
}

/* Not yet: more answers may come. */
static bool is_early(const struct job *job, bool due)
{
	return job->result < 0 && !due && job->why == TACIT_SECAGG_UNRECOVERABLE &&
	       tacit_secagg_server_missing(job->server) > 0;
}

static int settle(struct tacit_db *db, const struct tacit_round *round, struct job *job, bool due)
{
	struct tacit_cohort *cohort = job->cohort;
	int r;

	if (is_early(job, due))
		return 0;
	if (job->result < 0 && job->why == TACIT_SECAGG_FINE)
		return job->result;
	r = tacit_db_begin(db);
	if (r == 0)
		r = tacit_db_end(db, job->result == 0 ? succeed(db, round, job, due)
						      : fail(db, round, job));
	if (r == 0 && cohort->phase == TACIT_COHORT_LOST)
		tacit_warning("round %" PRIu64 " group %u: lost, with %u survivors of %u",
			      cohort->round, cohort->group, cohort->survivors, cohort->hosts);
	else if (r == 0)
		tacit_info("round %" PRIu64 " group %u: the sum of %u hosts is known",
			   cohort->round, cohort->group, cohort->survivors);
	return r;
}

/* Whether or not there is a thread to be had. */
static void start(struct job *job)
{
	job->running = pthread_create(&job->thread, NULL, unmask, job) == 0;
	if (!job->running)
		(void)unmask(job);
}

static int finish_some(struct tacit_db *db, const struct tacit_ca *ca,
		       const struct tacit_round *round, struct tacit_cohort *cohort, size_t n,
		       bool due)
{
	const struct tacit_secagg_identity identity = tacit_cohort_identity(ca);
	struct job job[THREADS_MAX] = { 0 };
	size_t begun = 0;
	int r = 0;

	for (; r == 0 && begun < n; begun++) {
		job[begun].cohort = &cohort[begun];
		r = load(db, &identity, &job[begun]);
		if (r == 0)
			start(&job[begun]);
	}
	for (size_t i = 0; i < begun; i++) {
		if (job[i].running)
			(void)pthread_join(job[i].thread, NULL);
		if (r == 0)
			r = settle(db, round, &job[i], due);
		job_done(&job[i]);
	}
	return r;
}

int tacit_cohort_finish(struct tacit_db *db, const struct tacit_ca *ca,
			const struct tacit_round *round, struct tacit_cohort *cohort, size_t n,
			bool due)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = processors < 1		 ? 1
		      : processors > THREADS_MAX ? THREADS_MAX
						 : (size_t)processors;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += most)
		r = finish_some(db, ca, round, &cohort[i], n - i < most ? n - i : most, due);
	return r;
}
