/* SPDX-License-Identifier: MIT */
/*
 * What was written, kept in memory by chunks, over a lower disk or over zeroes: the overlay and the
 * memory disk.
 *
 * A table of chunks, open addressing, entries are never taken out. A chunk is one of: not here (the
 * lower disk's), zeroes, or data. blk_mark() keeps what a chunk was when it is first changed after it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm/blk.h>

#define KEEP_MAX    (4ull << 30) /* bytes of chunks one disk may hold; then -ENOSPC */
#define TABLE_FIRST 64u

enum what { BELOW, ZEROES, DATA };

struct chunk {
	uint64_t index; /* offset / BLK_CHUNK */
	bool used;	/* an entry of the table */
	bool changed;	/* since the mark: was and old say what it was */
	enum what what, was;
	uint8_t *data, *old; /* old: kept for the rewind, where was is DATA */
};

struct cow {
	struct blk blk;
	struct blk *lower; /* NULL: zeroes */
	struct chunk *table;
	size_t cap, nr;
	uint64_t kept; /* bytes of chunks */
	bool marked;
};

static struct cow *cow_of(struct blk *b)
{
	return container_of(b, struct cow, blk);
}

/* ---- the table --------------------------------------------------------------------------------- */

/* The entry of (index), or the free one where it would be. There is always a free one. */
static struct chunk *slot(struct chunk *table, size_t cap, uint64_t index)
{
	size_t i = hash64(0, &index, sizeof(index)) & (cap - 1);

	while (table[i].used && table[i].index != index)
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static int grow(struct cow *c)
{
	size_t cap = c->cap ? c->cap * 2 : TABLE_FIRST;
	struct chunk *table = calloc(cap, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < c->cap; i++)
		if (c->table[i].used)
			*slot(table, cap, c->table[i].index) = c->table[i];
	free(c->table);
	c->table = table;
	c->cap = cap;
	return 0;
}

static struct chunk *find(struct cow *c, uint64_t index)
{
	struct chunk *k;

	if (!c->cap)
		return NULL;
	k = slot(c->table, c->cap, index);
	return k->used ? k : NULL;
}

/* The entry for a change: made if it is not there, and what it was kept if a mark asks for it. */
static int find_for_change(struct cow *c, uint64_t index, struct chunk **out)
{
	struct chunk *k;

	if (2 * (c->nr + 1) > c->cap && grow(c))
		return -ENOMEM;
	k = slot(c->table, c->cap, index);
	if (!k->used) {
		*k = (struct chunk){.index = index, .used = true, .what = BELOW};
		c->nr++;
	}
	if (c->marked && !k->changed) {
		if (k->what == DATA) {
			if (c->kept + BLK_CHUNK > KEEP_MAX)
				return -ENOSPC;
			k->old = malloc(BLK_CHUNK);
			if (!k->old)
				return -ENOMEM;
			memcpy(k->old, k->data, BLK_CHUNK);
			c->kept += BLK_CHUNK;
		}
		k->was = k->what;
		k->changed = true;
	}
	*out = k;
	return 0;
}

static void drop(struct cow *c, uint8_t **p)
{
	if (*p)
		c->kept -= BLK_CHUNK;
	free(*p);
	*p = NULL;
}

/* ---- the bytes --------------------------------------------------------------------------------- */

/* How much of a chunk lies on the disk. */
static size_t chunk_len(const struct cow *c, uint64_t index)
{
	uint64_t left = c->blk.size - index * BLK_CHUNK;

	return left < BLK_CHUNK ? (size_t)left : BLK_CHUNK;
}

static int read_below(struct cow *c, uint64_t off, void *buf, size_t len)
{
	if (c->lower)
		return blk_read(c->lower, off, buf, len);
	memset(buf, 0, len);
	return 0;
}

/* Make it DATA with the bytes that it has, unless all of them are about to be written. */
static int fill(struct cow *c, struct chunk *k, bool all)
{
	uint8_t *data;
	int r = 0;

	if (k->what == DATA)
		return 0;
	if (c->kept + BLK_CHUNK > KEEP_MAX)
		return -ENOSPC;
	data = calloc(1, BLK_CHUNK);
	if (!data)
		return -ENOMEM;
	if (k->what == BELOW && !all)
		r = read_below(c, k->index * BLK_CHUNK, data, chunk_len(c, k->index));
	if (r) {
		free(data);
		return r;
	}
	c->kept += BLK_CHUNK;
	k->data = data;
	k->what = DATA;
	return 0;
}

static int cow_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	struct cow *c = cow_of(b);
	uint8_t *p = buf;

	while (len) {
		uint64_t index = off / BLK_CHUNK, in = off % BLK_CHUNK;
		size_t n = BLK_CHUNK - in < len ? (size_t)(BLK_CHUNK - in) : len;
		const struct chunk *k = find(c, index);
		int r = 0;

		if (!k || k->what == BELOW)
			r = read_below(c, off, p, n);
		else if (k->what == ZEROES)
			memset(p, 0, n);
		else
			memcpy(p, k->data + in, n);
		if (r)
			return r;
		off += n;
		p += n;
		len -= n;
	}
	return 0;
}

/* (from) NULL: zeroes. */
static int change(struct cow *c, uint64_t off, const uint8_t *from, uint64_t len)
{
	while (len) {
		uint64_t index = off / BLK_CHUNK, in = off % BLK_CHUNK;
		uint64_t n = BLK_CHUNK - in < len ? BLK_CHUNK - in : len;
		bool all = n == chunk_len(c, index);
		struct chunk *k;
		int r;

		/* Zeroes over nothing are there already: a guest may zero terabytes. */
		if (!from && !c->lower && !find(c, index)) {
			off += n;
			len -= n;
			continue;
		}
		r = find_for_change(c, index, &k);
		if (r)
			return r;
		if (!from && all) {
			drop(c, &k->data);
			k->what = ZEROES;
		} else {
			r = fill(c, k, all);
			if (r)
				return r;
			if (from)
				memcpy(k->data + in, from, n);
			else
				memset(k->data + in, 0, n);
		}
		if (from)
			from += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int cow_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	return change(cow_of(b), off, buf, len);
}

static int cow_zero(struct blk *b, uint64_t off, uint64_t len)
{
	return change(cow_of(b), off, NULL, len);
}

/* Memory is as safe as memory gets. */
static int cow_flush(struct blk *b)
{
	(void)b;
	return 0;
}

/* ---- there and back ------------------------------------------------------------------------------ */

static int cow_mark(struct blk *b)
{
	struct cow *c = cow_of(b);

	for (size_t i = 0; i < c->cap; i++) {
		c->table[i].changed = false;
		drop(c, &c->table[i].old);
	}
	c->marked = true;
	return 0;
}

static int cow_rewind(struct blk *b)
{
	struct cow *c = cow_of(b);

	if (!c->marked)
		return -EINVAL;
	for (size_t i = 0; i < c->cap; i++) {
		struct chunk *k = &c->table[i];

		if (!k->changed)
			continue;
		drop(c, &k->data);
		k->data = k->old;
		k->old = NULL;
		k->what = k->was;
		k->changed = false;
	}
	return 0;
}

static void cow_close(struct blk *b)
{
	struct cow *c = cow_of(b);

	for (size_t i = 0; i < c->cap; i++) {
		free(c->table[i].data);
		free(c->table[i].old);
	}
	free(c->table);
	blk_close(c->lower);
	free(c);
}

/* A memory disk is an overlay over nothing. */
#define COW_OPS(kind)                                                                              \
	{                                                                                          \
		.name = (kind), .read = cow_read, .write = cow_write, .flush = cow_flush,          \
		.zero = cow_zero, .discard = cow_zero, .mark = cow_mark, .rewind = cow_rewind,     \
		.close = cow_close,                                                                \
	}
static const struct blk_ops mem_ops = COW_OPS("mem"), overlay_ops = COW_OPS("overlay");

static int new_cow(struct blk **out, const struct blk_ops *ops, uint64_t size, struct blk *lower,
		   struct err *err)
{
	struct cow *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c) {
		blk_close(lower);
		return err_set(err, -ENOMEM, "no memory for a disk");
	}
	c->blk.ops = ops;
	c->blk.size = size;
	c->lower = lower;
	*out = &c->blk;
	return 0;
}

int blk_mem_new(struct blk **out, uint64_t size, struct err *err)
{
	*out = NULL;
	if (!size || size % BLK_SECTOR || size > BLK_MAX)
		return err_set(err, -EINVAL,
			       "a disk of %" PRIu64 " bytes: give a multiple of %u up to 16 TiB",
			       size, BLK_SECTOR);
	return new_cow(out, &mem_ops, size, NULL, err);
}

int blk_overlay_new(struct blk **out, struct blk *lower, struct err *err)
{
	return new_cow(out, &overlay_ops, lower->size, lower, err);
}
