/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The task pass for kernels before 5.13, which have no task storage for tracing programs (5.11)
 * or no atomic exchange (5.12): totals by the task's number, in a table of fixed size. An
 * exiting task and the pass that meet there may count an increase of microseconds twice.
 */
#define TASK_HASH 32768

#include "task.bpf.c"
