/* SPDX-License-Identifier: MIT */
/* qcow2: an image is opened: its header is judged (format "Header"), its tables are read. */
#include <inttypes.h>
#include <stdlib.h>

#include <unpack_config.h> /* generated: is there libzstd? */

#include "qcow2_priv.h"

#define TABLES_KEPT (1u << 20) /* bytes of them, but four at least */

/* Format "Header extensions". */
#define X_END		 0u
#define X_BACKING_FORMAT 0xe2792acau
#define X_FEATURE_NAMES	 0x6803f857u
#define FEATURE_LEN	 48u

/* What is found in the first cluster beside numbers. */
struct names {
	char format[32];  /* of the backing file; empty: not said */
	char unknown[48]; /* the name of the incompatible feature asked for */
};

/* ---- the header ------------------------------------------------------------------------------------ */

static int refuse(struct err *err, const struct qcow2_opts *o, int code, const char *what)
{
	return err_set(err, code, "disk %.120s: %s", o->name, what);
}

/* The name that the image itself gives to bit (bit) of the incompatible features. */
static void find_feature(const uint8_t *p, uint32_t len, unsigned bit, struct names *n)
{
	for (; len >= FEATURE_LEN; p += FEATURE_LEN, len -= FEATURE_LEN)
		if (p[0] == 0 && p[1] == bit) {
			memcpy(n->unknown, p + 2, FEATURE_LEN - 2);
			n->unknown[FEATURE_LEN - 2] = 0;
		}
}

/* Extensions lie between the header and the first cluster's end. */
static void read_extensions(const uint8_t *p, uint32_t at, uint32_t end, unsigned bit,
			    struct names *n)
{
	memset(n, 0, sizeof(*n));
	while (end - at >= 8) {
		uint32_t type = ld_be32(p + at), len = ld_be32(p + at + 4);

		at += 8;
		if (type == X_END || len > end - at)
			return;
		if (type == X_BACKING_FORMAT && len < sizeof(n->format)) {
			memcpy(n->format, p + at, len);
			n->format[len] = 0;
		} else if (type == X_FEATURE_NAMES) {
			find_feature(p + at, len, bit, n);
		}
		len = (uint32_t)align_up(len, 8);
		if (len > end - at)
			return;
		at += len;
	}
}

static int check_features(const uint8_t *p, uint32_t header_len, uint32_t cluster,
			  const struct qcow2_opts *o, struct err *err)
{
	uint64_t features = ld_be64(p + H_INCOMPATIBLE);
	struct names n;
	unsigned bit;

	if (features & F_CORRUPT && !o->read_only)
		return refuse(err, o, -EROFS,
			      "it is marked corrupt: open it with ,ro or repair it with qemu-img");
	if (features & F_DIRTY && !o->read_only)
		return refuse(err, o, -EROFS,
			      "it is marked dirty, its reference counts may be wrong: open it with "
			      ",ro or repair it with qemu-img check -r all");
	features &= ~(uint64_t)(F_DIRTY | F_CORRUPT | F_COMPRESSION);
	if (!features)
		return 0;
	bit = (unsigned)__builtin_ctzll(features);
	if (bit == 2)
		return refuse(err, o, -ENOTSUP,
			      "it keeps its data in another file (external data)");
	if (bit == 4)
		return refuse(err, o, -ENOTSUP, "it has extended L2 entries (subclusters)");
	read_extensions(p, header_len, cluster, bit, &n);
	return err_set(err, -ENOTSUP,
		       "disk %.120s: it needs feature %u \"%.46s\", which is not known here",
		       o->name, bit, n.unknown);
}

/* Format "compression_type": there is a bit for what is not deflate, and a byte that says what it is. */
static int judge_compression(struct qcow2 *q, const uint8_t *p, uint32_t header_len,
			     const struct qcow2_opts *o, struct err *err)
{
	uint8_t type = header_len > H_COMPRESSION ? p[H_COMPRESSION] : 0;

	if (!(ld_be64(p + H_INCOMPATIBLE) & F_COMPRESSION))
		return type ? refuse(err, o, -EINVAL, "a compression type without its feature bit")
			    : 0;
	if (!type)
		return refuse(err, o, -EINVAL, "a compression type's feature bit without one");
	if (type != COMPRESSION_ZSTD)
		return err_set(err, -ENOTSUP,
			       "disk %.120s: its clusters are compressed by method %u: deflate "
			       "and zstd are known",
			       o->name, type);
	if (!UNPACK_WITH_ZSTD)
		return refuse(err, o, -ENOTSUP,
			      "its clusters are compressed by zstd: install libzstd's headers and "
			      "build Vise again, or convert it with qemu-img");
	q->zstd = true;
	return 0;
}

/* Numbers of the header into (q); the cluster size is known already and (p) is the first one. */
static int judge_header(struct qcow2 *q, const uint8_t *p, uint32_t header_len,
			const struct qcow2_opts *o, struct err *err)
{
	uint32_t crypt = ld_be32(p + H_CRYPT), per = q->cluster / 8;
	uint64_t size = ld_be64(p + H_SIZE), need;
	int r;

	if (crypt)
		return refuse(err, o, -ENOTSUP,
			      crypt == 1 ? "it is encrypted (AES)" : "it is encrypted (LUKS)");
	q->order = 4;
	if (q->version >= 3) {
		r = check_features(p, header_len, q->cluster, o, err);
		if (r)
			return r;
		q->order = ld_be32(p + H_REFCOUNT_ORDER);
		q->autoclear = ld_be64(p + H_AUTOCLEAR);
		r = judge_compression(q, p, header_len, o, err);
		if (r)
			return r;
	}
	if (q->order > 6)
		return refuse(err, o, -EINVAL, "a refcount order over 6");
	q->block_bits = q->cluster_bits + 3 - q->order;
	q->blk.size = align_down(size, BLK_SECTOR);
	if (size < BLK_SECTOR || size > BLK_MAX)
		return err_set(err, -EINVAL,
			       "disk %.120s: %" PRIu64 " bytes: a disk has 512 bytes to 16 TiB",
			       o->name, size);
	q->l1_off = ld_be64(p + H_L1_OFFSET);
	q->l1_nr = ld_be32(p + H_L1_SIZE);
	q->reftable_off = ld_be64(p + H_REFTABLE_OFFSET);
	q->reftable_clusters = ld_be32(p + H_REFTABLE_NR);
	q->snapshots = ld_be32(p + H_SNAPSHOTS);
	q->snapshots_off = ld_be64(p + H_SNAPSHOTS_OFFSET);
	need = (size + ((uint64_t)q->cluster * per - 1)) >> q->cluster_bits >>
	       (q->cluster_bits - 3);
	if (q->l1_nr > QCOW2_L1_MAX / 8 || q->l1_nr < need)
		return refuse(err, o, -EINVAL,
			      "its L1 table is too long, or too short for its size");
	if (q->l1_off & (q->cluster - 1) || q->reftable_off & (q->cluster - 1) ||
	    q->snapshots_off & (q->cluster - 1))
		return refuse(err, o, -EINVAL, "a table that does not start with a cluster");
	if (!q->reftable_clusters ||
	    (uint64_t)q->reftable_clusters << q->cluster_bits > QCOW2_REFTABLE_MAX)
		return refuse(err, o, -EINVAL, "its refcount table is too long, or empty");
	if (q->snapshots > QCOW2_SNAPSHOTS)
		return refuse(err, o, -EINVAL, "it has over 65536 snapshots");
	return 0;
}

/* ---- what is behind it ------------------------------------------------------------------------------ */

static int open_backing(struct qcow2 *q, const uint8_t *p, uint32_t header_len,
			const struct qcow2_opts *o, struct err *err)
{
	uint64_t off = ld_be64(p + H_BACKING_OFFSET);
	uint32_t len = ld_be32(p + H_BACKING_SIZE);
	char name[QCOW2_NAME_MAX];
	struct names n;

	if (!off)
		return 0;
	if (!len || len >= sizeof(name) || !range_within(off, len, 0, q->cluster) ||
	    memchr(p + off, 0, len))
		return refuse(err, o, -EINVAL, "the name of its backing file is impossible");
	memcpy(name, p + off, len);
	name[len] = 0;
	read_extensions(p, header_len, off > header_len ? (uint32_t)off : header_len, 0, &n);
	if (!o->backing)
		return refuse(err, o, -ENOTSUP, "it has a backing file");
	return o->backing(o->ctx, name, n.format, &q->backing, err);
}

/* A table of (nr) numbers; NULL, and *r says why. It is no longer than the file. */
static uint64_t *read_table(struct qcow2 *q, uint64_t off, uint32_t nr, uint64_t mask, int *r)
{
	uint64_t *t;

	*r = -EINVAL;
	if (!off || !range_within(off, 8ull * nr, 0, qcow2_clusters(q) << q->cluster_bits))
		return NULL;
	t = malloc(8ull * nr + 8);
	if (!t) {
		*r = -ENOMEM;
		return NULL;
	}
	*r = qcow2_get(q, off, t, 8ull * nr);
	if (*r) {
		free(t);
		return NULL;
	}
	for (uint32_t i = 0; i < nr; i++)
		t[i] = ld_be64(&t[i]) & mask;
	return t;
}

static int read_tables(struct qcow2 *q, const struct qcow2_opts *o, struct err *err)
{
	int r;

	q->l1 = read_table(q, q->l1_off, q->l1_nr, UINT64_MAX, &r);
	if (r)
		return refuse(err, o, r, "its L1 table cannot be read");
	if (o->read_only)
		return 0; /* counts are not looked at: they may be wrong or gone */
	q->reftable_nr = q->reftable_clusters << (q->cluster_bits - 3);
	q->reftable = read_table(q, q->reftable_off, q->reftable_nr, REFTABLE_OFFSET, &r);
	if (r)
		return refuse(err, o, r, "its refcount table cannot be read");
	r = qcow2_check(&q->blk, NULL, err);
	return r ? err_prefix(err, "disk %.100s: not opened for writing", o->name), r : 0;
}

/* The disk as it was: the snapshot's L1 table takes the place of ours. */
static int go_to_snapshot(struct qcow2 *q, const struct qcow2_opts *o, struct err *err)
{
	uint64_t cursor = 0, span = (uint64_t)q->cluster << (q->cluster_bits - 3);
	struct qcow2_snapshot s;
	int r;

	while ((r = qcow2_next_snapshot(&q->blk, &cursor, &s)) == 1)
		if (!strcmp(s.name, o->snapshot) || !strcmp(s.id, o->snapshot))
			break;
	if (r < 0)
		return refuse(err, o, r, "its table of snapshots is damaged");
	if (!r)
		return err_set(err, -ENOENT, "disk %.100s: there is no snapshot %.80s", o->name,
			       o->snapshot);
	if (!o->read_only)
		return refuse(err, o, -EINVAL, "a snapshot cannot be written to");
	if (s.size < BLK_SECTOR || s.size > BLK_MAX || s.l1 & (q->cluster - 1) ||
	    s.l1_nr < (s.size + span - 1) / span)
		return refuse(err, o, -EINVAL, "that snapshot's tables are impossible");
	free(q->l1);
	q->l1 = read_table(q, s.l1, s.l1_nr, UINT64_MAX, &r);
	if (r)
		return refuse(err, o, r, "that snapshot's L1 table cannot be read");
	q->l1_off = s.l1;
	q->l1_nr = s.l1_nr;
	q->blk.size = align_down(s.size, BLK_SECTOR);
	return 0;
}

static int take_buffers(struct qcow2 *q)
{
	q->data = malloc(q->cluster);
	q->meta = malloc(q->cluster);
	q->packed = malloc(2ull * q->cluster);
	q->unpacked = malloc(q->cluster);
	q->slots_nr = TABLES_KEPT >> q->cluster_bits;
	if (q->slots_nr < 4)
		q->slots_nr = 4;
	if (q->slots_nr > SLOTS_MAX)
		q->slots_nr = SLOTS_MAX;
	return q->data && q->meta && q->packed && q->unpacked ? 0 : -ENOMEM;
}

static int open_image(struct qcow2 *q, const struct qcow2_opts *o, struct err *err)
{
	uint8_t head[H_V3_LEN];
	uint32_t header_len = H_V2_LEN;
	int64_t n = q->file->ops->read(q->file, 0, head, sizeof(head));
	int r;

	if (n < 0)
		return refuse(err, o, (int)n, "it cannot be read");
	if (n < H_V2_LEN || ld_be32(head) != QCOW2_MAGIC)
		return refuse(err, o, -EINVAL, "this is no qcow2 image");
	q->version = ld_be32(head + 4);
	if (q->version != 2 && q->version != 3)
		return err_set(err, -ENOTSUP, "disk %.120s: qcow2 version %u: 2 and 3 are known",
			       o->name, q->version);
	q->cluster_bits = ld_be32(head + H_CLUSTER_BITS);
	if (q->cluster_bits < CLUSTER_BITS_MIN || q->cluster_bits > CLUSTER_BITS_MAX)
		return refuse(err, o, -EINVAL, "its clusters have not 512 bytes to 2 MiB");
	q->cluster = 1u << q->cluster_bits;
	q->len = q->file->len;
	if (q->version >= 3)
		header_len = n < H_V3_LEN ? 0 : ld_be32(head + H_LENGTH);
	if (header_len < (q->version >= 3 ? H_V3_LEN : H_V2_LEN) || header_len % 8 ||
	    header_len > q->cluster)
		return refuse(err, o, -EINVAL, "an impossible length of its header");
	if (take_buffers(q))
		return refuse(err, o, -ENOMEM, "no memory for it");
	r = qcow2_get(q, 0, q->data, q->cluster);
	if (r)
		return refuse(err, o, r, "it cannot be read");
	r = judge_header(q, q->data, header_len, o, err);
	if (!r)
		r = open_backing(q, q->data, header_len, o, err);
	if (!r)
		r = read_tables(q, o, err);
	if (!r && o->snapshot)
		r = go_to_snapshot(q, o, err);
	return r;
}

/* ---- a disk ------------------------------------------------------------------------------------------ */

static int qcow2_flush(struct blk *b)
{
	struct qcow2 *q = qcow2_of(b);

	return q->file->ops->flush(q->file);
}

static void qcow2_close(struct blk *b)
{
	struct qcow2 *q = qcow2_of(b);

	for (uint32_t i = 0; i < q->slots_nr; i++)
		free(q->slots[i].p);
	free(q->l1);
	free(q->reftable);
	free(q->data);
	free(q->meta);
	free(q->packed);
	free(q->unpacked);
	blk_close(q->backing);
	q->file->ops->close(q->file);
	free(q);
}

static const struct blk_ops qcow2_ops = {
	.name = "qcow2",
	.read = qcow2_read,
	.write = qcow2_write,
	.flush = qcow2_flush,
	.zero = qcow2_zero,
	.discard = qcow2_discard,
	.close = qcow2_close,
};

int qcow2_open(struct blk **out, struct qcow2_file *f, const struct qcow2_opts *opts,
	       struct err *err)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	int r;

	*out = NULL;
	if (!q) {
		f->ops->close(f);
		return err_set(err, -ENOMEM, "no memory for disk %.120s", opts->name);
	}
	q->blk.ops = &qcow2_ops;
	q->blk.read_only = opts->read_only;
	q->file = f;
	r = open_image(q, opts, err);
	if (r) {
		qcow2_close(&q->blk);
		return r;
	}
	*out = &q->blk;
	return 0;
}
