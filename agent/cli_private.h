/* SPDX-License-Identifier: MIT */
/* What the files of the command line share; nobody else includes this. */
#ifndef TACIT_AGENT_CLI_PRIVATE_H
#define TACIT_AGENT_CLI_PRIVATE_H

#include "cli.h"

#include <jansson.h>

#include <tacit/error.h>

#include "agent_conf.h"
#include "view.h"

/* A parsed command line. Texts are borrowed from argv. */
struct tacit_cli_options {
	const char *conf_path;	     /* NULL: the usual one, which may be missing */
	const char *verb, *argument; /* NULL: none given */
	const char *token_file;
	bool json, help, version, fail_if_any, markdown, probe;
	uint32_t limit;	   /* 0: not given */
	int64_t since_ms;  /* how far back; 0: not given */
	uint32_t wait_sec; /* 0: not given */
};

/* One running command. */
struct tacit_cli {
	const struct tacit_cli_io *io;
	struct tacit_cli_options options;
	struct tacit_agent_conf conf;
};

/* 0, or TACIT_EXIT_USAGE after saying what is wrong. Never repeats a word that may be a token. */
TACIT_MUST_CHECK int tacit_cli_parse(const struct tacit_cli_io *io, int argc, char **argv,
				     struct tacit_cli_options *ret);

/* Help on @verb, or on all when it is NULL. */
void tacit_cli_help(FILE *out, const char *verb);

/* A message to the user: "tacit: ...". */
TACIT_PRINTF(2, 3)
void tacit_cli_complain(const struct tacit_cli *cli, const char *format, ...);

/* Asks the daemon, or else the database. 0 with a new reference, or an exit code, said. */
TACIT_MUST_CHECK int tacit_cli_fetch(const struct tacit_cli *cli, const json_t *request,
				     json_t **ret);

/* @document as JSON, or through @view. An exit code. */
TACIT_MUST_CHECK int tacit_cli_print(const struct tacit_cli *cli, const json_t *document,
				     tacit_view *view);

/* The verb enroll; an exit code. */
TACIT_MUST_CHECK int tacit_cli_enroll(const struct tacit_cli *cli);

/* features --probe; needs no configuration. An exit code. */
TACIT_MUST_CHECK int tacit_cli_probe(const struct tacit_cli *cli);

#endif /* TACIT_AGENT_CLI_PRIVATE_H */
