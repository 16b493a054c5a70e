/* SPDX-License-Identifier: MIT */
/* qcow2: images in files, and the files that they stand on. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk_priv.h"
#include "qcow2_priv.h"

#define CHAIN_MAX 16u /* images that stand on each other */

struct fd_file {
	struct qcow2_file file;
	int fd;
};

/* An image of the chain that is being opened; (upper) stands on it. */
struct link {
	const struct link *upper;
	const char *path;
	dev_t dev;
	ino_t ino;
	unsigned depth;
};

static int fd_of(struct qcow2_file *f)
{
	return container_of(f, struct fd_file, file)->fd;
}

static int64_t fd_read(struct qcow2_file *f, uint64_t off, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd_of(f), (uint8_t *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}

static int fd_write(struct qcow2_file *f, uint64_t off, const void *buf, size_t len)
{
	return blk_fd_write(fd_of(f), off, buf, len);
}

static int fd_flush(struct qcow2_file *f)
{
	return fdatasync(fd_of(f)) ? -errno : 0;
}

static void fd_punch(struct qcow2_file *f, uint64_t off, uint64_t len)
{
	(void)fallocate(fd_of(f), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
			(off_t)len);
}

static void fd_close(struct qcow2_file *f)
{
	(void)close(fd_of(f));
	free(container_of(f, struct fd_file, file));
}

static const struct qcow2_file_ops fd_ops = {
	.read = fd_read,
	.write = fd_write,
	.flush = fd_flush,
	.punch = fd_punch,
	.close = fd_close,
};

/* The same file twice in a chain would be read for ever. */
static int check_chain(const struct link *l, struct err *err)
{
	if (l->depth > CHAIN_MAX)
		return err_set(err, -ELOOP, "disk %.120s: over %u images stand on each other",
			       l->path, CHAIN_MAX);
	for (const struct link *u = l->upper; u; u = u->upper)
		if (u->dev == l->dev && u->ino == l->ino)
			return err_set(err, -ELOOP, "disk %.120s: it stands on itself", l->path);
	return 0;
}

static int open_fd(int *out, const char *path, bool read_only, struct link *l, uint64_t *len,
		   struct err *err)
{
	/* Without O_NONBLOCK a pipe would make us wait for who writes to it. */
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK), r = 0;
	struct stat st;
	off_t end;

	*out = fd;
	if (fd < 0)
		return err_set(err, -errno, "disk %.120s: %s", path, strerror(errno));
	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		r = err_set(err, -EINVAL, "disk %.120s: neither a regular file nor a block device",
			    path);
	if (!r) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
		r = check_chain(l, err);
	}
	if (!r && flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
		r = err_set(err, -errno, "disk %.120s: in use by another program", path);
	end = r ? 0 : lseek(fd, 0, SEEK_END);
	if (!r && end < 0)
		r = err_set(err, -errno, "disk %.120s: %s", path, strerror(errno));
	*len = (uint64_t)end;
	if (r)
		(void)close(fd);
	return r;
}

static int open_link(struct blk **out, const char *path, bool read_only, const char *snapshot,
		     struct link *l, struct err *err);

/* The first bytes say it; a file that cannot be read is somebody else's to complain about. */
bool blk_is_qcow2(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t magic[4] = {0};
	struct stat st;
	bool yes;

	if (fd < 0)
		return false;
	yes = !fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) &&
	      pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && ld_be32(magic) == QCOW2_MAGIC;
	(void)close(fd);
	return yes;
}

/* (name) as the image of (upper) has it: beside that image, unless it starts at the root. */
static int beside(const struct link *upper, const char *name, char **path, struct err *err)
{
	const char *slash = strrchr(upper->path, '/');
	int folder = slash ? (int)(slash - upper->path) + 1 : 0;

	*path = NULL;
	if (!strncmp(name, "file:", 5))
		name += 5;
	else if (!strncmp(name, "json:", 5) || strstr(name, "://"))
		return err_set(err, -ENOTSUP, "disk %.100s: it stands on %.80s, which is no file",
			       upper->path, name);
	if (asprintf(path, "%.*s%s", *name == '/' ? 0 : folder, upper->path, name) < 0) {
		*path = NULL;
		return err_set(err, -ENOMEM, "no memory for disk %.120s", upper->path);
	}
	return 0;
}

static int open_backing(void *ctx, const char *name, const char *format, struct blk **out,
			struct err *err)
{
	const struct link *upper = ctx;
	struct link l = {.upper = upper, .depth = upper->depth + 1};
	char *path;
	int r;

	*out = NULL;
	r = beside(upper, name, &path, err);
	if (r)
		return r;
	l.path = path;
	if (!strcmp(format, "qcow2") || (!*format && blk_is_qcow2(path)))
		r = open_link(out, path, true, NULL, &l, err);
	else if (!*format || !strcmp(format, "raw"))
		r = blk_raw_open(out, path, true, err);
	else
		r = err_set(err, -ENOTSUP,
			    "disk %.100s: it stands on a file of format %.30s: raw and qcow2 are "
			    "known",
			    upper->path, format);
	free(path);
	return r;
}

static int open_link(struct blk **out, const char *path, bool read_only, const char *snapshot,
		     struct link *l, struct err *err)
{
	struct qcow2_opts o = {
		.name = path,
		.read_only = read_only,
		.snapshot = snapshot,
		.backing = open_backing,
		.ctx = l,
	};
	struct fd_file *f = calloc(1, sizeof(*f));
	int r;

	*out = NULL;
	if (!f)
		return err_set(err, -ENOMEM, "no memory for disk %.120s", path);
	r = open_fd(&f->fd, path, read_only, l, &f->file.len, err);
	if (r) {
		free(f);
		return r;
	}
	f->file.ops = &fd_ops;
	return qcow2_open(out, &f->file, &o, err);
}

int blk_qcow2_open(struct blk **out, const char *path, bool read_only, const char *snapshot,
		   struct err *err)
{
	struct link l = {.path = path};

	return open_link(out, path, read_only, snapshot, &l, err);
}
