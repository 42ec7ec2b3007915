/* SPDX-License-Identifier: MIT */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

#include "agent/dataset.h"
#include "unit.h"

#define HEAD	 "host,class,split,label,t,a,b\n"
#define TEXT_MAX (4U * TACIT_DATASET_LINE_MAX)

/* A file of @len bytes, read from its start; close() it. */
static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("dataset", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static int read_as(const char *text, enum tacit_dataset_transform transform,
		   struct tacit_dataset **ret, struct tacit_dataset_where *where)
{
	TACIT_AUTO_CLOSE int fd = file_of(text, strlen(text));

	return tacit_dataset_read(fd, transform, ret, where);
}

static struct tacit_dataset *good(const char *text, enum tacit_dataset_transform transform)
{
	struct tacit_dataset *dataset = NULL;

	CU_ASSERT_EQUAL_FATAL(read_as(text, transform, &dataset, NULL), 0);
	return dataset;
}

static double at(const struct tacit_dataset *dataset, size_t row, size_t dim)
{
	return (double)tacit_dataset_values(dataset, row)[dim];
}

static const char two_hosts[] = HEAD "a/1,web,train,0,0,1.5,-2\n"
				     "a/1,web,train,-1,1,0,1e-05\n"
				     "a/1,web,test,0,2,3,4\n"
				     "a/1,web,test,-1,3,9,9\n"
				     "a/1,web,test,1,7,5,6\n"
				     "b,db,test,1,0,7,8\n";

static void test_rows(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p)
	struct tacit_dataset *dataset = good(two_hosts, TACIT_DATASET_AUTO);
	const struct tacit_dataset_host *host = tacit_dataset_host(dataset, 0);

	CU_ASSERT_EQUAL(tacit_dataset_transformed(dataset), TACIT_DATASET_NONE);
	CU_ASSERT_EQUAL(tacit_dataset_hosts(dataset), 2);
	CU_ASSERT_EQUAL(tacit_dataset_dims(dataset), 2);
	CU_ASSERT_STRING_EQUAL(host->name, "a/1");
	CU_ASSERT_STRING_EQUAL(host->class, "web");
	CU_ASSERT(host->first == 0 && host->train == 2 && host->test == 2);
	CU_ASSERT(at(dataset, 0, 0) == 1.5 && at(dataset, 0, 1) == -2);
	CU_ASSERT_DOUBLE_EQUAL(at(dataset, 1, 1), 1e-5, 1e-11);
	CU_ASSERT(tacit_dataset_label(dataset, 3) == 1 && tacit_dataset_t(dataset, 3) == 7);
	host = tacit_dataset_host(dataset, 1);
	CU_ASSERT(host->first == 4 && host->train == 0 && host->test == 1);
	CU_ASSERT(at(dataset, 4, 1) == 8);
}

static void test_gzip_is_the_same(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = NULL;
	int fd = file_of("", 0);
	int own = dup(fd);
	gzFile file = gzdopen(own, "w");

	CU_ASSERT_FATAL(file && gzputs(file, two_hosts) > 0 && gzclose(file) == Z_OK);
	CU_ASSERT_EQUAL_FATAL(lseek(fd, 0, SEEK_SET), 0);
	CU_ASSERT_EQUAL_FATAL(tacit_dataset_read(fd, TACIT_DATASET_AUTO, &dataset, NULL), 0);
	CU_ASSERT(tacit_dataset_hosts(dataset) == 2 && at(dataset, 4, 1) == 8);
	(void)close(fd);
}

static void test_cut_off_gzip(void)
{
	struct tacit_dataset_where where = { 0 };
	struct tacit_dataset *dataset = NULL;
	int fd = file_of("", 0), own = dup(fd);
	gzFile file = gzdopen(own, "w");
	off_t size;

	CU_ASSERT_FATAL(file && gzputs(file, two_hosts) > 0 && gzclose(file) == Z_OK);
	size = lseek(fd, 0, SEEK_END);
	for (off_t cut = 1; cut <= 20; cut++) {
		CU_ASSERT_EQUAL_FATAL(ftruncate(fd, size - cut), 0);
		CU_ASSERT_EQUAL_FATAL(lseek(fd, 0, SEEK_SET), 0);
		CU_ASSERT_EQUAL(tacit_dataset_read(fd, TACIT_DATASET_AUTO, &dataset, &where),
				TACIT_EDAMAGED);
		CU_ASSERT_STRING_EQUAL(where.why, "the gzip stream is cut off");
	}
	(void)close(fd);
}

static void test_counts_are_logged(void)
{
	TACIT_CLEANUP(tacit_dataset_free_p)
	struct tacit_dataset *dataset =
		good(HEAD "a,c,train,0,0,0,18446744073709551615\n", TACIT_DATASET_AUTO);
	TACIT_CLEANUP(tacit_dataset_free_p)
	struct tacit_dataset *flags = good(HEAD "a,c,train,0,0,0,1\n", TACIT_DATASET_AUTO);
	TACIT_CLEANUP(tacit_dataset_free_p)
	struct tacit_dataset *asked = good(HEAD "a,c,train,0,0,0,0.5\n", TACIT_DATASET_LOG1P);

	CU_ASSERT_EQUAL(tacit_dataset_transformed(dataset), TACIT_DATASET_LOG1P);
	CU_ASSERT_DOUBLE_EQUAL(at(dataset, 0, 1), 64 * M_LN2, 1e-5);
	CU_ASSERT_EQUAL(at(dataset, 0, 0), 0);
	CU_ASSERT_EQUAL(tacit_dataset_transformed(flags), TACIT_DATASET_NONE);
	CU_ASSERT_DOUBLE_EQUAL(at(asked, 0, 1), log1p(0.5), 1e-6);
}

/* Numbers first, words after them in byte order, scaled by train. */
static void test_flows(void)
{
	static const char text[] = "host,class,split,label,t,proto,bytes,err_rate,attack\n"
				   "n,flows,train,0,0,udp,0,0.5,normal\n"
				   "n,flows,train,0,1,tcp,1,0.7,normal\n"
				   "n,flows,test,1,2,icmp,100,0.6,smurf\n"
				   "n,flows,test,0,3,tcp,0,0.1,normal\n";
	TACIT_CLEANUP(tacit_dataset_free_p)
	struct tacit_dataset *dataset = good(text, TACIT_DATASET_AUTO);

	CU_ASSERT_EQUAL(tacit_dataset_transformed(dataset), TACIT_DATASET_FLOWS);
	CU_ASSERT_EQUAL_FATAL(tacit_dataset_dims(dataset), 4);
	CU_ASSERT(at(dataset, 0, 0) == 0 && at(dataset, 1, 0) == 1);
	CU_ASSERT_EQUAL(at(dataset, 2, 0), 2); /* cut */
	CU_ASSERT_DOUBLE_EQUAL(at(dataset, 2, 1), 0.5, 1e-6);
	CU_ASSERT_EQUAL(at(dataset, 3, 1), -1);			     /* cut */
	CU_ASSERT(at(dataset, 0, 2) == 0 && at(dataset, 0, 3) == 1); /* tcp, udp */
	CU_ASSERT(at(dataset, 1, 2) == 1 && at(dataset, 1, 3) == 0);
	CU_ASSERT(at(dataset, 2, 2) == 0 && at(dataset, 2, 3) == 0); /* never seen */
}

static const struct flaw {
	const char *text;
	int code;
	unsigned long line;
	const char *why; /* a part of it */
} flaws[] = {
	{ "", TACIT_ESCHEMA, 1, "the file is empty" },
	{ HEAD, -EINVAL, 2, "there are no rows" },
	{ "host,class,split,t,label,a\n", TACIT_ESCHEMA, 1, "column 4 is not \"label\"" },
	{ "host,class\n", TACIT_ESCHEMA, 1, "column 3 is not \"split\"" },
	{ "host,class,split,label,t\n", TACIT_ESCHEMA, 1, "there is no feature" },
	{ "host,class,split,label,t,attack\n", TACIT_ESCHEMA, 1, "there is no feature" },
	{ "host,class,split,label,t,a,a\n", TACIT_ESCHEMA, 1, "column \"a\" is there twice" },
	{ "host,class,split,label,t,a,\n", TACIT_ESCHEMA, 1, "column 7 has no name" },
	{ HEAD "a,c,train,0,0,1\n", -EINVAL, 2, "1 cells are missing" },
	{ HEAD "a,c,train,0\n", -EINVAL, 2, "the line ends before \"t\"" },
	{ HEAD "a,c,train,0,0,1,2,3\n", -EINVAL, 2, "more cells than columns" },
	{ HEAD "a,c,train,0,0,1,2\na,c,train,0,1,1,x\n", -EINVAL, 3,
	  "\"x\" is no number for \"b\"" },
	{ HEAD "a,c,train,0,0,1,\n", -EINVAL, 2, "\"\" is no number for \"b\"" },
	{ HEAD "a,c,train,0,0,1,0x10\n", -EINVAL, 2, NULL },
	{ HEAD "a,c,train,0,0,1,NaN\n", -EINVAL, 2, "NaN in column \"b\"" },
	{ HEAD "a,c,train,0,0,-inf,1\n", -EINVAL, 2, "infinity in column \"a\"" },
	{ HEAD "a,c,train,0,0,1,1e39\n", -EINVAL, 2, "\"1e39\" is too large" },
	{ HEAD "a,c,train,0,0,1,1e999\n", -EINVAL, 2, "\"1e999\" is too large" },
	{ HEAD "a,c,train,0,0,1,-1\n", -EINVAL, 2, "\"-1\" is a negative count for \"b\"" },
	{ HEAD "a,c,dev,0,0,1,1\n", -EINVAL, 2, "split \"dev\" is not train or test" },
	{ HEAD "a,c,train,2,0,1,1\n", -EINVAL, 2, "label \"2\" is not 0, 1 or -1" },
	{ HEAD "a,c,train,0,-1,1,1\n", -EINVAL, 2, "\"-1\" is no t" },
	{ HEAD "a,c,train,0,18446744073709551616,1,1\n", -EINVAL, 2, "is no t" },
	{ HEAD "a,c,train,0,,1,1\n", -EINVAL, 2, "there is no t" },
	{ HEAD ",c,train,0,0,1,1\n", -EINVAL, 2, "no host of 1 to 64 bytes" },
	{ HEAD "a,c/d,train,0,0,1,1\n", -EINVAL, 2, "\"c/d\" is no class" },
	{ HEAD "a,c,train,0,4,1,1\na,c,train,0,4,1,1\n", -EINVAL, 3, "rows are out of order" },
	{ HEAD "b,c,train,0,0,1,1\na,c,train,0,0,1,1\n", -EINVAL, 3, "host \"a\" comes too late" },
	{ HEAD "a,c,train,0,0,1,1\na,d,train,0,1,1,1\n", -EINVAL, 3, "of two classes" },
	{ HEAD "a,c,test,0,0,1,1\na,c,train,0,1,1,1\n", -EINVAL, 3, "a row of train after" },
	{ HEAD "a,c,train,0,0,1,1\r\n", -EINVAL, 2, "\"1\" is no number" },
	{ HEAD "a,c,train,0,0,1,1", -EINVAL, 2, "the line was not finished" },
};

/* Counts, so that a negative number is one; where words could be meant, they are not. */
static void test_flaws(void)
{
	for (size_t i = 0; i < TACIT_ARRAY_LEN(flaws); i++) {
		struct tacit_dataset_where where = { 0 };
		struct tacit_dataset *dataset = NULL;
		int r = read_as(flaws[i].text, TACIT_DATASET_LOG1P, &dataset, &where);

		CU_ASSERT_EQUAL(r, flaws[i].code);
		CU_ASSERT_EQUAL(where.line, flaws[i].line);
		CU_ASSERT_PTR_NULL(dataset);
		CU_ASSERT(where.why[0] && (!flaws[i].why || strstr(where.why, flaws[i].why)));
		if (r != flaws[i].code || (flaws[i].why && !strstr(where.why, flaws[i].why)))
			printf("# case %zu: %d, line %lu: %s\n", i, r, where.line, where.why);
	}
}

static void test_limits(void)
{
	TACIT_AUTO_FREE char *text = TACIT_NEW_N(char, TEXT_MAX);
	struct tacit_dataset_where where = { 0 };
	struct tacit_dataset *dataset = NULL;
	size_t len = (size_t)sprintf(text, "host,class,split,label,t");

	for (unsigned i = 0; i <= 512; i++)
		len += (size_t)sprintf(text + len, ",f%u", i);
	text[len] = '\n';
	CU_ASSERT_EQUAL(read_as(text, TACIT_DATASET_AUTO, &dataset, &where), -E2BIG);
	CU_ASSERT_STRING_EQUAL(where.why, "more than 512 features");
	memset(text, 'x', TACIT_DATASET_LINE_MAX + 1);
	CU_ASSERT_EQUAL(read_as(text, TACIT_DATASET_AUTO, &dataset, &where), -EINVAL);
	CU_ASSERT_STRING_EQUAL(where.why, "the line is longer than 65536 bytes");
	len = (size_t)sprintf(text, "host,class,split,label,t,w\n");
	for (unsigned i = 0; i <= 256; i++)
		len += (size_t)sprintf(text + len, "a,c,train,0,%u,w%u\n", i, i);
	CU_ASSERT_EQUAL(read_as(text, TACIT_DATASET_AUTO, &dataset, &where), -E2BIG);
	CU_ASSERT_STRING_EQUAL(where.why, "more than 256 different words for \"w\"");
	CU_ASSERT_EQUAL(where.line, 258);
}

static void test_a_word_among_numbers(void)
{
	struct tacit_dataset_where where = { 0 };
	struct tacit_dataset *dataset = NULL;

	CU_ASSERT_EQUAL(read_as(HEAD "a,c,train,0,0,1,2\na,c,train,0,1,tcp,2\n", TACIT_DATASET_AUTO,
				&dataset, &where),
			-EINVAL);
	CU_ASSERT_STRING_EQUAL(where.why, "\"tcp\" is no number for \"a\"");
	CU_ASSERT_EQUAL(read_as(HEAD "a,c,train,0,0,tcp,2\n", TACIT_DATASET_NONE, &dataset, &where),
			-EINVAL);
}

static void test_no_file(void)
{
	struct tacit_dataset *dataset = NULL;

	CU_ASSERT_EQUAL(tacit_dataset_load("/nonexistent/x", TACIT_DATASET_AUTO, &dataset, NULL),
			-ENOENT);
	CU_ASSERT_EQUAL(tacit_dataset_load("/", TACIT_DATASET_AUTO, &dataset, NULL), -EIO);
}

static void test_out_of_memory(void)
{
	static const char text[] = "host,class,split,label,t,proto,bytes\n"
				   "n,flows,train,0,0,udp,0\nn,flows,test,0,1,tcp,1\n";
	int r = -ENOMEM;

	for (int nth = 0; r == -ENOMEM && nth < 100; nth++) {
		TACIT_CLEANUP(tacit_dataset_free_p) struct tacit_dataset *dataset = NULL;

		unit_fail_alloc(nth);
		r = read_as(text, TACIT_DATASET_AUTO, &dataset, NULL);
		unit_fail_alloc(-1);
		CU_ASSERT(r == 0 || r == -ENOMEM);
	}
	CU_ASSERT_EQUAL(r, 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "rows of two hosts", test_rows },
		{ "gzip reads the same", test_gzip_is_the_same },
		{ "a cut-off gzip stream is named", test_cut_off_gzip },
		{ "counts are logged, near 2^64 too", test_counts_are_logged },
		{ "flows are encoded", test_flows },
		{ "flaws are named with their line", test_flaws },
		{ "limits", test_limits },
		{ "words where numbers should be", test_a_word_among_numbers },
		{ "no file", test_no_file },
		{ "out of memory", test_out_of_memory },
		{ 0 },
	};

	return unit_main("dataset", cases);
}
