/* SPDX-License-Identifier: MIT */
/* qcow2: what is read and written, through the L1 and L2 tables (format "Cluster mapping"). */
#include <unpack_config.h> /* generated: are there zlib and libzstd? */

#include "qcow2_priv.h"

#if UNPACK_WITH_ZLIB
#include <zlib.h>
#endif
#if UNPACK_WITH_ZSTD
#include <zstd.h>
#endif

/* ---- entries ------------------------------------------------------------------------------------- */

static int compressed_entry(const struct qcow2 *q, uint64_t e, struct cluster *c)
{
	unsigned x = 62 - (q->cluster_bits - 8);
	uint64_t sectors;

	c->kind = C_COMPRESSED;
	c->copied = false;
	c->off = e & ((1ull << x) - 1);
	sectors = 1 + ((e & (E_COMPRESSED - 1)) >> x);
	c->len = (uint32_t)(sectors * BLK_SECTOR - c->off % BLK_SECTOR);
	if (e & E_COPIED || c->off < q->cluster || c->off >= q->len)
		return -EIO;
	return range_within(c->off, c->len, 0, qcow2_clusters(q) << q->cluster_bits) ? 0 : -EIO;
}

int qcow2_entry(const struct qcow2 *q, uint64_t e, struct cluster *c)
{
	if (e & E_COMPRESSED)
		return compressed_entry(q, e, c);
	*c = (struct cluster){.copied = e & E_COPIED, .off = e & E_OFFSET};
	if (e & ~E_L2_KNOWN || (e & E_ZERO && q->version < 3) || (c->copied && !c->off))
		return -EIO;
	if (c->off & (q->cluster - 1) || c->off >= qcow2_clusters(q) << q->cluster_bits)
		return -EIO;
	if (e & E_ZERO)
		c->kind = C_ZERO;
	else
		c->kind = c->off ? C_DATA : C_NONE;
	return 0;
}

static uint32_t l2_bits(const struct qcow2 *q)
{
	return q->cluster_bits - 3;
}

static uint64_t l1_index(const struct qcow2 *q, uint64_t off)
{
	return off >> q->cluster_bits >> l2_bits(q);
}

static uint32_t l2_at(const struct qcow2 *q, uint64_t off)
{
	return 8 * (uint32_t)((off >> q->cluster_bits) & ((1u << l2_bits(q)) - 1));
}

/* The cluster that holds the disk's byte (off). */
static int lookup(struct qcow2 *q, uint64_t off, struct cluster *c)
{
	uint64_t e = q->l1[l1_index(q, off)];
	uint8_t *p;
	int r;

	*c = (struct cluster){.kind = C_NONE};
	if (e & ~E_L1_KNOWN)
		return -EIO;
	if (!(e & E_OFFSET))
		return 0;
	r = qcow2_table(q, e & E_OFFSET, &p);
	return r ? r : qcow2_entry(q, ld_be64(p + l2_at(q, off)), c);
}

/* ---- reading ------------------------------------------------------------------------------------- */

#if UNPACK_WITH_ZLIB
/* Format "compression_type": a raw deflate stream; what follows its cluster of output is not read. */
static int inflate_cluster(struct qcow2 *q, uint32_t len)
{
	z_stream z = {.next_in = q->packed, .avail_in = len};
	int rc;

	z.next_out = q->unpacked;
	z.avail_out = q->cluster;
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return -ENOMEM;
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	return !z.avail_out && (rc == Z_STREAM_END || rc == Z_BUF_ERROR || rc == Z_OK) ? 0 : -EIO;
}
#else
static int inflate_cluster(struct qcow2 *q, uint32_t len)
{
	(void)q;
	(void)len;
	return -ENOTSUP;
}
#endif

/* The same by zstd: frames, one behind the other, until the cluster is whole. No window beside it. */
static int unzstd_cluster(struct qcow2 *q, uint32_t len)
{
#if UNPACK_WITH_ZSTD
	size_t in = 0, out = 0;

	while (out < q->cluster) {
		size_t frame = ZSTD_findFrameCompressedSize(q->packed + in, len - in), n;

		if (ZSTD_isError(frame) || !frame)
			return -EIO;
		n = ZSTD_decompress(q->unpacked + out, q->cluster - out, q->packed + in, frame);
		if (ZSTD_isError(n))
			return -EIO;
		in += frame;
		out += n;
	}
	return 0;
#else
	(void)q;
	(void)len;
	return -ENOTSUP;
#endif
}

int qcow2_unpack(struct qcow2 *q, const struct cluster *c)
{
	int r;

	if (q->unpacked_off == c->off && q->unpacked_len == c->len)
		return 0;
	q->unpacked_off = 0;
	r = qcow2_get(q, c->off, q->packed, c->len);
	if (!r)
		r = q->zstd ? unzstd_cluster(q, c->len) : inflate_cluster(q, c->len);
	if (r)
		return r;
	q->unpacked_off = c->off;
	q->unpacked_len = c->len;
	return 0;
}

/* From the backing disk, which may be shorter. */
static int read_below(struct qcow2 *q, uint64_t off, uint8_t *buf, size_t n)
{
	size_t there = 0;

	if (q->backing && off < q->backing->size)
		there = q->backing->size - off < n ? (size_t)(q->backing->size - off) : n;
	memset(buf + there, 0, n - there);
	return there ? blk_read(q->backing, off, buf, there) : 0;
}

/* (n) bytes at (off), all in the cluster (c). */
static int read_cluster(struct qcow2 *q, const struct cluster *c, uint64_t off, uint8_t *buf,
			size_t n)
{
	uint32_t in = off & (q->cluster - 1);
	int r = 0;

	switch (c->kind) {
	case C_DATA:
		return qcow2_get(q, c->off + in, buf, n);
	case C_COMPRESSED:
		r = qcow2_unpack(q, c);
		if (!r)
			memcpy(buf, q->unpacked + in, n);
		return r;
	case C_NONE:
		return read_below(q, off, buf, n);
	default:
		memset(buf, 0, n);
		return 0;
	}
}

/* How much of [off, off + len) lies in the cluster of its first byte. */
static size_t piece(const struct qcow2 *q, uint64_t off, uint64_t len)
{
	uint64_t n = q->cluster - (off & (q->cluster - 1));

	return n < len ? (size_t)n : (size_t)len;
}

int qcow2_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	struct qcow2 *q = qcow2_of(b);
	uint8_t *p = buf;

	while (len) {
		size_t n = piece(q, off, len);
		struct cluster c;
		int r = lookup(q, off, &c);

		if (!r)
			r = read_cluster(q, &c, off, p, n);
		if (r)
			return r;
		off += n;
		p += n;
		len -= n;
	}
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/*
 * Once, before the first change. Format "autoclear_features": what they describe, bitmaps of changes
 * among it, is not kept up by us.
 */
static int begin(struct qcow2 *q)
{
	static const uint8_t none[8];
	int r = 0;

	if (q->broken)
		return -EIO;
	if (!q->written && q->autoclear)
		r = qcow2_put(q, H_AUTOCLEAR, none, sizeof(none));
	q->written = !r;
	return r;
}

/*
 * Where it fails, the old entry is written again. Where that fails too (*as_was is false), nobody knows
 * which of them the file has. Both lead to the same contents, and what comes next starts from the old one
 * and writes it again; what the new one leads to stays counted.
 */
static int put_l1(struct qcow2 *q, uint64_t i, uint64_t e, bool *as_was)
{
	uint8_t be[8];
	int r;

	st_be64(be, e);
	r = qcow2_put(q, q->l1_off + 8 * i, be, sizeof(be));
	*as_was = r != 0;
	if (!r) {
		q->l1[i] = e;
		return 0;
	}
	st_be64(be, q->l1[i]);
	*as_was = !qcow2_put(q, q->l1_off + 8 * i, be, sizeof(be));
	return r;
}

/* A table of the disk's own for (off): the one that there is, a copy of a shared one, or a new one. */
static int own_l2(struct qcow2 *q, uint64_t off, uint64_t *table)
{
	uint64_t i = l1_index(q, off), old = q->l1[i] & E_OFFSET, count;
	bool as_was = true;
	uint8_t *p;
	int r;

	*table = old;
	if (q->l1[i] & E_COPIED)
		return 0;
	if (old) {
		r = qcow2_refcount(q, old >> q->cluster_bits, &count);
		if (r)
			return r;
		if (count == 1)
			return put_l1(q, i, old | E_COPIED, &as_was);
	}
	r = qcow2_alloc(q, table);
	if (r)
		return r;
	memset(q->meta, 0, q->cluster);
	if (old) {
		r = qcow2_table(q, old, &p);
		if (!r)
			memcpy(q->meta, p, q->cluster);
	}
	if (!r)
		r = qcow2_put(q, *table, q->meta, q->cluster);
	if (!r)
		r = put_l1(q, i, *table | E_COPIED, &as_was);
	if (!r)
		return old ? qcow2_free(q, old, 1) : 0;
	if (as_was)
		(void)qcow2_free(q, *table, 1);
	return r;
}

static int put_entry(struct qcow2 *q, uint64_t table, uint64_t off, uint64_t e, bool *as_was)
{
	uint8_t be[8];

	st_be64(be, e);
	return qcow2_table_put(q, table, l2_at(q, off), be, sizeof(be), as_was);
}

/* The entry of (off) becomes (e); what it was is used once less. *as_was: it is still the old one. */
static int replace(struct qcow2 *q, uint64_t table, uint64_t off, uint64_t e,
		   const struct cluster *old, bool *as_was)
{
	int r = put_entry(q, table, off, e, as_was);

	*as_was = r && *as_was;
	if (r || !old->off || (e & E_OFFSET) == old->off)
		return r;
	return qcow2_free(q, old->off, old->kind == C_COMPRESSED ? old->len : 1);
}

/* May the cluster of (c) be written where it is? */
static int is_own(struct qcow2 *q, const struct cluster *c, bool *own)
{
	uint64_t count;
	int r;

	*own = c->copied;
	if (c->copied || !c->off || c->kind == C_COMPRESSED)
		return 0;
	r = qcow2_refcount(q, c->off >> q->cluster_bits, &count);
	*own = count == 1;
	return r;
}

/* All of a cluster to (target): (n) new bytes, the rest as it reads now. */
static int fill(struct qcow2 *q, const struct cluster *c, uint64_t off, const uint8_t *buf,
		size_t n, uint64_t target)
{
	uint64_t start = off & ~(uint64_t)(q->cluster - 1);
	int r;

	if (n == q->cluster)
		return qcow2_put(q, target, buf, n);
	r = read_cluster(q, c, start, q->data, q->cluster);
	if (r)
		return r;
	memcpy(q->data + (off - start), buf, n);
	return qcow2_put(q, target, q->data, q->cluster);
}

/* (n) bytes, all in one cluster. */
static int write_piece(struct qcow2 *q, uint64_t off, const uint8_t *buf, size_t n)
{
	bool own, unused = true; /* the new cluster, where it fails */
	uint64_t table, target;
	struct cluster c;
	int r = lookup(q, off, &c);

	if (!r)
		r = own_l2(q, off, &table);
	if (!r)
		r = is_own(q, &c, &own);
	if (r)
		return r;
	if (own && c.kind == C_DATA) {
		r = qcow2_put(q, c.off + (off & (q->cluster - 1)), buf, n);
		return r || c.copied ? r : put_entry(q, table, off, c.off | E_COPIED, NULL);
	}
	target = c.off;
	if (!own) {
		r = qcow2_alloc(q, &target);
		if (r)
			return r;
	}
	r = fill(q, &c, off, buf, n, target);
	if (!r)
		r = replace(q, table, off, target | E_COPIED, &c, &unused);
	if (r && unused && !own)
		(void)qcow2_free(q, target, 1);
	return r;
}

int qcow2_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	struct qcow2 *q = qcow2_of(b);
	const uint8_t *p = buf;
	int r = begin(q);

	while (len && !r) {
		size_t n = piece(q, off, len);

		r = write_piece(q, off, p, n);
		off += n;
		p += n;
		len -= n;
	}
	return r;
}

/* ---- zeroes --------------------------------------------------------------------------------------- */

static bool below_reads_zero(const struct qcow2 *q, uint64_t off)
{
	return !q->backing || off >= q->backing->size;
}

static int zero_by_writing(struct qcow2 *q, uint64_t off, size_t n)
{
	static const uint8_t zeroes[4096];

	while (n) {
		size_t k = n < sizeof(zeroes) ? n : sizeof(zeroes);
		int r = write_piece(q, off, zeroes, k);

		if (r)
			return r;
		off += k;
		n -= k;
	}
	return 0;
}

/* A cluster of the disk, whole as far as the disk goes; without its cluster in the file. */
static int drop_cluster(struct qcow2 *q, uint64_t off, const struct cluster *c, bool zero)
{
	uint64_t table;
	bool as_was;
	int r = own_l2(q, off, &table);

	return r ? r : replace(q, table, off, zero ? E_ZERO : 0, c, &as_was);
}

static int zero_piece(struct qcow2 *q, uint64_t off, size_t n, bool hint)
{
	bool whole = n == q->cluster || (!(off & (q->cluster - 1)) && off + n == q->blk.size);
	struct cluster c;
	int r = lookup(q, off, &c);

	if (r)
		return r;
	if (c.kind == C_ZERO && (!hint || !c.off))
		return 0;
	if (c.kind == C_NONE && below_reads_zero(q, off))
		return 0;
	if (!whole)
		return hint ? 0 : zero_by_writing(q, off, n);
	if (below_reads_zero(q, off))
		return drop_cluster(q, off, &c, false);
	if (q->version >= 3)
		return drop_cluster(q, off, &c, true);
	return hint ? 0 : zero_by_writing(q, off, n);
}

/* (hint): a part of a cluster may stay as it is. */
static int zero(struct qcow2 *q, uint64_t off, uint64_t len, bool hint)
{
	uint64_t span = (uint64_t)q->cluster << l2_bits(q);
	int r = begin(q);

	while (len && !r) {
		uint64_t n = piece(q, off, len);

		/* Nothing here at all: a guest may zero terabytes. */
		if (!q->l1[l1_index(q, off)] && below_reads_zero(q, off)) {
			n = span - (off & (span - 1));
			n = n < len ? n : len;
		} else {
			r = zero_piece(q, off, (size_t)n, hint);
		}
		off += n;
		len -= n;
	}
	return r;
}

int qcow2_zero(struct blk *b, uint64_t off, uint64_t len)
{
	return zero(qcow2_of(b), off, len, false);
}

int qcow2_discard(struct blk *b, uint64_t off, uint64_t len)
{
	return zero(qcow2_of(b), off, len, true);
}
