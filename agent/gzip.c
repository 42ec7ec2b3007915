/* SPDX-License-Identifier: MIT */
#include "gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int tacit_gzip_open(int fd, gzFile *ret)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return -errno;
	*ret = gzdopen(own, "r");
	if (*ret)
		return 0; /* own is closed with the file */
	(void)close(own);
	return -ENOMEM;
}

int tacit_gzip_flaw(gzFile file, const char **ret_why)
{
	int code = Z_OK;
	const char *text = gzerror(file, &code);

	if (code == Z_OK || code == Z_STREAM_END)
		return 0;
	if (code == Z_MEM_ERROR)
		return -ENOMEM;
	if (code == Z_ERRNO)
		return -EIO;
	*ret_why = code == Z_BUF_ERROR ? "the gzip stream is cut off" : text;
	return TACIT_EDAMAGED;
}

void tacit_gzip_close_p(gzFile *file)
{
	if (*file)
		(void)gzclose_r(*file);
}
