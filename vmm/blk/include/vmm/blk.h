/* SPDX-License-Identifier: MIT */
/*
 * blk: what a disk's bytes are kept in: memory, a raw file, a qcow2 image (see qcow2.h), or a layer of
 * changes over any of them.
 *
 * Guarantees: every access is checked against the size and against read-only here, before a back end
 * sees it, and is all or nothing as far as the caller can tell: after an error the bytes of that range
 * are unknown, others are as they were. Memory is taken for what was written, by chunks of BLK_CHUNK
 * bytes, never for the size that was claimed. What blk_flush() has returned 0 for is as safe as the
 * host can make it. A file that became shorter reads as -EIO there, never as a signal.
 * The caller promises: one thread a disk; the disk below an overlay is used through the overlay alone.
 * Who frees: blk_close(), an overlay its lower disk with it.
 */
#ifndef VMM_BLK_H
#define VMM_BLK_H

#include <vmm/base.h>
#include <vmm/stats.h>

#define BLK_SECTOR 512u
#define BLK_CHUNK  65536u	/* bytes; what memory is taken by */
#define BLK_MAX	   (1ull << 44) /* bytes of the largest disk: 16 TiB */

struct blk;

/* A back end. Offsets and lengths are checked, and multiples of nothing. All return 0 or -errno. */
struct blk_ops {
	const char *name;
	int (*read)(struct blk *b, uint64_t off, void *buf, size_t len);
	int (*write)(struct blk *b, uint64_t off, const void *buf, size_t len);
	int (*flush)(struct blk *b);
	/* The range reads as zeroes afterwards. */
	int (*zero)(struct blk *b, uint64_t off, uint64_t len);
	/* The bytes are not wanted any more: they read as zeroes or as before. NULL: nothing is done. */
	int (*discard)(struct blk *b, uint64_t off, uint64_t len);
	/* Remember this state (one at a time), and go back to it. NULL: cannot. */
	int (*mark)(struct blk *b);
	int (*rewind)(struct blk *b);
	void (*close)(struct blk *b);
};

/* What a disk was asked for by the functions below; no part of its state. */
struct blk_stats {
	uint64_t reads, writes, zeroes, discards, flushes, errors;
	uint64_t bytes_read, bytes_written;
	struct stats_hist read_size, write_size;
};
extern const struct stats_entry blk_stats_table[];

/* Begins every back end's instance. */
struct blk {
	const struct blk_ops *ops;
	uint64_t size; /* bytes */
	bool read_only;
	struct blk_stats stats;
};

/*
 * -EINVAL: the range is not wholly on the disk; -EROFS: written to and read-only; -EIO, -ENOSPC, ...:
 * what the host says; -ENOMEM.
 */
int blk_read(struct blk *b, uint64_t off, void *buf, size_t len);
int blk_write(struct blk *b, uint64_t off, const void *buf, size_t len);
int blk_zero(struct blk *b, uint64_t off, uint64_t len);
int blk_discard(struct blk *b, uint64_t off, uint64_t len);
int blk_flush(struct blk *b);
void blk_close(struct blk *b); /* NULL: nothing */

/*
 * For snapshots: keep what is now, so that blk_rewind() brings it back, any number of times, until the
 * next blk_mark(). -ENOTSUP: this back end cannot; put an overlay over it.
 */
int blk_mark(struct blk *b);
int blk_rewind(struct blk *b);

/* Zeroes, (size) bytes: a multiple of BLK_SECTOR up to BLK_MAX, else -EINVAL. -ENOMEM. */
int blk_mem_new(struct blk **out, uint64_t size, struct err *err);
/*
 * The file as it is; its size rounded down to a sector. -ENOENT, -EACCES, -EINVAL (no regular file or
 * block device, or shorter than a sector), -EAGAIN (someone else has it open for writing), ...
 */
int blk_raw_open(struct blk **out, const char *path, bool read_only, struct err *err);
/*
 * An image in QEMU's format, with the files that it stands on; their names are relative to its folder,
 * at most 16 stand on each other. (snapshot): read that one, by name or id; NULL: what is now. As
 * blk_raw_open() and qcow2_open(); -ELOOP: it stands on itself, or on too many.
 */
int blk_qcow2_open(struct blk **out, const char *path, bool read_only, const char *snapshot,
		   struct err *err);
/*
 * Changes stay in memory, the lower disk is only read. Takes (lower) over, also when it fails.
 */
int blk_overlay_new(struct blk **out, struct blk *lower, struct err *err);

/*
 * From text: `mem:SIZE` (with k, M, G), `raw:FILE`, `qcow2:FILE` or `FILE` (qcow2 if it begins as such
 * an image does, else raw), followed by any of `,ro` (read-only), `,rw` (changes go to the file;
 * without it they stay in memory), `,snapshot=NAME` (of an image, not with rw). A raw file opened
 * without `raw:` refuses (-EPERM) a write that would make it begin as an image: opened again, that
 * could name any file of the host. -EINVAL names what is wrong.
 */
int blk_open(struct blk **out, const char *spec, struct err *err);

#endif
