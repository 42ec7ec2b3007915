/* SPDX-License-Identifier: MIT */
/*
 * sim_load - what another program costs while a simulation runs: processor time and memory of a
 * process and its children, from proc(5).
 */
#ifndef TACIT_AGENT_SIM_LOAD_H
#define TACIT_AGENT_SIM_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tacit/error.h>

/* Plain record; zeroed at first but for @pid. */
struct tacit_sim_load {
	pid_t pid;
	bool begun;
	double begun_sec; /* processor time at the first sample */
	double cpu_sec; /* since then, of children that are gone, too, once they were waited for */
	uint64_t
		rss_peak_kib; /* largest sum that a sample found; pages they share count for each */
};

/* Looks once; call it every now and then. @proc: "/proc". 0, -ESRCH when there is no such process
 * (and @load stays as it was), TACIT_EDAMAGED. */
TACIT_MUST_CHECK int tacit_sim_load_sample(struct tacit_sim_load *load, const char *proc);

#endif /* TACIT_AGENT_SIM_LOAD_H */
