/* SPDX-License-Identifier: MIT */
/*
 * provoke - a little of everything that the probes count, in a machine that has nothing else to do.
 *
 * Runs as process 1 of a virtual machine: it assumes two processors, loopback up, /dev/nvme0n1 with
 * nothing worth keeping, and that it may do as it likes. What fails is said on the console and is
 * then missing among what was counted.
 */
#ifndef TACIT_TESTS_PROVOKE_H
#define TACIT_TESTS_PROVOKE_H

#define PROVOKE_SERVICE "provoked.service" /* the cgroup that some of it happens in */
#define PROVOKE_NOTHING "nothing"	   /* argument with which /init ends at once */

void provoke(void);

#endif /* TACIT_TESTS_PROVOKE_H */
