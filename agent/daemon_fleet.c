/* SPDX-License-Identifier: MIT */
/* The daemon's part in the fleet: ties the participant to identity, network and learner. */
#include "daemon_private.h"

#include <tacit/feature.h>

#include "detect.h"
#include "learner_evaluate.h"

#define DAY_MS	    86400000
#define DAY_MINUTES 1440.0
#define WATCHED_MIN 60U	  /* minutes: less says little of a day */
#define SPREAD_MS   2000U /* hosts that start together do not call together */
#define WAIT_SEC    20U	  /* for the next message of a secure sum, before it is asked for again */

static int on_contribute(void *ctx, const struct tacit_fleet *reference, double *out)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;

	return tacit_learner_contribute(daemon->learner, reference, out);
}

/* Alarms of the last day, as if it had been watched throughout. Not all of them are false: whoever
 * reads the sum knows that there are attacks. */
static int count_alarms(struct tacit_daemon *daemon, struct tacit_evaluation *ret)
{
	struct tacit_store_watch watch;
	int r = tacit_store_watched(daemon->store, daemon->wall_ms - DAY_MS, &watch);

	if (r < 0)
		return r;
	ret->has_alarms = watch.minutes >= WATCHED_MIN;
	if (ret->has_alarms)
		ret->alarms = (double)watch.episodes * DAY_MINUTES / (double)watch.minutes;
	return 0;
}

static int on_evaluate(void *ctx, const struct tacit_fleet *reference, double kappa,
		       struct tacit_evaluation *ret)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	const struct tacit_agent_conf *conf = daemon->params.conf;
	double risk = tacit_detect_risk(conf->alerts_per_day, conf->window_ms,
					tacit_learner_scopes(daemon->learner));
	int r = count_alarms(daemon, ret);

	if (r < 0)
		return r;
	return tacit_learner_evaluate(daemon->learner, reference, kappa, risk, NULL, NULL, ret);
}

static void on_released(void *ctx, struct tacit_fleet *fleet, double kappa)
{
	struct tacit_daemon *daemon = (struct tacit_daemon *)ctx;
	int r = tacit_learner_set_fleet(daemon->learner, fleet, kappa);

	if (r < 0)
		tacit_warning("cannot use the fleet's model: %s, ignoring", tacit_strerror(r));
}

static const struct tacit_participant_ops ops = {
	.contribute = on_contribute,
	.evaluate = on_evaluate,
	.released = on_released,
};

static struct tacit_participant_floors floors(const struct tacit_agent_conf *conf)
{
	return (struct tacit_participant_floors){
		.budget = { .max_epsilon = conf->privacy_max_epsilon,
			    .delta = conf->privacy_delta },
		.min_noise_multiplier = conf->privacy_min_noise_multiplier,
		.min_cohort = conf->privacy_min_cohort,
		.min_corrupt = conf->privacy_min_corrupt,
		.semi_malicious = conf->privacy_server != 0,
	};
}

static int make_participant(struct tacit_daemon *daemon)
{
	const struct tacit_agent_conf *conf = daemon->params.conf;
	struct tacit_participant_params params = {
		.base = daemon->base,
		.transport = &tacit_uplink_transport,
		.transport_ctx = daemon->client,
		.identity = daemon->identity,
		.db = tacit_store_db(daemon->store),
		.random = daemon->random,
		.space = tacit_feature_space(),
		.kind = tacit_model_kind_find(conf->model_kind),
		.floors = floors(conf),
		.poll_min_ms = conf->uplink_poll_min_sec * 1000,
		.poll_max_ms = conf->uplink_poll_max_sec * 1000,
		.ops = &ops,
		.ctx = daemon,
		.wait_sec = WAIT_SEC,
		.wall_ms = daemon->params.clock.wall_ms,
		.boot_ms = daemon->params.clock.boot_ms,
	};
	int r = tacit_feature_schema(params.schema);

	return r < 0 ? r : tacit_participant_new(&params, &daemon->participant);
}

static int make_network(struct tacit_daemon *daemon)
{
	int r = tacit_random_new(NULL, &daemon->random);

	if (r == 0)
		r = tacit_uplink_new(daemon->base, TACIT_UPLINK_CONNECTIONS, &daemon->uplink);
	if (r == 0)
		r = tacit_uplink_client_new(daemon->uplink, &daemon->client);
	return r;
}

int tacit_daemon_join(struct tacit_daemon *daemon)
{
	const char *dir = daemon->params.conf->state_dir;
	int r = tacit_identity_open(dir, &daemon->identity);

	if (r < 0) {
		tacit_error("cannot keep an identity in %s: %s", dir, tacit_strerror(r));
		return r;
	}
	if (!daemon->params.conf->uplink_enabled)
		return 0;
	r = make_network(daemon);
	if (r == 0)
		r = make_participant(daemon);
	if (r < 0)
		tacit_error("cannot take part in the fleet: %s", tacit_strerror(r));
	return r;
}

/* Also for an enrolled host: its certificate may have expired while it was away. */
static void offer_token(struct tacit_daemon *daemon)
{
	TACIT_CLEANUP(tacit_token_done) struct tacit_token token = { 0 };
	const char *path = daemon->params.conf->enrol_token_file;
	char why[160] = "";
	int r;

	if (path && path[0] == '\0')
		path = NULL;
	r = tacit_identity_read_token(path, &token, why, sizeof(why));
	if (r == 0)
		tacit_participant_offer(daemon->participant, &token);
	else if (!tacit_identity_is_enrolled(daemon->identity) && (r != -ENOENT || path))
		tacit_warning("no enrolment token from %s: %s, ignoring",
			      path ? path : "the credential", why[0] ? why : tacit_strerror(r));
}

void tacit_daemon_start_participant(struct tacit_daemon *daemon)
{
	if (!daemon->participant)
		return;
	offer_token(daemon);
	tacit_participant_start(daemon->participant, SPREAD_MS);
}

void tacit_daemon_leave(struct tacit_daemon *daemon)
{
	tacit_participant_free(daemon->participant);
	tacit_uplink_client_free(daemon->client);
	tacit_uplink_free(daemon->uplink);
	tacit_random_free(daemon->random);
	tacit_identity_free(daemon->identity);
}
