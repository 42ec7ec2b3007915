/* SPDX-License-Identifier: MIT */
/* What reading and writing of the binary form share: docs/recording.md in numbers. */
#ifndef TACIT_AGENT_RECORDING_BINARY_PRIVATE_H
#define TACIT_AGENT_RECORDING_BINARY_PRIVATE_H

#include "recording_private.h"

#define TACIT_RECORDING_MAGIC	       "TACW"
#define TACIT_RECORDING_BINARY_VERSION 1U
#define TACIT_RECORDING_FILE_HEAD      6U  /* bytes: magic, version */
#define TACIT_RECORDING_BLOCK_HEAD     12U /* bytes: length, CRC of the content, CRC of these two */
#define TACIT_RECORDING_WORDS_KEPT     512U

/* The dictionary: words by the order of their first appearance. One that appears when it is full is
 * not kept, and has to be spelt out every time. */
struct tacit_recording_words {
	size_t n;
	char text[TACIT_RECORDING_WORDS_KEPT][TACIT_SCOPE_NAME_MAX + 1];
};

void tacit_recording_words_add(struct tacit_recording_words *words, const char *text);

#endif /* TACIT_AGENT_RECORDING_BINARY_PRIVATE_H */
