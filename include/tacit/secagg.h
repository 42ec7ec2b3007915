/* SPDX-License-Identifier: MIT */
/*
 * secagg - what hosts and aggregator say to each other in a secure sum, and how it is written down.
 * Bell, Bonawitz, Gascon, Lepoint, Raykova: Secure Single-Server Aggregation with (Poly)Logarithmic
 * Overhead, CCS 2020 (ia.cr/2020/704), sections 3 and 4; Bonawitz et al. 2017 (ia.cr/2017/281) for
 * the signed keys and the consistency round.
 *
 *	phase	host -> server		server -> host
 *	0				CONFIG		what the round is, signed
 *	1	ADVERT, signed		ROSTER		neighbours, their keys and places
 *	2	SHARES			INBOX		sealed shares, by holder
 *	3	MASKED			SURVIVORS	who is in the sum, who went away
 *	4	CONSENT, signed		CONSENTS	the neighbours'
 *	5	ANSWER					one share of each neighbour
 *
 * A message is "TACS", u8 format (1), u8 type, u16 zero, and, but for CONFIG, the 32-byte digest of
 * the CONFIG it belongs to; then its fields as they stand in its record, little-endian, lists
 *behind their length (u32) and in strictly ascending order, signatures behind theirs (u8),
 *certificates behind theirs (u16), numbers in millionths as u32. What is accepted has exactly one
 *encoding.
 *
 * Decoded records borrow from the bytes; lists are owned by the record until its done().
 */
#ifndef TACIT_SECAGG_H
#define TACIT_SECAGG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tacit/bytes.h>
#include <tacit/error.h>
#include <tacit/secagg_params.h>

#define TACIT_SECAGG_FORMAT	   1U
#define TACIT_SECAGG_DIGEST_LEN	   32U
#define TACIT_SECAGG_ID_LEN	   32U /* SHA-256 of a host's identity key */
#define TACIT_SECAGG_KEY_LEN	   32U /* X25519 */
#define TACIT_SECAGG_SHARE_LEN	   36U
#define TACIT_SECAGG_BOX_LEN	   100U /* two shares, sealed */
#define TACIT_SECAGG_PINS_LEN	   64U	/* their digests, by kind */
#define TACIT_SECAGG_SIGNATURE_MAX 80U
#define TACIT_SECAGG_CERT_MAX	   4096U
#define TACIT_SECAGG_DIMS_MAX	   (1U << 20)
#define TACIT_SECAGG_NOISE_MAX	   1000000000U /* noise multiplier 1000, in millionths */
#define TACIT_SECAGG_PHASES	   5U

enum tacit_secagg_type {
	TACIT_SECAGG_CONFIG = 1,
	TACIT_SECAGG_ADVERT,
	TACIT_SECAGG_ROSTER,
	TACIT_SECAGG_SHARES,
	TACIT_SECAGG_INBOX,
	TACIT_SECAGG_MASKED,
	TACIT_SECAGG_SURVIVORS,
	TACIT_SECAGG_CONSENT,
	TACIT_SECAGG_CONSENTS,
	TACIT_SECAGG_ANSWER,
};

/* Why one end refuses what the other sent; each refusal has its own. */
enum tacit_secagg_reason {
	TACIT_SECAGG_FINE,
	TACIT_SECAGG_MALFORMED,
	TACIT_SECAGG_OTHER_ROUND,
	TACIT_SECAGG_OUT_OF_TURN,
	/* a host, of the round */
	TACIT_SECAGG_CONFIG_SIGNATURE,
	TACIT_SECAGG_ROUND_REPLAYED,
	TACIT_SECAGG_OTHER_MODEL,
	TACIT_SECAGG_COHORT_BELOW_FLOOR,
	TACIT_SECAGG_NOISE_BELOW_FLOOR,
	TACIT_SECAGG_THREAT_BELOW_FLOOR,
	/* a host, of the roster */
	TACIT_SECAGG_WEAK_PARAMS,
	TACIT_SECAGG_BAD_BEACON,
	TACIT_SECAGG_NOT_SEATED,
	TACIT_SECAGG_BAD_PROOF,
	TACIT_SECAGG_DUPLICATE_ID,
	TACIT_SECAGG_OTHER_GRAPH,
	TACIT_SECAGG_BAD_SIGNATURE,
	TACIT_SECAGG_BAD_KEY,
	/* a host, of the shares */
	TACIT_SECAGG_FOREIGN_SHARE,
	TACIT_SECAGG_TOO_FEW_SHARES,
	/* a host, of the list of survivors */
	TACIT_SECAGG_SECOND_LIST,
	TACIT_SECAGG_BOTH_SHARES,
	TACIT_SECAGG_NOT_A_SURVIVOR,
	TACIT_SECAGG_UNKNOWN_SURVIVOR,
	TACIT_SECAGG_TOO_FEW_SURVIVORS,
	TACIT_SECAGG_TOO_FEW_NEIGHBOURS,
	/* a host, of its neighbours' consent */
	TACIT_SECAGG_BAD_CONSENT,
	TACIT_SECAGG_TOO_FEW_CONSENTS,
	/* the server, of a host */
	TACIT_SECAGG_UNKNOWN_HOST,
	TACIT_SECAGG_DIFFERENT_MESSAGE,
	TACIT_SECAGG_OTHER_NEIGHBOURS,
	TACIT_SECAGG_OTHER_DIMENSIONS,
	TACIT_SECAGG_BAD_SHARE,
	TACIT_SECAGG_BAD_SECRET,
	TACIT_SECAGG_UNOPENED_BOX,
	/* the server, of the sum */
	TACIT_SECAGG_COUNTED_TWICE,
	TACIT_SECAGG_UNRECOVERABLE,
	TACIT_SECAGG_REASONS,
};

/* Static text, no full stop; never NULL. */
const char *tacit_secagg_reason_text(enum tacit_secagg_reason reason);

/* TACIT_ESCHEMA for what is malformed, TACIT_ESTALE out of turn or replayed, TACIT_EUNTRUSTED for
 * signatures and proofs, TACIT_ECONFLICT where something was said before, else TACIT_EREFUSED. */
int tacit_secagg_reason_code(enum tacit_secagg_reason reason);

/* Borrowed. */
struct tacit_secagg_blob {
	const uint8_t *data;
	size_t len;
};

/* A round as its server signs it. k and t are not in it: they depend on how many advertise, and
 * every host checks those of the roster against @threat. */
struct tacit_secagg_config {
	uint64_t round; /* 1..; with @group the round id */
	uint32_t group; /* of the round's hosts, each group with a sum of its own */
	uint8_t task[TACIT_SECAGG_DIGEST_LEN];
	uint8_t model[TACIT_SECAGG_DIGEST_LEN];
	uint8_t beacon[TACIT_SECAGG_DIGEST_LEN]; /* SHA-256 of the roster's */
	uint32_t dimensions;			 /* 1..TACIT_SECAGG_DIMS_MAX */
	uint32_t hosts_min;			 /* a roster has at least so many */
	struct tacit_secagg_threat threat;	 /* u8 server, then gamma and delta */
	double clip_norm;			 /* finite, above 0 */
	uint8_t scale_bits;			 /* the grid is clip_norm / 2^scale_bits */
	uint32_t noise_ppm;			 /* noise multiplier of the sum, in millionths */
	uint32_t phase_sec[TACIT_SECAGG_PHASES]; /* how long the server waits in each */
	struct tacit_secagg_blob signature;
};

struct tacit_secagg_advert {
	uint8_t id[TACIT_SECAGG_ID_LEN];
	uint8_t seal_key[TACIT_SECAGG_KEY_LEN];	     /* for shares on their way */
	uint8_t mask_key[TACIT_SECAGG_KEY_LEN];	     /* for pairwise masks */
	uint8_t commitment[TACIT_SECAGG_DIGEST_LEN]; /* SHA-256 of the self mask's seed */
	struct tacit_secagg_blob signature;
	struct tacit_secagg_blob cert;
};

/* A host's place among those who advertised, in ascending order of their ids. */
struct tacit_secagg_seat {
	uint32_t index;
	struct tacit_secagg_advert advert; /* as in its message, without head */
	const uint8_t *proof;		   /* its length follows from index and n */
};

struct tacit_secagg_roster {
	struct tacit_secagg_params params; /* n, k, t */
	uint8_t root[TACIT_SECAGG_DIGEST_LEN];
	uint8_t beacon[TACIT_SECAGG_DIGEST_LEN];
	uint32_t index; /* the receiver's, then its proof */
	const uint8_t *proof;
	struct tacit_secagg_seat *seat; /* its k neighbours; no length on the wire */
};

/* Shares of the dealer's mask key and self mask, sealed for the holder, and a digest of each that
 * shows later who lied. */
struct tacit_secagg_box {
	uint32_t peer;		/* SHARES: the holder; INBOX: the dealer */
	const uint8_t *sealed;	/* TACIT_SECAGG_BOX_LEN */
	const uint8_t *digests; /* TACIT_SECAGG_PINS_LEN */
};

struct tacit_secagg_boxes {
	uint32_t host; /* SHARES: the dealer; INBOX: the holder */
	uint32_t n;    /* 0..TACIT_SECAGG_DEGREE_MAX */
	struct tacit_secagg_box *box;
};

struct tacit_secagg_masked {
	uint32_t host;
	uint32_t n_unopened;	 /* dealers whose boxes it could not open */
	const uint8_t *unopened; /* their numbers, u32 */
	uint32_t dimensions;
	const uint8_t *value; /* u32 */
};

/* One bit for each host, host 0 the lowest of the first byte. */
struct tacit_secagg_survivors {
	uint32_t n;
	const uint8_t *alive; /* in the sum */
	const uint8_t *gone;  /* shared, but are not in the sum */
};

struct tacit_secagg_consent {
	uint32_t host;
	struct tacit_secagg_blob signature;
};

struct tacit_secagg_consents {
	uint32_t host; /* the receiver */
	uint32_t n;
	struct tacit_secagg_consent *consent;
};

enum tacit_secagg_kind {
	TACIT_SECAGG_SELF_MASK, /* of the seed of a survivor's self mask */
	TACIT_SECAGG_MASK_KEY,	/* of the seed of a dropout's mask key */
};

struct tacit_secagg_reveal {
	uint32_t dealer;
	enum tacit_secagg_kind kind; /* u8 */
	const uint8_t *share;	     /* TACIT_SECAGG_SHARE_LEN */
};

struct tacit_secagg_answer {
	uint32_t host;
	uint32_t n;
	struct tacit_secagg_reveal *reveal;
};

static inline size_t tacit_secagg_bits_len(uint32_t n)
{
	return ((size_t)n + 7) / 8;
}

static inline bool tacit_secagg_bits_has(const uint8_t *bits, uint32_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

/* The type of a message; TACIT_ESCHEMA when it is none. */
TACIT_MUST_CHECK int tacit_secagg_message_type(const uint8_t *data, size_t len);

/* What a config's signature is over: the message up to it. */
void tacit_secagg_config_body(const struct tacit_secagg_config *config,
			      struct tacit_writer *writer);

/* SHA-256 of that. 0, -ENOMEM or TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_secagg_config_digest(const struct tacit_secagg_config *config,
						uint8_t ret[TACIT_SECAGG_DIGEST_LEN]);

/* @config: the digest of the config. Out of memory is the writer's to tell. */
void tacit_secagg_config_encode(const struct tacit_secagg_config *config,
				struct tacit_writer *writer);
void tacit_secagg_advert_encode(const uint8_t *config, const struct tacit_secagg_advert *advert,
				struct tacit_writer *writer);
void tacit_secagg_roster_encode(const uint8_t *config, const struct tacit_secagg_roster *roster,
				struct tacit_writer *writer);
void tacit_secagg_boxes_encode(enum tacit_secagg_type type, const uint8_t *config,
			       const struct tacit_secagg_boxes *boxes, struct tacit_writer *writer);
void tacit_secagg_masked_encode(const uint8_t *config, uint32_t host, const uint32_t *unopened,
				uint32_t n_unopened, const uint32_t *value, uint32_t dimensions,
				struct tacit_writer *writer);
void tacit_secagg_survivors_encode(const uint8_t *config,
				   const struct tacit_secagg_survivors *survivors,
				   struct tacit_writer *writer);
void tacit_secagg_consent_encode(const uint8_t *config, const struct tacit_secagg_consent *consent,
				 struct tacit_writer *writer);
void tacit_secagg_consents_encode(const uint8_t *config,
				  const struct tacit_secagg_consents *consents,
				  struct tacit_writer *writer);
void tacit_secagg_answer_encode(const uint8_t *config, const struct tacit_secagg_answer *answer,
				struct tacit_writer *writer);

/*
 * The reverse. 0, TACIT_ESCHEMA (not such a message, a number out of range, bytes left over),
 * TACIT_ECONFLICT (well-formed, but of another config than the one with digest @config), -ENOMEM
 * where there is a list. @ret is untouched on failure.
 */
TACIT_MUST_CHECK int tacit_secagg_config_decode(const uint8_t *data, size_t len,
						struct tacit_secagg_config *ret);
TACIT_MUST_CHECK int tacit_secagg_advert_decode(const uint8_t *config, const uint8_t *data,
						size_t len, struct tacit_secagg_advert *ret);
TACIT_MUST_CHECK int tacit_secagg_roster_decode(const uint8_t *config, const uint8_t *data,
						size_t len, struct tacit_secagg_roster *ret);
TACIT_MUST_CHECK int tacit_secagg_boxes_decode(enum tacit_secagg_type type, const uint8_t *config,
					       const uint8_t *data, size_t len,
					       struct tacit_secagg_boxes *ret);
TACIT_MUST_CHECK int tacit_secagg_masked_decode(const uint8_t *config, const uint8_t *data,
						size_t len, struct tacit_secagg_masked *ret);
TACIT_MUST_CHECK int tacit_secagg_survivors_decode(const uint8_t *config, const uint8_t *data,
						   size_t len, struct tacit_secagg_survivors *ret);
TACIT_MUST_CHECK int tacit_secagg_consent_decode(const uint8_t *config, const uint8_t *data,
						 size_t len, struct tacit_secagg_consent *ret);
TACIT_MUST_CHECK int tacit_secagg_consents_decode(const uint8_t *config, const uint8_t *data,
						  size_t len, struct tacit_secagg_consents *ret);
TACIT_MUST_CHECK int tacit_secagg_answer_decode(const uint8_t *config, const uint8_t *data,
						size_t len, struct tacit_secagg_answer *ret);

/* Release the lists; for TACIT_CLEANUP(). */
void tacit_secagg_roster_done(struct tacit_secagg_roster *roster);
void tacit_secagg_boxes_done(struct tacit_secagg_boxes *boxes);
void tacit_secagg_consents_done(struct tacit_secagg_consents *consents);
void tacit_secagg_answer_done(struct tacit_secagg_answer *answer);

/*
 * Who vouches for whom. privacy/ knows no certificates: whoever owns the identity keys (P-256)
 * signs and verifies. Plain record; @cert is borrowed for as long as what it is given to lives.
 */
struct tacit_secagg_identity {
	uint8_t id[TACIT_SECAGG_ID_LEN]; /* one's own; zero for a server */
	struct tacit_secagg_blob cert;	 /* that others verify @id's signatures by */
	void *ctx;

	/* @sig: room for TACIT_SECAGG_SIGNATURE_MAX bytes. 0 or negative. */
	int (*sign)(void *ctx, const void *data, size_t len, uint8_t *sig, size_t *ret_len);

	/* Is @sig of the host with this id, whose certificate this is and is good? 0 or negative.
	 */
	int (*verify_host)(void *ctx, const uint8_t *id, const struct tacit_secagg_blob *cert,
			   const void *data, size_t len, const struct tacit_secagg_blob *sig);

	/* Is @sig of the aggregator? 0 or negative. NULL for a server. */
	int (*verify_server)(void *ctx, const void *data, size_t len,
			     const struct tacit_secagg_blob *sig);
};

#endif /* TACIT_SECAGG_H */
