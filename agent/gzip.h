/* SPDX-License-Identifier: MIT */
/*
 * gzip - a file that may be compressed, opened for reading with zlib; what went wrong in it.
 */
#ifndef TACIT_AGENT_GZIP_H
#define TACIT_AGENT_GZIP_H

#include <zlib.h>

#include <tacit/cleanup.h>
#include <tacit/error.h>

/* Reads @fd, which stays the caller's, plain or gzip, from where it is. @ret: owned by the caller.
 * 0, what fcntl(2) says, or -ENOMEM. */
TACIT_MUST_CHECK int tacit_gzip_open(int fd, gzFile *ret);

/* 0 while all is well, also at the end; -ENOMEM, -EIO, or TACIT_EDAMAGED with @ret_why: what is
 * wrong with the stream, borrowed until the file is closed, else untouched. */
TACIT_MUST_CHECK int tacit_gzip_flaw(gzFile file, const char **ret_why);

/* For TACIT_CLEANUP(). */
void tacit_gzip_close_p(gzFile *file);

#endif /* TACIT_AGENT_GZIP_H */
