/* SPDX-License-Identifier: MIT */
/*
 * probe_table - what a kernel lets be observed, as text that can be compared: the same kernel
 * gives the same lines, and nothing in them depends on when or where they were written.
 */
#ifndef TACIT_AGENT_PROBE_TABLE_H
#define TACIT_AGENT_PROBE_TABLE_H

#include <stdio.h>

#include "sensor.h"

/**
 * tacit_probe_table_put - writes the table of tests/kernels/ and of `tacit features --probe`.
 * @status: as tacit_sensor_status() filled it in; borrowed.
 *
 * Three parts, each a heading and indented lines, an empty line between them: features observed by
 * group of probes; instructions the verifier went through by BPF program ("-" where the kernel does
 * not tell); and for each program that does not observe, why and what helps. Names, groups and
 * their order are <tacit/feature.h>'s. The caller looks at ferror(@out).
 */
void tacit_probe_table_put(FILE *out, const struct tacit_sensor_status *status);

#endif /* TACIT_AGENT_PROBE_TABLE_H */
