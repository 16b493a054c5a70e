/* SPDX-License-Identifier: MIT */
/* Whole files: read, write at once, folders. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/base.h>

#define READ_FIRST 4096 /* first buffer for a file that states no size, as in /proc */
#define TMP_TRIES  100	/* temporary names tried before giving up */

/* -errno after a failed call; (doing) is what failed, as in "cannot open". */
static int fail_errno(struct err *err, const char *doing, const char *path)
{
	int rc = errno ? -errno : -EIO;

	return err_set(err, rc, "cannot %s %s: %s", doing, path, strerror(-rc));
}

static int too_big(struct err *err, const char *path, uint64_t max)
{
	return err_set(err, -EFBIG, "%s: larger than %" PRIu64 " bytes, the most read here", path,
		       max);
}

/* Read to the end of file, or one byte more than (max): the stated size may be 0 or out of date. */
static int read_all(int fd, const char *path, uint64_t size, uint64_t max, void **buf, size_t *len,
		    struct err *err)
{
	size_t cap = (size_t)size + 2, got = 0; /* no wrap: an off_t is at most 2^63 - 1 */
	char *p, *q;
	ssize_t n;

	if (!size)
		cap = READ_FIRST;
	p = malloc(cap);
	if (!p)
		goto nomem;
	/* One byte is kept for the NUL; another tells "at the end" from "buffer full". */
	for (;;) {
		n = read(fd, p + got, cap - 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
		if (got > max) {
			free(p);
			return too_big(err, path, max);
		}
		if (got < cap - 1)
			continue;
		q = realloc(p, cap * 2);
		if (!q)
			goto nomem;
		p = q;
		cap *= 2;
	}
	if (n < 0) {
		free(p);
		return fail_errno(err, "read", path);
	}
	p[got] = '\0';
	*buf = p;
	*len = got;
	return 0;
nomem:
	free(p);
	return err_set(err, -ENOMEM, "%s: no memory to read it into", path);
}

int file_read(const char *path, uint64_t max, void **buf, size_t *len, struct err *err)
{
	struct stat st;
	int fd, rc;

	/* Not blocking: opening a pipe without a writer would wait for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail_errno(err, "open", path);
	if (fstat(fd, &st) < 0)
		rc = fail_errno(err, "stat", path);
	else if (S_ISDIR(st.st_mode))
		rc = err_set(err, -EISDIR, "%s: a folder, where a file is needed", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(err, -EINVAL, "%s: not a regular file", path);
	else if ((uint64_t)st.st_size > max)
		rc = too_big(err, path, max);
	else
		rc = read_all(fd, path, (uint64_t)st.st_size, max, buf, len, err);
	close(fd);
	return rc;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* To a device or pipe, where renaming over it would take it away from everyone. */
static int write_through(const char *path, const void *buf, size_t len, struct err *err)
{
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail_errno(err, "open", path);
	if (write_all(fd, buf, len) < 0)
		rc = fail_errno(err, "write", path);
	close(fd);
	return rc;
}

/* Open a new file beside (path); mkstemp() is no help: its files are for their owner only. */
static int open_tmp(const char *path, char *tmp, size_t size)
{
	for (unsigned i = 0; i < TMP_TRIES; i++) {
		int n = snprintf(tmp, size, "%s.%ld-%u.tmp", path, (long)getpid(), i), fd;

		if (n < 0 || (size_t)n >= size) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

int file_write(const char *path, const void *buf, size_t len, struct err *err)
{
	char tmp[PATH_MAX], real[PATH_MAX];
	struct stat st;
	int fd, rc;

	/* What a link leads to is written, not the link: renaming over /dev/stdout would lose it.
	 */
	if (realpath(path, real))
		path = real;
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		if (S_ISDIR(st.st_mode))
			return err_set(err, -EISDIR, "cannot write %s: a folder is there", path);
		return write_through(path, buf, len, err);
	}
	fd = open_tmp(path, tmp, sizeof(tmp));
	if (fd < 0)
		return fail_errno(err, "write", path);
	if (write_all(fd, buf, len) < 0) {
		rc = fail_errno(err, "write", path);
		close(fd);
		unlink(tmp);
		return rc;
	}
	if (close(fd) < 0 || rename(tmp, path) < 0) {
		rc = fail_errno(err, "write", path);
		unlink(tmp);
		return rc;
	}
	return 0;
}

int file_mkdirs(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (!len)
		return err_set(err, -ENOENT, "cannot make a folder without a name");
	if (len >= sizeof(part))
		return err_set(err, -ENAMETOOLONG, "cannot make folder %s: name too long", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		/* Another process may make it meanwhile, and a read-only parent may hold it: look.
		 */
		if (mkdir(part, 0777) < 0) {
			int rc = -errno;

			if (!stat(part, &st) && S_ISDIR(st.st_mode))
				continue;
			return err_set(err, rc == -EEXIST ? -ENOTDIR : rc,
				       "cannot make folder %s: %s", part,
				       rc == -EEXIST ? "a file is there" : strerror(-rc));
		}
	}
	return 0;
}
