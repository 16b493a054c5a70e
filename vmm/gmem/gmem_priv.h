/* SPDX-License-Identifier: MIT */
/*
 * What the files of gmem share: a region with its dirty and code bitmaps, and the page walk.
 *
 * The dirty bitmap has three levels: a bit a page, a bit for each word of those that is not zero,
 * and again. The top level of the largest region is 64 words, so walking the dirty pages
 * costs about what is dirty, and always goes up in address.
 */
#ifndef GMEM_PRIV_H
#define GMEM_PRIV_H

#include <vmm/gmem.h>

#define GMEM_SHIFT  12
#define BITS	    64u
#define WORDS(bits) (((bits) + BITS - 1) / BITS)

struct region {
	uint64_t gpa, len; /* len 0: the slot is free */
	uint8_t *host;
	enum gmem_kind kind;
	unsigned id;
	uint64_t pages, words0, words1, words2;
	uint64_t nr_dirty;		   /* bits set in (dirty) */
	uint64_t *dirty, *dirty1, *dirty2; /* one allocation; dirty owns it */
	uint64_t *code;			   /* in the same allocation */
};

/* A name for "the contents at one moment" that no later snapshot can have while it is held. */
struct token {
	unsigned refs; /* atomic: a snapshot may be freed by another thread than its gmem's */
};

struct gmem {
	struct region *hit; /* the region that was used last; &none at first; never NULL */
	struct region slots[GMEM_REGIONS];
	struct region none;		    /* len 0: contains nothing */
	struct region *order[GMEM_REGIONS]; /* the used slots by ascending gpa */
	unsigned nregions, generation, cleanings;
	uint64_t dirty_pages, total; /* total: bytes in all regions */
	struct token *base; /* of the snapshot that the dirty bitmap is relative to, or NULL */
	gmem_read_hook read_hook;
	void *read_ctx;
	gmem_write_hook write_hook;
	void *write_ctx;
	gmem_stale_hook stale_hook;
	void *stale_ctx;
};

/* The region that holds (gpa), or NULL. */
struct region *gmem_find_slow(struct gmem *g, uint64_t gpa);
const struct region *gmem_find_const(const struct gmem *g, uint64_t gpa);

static inline struct region *gmem_find(struct gmem *g, uint64_t gpa)
{
	struct region *r = g->hit;

	return gpa - r->gpa < r->len ? r : gmem_find_slow(g, gpa);
}

/* Mark (len) > 0 bytes at (off) of (r) as written: dirty, and code there stale. */
void gmem_mark_slow(struct gmem *g, struct region *r, uint64_t off, uint64_t len);

static inline void gmem_mark(struct gmem *g, struct region *r, uint64_t off, uint64_t len)
{
	uint64_t first = off >> GMEM_SHIFT, last = (off + len - 1) >> GMEM_SHIFT;
	uint64_t bit = 1ull << first % BITS, w = first / BITS;

	if (first != last || !(r->dirty[w] & bit) || (r->code[w] & bit))
		gmem_mark_slow(g, r, off, len);
}

/* Clear the code marks (bits) of word (w) and tell the hook. */
void gmem_stale(struct gmem *g, struct region *r, uint64_t w, uint64_t bits);

/* All marks of (r) stale: its contents changed as a whole. */
void gmem_stale_all(struct gmem *g, struct region *r);

/* The next dirty page of (r) at or after (page), or r->pages. */
uint64_t gmem_dirty_next(const struct region *r, uint64_t page);

/* No page of it is dirty. */
static inline bool gmem_is_clean(const struct region *r)
{
	return !r->nr_dirty;
}

/* Clean all of (r); the count in (g) follows. */
void gmem_clean(struct gmem *g, struct region *r);

/* Dirty bits no longer say what differs from the base snapshot. */
void gmem_drop_base(struct gmem *g);
void gmem_token_put(struct token *t);

/* Anonymous memory of (len) bytes with a guard page behind it, or NULL. */
uint8_t *gmem_map(uint64_t len);
void gmem_unmap(uint8_t *p, uint64_t len);

bool gmem_page_is_zero(const uint8_t *p);

/*
 * A walk over the pages at (host) that may hold something, in ascending order. The kernel is asked
 * which pages were ever touched; looking at an untouched one would fault it in, 32,768 times for
 * 128 MiB.
 */
struct walk_run {
	uint64_t from, to; /* pages */
};

struct walk {
	const uint8_t *host;
	uint64_t pages;
	uint64_t asked; /* what the runs say is complete for the pages before this one */
	bool scan;	/* ask by PAGEMAP_SCAN, else by reading the page map */
	int fd;		/* of the page map; -1: not to be had, all pages may hold something */
	unsigned n, at;
	struct walk_run runs[64];
};

void gmem_walk_begin(struct walk *w, const uint8_t *host, uint64_t pages);
bool gmem_walk_next(struct walk *w, uint64_t *page);
void gmem_walk_end(struct walk *w);

#endif
