/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tacit/cleanup.h>

#include "agent/harden.h"

#include "elsewhere.h"
#include "place.h"
#include "unit.h"

#define LOCK "tacitd.lock"

/* The hexadecimal number behind "CapEff:" and the like in /proc/self/status. */
static unsigned long long status_of(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long value = UINT64_MAX;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name) + 1, NULL, 16);
	if (f)
		(void)fclose(f);
	return value;
}

static int drop_and_look(void *ctx)
{
	bool root = geteuid() == 0;
	char why[96] = "";

	if (tacit_harden_drop((const char *)ctx, NULL, NULL) != 0)
		return 1;
	if (tacit_harden_verify(false, why, sizeof(why)) != 0 || why[0] != '\0')
		return 2;
	if (status_of("CapEff") || status_of("CapPrm") || status_of("CapInh") ||
	    status_of("CapAmb"))
		return 3;
	if (root && status_of("CapBnd"))
		return 4;
	if (status_of("NoNewPrivs") != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1)
		return 5;
	return 0;
}

static void test_nothing_is_left(void)
{
	CU_ASSERT_EQUAL(elsewhere(drop_and_look, NULL), 0);
	char none[] = "";
	CU_ASSERT_EQUAL(elsewhere(drop_and_look, none), 0);
}

static int become_nobody(void *ctx)
{
	gid_t groups[8];
	int r = drop_and_look(ctx);

	if (r)
		return r;
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0)
		return 10;
	if (setresuid(0, 0, 0) == 0 || setgroups(0, NULL) == 0)
		return 11;
	if (getgroups(8, groups) != 1 || groups[0] != getgid())
		return 12;
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0 ? 13 : 0;
}

static void test_user_is_changed(void)
{
	char nobody[] = "nobody";

	if (geteuid() != 0) {
		unit_skip("only root can become somebody else");
		return;
	}
	CU_ASSERT_EQUAL(elsewhere(become_nobody, nobody), 0);
}

/* Answers as a kernel would, and looks on the way whether it is asked at the right moment. */
struct kernel {
	const char *user;
	int says;
	bool asked, held_one;
};

static int ask_kernel(void *ctx)
{
	struct kernel *kernel = (struct kernel *)ctx;

	kernel->asked = true;
	kernel->held_one = status_of("CapEff") != 0;
	return kernel->says;
}

#define BPF (1ULL << CAP_BPF)

static int drop_but_bpf(void *ctx)
{
	struct kernel *kernel = (struct kernel *)ctx;
	char why[96] = "";

	if (tacit_harden_drop(kernel->user, ask_kernel, kernel) != 1)
		return 1;
	if (!kernel->asked || kernel->held_one)
		return 2;
	if (status_of("CapEff") != BPF || status_of("CapPrm") != BPF)
		return 3;
	if (status_of("CapInh") || status_of("CapAmb") || status_of("CapBnd"))
		return 4;
	if (tacit_harden_verify(true, why, sizeof(why)) != 0 || why[0] != '\0')
		return 5;
	if (tacit_harden_verify(false, why, sizeof(why)) != -EPERM || why[0] == '\0')
		return 6;
	return geteuid() == 0 && kernel->user ? 7 : 0;
}

static void test_bpf_is_kept_where_needed(void)
{
	struct kernel kernel = { .says = -EPERM };

	if (status_of("CapPrm") == UINT64_MAX || !(status_of("CapPrm") & BPF)) {
		unit_skip("who lacks CAP_BPF cannot keep it");
		return;
	}
	CU_ASSERT_EQUAL(elsewhere(drop_but_bpf, &kernel), 0);
	if (geteuid() != 0)
		return;
	kernel.user = "nobody";
	CU_ASSERT_EQUAL(elsewhere(drop_but_bpf, &kernel), 0);
}

static int drop_with_bpf(void *ctx)
{
	struct kernel *kernel = (struct kernel *)ctx;

	if (tacit_harden_drop(kernel->user, ask_kernel, kernel) != 0 || kernel->held_one)
		return 1;
	if (status_of("CapEff") || status_of("CapPrm"))
		return 2;
	return tacit_harden_verify(false, NULL, 0) == 0 ? 0 : 3;
}

static void test_bpf_goes_where_not_needed(void)
{
	struct kernel well = { .says = 0 }, broken = { .says = -EINVAL };

	CU_ASSERT_EQUAL(elsewhere(drop_with_bpf, &well), 0);
	CU_ASSERT_EQUAL(elsewhere(drop_with_bpf, &broken), 0);
}

static int verify_as_is(void *ctx)
{
	(void)ctx;
	return tacit_harden_verify(false, NULL, 0) == -EPERM ? 0 : 1;
}

static void test_verify_finds_what_is_left(void)
{
	/* Not even an unprivileged process has no-new-privileges by itself. */
	CU_ASSERT_EQUAL(elsewhere(verify_as_is, NULL), 0);
	CU_ASSERT_EQUAL(tacit_harden_drop("no such user here", NULL, NULL), -ESRCH);
}

static void test_single(void)
{
	PLACE(place);
	int first = -1, second = -1;
	pid_t pid = 0;

	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &first, &pid), 0);
	CU_ASSERT(first >= 0);
	CU_ASSERT_EQUAL(pid, 0);
	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &second, &pid), -EBUSY);
	CU_ASSERT_EQUAL(second, -1);
	CU_ASSERT_EQUAL(pid, getpid());
	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &second, NULL), -EBUSY);
	(void)close(first);
	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &second, &pid), 0);
	(void)close(second);
	CU_ASSERT_EQUAL(tacit_harden_single("/nonexistent", &second, &pid), -ENOENT);
}

static void test_lock_is_no_link(void)
{
	PLACE(place);
	int fd = -1;
	char target[512];

	(void)snprintf(target, sizeof(target), "%s", place_write(&place, "precious", "x", 1));
	CU_ASSERT_EQUAL(symlink(target, place_file(&place, LOCK)), 0);
	CU_ASSERT(tacit_harden_single(place.folder, &fd, NULL) < 0);
	CU_ASSERT_EQUAL(fd, -1);
}

static void test_bad_lock_names_nobody(void)
{
	PLACE(place);
	int first = -1, second = -1;
	pid_t pid = -1;

	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &first, NULL), 0);
	(void)place_write(&place, LOCK, "99999999999999999999", 20);
	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &second, &pid), -EBUSY);
	CU_ASSERT_EQUAL(pid, 0);
	(void)close(first);
}

static void test_folder(void)
{
	PLACE(place);
	struct stat st;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s", place_file(&place, "state"));
	CU_ASSERT_EQUAL(tacit_harden_dir(path, 0700, NULL), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	CU_ASSERT_EQUAL(tacit_harden_dir(path, 0700, ""), 0);
	CU_ASSERT_EQUAL(chmod(path, 0770), 0);
	CU_ASSERT_EQUAL(tacit_harden_dir(path, 0700, NULL), -EPERM);
	CU_ASSERT_EQUAL(tacit_harden_dir(place_write(&place, "file", "x", 1), 0700, NULL),
			-ENOTDIR);
	CU_ASSERT_EQUAL(tacit_harden_dir("/nonexistent/state", 0700, NULL), -ENOENT);
	CU_ASSERT_EQUAL(tacit_harden_dir(path, 0700, "no such user here"), -ESRCH);
}

static uid_t owner(const char *path)
{
	struct stat st = { .st_uid = (uid_t)-1 };

	CU_ASSERT_EQUAL(lstat(path, &st), 0);
	return st.st_uid;
}

static void test_lock_is_the_folders(void)
{
	PLACE(place);
	const struct passwd *nobody = getpwnam("nobody");
	int fd = -1;

	if (geteuid() != 0 || !nobody) {
		unit_skip("only root can give files away");
		return;
	}
	CU_ASSERT_EQUAL(tacit_harden_dir(place.folder, 0700, "nobody"), 0);
	CU_ASSERT_EQUAL(tacit_harden_single(place.folder, &fd, NULL), 0);
	CU_ASSERT_EQUAL(owner(place_file(&place, LOCK)), nobody->pw_uid);
	(void)close(fd);
}

static void test_folder_is_given_away_with_care(void)
{
	PLACE(place);
	PLACE(other);
	const struct passwd *nobody = getpwnam("nobody");
	char precious[512];

	if (geteuid() != 0 || !nobody) {
		unit_skip("only root can give files away");
		return;
	}
	(void)snprintf(precious, sizeof(precious), "%s", place_write(&other, "precious", "x", 1));
	CU_ASSERT_EQUAL(tacit_harden_dir(other.folder, 0700, "nobody"), 0);
	CU_ASSERT_EQUAL(owner(other.folder), 0); /* has files, but no lock: not ours */
	CU_ASSERT_EQUAL(owner(precious), 0);

	CU_ASSERT_EQUAL(owner(place_write(&place, LOCK, "", 0)), 0);
	(void)place_write(&place, "tacit.db", "x", 1);
	CU_ASSERT_EQUAL(symlink(precious, place_file(&place, "link")), 0);
	CU_ASSERT_EQUAL(link(precious, place_file(&place, "hard")), 0);
	CU_ASSERT_EQUAL(mkfifo(place_file(&place, "fifo"), 0600), 0);
	CU_ASSERT_EQUAL(tacit_harden_dir(place.folder, 0700, "nobody"), 0);
	CU_ASSERT_EQUAL(owner(place.folder), nobody->pw_uid);
	CU_ASSERT_EQUAL(owner(place_file(&place, "tacit.db")), nobody->pw_uid);
	CU_ASSERT_EQUAL(owner(place_file(&place, "fifo")), 0);
	CU_ASSERT_EQUAL(owner(precious), 0);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "no capability is left", test_nothing_is_left },
		{ "root becomes the user, for good", test_user_is_changed },
		{ "CAP_BPF alone is kept where draining needs it", test_bpf_is_kept_where_needed },
		{ "CAP_BPF goes where it does not", test_bpf_goes_where_not_needed },
		{ "what is left is found", test_verify_finds_what_is_left },
		{ "one instance, and who it is", test_single },
		{ "the lock is not followed", test_lock_is_no_link },
		{ "a lock that makes no sense names nobody", test_bad_lock_names_nobody },
		{ "the state folder", test_folder },
		{ "the lock belongs to the folder's owner", test_lock_is_the_folders },
		{ "a folder is given away with care", test_folder_is_given_away_with_care },
		{ NULL, NULL },
	};

	return unit_main("harden", cases);
}
