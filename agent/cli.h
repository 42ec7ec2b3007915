/* SPDX-License-Identifier: MIT */
/*
 * cli - tacit(8): asks tacitd over its control socket, or its database when it is down, and
 * prints the answer as text or as JSON.
 */
#ifndef TACIT_AGENT_CLI_H
#define TACIT_AGENT_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes that scripts can rely on. */
enum tacit_exit {
	TACIT_EXIT_OK = 0,
	TACIT_EXIT_FAILED = 1,
	TACIT_EXIT_USAGE = 2,
	TACIT_EXIT_MACHINE = 3,	   /* the machine lacks something; the message says what */
	TACIT_EXIT_DOWN = 4,	   /* no daemon, and no database answers either */
	TACIT_EXIT_ANOMALIES = 10, /* anomalies --fail-if-any found some */
};

/* What the command knows of the world. Borrowed. */
struct tacit_cli_io {
	FILE *out, *err;
	bool colour;	   /* write colours to @out */
	bool stdin_is_tty; /* then a token is not read from it unasked */
	int64_t (*wall_ms)(void);
};

/* Runs one command line; the exit code. */
int tacit_cli_run(const struct tacit_cli_io *io, int argc, char **argv);

/* The verbs and their options, for the test that holds the man page against them: NULL at the end.
 */
const char *tacit_cli_verb_at(size_t i);

#endif /* TACIT_AGENT_CLI_H */
