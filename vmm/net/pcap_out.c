/* SPDX-License-Identifier: MIT */
/*
 * A capture that is being written. It has another name until it is closed. Where the host has no room
 * (or PCAP_FILE_MAX is reached) it ends with the last whole record, and the machine goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net_priv.h"

struct net_pcap_out {
	char *path, *temp;
	int fd;
	bool ended;
	uint64_t len, mark;
};

static int out_fail(struct net_pcap_out *o, int e, struct err *err)
{
	int r = err_set(err, -e, "network: out=%.120s: cannot write it: %s", o->path ? o->path : "",
			strerror(e));

	if (o->temp && o->fd >= 0)
		(void)unlink(o->temp);
	if (o->fd >= 0)
		(void)close(o->fd);
	free(o->path);
	free(o->temp);
	free(o);
	return r;
}

int net_pcap_out_new(struct net_pcap_out **out, const char *path, struct err *err)
{
	struct net_pcap_out *o = calloc(1, sizeof(*o));
	uint8_t h[PCAP_FILE_HEADER];
	struct stat st;
	int e;

	if (!o)
		return err_set(err, -ENOMEM, "no memory for a capture");
	o->fd = -1;
	o->path = strdup(path);
	if (!o->path || asprintf(&o->temp, "%s.XXXXXX", path) < 0) {
		o->temp = NULL;
		return out_fail(o, ENOMEM, err);
	}
	/* A device or a pipe is not replaced, and has no way back. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return out_fail(o, EINVAL, err);
	o->fd = mkostemp(o->temp, O_CLOEXEC);
	if (o->fd < 0)
		return out_fail(o, errno, err);
	(void)fchmod(o->fd, 0644);
	pcap_put_header(h, NET_FRAME_MAX);
	errno = EIO;
	if (pwrite(o->fd, h, sizeof(h), 0) != (ssize_t)sizeof(h)) {
		e = errno;
		return out_fail(o, e, err);
	}
	o->len = sizeof(h);
	o->mark = sizeof(h);
	*out = o;
	return 0;
}

void net_pcap_out_put(struct net_pcap_out *o, uint64_t now, const void *frame, size_t len)
{
	uint8_t h[PCAP_RECORD_HEADER];
	struct iovec v[2] = {{h, sizeof(h)}, {(void *)(uintptr_t)frame, len}};

	if (o->ended || o->len + sizeof(h) + len > PCAP_FILE_MAX) {
		o->ended = true;
		return;
	}
	pcap_put_record(h, now, (uint32_t)len);
	if (pwritev(o->fd, v, 2, (off_t)o->len) == (ssize_t)(sizeof(h) + len))
		o->len += sizeof(h) + len;
	else
		o->ended = true;
}

void net_pcap_out_mark(struct net_pcap_out *o)
{
	o->mark = o->len;
}

void net_pcap_out_rewind(struct net_pcap_out *o)
{
	o->len = o->mark;
	o->ended = false;
}

void net_pcap_out_close(struct net_pcap_out *o)
{
	if (!o)
		return;
	/* What was written before a rewind, or of half a record. */
	if (ftruncate(o->fd, (off_t)o->len) || close(o->fd) || rename(o->temp, o->path))
		(void)unlink(o->temp);
	free(o->path);
	free(o->temp);
	free(o);
}
