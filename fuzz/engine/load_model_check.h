/* SPDX-License-Identifier: MIT */
/*
 * load_model_check: what holds for every image that was taken, whatever its format: ranges, contents,
 * entry, command line, memory map; and nothing else was written. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_CHECK_H
#define FUZZ_ENGINE_LOAD_MODEL_CHECK_H

#include "load_model_place.h"

LM_QUIET_BEGIN
static inline uint64_t lm_peek(struct gmem *mem, uint64_t gpa, unsigned size)
{
	uint8_t v[8] = {0};

	FUZZ_ORACLE(!gmem_read(mem, gpa, v, size), "pointer", "0x%llx leads nowhere",
		    (unsigned long long)gpa);
	return lm_le64(v);
}

static inline const uint8_t *lm_at(struct gmem *mem, uint64_t gpa)
{
	const uint8_t *p = gmem_ro(mem, gpa, 1);

	FUZZ_ORACLE(p, "pointer", "0x%llx leads nowhere", (unsigned long long)gpa);
	return p;
}

/* The piece is in memory to the last byte. */
static inline void lm_check_piece(struct gmem *mem, const struct lm_piece *p)
{
	static const uint8_t zero[GMEM_PAGE];
	uint64_t off = 0;

	while (off < p->len) {
		uint64_t in = (p->gpa + off) & 0xfff, n = GMEM_PAGE - in;
		const uint8_t *want = off < p->filled ? p->data + off
				      : p->keep	      ? lm_before(p->gpa + off) + in
						      : zero;

		if (off < p->filled && n > p->filled - off)
			n = p->filled - off;
		if (n > p->len - off)
			n = p->len - off;
		FUZZ_ORACLE(lm_same(lm_at(mem, p->gpa + off), want, n), "placed",
			    "0x%llx, 0x%llx bytes: not as in the image",
			    (unsigned long long)(p->gpa + off), (unsigned long long)n);
		off += n;
	}
}

struct lm_dirty {
	struct gmem *mem;
	uint64_t boot;
};

/* Of a dirty page, every byte outside of the declared ranges and the boot state is as before. */
static void lm_check_dirty(void *ctx, uint64_t gpa)
{
	const struct lm_dirty *d = ctx;
	const uint8_t *p = lm_at(d->mem, gpa);
	uint64_t at = gpa, end = gpa + GMEM_PAGE;

	while (at < end) {
		uint64_t next = end, skip = 0;

		if (at >= X86_BOOT_GDT && at < d->boot)
			skip = d->boot;
		else if (at < X86_BOOT_GDT)
			next = X86_BOOT_GDT < end ? X86_BOOT_GDT : end;
		for (unsigned i = 0; i < lm.res.nr_ranges; i++) {
			const struct load_range *r = &lm.res.range[i];

			if (at >= r->gpa && at - r->gpa < r->len)
				skip = r->gpa + r->len;
			else if (r->gpa > at && r->gpa < next)
				next = r->gpa;
		}
		if (!skip)
			FUZZ_ORACLE(lm_same(p + (at - gpa), lm_before(at) + (at - gpa), next - at),
				    "stray-write", "between 0x%llx and 0x%llx",
				    (unsigned long long)at, (unsigned long long)next);
		at = skip ? skip : next;
	}
}

/* The BIOS of the 16-bit protocol has its vectors and data there, and says so. */
static inline bool lm_is_low(const struct load_range *r)
{
	return lm.res.boot == LOAD_BOOT_16 && !r->gpa && r->len == 0x500;
}

/* What holds for every image that is accepted. */
static inline void lm_check_result(const struct lm_case *c, struct gmem *mem)
{
	const struct load_result *r = &lm.res;
	struct lm_dirty d = {mem, 0};
	uint64_t boot, top = 0;

	FUZZ_ORACLE(r->touched, "touched", "loaded, but not touched");
	FUZZ_ORACLE(r->nr_ranges && r->nr_ranges <= LOAD_RANGES, "ranges", "%u of them",
		    r->nr_ranges);
	for (unsigned i = 0; i < r->nr_ranges; i++) {
		if (r->range[i].gpa + r->range[i].len > top)
			top = r->range[i].gpa + r->range[i].len;
	}
	d.boot = boot = lm_boot_end(r->mode, top);
	for (unsigned i = 0; i < r->nr_ranges; i++) {
		const struct load_range *a = &r->range[i];

		FUZZ_ORACLE(a->len && lm_is_ram(c->ram, a->gpa, a->len), "range-ram",
			    "range %u, 0x%llx + 0x%llx, is not RAM", i, (unsigned long long)a->gpa,
			    (unsigned long long)a->len);
		FUZZ_ORACLE(a->gpa >= boot || lm_is_low(a), "range-reserved", "range %u at 0x%llx",
			    i, (unsigned long long)a->gpa);
		for (unsigned k = 0; k < i; k++)
			FUZZ_ORACLE(!lm_share(a->gpa, a->len, r->range[k].gpa, r->range[k].len),
				    "range-overlap", "ranges %u and %u", k, i);
	}
	FUZZ_ORACLE(r->entry >= r->image.gpa && r->entry - r->image.gpa < r->image.len, "entry",
		    "0x%llx is outside of the image", (unsigned long long)r->entry);
	FUZZ_ORACLE(!x86_state_check(&lm.cpu, &lm.err), "state", "%s", lm.err.msg);
	FUZZ_ORACLE(!(lm.cpu.rflags & X86_FLAG_IF), "state", "interrupts are on");
	FUZZ_ORACLE(lm.cpu.seg[X86_CS].base + lm.cpu.rip == r->entry, "state",
		    "CS:RIP is not the entry");
	gmem_dirty_each(mem, lm_check_dirty, &d);
}

static inline bool lm_has_range(uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < lm.res.nr_ranges; i++) {
		if (lm.res.range[i].gpa == gpa && lm.res.range[i].len == len)
			return true;
	}
	return false;
}

/* The accepted image against the model: pieces, ranges, entry. */
static inline void lm_check_plan(struct gmem *mem, const struct lm_plan *pl)
{
	unsigned outside = 0;

	for (unsigned i = 0; i < pl->n; i++) {
		const struct lm_piece *p = &pl->piece[i];

		FUZZ_ORACLE(lm_has_range(p->gpa, p->len), "declared",
			    "0x%llx + 0x%llx is not among the ranges", (unsigned long long)p->gpa,
			    (unsigned long long)p->len);
		lm_check_piece(mem, p);
	}
	for (unsigned i = 0; i < lm.res.nr_ranges; i++)
		outside += !lm_is_low(&lm.res.range[i]) &&
			   !range_within(lm.res.range[i].gpa, lm.res.range[i].len, LOAD_INFO,
					 LOAD_INFO_END - LOAD_INFO);
	FUZZ_ORACLE(outside == pl->n, "declared", "%u ranges outside of the info area, not %u",
		    outside, pl->n);
	FUZZ_ORACLE(lm.res.entry == pl->entry, "entry", "0x%llx, not 0x%llx",
		    (unsigned long long)lm.res.entry, (unsigned long long)pl->entry);
	FUZZ_ORACLE(lm.res.mode == pl->mode, "mode", "%d", (int)lm.res.mode);
	FUZZ_ORACLE(lm.res.boot == pl->boot, "boot", "%d", (int)lm.res.boot);
}

static inline void lm_check_cmdline(const struct lm_case *c, struct gmem *mem, uint64_t gpa)
{
	bool name = (lm.res.kind == LOAD_MULTIBOOT || lm.res.kind == LOAD_MULTIBOOT2) &&
		    c->req.image.cmdline;
	size_t n = name ? strlen(LM_NAME) : 0, len = c->cmdline;

	FUZZ_ORACLE(gpa == lm.res.cmdline.gpa, "cmdline", "pointer 0x%llx",
		    (unsigned long long)gpa);
	if (name) {
		FUZZ_ORACLE(!memcmp(lm_at(mem, gpa), LM_NAME, n), "cmdline", "no name in front");
		n += len > 0;
	}
	FUZZ_ORACLE(lm.res.cmdline.len == n + len + 1, "cmdline", "its length");
	if (len)
		FUZZ_ORACLE(lm_same(lm_at(mem, gpa + n), c->req.cmdline, len), "cmdline",
			    "its text");
	FUZZ_ORACLE(!*lm_at(mem, gpa + n + len), "cmdline", "no NUL after it");
}

/* A memory map is told entry by entry; its RAM is all RAM there is but that below 1 MiB's hole. */
struct lm_map {
	uint64_t last, ram;
	uint64_t hole; /* where it begins, if not at 0x9fc00 */
};

static inline uint64_t lm_hole(const struct lm_map *m)
{
	return m->hole ? m->hole : 0x9fc00;
}

static inline void lm_map_entry(const struct lm_case *c, struct lm_map *m, uint64_t gpa,
				uint64_t len, uint32_t type)
{
	FUZZ_ORACLE(len && gpa >= m->last && (type == 1 || type == 2), "memory-map",
		    "entry 0x%llx + 0x%llx type %u", (unsigned long long)gpa,
		    (unsigned long long)len, type);
	m->last = gpa + len;
	if (type == 1) {
		FUZZ_ORACLE(lm_is_ram(c->ram, gpa, len) &&
				    !lm_share(gpa, len, lm_hole(m), 0x100000 - lm_hole(m)),
			    "memory-map", "0x%llx + 0x%llx is no RAM", (unsigned long long)gpa,
			    (unsigned long long)len);
		m->ram += len;
	}
}

/* KiB by KiB, once for a memory and a hole. */
static inline uint64_t lm_map_ram(unsigned ram, const struct lm_map *m)
{
	uint64_t hole = lm_hole(m), sum = 0;

	if (lm.map[ram][!!m->hole].hole == hole)
		return lm.map[ram][!!m->hole].ram;
	for (unsigned i = 0; i < 6; i++) {
		const struct lm_region *r = &lm_ram[ram][i];

		for (uint64_t at = 0; r->kind == GMEM_RAM && at < r->len; at += 0x400)
			sum += lm_share(r->gpa + at, 0x400, hole, 0x100000 - hole) ? 0 : 0x400;
	}
	lm.map[ram][!!m->hole].hole = hole;
	lm.map[ram][!!m->hole].ram = sum;
	return sum;
}

static inline void lm_map_end(const struct lm_case *c, const struct lm_map *m)
{
	uint64_t want = lm_map_ram(c->ram, m);

	FUZZ_ORACLE(m->ram == want, "memory-map", "0x%llx bytes of RAM, not 0x%llx",
		    (unsigned long long)m->ram, (unsigned long long)want);
}
LM_QUIET_END

#endif
