/* SPDX-License-Identifier: MIT */
/* judge_options - "tacit-sim judge": its command line, and what it prints. */
#ifndef TACIT_AGENT_JUDGE_OPTIONS_H
#define TACIT_AGENT_JUDGE_OPTIONS_H

/* @argv[0] is "judge". Returns the exit code of the program. */
int tacit_judge_main(int argc, char **argv);

#endif /* TACIT_AGENT_JUDGE_OPTIONS_H */
