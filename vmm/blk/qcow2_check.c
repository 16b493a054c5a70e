/* SPDX-License-Identifier: MIT */
/*
 * qcow2: is an image free of errors? Every reference is counted and compared with what the image
 * says (format "Host cluster management", "Snapshots").
 */
#include <inttypes.h>
#include <stdlib.h>

#include "qcow2_priv.h"

#define OWN 0x80000000u /* written in place: no other reference is allowed */

#define SNAPSHOT_LEN 40u /* bytes of an entry before its variable part */

struct check {
	struct qcow2 *q;
	struct err *err;
	uint64_t nr;	/* clusters of the file */
	uint32_t *refs; /* seen to each, with OWN */
	uint64_t
		budget; /* entries that may still be looked at: hostile tables repeat without end */
};

static int wrong(struct check *k, const char *what, uint64_t at)
{
	return err_set(k->err, -EUCLEAN, "%s at offset %#" PRIx64 " of the file", what, at);
}

/* One more reference to each cluster of [off, off + len); their number may not pass the count. */
static int see(struct check *k, uint64_t off, uint64_t len, uint32_t own)
{
	struct qcow2 *q = k->q;
	uint64_t first = off >> q->cluster_bits, last;

	if (!len || !range_within(off, len, 0, k->nr << q->cluster_bits))
		return wrong(k, "a reference beyond the end of the file", off);
	last = (off + len - 1) >> q->cluster_bits;
	for (uint64_t i = first; i <= last; i++) {
		uint64_t count;
		int r;

		if (k->refs[i] & OWN || (own && k->refs[i]))
			return wrong(k, "tables share a cluster", i << q->cluster_bits);
		r = qcow2_refcount(q, i, &count);
		if (r)
			return r;
		if (++k->refs[i] > count)
			return wrong(k, "a cluster is used more often than counted",
				     i << q->cluster_bits);
		k->refs[i] |= own;
	}
	return 0;
}

static int spend(struct check *k, uint64_t n)
{
	if (k->budget < n)
		return err_set(k->err, -EFBIG, "its tables are too large to be checked");
	k->budget -= n;
	return 0;
}

/* Where the disk is as it is now, an entry says whether its cluster may be written in place. */
static int see_copied(struct check *k, uint64_t off, bool copied, bool now)
{
	uint64_t count;
	int r;

	if (!now || !copied)
		return 0;
	r = qcow2_refcount(k->q, off >> k->q->cluster_bits, &count);
	if (!r && count != 1)
		r = wrong(k, "a shared cluster is marked as not shared", off);
	return r;
}

static int see_l2(struct check *k, uint64_t table, bool now)
{
	struct qcow2 *q = k->q;
	uint32_t nr = q->cluster / 8;
	int r = spend(k, nr);

	if (!r)
		r = qcow2_get(q, table, q->data, q->cluster);
	for (uint32_t i = 0; i < nr && !r; i++) {
		struct cluster c;

		r = qcow2_entry(q, ld_be64(q->data + 8 * i), &c);
		if (r)
			return wrong(k, "an L2 table with an impossible entry", table + 8 * i);
		if (!c.off)
			continue;
		r = see(k, c.off, c.kind == C_COMPRESSED ? c.len : 1, 0);
		if (!r)
			r = see_copied(k, c.off, c.copied, now);
	}
	return r;
}

static int see_l1_entry(struct check *k, uint64_t e, uint64_t at, bool now)
{
	uint64_t table = e & E_OFFSET;
	int r;

	if (e & ~E_L1_KNOWN || table & (k->q->cluster - 1) || (e && !table))
		return wrong(k, "an L1 table with an impossible entry", at);
	if (!table)
		return 0;
	r = see(k, table, k->q->cluster, 0);
	if (!r)
		r = see_copied(k, table, e & E_COPIED, now);
	return r ? r : see_l2(k, table, now);
}

/* An L1 table and all below it. (now): of the disk as it is, else a snapshot's. */
static int see_l1(struct check *k, uint64_t off, uint32_t nr, bool now)
{
	uint8_t be[512];
	int r;

	if (!nr)
		return 0;
	if (off & (k->q->cluster - 1))
		return wrong(k, "an L1 table that is not aligned", off);
	r = spend(k, nr);
	if (!r && !now)
		r = see(k, off, 8ull * nr, 0);
	for (uint32_t i = 0; i < nr && !r; i++) {
		uint32_t in = 8 * i % sizeof(be), left = 8 * (nr - i);

		if (!in)
			r = qcow2_get(k->q, off + 8ull * i, be,
				      left < sizeof(be) ? left : sizeof(be));
		if (!r)
			r = see_l1_entry(k, ld_be64(be + in), off + 8ull * i, now);
	}
	return r;
}

/* What is written in place comes first, so that nothing else may share it. */
static int see_tables(struct check *k)
{
	struct qcow2 *q = k->q;
	uint64_t reftable_len = (uint64_t)q->reftable_clusters << q->cluster_bits;
	int r = see(k, 0, q->cluster, OWN);

	if (!r)
		r = see(k, q->l1_off, 8ull * q->l1_nr, OWN);
	if (!r)
		r = see(k, q->reftable_off, reftable_len, OWN);
	for (uint32_t i = 0; i < q->reftable_nr && !r; i++) {
		uint64_t off = q->reftable[i];

		if (off & (q->cluster - 1))
			r = wrong(k, "a refcount table with an impossible entry",
				  q->reftable_off + 8ull * i);
		else if (off)
			r = see(k, off, q->cluster, OWN);
	}
	return r;
}

static int see_snapshots(struct check *k)
{
	struct qcow2 *q = k->q;
	struct qcow2_snapshot s;
	uint64_t cursor = 0;
	int r;

	while ((r = qcow2_next_snapshot(&q->blk, &cursor, &s)) == 1) {
		r = see_l1(k, s.l1, s.l1_nr, false);
		if (r)
			return r;
	}
	if (r)
		return wrong(k, "a damaged table of snapshots", q->snapshots_off);
	cursor &= UINT32_MAX; /* its length */
	return cursor ? see(k, q->snapshots_off, cursor, 0) : 0;
}

static int count_leaks(struct check *k, uint64_t *leaks)
{
	*leaks = 0;
	for (uint64_t i = 0; i < k->nr; i++) {
		uint64_t count;
		int r = qcow2_refcount(k->q, i, &count);

		if (r)
			return r;
		*leaks += count > (k->refs[i] & ~OWN);
	}
	return 0;
}

int qcow2_check(struct blk *b, uint64_t *leaks, struct err *err)
{
	struct qcow2 *q = qcow2_of(b);
	struct check k = {.q = q, .err = err, .nr = qcow2_clusters(q)};
	int r;

	if (b->read_only)
		return err_set(err, -EROFS, "it is only read: its counts were not looked at");
	if (k.nr > QCOW2_CHECK_MAX)
		return err_set(err, -EFBIG, "over %u clusters: it is too large to be checked",
			       QCOW2_CHECK_MAX);
	/* What an image of this size needs, were all of it in each of a thousand snapshots. */
	k.budget = (1u << 20) + 1024 * k.nr;
	k.refs = calloc(k.nr, sizeof(*k.refs));
	if (!k.refs)
		return err_set(err, -ENOMEM, "no memory to check it");
	if (err)
		err->code = 0;
	r = see_tables(&k);
	if (!r)
		r = see_l1(&k, q->l1_off, q->l1_nr, true);
	if (!r)
		r = see_snapshots(&k);
	if (!r && leaks)
		r = count_leaks(&k, leaks);
	free(k.refs);
	if (r && err && !err->code)
		err_set(err, r, "it cannot be read: error %d", -r);
	return r;
}

/* ---- snapshots ------------------------------------------------------------------------------------ */

/* A string of the table, cut to what there is room for. */
static int text(struct qcow2 *q, uint64_t off, uint32_t len, char *to, size_t room)
{
	size_t n = len < room ? len : room - 1;
	int r = qcow2_get(q, off, to, n);

	to[r ? 0 : n] = 0;
	return r;
}

/* (*cursor) is how many were seen, in its upper half, and how many bytes of the table. */
int qcow2_next_snapshot(struct blk *b, uint64_t *cursor, struct qcow2_snapshot *out)
{
	struct qcow2 *q = qcow2_of(b);
	uint32_t seen = (uint32_t)(*cursor >> 32), at = (uint32_t)*cursor;
	uint64_t off = q->snapshots_off + at, len;
	uint32_t extra, id, name;
	uint8_t e[SNAPSHOT_LEN], size[16];
	int r;

	memset(out, 0, sizeof(*out));
	if (seen >= q->snapshots)
		return 0;
	if (qcow2_get(q, off, e, sizeof(e)))
		return -EIO;
	out->l1 = ld_be64(e);
	out->l1_nr = ld_be32(e + 8);
	id = (uint32_t)e[12] << 8 | e[13];
	name = (uint32_t)e[14] << 8 | e[15];
	out->seconds = ld_be32(e + 16);
	extra = ld_be32(e + 36);
	len = align_up((uint64_t)SNAPSHOT_LEN + extra + id + name, 8);
	/* Together no longer than what the cursor holds: one entry is below 1 MiB. */
	if (extra > 1024 || at + len > UINT32_MAX || out->l1_nr > QCOW2_L1_MAX / 8)
		return -EIO;
	out->size = q->blk.size;
	if (extra >= sizeof(size)) {
		if (qcow2_get(q, off + SNAPSHOT_LEN, size, sizeof(size)))
			return -EIO;
		out->size = ld_be64(size + 8);
	}
	r = text(q, off + SNAPSHOT_LEN + extra, id, out->id, sizeof(out->id));
	if (!r)
		r = text(q, off + SNAPSHOT_LEN + extra + id, name, out->name, sizeof(out->name));
	if (r)
		return -EIO;
	*cursor = (uint64_t)(seen + 1) << 32 | (at + len);
	return 1;
}
