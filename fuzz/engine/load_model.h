/* SPDX-License-Identifier: MIT */
/*
 * load_model: what the loader targets share: the input's format, memories to load into, and
 * a slow model of placement to judge load_image() by. For fuzz targets and their seed generators
 * only; header-only.
 *
 * An input is LM_HEAD control bytes, then the image:
 *   0  bits 0-1 which memory (lm_ram), bit 2 the target's own kind instead of LOAD_AUTO,
 *      bit 3 the image has a name, bits 4-5 mode of a flat image, bit 6 there is an RSDP
 *   1  flat image: base in pages
 *   2  command line, 16 bits: its length; with bit 15 the rest of it times two
 *   4  initrd: the square root of its length
 *   5  modules: bits 0-4 how many; bits 5-7 the way to boot
 *   6  modules: the k-th has (k + 1) times so many bytes
 *   7  modules: length of the string of each
 *
 * The model works in 128 bits and page by page, shares nothing with the module but the public
 * header, and says for each input: accepted or not, what lies where, where it starts.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_H
#define FUZZ_ENGINE_LOAD_MODEL_H

#include <errno.h>
#include <stdlib.h>

#include <vmm/load.h>
#include <vmm/unpack.h>

#include "depth.h"
#include "oracle.h"
#include "stats.h"

#define LM_HEAD	 8u
#define LM_IMAGE 65536u /* bytes of image at most */
#define LM_RAMS	 4u

typedef unsigned __int128 lm_wide;

/*
 * The model is not what is fuzzed: its branches are no news to the engine, and telling it of each
 * comparison, or looking at each of its accesses, would cost more than the loader itself.
 */
#ifdef __clang__
#define LM_QUIET_BEGIN                                                                             \
	_Pragma("clang attribute push(__attribute__((no_sanitize(\"coverage\", \"address\", \"undefined\"))), apply_to = function)")
#define LM_QUIET_END _Pragma("clang attribute pop")
#else
#define LM_QUIET_BEGIN
#define LM_QUIET_END
#endif

/* Poison around the image, where there is a sanitizer: it must see the first byte outside. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(address_sanitizer) || defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define LM_POISON(p, n)	  __asan_poison_memory_region(p, n)
#define LM_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define LM_POISON(p, n)	  ((void)(p), (void)(n))
#define LM_UNPOISON(p, n) ((void)(p), (void)(n))
#endif
#define LM_GUARD 64u

struct lm_region {
	uint64_t gpa, len;
	enum gmem_kind kind;
};

/* Small, so that clearing bss costs little; between them they have the places images ask for. */
static const struct lm_region lm_ram[LM_RAMS][6] = {
	{{0, 0x140000, GMEM_RAM}, {0x400000, 0x20000, GMEM_RAM}, {0x100000000, 0x20000, GMEM_RAM}},
	{{0, 0x200000, GMEM_RAM}},
	{{0, 0xa0000, GMEM_RAM},
	 {0xf0000, 0x10000, GMEM_ROM},
	 {0x100000, 0x30000, GMEM_RAM},
	 {0x130000, 0x20000, GMEM_RAM},
	 {0x1000000, 0x40000, GMEM_RAM},
	 {0xfffff000, 0x1000, GMEM_RAM}},
	{{0, 0x90000, GMEM_RAM}, {0x100000, 0x20000, GMEM_RAM}},
};

struct lm_case {
	struct load_req req;
	unsigned ram;
	size_t cmdline; /* length, image name apart */
	const uint8_t *img;
	size_t len;
};

#define LM_RSDP	    0xe0000u
#define LM_RSDP_LEN 36u

/* Data, then up to len zeroes or, with keep, what was there. */
struct lm_piece {
	uint64_t gpa, len;
	const uint8_t *data;
	uint64_t filled;
	bool keep;
};

#define LM_PIECES 64
struct lm_plan {
	bool header, accept; /* the format's header is right; all of it is */
	bool virt;	     /* the entry was translated */
	struct lm_piece piece[LM_PIECES];
	unsigned n, image; /* the first `image` of them are the image's */
	bool own_entry;	   /* it lies in the info area */
	uint64_t entry;
	enum x86_mode mode;
	enum load_boot boot;
	uint64_t mod[LOAD_MODULES], initrd;
};

#define LM_NAME "fuzz"

static struct {
	bool ready;
	struct gmem *mem[LM_RAMS];
	struct gmem_snap *snap[LM_RAMS];
	struct load_result res;
	struct cpu_state cpu, blank;
	struct err err;
	uint8_t page[GMEM_PAGE]; /* what every page of memory holds before */
	uint8_t rsdp[GMEM_PAGE]; /* but that at LM_RSDP */
	uint8_t inner[2 << 20];	 /* a kernel that was packed, by the model */
	uint8_t blob[LM_IMAGE];
	char text[65536 + 1]; /* a string of n bytes is its end */
	uint8_t img[LM_GUARD + LM_IMAGE + LM_GUARD] __attribute__((aligned(64)));
} lm;

/* libFuzzer without seeds gives up unless its first, empty input meets an edge. */
__attribute__((noinline)) static void lm_none(void)
{
	__asm__ volatile("");
}

LM_QUIET_BEGIN

static inline void lm_setup(void)
{
	for (unsigned i = 0; i < GMEM_PAGE; i++)
		lm.page[i] = (uint8_t)(i * 13 + 7) | 1;
	memcpy(lm.rsdp, lm.page, GMEM_PAGE);
	memcpy(lm.rsdp, "RSD PTR ", 8);
	lm.rsdp[15] = 2; /* revision */
	for (unsigned i = 0; i < sizeof(lm.blob); i++)
		lm.blob[i] = (uint8_t)(i * 31 + 5 + (i >> 8));
	for (unsigned i = 0; i < sizeof(lm.text) - 1; i++)
		lm.text[i] = (char)('a' + i % 26);
	memset(&lm.blank, 0xa5, sizeof(lm.blank));
	memcpy(&lm.cpu, &lm.blank, sizeof(lm.cpu));
	for (unsigned k = 0; k < LM_RAMS; k++) {
		FUZZ_ORACLE(!gmem_new(&lm.mem[k], &lm.err), "setup", "%s", lm.err.msg);
		for (unsigned i = 0; i < 6 && lm_ram[k][i].len; i++) {
			const struct lm_region *r = &lm_ram[k][i];

			FUZZ_ORACLE(!gmem_add(lm.mem[k], r->gpa, r->len, r->kind, &lm.err), "setup",
				    "%s", lm.err.msg);
			for (uint64_t at = 0; at < r->len; at += GMEM_PAGE)
				gmem_place(lm.mem[k], r->gpa + at, lm.page, GMEM_PAGE);
		}
		(void)gmem_place(lm.mem[k], LM_RSDP, lm.rsdp,
				 GMEM_PAGE); /* where there is memory */
		FUZZ_ORACLE(!gmem_snap(lm.mem[k], &lm.snap[k], &lm.err), "setup", "%s", lm.err.msg);
	}
	LM_POISON(lm.img, sizeof(lm.img));
	lm.ready = true;
}

/* What the page of (gpa) held before. */
static inline const uint8_t *lm_before(uint64_t gpa)
{
	return gpa >> 12 == LM_RSDP >> 12 ? lm.rsdp : lm.page;
}

/* The image at a place of its own, where the next byte on either side is poisoned. */
static inline const uint8_t *lm_copy(const uint8_t *data, size_t len)
{
	uint8_t *img = lm.img + LM_GUARD;

	LM_UNPOISON(img, len);
	memcpy(img, data, len);
	return img;
}

static inline void lm_copy_end(size_t len)
{
	LM_POISON(lm.img + LM_GUARD, (len + LM_GUARD) & ~(size_t)7);
}

/* ---- the model: where things may lie --------------------------------------------------------- */

static inline bool lm_is_ram(unsigned ram, lm_wide gpa, lm_wide len)
{
	if (gpa + len > (lm_wide)1 << 40 || len > 64 << 20)
		return false;
	for (uint64_t at = (uint64_t)gpa & ~0xfffull; at < gpa + len; at += 0x1000) {
		bool found = false;

		for (unsigned i = 0; i < 6; i++) {
			const struct lm_region *r = &lm_ram[ram][i];

			found |= r->kind == GMEM_RAM && at >= r->gpa && at < r->gpa + r->len;
		}
		if (!found)
			return false;
	}
	return true;
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
		for (uint64_t at = r->gpa + r->len; at > r->gpa;) {
			at -= 0x1000;
			if (at < 0x100000 || (lm_wide)at + len > limit ||
			    at + len > r->gpa + r->len || !lm_free(pl, at, len ? len : 1))
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

/* Command line and initrd of a Linux image. */
#define LM_STRINGS (LOAD_INFO_END - LOAD_INFO - 0x4000) /* two pages before, two after */
static inline bool lm_linux(const struct lm_case *c, struct lm_plan *pl, lm_wide cmdline_max,
			    lm_wide initrd_max)
{
	lm_wide limit = initrd_max + 1 < (lm_wide)1 << 32 ? initrd_max + 1 : (lm_wide)1 << 32;

	if (c->req.nr_mods || c->cmdline > cmdline_max || c->cmdline + 1 > LM_STRINGS)
		return false;
	if (c->req.initrd.len && !lm_high(c, pl, c->req.initrd.len, limit, &pl->initrd))
		return false;
	return lm_finish(c, pl);
}

#include "load_model_elf.h"

/* ---- what it is, and how it is entered ------------------------------------------------------- */

static inline uint32_t lm_le32(const uint8_t *b)
{
	uint32_t v;

	memcpy(&v, b, sizeof(v)); /* hosts are little-endian */
	return v;
}

static inline enum load_kind lm_detect(const uint8_t *b, size_t len)
{
	uint64_t entry;

	for (size_t i = 0; i < 8192 && i < len; i += 4) {
		if (i + 12 > len || i + 12 > 8192)
			break;
		if (lm_le32(b + i) == 0x1badb002 &&
		    (uint32_t)(lm_le32(b + i) + lm_le32(b + i + 4) + lm_le32(b + i + 8)) == 0)
			return LOAD_MULTIBOOT;
	}
	for (size_t i = 0; i + 16 <= 32768 && i + 16 <= len; i += 8) {
		if (lm_le32(b + i) == 0xe85250d6 &&
		    (uint32_t)(lm_le32(b + i) + lm_le32(b + i + 4) + lm_le32(b + i + 8) +
			       lm_le32(b + i + 12)) == 0)
			return LOAD_MULTIBOOT2;
	}
	if (len > 0x205 && !memcmp(b + 0x202, "HdrS", 4))
		return LOAD_BZIMAGE;
	if (lm_note(b, len, &entry))
		return LOAD_PVH;
	return lm_is_elf(b, len) ? LOAD_ELF : LOAD_FLAT;
}

/* The kind that an input comes to, with what the way to boot makes of an ELF file. */
static inline enum load_kind lm_kind(const struct lm_case *c, enum load_kind detected)
{
	if (c->req.kind != LOAD_AUTO)
		return c->req.kind;
	if (detected != LOAD_BZIMAGE && lm_is_elf(c->img, c->len)) {
		if (c->req.boot == LOAD_BOOT_64)
			return LOAD_ELF;
		if (c->req.boot == LOAD_BOOT_PVH)
			return LOAD_PVH;
	}
	return detected;
}

static inline bool lm_boot_fits(enum load_kind kind, enum load_boot boot)
{
	if (boot == LOAD_BOOT_AUTO)
		return true;
	if (kind == LOAD_ELF)
		return boot == LOAD_BOOT_64;
	if (kind == LOAD_PVH)
		return boot == LOAD_BOOT_PVH;
	return kind == LOAD_BZIMAGE && boot < LOAD_BOOTS;
}

/* ---- judging ------------------------------------------------------------------------------------
 */

static inline uint64_t lm_peek(struct gmem *mem, uint64_t gpa, unsigned size)
{
	uint8_t v[8] = {0};

	FUZZ_ORACLE(!gmem_read(mem, gpa, v, size), "pointer", "0x%llx leads nowhere",
		    (unsigned long long)gpa);
	return ld_le64(v);
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
		FUZZ_ORACLE(!memcmp(lm_at(mem, p->gpa + off), want, n), "placed",
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
			FUZZ_ORACLE(!memcmp(p + (at - gpa), lm_before(at) + (at - gpa), next - at),
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
		FUZZ_ORACLE(!memcmp(lm_at(mem, gpa + n), c->req.cmdline, len), "cmdline",
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

static inline void lm_map_end(const struct lm_case *c, const struct lm_map *m)
{
	uint64_t want = 0;

	for (unsigned i = 0; i < 6; i++) {
		const struct lm_region *r = &lm_ram[c->ram][i];

		for (uint64_t at = 0; r->kind == GMEM_RAM && at < r->len; at += 0x400)
			want += lm_share(r->gpa + at, 0x400, lm_hole(m), 0x100000 - lm_hole(m))
					? 0
					: 0x400;
	}
	FUZZ_ORACLE(m->ram == want, "memory-map", "0x%llx bytes of RAM, not 0x%llx",
		    (unsigned long long)m->ram, (unsigned long long)want);
}

/*
 * All of the zero page: what a loader must write (boot.rst), what the image's header has, and no other
 * byte. Judged elsewhere, so taken as it is: the memory map and where the command line lies.
 */
static inline void lm_check_zero_page(const struct lm_case *c, struct gmem *mem,
				      const struct lm_plan *pl, uint64_t at)
{
	const uint8_t *z = gmem_ro(mem, at, 4096);
	static uint8_t want[4096];
	unsigned i, map;

	FUZZ_ORACLE(z && z[0x1e8] <= 128, "zero-page", "e820_entries or not in RAM");
	memset(want, 0, sizeof(want));
	if (lm_detect(c->img, c->len) == LOAD_BZIMAGE) {
		memcpy(want + 0x1f1, c->img + 0x1f1, 0x202u + c->img[0x201] - 0x1f1);
		st_le32(want + 0x214, (uint32_t)lm.res.image.gpa * (lm.res.image.gpa >> 32 == 0));
	} else {
		st_le16(want + 0x1fe, 0xaa55);
		st_le32(want + 0x202, 0x53726448); /* "HdrS" */
		st_le16(want + 0x206, 0x020c);
		want[0x211] = 1; /* LOADED_HIGH */
	}
	st_le64(want + 0x70, c->req.rsdp);
	st_le16(want + 0x1fa, 0xffff);
	want[0x210] = 0xff;
	want[0x211] &= 0xfd; /* KASLR_FLAG */
	st_le16(want + 0x226, 0);
	st_le32(want + 0x218, (uint32_t)pl->initrd);
	st_le32(want + 0x21c, (uint32_t)c->req.initrd.len);
	st_le64(want + 0x250, 0);
	memcpy(want + 0x228, z + 0x228, 4);
	if (ld_le16(want + 0x206) < 0x0202) {
		st_le16(want + 0x20, 0xa33f);
		memcpy(want + 0x22, z + 0x22, 2);
	}
	map = z[0x1e8];
	want[0x1e8] = (uint8_t)map;
	memcpy(want + 0x2d0, z + 0x2d0, 20u * map);
	for (i = 0; i < 4096 && want[i] == z[i]; i++)
		;
	FUZZ_ORACLE(i == 4096, "zero-page", "0x%x has 0x%02x, not 0x%02x", i, z[i], want[i]);
}

/* The state of the boot protocols and the zero page's parts that all have. */
static inline void lm_check_linux(const struct lm_case *c, struct gmem *mem,
				  const struct lm_plan *pl)
{
	uint64_t z = lm.res.info, gpa;
	struct lm_map m = {0, 0, 0};
	unsigned n = (unsigned)lm_peek(mem, z + 0x1e8, 1);

	FUZZ_ORACLE(lm.cpu.gpr[X86_RSI] == z && lm.cpu.seg[X86_CS].sel == 0x10 &&
			    lm.cpu.seg[X86_DS].sel == 0x18,
		    "state", "RSI or selectors");
	FUZZ_ORACLE(lm_peek(mem, lm.cpu.gdt.base + 0x10, 8) ==
				    (pl->mode == X86_LONG ? 0xaf9b000000ffff : 0xcf9b000000ffff) &&
			    lm_peek(mem, lm.cpu.gdt.base + 0x18, 8) == 0xcf93000000ffff &&
			    !lm_peek(mem, lm.cpu.gdt.base, 8) &&
			    lm.cpu.gdt.limit >= (lm.cpu.seg[X86_TR].sel | 15u),
		    "state", "the GDT");
	for (unsigned i = X86_ES; i <= X86_GS; i++)
		FUZZ_ORACLE(lm.cpu.seg[i].sel == (i == X86_CS ? 0x10 : 0x18), "state", "segment %u",
			    i);
	for (unsigned i = 0; i < lm.res.nr_ranges; i++) {
		const struct load_range *r = &lm.res.range[i];

		FUZZ_ORACLE(!x86_translate(mem, &lm.cpu, r->gpa + r->len - 1, &gpa) &&
				    gpa == r->gpa + r->len - 1,
			    "identity-map", "0x%llx", (unsigned long long)r->gpa);
	}
	FUZZ_ORACLE(!lm_peek(mem, z + 0x1ef, 1) && lm_peek(mem, z + 0x210, 1) == 0xff, "zero-page",
		    "sentinel or type_of_loader");
	FUZZ_ORACLE(lm_peek(mem, z + 0x70, 8) == c->req.rsdp, "zero-page", "acpi_rsdp_addr");
	lm_check_cmdline(c, mem, lm_peek(mem, z + 0x228, 4));
	FUZZ_ORACLE(lm_peek(mem, z + 0x218, 4) == pl->initrd &&
			    lm_peek(mem, z + 0x21c, 4) == c->req.initrd.len,
		    "zero-page", "ramdisk_image or ramdisk_size");
	lm_check_zero_page(c, mem, pl, z);
	for (uint64_t i = 0; i < n; i++)
		lm_map_entry(c, &m, lm_peek(mem, z + 0x2d0 + 20 * i, 8),
			     lm_peek(mem, z + 0x2d8 + 20 * i, 8),
			     (uint32_t)lm_peek(mem, z + 0x2e0 + 20 * i, 4));
	lm_map_end(c, &m);
}

/* The state and the start info of PVH, as Xen's start_info.h has them. */
static inline void lm_check_pvh(const struct lm_case *c, struct gmem *mem, const struct lm_plan *pl)
{
	uint64_t i = lm.res.info, mod = lm_peek(mem, i + 16, 8), map = lm_peek(mem, i + 40, 8);
	uint64_t n = lm_peek(mem, i + 48, 4);
	struct lm_map m = {0, 0, 0};

	FUZZ_ORACLE(lm.cpu.gpr[X86_RBX] == i && lm.cpu.cr0 == (X86_CR0_PE | X86_CR0_ET) &&
			    !lm.cpu.cr4 && x86_code_bits(&lm.cpu) == 32,
		    "state", "EBX, CR0, CR4 or CS");
	FUZZ_ORACLE(lm_peek(mem, i, 4) == 0x336ec578 && lm_peek(mem, i + 4, 4) == 1 &&
			    !lm_peek(mem, i + 8, 4) && !lm_peek(mem, i + 52, 4),
		    "start-info", "magic, version, flags or reserved");
	FUZZ_ORACLE(lm_peek(mem, i + 32, 8) == c->req.rsdp, "start-info", "rsdp_paddr");
	FUZZ_ORACLE(lm_peek(mem, i + 12, 4) == (c->req.initrd.len ? 1 : 0), "start-info",
		    "nr_modules");
	if (c->req.initrd.len)
		FUZZ_ORACLE(lm_peek(mem, mod, 8) == pl->initrd &&
				    lm_peek(mem, mod + 8, 8) == c->req.initrd.len &&
				    !lm_peek(mem, mod + 16, 8) && !lm_peek(mem, mod + 24, 8),
			    "start-info", "the module");
	lm_check_cmdline(c, mem, lm_peek(mem, i + 24, 8));
	for (uint64_t k = 0; k < n; k++, map += 24)
		lm_map_entry(c, &m, lm_peek(mem, map, 8), lm_peek(mem, map + 8, 8),
			     (uint32_t)lm_peek(mem, map + 16, 4));
	lm_map_end(c, &m);
}

/* ---- one input ----------------------------------------------------------------------------------
 */

static inline void lm_parse(const uint8_t *h, enum load_kind own, struct lm_case *c)
{
	struct load_req *req = &c->req;
	size_t text = lm_half(h, 2);

	memset(req, 0, sizeof(*req));
	c->ram = h[0] & 3;
	req->kind = h[0] & 4 ? own : LOAD_AUTO;
	req->image = (struct load_blob){c->len ? c->img : NULL, c->len, NULL};
	if (h[0] & 8)
		req->image.cmdline = LM_NAME;
	req->mode = (enum x86_mode)(h[0] >> 4 & 3);
	req->base = (uint64_t)h[1] << 12;
	c->cmdline = text & 0x8000 ? (text & 0x7fff) * 2 : text;
	if (c->cmdline)
		req->cmdline = lm.text + sizeof(lm.text) - 1 - c->cmdline;
	req->initrd = (struct load_blob){lm.blob, (size_t)h[4] * h[4], NULL};
	req->nr_mods = h[5] & 31;
	req->boot = (enum load_boot)(h[5] >> 5);
	req->rsdp = h[0] & 0x40 ? LM_RSDP : 0;
	for (unsigned i = 0; i < req->nr_mods && i < LOAD_MODULES; i++)
		req->mods[i] = (struct load_blob){lm.blob, (size_t)h[6] * (i + 1),
						  lm.text + sizeof(lm.text) - 1 - h[7]};
}

static inline bool lm_same(const void *a, const void *b, size_t n)
{
	return !memcmp(a, b, n);
}

/* After a refusal: the code is one that the header lists, nothing is touched. */
static inline void lm_check_refusal(struct gmem *mem, int rc)
{
	FUZZ_ORACLE(rc == -ENOEXEC || rc == -E2BIG || rc == -EINVAL || rc == -ENAMETOOLONG ||
			    rc == -ENOTSUP,
		    "error-code", "%d: %s", rc, lm.err.msg);
	FUZZ_ORACLE(lm.err.code == rc && lm.err.msg[0] && !strchr(lm.err.msg, '\n'),
		    "error-message", "%d: %s", lm.err.code, lm.err.msg);
	FUZZ_ORACLE(lm_same(&lm.cpu, &lm.blank, sizeof(lm.cpu)), "registers",
		    "changed by a refusal");
	if (!lm.res.touched)
		FUZZ_ORACLE(!gmem_dirty_count(mem), "touched", "said no, but pages are dirty");
}

/* What an input came to. */
struct lm_verdict {
	int rc;	       /* of load_image() */
	bool modelled; /* it was of the target's own kind */
	struct lm_plan plan;
	struct lm_case c;
};

/*
 * One input through load_image() and the oracles. (model) is the target's format, (check) judges
 * what the format hands to the guest. False: the input is none.
 */
static inline bool lm_judge(const uint8_t *data, size_t size, enum load_kind own,
			    void (*model)(const struct lm_case *c, struct lm_plan *pl),
			    void (*check)(const struct lm_case *c, struct gmem *mem,
					  const struct lm_plan *pl),
			    struct lm_verdict *v)
{
	struct lm_case *c = &v->c;
	struct lm_plan *pl = &v->plan;
	enum load_kind kind;
	struct gmem *mem;

	if (size < LM_HEAD || size > LM_HEAD + LM_IMAGE) {
		lm_none();
		fuzz_case(0, false);
		return false;
	}
	if (!lm.ready)
		lm_setup();
	c->len = size - LM_HEAD;
	c->img = lm_copy(data + LM_HEAD, c->len);
	lm_parse(data, own, c);
	mem = lm.mem[c->ram];
	lm.err.code = 0;
	lm.err.msg[0] = 0;
	memset(&lm.res, 0xa5, sizeof(lm.res)); /* what it does not set is seen */
	v->rc = load_image(mem, &c->req, &lm.res, &lm.cpu, &lm.err);

	kind = lm_detect(c->img, c->len);
	/* Where load_image() has detected it, and came so far as to say so, that is what is looked at. */
	if (c->req.kind != LOAD_AUTO || lm.res.kind == LOAD_AUTO)
		FUZZ_ORACLE(load_detect(c->img, c->len) == kind, "detect", "%d", (int)kind);
	kind = lm_kind(c, kind);
	FUZZ_ORACLE(lm.res.kind == kind || (v->rc && lm.res.kind == LOAD_AUTO), "detect",
		    "kind %d, not %d", (int)lm.res.kind, (int)kind);
	if (v->rc)
		lm_check_refusal(mem, v->rc);
	else
		lm_check_result(c, mem);

	pl->header = pl->accept = pl->virt = pl->own_entry = false;
	pl->boot = LOAD_BOOT_AUTO;
	pl->n = pl->image = 0;
	pl->initrd = 0;
	v->modelled = kind == own && c->len;
	if (v->modelled) {
		if (lm_boot_fits(kind, c->req.boot))
			model(c, pl);
		FUZZ_ORACLE(pl->accept == !v->rc, "accept", "%s %s",
			    v->rc ? "refused:" : "accepted", lm.err.msg);
		FUZZ_ORACLE(lm.res.kind == own, "detect", "kind %d", (int)lm.res.kind);
		if (!v->rc) {
			lm_check_plan(mem, pl);
			check(c, mem, pl);
		}
	}
	if (gmem_dirty_count(mem))
		FUZZ_ORACLE(!gmem_restore(mem, lm.snap[c->ram]), "setup", "restore");
	if (!v->rc)
		memcpy(&lm.cpu, &lm.blank, sizeof(lm.cpu));
	lm_copy_end(c->len);
	/* What was placed, each piece an operation; deep is an image that was taken. */
	fuzz_case(1 + (v->rc ? 0 : lm.res.nr_ranges), !v->rc);
	return true;
}
LM_QUIET_END

/* Of the targets whose images are ELF: what was placed of it. */
#define LM_COUNT_SEGMENTS(v)                                                                       \
	do {                                                                                       \
		for (unsigned i_ = 0; i_ < (v)->plan.image; i_++) {                                \
			depth_hit(segment_placed);                                                 \
			if ((v)->plan.piece[i_].filled < (v)->plan.piece[i_].len)                  \
				depth_hit(bss_zeroed);                                             \
		}                                                                                  \
		if ((v)->plan.initrd)                                                              \
			depth_hit(initrd_placed);                                                  \
	} while (0)

/* Counters that all have: LM_COUNTERS among the target's names, LM_COUNT for each input. */
#define LM_COUNTERS                                                                                \
	header_accepted, image_placed, cmdline_placed, other_kind, refused_noexec, refused_2big,   \
		refused_inval, refused_nametoolong
#define LM_COUNT(v)                                                                                \
	do {                                                                                       \
		if ((v)->plan.header)                                                              \
			depth_hit(header_accepted);                                                \
		if (!(v)->modelled)                                                                \
			depth_hit(other_kind);                                                     \
		else if (!(v)->rc)                                                                 \
			depth_hit(image_placed);                                                   \
		if ((v)->modelled && !(v)->rc && (v)->c.cmdline)                                   \
			depth_hit(cmdline_placed);                                                 \
		if ((v)->rc == -ENOEXEC)                                                           \
			depth_hit(refused_noexec);                                                 \
		else if ((v)->rc == -E2BIG)                                                        \
			depth_hit(refused_2big);                                                   \
		else if ((v)->rc == -EINVAL)                                                       \
			depth_hit(refused_inval);                                                  \
		else if ((v)->rc == -ENAMETOOLONG)                                                 \
			depth_hit(refused_nametoolong);                                            \
	} while (0)

#endif
