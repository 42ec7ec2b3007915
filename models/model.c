/* SPDX-License-Identifier: MIT */
#include <tacit/model.h>

#include <string.h>

#include "autoencoder.h"
#include "gaussian.h"

static const struct tacit_model_kind *const kinds[] = {
	&tacit_gaussian_kind,
	&tacit_mixture_kind,
	&tacit_autoencoder_kind,
};

const struct tacit_model_kind *tacit_model_kind_at(size_t i)
{
	return i < TACIT_ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

const struct tacit_model_kind *tacit_model_kind_find(const char *name)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

const struct tacit_model_kind *tacit_model_kind_of(const struct tacit_model *model)
{
	return ((const struct tacit_model_head *)model)->kind;
}

void tacit_model_free(struct tacit_model *model)
{
	if (model)
		tacit_model_kind_of(model)->free(model);
}
