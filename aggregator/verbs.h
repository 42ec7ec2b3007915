/* SPDX-License-Identifier: MIT */
/*
 * verbs - what an administrator types: `tacit-aggregator token create --uses 500` and the like.
 * Asks over the admin socket; prints for people, or the answer itself with --json.
 */
#ifndef TACIT_AGGREGATOR_VERBS_H
#define TACIT_AGGREGATOR_VERBS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include <tacit/error.h>

#define TACIT_EXIT_FAILED      1
#define TACIT_EXIT_USAGE       2
#define TACIT_EXIT_NOT_RUNNING 4

/* One line for each verb. */
void tacit_verbs_help(FILE *out);

/* What a command line asks for. */
struct tacit_verbs_request {
	const char *verb; /* "token create"; static */
	json_t *request;  /* with its "verb"; a new reference */
	int json;	  /* --json was given */
};

/**
 * tacit_verbs_parse - a command line, without program name and global options.
 * @ret: request released with json_decref().
 * @why: what is wrong with it, @size bytes.
 *
 * Returns 0, -EINVAL, -ENOMEM.
 */
TACIT_MUST_CHECK int tacit_verbs_parse(int argc, char **argv, struct tacit_verbs_request *ret,
				       char *why, size_t size);

/* Is it one that needs no aggregator? */
bool tacit_verbs_is_plan(const char *verb);

/* Its answer, a new reference. 0, -EINVAL or -ERANGE with @why (@size bytes), -ENOMEM. */
TACIT_MUST_CHECK int tacit_verbs_plan(const struct tacit_verbs_request *request, json_t **ret,
				      char *why, size_t size);

/* Prints an answer for people. */
void tacit_verbs_print(const char *verb, const json_t *answer, FILE *out);

/* All of it: parses, asks at @socket, prints. An exit code. */
TACIT_MUST_CHECK int tacit_verbs_run(const char *socket, int argc, char **argv, FILE *out,
				     FILE *err);

#endif /* TACIT_AGGREGATOR_VERBS_H */
