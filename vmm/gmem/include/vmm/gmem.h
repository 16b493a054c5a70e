/* SPDX-License-Identifier: MIT */
/*
 * gmem: guest-physical memory: regions of RAM and ROM, checked access, dirty pages, code marks,
 * snapshots that restore dirty pages only.
 *
 * Guarantees: no guest-chosen address or length makes any call abort, wrap or touch memory outside
 * the regions. Every region is followed by an inaccessible guard page. Every writer goes through
 * here, so the dirty bitmap is complete (what KVM's guest wrote is merged in by gmem_merge_log()).
 * The caller promises: one thread a gmem; no pointer from gmem_ro()/gmem_rw() is kept across a
 * return to the machine's loop, a reset or a snapshot.
 * Who frees: gmem_free(); gmem_snap_free() for snapshots, which may outlive or precede it.
 *
 * What is judged is read once: copy with gmem_read(), check the copy, use the copy. Pointers are
 * for payload only.
 */
#ifndef VMM_GMEM_H
#define VMM_GMEM_H

#include <vmm/base.h>

#define GMEM_PAGE    4096ull
#define GMEM_MAX     (64ull << 30) /* bytes in all regions together */
#define GMEM_TOP     (1ull << 52)  /* no region reaches beyond: MAXPHYADDR's upper limit */
#define GMEM_REGIONS 16		   /* at most */

enum gmem_kind {
	GMEM_RAM,
	GMEM_ROM /* the guest and devices read; gmem_place() alone writes */
};

struct gmem;
struct gmem_snap;

/* What a back end maps: a region as it is now. */
struct gmem_region {
	uint64_t gpa, len; /* multiples of GMEM_PAGE */
	enum gmem_kind kind;
	uint8_t *host;
	unsigned id; /* 0 to GMEM_REGIONS - 1, stable while the region is there */
};

int gmem_new(struct gmem **out, struct err *err);
void gmem_free(struct gmem *g); /* NULL is fine */

/*
 * Add a zeroed region. -EINVAL (not page multiples, empty, above GMEM_TOP), -EEXIST (overlaps),
 * -E2BIG (over GMEM_MAX or GMEM_REGIONS), -ENOMEM.
 */
int gmem_add(struct gmem *g, uint64_t gpa, uint64_t len, enum gmem_kind kind, struct err *err);

/* Take the region that starts at (gpa) away, its contents with it. -ENOENT. */
int gmem_remove(struct gmem *g, uint64_t gpa);

/*
 * Regions in ascending order of gpa; fill in *r for the (i)-th and return true, or false past the
 * end. gmem_generation() changes with every add and remove, so a back end knows when to look.
 */
bool gmem_region(const struct gmem *g, unsigned i, struct gmem_region *r);
unsigned gmem_generation(const struct gmem *g);

/* The bytes of RAM in all regions, and the end of RAM below (limit) that starts at address 0. */
uint64_t gmem_ram_size(const struct gmem *g);
uint64_t gmem_low_end(const struct gmem *g, uint64_t limit);

/* ---- access ------------------------------------------------------------------------------- */

/* NULL unless all of it is one piece of RAM or ROM. len 0: NULL unless gpa lies in a region. */
const void *gmem_ro(struct gmem *g, uint64_t gpa, uint64_t len);

/* NULL unless all of it is one piece of RAM; marks its pages dirty and their code marks stale. */
void *gmem_rw(struct gmem *g, uint64_t gpa, uint64_t len);

/*
 * Copy; may span adjacent regions; all or nothing. -EFAULT if any byte is not there (for write:
 * not RAM); len 0 is fine anywhere. (buf) may lie in guest memory itself, overlapping. A read hook
 * (below) may change memory after the copy.
 */
int gmem_read(struct gmem *g, uint64_t gpa, void *buf, uint64_t len);
int gmem_write(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len);

/*
 * As gmem_write, but ROM is written too (and its pages become dirty): for loaders and debuggers.
 * gmem_set: fill with (byte); cheap for large runs of zero.
 */
int gmem_place(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len);
int gmem_set(struct gmem *g, uint64_t gpa, uint8_t byte, uint64_t len);

/*
 * Whole pages of RAM that nobody needs go back to the host: they read as zero, and are dirty, as if
 * zeroes were written. All or nothing: -EINVAL: no page multiples; -EFAULT: not all of it is RAM.
 */
int gmem_discard(struct gmem *g, uint64_t gpa, uint64_t len);

/*
 * Double-fetch detection: called after each gmem_read() has copied, with what was read; may write
 * to memory by gmem_write(). NULL takes it away. Fuzz builds use it.
 */
typedef void (*gmem_read_hook)(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len);
void gmem_set_read_hook(struct gmem *g, gmem_read_hook fn, void *ctx);
/*
 * Who stored what: called after each gmem_write() that was done, and for each gmem_rw(), with the bytes
 * that it covers. NULL takes it away. Fuzz builds judge each store of a device by it.
 */
typedef void (*gmem_write_hook)(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len);
void gmem_set_write_hook(struct gmem *g, gmem_write_hook fn, void *ctx);

/* ---- dirty pages and code marks ------------------------------------------------------------ */

/* Mark [gpa, gpa + len) as written; what is outside of RAM is ignored. */
void gmem_mark_dirty(struct gmem *g, uint64_t gpa, uint64_t len);

/* Merge KVM's dirty log for region (id): one bit a page, words of 64 bits, host order. */
void gmem_merge_log(struct gmem *g, unsigned id, const uint64_t *bitmap, size_t words);

/* Was the page of (gpa) written since the last snapshot, restore or clear? */
bool gmem_is_dirty(const struct gmem *g, uint64_t gpa);
/* Where pages were dirty this also forgets the base snapshot: its next restore copies everything.
 */
void gmem_clear_dirty(struct gmem *g);
/*
 * Changes whenever dirty bits are cleared (a snapshot, a restore, gmem_clear_dirty()): a back end that
 * writes through pointers of its own must then get them from gmem_rw() again.
 */
unsigned gmem_cleanings(const struct gmem *g);
/* The number of dirty pages, and the gpa of each by ascending order through (fn). */
uint64_t gmem_dirty_count(const struct gmem *g);
void gmem_dirty_each(const struct gmem *g, void (*fn)(void *ctx, uint64_t gpa), void *ctx);

/*
 * A page holds decoded code: any later write to it clears the mark and calls the stale hook with
 * the page's gpa, before the write returns; so do a restore that may change it and the removal of
 * its region. The hook may mark pages and read, not add, remove, restore.
 */
void gmem_mark_code(struct gmem *g, uint64_t gpa);
typedef void (*gmem_stale_hook)(void *ctx, uint64_t gpa);
void gmem_set_stale_hook(struct gmem *g, gmem_stale_hook fn, void *ctx);

/* ---- whole memory --------------------------------------------------------------------------- */

/*
 * A copy of all regions. Taking it clears the dirty bitmap; restoring writes back the pages that
 * are dirty since the snapshot was taken or last restored, so it costs what was changed.
 * A gmem remembers ONE base snapshot; restoring another one copies everything. The regions at
 * restore must be those at snap (-EINVAL else). Copies only pages that are not all zero.
 */
int gmem_snap(struct gmem *g, struct gmem_snap **out, struct err *err);
int gmem_restore(struct gmem *g, const struct gmem_snap *s);
void gmem_snap_free(struct gmem_snap *s);

/*
 * Hash over every region's gpa, length, kind and the (address, content) of its pages that are not
 * all zero: equal for equal contents, whatever was touched.
 */
uint64_t gmem_hash(const struct gmem *g, uint64_t seed);

#endif
