/* SPDX-License-Identifier: MIT */
/*
 * harden - the daemon gives up what it does not need, before the first network byte:
 * capabilities(7), credentials(7), PR_SET_NO_NEW_PRIVS and PR_SET_DUMPABLE in prctl(2).
 */
#ifndef TACIT_AGENT_HARDEN_H
#define TACIT_AGENT_HARDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <tacit/error.h>

/**
 * tacit_harden_dir - make sure that a folder is there and usable after privileges are gone.
 * @path: created with @mode when missing (its parents are not).
 * @user: who will use it; when we are root, a folder that is empty or has our lock file is given
 *        to that user, with the regular files in it. NULL or "": nobody else.
 *
 * Returns 0, -EPERM (group or others may write to it), -ESRCH (no such user), or what the system
 * says.
 */
TACIT_MUST_CHECK int tacit_harden_dir(const char *path, mode_t mode, const char *user);

/**
 * tacit_harden_single - be the only instance on a state folder.
 * @ret_fd:  holds the lock until closed; owned by the caller.
 * @ret_pid: on -EBUSY, who holds it; 0 when it cannot be told. May be NULL.
 *
 * Returns 0, -EBUSY, or what open(2) and flock(2) say.
 */
TACIT_MUST_CHECK int tacit_harden_single(const char *state_dir, int *ret_fd, pid_t *ret_pid);

/**
 * tacit_harden_drop - become @user, keep no capability, and never gain one again.
 * @user: NULL or "": stay. Only root can change.
 * @attempt: what must go on working, tried while no capability is in effect. When it says -EPERM,
 *           CAP_BPF alone is kept, if it was held. NULL: nothing is kept.
 * @ctx: handed to @attempt.
 *
 * Before Linux 5.19 not even an open BPF map can be read without CAP_BPF while
 * kernel.unprivileged_bpf_disabled is not 0 (kernel commit c8644cd0efe7).
 *
 * Empties the bounding set and locks the secure bits where that is allowed (CAP_SETPCAP), empties
 * the ambient, inheritable, permitted and effective sets, sets no-new-privileges and not-dumpable,
 * and then reads everything back. Returns 0, 1 (CAP_BPF was kept), -ESRCH (no such user), -EPERM
 * (something is left), or what the system says.
 */
TACIT_MUST_CHECK int tacit_harden_drop(const char *user, int (*attempt)(void *ctx), void *ctx);

/* 0 when no capability (but CAP_BPF, permitted and effective, if @bpf) is effective, permitted,
 * inheritable or ambient, no-new-privileges is set and the process is not dumpable; else -EPERM
 * with @why (@size bytes, may be NULL) saying what is left. */
TACIT_MUST_CHECK int tacit_harden_verify(bool bpf, char *why, size_t size);

#endif /* TACIT_AGENT_HARDEN_H */
