/* SPDX-License-Identifier: MIT */
/* What the tests of load share: a memory, images built in memory, the checks that always hold. */
#ifndef LOAD_TEST_UTIL_H
#define LOAD_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "load_priv.h"

#define MIB (1ull << 20)

struct fix {
	struct gmem *mem;
	struct load_req req;
	struct load_result res;
	struct cpu_state cpu;
	struct err err;
	uint8_t img[65536]; /* the image that is built; req.image points to it */
};

static inline void fix_add(struct fix *f, uint64_t gpa, uint64_t len, enum gmem_kind kind)
{
	assert_int_equal(gmem_add(f->mem, gpa, len, kind, &f->err), 0);
}

/* (ram) bytes at 0. */
static inline struct fix *fix_new(uint64_t ram)
{
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(gmem_new(&f->mem, &f->err), 0);
	fix_add(f, 0, ram, GMEM_RAM);
	f->req.image.data = f->img;
	return f;
}

static inline void fix_free(struct fix *f)
{
	gmem_free(f->mem);
	free(f);
}

/* The image in memory of its own size, so that a sanitizer sees a read past its end. */
static inline int fix_run(struct fix *f, const uint8_t *img, size_t len)
{
	struct load_req req = f->req;
	uint8_t *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, img, len);
	req.image.data = len ? copy : NULL;
	req.image.len = len;
	memset(&f->err, 0, sizeof(f->err));
	memset(&f->res, 0xa5, sizeof(f->res));
	memset(&f->cpu, 0xa5, sizeof(f->cpu));
	rc = load_image(f->mem, &req, &f->res, &f->cpu, &f->err);
	free(copy);
	return rc;
}

static inline bool in_some_ram(struct gmem *mem, uint64_t gpa, uint64_t len)
{
	for (uint64_t at = gpa & ~0xfffull; at < gpa + len; at += 0x1000) {
		if (!gmem_rw(mem, at, 1))
			return false;
	}
	return true;
}

/* It is loaded; the ranges are in RAM, apart, and off the reserved areas; the entry is inside. */
static inline void fix_ok(struct fix *f)
{
	const struct load_result *r = &f->res;
	int rc = fix_run(f, f->img, f->req.image.len);

	if (rc)
		print_message("%s\n", f->err.msg);
	assert_int_equal(rc, 0);
	assert_true(r->touched);
	assert_in_range(r->nr_ranges, 1, LOAD_RANGES);
	for (unsigned i = 0; i < r->nr_ranges; i++) {
		const struct load_range *a = &r->range[i];

		assert_true(a->len > 0);
		/* the 16-bit protocol's BIOS has its vectors there */
		if (r->boot != LOAD_BOOT_16 || a->gpa || a->len != LOAD_LOW_RESERVED)
			assert_true(a->gpa >= LOAD_LOW_RESERVED);
		assert_true(in_some_ram(f->mem, a->gpa, a->len));
		for (unsigned j = 0; j < i; j++)
			assert_false(
				range_overlaps(a->gpa, a->len, r->range[j].gpa, r->range[j].len));
	}
	assert_true(range_within(r->entry, 1, r->image.gpa, r->image.len));
	assert_int_equal(x86_state_check(&f->cpu, &f->err), 0);
}

/* It is refused with (code) and a message that names (word); memory and registers are untouched. */
static inline void fix_bad(struct fix *f, int code, const char *word)
{
	uint64_t before = gmem_hash(f->mem, 1);
	struct cpu_state same;
	int rc = fix_run(f, f->img, f->req.image.len);

	memset(&same, 0xa5, sizeof(same));
	if (rc != code || !strstr(f->err.msg, word))
		print_message("rc %d for %d, wanted \"%s\": %s\n", rc, code, word, f->err.msg);
	assert_int_equal(rc, code);
	assert_int_equal(f->err.code, code);
	assert_non_null(strstr(f->err.msg, word));
	assert_null(strchr(f->err.msg, '\n'));
	assert_true(strlen(f->err.msg) < sizeof(f->err.msg) - 1); /* not cut */
	assert_false(f->res.touched);
	assert_int_equal(f->res.nr_ranges, 0);
	assert_int_equal(gmem_hash(f->mem, 1), before);
	assert_memory_equal(&f->cpu, &same, sizeof(same));
}

static inline void want_bytes(struct fix *f, uint64_t gpa, const void *want, size_t len)
{
	uint8_t *got = malloc(len);

	assert_non_null(got);
	assert_int_equal(gmem_read(f->mem, gpa, got, len), 0);
	assert_memory_equal(got, want, len);
	free(got);
}

static inline void want_zero(struct fix *f, uint64_t gpa, size_t len)
{
	uint8_t *zero = calloc(1, len);

	assert_non_null(zero);
	want_bytes(f, gpa, zero, len);
	free(zero);
}

static inline uint64_t peek(struct fix *f, uint64_t gpa, unsigned size)
{
	uint8_t b[8];

	assert_int_equal(gmem_read(f->mem, gpa, b, size), 0);
	return ld_le(b, size);
}

/* Fill with something that is not zero and tells positions apart. */
static inline void pattern(uint8_t *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(1 + (i * 7 + seed) % 251);
}

/* ---- ELF images ------------------------------------------------------------------------------ */

struct elf_seg {
	uint32_t type;
	uint64_t off, vaddr, paddr, filesz, memsz;
};

static inline size_t ehsize(bool is64)
{
	return is64 ? 64 : 52;
}

static inline size_t phsize(bool is64)
{
	return is64 ? 56 : 32;
}

static inline void put_word(uint8_t *p, bool is64, uint64_t v)
{
	st_le(p, is64 ? 8 : 4, v);
}

static inline void put_phdr(uint8_t *b, bool is64, const struct elf_seg *s)
{
	st_le32(b, s->type);
	put_word(b + (is64 ? 8 : 4), is64, s->off);
	put_word(b + (is64 ? 16 : 8), is64, s->vaddr);
	put_word(b + (is64 ? 24 : 12), is64, s->paddr);
	put_word(b + (is64 ? 32 : 16), is64, s->filesz);
	put_word(b + (is64 ? 40 : 20), is64, s->memsz);
}

/* Headers at the image's start; the contents of the file are the caller's. */
static inline void put_elf(uint8_t *b, bool is64, uint64_t entry, const struct elf_seg *s,
			   unsigned n)
{
	static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F', 0, 1, 1};

	memcpy(b, ident, sizeof(ident));
	b[4] = is64 ? 2 : 1;
	st_le16(b + 16, 2);
	st_le16(b + 18, is64 ? 62 : 3);
	st_le32(b + 20, 1);
	put_word(b + 24, is64, entry);
	put_word(b + (is64 ? 32 : 28), is64, ehsize(is64));
	st_le16(b + (is64 ? 52 : 40), (uint16_t)ehsize(is64));
	st_le16(b + (is64 ? 54 : 42), (uint16_t)phsize(is64));
	st_le16(b + (is64 ? 56 : 44), (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		put_phdr(b + ehsize(is64) + i * phsize(is64), is64, &s[i]);
}

/* ---- bzImages -------------------------------------------------------------------------------- */

#define BZ_SETUP   (5 * 512u) /* boot sector and 4 sectors */
#define BZ_KERNEL  0x1230u    /* a multiple of a paragraph */
#define BZ_PREF	   0x1000000ull
#define BZ_HDR_LEN 0x26cu

/* A small relocatable kernel as current ones are, protocol 2.15, with nothing packed in it. */
static inline struct fix *fix_bzimage(uint64_t ram)
{
	struct fix *f = fix_new(ram);
	uint8_t *b = f->img;

	pattern(b, BZ_SETUP + BZ_KERNEL, 8);
	memset(b + 0x1f1, 0, BZ_HDR_LEN - 0x1f1);
	b[0x1f1] = 4;
	st_le32(b + 0x1f4, BZ_KERNEL / 16);
	st_le16(b + 0x1fe, 0xaa55);
	b[0x200] = 0xeb;
	b[0x201] = BZ_HDR_LEN - 0x202;
	st_le32(b + 0x202, 0x53726448);
	st_le16(b + 0x206, 0x020f);
	b[0x211] = 1;
	st_le32(b + 0x22c, 0x7fffffff);
	st_le32(b + 0x230, 0x200000);
	b[0x234] = 1;
	st_le16(b + 0x236, 0x3f);
	st_le32(b + 0x238, 2047);
	st_le64(b + 0x258, BZ_PREF);
	st_le32(b + 0x260, 0x10000);
	f->req.image.len = BZ_SETUP + BZ_KERNEL;
	return f;
}

#endif
