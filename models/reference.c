/* SPDX-License-Identifier: MIT */
#include <tacit/reference.h>

#include <math.h>

#include <tacit/bytes.h>

/* By way of bytes: whatever the kind, what is saved is what it knows by itself. */
static int copy(const struct tacit_model *model, const struct tacit_space *space,
		struct tacit_model **ret)
{
	TACIT_CLEANUP(tacit_writer_done) struct tacit_writer writer = { 0 };
	const struct tacit_model_kind *kind = tacit_model_kind_of(model);
	struct tacit_reader reader;

	kind->save(model, &writer);
	if (writer.failed)
		return -ENOMEM;
	reader = tacit_reader_init(writer.data, writer.len);
	return kind->load(space, &reader, ret);
}

int tacit_reference_renew(struct tacit_reference *reference, const struct tacit_model *model,
			  const struct tacit_space *space, uint64_t windows)
{
	struct tacit_model *fresh = NULL;
	int r;

	if (windows < TACIT_REFERENCE_FIRST || windows < reference->due)
		return 0;
	r = copy(model, space, &fresh);
	if (r < 0)
		return r;
	tacit_model_free(reference->model);
	reference->model = fresh;
	reference->due = windows + TACIT_REFERENCE_EVERY;
	return 0;
}

int tacit_reference_judge(struct tacit_reference *reference, const struct tacit_sample *sample,
			  struct tacit_score *score)
{
	struct tacit_score then;
	int r;

	if (!reference->model)
		return 0;
	r = tacit_model_kind_of(reference->model)->score(reference->model, sample, &then);
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	for (size_t i = 0; i < TACIT_STATISTIC_COUNT; i++)
		score->value[i] = fmax(score->value[i], then.value[i] / TACIT_REFERENCE_HEADROOM);
	return 0;
}

void tacit_reference_release(struct tacit_reference *reference, uint64_t windows)
{
	tacit_model_free(reference->model);
	reference->model = NULL;
	reference->due = windows + TACIT_REFERENCE_FIRST;
}

void tacit_reference_done(struct tacit_reference *reference)
{
	tacit_model_free(reference->model);
	*reference = (struct tacit_reference){ 0 };
}
