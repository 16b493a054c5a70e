/* SPDX-License-Identifier: MIT */
/* The whole memory: snapshots and the hash. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gmem_priv.h"

/* Dirty pages in a row that were zero at the snapshot: from here on they are given back. */
#define ZERO_DROP_MIN 16

struct piece {
	uint64_t gpa, len;
	enum gmem_kind kind;
	uint8_t *copy;	/* as long as the region; only pages with their bit in (used) are written */
	uint64_t *used; /* a bit for each page that is not all zero */
};

struct gmem_snap {
	struct token *token;
	unsigned n;
	struct piece pieces[GMEM_REGIONS];
};

/* ---- snapshots --------------------------------------------------------------------------------
 */

void gmem_token_put(struct token *t)
{
	if (t && !__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		free(t);
}

void gmem_drop_base(struct gmem *g)
{
	gmem_token_put(g->base);
	g->base = NULL;
}

/* The dirty bitmap is from now on relative to the snapshot of (t). */
static void set_base(struct gmem *g, struct token *t)
{
	for (unsigned i = 0; i < g->nregions; i++)
		gmem_clean(g, g->order[i]);
	if (g->base == t)
		return;
	__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
	gmem_drop_base(g);
	g->base = t;
}

static bool page_used(const struct piece *p, uint64_t page)
{
	return p->used[page / BITS] >> page % BITS & 1;
}

static int copy_region(struct piece *p, const struct region *r)
{
	struct walk w;
	uint64_t page;

	p->gpa = r->gpa;
	p->len = r->len;
	p->kind = r->kind;
	p->copy = gmem_map(r->len);
	p->used = calloc(r->words0, sizeof(p->used[0]));
	if (!p->copy || !p->used)
		return -ENOMEM;
	gmem_walk_begin(&w, r->host, r->pages);
	while (gmem_walk_next(&w, &page)) {
		const uint8_t *from = r->host + (page << GMEM_SHIFT);

		if (gmem_page_is_zero(from))
			continue;
		memcpy(p->copy + (page << GMEM_SHIFT), from, GMEM_PAGE);
		p->used[page / BITS] |= 1ull << page % BITS;
	}
	gmem_walk_end(&w);
	return 0;
}

int gmem_snap(struct gmem *g, struct gmem_snap **out, struct err *err)
{
	struct gmem_snap *s = calloc(1, sizeof(*s));

	if (!s)
		goto nomem;
	s->token = malloc(sizeof(*s->token));
	if (!s->token)
		goto nomem;
	s->token->refs = 1;
	for (unsigned i = 0; i < g->nregions; i++) {
		s->n = i + 1; /* also a piece that is half made is freed */
		if (copy_region(&s->pieces[i], g->order[i]))
			goto nomem;
	}
	set_base(g, s->token);
	*out = s;
	return 0;
nomem:
	gmem_snap_free(s);
	return err_set(err, -ENOMEM, "no memory for a snapshot of the guest's memory");
}

void gmem_snap_free(struct gmem_snap *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		gmem_unmap(s->pieces[i].copy, s->pieces[i].len);
		free(s->pieces[i].used);
	}
	gmem_token_put(s->token);
	free(s);
}

/* Zero (n) pages from (page) on. */
static void zero_pages(struct region *r, uint64_t page, uint64_t n)
{
	uint8_t *p = r->host + (page << GMEM_SHIFT);

	if (n < ZERO_DROP_MIN || madvise(p, n << GMEM_SHIFT, MADV_DONTNEED))
		memset(p, 0, n << GMEM_SHIFT);
}

/* Put back what is dirty. */
static void restore_dirty(struct region *r, const struct piece *p)
{
	uint64_t zfrom = 0, zn = 0; /* a run of pages that were zero, not yet written */
	uint64_t page = 0;

	for (uint64_t n = 0; n < r->nr_dirty; n++, page++) {
		page = gmem_dirty_next(r, page);
		if (page_used(p, page)) {
			memcpy(r->host + (page << GMEM_SHIFT), p->copy + (page << GMEM_SHIFT),
			       GMEM_PAGE);
		} else if (zn && zfrom + zn == page) {
			zn++;
		} else {
			if (zn)
				zero_pages(r, zfrom, zn);
			zfrom = page;
			zn = 1;
		}
	}
	if (zn)
		zero_pages(r, zfrom, zn);
}

/* Put back everything: first what may hold something now, then what held something then. */
static void restore_all(struct region *r, const struct piece *p)
{
	struct walk w;
	uint64_t page;

	gmem_walk_begin(&w, r->host, r->pages);
	while (gmem_walk_next(&w, &page)) {
		uint8_t *to = r->host + (page << GMEM_SHIFT);

		if (!page_used(p, page) && !gmem_page_is_zero(to))
			memset(to, 0, GMEM_PAGE);
	}
	gmem_walk_end(&w);
	for (uint64_t i = 0; i < r->words0; i++) {
		for (uint64_t bits = p->used[i]; bits; bits &= bits - 1) {
			uint64_t off = (i * BITS + (unsigned)__builtin_ctzll(bits)) << GMEM_SHIFT;

			memcpy(r->host + off, p->copy + off, GMEM_PAGE);
		}
	}
}

/* Code marks of dirty pages are stale; the hook runs when all of memory is as it will be. */
static void stale_dirty(struct gmem *g, struct region *r)
{
	for (uint64_t page = gmem_dirty_next(r, 0); page < r->pages;
	     page = gmem_dirty_next(r, (page / BITS + 1) * BITS)) {
		uint64_t w = page / BITS;

		if (r->code[w] & r->dirty[w])
			gmem_stale(g, r, w, r->dirty[w]);
	}
}

int gmem_restore(struct gmem *g, const struct gmem_snap *s)
{
	bool all = g->base != s->token;

	if (g->nregions != s->n)
		return -EINVAL;
	for (unsigned i = 0; i < s->n; i++) {
		const struct region *r = g->order[i];
		const struct piece *p = &s->pieces[i];

		if (r->gpa != p->gpa || r->len != p->len || r->kind != p->kind)
			return -EINVAL;
	}
	for (unsigned i = 0; i < s->n; i++) {
		if (all)
			restore_all(g->order[i], &s->pieces[i]);
		else if (!gmem_is_clean(g->order[i]))
			restore_dirty(g->order[i], &s->pieces[i]);
	}
	for (unsigned i = 0; i < s->n; i++) {
		if (all)
			gmem_stale_all(g, g->order[i]);
		else if (!gmem_is_clean(g->order[i]))
			stale_dirty(g, g->order[i]);
	}
	set_base(g, s->token);
	return 0;
}

/* ---- hash -------------------------------------------------------------------------------------
 */

uint64_t gmem_hash(const struct gmem *g, uint64_t seed)
{
	uint64_t h = seed;

	for (unsigned i = 0; i < g->nregions; i++) {
		const struct region *r = g->order[i];
		uint8_t head[24];
		struct walk w;
		uint64_t page;

		st_le64(head, r->gpa);
		st_le64(head + 8, r->len);
		st_le64(head + 16, r->kind == GMEM_RAM ? 0 : 1);
		h = hash64(h, head, sizeof(head));
		gmem_walk_begin(&w, r->host, r->pages);
		while (gmem_walk_next(&w, &page)) {
			const uint8_t *p = r->host + (page << GMEM_SHIFT);

			if (gmem_page_is_zero(p))
				continue;
			st_le64(head, r->gpa + (page << GMEM_SHIFT));
			h = hash64(hash64(h, head, 8), p, GMEM_PAGE);
		}
		gmem_walk_end(&w);
	}
	return h;
}
