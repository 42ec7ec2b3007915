/* SPDX-License-Identifier: MIT */
/*
 * ngram - what follows what: an interpolated n-gram model of streams of symbols, and how
 * surprising another stream is to it.
 *
 * Witten and Bell 1991 (method C), interpolated: of a context h that was followed n times, by t
 * different symbols, the next symbol is a with probability
 *
 *	p(a | h) = (count(ha) + t p(a | h without its oldest symbol)) / (n + t)
 *
 * down to no context, below which all symbols are alike; a context never seen is left out. Forrest
 * et al. 1996 judge programs by the short sequences of their system calls; this says by how much.
 *
 * Sequences live in one hash table that grows to a given size. When it is full every count is
 * halved and what was seen once is forgotten, so that memory is bounded and the recent weighs more.
 * The same streams give the same model. Not thread-safe.
 */
#ifndef TACIT_NGRAM_H
#define TACIT_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/cleanup.h>
#include <tacit/error.h>

struct tacit_ngram;

#define TACIT_NGRAM_ORDER_MAX	  6U /* symbols in a sequence: a context of five, and what follows */
#define TACIT_NGRAM_SYMBOLS_MAX	  4096U
#define TACIT_NGRAM_SEQUENCES_MIN 1024U
#define TACIT_NGRAM_SEQUENCES_MAX (1U << 22)

/* A gap in a stream: nothing is learned or said of it, and no context reaches across. */
#define TACIT_NGRAM_MISSING UINT16_MAX

/* The surprise of so many symbols on end is averaged to find where a stream is oddest. */
#define TACIT_NGRAM_STRETCH 50U
/* And this share of symbols surprises less than the high one. */
#define TACIT_NGRAM_HIGH 0.9

struct tacit_ngram_params {
	unsigned order;	    /* 1..TACIT_NGRAM_ORDER_MAX */
	uint32_t symbols;   /* 1..TACIT_NGRAM_SYMBOLS_MAX: they are below; larger ones are taken for
			     * the last */
	uint32_t sequences; /* kept at most: a power of two, of TACIT_NGRAM_SEQUENCES_MIN.._MAX;
			     * each takes 24 bytes, and there may be 3 for every 4 */
};

/* @ret: owned by the caller. 0, -EINVAL or -ENOMEM. */
TACIT_MUST_CHECK int tacit_ngram_new(const struct tacit_ngram_params *params,
				     struct tacit_ngram **ret);

/* Learns a whole stream. 0 or -ENOMEM: then its beginning may have been learned. */
TACIT_MUST_CHECK int tacit_ngram_learn(struct tacit_ngram *ngram, const uint16_t *symbol, size_t n);

/* A stream's surprise, in nats a symbol. Plain record. */
struct tacit_ngram_surprise {
	size_t symbols; /* that were judged; 0: the rest is 0 */
	double mean;
	double high; /* that TACIT_NGRAM_HIGH of them keep below; within 1/32 */
	double peak; /* largest mean of TACIT_NGRAM_STRETCH in a row, or of all if they are fewer */
};

/**
 * tacit_ngram_score - how surprising a stream is.
 * @nats: each symbol's own surprise, >= 0, 0 where it is missing; may be NULL.
 */
void tacit_ngram_score(const struct tacit_ngram *ngram, const uint16_t *symbol, size_t n,
		       double *nats, struct tacit_ngram_surprise *ret);

/* Symbols learned, less what was forgotten. */
uint64_t tacit_ngram_learned(const struct tacit_ngram *ngram);

/* Sequences known. */
uint32_t tacit_ngram_sequences(const struct tacit_ngram *ngram);

void tacit_ngram_save(const struct tacit_ngram *ngram, struct tacit_writer *writer);

/* 0, TACIT_ESCHEMA (another version), TACIT_EDAMAGED, -ENOMEM. */
TACIT_MUST_CHECK int tacit_ngram_load(struct tacit_reader *reader, struct tacit_ngram **ret);

/* NULL is fine. */
void tacit_ngram_free(struct tacit_ngram *ngram);
TACIT_DEFINE_CLEANUP(struct tacit_ngram, tacit_ngram_free)

#endif /* TACIT_NGRAM_H */
