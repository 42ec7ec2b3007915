/* SPDX-License-Identifier: MIT */
#include "harden.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#define LOCK_NAME      "tacitd.lock"
#define PASSWD_BYTES   16384U
#define CAPABILITY_MAX 63 /* what two 32-bit words hold; PR_CAPBSET_READ knows the true end */
#define ONLY_BPF       (UINT64_C(1) << CAP_BPF)

/* User 0 is nobody special, and nothing of this can be turned back. Keeping capabilities over a
 * change of user is not locked: become() needs it, and who cannot change the user has no use for
 * it. */
#define LOCKED_BITS                                                                                \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |                    \
	 SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

struct account {
	uid_t uid;
	gid_t gid;
	bool given;
};

static int find_account(const char *user, struct account *ret)
{
	TACIT_AUTO_FREE char *text = NULL;
	struct passwd entry, *found = NULL;
	int err;

	*ret = (struct account){ 0 };
	if (!user || user[0] == '\0')
		return 0;
	text = (char *)tacit_calloc(PASSWD_BYTES, 1);
	if (!text)
		return -ENOMEM;
	err = getpwnam_r(user, &entry, text, PASSWD_BYTES, &found);
	if (!found)
		return err ? -err : -ESRCH;
	*ret = (struct account){ .uid = entry.pw_uid, .gid = entry.pw_gid, .given = true };
	return 0;
}

static int give_file(int dir, const char *name, const struct account *to)
{
	TACIT_AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, &st) != 0)
		return -errno;
	/* A second link may be to a file that was never ours. */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return 0;
	return fchown(fd, to->uid, to->gid) == 0 ? 0 : -errno;
}

static int give_files(int dir, const struct account *to)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int r = 0;

	if (!list) {
		r = -errno;
		tacit_close_p(&copy);
		return r;
	}
	rewinddir(list); /* the copy shares its place with whoever read before */
	while (r == 0 && (entry = readdir(list)))
		if (entry->d_name[0] != '.')
			r = give_file(dir, entry->d_name, to);
	(void)closedir(list);
	return r;
}

/* New, or with nothing in it, or with our lock: a folder named by mistake keeps its owner. */
static bool is_for_us(int dir)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool empty = true, locked = false;

	if (!list) {
		tacit_close_p(&copy);
		return false;
	}
	while ((entry = readdir(list))) {
		empty = empty && strspn(entry->d_name, ".") == strlen(entry->d_name);
		locked = locked || strcmp(entry->d_name, LOCK_NAME) == 0;
	}
	(void)closedir(list);
	return empty || locked;
}

int tacit_harden_dir(const char *path, mode_t mode, const char *user)
{
	TACIT_AUTO_CLOSE int dir = -1;
	struct account account;
	struct stat st;
	int r = find_account(user, &account);

	if (r < 0)
		return r;
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) != 0)
		return -errno;
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	if (geteuid() != 0 || !account.given || !is_for_us(dir))
		return 0;
	if (fchown(dir, account.uid, account.gid) != 0)
		return -errno;
	return give_files(dir, &account);
}

/* Who wrote the lock file, for a message; 0 when it does not say. */
static pid_t read_pid(int fd)
{
	char text[24] = "";
	long pid;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* Takes the lock and says in it who has it. */
static int hold(int dir, int fd, pid_t *ret_pid)
{
	struct stat st;
	char text[24];
	int n;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (ret_pid)
			*ret_pid = read_pid(fd);
		return -EBUSY;
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -EIO;
	/* Whoever has the folder may be the next to start, without being root. */
	if (geteuid() == 0 && (fstat(dir, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0))
		return -errno;
	return 0;
}

int tacit_harden_single(const char *state_dir, int *ret_fd, pid_t *ret_pid)
{
	TACIT_AUTO_CLOSE int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (dir < 0)
		return -errno;
	fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = hold(dir, fd, ret_pid);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* What is permitted stays so for the moment: the last word on it is not spoken yet. */
static int become(const struct account *account)
{
	if (!account->given || geteuid() != 0)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(1, &account->gid) != 0 ||
	    setresgid(account->gid, account->gid, account->gid) != 0 ||
	    setresuid(account->uid, account->uid, account->uid) != 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

/* 1 held, 0 not, -1 past the last one this kernel knows. */
static int in_bounding_set(int capability)
{
	return prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
}

/* Both need CAP_SETPCAP: without it what is there stays, and means nothing under no-new-privs. */
static int empty_bounding_set(void)
{
	for (int c = 0; c <= CAPABILITY_MAX && in_bounding_set(c) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0 && errno != EPERM)
			return -errno;
	if (prctl(PR_SET_SECUREBITS, LOCKED_BITS, 0, 0, 0) != 0 && errno != EPERM)
		return -errno;
	return 0;
}

static int get_sets(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[2] = { { 0 } };

	if (syscall(SYS_capget, &head, held) != 0)
		return -errno;
	*effective = (uint64_t)held[1].effective << 32 | held[0].effective;
	*permitted = (uint64_t)held[1].permitted << 32 | held[0].permitted;
	*inheritable = (uint64_t)held[1].inheritable << 32 | held[0].inheritable;
	return 0;
}

static int set_sets(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[2] = {
		{ .effective = (uint32_t)effective, .permitted = (uint32_t)permitted },
		{ .effective = (uint32_t)(effective >> 32),
		  .permitted = (uint32_t)(permitted >> 32) },
	};

	return syscall(SYS_capset, &head, held) == 0 ? 0 : -errno;
}

/* 0, or 1 when CAP_BPF was kept. */
static int empty_other_sets(int (*attempt)(void *ctx), void *ctx)
{
	uint64_t effective, permitted, inheritable;
	bool kept;
	int r;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return -errno;
	r = get_sets(&effective, &permitted, &inheritable);
	permitted &= attempt ? ONLY_BPF : 0;
	if (r == 0)
		r = set_sets(0, permitted);
	if (r < 0 || !permitted)
		return r;
	kept = attempt(ctx) == -EPERM;
	r = kept ? set_sets(permitted, permitted) : set_sets(0, 0);
	return r < 0 ? r : kept;
}

int tacit_harden_drop(const char *user, int (*attempt)(void *ctx), void *ctx)
{
	struct account account;
	int r = find_account(user, &account), kept;

	if (r == 0)
		r = empty_bounding_set();
	if (r == 0)
		r = become(&account);
	if (r == 0)
		r = empty_other_sets(attempt, ctx);
	if (r < 0)
		return r;
	kept = r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	r = tacit_harden_verify(kept, NULL, 0);
	return r < 0 ? r : kept;
}

static int left(char *why, size_t size, const char *what)
{
	if (why)
		(void)snprintf(why, size, "%s", what);
	return -EPERM;
}

int tacit_harden_verify(bool bpf, char *why, size_t size)
{
	uint64_t effective, permitted, inheritable, allowed = bpf ? ONLY_BPF : 0;
	int r = get_sets(&effective, &permitted, &inheritable);

	if (r < 0)
		return r;
	if (((effective | permitted) & ~allowed) || inheritable)
		return left(why, size, "a capability is left");
	for (int c = 0; c <= CAPABILITY_MAX; c++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1)
			return left(why, size, "an ambient capability is left");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return left(why, size, "new privileges can still be gained");
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1)
		return left(why, size, "other processes may look into the memory");
	return 0;
}
