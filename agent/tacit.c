/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tacit/clock.h>
#include <tacit/log.h>

#include "cli.h"

/* https://no-color.org: set and not empty means no. */
static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && no[0]) &&
	       !(terminal && strcmp(terminal, "dumb") == 0);
}

int main(int argc, char **argv)
{
	const struct tacit_cli_io io = {
		.out = stdout,
		.err = stderr,
		.colour = wants_colour(),
		.stdin_is_tty = isatty(STDIN_FILENO),
		.wall_ms = tacit_clock_wall_ms,
	};

	tacit_log_init("tacit");
	return tacit_cli_run(&io, argc, argv);
}
