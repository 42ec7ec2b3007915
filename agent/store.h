/* SPDX-License-Identifier: MIT */
/*
 * store - the host's memory: one SQLite file with models per scope, a sample of
 * windows, anomalies, minute summaries, releases, the privacy ledger and rounds.
 * Bounded by age and size. One connection, one process, one thread.
 *
 * Functions return 0 or a positive number on success, and on failure what <tacit/db.h>
 * returns. None of them logs, but where it says so. A row that makes no sense (a number out of
 * range, a blob of a wrong length) is counted in tacit_store_skipped() and left out.
 */
#ifndef TACIT_AGENT_STORE_H
#define TACIT_AGENT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/cleanup.h>
#include <tacit/db.h>
#include <tacit/error.h>
#include <tacit/model.h>

#include "window.h"

struct tacit_store;

#define TACIT_STORE_FILE       "tacit.db"
#define TACIT_STORE_SAMPLE_MAX 1024U /* windows in the largest sample of a scope */
#define TACIT_STORE_SAMPLE_FEW 64U   /* and in that of a scope of which little is asked */
#define TACIT_STORE_BLOB_MAX   (1U << 20)
#define TACIT_STORE_DETAIL_MAX 8192U /* bytes of an anomaly's detail */

struct tacit_store_params {
	const char *path;    /* file, or ":memory:" */
	const uint8_t *seed; /* 32 bytes for the sample's randomness; NULL: fresh entropy */
};

/**
 * tacit_store_open - open, create or migrate the file.
 * @ret: owned by the caller.
 *
 * A damaged file is renamed, an empty one takes its place, and what can be read of the privacy
 * ledger and the rounds is carried over; this is logged, and tacit_store_aside() says so.
 * Episodes that were open when the last daemon ended are marked interrupted.
 */
TACIT_MUST_CHECK int tacit_store_open(const struct tacit_store_params *params,
				      struct tacit_store **ret);

/* For readers beside a daemon, or without one: nothing is created, migrated or repaired. */
TACIT_MUST_CHECK int tacit_store_open_readonly(const char *path, struct tacit_store **ret);

/* Borrowed; for the ledger, rounds and releases. */
struct tacit_db *tacit_store_db(struct tacit_store *store);

/* Where the damaged file of this opening went; NULL when there was none. Borrowed. */
const char *tacit_store_aside(const struct tacit_store *store);

/* Rows found to make no sense since the store was opened. */
uint64_t tacit_store_skipped(const struct tacit_store *store);

/* Counts a row, for callers that find out only when they decode a blob. */
void tacit_store_note_skipped(struct tacit_store *store);

/* NULL is fine. Pending windows are written. */
void tacit_store_close(struct tacit_store *store);
TACIT_DEFINE_CLEANUP(struct tacit_store, tacit_store_close)

/*
 * meta: integers and texts by name. get: -ENOENT when there is none; the text is owned by the
 * caller. Written here: "aside" and "aside_ms" (the last damaged file, and when), "ledger_lost_ms"
 * (when part of a ledger could not be carried over); by the learner: "windows" (judged over all
 * time); by the daemon: "started_ms".
 */
TACIT_MUST_CHECK int tacit_store_get_int(struct tacit_store *store, const char *key, int64_t *ret);
TACIT_MUST_CHECK int tacit_store_set_int(struct tacit_store *store, const char *key, int64_t value);
TACIT_MUST_CHECK int tacit_store_get_text(struct tacit_store *store, const char *key, char **ret);
TACIT_MUST_CHECK int tacit_store_set_text(struct tacit_store *store, const char *key,
					  const char *value);

/* One scope and what was learned of it. */
struct tacit_store_scope {
	int64_t id; /* 0: not stored yet */
	char name[TACIT_SCOPE_NAME_MAX + 1];
	char class[65];
	uint64_t windows; /* learned from */
	int64_t last_ms;  /* wall clock of its last window */
	char kind[16];	  /* "" when there is no model */
	/* Borrowed; NULL when there is none. */
	const void *model;
	size_t model_len;
	const void *threshold;
	size_t threshold_len;
};

/* @scope and its blobs are borrowed for the call, which must not use the store. */
typedef void tacit_store_scope_fn(void *ctx, const struct tacit_store_scope *scope);

/* Calls @fn with the scope @name: 0, -ENOENT, TACIT_EDAMAGED (a row that makes no sense). */
TACIT_MUST_CHECK int tacit_store_get_scope(struct tacit_store *store, const char *name,
					   tacit_store_scope_fn *fn, void *ctx);

/* Inserts or updates by name; sets scope->id. */
TACIT_MUST_CHECK int tacit_store_put_scope(struct tacit_store *store,
					   struct tacit_store_scope *scope);

/* The @max scopes seen last, newest first: lengths of blobs, but no blobs. Returns how many. */
TACIT_MUST_CHECK int tacit_store_each_scope(struct tacit_store *store, uint32_t max,
					    tacit_store_scope_fn *fn, void *ctx);

/* Summary of one scope over one minute. */
struct tacit_store_minute {
	int64_t scope; /* id */
	int64_t at_ms; /* wall clock, the minute's beginning */
	uint32_t windows, alarms;
	double max_distance, max_z, max_rare;
};

/* Inserts, or adds to the row that is there. */
TACIT_MUST_CHECK int tacit_store_put_minute(struct tacit_store *store,
					    const struct tacit_store_minute *minute);

/**
 * tacit_store_sample - offer a window to its scope's sample.
 * @size: of the sample, 1..TACIT_STORE_SAMPLE_MAX; may grow: windows from before are fewer then.
 * @offered: windows offered before this one, over all time; or a number at which it stays, and the
 *           sample is of about the last so many.
 *
 * Keeps a uniform sample (Vitter 1985, algorithm R).
 * Kept windows wait in memory for tacit_store_flush(), which this calls when too many wait.
 */
TACIT_MUST_CHECK int tacit_store_sample(struct tacit_store *store, int64_t scope, uint32_t size,
					uint64_t offered, const struct tacit_window *window);

TACIT_MUST_CHECK int tacit_store_flush(struct tacit_store *store);

/* The sample of @scope (name), oldest first. Returns how many. @fn must not use the store. */
TACIT_MUST_CHECK int tacit_store_each_sample(struct tacit_store *store, const char *scope,
					     tacit_window_fn *fn, void *ctx);

enum tacit_anomaly_state {
	TACIT_ANOMALY_OPEN, /* goes on */
	TACIT_ANOMALY_ENDED,
	TACIT_ANOMALY_INTERRUPTED, /* the daemon ended before it did */
};

/* "open", "ended", "interrupted". */
const char *tacit_anomaly_state_name(enum tacit_anomaly_state state);

/* One episode of anomalous windows. Plain record. */
struct tacit_anomaly {
	int64_t id; /* 0: not stored yet */
	char scope[TACIT_SCOPE_NAME_MAX + 1];
	char class[65];
	int64_t start_ms, end_ms, peak_ms; /* wall clock; end: of the last alarming window so far */
	uint64_t windows;		   /* alarming ones */
	enum tacit_statistic statistic;	   /* which one, at the peak */
	double peak, threshold;		   /* of that statistic */
	uint64_t model_version;		   /* release behind the score; 0 none */
	enum tacit_anomaly_state state;
	const char *detail; /* JSON, see tacit_detect_detail(); borrowed */
};

/* Inserts (id 0) or updates; sets anomaly->id. */
TACIT_MUST_CHECK int tacit_store_put_anomaly(struct tacit_store *store,
					     struct tacit_anomaly *anomaly);

typedef void tacit_store_anomaly_fn(void *ctx, const struct tacit_anomaly *anomaly);

/* Anomalies that ended at @since_ms or later, newest first, at most @max. Returns how many. */
TACIT_MUST_CHECK int tacit_store_each_anomaly(struct tacit_store *store, int64_t since_ms,
					      uint32_t max, tacit_store_anomaly_fn *fn, void *ctx);

/* Calls @fn with the one of @id: 0, -ENOENT, TACIT_EDAMAGED. */
TACIT_MUST_CHECK int tacit_store_get_anomaly(struct tacit_store *store, int64_t id,
					     tacit_store_anomaly_fn *fn, void *ctx);

/* How long the host was watched, and how often it alarmed. */
struct tacit_store_watch {
	uint64_t minutes;  /* with a summary */
	uint64_t episodes; /* that ended, or go on */
};

/* Since @since_ms, by the wall clock. */
TACIT_MUST_CHECK int tacit_store_watched(struct tacit_store *store, int64_t since_ms,
					 struct tacit_store_watch *ret);

struct tacit_store_counts {
	uint64_t scopes, anomalies, minutes, samples;
	uint64_t windows;	  /* judged over all time, as of the last flush */
	int64_t last_window_ms;	  /* wall clock; 0 none */
	uint64_t anomalies_since; /* that ended at or after the time asked for */
	int64_t bytes;		  /* of the file in use */
};

TACIT_MUST_CHECK int tacit_store_counts(struct tacit_store *store, int64_t since_ms,
					struct tacit_store_counts *ret);

/**
 * tacit_store_retain - drop what is too old or too much.
 * @now_ms:  wall clock.
 *
 * Deletes at most a thousand rows of each kind, so that one call is short. Never touches
 * the ledger or rounds. Returns how many rows went; more may be waiting when it is not 0.
 */
TACIT_MUST_CHECK int tacit_store_retain(struct tacit_store *store, int64_t now_ms,
					int64_t max_age_ms, int64_t max_bytes);

#endif /* TACIT_AGENT_STORE_H */
