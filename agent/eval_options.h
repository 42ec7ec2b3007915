/* SPDX-License-Identifier: MIT */
/* eval_options - "tacit-sim eval": its command line, and what it prints. */
#ifndef TACIT_AGENT_EVAL_OPTIONS_H
#define TACIT_AGENT_EVAL_OPTIONS_H

/* @argv[0] is "eval". Returns the exit code of the program. */
int tacit_eval_main(int argc, char **argv);

#endif /* TACIT_AGENT_EVAL_OPTIONS_H */
