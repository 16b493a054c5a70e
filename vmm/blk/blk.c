/* SPDX-License-Identifier: MIT */
/* blk: the checks that every back end stands behind, and disks from text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "blk_priv.h"
#include <vmm/blk.h>

#define SPEC_MAX 4096u /* bytes of a disk's text with its NUL */

static int check(const struct blk *b, uint64_t off, uint64_t len)
{
	return range_within(off, len, 0, b->size) ? 0 : -EINVAL;
}

static int check_write(const struct blk *b, uint64_t off, uint64_t len)
{
	if (b->read_only)
		return -EROFS;
	return check(b, off, len);
}

const struct stats_entry blk_stats_table[] = {
	STATS_C(struct blk_stats, reads, "reads", ""),
	STATS_C(struct blk_stats, writes, "writes", ""),
	STATS_C(struct blk_stats, zeroes, "ranges that were zeroed", ""),
	STATS_C(struct blk_stats, discards, "ranges that were discarded", ""),
	STATS_C(struct blk_stats, flushes, "flushes", ""),
	STATS_C(struct blk_stats, errors, "of all these, those that failed", ""),
	STATS_C(struct blk_stats, bytes_read, "bytes read", "bytes"),
	STATS_C(struct blk_stats, bytes_written, "bytes written", "bytes"),
	STATS_H(struct blk_stats, read_size, "sizes of reads", "bytes"),
	STATS_H(struct blk_stats, write_size, "sizes of writes", "bytes"),
	STATS_END,
};

/* Done, or not: the disk's error is counted and handed on. */
static int result(struct blk *b, int r)
{
	b->stats.errors += r != 0;
	return r;
}

int blk_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	int r = check(b, off, len);

	b->stats.reads++;
	stats_hist_add(&b->stats.read_size, len);
	if (!r && len)
		r = b->ops->read(b, off, buf, len);
	b->stats.bytes_read += r ? 0 : len;
	return result(b, r);
}

int blk_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	int r = check_write(b, off, len);

	b->stats.writes++;
	stats_hist_add(&b->stats.write_size, len);
	if (!r && len)
		r = b->ops->write(b, off, buf, len);
	b->stats.bytes_written += r ? 0 : len;
	return result(b, r);
}

int blk_zero(struct blk *b, uint64_t off, uint64_t len)
{
	int r = check_write(b, off, len);

	b->stats.zeroes++;
	return result(b, r || !len ? r : b->ops->zero(b, off, len));
}

int blk_discard(struct blk *b, uint64_t off, uint64_t len)
{
	int r = check_write(b, off, len);

	b->stats.discards++;
	return result(b, r || !len || !b->ops->discard ? r : b->ops->discard(b, off, len));
}

int blk_flush(struct blk *b)
{
	b->stats.flushes++;
	return result(b, b->read_only ? 0 : b->ops->flush(b));
}

int blk_mark(struct blk *b)
{
	return b->ops->mark ? b->ops->mark(b) : -ENOTSUP;
}

int blk_rewind(struct blk *b)
{
	return b->ops->rewind ? b->ops->rewind(b) : -ENOTSUP;
}

void blk_close(struct blk *b)
{
	if (b)
		b->ops->close(b);
}

/* ---- from text --------------------------------------------------------------------------------- */

struct options {
	bool ro, rw;
	const char *snapshot;
};

/* Takes the options off the end of (text). */
static int take_options(char *text, struct options *o, struct err *err)
{
	char *comma;

	memset(o, 0, sizeof(*o));
	while ((comma = strrchr(text, ',')) != NULL) {
		if (!strcmp(comma, ",ro"))
			o->ro = true;
		else if (!strcmp(comma, ",rw"))
			o->rw = true;
		else if (!strncmp(comma, ",snapshot=", 10))
			o->snapshot = comma + 10;
		else
			break;
		*comma = 0;
	}
	if (o->rw && (o->ro || o->snapshot))
		return err_set(err, -EINVAL, "disk %.80s: %s and rw contradict each other", text,
			       o->ro ? "ro" : "snapshot");
	return 0;
}

static int open_mem(struct blk **out, const char *text, struct err *err)
{
	uint64_t size;

	if (parse_u64(text, &size))
		return err_set(err, -EINVAL, "disk mem:%.40s: give its size, as in mem:16M", text);
	return blk_mem_new(out, size, err);
}

/* A file: without rw it is only read, and unless ro is said too, changes are kept in memory. */
static int open_file(struct blk **out, const char *text, const struct options *o, struct err *err)
{
	struct blk *b;
	int r;

	if (!strncmp(text, "qcow2:", 6))
		r = blk_qcow2_open(&b, text + 6, !o->rw, o->snapshot, err);
	else if (strncmp(text, "raw:", 4) && blk_is_qcow2(text))
		r = blk_qcow2_open(&b, text, !o->rw, o->snapshot, err);
	else if (o->snapshot)
		r = err_set(err, -EINVAL, "disk %.80s: only a qcow2 image has snapshots", text);
	else if (!strncmp(text, "raw:", 4))
		r = blk_raw_open(&b, text + 4, !o->rw, err);
	else {
		r = blk_raw_open(&b, text, !o->rw, err);
		if (!r)
			blk_raw_stay_raw(b);
	}
	if (r)
		return r;
	if (!o->ro && !o->rw)
		return blk_overlay_new(out, b, err);
	*out = b;
	return 0;
}

int blk_open(struct blk **out, const char *spec, struct err *err)
{
	char text[SPEC_MAX];
	struct options o;
	int r;

	*out = NULL;
	r = snprintf(text, sizeof(text), "%s", spec);
	if (r < 0 || (size_t)r >= sizeof(text))
		return err_set(err, -EINVAL, "disk %.40s...: over %u bytes of text", spec,
			       SPEC_MAX);
	r = take_options(text, &o, err);
	if (r)
		return r;
	if (!strncmp(text, "mem:", 4) && !o.snapshot) {
		r = open_mem(out, text + 4, err);
		if (!r)
			(*out)->read_only = o.ro;
		return r;
	}
	return open_file(out, text, &o, err);
}
