/* SPDX-License-Identifier: MIT */
/* Files: reading bounds, writing whole or not at all, folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include <vmm/base.h>

#include "test_alloc.h"

static char dir[PATH_MAX - 300];

/* ---- host calls that misbehave on request ---- */

static int interrupts; /* so many calls of read and write end with EINTR */
static int short_io;   /* read and write move one byte at a time */
static int no_rename, no_stat;

static size_t some(size_t n)
{
	return short_io && n > 1 ? 1 : n;
}

ssize_t read(int fd, void *p, size_t n)
{
	if (interrupts > 0) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	return syscall(SYS_read, fd, p, some(n));
}

ssize_t write(int fd, const void *p, size_t n)
{
	if (interrupts > 0) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	return syscall(SYS_write, fd, p, some(n));
}

int rename(const char *from, const char *to)
{
	if (no_rename) {
		errno = EXDEV;
		return -1;
	}
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fstat(int fd, struct stat *st)
{
	if (no_stat) {
		errno = EOVERFLOW;
		return -1;
	}
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

/* ---- */

static const char *in_dir(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *path, const void *p, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void expect(const char *path, const void *p, size_t len)
{
	void *got = NULL;
	size_t n = 0;

	assert_int_equal(file_read(path, 1 << 20, &got, &n, NULL), 0);
	assert_int_equal(n, len);
	if (len)
		assert_memory_equal(got, p, len);
	assert_int_equal(((char *)got)[n], '\0');
	free(got);
}

/* How many names the folder holds. */
static unsigned names(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/vise-file-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[PATH_MAX];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd);
}

static int fails(const char *path, uint64_t max, struct err *e)
{
	void *p = (void *)1;
	size_t len = 77;
	int rc = file_read(path, max, &p, &len, e);

	assert_ptr_equal(p, (void *)1);
	assert_int_equal(len, 77);
	assert_int_equal(e->code, rc);
	assert_non_null(strstr(e->msg, path));
	return rc;
}

static void read_bounds(void **state)
{
	const char *path = in_dir("ten");
	struct err e = {0};
	void *p;
	size_t n;

	(void)state;
	put(path, "0123456789", 10);
	expect(path, "0123456789", 10);
	assert_int_equal(file_read(path, 10, &p, &n, &e), 0);
	assert_int_equal(n, 10);
	free(p);
	assert_int_equal(file_read(path, UINT64_MAX, &p, &n, &e), 0);
	free(p);
	assert_int_equal(fails(path, 9, &e), -EFBIG);
	assert_int_equal(fails(path, 0, &e), -EFBIG);
	put(path, "", 0);
	expect(path, "", 0);
	assert_int_equal(file_read(path, 0, &p, &n, &e), 0);
	assert_int_equal(n, 0);
	free(p);
}

static void read_what_is_no_file(void **state)
{
	struct err e = {0};
	const char *path;

	(void)state;
	assert_int_equal(fails(in_dir("absent"), 10, &e), -ENOENT);
	assert_int_equal(fails(dir, 10, &e), -EISDIR);
	path = in_dir("fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(fails(path, 10, &e), -EINVAL); /* and does not wait for a writer */
	assert_int_equal(fails("/dev/zero", 10, &e), -EINVAL);
	assert_int_equal(unlink(path), 0);
}

static void read_files_of_no_size(void **state)
{
	struct err e = {0};
	void *p;
	size_t n;

	(void)state;
	/* They say 0 and hold more than the first buffer. */
	assert_int_equal(file_read("/proc/self/smaps", 64 << 20, &p, &n, &e), 0);
	assert_true(n > 4096);
	assert_int_equal(strlen(p), n);
	free(p);
	assert_int_equal(fails("/proc/self/smaps", 100, &e), -EFBIG);
	/* Page 0 can't be read. */
	assert_int_equal(fails("/proc/self/mem", 100, &e), -EIO);
}

static void read_from_a_poor_host(void **state)
{
	const char *path = in_dir("poor");
	struct err e = {0};

	(void)state;
	put(path, "abcdef", 6);
	interrupts = 2;
	short_io = 1;
	expect(path, "abcdef", 6);
	short_io = 0;
	assert_int_equal(interrupts, 0);
	no_stat = 1;
	assert_int_equal(fails(path, 100, &e), -EOVERFLOW);
	no_stat = 0;
#if TEST_ALLOC
	test_alloc_after = 0;
	assert_int_equal(fails(path, 100, &e), -ENOMEM);
	test_alloc_after = 1;
	assert_int_equal(fails("/proc/self/smaps", 64 << 20, &e), -ENOMEM);
	test_alloc_after = -1;
#endif
}

static void write_replaces(void **state)
{
	const char *path = in_dir("new");
	unsigned before;
	struct stat st;
	mode_t mask = umask(022);

	(void)state;
	assert_int_equal(file_write(path, "one", 3, NULL), 0);
	expect(path, "one", 3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	umask(mask);
	before = names();
	interrupts = 1;
	short_io = 1;
	assert_int_equal(file_write(path, "longer text", 11, NULL), 0);
	short_io = 0;
	expect(path, "longer text", 11);
	assert_int_equal(file_write(path, NULL, 0, NULL), 0);
	expect(path, "", 0);
	assert_int_equal(names(), before);
}

/* Whatever fails, the old contents stay and nothing is left behind. */
static void write_all_or_nothing(void **state)
{
	char path[PATH_MAX], big[9000] = {0};
	struct rlimit old, small;
	struct err e = {0};
	unsigned before;

	(void)state;
	strcpy(path, in_dir("kept"));
	assert_int_equal(file_write(path, "old", 3, &e), 0);
	before = names();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 4096;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(file_write(path, big, sizeof(big), &e), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(e.code, -EFBIG);
	assert_non_null(strstr(e.msg, path));
	expect(path, "old", 3);
	assert_int_equal(names(), before);
	no_rename = 1;
	assert_int_equal(file_write(path, "new", 3, &e), -EXDEV);
	no_rename = 0;
	expect(path, "old", 3);
	assert_int_equal(names(), before);
}

static void write_temporary_names(void **state)
{
	char path[PATH_MAX], tmp[PATH_MAX + 40], *lng;
	struct err e = {0};

	(void)state;
	strcpy(path, in_dir("busy"));
	/* Names that a killed process of the same number left. */
	for (int i = 0; i < 100; i++) {
		snprintf(tmp, sizeof(tmp), "%s.%ld-%d.tmp", path, (long)getpid(), i);
		put(tmp, "left", 4);
	}
	assert_int_equal(file_write(path, "x", 1, &e), -EEXIST);
	assert_int_equal(unlink(tmp), 0); /* the last */
	assert_int_equal(file_write(path, "x", 1, &e), 0);
	expect(path, "x", 1);
	for (int i = 0; i < 99; i++) {
		snprintf(tmp, sizeof(tmp), "%s.%ld-%d.tmp", path, (long)getpid(), i);
		expect(tmp, "left", 4);
		assert_int_equal(unlink(tmp), 0);
	}
	lng = malloc(PATH_MAX + 1);
	assert_non_null(lng);
	memset(lng, 'n', PATH_MAX);
	lng[PATH_MAX] = '\0';
	assert_int_equal(file_write(lng, "x", 1, &e), -ENAMETOOLONG);
	free(lng);
	assert_int_equal(file_write(in_dir("no/such"), "x", 1, &e), -ENOENT);
	assert_int_equal(file_write("", "x", 1, &e), -ENOENT);
}

static void write_what_is_no_file(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct err e = {0};
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(file_write(dir, "x", 1, &e), -EISDIR);
	assert_int_equal(file_write("/dev/null", "x", 1, &e), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(file_write("/dev/full", "x", 1, &e), -ENOSPC);
	assert_int_equal(stat("/dev/full", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	/* A socket can't be opened. */
	if (strlen(dir) + sizeof("/sock") > sizeof(sa.sun_path))
		return;
	strcpy(sa.sun_path, in_dir("sock"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(file_write(in_dir("sock"), "x", 1, &e), -ENXIO);
	close(fd);
	assert_int_equal(unlink(in_dir("sock")), 0);
}

static void write_follows_links(void **state)
{
	char file[PATH_MAX], link[PATH_MAX];
	struct stat st;

	(void)state;
	strcpy(file, in_dir("linked"));
	strcpy(link, in_dir("link"));
	put(file, "old", 3);
	assert_int_equal(symlink("linked", link), 0);
	assert_int_equal(file_write(link, "new", 3, NULL), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	expect(file, "new", 3);
}

static void folders(void **state)
{
	struct err e = {0};
	char path[PATH_MAX], *lng;
	struct stat st;

	(void)state;
	strcpy(path, in_dir("a/b//c/"));
	assert_int_equal(file_mkdirs(path, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(file_mkdirs(path, &e), 0);
	assert_int_equal(file_mkdirs("/", &e), 0);
	assert_int_equal(file_mkdirs(".", &e), 0);
	assert_int_equal(file_mkdirs("", &e), -ENOENT);
	put(in_dir("a/file"), "", 0);
	assert_int_equal(file_mkdirs(in_dir("a/file"), &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, "a/file: a file is there"));
	assert_int_equal(file_mkdirs(in_dir("a/file/x"), &e), -ENOTDIR);
	assert_int_equal(file_mkdirs("/proc/x", &e), -ENOENT);
	lng = malloc(PATH_MAX + 1);
	assert_non_null(lng);
	memset(lng, 'n', PATH_MAX);
	lng[PATH_MAX] = '\0';
	assert_int_equal(file_mkdirs(lng, &e), -ENAMETOOLONG);
	free(lng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_bounds),		 cmocka_unit_test(read_what_is_no_file),
		cmocka_unit_test(read_files_of_no_size), cmocka_unit_test(read_from_a_poor_host),
		cmocka_unit_test(write_replaces),	 cmocka_unit_test(write_all_or_nothing),
		cmocka_unit_test(write_temporary_names), cmocka_unit_test(write_what_is_no_file),
		cmocka_unit_test(write_follows_links),	 cmocka_unit_test(folders),
	};

	return cmocka_run_group_tests_name("base/file", tests, setup, teardown);
}
