/* SPDX-License-Identifier: MIT */
/*
 * load_model_elf: ELF images and PVH's note. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_ELF_H
#define FUZZ_ENGINE_LOAD_MODEL_ELF_H

#include "load_model_place.h"

LM_QUIET_BEGIN
/* Little-endian fields of an ELF of either class: offset for 32 bits, for 64 bits. */
static inline uint64_t lm_word(const uint8_t *b, bool is64, unsigned o32, unsigned o64)
{
	uint64_t v = 0;

	memcpy(&v, b + (is64 ? o64 : o32), is64 ? 8 : 4);
	return v;
}

static inline unsigned lm_half(const uint8_t *b, unsigned off)
{
	return b[off] | (unsigned)b[off + 1] << 8;
}

struct lm_elf {
	const uint8_t *b;
	size_t len;
	bool is64;
	uint64_t phoff;
	unsigned phnum, phsize;
};

static inline bool lm_is_elf(const uint8_t *b, size_t len)
{
	return len > 3 && !memcmp(b, "\177ELF", 4);
}

static inline bool lm_elf_header(const uint8_t *b, size_t len, struct lm_elf *e)
{
	bool is64 = len > 4 && b[4] == 2;

	*e = (struct lm_elf){b, len, is64, 0, 0, is64 ? 56 : 32};
	if (len < (is64 ? 64u : 52u) || !lm_is_elf(b, len) || b[5] != 1 || b[6] != 1 ||
	    (!is64 && b[4] != 1))
		return false;
	e->phoff = lm_word(b, is64, 28, 32);
	e->phnum = lm_half(b, is64 ? 56 : 44);
	return (lm_half(b, 16) == 2 || lm_half(b, 16) == 3) && lm_half(b, 18) == (is64 ? 62 : 3) &&
	       lm_le32(b + 20) == 1 && lm_half(b, is64 ? 54 : 42) == e->phsize && e->phnum &&
	       (lm_wide)e->phoff + (lm_wide)e->phnum * e->phsize <= len;
}

/* PVH's note: where its contents are: the first that is one, in the order of the program headers; or 0. */
static inline size_t lm_note_at(const uint8_t *b, size_t len, unsigned *bytes)
{
	struct lm_elf e;

	if (!lm_elf_header(b, len, &e))
		return 0;
	for (unsigned i = 0; i < e.phnum; i++) {
		const uint8_t *h = b + e.phoff + (size_t)i * e.phsize;
		lm_wide off = lm_word(h, e.is64, 4, 8), size = lm_word(h, e.is64, 16, 32);
		lm_wide at = 0;

		if (lm_le32(h) != 4 || off + size > len)
			continue;
		while (at + 12 <= size) {
			const uint8_t *n = b + (size_t)(off + at);
			lm_wide name = lm_le32(n), desc = lm_le32(n + 4);
			lm_wide body = at + 12 + (name + 3) / 4 * 4;

			if (body + desc > size)
				break;
			if (lm_le32(n + 8) == 18 && name == 4 && !memcmp(n + 12, "Xen", 4) &&
			    (desc == 4 || desc == 8)) {
				*bytes = (unsigned)desc;
				return (size_t)(off + body);
			}
			at = body + (desc + 3) / 4 * 4;
		}
	}
	return 0;
}

static inline bool lm_note(const uint8_t *b, size_t len, uint64_t *entry)
{
	unsigned bytes;
	size_t at = lm_note_at(b, len, &bytes);

	if (at)
		*entry = ld_le(b + at, bytes);
	return at;
}

#define LM_ELF_SEGMENTS 40
static inline bool lm_segments(const struct lm_case *c, struct lm_plan *pl, const struct lm_elf *e,
			       lm_wide limit)
{
	unsigned loads = 0;

	for (unsigned i = 0; i < e->phnum; i++) {
		const uint8_t *h = e->b + e->phoff + (size_t)i * e->phsize;
		lm_wide off = lm_word(h, e->is64, 4, 8), paddr = lm_word(h, e->is64, 12, 24);
		lm_wide filesz = lm_word(h, e->is64, 16, 32), memsz = lm_word(h, e->is64, 20, 40);

		if (lm_le32(h) != 1 || (!filesz && !memsz))
			continue;
		if (++loads > LM_ELF_SEGMENTS || filesz > memsz || off + filesz > e->len ||
		    paddr + memsz > limit)
			return false;
		if (!lm_image(c, pl, paddr, memsz, e->b + (size_t)off, (uint64_t)filesz, false))
			return false;
	}
	return loads;
}

static inline bool lm_elf_entry(struct lm_plan *pl, const struct lm_elf *e)
{
	uint64_t entry = lm_word(e->b, e->is64, 24, 24);

	for (unsigned virt = 0; virt < 2; virt++) {
		for (unsigned i = 0; i < e->phnum; i++) {
			const uint8_t *h = e->b + e->phoff + (size_t)i * e->phsize;
			lm_wide memsz = lm_word(h, e->is64, 20, 40);
			lm_wide from =
				virt ? lm_word(h, e->is64, 8, 16) : lm_word(h, e->is64, 12, 24);

			if (lm_le32(h) != 1 || entry < from || entry >= from + memsz)
				continue;
			pl->virt = virt;
			pl->entry = (uint64_t)(entry - from + lm_word(h, e->is64, 12, 24));
			return true;
		}
	}
	return false;
}

/* Segments and entry of an ELF that starts where its header says. */
static inline bool lm_elf(const struct lm_case *c, struct lm_plan *pl, const uint8_t *b, size_t len,
			  lm_wide limit)
{
	struct lm_elf e;

	if (!lm_elf_header(b, len, &e))
		return false;
	pl->header = true;
	return lm_segments(c, pl, &e, limit) && lm_elf_entry(pl, &e);
}

/* A vmlinux: 32-bit ones start in protected mode. */
static inline bool lm_vmlinux(const struct lm_case *c, struct lm_plan *pl, const uint8_t *b,
			      size_t len)
{
	bool is32 = lm_is_elf(b, len) && len > 4 && b[4] == 1;

	pl->mode = is32 ? X86_PROT : X86_LONG;
	return lm_elf(c, pl, b, len, (lm_wide)(is32 ? 4 : 64) << 30);
}
LM_QUIET_END

#endif
