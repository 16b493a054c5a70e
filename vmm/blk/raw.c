/* SPDX-License-Identifier: MIT */
/* A file or block device whose bytes are the disk's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk_priv.h"
#include <vmm/qcow2.h>

#define ZERO_STEP 65536u

struct raw {
	struct blk blk;
	int fd;
	bool stay_raw; /* see blk_raw_stay_raw() */
};

static struct raw *raw_of(struct blk *b)
{
	return container_of(b, struct raw, blk);
}

static int raw_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = pread(raw_of(b)->fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO; /* the file is shorter than it was */
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int blk_fd_write(int fd, uint64_t off, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Would the file begin as an image after this write? */
static bool makes_image(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	uint8_t first[4];

	if (off >= sizeof(first) || raw_read(b, 0, first, sizeof(first)))
		return false;
	memcpy(first + off, buf, len < sizeof(first) - off ? len : sizeof(first) - off);
	return ld_be32(first) == QCOW2_MAGIC;
}

static int raw_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	if (raw_of(b)->stay_raw && makes_image(b, off, buf, len))
		return -EPERM;
	return blk_fd_write(raw_of(b)->fd, off, buf, len);
}

static int raw_flush(struct blk *b)
{
	return fdatasync(raw_of(b)->fd) ? -errno : 0;
}

static int raw_zero(struct blk *b, uint64_t off, uint64_t len)
{
	static const uint8_t zeroes[ZERO_STEP];

	if (!fallocate(raw_of(b)->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		       (off_t)len))
		return 0;
	/* Not every file system can: then the zeroes are written. */
	while (len) {
		size_t n = len < sizeof(zeroes) ? (size_t)len : sizeof(zeroes);
		int r = raw_write(b, off, zeroes, n);

		if (r)
			return r;
		off += n;
		len -= n;
	}
	return 0;
}

/* A hint: where no hole can be made the bytes stay. */
static int raw_discard(struct blk *b, uint64_t off, uint64_t len)
{
	(void)fallocate(raw_of(b)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
			(off_t)len);
	return 0;
}

static void raw_close(struct blk *b)
{
	struct raw *r = raw_of(b);

	(void)close(r->fd);
	free(r);
}

static const struct blk_ops raw_ops = {
	.name = "raw",
	.read = raw_read,
	.write = raw_write,
	.flush = raw_flush,
	.zero = raw_zero,
	.discard = raw_discard,
	.close = raw_close,
};

/* The size, or -errno; -EINVAL: not something that a disk can be. */
static int64_t size_of(int fd)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -EINVAL;
	end = lseek(fd, 0, SEEK_END);
	return end < 0 ? -errno : (int64_t)end;
}

void blk_raw_stay_raw(struct blk *b)
{
	raw_of(b)->stay_raw = true;
}

int blk_raw_open(struct blk **out, const char *path, bool read_only, struct err *err)
{
	struct raw *r;
	int64_t size;
	int code;
	/* Without O_NONBLOCK a pipe would make us wait for who writes to it. */
	int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);

	*out = NULL;
	if (fd < 0)
		return err_set(err, -errno, "disk %.120s: %s", path, strerror(errno));
	size = size_of(fd);
	if (size < 0)
		code = err_set(err, (int)size, "disk %.120s: %s", path,
			       size == -EINVAL ? "neither a regular file nor a block device"
					       : strerror((int)-size));
	else if (size < BLK_SECTOR || (uint64_t)size > BLK_MAX)
		code = err_set(err, -EINVAL,
			       "disk %.120s: %lld bytes: a disk has 512 bytes to 16 TiB", path,
			       (long long)size);
	/* Two writers would spoil each other's file systems; readers beside a writer see nonsense. */
	else if (flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
		code = err_set(err, -errno, "disk %.120s: in use by another program", path);
	else
		code = 0;
	r = code ? NULL : calloc(1, sizeof(*r));
	if (!r) {
		(void)close(fd);
		return code ? code : err_set(err, -ENOMEM, "no memory for disk %.120s", path);
	}
	r->blk.ops = &raw_ops;
	r->blk.size = align_down((uint64_t)size, BLK_SECTOR);
	r->blk.read_only = read_only;
	r->fd = fd;
	*out = &r->blk;
	return 0;
}
