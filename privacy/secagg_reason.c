/* SPDX-License-Identifier: MIT */
#include <tacit/secagg.h>

static const struct {
	const char *text;
	int code;
} reasons[TACIT_SECAGG_REASONS] = {
	[TACIT_SECAGG_FINE] = { "nothing is wrong", 0 },
	[TACIT_SECAGG_MALFORMED] = { "not a message of this kind", TACIT_ESCHEMA },
	[TACIT_SECAGG_OTHER_ROUND] = { "of another round", TACIT_ECONFLICT },
	[TACIT_SECAGG_OUT_OF_TURN] = { "out of turn", TACIT_ESTALE },

	[TACIT_SECAGG_CONFIG_SIGNATURE] = { "the round is not signed by the aggregator",
					    TACIT_EUNTRUSTED },
	[TACIT_SECAGG_ROUND_REPLAYED] = { "the round was seen before", TACIT_ESTALE },
	[TACIT_SECAGG_OTHER_MODEL] = { "the round is for another model", TACIT_EREFUSED },
	[TACIT_SECAGG_COHORT_BELOW_FLOOR] = { "the cohort may be smaller than this host allows",
					      TACIT_EREFUSED },
	[TACIT_SECAGG_NOISE_BELOW_FLOOR] = { "less noise than this host allows", TACIT_EREFUSED },
	[TACIT_SECAGG_THREAT_BELOW_FLOOR] = { "fewer corrupt hosts are assumed than this host asks",
					      TACIT_EREFUSED },

	[TACIT_SECAGG_WEAK_PARAMS] = { "too few neighbours or too low a threshold",
				       TACIT_EREFUSED },
	[TACIT_SECAGG_BAD_BEACON] = { "the beacon is not the one that was announced",
				      TACIT_EUNTRUSTED },
	[TACIT_SECAGG_NOT_SEATED] = { "this host is not at its place in the roster",
				      TACIT_EUNTRUSTED },
	[TACIT_SECAGG_BAD_PROOF] = { "a neighbour is not at its place in the roster",
				     TACIT_EUNTRUSTED },
	[TACIT_SECAGG_DUPLICATE_ID] = { "the same id twice, or ids out of order", TACIT_EREFUSED },
	[TACIT_SECAGG_OTHER_GRAPH] = { "the neighbours are not those of the graph's seed",
				       TACIT_EREFUSED },
	[TACIT_SECAGG_BAD_SIGNATURE] = { "keys that their host did not sign", TACIT_EUNTRUSTED },
	[TACIT_SECAGG_BAD_KEY] = { "a public key of low order", TACIT_EUNTRUSTED },

	[TACIT_SECAGG_FOREIGN_SHARE] = { "a share of a host that is no neighbour", TACIT_EREFUSED },
	[TACIT_SECAGG_TOO_FEW_SHARES] = { "fewer shares than the threshold", TACIT_EREFUSED },

	[TACIT_SECAGG_SECOND_LIST] = { "a second, different list of survivors", TACIT_ECONFLICT },
	[TACIT_SECAGG_BOTH_SHARES] = { "both shares of one host are asked for", TACIT_EREFUSED },
	[TACIT_SECAGG_NOT_A_SURVIVOR] = { "this host is not among the survivors", TACIT_EREFUSED },
	[TACIT_SECAGG_UNKNOWN_SURVIVOR] = { "a survivor that never shared", TACIT_EREFUSED },
	[TACIT_SECAGG_TOO_FEW_SURVIVORS] = { "too few survivors", TACIT_EREFUSED },
	[TACIT_SECAGG_TOO_FEW_NEIGHBOURS] = { "too few neighbours among the survivors",
					      TACIT_EREFUSED },

	[TACIT_SECAGG_BAD_CONSENT] = { "a consent that its host did not sign, or to another list",
				       TACIT_EUNTRUSTED },
	[TACIT_SECAGG_TOO_FEW_CONSENTS] = { "fewer consents than the threshold", TACIT_EREFUSED },

	[TACIT_SECAGG_UNKNOWN_HOST] = { "of a host that has no part in this phase",
					TACIT_EREFUSED },
	[TACIT_SECAGG_DIFFERENT_MESSAGE] = { "the host said something else before",
					     TACIT_ECONFLICT },
	[TACIT_SECAGG_OTHER_NEIGHBOURS] = { "not for exactly the host's neighbours",
					    TACIT_EREFUSED },
	[TACIT_SECAGG_OTHER_DIMENSIONS] = { "a vector of another length", TACIT_EREFUSED },
	[TACIT_SECAGG_BAD_SHARE] = { "a share that is not the one that was dealt",
				     TACIT_EUNTRUSTED },
	[TACIT_SECAGG_BAD_SECRET] = { "shares of a secret other than the one advertised",
				      TACIT_EUNTRUSTED },
	[TACIT_SECAGG_UNOPENED_BOX] = { "a holder could not open the box", TACIT_EUNTRUSTED },

	[TACIT_SECAGG_COUNTED_TWICE] = { "a host is in both sums", TACIT_ECONFLICT },
	[TACIT_SECAGG_UNRECOVERABLE] = { "a secret has fewer good shares than the threshold",
					 TACIT_EREFUSED },
};

const char *tacit_secagg_reason_text(enum tacit_secagg_reason reason)
{
	return (unsigned)reason < TACIT_SECAGG_REASONS ? reasons[reason].text : "unknown";
}

int tacit_secagg_reason_code(enum tacit_secagg_reason reason)
{
	return (unsigned)reason < TACIT_SECAGG_REASONS ? reasons[reason].code : TACIT_EREFUSED;
}
