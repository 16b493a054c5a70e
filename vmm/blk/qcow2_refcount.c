/* SPDX-License-Identifier: MIT */
/*
 * qcow2: the file's bytes, the tables kept in memory, and how often each cluster is used (format
 * "Host cluster management").
 *
 * Everything goes to the file at once, in the order that keeps it free of errors: see qcow2.h.
 */
#include <stdlib.h>

#include "qcow2_priv.h"

/* ---- bytes --------------------------------------------------------------------------------------- */

int qcow2_get(struct qcow2 *q, uint64_t off, void *buf, size_t len)
{
	size_t there = len;
	int64_t n;

	if (!range_within(off, len, 0, qcow2_clusters(q) << q->cluster_bits))
		return -EIO;
	if (off >= q->len)
		there = 0;
	else if (q->len - off < len)
		there = (size_t)(q->len - off);
	memset((uint8_t *)buf + there, 0, len - there);
	if (!there)
		return 0;
	n = q->file->ops->read(q->file, off, buf, there);
	if (n < 0)
		return (int)n;
	return (size_t)n == there ? 0 : -EIO; /* the file is shorter than it was */
}

int qcow2_put(struct qcow2 *q, uint64_t off, const void *buf, size_t len)
{
	int r = q->file->ops->write(q->file, off, buf, len);

	if (!r && off + len > q->len)
		q->len = off + len;
	return r;
}

/* ---- tables -------------------------------------------------------------------------------------- */

int qcow2_table(struct qcow2 *q, uint64_t off, uint8_t **p)
{
	struct slot *s = &q->slots[0];
	int r;

	*p = NULL;
	if (!off || off & (q->cluster - 1))
		return -EIO;
	for (uint32_t i = 0; i < q->slots_nr; i++) {
		struct slot *k = &q->slots[i];

		if (k->off == off) {
			k->used = ++q->ticks;
			*p = k->p;
			return 0;
		}
		if (k->used < s->used)
			s = k;
	}
	if (!s->p)
		s->p = malloc(q->cluster);
	if (!s->p)
		return -ENOMEM;
	s->off = s->used = 0;
	r = qcow2_get(q, off, s->p, q->cluster);
	if (r)
		return r;
	s->off = off;
	s->used = ++q->ticks;
	*p = s->p;
	return 0;
}

void qcow2_table_drop(struct qcow2 *q, uint64_t off)
{
	for (uint32_t i = 0; i < q->slots_nr; i++)
		if (q->slots[i].off == off)
			q->slots[i].off = q->slots[i].used = 0;
}

int qcow2_table_put(struct qcow2 *q, uint64_t off, uint32_t at, const void *bytes, uint32_t n,
		    bool *as_was)
{
	uint8_t *p;
	int r = qcow2_table(q, off, &p);

	if (as_was)
		*as_was = true;
	if (r)
		return r;
	r = qcow2_put(q, off + at, bytes, n);
	if (!r) {
		memcpy(p + at, bytes, n);
		return 0;
	}
	if (!qcow2_put(q, off + at, p + at, n))
		return r;
	qcow2_table_drop(q, off); /* nobody knows what is there now */
	if (as_was)
		*as_was = false;
	return r;
}

/* ---- counts -------------------------------------------------------------------------------------- */

/* Format "Refcounts": widths below a byte start at its least significant bit. */
static uint64_t count_of(const struct qcow2 *q, const uint8_t *block, uint64_t i)
{
	switch (q->order) {
	case 3:
		return block[i];
	case 4:
		return (uint64_t)block[2 * i] << 8 | block[2 * i + 1];
	case 5:
		return ld_be32(block + 4 * i);
	case 6:
		return ld_be64(block + 8 * i);
	default:
		return block[i >> (3 - q->order)] >> ((i << q->order) & 7) &
		       ((1u << (1u << q->order)) - 1);
	}
}

/* In a block in memory; *at and *n say which bytes of it changed. */
static void set_count(const struct qcow2 *q, uint8_t *block, uint64_t i, uint64_t v, uint32_t *at,
		      uint32_t *n)
{
	if (q->order >= 3) {
		*n = 1u << (q->order - 3);
		*at = (uint32_t)(i * *n);
		for (uint32_t k = 0; k < *n; k++)
			block[*at + k] = (uint8_t)(v >> (8 * (*n - 1 - k)));
	} else {
		unsigned shift = (i << q->order) & 7;
		unsigned mask = (1u << (1u << q->order)) - 1;

		*n = 1;
		*at = (uint32_t)(i >> (3 - q->order));
		block[*at] = (uint8_t)((block[*at] & ~(mask << shift)) | (unsigned)v << shift);
	}
}

static uint64_t block_of(const struct qcow2 *q, uint64_t index)
{
	uint64_t t = index >> q->block_bits;

	return t < q->reftable_nr ? q->reftable[t] : 0;
}

static uint64_t in_block(const struct qcow2 *q, uint64_t index)
{
	return index & ((1ull << q->block_bits) - 1);
}

int qcow2_refcount(struct qcow2 *q, uint64_t index, uint64_t *count)
{
	uint64_t block = block_of(q, index);
	uint8_t *p;
	int r;

	*count = 0;
	if (!block)
		return 0;
	r = qcow2_table(q, block, &p);
	if (!r)
		*count = count_of(q, p, in_block(q, index));
	return r;
}

static int store_count(struct qcow2 *q, uint64_t index, uint64_t v)
{
	uint64_t block = block_of(q, index), i = in_block(q, index), was;
	uint32_t at, n;
	uint8_t *p, bytes[8];
	int r = qcow2_table(q, block, &p);

	if (r)
		return r;
	was = count_of(q, p, i);
	set_count(q, p, i, v, &at, &n);
	memcpy(bytes, p + at, n);
	set_count(q, p, i, was, &at, &n);
	r = qcow2_table_put(q, block, at, bytes, n, NULL);
	/* Lowered: nothing uses the cluster any more, which is lost unless this is done. */
	if (r && v < was)
		r = qcow2_table_put(q, block, at, bytes, n, NULL);
	return r;
}

int qcow2_free(struct qcow2 *q, uint64_t off, uint64_t len)
{
	uint64_t first = off >> q->cluster_bits, last = (off + len - 1) >> q->cluster_bits;

	for (uint64_t i = first; i <= last; i++) {
		uint64_t count;
		int r = qcow2_refcount(q, i, &count);

		if (!r && !count)
			r = -EIO;
		if (!r)
			r = store_count(q, i, count - 1);
		if (r)
			return r;
		if (count > 1)
			continue;
		qcow2_table_drop(q, i << q->cluster_bits);
		if (i < q->hint)
			q->hint = i;
		if (q->file->ops->punch)
			q->file->ops->punch(q->file, i << q->cluster_bits, q->cluster);
	}
	return 0;
}

/* ---- taking a cluster ------------------------------------------------------------------------------ */

/*
 * No block counts the clusters around (index), so none of them is used: (index) becomes their block and
 * counts itself.
 */
static int new_block(struct qcow2 *q, uint64_t index)
{
	uint64_t t = index >> q->block_bits, off = index << q->cluster_bits;
	uint32_t at, n;
	uint8_t be[8];
	int r;

	memset(q->meta, 0, q->cluster);
	set_count(q, q->meta, in_block(q, index), 1, &at, &n);
	qcow2_table_drop(q, off);
	r = qcow2_put(q, off, q->meta, q->cluster);
	if (r)
		return r;
	st_be64(be, off);
	r = qcow2_put(q, q->reftable_off + 8 * t, be, sizeof(be));
	if (!r)
		q->reftable[t] = off;
	return r;
}

/* The blocks that count a new table of (clusters) at (first), and themselves behind it. */
static int put_blocks(struct qcow2 *q, uint64_t *table, uint64_t first, uint64_t clusters,
		      uint64_t blocks)
{
	uint64_t t = first >> q->block_bits;

	for (uint64_t b = 0; b < blocks; b++) {
		uint64_t off = (first + clusters + b) << q->cluster_bits;
		uint64_t from = (t + b) << q->block_bits, to = from + (1ull << q->block_bits);
		uint32_t at, n;
		int r;

		memset(q->meta, 0, q->cluster);
		for (uint64_t i = from < first ? first : from;
		     i < to && i < first + clusters + blocks; i++)
			set_count(q, q->meta, in_block(q, i), 1, &at, &n);
		qcow2_table_drop(q, off);
		r = qcow2_put(q, off, q->meta, q->cluster);
		if (r)
			return r;
		table[t + b] = off;
	}
	return 0;
}

/* The table to the file at (off), and the header to it. */
static int put_reftable(struct qcow2 *q, const uint64_t *table, uint64_t off, uint64_t clusters)
{
	uint64_t per = q->cluster / 8;
	uint8_t be[12];
	int r = 0;

	for (uint64_t c = 0; c < clusters && !r; c++) {
		for (uint64_t i = 0; i < per; i++)
			st_be64(q->meta + 8 * i, table[c * per + i]);
		r = qcow2_put(q, off + (c << q->cluster_bits), q->meta, q->cluster);
	}
	if (r)
		return r;
	st_be64(be, off);
	st_be32(be + 8, (uint32_t)clusters);
	r = qcow2_put(q, H_REFTABLE_OFFSET, be, sizeof(be));
	if (!r)
		return 0;
	st_be64(be, q->reftable_off);
	st_be32(be + 8, q->reftable_clusters);
	q->broken = qcow2_put(q, H_REFTABLE_OFFSET, be, sizeof(be)) != 0;
	return r;
}

/* The refcount table is full: one twice as long, behind all that it could count and all there is. */
static int grow_reftable(struct qcow2 *q)
{
	uint64_t clusters = 2ull * q->reftable_clusters, blocks = 1, per = q->cluster / 8;
	uint64_t first = (uint64_t)q->reftable_nr << q->block_bits, t;
	uint64_t old = q->reftable_off, old_clusters = q->reftable_clusters;
	uint64_t *table;
	int r;

	if (first < qcow2_clusters(q))
		first = qcow2_clusters(q);
	t = first >> q->block_bits;
	while (((first + clusters + blocks - 1) >> q->block_bits) - t + 1 > blocks)
		blocks++;
	if (clusters << q->cluster_bits > QCOW2_REFTABLE_MAX || t + blocks > clusters * per)
		return -ENOSPC;
	table = calloc(clusters * per, sizeof(*table));
	if (!table)
		return -ENOMEM;
	memcpy(table, q->reftable, q->reftable_nr * sizeof(*table));
	r = put_blocks(q, table, first, clusters, blocks);
	if (!r)
		r = put_reftable(q, table, first << q->cluster_bits, clusters);
	if (r) {
		free(table);
		return r;
	}
	free(q->reftable);
	q->reftable = table;
	q->reftable_off = first << q->cluster_bits;
	q->reftable_clusters = (uint32_t)clusters;
	q->reftable_nr = (uint32_t)(clusters * per);
	return qcow2_free(q, old, old_clusters << q->cluster_bits);
}

int qcow2_alloc(struct qcow2 *q, uint64_t *off)
{
	uint64_t index = q->hint;

	for (;;) {
		uint64_t block = block_of(q, index), n = 1ull << q->block_bits, i;
		uint8_t *p;
		int r;

		if (index >> q->block_bits >= q->reftable_nr) {
			r = grow_reftable(q);
			if (r)
				return r;
			index = q->hint;
			continue;
		}
		if (!block) {
			r = new_block(q, index);
			if (r)
				return r;
			index++;
			continue;
		}
		r = qcow2_table(q, block, &p);
		if (r)
			return r;
		for (i = in_block(q, index); i < n && count_of(q, p, i); i++)
			;
		index = (index & ~(n - 1)) + i;
		if (i == n)
			continue;
		*off = index << q->cluster_bits;
		if (*off & ~E_OFFSET)
			return -ENOSPC;
		r = store_count(q, index, 1);
		if (r)
			return r;
		qcow2_table_drop(q, *off);
		q->hint = index + 1;
		return 0;
	}
}
