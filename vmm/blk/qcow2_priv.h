/* SPDX-License-Identifier: MIT */
/*
 * qcow2_priv: what the files of the image format share. The layout is that of docs/interop/qcow2 in
 * QEMU's sources, cited as "format" with its chapter.
 */
#ifndef VMM_BLK_QCOW2_PRIV_H
#define VMM_BLK_QCOW2_PRIV_H

#include <errno.h>

#include <vmm/qcow2.h>

#define CLUSTER_BITS_MIN 9u
#define CLUSTER_BITS_MAX 21u

/* The header, format "Header": where its fields lie. */
#define H_BACKING_OFFSET   8u
#define H_BACKING_SIZE	   16u
#define H_CLUSTER_BITS	   20u
#define H_SIZE		   24u
#define H_CRYPT		   32u
#define H_L1_SIZE	   36u
#define H_L1_OFFSET	   40u
#define H_REFTABLE_OFFSET  48u
#define H_REFTABLE_NR	   56u /* in clusters; follows the offset, both change in one write */
#define H_SNAPSHOTS	   60u
#define H_SNAPSHOTS_OFFSET 64u
#define H_V2_LEN	   72u
#define H_INCOMPATIBLE	   72u
#define H_AUTOCLEAR	   88u
#define H_REFCOUNT_ORDER   96u
#define H_LENGTH	   100u
#define H_V3_LEN	   104u
#define H_COMPRESSION	   104u

#define F_DIRTY	      0x1u
#define F_CORRUPT     0x2u
#define F_COMPRESSION 0x8u

#define COMPRESSION_ZSTD 1u

/* L1 and L2 entries, format "Cluster mapping". */
#define E_COPIED     (1ull << 63)
#define E_COMPRESSED (1ull << 62)
#define E_ZERO	     1ull
#define E_OFFSET     0x00fffffffffffe00ull
#define E_L1_KNOWN   (E_COPIED | E_OFFSET)
#define E_L2_KNOWN   (E_COPIED | E_OFFSET | E_ZERO)

#define REFTABLE_OFFSET (~0x1ffull)

enum cluster_kind { C_NONE, C_ZERO, C_DATA, C_COMPRESSED };

/* An L2 entry taken apart. */
struct cluster {
	enum cluster_kind kind;
	bool copied;
	uint64_t off; /* in the file; 0: C_NONE, or C_ZERO without a cluster of its own */
	uint32_t len; /* C_COMPRESSED: bytes to the end of its last sector */
};

/* One cluster of tables as it is in the file. */
struct slot {
	uint64_t off, used; /* 0: empty; when it was used last */
	uint8_t *p;
};

#define SLOTS_MAX 64u

struct qcow2 {
	struct blk blk;
	struct qcow2_file *file;
	struct blk *backing; /* NULL: zeroes */
	uint64_t len;	     /* bytes of the file, as far as it is ours */
	uint32_t version, cluster_bits, cluster;
	uint32_t order;	     /* a count has 1 << order bits */
	uint32_t block_bits; /* a refcount block has 1 << block_bits counts */
	uint64_t l1_off, reftable_off, snapshots_off, autoclear;
	uint32_t l1_nr; /* entries */
	uint32_t reftable_nr, reftable_clusters, snapshots;
	uint64_t *l1, *reftable; /* as in the file, in host order */
	uint64_t hint;		 /* no cluster below is free */
	bool written;		 /* the first change has come */
	bool broken; /* nobody knows which refcount table the file has: no more changes */
	bool zstd;   /* what clusters are compressed by; else deflate */
	uint64_t ticks;
	uint32_t slots_nr;
	struct slot slots[SLOTS_MAX];
	uint8_t *data, *meta; /* a cluster each: guest bytes, tables */
	/* The last compressed cluster: what it was in the file, and its contents. */
	uint8_t *packed, *unpacked;
	uint64_t unpacked_off;
	uint32_t unpacked_len;
};

static inline struct qcow2 *qcow2_of(struct blk *b)
{
	return container_of(b, struct qcow2, blk);
}

/* Clusters that the file reaches into. */
static inline uint64_t qcow2_clusters(const struct qcow2 *q)
{
	return (q->len >> q->cluster_bits) + !!(q->len & (q->cluster - 1));
}

/*
 * Bytes of the file. The last cluster is as if it were whole, zeroes behind the end; beyond it, and
 * where the file became shorter: -EIO.
 */
int qcow2_get(struct qcow2 *q, uint64_t off, void *buf, size_t len);
int qcow2_put(struct qcow2 *q, uint64_t off, const void *buf, size_t len);

/* A table's cluster. *p holds until two more were asked for. */
int qcow2_table(struct qcow2 *q, uint64_t off, uint8_t **p);
/*
 * Change (n) bytes at (at) of it, in the file and in memory. Where it fails, what was there is written
 * again: *as_was (may be NULL) says whether that is in the file for certain.
 */
int qcow2_table_put(struct qcow2 *q, uint64_t off, uint32_t at, const void *bytes, uint32_t n,
		    bool *as_was);
void qcow2_table_drop(struct qcow2 *q, uint64_t off);

/* An L2 entry by the format's rules; -EIO: it breaks them, or points out of the file. */
int qcow2_entry(const struct qcow2 *q, uint64_t e, struct cluster *c);

/* Counts. The cluster that qcow2_alloc() gives is counted once and holds anything. */
int qcow2_refcount(struct qcow2 *q, uint64_t index, uint64_t *count);
int qcow2_alloc(struct qcow2 *q, uint64_t *off);
int qcow2_free(struct qcow2 *q, uint64_t off, uint64_t len); /* one less for each touched */

/* The operations of a disk; and unpacking: q->unpacked is what the compressed (c) holds. */
int qcow2_read(struct blk *b, uint64_t off, void *buf, size_t len);
int qcow2_write(struct blk *b, uint64_t off, const void *buf, size_t len);
int qcow2_zero(struct blk *b, uint64_t off, uint64_t len);
int qcow2_discard(struct blk *b, uint64_t off, uint64_t len);
int qcow2_unpack(struct qcow2 *q, const struct cluster *c);

#endif
