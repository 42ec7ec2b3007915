/* SPDX-License-Identifier: MIT */
/* Stands in for libFuzzer in an ordinary build: feeds every file of each named folder once. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (5U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(const char *path)
{
	uint8_t *data = (uint8_t *)malloc(INPUT_MAX);
	FILE *f = fopen(path, "rbe");
	size_t n;

	if (!f || !data) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	n = fread(data, 1, INPUT_MAX, f);
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

static int feed_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	int n = 0;

	if (!dir) {
		perror(folder);
		exit(EXIT_FAILURE);
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		n += feed(path);
	}
	(void)closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++)
		n += feed_folder(argv[i]);
	printf("%s 1 - corpus of %d inputs\n", n > 0 ? "ok" : "not ok", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
