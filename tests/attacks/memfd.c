/* SPDX-License-Identifier: MIT */
/* memfd PROGRAM [ARGUMENT...]: runs a copy of it that is in no file system, as loaders of malware
 * do. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	int from = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int to = memfd_create("", MFD_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return 1;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);

		if (n <= 0)
			return 1;
		left -= n;
	}
	(void)fexecve(to, argv + 1, environ);
	perror("fexecve");
	return 1;
}
