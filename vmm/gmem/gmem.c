/* SPDX-License-Identifier: MIT */
/* Regions: adding, removing, listing them. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gmem_priv.h"

/*
 * Under AddressSanitizer the guard page is poisoned too: an overrun is then reported by the access
 * that makes it, also one inside of memcpy(), and not as a bare SIGSEGV.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GMEM_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GMEM_ASAN 1
#endif
#ifdef GMEM_ASAN
#include <sanitizer/asan_interface.h>
#define GUARD_POISON(p)	  ASAN_POISON_MEMORY_REGION(p, GMEM_PAGE)
#define GUARD_UNPOISON(p) ASAN_UNPOISON_MEMORY_REGION(p, GMEM_PAGE)
#else
#define GUARD_POISON(p)	  ((void)(p))
#define GUARD_UNPOISON(p) ((void)(p))
#endif

uint8_t *gmem_map(uint64_t len)
{
	void *p = mmap(NULL, len + GMEM_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect((uint8_t *)p + len, GMEM_PAGE, PROT_NONE) < 0) {
		munmap(p, len + GMEM_PAGE);
		return NULL;
	}
	GUARD_POISON((uint8_t *)p + len);
	return p;
}

void gmem_unmap(uint8_t *p, uint64_t len)
{
	if (!p)
		return;
	GUARD_UNPOISON(p + len);
	munmap(p, len + GMEM_PAGE);
}

int gmem_new(struct gmem **out, struct err *err)
{
	struct gmem *g = calloc(1, sizeof(*g));

	if (!g)
		return err_set(err, -ENOMEM, "no memory for the guest memory map");
	g->hit = &g->none;
	*out = g;
	return 0;
}

static void release(struct region *r)
{
	gmem_unmap(r->host, r->len);
	free(r->dirty);
	*r = (struct region){0};
}

void gmem_free(struct gmem *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->nregions; i++)
		release(g->order[i]);
	gmem_token_put(g->base);
	free(g);
}

/* May [gpa, gpa + len) become a region? */
static int check_new(const struct gmem *g, uint64_t gpa, uint64_t len, struct err *err)
{
	if (!len)
		return err_set(err, -EINVAL, "memory at 0x%" PRIx64 ": size 0; give at least 4 KiB",
			       gpa);
	if (gpa % GMEM_PAGE || len % GMEM_PAGE)
		return err_set(err, -EINVAL,
			       "memory at 0x%" PRIx64 ", 0x%" PRIx64
			       " bytes: address and size must be multiples of 4 KiB",
			       gpa, len);
	if (len > GMEM_MAX || len > GMEM_MAX - g->total)
		return err_set(err, -E2BIG,
			       "memory at 0x%" PRIx64 ", 0x%" PRIx64
			       " bytes: more than 64 GiB in all; give less",
			       gpa, len);
	if (!range_within(gpa, len, 0, GMEM_TOP))
		return err_set(err, -EINVAL,
			       "memory at 0x%" PRIx64 ", 0x%" PRIx64
			       " bytes: beyond the last physical address 2^52",
			       gpa, len);
	for (unsigned i = 0; i < g->nregions; i++) {
		const struct region *r = g->order[i];

		if (range_overlaps(gpa, len, r->gpa, r->len))
			return err_set(err, -EEXIST,
				       "memory at 0x%" PRIx64 ", 0x%" PRIx64
				       " bytes: overlaps the region at 0x%" PRIx64 ", 0x%" PRIx64
				       " bytes",
				       gpa, len, r->gpa, r->len);
	}
	if (g->nregions == GMEM_REGIONS)
		return err_set(err, -E2BIG, "memory at 0x%" PRIx64 ": more than %d regions", gpa,
			       GMEM_REGIONS);
	return 0;
}

/* The bitmaps of (r), all clear. */
static int alloc_bitmaps(struct region *r)
{
	r->pages = r->len >> GMEM_SHIFT;
	r->words0 = WORDS(r->pages);
	r->words1 = WORDS(r->words0);
	r->words2 = WORDS(r->words1);
	r->dirty = calloc(2 * r->words0 + r->words1 + r->words2, sizeof(uint64_t));
	if (!r->dirty)
		return -ENOMEM;
	r->code = r->dirty + r->words0;
	r->dirty1 = r->code + r->words0;
	r->dirty2 = r->dirty1 + r->words1;
	return 0;
}

int gmem_add(struct gmem *g, uint64_t gpa, uint64_t len, enum gmem_kind kind, struct err *err)
{
	struct region *r = g->slots;
	unsigned at;
	int rc = check_new(g, gpa, len, err);

	if (rc)
		return rc;
	while (r->len)
		r++; /* ends: check_new() made sure that one is free */
	*r = (struct region){.gpa = gpa, .len = len, .kind = kind, .id = (unsigned)(r - g->slots)};
	r->host = gmem_map(len);
	if (!r->host || alloc_bitmaps(r)) {
		release(r);
		return err_set(err, -ENOMEM,
			       "memory at 0x%" PRIx64 ", 0x%" PRIx64
			       " bytes: the host has not that much; give less",
			       gpa, len);
	}
	for (at = g->nregions; at && g->order[at - 1]->gpa > gpa; at--)
		g->order[at] = g->order[at - 1];
	g->order[at] = r;
	g->nregions++;
	g->total += len;
	g->generation++;
	return 0;
}

int gmem_remove(struct gmem *g, uint64_t gpa)
{
	unsigned at = 0;
	struct region *r;

	while (at < g->nregions && g->order[at]->gpa != gpa)
		at++;
	if (at == g->nregions)
		return -ENOENT;
	r = g->order[at];
	gmem_stale_all(g, r);
	gmem_clean(g, r);
	g->nregions--;
	memmove(g->order + at, g->order + at + 1, (g->nregions - at) * sizeof(g->order[0]));
	g->total -= r->len;
	g->generation++;
	g->hit = &g->none;
	gmem_drop_base(g); /* a region like it may come back, with other contents */
	release(r);
	return 0;
}

bool gmem_region(const struct gmem *g, unsigned i, struct gmem_region *out)
{
	const struct region *r;

	if (i >= g->nregions)
		return false;
	r = g->order[i];
	*out = (struct gmem_region){r->gpa, r->len, r->kind, r->host, r->id};
	return true;
}

unsigned gmem_generation(const struct gmem *g)
{
	return g->generation;
}

uint64_t gmem_ram_size(const struct gmem *g)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < g->nregions; i++) {
		if (g->order[i]->kind == GMEM_RAM)
			sum += g->order[i]->len;
	}
	return sum;
}

uint64_t gmem_low_end(const struct gmem *g, uint64_t limit)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < g->nregions; i++) {
		const struct region *r = g->order[i];

		if (r->gpa != end || r->kind != GMEM_RAM)
			break;
		end += r->len;
	}
	return end < limit ? end : limit;
}

const struct region *gmem_find_const(const struct gmem *g, uint64_t gpa)
{
	if (gpa - g->hit->gpa < g->hit->len)
		return g->hit;
	for (unsigned i = 0; i < g->nregions; i++) {
		if (gpa - g->order[i]->gpa < g->order[i]->len)
			return g->order[i];
	}
	return NULL;
}

struct region *gmem_find_slow(struct gmem *g, uint64_t gpa)
{
	for (unsigned i = 0; i < g->nregions; i++) {
		if (gpa - g->order[i]->gpa < g->order[i]->len)
			return g->hit = g->order[i];
	}
	return NULL;
}
