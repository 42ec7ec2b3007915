/* SPDX-License-Identifier: MIT */
/* What is next, and when. */
#include "participant_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include <tacit/clock.h>

#define POLL_MIN_MS  1000
#define POLL_MAX_MS  3600000
#define LOG_BURST    20
#define LOG_MS	     600000
#define EXPECTED_MS  1000
#define TIMER_MAX_MS 60000 /* the timer stands still during suspend, the boot clock does not */

int64_t tacit_participant_wall(const struct tacit_participant *p)
{
	return p->params.wall_ms();
}

int64_t tacit_participant_boot(const struct tacit_participant *p)
{
	return p->params.boot_ms();
}

const char *tacit_participant_state_name(enum tacit_participant_state state)
{
	static const char *const names[TACIT_PARTICIPANT_STATES] = {
		[TACIT_PARTICIPANT_OUTSIDE] = "outside",
		[TACIT_PARTICIPANT_ENROL] = "enrol",
		[TACIT_PARTICIPANT_RENEW] = "renew",
		[TACIT_PARTICIPANT_RESEND] = "resend",
		[TACIT_PARTICIPANT_TASK] = "task",
		[TACIT_PARTICIPANT_RELEASE] = "release",
		[TACIT_PARTICIPANT_ROUND] = "round",
		[TACIT_PARTICIPANT_REFERENCE] = "reference",
		[TACIT_PARTICIPANT_UPDATE] = "update",
		[TACIT_PARTICIPANT_CONFIG] = "config",
		[TACIT_PARTICIPANT_ADVERT] = "advert",
		[TACIT_PARTICIPANT_ROSTER] = "roster",
		[TACIT_PARTICIPANT_SHARES] = "shares",
		[TACIT_PARTICIPANT_INBOX] = "inbox",
		[TACIT_PARTICIPANT_MASKED] = "masked",
		[TACIT_PARTICIPANT_SURVIVORS] = "survivors",
		[TACIT_PARTICIPANT_CONSENT] = "consent",
		[TACIT_PARTICIPANT_CONSENTS] = "consents",
		[TACIT_PARTICIPANT_ANSWER] = "answer",
		[TACIT_PARTICIPANT_WAIT] = "wait",
	};

	return names[state];
}

static void arm(struct tacit_participant *p)
{
	int64_t left;
	struct timeval wait;

	if (!p->timer)
		return;
	(void)event_del(p->timer);
	if (!p->started || p->busy || p->due_ms < 0)
		return;
	left = p->due_ms - tacit_participant_boot(p);
	left = left < 0 ? 0 : left > TIMER_MAX_MS ? TIMER_MAX_MS : left;
	wait = (struct timeval){ left / 1000, left % 1000 * 1000 };
	(void)event_add(p->timer, &wait);
}

static void act_in(struct tacit_participant *p, int64_t wait_ms)
{
	p->due_ms = tacit_participant_boot(p) + wait_ms;
	arm(p);
}

static int64_t random_below(const struct tacit_participant *p, int64_t bound)
{
	return bound < 1 ? 0 : (int64_t)tacit_random_below(p->params.random, (uint64_t)bound);
}

int64_t tacit_participant_poll_ms(const struct tacit_participant *p, int64_t wait_ms)
{
	int64_t min = p->params.poll_min_ms, max = p->params.poll_max_ms;

	wait_ms = wait_ms < min ? min : wait_ms > max ? max : wait_ms;
	return wait_ms + random_below(p, wait_ms / 10);
}

void tacit_participant_pause(struct tacit_participant *p, int64_t wait_ms)
{
	p->status.state = TACIT_PARTICIPANT_WAIT;
	p->task_fresh = p->release_fresh = false;
	act_in(p, wait_ms);
}

void tacit_participant_ok(struct tacit_participant *p)
{
	if (p->status.failing)
		tacit_participant_say(p, TACIT_LOG_NOTICE, "the aggregator answers again");
	p->status.failing = false;
	p->status.last_ok_ms = tacit_participant_wall(p);
	p->backoff_ms = 0;
}

/* Decorrelated jitter: anything from the least to three times the last pause. */
static int64_t next_backoff(struct tacit_participant *p)
{
	int64_t last = p->backoff_ms ? p->backoff_ms : TACIT_PARTICIPANT_BACKOFF_MIN_MS;
	int64_t span = 3 * last - TACIT_PARTICIPANT_BACKOFF_MIN_MS;
	int64_t wait = TACIT_PARTICIPANT_BACKOFF_MIN_MS + random_below(p, span + 1);

	if (wait > TACIT_PARTICIPANT_BACKOFF_MAX_MS)
		wait = TACIT_PARTICIPANT_BACKOFF_MAX_MS;
	p->backoff_ms = wait;
	return wait;
}

/* Others' words go to terminals and into JSON. */
static void format_tidy(char *text, size_t size, const char *format, va_list args)
{
	(void)vsnprintf(text, size, format, args);
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void tacit_participant_refuse(struct tacit_participant *p, uint64_t round, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_tidy(p->status.refused, sizeof(p->status.refused), format, args);
	va_end(args);
	p->status.refused_round = round;
}

/* True when it is news. */
static bool note_error(struct tacit_participant *p, const char *format, va_list args)
{
	struct tacit_participant_status *status = &p->status;
	char why[sizeof(status->last_error)] = "";
	bool news;

	format_tidy(why, sizeof(why), format, args);
	news = !status->failing || strcmp(why, status->last_error) != 0;
	memcpy(status->last_error, why, sizeof(why));
	status->last_error_ms = tacit_participant_wall(p);
	status->failing = true;
	return news && tacit_log_allowed(&p->log_limit);
}

void tacit_participant_give_up(struct tacit_participant *p, const char *format, ...)
{
	va_list args;
	bool news;

	va_start(args, format);
	news = note_error(p, format, args);
	va_end(args);
	if (news)
		tacit_participant_say(p, TACIT_LOG_ERROR, "%s", p->status.last_error);
}

void tacit_participant_fail(struct tacit_participant *p, int64_t retry_after_ms, const char *format,
			    ...)
{
	int64_t wait = next_backoff(p);
	va_list args;
	bool news;

	va_start(args, format);
	news = note_error(p, format, args);
	va_end(args);
	if (retry_after_ms > p->params.poll_max_ms)
		retry_after_ms = p->params.poll_max_ms;
	if (wait < retry_after_ms)
		wait = retry_after_ms + random_below(p, retry_after_ms / 10);
	if (news)
		tacit_participant_say(p, TACIT_LOG_WARNING, "%s: %s; trying again",
				      tacit_participant_state_name(p->status.state),
				      p->status.last_error);
	p->task_fresh = p->release_fresh = false;
	if (p->status.state == TACIT_PARTICIPANT_RENEW)
		p->renew_after_ms = tacit_participant_boot(p) + 2 * wait;
	act_in(p, wait);
}

const char *tacit_participant_detail(const struct tacit_uplink_result *result)
{
	const struct tacit_problem *problem = &result->problem;

	return problem->detail[0] ? problem->detail : problem->title;
}

void tacit_participant_fail_status(struct tacit_participant *p,
				   const struct tacit_uplink_result *result)
{
	const char *detail = tacit_participant_detail(result);

	tacit_participant_fail(p, result->retry_after_ms, "the aggregator answered %d%s%s",
			       result->status, detail[0] ? ": " : "", detail);
}

bool tacit_participant_is_type(struct tacit_participant *p,
			       const struct tacit_uplink_result *result, const char *type)
{
	if (strcmp(result->type, type) == 0)
		return true;
	tacit_participant_fail(p, 0, "the answer is of type '%s', not '%s'", result->type, type);
	return false;
}

static void on_answer(void *ctx, const struct tacit_uplink_result *result)
{
	static void (*const handlers[TACIT_PARTICIPANT_STATES])(
		struct tacit_participant *, const struct tacit_uplink_result *) = {
		[TACIT_PARTICIPANT_ENROL] = tacit_participant_on_enrol,
		[TACIT_PARTICIPANT_RENEW] = tacit_participant_on_renew,
		[TACIT_PARTICIPANT_RESEND] = tacit_participant_on_update,
		[TACIT_PARTICIPANT_TASK] = tacit_participant_on_task,
		[TACIT_PARTICIPANT_RELEASE] = tacit_participant_on_release,
		[TACIT_PARTICIPANT_ROUND] = tacit_participant_on_round,
		[TACIT_PARTICIPANT_REFERENCE] = tacit_participant_on_reference,
		[TACIT_PARTICIPANT_UPDATE] = tacit_participant_on_update,
		[TACIT_PARTICIPANT_CONFIG... TACIT_PARTICIPANT_ANSWER] = tacit_participant_on_sum,
	};
	struct tacit_participant *p = (struct tacit_participant *)ctx;

	p->busy = false;
	tacit_participant_drop_body(p);
	if (result->error < 0)
		tacit_participant_fail(p, 0, "%s%s%s", tacit_strerror(result->error),
				       result->detail[0] ? ": " : "", result->detail);
	else
		handlers[p->status.state](p, result);
}

/* Authenticated requests go out under our certificate. */
static int present(struct tacit_participant *p)
{
	struct tacit_uplink_tls tls;
	int r;

	if (p->status.state == TACIT_PARTICIPANT_ENROL || p->member_tls)
		return 0;
	r = tacit_identity_tls(p->params.identity, &tls);
	if (r == 0)
		r = p->params.transport->set_tls(p->params.transport_ctx, &tls);
	p->member_tls = r == 0;
	return r;
}

void tacit_participant_ask(struct tacit_participant *p, enum tacit_participant_state state,
			   const struct tacit_uplink_request *request)
{
	int r;

	p->status.state = state;
	p->due_ms = -1;
	r = present(p);
	if (r == 0)
		r = p->params.transport->send(p->params.transport_ctx, request, on_answer, p);
	p->busy = r == 0;
	if (r < 0) {
		tacit_participant_drop_body(p);
		tacit_participant_fail(p, 0, "cannot ask: %s", tacit_strerror(r));
	}
}

static enum tacit_participant_state choose(const struct tacit_participant *p)
{
	const struct tacit_identity *identity = p->params.identity;
	bool enrolled = tacit_identity_is_enrolled(identity);
	int64_t wall = tacit_participant_wall(p), boot = tacit_participant_boot(p);
	bool expired = tacit_identity_is_expired(identity, wall);

	if (p->has_token && (p->token_now || !enrolled || expired))
		return TACIT_PARTICIPANT_ENROL;
	if (!enrolled)
		return TACIT_PARTICIPANT_OUTSIDE;
	if (expired || (tacit_identity_is_due(identity, wall) && boot >= p->renew_after_ms))
		return TACIT_PARTICIPANT_RENEW;
	if (p->update)
		return TACIT_PARTICIPANT_UPDATE;
	if (!p->has_task)
		return TACIT_PARTICIPANT_TASK;
	if (p->sum.host)
		return tacit_participant_sum_state(p);
	if (!p->release_fresh)
		return TACIT_PARTICIPANT_RELEASE;
	return boot >= p->round_due_ms ? TACIT_PARTICIPANT_ROUND : TACIT_PARTICIPANT_WAIT;
}

static void do_outside(struct tacit_participant *p)
{
	p->status.state = TACIT_PARTICIPANT_OUTSIDE;
	p->due_ms = -1;
}

/* Until the next round is due; a release that may be there by now is looked for more often. */
static void do_wait(struct tacit_participant *p)
{
	int64_t now = tacit_participant_boot(p), left = p->round_due_ms - now;
	int64_t look = (int64_t)EXPECTED_MS << p->expected_tries;

	if (look < p->params.poll_min_ms)
		look = p->params.poll_min_ms;
	if (p->expected && now >= p->expected_from_ms && left > look)
		left = look;
	tacit_participant_pause(p, left);
}

void tacit_participant_go_on(struct tacit_participant *p)
{
	static void (*const acts[TACIT_PARTICIPANT_STATES])(struct tacit_participant *) = {
		[TACIT_PARTICIPANT_OUTSIDE] = do_outside,
		[TACIT_PARTICIPANT_ENROL] = tacit_participant_ask_enrol,
		[TACIT_PARTICIPANT_RENEW] = tacit_participant_ask_renew,
		[TACIT_PARTICIPANT_TASK] = tacit_participant_ask_task,
		[TACIT_PARTICIPANT_RELEASE] = tacit_participant_ask_release,
		[TACIT_PARTICIPANT_ROUND] = tacit_participant_ask_round,
		[TACIT_PARTICIPANT_UPDATE] = tacit_participant_ask_update,
		[TACIT_PARTICIPANT_CONFIG... TACIT_PARTICIPANT_ANSWER] = tacit_participant_ask_sum,
		[TACIT_PARTICIPANT_WAIT] = do_wait,
	};

	acts[choose(p)](p);
}

int64_t tacit_participant_wake(struct tacit_participant *p)
{
	int64_t now = tacit_participant_boot(p);

	if (p->started && !p->busy && p->due_ms >= 0 && now >= p->due_ms)
		tacit_participant_go_on(p);
	if (!p->started || p->busy || p->due_ms < 0)
		return -1;
	return p->due_ms > now ? p->due_ms - now : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct tacit_participant *p = (struct tacit_participant *)ctx;

	(void)fd;
	(void)what;
	(void)tacit_participant_wake(p);
	arm(p);
}

void tacit_participant_start(struct tacit_participant *p, uint32_t spread_ms)
{
	p->started = true;
	act_in(p, random_below(p, (int64_t)spread_ms + 1));
}

void tacit_participant_hurry(struct tacit_participant *p)
{
	p->round_due_ms = 0;
	if (p->started && !p->busy)
		act_in(p, 0);
}

static void keep_token(struct tacit_participant *p, const struct tacit_token *token, bool now)
{
	tacit_participant_drop_token(p);
	p->token = *token;
	p->has_token = true;
	p->token_now = now;
	tacit_participant_hurry(p);
}

void tacit_participant_enrol(struct tacit_participant *p, const struct tacit_token *token)
{
	if (p->busy)
		p->params.transport->cancel(p->params.transport_ctx);
	p->busy = false;
	p->backoff_ms = 0;
	tacit_participant_drop_body(p);
	keep_token(p, token, true);
}

void tacit_participant_offer(struct tacit_participant *p, const struct tacit_token *token)
{
	keep_token(p, token, false);
}

void tacit_participant_status(const struct tacit_participant *p,
			      struct tacit_participant_status *ret)
{
	int64_t wall = tacit_participant_wall(p), left;

	*ret = p->status;
	ret->enrolled = tacit_identity_is_enrolled(p->params.identity);
	ret->expired = tacit_identity_is_expired(p->params.identity, wall);
	if (!p->started || p->busy || p->due_ms < 0)
		return;
	left = p->due_ms - tacit_participant_boot(p);
	ret->next_ms = wall + (left > 0 ? left : 0);
}

const struct tacit_task *tacit_participant_task(const struct tacit_participant *p)
{
	return p->has_task ? &p->task : NULL;
}

static void set_defaults(struct tacit_participant_params *params)
{
	if (!params->wall_ms)
		params->wall_ms = tacit_clock_wall_ms;
	if (!params->boot_ms)
		params->boot_ms = tacit_clock_boot_ms;
	if (params->poll_min_ms == 0)
		params->poll_min_ms = POLL_MIN_MS;
	if (params->poll_max_ms == 0)
		params->poll_max_ms = POLL_MAX_MS;
}

int tacit_participant_new(const struct tacit_participant_params *params,
			  struct tacit_participant **ret)
{
	TACIT_CLEANUP(tacit_participant_free_p)
	struct tacit_participant *p = TACIT_NEW(struct tacit_participant);
	int r = 0;

	if (!p)
		return -ENOMEM;
	p->params = *params;
	p->due_ms = -1;
	p->log_limit = (struct tacit_log_limit){ .burst = LOG_BURST, .interval_ms = LOG_MS };
	set_defaults(&p->params);
	if (params->base) {
		p->timer = evtimer_new(params->base, on_timer, p);
		if (!p->timer)
			return -ENOMEM;
	}
	tacit_task_init(&p->task, params->schema);
	if (tacit_identity_is_enrolled(params->identity))
		r = tacit_participant_load_release(p);
	if (r == 0 && tacit_identity_is_enrolled(params->identity))
		r = tacit_participant_load_update(p);
	if (r == 0 && tacit_identity_is_enrolled(params->identity))
		r = tacit_participant_load_sum(p);
	if (r < 0)
		return r;
	*ret = TACIT_TAKE(p);
	return 0;
}

void tacit_participant_drop_body(struct tacit_participant *p)
{
	tacit_identity_wipe(p->body);
	tacit_free(TACIT_TAKE(p->body));
}

void tacit_participant_drop_token(struct tacit_participant *p)
{
	tacit_token_done(&p->token);
	p->has_token = p->token_now = false;
}

void tacit_participant_drop_update(struct tacit_participant *p)
{
	tacit_free(TACIT_TAKE(p->update));
	p->update_len = 0;
}

void tacit_participant_free(struct tacit_participant *p)
{
	if (!p)
		return;
	if (p->busy)
		p->params.transport->cancel(p->params.transport_ctx);
	if (p->timer)
		event_free(p->timer);
	tacit_participant_drop_token(p);
	tacit_participant_drop_body(p);
	tacit_participant_drop_update(p);
	tacit_participant_drop_sum(p);
	tacit_vouch_free(p->vouch);
	tacit_free(p);
}
