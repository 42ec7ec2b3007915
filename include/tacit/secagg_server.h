/* SPDX-License-Identifier: MIT */
/*
 * secagg_server - the aggregator's part in one secure sum: messages in, messages out, no clock, no
 * network. Bell et al. 2020 (ia.cr/2020/704), sections 3 and 4.
 *
 * It takes adverts until tacit_secagg_server_seat(), shares until tacit_secagg_server_deliver(),
 * vectors until tacit_secagg_server_list(), then consents and answers until the sum can be
 * unmasked: whoever runs it decides when, by its deadlines. A message that came before is taken
 * again and changes nothing; a different one of the same host is refused. What it accepted decides
 * what it is: it can be saved and loaded at any time, or built again from the messages.
 *
 * A host that does not follow the protocol is named and left out, or what is wrong of it ignored,
 * as long as t good shares of each secret remain.
 *
 * The SHARES are nearly all that it weighs: n k boxes. Where many processes need to know who is
 * who, but not what was dealt, they load an outline: then who shared is noted, what was dealt is
 * fetched for each inbox, and attached once, by whoever unmasks.
 *
 * Calls return 0, the code of a reason (given in the last parameter, which may be NULL), -ENOMEM or
 * TACIT_ECRYPTO; what fails changes nothing.
 */
#ifndef TACIT_SECAGG_SERVER_H
#define TACIT_SECAGG_SERVER_H

#include <tacit/cleanup.h>
#include <tacit/secagg.h>
#include <tacit/secagg_sum.h>

struct tacit_secagg_server;

enum tacit_secagg_phase {
	TACIT_SECAGG_PHASE_ADVERTS,
	TACIT_SECAGG_PHASE_SHARES,
	TACIT_SECAGG_PHASE_VECTORS,
	TACIT_SECAGG_PHASE_ANSWERS, /* and consents, before them */
};

/**
 * tacit_secagg_server_new - begin a sum.
 * @identity: copied, what it points to borrowed; signs the config.
 * @config: copied; its signature is not looked at.
 * @ret: owned by the caller.
 *
 * Returns 0, -EINVAL (a member of @config is out of range), -ENOMEM, TACIT_ECRYPTO, or what signing
 * returned.
 */
TACIT_MUST_CHECK int tacit_secagg_server_new(const struct tacit_secagg_identity *identity,
					     const struct tacit_secagg_config *config,
					     struct tacit_secagg_server **ret);

/* As it was. 0, TACIT_EDAMAGED, -ENOMEM, TACIT_ECRYPTO. */
TACIT_MUST_CHECK int tacit_secagg_server_load(const struct tacit_secagg_identity *identity,
					      const uint8_t *data, size_t len,
					      struct tacit_secagg_server **ret);
void tacit_secagg_server_save(const struct tacit_secagg_server *server,
			      struct tacit_writer *writer);

/* The same without what the SHARES hold; to be loaded, too. */
void tacit_secagg_server_outline(const struct tacit_secagg_server *server,
				 struct tacit_writer *writer);

enum tacit_secagg_phase tacit_secagg_server_get_phase(const struct tacit_secagg_server *server);

/* The CONFIG message, borrowed. */
struct tacit_secagg_blob tacit_secagg_server_get_config(const struct tacit_secagg_server *server);

/* The same, decoded; borrowed. */
const struct tacit_secagg_config *tacit_secagg_server_config(
	const struct tacit_secagg_server *server);

/* How many advertised. */
uint32_t tacit_secagg_server_count(const struct tacit_secagg_server *server);

/* An ADVERT: signed by its host, with usable keys. */
TACIT_MUST_CHECK int tacit_secagg_server_advert(struct tacit_secagg_server *server,
						const uint8_t *data, size_t len,
						enum tacit_secagg_reason *why);

/* The same for whoever keeps them elsewhere: looks, takes nothing. */
TACIT_MUST_CHECK int tacit_secagg_server_check_advert(const struct tacit_secagg_server *server,
						      const uint8_t *data, size_t len,
						      enum tacit_secagg_reason *why);

/* Closes the adverts and draws the graph. @beacon: that whose SHA-256 is in the config.
 * TACIT_SECAGG_COHORT_BELOW_FLOOR with fewer hosts than the config's, TACIT_SECAGG_WEAK_PARAMS
 * when no graph of so few withstands its threat: the round is lost, or waits for more. */
TACIT_MUST_CHECK int tacit_secagg_server_seat(struct tacit_secagg_server *server,
					      const uint8_t beacon[TACIT_SECAGG_DIGEST_LEN],
					      enum tacit_secagg_reason *why);

/* Once seated: the number of the host with this id; -ENOENT. */
TACIT_MUST_CHECK int tacit_secagg_server_find(const struct tacit_secagg_server *server,
					      const uint8_t id[TACIT_SECAGG_ID_LEN]);

/* The id of a host, borrowed; it must exist. */
const uint8_t *tacit_secagg_server_get_id(const struct tacit_secagg_server *server, uint32_t host);

/* Once seated; borrowed. */
const struct tacit_secagg_params *tacit_secagg_server_get_params(
	const struct tacit_secagg_server *server);

/*
 * Messages for a host, which must exist, appended to @writer. 0, -ENOMEM, TACIT_ECRYPTO, or
 * TACIT_ESTALE before their time.
 */
TACIT_MUST_CHECK int tacit_secagg_server_roster(const struct tacit_secagg_server *server,
						uint32_t host, struct tacit_writer *writer);
TACIT_MUST_CHECK int tacit_secagg_server_inbox(const struct tacit_secagg_server *server,
					       uint32_t host, struct tacit_writer *writer);
TACIT_MUST_CHECK int tacit_secagg_server_survivors(const struct tacit_secagg_server *server,
						   struct tacit_writer *writer);
TACIT_MUST_CHECK int tacit_secagg_server_consents(const struct tacit_secagg_server *server,
						  uint32_t host, struct tacit_writer *writer);

/* SHARES: boxes for exactly the host's neighbours. */
TACIT_MUST_CHECK int tacit_secagg_server_shares(struct tacit_secagg_server *server,
						const uint8_t *data, size_t len,
						enum tacit_secagg_reason *why);

/* The same for whoever keeps them elsewhere: looks, takes nothing. @ret: whose they are. */
TACIT_MUST_CHECK int tacit_secagg_server_check_shares(const struct tacit_secagg_server *server,
						      const uint8_t *data, size_t len,
						      uint32_t *ret_host,
						      enum tacit_secagg_reason *why);

/* SHARES of @host, which must exist, are kept elsewhere. */
void tacit_secagg_server_note_shares(struct tacit_secagg_server *server, uint32_t host);

/* Has @host, which must exist, shared? */
bool tacit_secagg_server_has_shared(const struct tacit_secagg_server *server, uint32_t host);

/* SHARES that were noted, or taken, whenever that was: for inboxes and unmasking. */
TACIT_MUST_CHECK int tacit_secagg_server_attach_shares(struct tacit_secagg_server *server,
						       const uint8_t *data, size_t len);

/* As tacit_secagg_server_inbox(), of SHARES that are kept elsewhere. @fetch copies @len bytes, from
 * @offset on, of those of @dealer, which shared; 0 or negative. */
TACIT_MUST_CHECK int tacit_secagg_server_fetch_inbox(
	const struct tacit_secagg_server *server, uint32_t host,
	int (*fetch)(void *ctx, uint32_t dealer, size_t offset, size_t len, uint8_t *ret),
	void *ctx, struct tacit_writer *writer);

/* Closes the shares. TACIT_SECAGG_TOO_FEW_SURVIVORS when too few came for a sum. */
TACIT_MUST_CHECK int tacit_secagg_server_deliver(struct tacit_secagg_server *server,
						 enum tacit_secagg_reason *why);

/* An empty sum for this round's vectors. */
TACIT_MUST_CHECK int tacit_secagg_server_sum(const struct tacit_secagg_server *server,
					     struct tacit_secagg_sum **ret);

/* MASKED, of a host that shared: into @sum, which may be one of several. */
TACIT_MUST_CHECK int tacit_secagg_server_masked(const struct tacit_secagg_server *server,
						struct tacit_secagg_sum *sum, const uint8_t *data,
						size_t len, enum tacit_secagg_reason *why);

/* Closes the vectors: who is in @sum, all partial sums merged, is alive, who shared and is not has
 * gone. TACIT_SECAGG_TOO_FEW_SURVIVORS: then the round is lost, or waits for more. */
TACIT_MUST_CHECK int tacit_secagg_server_list(struct tacit_secagg_server *server,
					      const struct tacit_secagg_sum *sum,
					      enum tacit_secagg_reason *why);

/* CONSENT, of a survivor, to this list. */
TACIT_MUST_CHECK int tacit_secagg_server_consent(struct tacit_secagg_server *server,
						 const uint8_t *data, size_t len,
						 enum tacit_secagg_reason *why);

/* Do enough of its neighbours consent for @host to answer? */
bool tacit_secagg_server_is_agreed(const struct tacit_secagg_server *server, uint32_t host);

/* ANSWER, of a survivor. A share that is not the one that was dealt is left out and its sender
 * named; the others are taken. */
TACIT_MUST_CHECK int tacit_secagg_server_answer(struct tacit_secagg_server *server,
						const uint8_t *data, size_t len,
						enum tacit_secagg_reason *why);

/* Is it an ANSWER of a survivor? Looks, takes nothing, and leaves the shares in it for later. @ret:
 * whose it is. */
TACIT_MUST_CHECK int tacit_secagg_server_check_answer(const struct tacit_secagg_server *server,
						      const uint8_t *data, size_t len,
						      uint32_t *ret_host,
						      enum tacit_secagg_reason *why);

/* Once listed: is @host, which must exist, in the sum; has it gone after it shared? */
bool tacit_secagg_server_is_alive(const struct tacit_secagg_server *server, uint32_t host);
bool tacit_secagg_server_is_gone(const struct tacit_secagg_server *server, uint32_t host);

/* Secrets that have fewer than t good shares yet; 0: the sum can be unmasked. */
uint32_t tacit_secagg_server_missing(const struct tacit_secagg_server *server);

/**
 * tacit_secagg_server_unmask - the sum of the survivors' vectors.
 * @sum: the one that was listed; stays as it is.
 * @ret: its dimensions many numbers modulo 2^32; meaningless unless 0 is returned.
 *
 * Every secret is held against what its host advertised. With TACIT_SECAGG_UNRECOVERABLE one has
 * too few good shares, or its dealer, who is named, shared something else.
 */
TACIT_MUST_CHECK int tacit_secagg_server_unmask(struct tacit_secagg_server *server,
						const struct tacit_secagg_sum *sum, uint32_t *ret,
						enum tacit_secagg_reason *why);

/* Who did what. Plain record. */
struct tacit_secagg_culprit {
	uint32_t host;
	enum tacit_secagg_reason reason; /* _BAD_SHARE, _BAD_SECRET or _UNOPENED_BOX */
	uint32_t other; /* _BAD_SHARE: whose; _UNOPENED_BOX: how many holders say so; else 0 */
};

#define TACIT_SECAGG_CULPRITS_MAX 10000U /* of which is kept account */

/* Borrowed until the next call; their number in @ret_n. A bad share or secret is proven; an
 * unopened box is its dealer's fault, or a holder lies. */
const struct tacit_secagg_culprit *tacit_secagg_server_culprits(
	const struct tacit_secagg_server *server, size_t *ret_n);

/* NULL is fine. */
void tacit_secagg_server_free(struct tacit_secagg_server *server);
TACIT_DEFINE_CLEANUP(struct tacit_secagg_server, tacit_secagg_server_free)

#endif /* TACIT_SECAGG_SERVER_H */
