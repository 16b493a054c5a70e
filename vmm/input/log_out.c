/* SPDX-License-Identifier: MIT */
/* Writing a recording: to a name of its own beside the file's, which it gets when it is closed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input_priv.h"

#define OUT_BUF	  ((size_t)64 << 10)
#define TMP_TRIES 100u

static void flush(struct log_out *o)
{
	const uint8_t *p = o->buf;

	while (o->len && !o->error) {
		ssize_t n = write(o->fd, p, o->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			o->error = n < 0 ? -errno : -EIO;
			break;
		}
		p += n;
		o->len -= (size_t)n;
	}
	o->len = 0;
}

static void put(struct log_out *o, const void *p, size_t len)
{
	const uint8_t *b = p;

	while (len) {
		size_t n = OUT_BUF - o->len < len ? OUT_BUF - o->len : len;

		memcpy(o->buf + o->len, b, n);
		o->len += n;
		b += n;
		len -= n;
		if (o->len == OUT_BUF)
			flush(o);
	}
}

/* The bytes and their part in the sum. */
static void put_summed(struct log_out *o, const void *p, size_t len)
{
	if (!len)
		return;
	o->sum = hash64(o->sum, p, len);
	put(o, p, len);
}

static void put_sum(struct log_out *o)
{
	uint8_t sum[LOG_SUM];

	st_le64(sum, o->sum);
	put(o, sum, sizeof(sum));
}

/* What a link leads to is written; a terminal or a pipe is never replaced. */
static int open_file(struct log_out *o, const char *path)
{
	struct stat st;
	char real[PATH_MAX];

	if (realpath(path, real))
		path = real;
	if (strlen(path) >= sizeof(o->path))
		return -ENAMETOOLONG;
	memcpy(o->path, path, strlen(path) + 1);
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		o->through = true;
		o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return o->fd < 0 ? -errno : 0;
	}
	for (unsigned i = 0; i < TMP_TRIES; i++) {
		int n = snprintf(o->tmp, sizeof(o->tmp), "%s.%ld-%u.tmp", o->path, (long)getpid(),
				 i);

		if (n < 0 || (size_t)n >= sizeof(o->tmp))
			return -ENAMETOOLONG;
		o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (o->fd >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int log_out_open(struct log_out **out, const char *path, struct err *err)
{
	struct log_out *o = calloc(1, sizeof(*o));
	uint8_t header[LOG_HEADER - LOG_SUM] = LOG_MAGIC;
	int rc;

	*out = NULL;
	if (!o)
		return err_set(err, -ENOMEM, "no memory for a recording");
	o->fd = -1;
	o->buf = malloc(OUT_BUF);
	rc = o->buf ? open_file(o, path) : -ENOMEM;
	if (rc) {
		log_out_free(o);
		return err_set(err, rc, "cannot record to %s: %s", path, strerror(-rc));
	}
	st_le32(header + 8, LOG_VERSION);
	put_summed(o, header, sizeof(header));
	put_sum(o);
	*out = o;
	return 0;
}

void log_out_put(struct log_out *o, enum log_kind kind, uint64_t time, const char *name,
		 const void *p, size_t len)
{
	uint8_t head[LOG_RECORD] = {0};
	size_t name_len = name ? strlen(name) : 0;

	st_le32(head, (uint32_t)len);
	head[4] = (uint8_t)kind;
	head[5] = (uint8_t)name_len;
	st_le64(head + 8, time);
	put_summed(o, head, sizeof(head));
	put_summed(o, name, name_len);
	put_summed(o, p, len);
	put_sum(o);
}

int log_out_close(struct log_out *o, struct err *err)
{
	int rc;

	flush(o);
	if (close(o->fd) && !o->error)
		o->error = -errno;
	o->fd = -1;
	if (!o->error && !o->through && rename(o->tmp, o->path))
		o->error = -errno;
	rc = o->error;
	if (rc)
		err_set(err, rc, "cannot write the recording %s: %s", o->path, strerror(-rc));
	else
		o->tmp[0] = '\0'; /* it is the file now */
	log_out_free(o);
	return rc;
}

void log_out_free(struct log_out *o)
{
	if (!o)
		return;
	if (o->fd >= 0)
		close(o->fd);
	if (o->tmp[0] && !o->through)
		(void)unlink(o->tmp);
	free(o->buf);
	free(o);
}
