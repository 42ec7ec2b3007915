/* SPDX-License-Identifier: MIT */
/* A saved n-gram model; if it loads, it is used, and what it then saves loads again. */
#include <math.h>
#include <stdlib.h>

#include <tacit/ngram.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct tacit_ngram *ngram)
{
	static const uint16_t stream[] = {
		0, 1, 2, 3, TACIT_NGRAM_MISSING, 3, 2, 1, 0, 9999, 1, 1
	};
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *back = NULL;
	struct tacit_ngram_surprise surprise;
	struct tacit_reader reader;

	for (int i = 0; i < 3; i++) {
		tacit_ngram_score(ngram, stream, TACIT_ARRAY_LEN(stream), NULL, &surprise);
		if (!(isfinite(surprise.mean) && surprise.mean >= 0 && isfinite(surprise.peak)))
			abort();
		if (tacit_ngram_learn(ngram, stream, TACIT_ARRAY_LEN(stream)) < 0)
			abort();
	}
	tacit_ngram_save(ngram, &writer);
	reader = tacit_reader_init(writer.data, writer.len);
	if (writer.failed || tacit_ngram_load(&reader, &back) < 0 || !tacit_read_done(&reader))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tacit_reader reader = tacit_reader_init(data, size);
	TACIT_CLEANUP(tacit_ngram_free_p) struct tacit_ngram *ngram = NULL;

	if (tacit_ngram_load(&reader, &ngram) == 0)
		use(ngram);
	return 0;
}
