/* SPDX-License-Identifier: MIT */
/*
 * fleet - the fleet's model: for each workload class one block, and one ladder of scores
 * (score_ladder.h) for each statistic, versioned; what a release is made of. Also the
 * layout of a contribution: classes in the release's order, and of each contribution_len
 * numbers of the kind, then those of the ladders.
 *
 * Released bytes (all little-endian): "TACM", u16 format (2), u16 kind length, kind,
 * schema[32], u64 version, u64 round, i64 created (wall ms), u32 dims, u32 groups,
 * u16 statistics, u16 classes, then per class: u16 name length, name, block as f32, and for
 * each statistic its ladder: weight, levels, spread as f32. Then u16 signature length and
 * an ECDSA-P256-SHA256 signature (DER) by the aggregator's CA key over everything before
 * that length. The SHA-256 of the whole is the model's name. Format 1 had neither statistics
 * nor ladders; it is still read, as ladders that say nothing.
 */
#ifndef TACIT_FLEET_H
#define TACIT_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>
#include <tacit/model.h>
#include <tacit/score_ladder.h>
#include <tacit/threshold.h>

#define TACIT_FLEET_CLASSES_MAX	   64U
#define TACIT_FLEET_CLASS_NAME_MAX 64U /* bytes, without NUL; [A-Za-z0-9@._:-] */
#define TACIT_FLEET_BYTES_MAX	   (4U << 20)
#define TACIT_FLEET_SIGNATURE_MAX  256U

struct tacit_fleet;

struct tacit_fleet_head {
	uint64_t version; /* 0: nothing was released yet */
	uint64_t round;
	int64_t created_ms; /* wall */
	uint8_t schema[32]; /* tacit_feature_schema() */
};

/**
 * tacit_fleet_new - a fleet model whose every block is the kind's initial one.
 * @kind, @space: borrowed, outlive the fleet.
 * @classes:      @n names, copied; distinct and valid.
 *
 * Returns 0, -EINVAL (a bad or repeated name, no or too many classes), -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_fleet_new(const struct tacit_model_kind *kind,
				     const struct tacit_space *space, const char *const *classes,
				     size_t n, struct tacit_fleet **ret);

const struct tacit_fleet_head *tacit_fleet_head(const struct tacit_fleet *fleet);
void tacit_fleet_set_head(struct tacit_fleet *fleet, const struct tacit_fleet_head *head);
const struct tacit_model_kind *tacit_fleet_kind(const struct tacit_fleet *fleet);

size_t tacit_fleet_classes(const struct tacit_fleet *fleet);

/* Borrowed. @i below tacit_fleet_classes(). */
const char *tacit_fleet_class_name(const struct tacit_fleet *fleet, size_t i);
const float *tacit_fleet_block(const struct tacit_fleet *fleet, size_t i);

/* Borrowed: TACIT_STATISTIC_COUNT ladders. */
const struct tacit_score_ladder *tacit_fleet_ladders(const struct tacit_fleet *fleet, size_t i);

/* Class @i of @fleet becomes what class @k of @from is, but for its name. Same kind and space. */
void tacit_fleet_copy_class(struct tacit_fleet *fleet, size_t i, const struct tacit_fleet *from,
			    size_t k);

/* Index of @class, or -ENOENT. */
int tacit_fleet_find(const struct tacit_fleet *fleet, const char *class);

/*
 * Index of the class that scopes of workload @class learn with: the one of that name, or else the
 * *slot* it hashes to, or -ENOENT. A fleet has N slots when it has classes named "slot:0.N" to
 * "slot:N-1.N": services that nobody listed learn together there, and nobody learns their names. Two
 * that share a slot are averaged, so slots want to be several times as many as such services.
 */
int tacit_fleet_class_of(const struct tacit_fleet *fleet, const char *class);

/* Writes the name of slot @i of @n to @ret. */
void tacit_fleet_slot_name(unsigned i, unsigned n, char ret[TACIT_FLEET_CLASS_NAME_MAX + 1]);

/* True when @name may be a class. */
bool tacit_fleet_class_name_is_valid(const char *name);

/* Numbers in a contribution: of one class, and of all. */
size_t tacit_fleet_section_len(const struct tacit_model_kind *kind,
			       const struct tacit_space *space);
size_t tacit_fleet_dimensions(const struct tacit_fleet *fleet);

/* One scope that has something to say. */
struct tacit_fleet_scope {
	const struct tacit_model *model;	  /* borrowed */
	struct tacit_threshold *const *threshold; /* borrowed; one per statistic, or NULL */
	int class_of;				  /* index, or -1: of no class here */
};

/**
 * tacit_fleet_contribute - what a host would add, all classes.
 * @scopes:  @n of them. Scopes of one class are averaged, so that a host counts once
 *           whatever it runs.
 * @out:     tacit_fleet_dimensions() numbers; classes the host does not run are zero.
 *
 * Returns 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_fleet_contribute(const struct tacit_fleet *fleet,
					    const struct tacit_fleet_scope *scopes, size_t n,
					    double *out);

/**
 * tacit_fleet_absorb - the next fleet model from a round's sum.
 * @fleet: what the round's hosts referred to.
 * @sum:   over tacit_fleet_dimensions() numbers.
 * @ret:   owned by the caller; head as @fleet's, for the caller to advance.
 *
 * Returns 0 or -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_fleet_absorb(const struct tacit_fleet *fleet,
					const struct tacit_sum *sum, struct tacit_fleet **ret);

/* Released bytes up to, not including, the signature length. @writer tells when memory ran out. */
void tacit_fleet_encode(const struct tacit_fleet *fleet, struct tacit_writer *writer);

/**
 * tacit_fleet_decode - parse released bytes, signature still unchecked.
 * @data, @len:  at most TACIT_FLEET_BYTES_MAX.
 * @space:       what this program was built with; borrowed, outlives the fleet.
 * @ret_signed:  bytes that the signature covers (from the start). May be NULL.
 * @ret_sig, @ret_sig_len: borrowed from @data. May be NULL.
 *
 * The head's schema is for the caller to compare. Returns 0, -E2BIG, TACIT_ESCHEMA (not a release,
 * unknown kind or format, other dimensions), TACIT_EDAMAGED (truncated, not finite, out of range),
 * -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_fleet_decode(const uint8_t *data, size_t len,
					const struct tacit_space *space, struct tacit_fleet **ret,
					size_t *ret_signed, const uint8_t **ret_sig,
					size_t *ret_sig_len);

/* NULL is fine. */
void tacit_fleet_free(struct tacit_fleet *fleet);
TACIT_DEFINE_CLEANUP(struct tacit_fleet, tacit_fleet_free)

#endif /* TACIT_FLEET_H */
