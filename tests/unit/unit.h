/* SPDX-License-Identifier: MIT */
/*
 * One suite per binary, so that a crash in one module hides no other. CUnit
 * runs the cases; what it found is printed as TAP for tests/run.
 */
#ifndef TACIT_TESTS_UNIT_H
#define TACIT_TESTS_UNIT_H

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>

struct unit_case {
	const char *name;
	void (*run)(void);
};

/* Allocation number @nth from now fails once; -1 never. */
void unit_fail_alloc(int nth);

/* The running case ends as skipped, with its reason (a string literal), if it has not failed. */
void unit_skip(const char *reason);

/* Runs every case; the exit code for main(). */
int unit_main(const char *suite, const struct unit_case *cases);

#endif /* TACIT_TESTS_UNIT_H */
