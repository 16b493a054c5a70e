/* SPDX-License-Identifier: MIT */
/* Dirty pages and code marks. */
#include "gmem_priv.h"

/* Add (bits) to word (w) of the dirty bitmap, and to the levels above. */
static void set_dirty(struct gmem *g, struct region *r, uint64_t w, uint64_t bits)
{
	uint64_t n;

	bits &= ~r->dirty[w];
	if (!bits)
		return;
	n = (uint64_t)__builtin_popcountll(bits);
	g->dirty_pages += n;
	r->nr_dirty += n;
	if (!r->dirty[w]) {
		uint64_t w1 = w / BITS;

		r->dirty1[w1] |= 1ull << w % BITS;
		r->dirty2[w1 / BITS] |= 1ull << w1 % BITS;
	}
	r->dirty[w] |= bits;
}

void gmem_stale(struct gmem *g, struct region *r, uint64_t w, uint64_t bits)
{
	bits &= r->code[w];
	r->code[w] &= ~bits;
	while (bits) {
		uint64_t page = w * BITS + (unsigned)__builtin_ctzll(bits);

		bits &= bits - 1;
		if (g->stale_hook)
			g->stale_hook(g->stale_ctx, r->gpa + (page << GMEM_SHIFT));
	}
}

void gmem_stale_all(struct gmem *g, struct region *r)
{
	for (uint64_t w = 0; w < r->words0; w++) {
		if (r->code[w])
			gmem_stale(g, r, w, ~0ull);
	}
}

void gmem_mark_slow(struct gmem *g, struct region *r, uint64_t off, uint64_t len)
{
	uint64_t page = off >> GMEM_SHIFT, end = ((off + len - 1) >> GMEM_SHIFT) + 1;

	while (page < end) {
		uint64_t w = page / BITS, bits = ~0ull << page % BITS, next = (w + 1) * BITS;

		if (next > end)
			bits &= ~0ull >> (next - end);
		set_dirty(g, r, w, bits);
		if (r->code[w] & bits)
			gmem_stale(g, r, w, bits);
		page = next;
	}
}

void gmem_mark_dirty(struct gmem *g, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < g->nregions; i++) {
		struct region *r = g->order[i];
		uint64_t from = gpa > r->gpa ? gpa : r->gpa, end;

		if (r->kind != GMEM_RAM || !len)
			continue;
		if (add_wraps(gpa, len, &end) || end > r->gpa + r->len)
			end = r->gpa + r->len;
		if (from < end)
			gmem_mark(g, r, from - r->gpa, end - from);
	}
}

void gmem_merge_log(struct gmem *g, unsigned id, const uint64_t *bitmap, size_t words)
{
	struct region *r;

	if (id >= GMEM_REGIONS)
		return;
	r = &g->slots[id];
	if (words > r->words0) /* 0 for a free slot */
		words = r->words0;
	for (size_t w = 0; w < words; w++) {
		uint64_t bits = bitmap[w], left = r->pages - w * BITS;

		if (!bits)
			continue;
		if (left < BITS)
			bits &= ~0ull >> (BITS - left);
		set_dirty(g, r, w, bits);
		if (r->code[w] & bits)
			gmem_stale(g, r, w, bits);
	}
}

bool gmem_is_dirty(const struct gmem *g, uint64_t gpa)
{
	const struct region *r = gmem_find_const(g, gpa);
	uint64_t page;

	if (!r)
		return false;
	page = (gpa - r->gpa) >> GMEM_SHIFT;
	return r->dirty[page / BITS] >> page % BITS & 1;
}

uint64_t gmem_dirty_count(const struct gmem *g)
{
	return g->dirty_pages;
}

/* The first bit set at or after (from) of a bitmap of (words), or words * BITS. */
static uint64_t next_bit(const uint64_t *map, uint64_t words, uint64_t from)
{
	uint64_t w = from / BITS, bits;

	if (w >= words)
		return words * BITS;
	bits = map[w] & ~0ull << from % BITS;
	while (!bits) {
		if (++w == words)
			return words * BITS;
		bits = map[w];
	}
	return w * BITS + (unsigned)__builtin_ctzll(bits);
}

/* Is one set in the rest of the word of (from)? Then that is the answer and no level is climbed. */
static bool next_in_word(const uint64_t *map, uint64_t words, uint64_t from, uint64_t *bit)
{
	uint64_t bits;

	if (from / BITS >= words)
		return false;
	bits = map[from / BITS] & ~0ull << from % BITS;
	if (!bits)
		return false;
	*bit = align_down(from, BITS) + (unsigned)__builtin_ctzll(bits);
	return true;
}

uint64_t gmem_dirty_next(const struct region *r, uint64_t page)
{
	uint64_t w, w1;

	if (next_in_word(r->dirty, r->words0, page, &page))
		return page;
	w = page / BITS + 1;
	if (!next_in_word(r->dirty1, r->words1, w, &w)) {
		w1 = next_bit(r->dirty2, r->words2, w / BITS + 1);
		if (w1 >= r->words1)
			return r->pages;
		w = w1 * BITS + (unsigned)__builtin_ctzll(r->dirty1[w1]);
	}
	return w * BITS + (unsigned)__builtin_ctzll(r->dirty[w]);
}

void gmem_dirty_each(const struct gmem *g, void (*fn)(void *ctx, uint64_t gpa), void *ctx)
{
	for (unsigned i = 0; i < g->nregions; i++) {
		const struct region *r = g->order[i];
		uint64_t seen = 0;

		/* Behind the last one nothing is looked for. */
		for (uint64_t p = 0; seen < r->nr_dirty; p++, seen++) {
			p = gmem_dirty_next(r, p);
			if (p >= r->pages)
				break;
			fn(ctx, r->gpa + (p << GMEM_SHIFT));
		}
	}
}

unsigned gmem_cleanings(const struct gmem *g)
{
	return g->cleanings;
}

void gmem_clean(struct gmem *g, struct region *r)
{
	g->cleanings++;
	g->dirty_pages -= r->nr_dirty;
	for (uint64_t w2 = 0; r->nr_dirty; w2++) {
		for (; r->dirty2[w2]; r->dirty2[w2] &= r->dirty2[w2] - 1) {
			uint64_t w1 = w2 * BITS + (unsigned)__builtin_ctzll(r->dirty2[w2]);

			for (; r->dirty1[w1]; r->dirty1[w1] &= r->dirty1[w1] - 1) {
				uint64_t w = w1 * BITS + (unsigned)__builtin_ctzll(r->dirty1[w1]);

				r->nr_dirty -= (uint64_t)__builtin_popcountll(r->dirty[w]);
				r->dirty[w] = 0;
			}
		}
	}
}

void gmem_clear_dirty(struct gmem *g)
{
	if (!g->dirty_pages)
		return;
	for (unsigned i = 0; i < g->nregions; i++)
		gmem_clean(g, g->order[i]);
	gmem_drop_base(g);
}

void gmem_mark_code(struct gmem *g, uint64_t gpa)
{
	struct region *r = gmem_find(g, gpa);
	uint64_t page;

	if (!r)
		return;
	page = (gpa - r->gpa) >> GMEM_SHIFT;
	r->code[page / BITS] |= 1ull << page % BITS;
}

void gmem_set_stale_hook(struct gmem *g, gmem_stale_hook fn, void *ctx)
{
	g->stale_hook = fn;
	g->stale_ctx = ctx;
}
