/* SPDX-License-Identifier: MIT */
/*
 * load_model_world: of the loader targets: memories to load into, the image at a place of its own, what the
 * model says of an input, and what the loader said. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_WORLD_H
#define FUZZ_ENGINE_LOAD_MODEL_WORLD_H

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

/* RAM without a hole. */
struct lm_run {
	uint64_t gpa, end;
};

/* A format's own part of mending, load_mend.h. */
struct lm_mend;
typedef void lm_mender(struct lm_mend *m);

static struct {
	bool ready;
	enum load_kind own; /* of the target */
	lm_mender *mend;
	struct gmem *mem[LM_RAMS];
	struct gmem_snap *snap[LM_RAMS];
	struct lm_run run[LM_RAMS][6];
	unsigned nr_runs[LM_RAMS];
	struct {
		uint64_t hole, ram;
	} map[LM_RAMS]
	     [2]; /* RAM that a memory map has beside a hole below 1 MiB, once it was counted */
	struct load_result res;
	struct cpu_state cpu, blank;
	struct err err;
	uint8_t page[GMEM_PAGE]; /* what every page of memory holds before */
	uint8_t rsdp[GMEM_PAGE]; /* but that at LM_RSDP */
	uint8_t inner[2 << 20];	 /* a kernel that was packed, by the model */
	uint8_t blob[LM_IMAGE];
	char text[65536 + 1]; /* a string of n bytes is its end */
	size_t used;	      /* bytes of img that are not poisoned, at most */
	uint8_t img[LM_GUARD + LM_IMAGE + LM_GUARD] __attribute__((aligned(64)));
} lm;

/* libFuzzer without seeds gives up unless its first, empty input meets an edge. */
__attribute__((noinline)) static void lm_none(void)
{
	__asm__ volatile("");
}

LM_QUIET_BEGIN

/* As ld_le16() and so on, which are watched by the sanitizers and so never inlined here. */
static inline uint16_t lm_le16(const uint8_t *b)
{
	uint16_t v;

	memcpy(&v, b, sizeof(v)); /* hosts are little-endian */
	return v;
}

static inline uint32_t lm_le32(const uint8_t *b)
{
	uint32_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

static inline uint64_t lm_le64(const uint8_t *b)
{
	uint64_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

static inline bool lm_page_is_ram(unsigned ram, uint64_t at)
{
	for (unsigned i = 0; i < 6; i++) {
		const struct lm_region *r = &lm_ram[ram][i];

		if (r->kind == GMEM_RAM && at >= r->gpa && at < r->gpa + r->len)
			return true;
	}
	return false;
}

/* The stretches of RAM, page by page. */
static inline void lm_find_runs(unsigned ram)
{
	for (unsigned i = 0; i < 6; i++) {
		const struct lm_region *r = &lm_ram[ram][i];
		uint64_t end = r->gpa;

		if (!r->len || !lm_page_is_ram(ram, end) ||
		    (end && lm_page_is_ram(ram, end - GMEM_PAGE)))
			continue;
		while (lm_page_is_ram(ram, end))
			end += GMEM_PAGE;
		lm.run[ram][lm.nr_runs[ram]++] = (struct lm_run){r->gpa, end};
	}
}

/*
 * Are the (n) bytes the same? Without memcmp(), which under a sanitizer looks at the shadow of all of
 * them first; both are known to be there.
 */
static inline bool lm_same(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;
	uint64_t v, w, differ = 0;

	for (; n >= 8; n -= 8, p += 8, q += 8) {
		memcpy(&v, p, 8);
		memcpy(&w, q, 8);
		differ |= v ^ w;
	}
	for (; n; n--)
		differ |= (uint64_t)(*p++ ^ *q++);
	return !differ;
}

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
		lm_find_runs(k);
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

/*
 * The image at a place of its own, where the next byte on either side is poisoned; it stays until the
 * next one, whose turn it then is to poison what was longer.
 */
static inline const uint8_t *lm_copy(const uint8_t *data, size_t len)
{
	uint8_t *img = lm.img + LM_GUARD;

	if (lm.used > len)
		LM_POISON(img, (lm.used + 7) & ~(size_t)7);
	LM_UNPOISON(img, len);
	memcpy(img, data, len);
	return img;
}
LM_QUIET_END

#endif
