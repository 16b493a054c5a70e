/* SPDX-License-Identifier: MIT */
/*
 * qcow2: disks in QEMU's image format, versions 2 and 3, over a file that the caller gives by four
 * functions. Read and written: plain, zero and unallocated clusters, backing disks; read only:
 * clusters compressed by deflate or zstd (where zlib and libzstd were there when Vise was built) and
 * internal snapshots.
 * Refused by name: encryption, external data files, extended L2 entries, other compressions, and
 * incompatible features that are not known. [hostile: fuzz/targets/qcow2.c]
 *
 * Guarantees: an image's bytes are hostile: no table is larger than QCOW2_L1_MAX or
 * QCOW2_REFTABLE_MAX, none is longer than the file, every offset is checked where it is used; what is
 * wrong reads as -EIO. An image is opened for writing only if it is marked neither dirty nor corrupt
 * and qcow2_check() finds no error in it. From then on the file is written in such an order that
 * after any of its writes, the last one cut short or not, there is no error in it again: a count is
 * raised before a cluster is used, data are there before an entry points to them, and a count is
 * lowered after the last entry is gone. Clusters may be lost to use (leaks), never used twice: by an end
 * between two writes, and where the host refuses a write and then the one that would take it back or
 * repeat it; after one refusal alone there is no leak. Where a new refcount table's place is refused
 * twice, all later changes are -EIO: an image that is opened anew says which one it has.
 * No memory is taken for each request.
 * The caller promises: nobody else writes to the file; one thread a disk.
 * Who frees: blk_close() closes the file and the backing disk; so does a failed qcow2_open().
 */
#ifndef VMM_QCOW2_H
#define VMM_QCOW2_H

#include <vmm/blk.h>

#define QCOW2_MAGIC	   0x514649fbu /* "QFI\xfb", big-endian as all in the format */
#define QCOW2_L1_MAX	   (32u << 20) /* bytes of an L1 table */
#define QCOW2_REFTABLE_MAX (8u << 20)  /* bytes of the refcount table */
#define QCOW2_CHECK_MAX	   (1u << 25)  /* clusters of a file that can be opened for writing */
#define QCOW2_NAME_MAX	   1024u       /* bytes of a backing file's name with its NUL */
#define QCOW2_SNAPSHOTS	   65536u      /* in an image */

struct qcow2_file;

struct qcow2_file_ops {
	/* The number of bytes read, less than (len) only where the file ends; or -errno. */
	int64_t (*read)(struct qcow2_file *f, uint64_t off, void *buf, size_t len);
	/* Behind the end it grows; what lies between is zeroes. 0 or -errno. */
	int (*write)(struct qcow2_file *f, uint64_t off, const void *buf, size_t len);
	/* What was written is as safe as it can be made. 0 or -errno. */
	int (*flush)(struct qcow2_file *f);
	/* These bytes are not wanted any more. NULL: nothing is done. */
	void (*punch)(struct qcow2_file *f, uint64_t off, uint64_t len);
	void (*close)(struct qcow2_file *f);
};

/* Begins every file's instance. */
struct qcow2_file {
	const struct qcow2_file_ops *ops;
	uint64_t len; /* bytes, when it was opened */
};

struct qcow2_opts {
	const char *name; /* of the image, for messages */
	bool read_only;
	const char *
		snapshot; /* read this one, by name or id, not what is now; NULL. Needs read_only */
	/*
	 * Open the disk that an image says it stands on; (format) is "" where it does not say. NULL:
	 * images with a backing file are refused.
	 */
	int (*backing)(void *ctx, const char *name, const char *format, struct blk **out,
		       struct err *err);
	void *ctx;
};

/*
 * Takes (f) over, also when it fails. -EINVAL: no image, or one with impossible numbers; -ENOTSUP: a
 * feature that is refused; -EROFS: dirty or corrupt, and to be written to; -EUCLEAN: see
 * qcow2_check(); -EFBIG: too large for it; -ENOENT: no such snapshot; -EIO, -ENOMEM.
 */
int qcow2_open(struct blk **out, struct qcow2_file *f, const struct qcow2_opts *opts,
	       struct err *err);

/*
 * Is each cluster counted at least as often as it is used, are those that are written in place used
 * once, and does every entry point into the file? Of a disk that qcow2_open() made. *leaks (may be
 * NULL) is how many clusters are counted more often than used. 0, or -EUCLEAN with the first thing
 * that is wrong; -EFBIG: more than QCOW2_CHECK_MAX clusters, or tables that repeat without end;
 * -EROFS: opened for reading only; -EIO, -ENOMEM.
 */
int qcow2_check(struct blk *b, uint64_t *leaks, struct err *err);

struct qcow2_snapshot {
	char id[64], name[256];	 /* cut where they are longer */
	uint64_t l1, size;	 /* where its L1 table is; bytes of its disk */
	uint32_t l1_nr, seconds; /* entries; when it was taken, since 1970 */
};

/*
 * The next snapshot; start with *cursor == 0. 1; 0: there are no more; -EIO: the table is damaged or
 * cannot be read.
 */
int qcow2_next_snapshot(struct blk *b, uint64_t *cursor, struct qcow2_snapshot *out);

#endif
