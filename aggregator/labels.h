/* SPDX-License-Identifier: MIT */
/*
 * labels - what an operator calls hosts by: a small flat JSON object of strings, such as
 * {"site": "lab"}.
 */
#ifndef TACIT_AGGREGATOR_LABELS_H
#define TACIT_AGGREGATOR_LABELS_H

#include <jansson.h>

#include <tacit/error.h>
#include <tacit/wire.h> /* TACIT_LABEL_NAME_MAX */

#define TACIT_LABELS_MAX      16U
#define TACIT_LABEL_VALUE_MAX 64U /* bytes; printable ASCII */

/* NULL counts as no labels. Changes nothing. 0 or TACIT_ESCHEMA. */
TACIT_MUST_CHECK int tacit_labels_check(json_t *labels);

/* Canonical JSON of @under overlaid with @over (either may be NULL), owned by the caller: as many
 * of @under as fit beside all of @over. NULL when out of memory. */
char *tacit_labels_format(json_t *under, json_t *over);

/* The reverse; a new reference, an empty object when @text is not a JSON object. NULL when out of
 * memory. */
json_t *tacit_labels_parse(const char *text);

#endif /* TACIT_AGGREGATOR_LABELS_H */
