/* SPDX-License-Identifier: MIT */
/*
 * load_model_place: where things may lie, by 128-bit sums and page by page. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_PLACE_H
#define FUZZ_ENGINE_LOAD_MODEL_PLACE_H

#include "load_model_world.h"

LM_QUIET_BEGIN
/* (len) is not 0. The stretches were found page by page, see lm_setup(). */
static inline bool lm_is_ram(unsigned ram, lm_wide gpa, lm_wide len)
{
	for (unsigned i = 0; i < lm.nr_runs[ram]; i++) {
		const struct lm_run *r = &lm.run[ram][i];

		if (gpa >= r->gpa && gpa + len <= r->end)
			return true;
	}
	return false;
}

static inline bool lm_share(lm_wide a, lm_wide alen, lm_wide b, lm_wide blen)
{
	return a < b + blen && b < a + alen;
}

static inline bool lm_free(const struct lm_plan *pl, lm_wide gpa, lm_wide len)
{
	for (unsigned i = 0; i < pl->n; i++) {
		if (lm_share(gpa, len, pl->piece[i].gpa, pl->piece[i].len))
			return false;
	}
	return true;
}

/* A piece of the image; false: it may not lie there. */
static inline bool lm_image(const struct lm_case *c, struct lm_plan *pl, lm_wide gpa, lm_wide len,
			    const uint8_t *data, uint64_t filled, bool keep)
{
	if (gpa < LOAD_LOW_RESERVED || lm_share(gpa, len, LOAD_INFO, LOAD_INFO_END - LOAD_INFO) ||
	    (c->req.rsdp && lm_share(gpa, len, 0xe0000, 0x20000)) || !lm_is_ram(c->ram, gpa, len) ||
	    !lm_free(pl, gpa, len) || pl->n == LM_PIECES)
		return false;
	pl->piece[pl->n++] = (struct lm_piece){(uint64_t)gpa, (uint64_t)len, data, filled, keep};
	pl->image = pl->n;
	return true;
}

/* Page by page from the top: the highest place in RAM for (len) bytes, above 1 MiB. */
static inline bool lm_high(const struct lm_case *c, struct lm_plan *pl, size_t len, lm_wide limit,
			   uint64_t *gpa)
{
	for (unsigned i = 6; i--;) {
		const struct lm_region *r = &lm_ram[c->ram][i];

		if (r->kind != GMEM_RAM)
			continue;
		if (len > r->len)
			continue;
		for (uint64_t at = ((r->gpa + r->len - len) & ~0xfffull) + 0x1000;
		     at > r->gpa && at > 0x100000;) {
			at -= 0x1000;
			if ((lm_wide)at + len > limit || at + len > r->gpa + r->len ||
			    at >= r->gpa + r->len || !lm_free(pl, at, len ? len : 1))
				continue;
			*gpa = at;
			if (len)
				pl->piece[pl->n++] = (struct lm_piece){at, len, lm.blob, len, 0};
			return true;
		}
	}
	return false;
}

/* The end of what the CPU's boot state takes at the bottom when (top) is the end of all placed. */
static inline uint64_t lm_boot_end(enum x86_mode mode, lm_wide top)
{
	if (mode != X86_LONG)
		return X86_BOOT_TSS + 104;
	if (top < X86_BOOT_MAP)
		top = X86_BOOT_MAP;
	return (uint64_t)(X86_BOOT_PT + 0x1000 * (2 + ((top + (1 << 30) - 1) >> 30)));
}

static inline lm_wide lm_top(const struct lm_plan *pl)
{
	lm_wide top = 0;

	for (unsigned i = 0; i < pl->n; i++) {
		lm_wide end = (lm_wide)pl->piece[i].gpa + pl->piece[i].len;

		top = end > top ? end : top;
	}
	return top;
}

/* What is asked of every format at the end: room for info and boot state, entry in a piece. */
static inline bool lm_finish(const struct lm_case *c, struct lm_plan *pl)
{
	uint64_t boot = lm_boot_end(pl->mode, lm_top(pl));
	bool inside = pl->own_entry;

	if (!lm_is_ram(c->ram, LOAD_INFO, LOAD_INFO_END - LOAD_INFO))
		return false;
	for (unsigned i = 0; i < pl->image; i++) {
		const struct lm_piece *p = &pl->piece[i];

		if (p->gpa < boot)
			return false;
		inside |= pl->entry >= p->gpa && pl->entry - p->gpa < p->len;
	}
	return inside;
}
LM_QUIET_END

#endif
