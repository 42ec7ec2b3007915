/* SPDX-License-Identifier: MIT */
/*
 * confine - what tacitd may still do once everything is open: touch few files (Landlock), ask the
 * kernel for little (seccomp). Needs no privilege but no-new-privileges, cannot be undone, and
 * holds for every thread that starts afterwards: landlock(7), seccomp(2).
 */
#ifndef TACIT_AGENT_CONFINE_H
#define TACIT_AGENT_CONFINE_H

#include <stdbool.h>

#include <tacit/error.h>

#define TACIT_CONFINE_PATHS 4U

/*
 * What may be reached besides what every daemon needs to resolve names and check certificates
 * (/etc, /run, /usr/share and the libraries' folders, the cgroup tree, its own /proc/self). A
 * folder stands for all below it. NULL, "" and what does not exist are skipped.
 */
struct tacit_confine_params {
	const char *state_dir;		       /* read and written */
	const char *control_socket;	       /* its folder: sockets come and go */
	const char *conf_path;		       /* its folder is read: SIGHUP, editors, drop-ins */
	const char *read[TACIT_CONFINE_PATHS]; /* files or folders */
	const char *write[TACIT_CONFINE_PATHS];
	bool abstract_sockets; /* stay in reach, since $NOTIFY_SOCKET is one */
};

/* What holds. Plain record. */
struct tacit_confine_status {
	int files;	       /* Landlock's ABI in force, from 1; or -E... */
	int calls;	       /* 0: the filter is there; or -E... */
	bool abstract_sockets; /* as asked for */
};

/* The newest ABI of Landlock that is used. */
#define TACIT_CONFINE_ABI 6

/**
 * tacit_confine_files - Landlock: nothing is executed, little is read, less is written.
 *
 * As far as the kernel can, also: no TCP port is bound, no foreign process gets a signal, no
 * abstract socket outside is spoken to. /proc/self stays open until the process ends, or the rule
 * for it would go when the kernel reclaims memory.
 *
 * Returns the ABI in force; -ENOSYS or -EOPNOTSUPP (a kernel without, or one that was told not to),
 * or what the system says. Does not log.
 */
TACIT_MUST_CHECK int tacit_confine_files(const struct tacit_confine_params *params);

/**
 * tacit_confine_calls - seccomp: every system call but those listed fails with EPERM.
 *
 * What is left starts threads but no processes, maps no memory that can be both written and
 * executed, opens Unix, IP and route sockets, and of bpf(2) reads and updates maps, attaches loaded
 * programs and reads iterators: it creates and loads nothing. Calls of another ABI end the process.
 *
 * Returns 0, -ENOSYS or -EINVAL (a kernel without), or what the system says. Does not log.
 */
TACIT_MUST_CHECK int tacit_confine_calls(void);

/* Both, files first; going on without what the kernel cannot do, with a notice in the log. */
void tacit_confine(const struct tacit_confine_params *params, struct tacit_confine_status *ret);

/* The @i-th thing that @status leaves open and a newer kernel could close: "TCP ports". NULL past
 * the last. */
const char *tacit_confine_lack(const struct tacit_confine_status *status, unsigned i);

#endif /* TACIT_AGENT_CONFINE_H */
