/* SPDX-License-Identifier: MIT */
/*
 * load_model_kind: what an image is, and how it is entered. Part of load_model.h.
 */
#ifndef FUZZ_ENGINE_LOAD_MODEL_KIND_H
#define FUZZ_ENGINE_LOAD_MODEL_KIND_H

#include "load_model_elf.h"

LM_QUIET_BEGIN
/* Is (magic) among the 16 words at (b)? Without a branch a word, for most have none. */
static inline bool lm_in_block(const uint8_t *b, uint32_t magic)
{
	unsigned found = 0;

	for (unsigned i = 0; i < 16; i++)
		found |= lm_le32(b + 4 * i) == magic;
	return found;
}

static inline enum load_kind lm_detect(const uint8_t *b, size_t len)
{
	uint64_t entry;

	for (size_t i = 0; i < 8192 && i < len; i += 4) {
		while (i % 64 == 0 && i + 64 <= len && i < 8192 && !lm_in_block(b + i, 0x1badb002))
			i += 64;
		if (i + 12 > len || i + 12 > 8192)
			break;
		if (lm_le32(b + i) == 0x1badb002 &&
		    (uint32_t)(lm_le32(b + i) + lm_le32(b + i + 4) + lm_le32(b + i + 8)) == 0)
			return LOAD_MULTIBOOT;
	}
	for (size_t i = 0; i + 16 <= 32768 && i + 16 <= len; i += 8) {
		while (i % 64 == 0 && i + 64 <= len && i < 32768 && !lm_in_block(b + i, 0xe85250d6))
			i += 64;
		if (i + 16 > 32768 || i + 16 > len)
			break;
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
LM_QUIET_END

#endif
